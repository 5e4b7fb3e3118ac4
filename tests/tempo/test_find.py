import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drumhits.tempo.activation import FRAMES_PER_S
from drumhits.tempo.find import Beats, _is_constant, find_beats
from drumhits.tempo.settle import Activation
from drumhits.tempo.strokes import CLOSED, CRASH, GHOST, KICK, RIDE, SNARE, Part, Strokes, strokes_of

BAR = ((0, KICK), (0, CLOSED), (0.5, CLOSED), (1, SNARE), (1, CLOSED), (1.5, CLOSED), (2, KICK), (2, CLOSED),
       (2.5, KICK), (2.5, CLOSED), (3, SNARE), (3, CLOSED), (3.5, CLOSED))  # fmt: skip
WALTZ = ((0, KICK), (0, RIDE), (0.5, RIDE), (1, SNARE), (1, RIDE), (1.5, RIDE), (2, SNARE), (2, RIDE), (2.5, RIDE))


def groove(n_bars=24, bar=BAR, beats=4, start_s=0.0, at=lambda beats: beats * 0.5, jitter_s=0.004):
    """A rock groove, crashes every eight bars; `at` gives the time of a beat."""
    rng = np.random.default_rng(3)
    placed = [(number * beats + beat, voice) for number in range(n_bars) for beat, voice in bar]
    placed += [(number * beats, CRASH) for number in range(0, n_bars, 8)]
    placed.sort()
    times_s = start_s + at(np.array([beat for beat, _ in placed])) + rng.normal(0, jitter_s, len(placed))
    in_time = np.argsort(times_s)
    return Strokes(np.maximum(times_s, 0)[in_time], np.array([voice for _, voice in placed])[in_time])


@pytest.mark.parametrize("bpm", [84, 100, 123.4, 140])
@pytest.mark.parametrize("start_s", [0.0, 0.37, 5.0])
def test_a_groove_gives_its_tempo_and_its_downbeat(bpm, start_s):
    found = find_beats(groove(start_s=start_s, at=lambda beats: beats * 60 / bpm))
    assert found.is_sure
    assert found.is_constant
    assert found.beats_in_bar == 4
    assert found.bpm == pytest.approx(bpm, rel=2e-4)
    assert found.times_s[0] == pytest.approx(start_s, abs=0.01)
    assert found.on_grid > 0.99


@pytest.mark.parametrize("bpm", [84, 100, 140])
@pytest.mark.parametrize("first_beat", [0.5, 1, 2, 2.5, 3])
def test_the_downbeat_is_found_where_a_song_begins_within_a_bar(bpm, first_beat):
    times_s, voices = groove(at=lambda beats: beats * 60 / bpm)
    is_later = times_s > (first_beat - 0.1) * 60 / bpm
    found = find_beats(Strokes(times_s[is_later], voices[is_later]))
    bars = found.times_s[0] * bpm / 240
    assert bars == pytest.approx(round(bars), abs=0.02)


def test_a_whole_tempo_is_given_as_one():
    assert find_beats(groove()).bpm == pytest.approx(120, abs=1e-9)


def test_a_waltz_that_is_said_to_be_one_has_three_beats():
    found = find_beats(groove(32, WALTZ, beats=3, at=lambda beats: beats * 0.4), beats_in_bar=3)
    assert (found.beats_in_bar, round(found.bpm, 1)) == (3, 150.0)


def test_beats_follow_a_tempo_that_changes():
    def slower(beats):
        return beats * 0.5 + 0.0004 * beats**2  # from 120 down to 104 BPM

    found = find_beats(groove(24, at=slower))
    assert not found.is_constant
    beats_s = slower(np.arange(96.0))
    nearest_s = np.abs(beats_s[:, None] - found.times_s).min(axis=1)
    assert np.mean(nearest_s < 0.04) > 0.9


def test_a_slow_groove_in_16ths_that_slows_down_is_not_taken_at_double_tempo():
    in_16ths = tuple(sorted({*BAR, *((step / 4, CLOSED) for step in range(16))}))
    found = find_beats(groove(24, in_16ths, at=lambda beats: beats * 60 / 64 * (1 + 0.0008 * beats)))
    assert not found.is_constant
    assert found.bpm == pytest.approx(64 / (1 + 0.0016 * 48), rel=0.01)


def test_strokes_at_random_are_not_sure():
    for seed in range(5):
        rng = np.random.default_rng(seed)
        times_s = np.sort(rng.uniform(0, 60, 300))
        assert not find_beats(Strokes(times_s, rng.integers(0, 9, 300))).is_sure


@settings(max_examples=25, deadline=None)
@given(st.integers(16, 80), st.floats(6.1, 40), st.integers(0, 1000), st.sampled_from([None, 2, 3, 4]))
def test_whatever_is_played_beats_increase_from_a_beat_on(n_strokes, length_s, seed, beats_in_bar):
    rng = np.random.default_rng(seed)
    times_s = np.sort(np.concatenate([[0, length_s], rng.uniform(0, length_s, n_strokes)]))
    found = find_beats(Strokes(times_s, rng.integers(0, 3, len(times_s))), beats_in_bar=beats_in_bar)
    assert len(found.times_s) > 1
    assert (np.diff(found.times_s) > 0).all()
    assert np.isfinite(found.bpm)


@pytest.mark.parametrize("strokes", [
    Strokes(np.zeros(0), np.zeros(0, int)),
    Strokes(np.arange(10.0), np.zeros(10, int)),
    Strokes(np.arange(200.0) / 4, np.full(200, RIDE)),
    Strokes(np.full(50, 1.0), np.zeros(50, int)),
], ids=["none", "few", "time-keeping alone", "all at once"])  # fmt: skip
def test_too_little_gives_nothing(strokes):
    assert find_beats(strokes) is None


def test_soft_snare_strokes_are_ghost_notes():
    kinds = np.array(["head", "head", "cross_stick", "head"], dtype=object)
    part = Part(np.arange(4.0), np.array([100, 20, 20, 90]), kinds)
    assert strokes_of([part]).voices.tolist() == [SNARE, GHOST, SNARE, SNARE]


def test_twice_the_tempo_is_not_taken_because_more_beats_have_more_support():
    log_odds = np.full(60 * FRAMES_PER_S, -6.0, np.float32)
    log_odds[:: FRAMES_PER_S // 2] = 3.0  # beats
    log_odds[FRAMES_PER_S // 4 :: FRAMES_PER_S // 2] = -1.5  # eighths between them
    slow, fast = (
        Beats(np.arange(0, 59, between_s), 4, is_constant, 0.9, 0.0, 4, 0.9, 0.4)
        for between_s, is_constant in ((0.5, True), (0.25, False))
    )
    assert _is_constant(slow, fast, Activation(0.0, log_odds))


def beats_at(bpm, confidence, *, is_constant=True):
    return Beats(np.arange(0, 60, 60 / bpm), 4, is_constant, confidence, 0.0, 4, 0.95, 0.4)


@pytest.mark.parametrize(
    ("bpm", "confidence", "other_bpm", "other_confidence", "is_sure"),
    [
        (79.3, 0.55, 158.6, 0.5, False),
        (79.3, 0.65, 158.6, 0.5, True),
        (79.3, 0.55, 158.6, 0.3, True),  # the other is not sure itself
        (79.3, 0.55, 79.9, 0.9, True),  # the other is the same tempo
        (79.3, 0.55, 119.0, 0.9, False),
    ],
)
def test_beats_are_not_sure_where_others_are_of_another_tempo(bpm, confidence, other_bpm, other_confidence, is_sure):
    beats = beats_at(bpm, confidence).opposed_by(beats_at(other_bpm, other_confidence, is_constant=False))
    assert beats.is_sure == is_sure
    assert beats.is_opposed == (beats.rival_bpm == pytest.approx(other_bpm))


def test_a_groove_is_opposed_by_nothing():
    assert not find_beats(groove()).is_opposed
