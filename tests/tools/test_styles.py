"""Programmed songs for the tempo tracker: lanes that fit bars, and strokes that lie where the lanes say."""

import numpy as np
import pytest
from performances import MIN_BARS
from styles import SONGS_OF_A_STYLE, Style, _song, programmed, read_styles

from drumhits.tempo.strokes import CRASH, KICK, RIDE, SNARE

JITTERED_S = 0.06  # late voices and five standard deviations of jitter


@pytest.mark.parametrize("style", read_styles(), ids=lambda style: style.name)
def test_lanes_are_digits_for_a_bar_or_two(style):
    lanes = [lane for of_voice in style.lanes.values() for lane in of_voice]
    assert lanes
    for lane in lanes:
        assert len(lane) in (0, 3 * style.beats, 4 * style.beats, 8 * style.beats)
        assert set(lane) <= set(".123456789")
    assert 40 < style.bpm[0] < style.bpm[1] < 300


def test_songs_are_the_same_again_and_long_enough():
    songs, again = programmed(), programmed()
    assert len(songs) == SONGS_OF_A_STYLE * len(read_styles())
    for one, other in zip(songs, again, strict=True):
        np.testing.assert_array_equal(one.strokes.times_s, other.strokes.times_s)
        np.testing.assert_array_equal(one.strokes.voices, other.strokes.voices)
        assert one.n_bars >= MIN_BARS - 1
        assert (np.diff(one.strokes.times_s) >= 0).all()


@pytest.mark.parametrize("seed", range(5))
def test_strokes_lie_where_the_lanes_say(seed, monkeypatch):
    monkeypatch.setattr("styles.FILL_SHARE", 0)
    monkeypatch.setattr("styles.HANDS_CHANGED", 0)
    lanes = {KICK: ["9..........."], SNARE: ["....9...9..."], RIDE: ["9..9.99.9"]}
    style = Style("waltz", (90.0, 150.0), 3, False, lanes)
    song = _song(style, np.random.default_rng(seed))
    assert song.signature == (3, 4)
    beats = song.strokes.times_s * song.bpm / 60
    tolerance = JITTERED_S * song.bpm / 60
    for voice, places in ((KICK, [0]), (CRASH, [0]), (SNARE, [1, 2]), (RIDE, [0, 1, 5 / 3, 2, 8 / 3])):
        played = beats[song.strokes.voices == voice] % 3
        off = np.abs((played[:, None] - places + 1.5) % 3 - 1.5).min(axis=1)
        assert (off < tolerance).all()


def test_a_song_that_swings_plays_every_second_16th_late(monkeypatch):
    monkeypatch.setattr("styles.FILL_SHARE", 0)
    monkeypatch.setattr("styles.HANDS_CHANGED", 0)
    style = Style("funk", (100.0, 101.0), 4, True, {RIDE: ["9" * 16]})
    late = []
    for seed in range(12):
        song = _song(style, np.random.default_rng(seed))
        places = song.strokes.times_s[song.strokes.voices == RIDE] * song.bpm / 60 * 4
        nearest = np.rint(places - 0.1)
        late.append(np.mean((places - nearest)[nearest % 2 == 1]) - np.mean((places - nearest)[nearest % 2 == 0]))
    assert min(late) == pytest.approx(0, abs=0.02)
    assert 0.15 < max(late) < 0.35
