"""Songs that others wrote as MIDI: which of them tell their tempo."""

import mido
import numpy as np
import pytest
from performances import written_songs

DRUMS, PIANO = 9, 0
TICKS = 480


def write_song(path, bpm=140, *, channel=DRUMS, step=TICKS // 2, jitter=0, n=160, signature=(4, 4), later_bpm=None):
    """Write n strokes, kick and snare in turn, `step` ticks apart."""
    rng = np.random.default_rng(0)
    track = mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(bpm))])
    track.append(mido.MetaMessage("time_signature", numerator=signature[0], denominator=signature[1]))
    ticks = np.sort(np.arange(n) * step + rng.integers(0, jitter + 1, n))
    for number, gap in enumerate(np.diff(ticks, prepend=0).tolist()):
        if later_bpm and number == n // 2:
            track.append(mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(later_bpm)))
        track.append(mido.Message("note_on", channel=channel, note=(36, 38)[number % 2], velocity=90, time=gap))
    mido.MidiFile(ticks_per_beat=TICKS, tracks=[track]).save(path)


def test_a_song_has_the_tempo_and_the_drums_of_its_file(tmp_path):
    write_song(tmp_path / "song.mid")
    (song,) = written_songs(tmp_path, 0.5)
    assert (song.name, song.signature, song.weight) == ("song.mid", (4, 4), 0.5)
    assert song.bpm == pytest.approx(140, abs=0.01)
    np.testing.assert_allclose(song.strokes.times_s, np.arange(160) * 30 / 140, atol=1e-3)


@pytest.mark.parametrize(
    "other",
    [
        {"channel": PIANO},
        {"n": 60},
        {"jitter": TICKS // 2},
        {"step": TICKS * 2 // 7},
        {"signature": (7, 8)},
        {"later_bpm": 150},
    ],
    ids=["no drums", "few strokes", "off the grid", "in septuplets", "another metre", "two tempos"],
)
def test_a_song_that_does_not_tell_its_tempo_is_left_out(tmp_path, other):
    write_song(tmp_path / "one.mid")
    write_song(tmp_path / "other.mid", **other)
    assert [song.name for song in written_songs(tmp_path)] == ["one.mid"]
