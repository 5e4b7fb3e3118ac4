"""Beats by the network that ships: what it computes, and where the best path puts them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drumhits.tempo.activation import FRAMES_PER_S, OUTPUTS, beat_log_odds, frames_of, layer_shapes, shipped_weights
from drumhits.tempo.settle import (
    NEAR_WEIGHT,
    PRIOR,
    RATIOS,
    TEMPO_COST,
    TEMPO_WEIGHT,
    Activation,
    _best_path,
    _smooth,
)
from drumhits.tempo.strokes import KICK, SNARE, VOICES, Strokes


def test_a_stroke_between_two_frames_is_shared_by_both():
    strokes = Strokes(np.array([0.0, 0.5 + 0.25 / FRAMES_PER_S, 9.0]), np.array([KICK, SNARE, KICK]))
    frames = frames_of(strokes, -0.1, 60)
    assert frames.shape == (60, len(VOICES))
    np.testing.assert_allclose(frames[5, KICK], 1)
    np.testing.assert_allclose(frames[30:32, SNARE], [0.75, 0.25], atol=1e-6)
    assert frames.sum() == pytest.approx(2)


def test_many_strokes_of_a_voice_in_a_frame_count_as_one():
    strokes = Strokes(np.full(5, 0.2), np.full(5, KICK))
    assert frames_of(strokes, 0.0, 20).max() == 1


def test_layers_are_convolutions():
    rng = np.random.default_rng(0)
    shapes = layer_shapes()
    weights = {name: rng.normal(0, 0.2, shape).astype(np.float32) for name, shape in shapes.items()}
    for name in shapes:
        if name.startswith(("dilated", "mix")):
            weights[name][:] = 0
    frames = rng.random((50, len(VOICES))).astype(np.float32)
    padded = np.pad(frames, ((2, 2), (0, 0)))
    hidden = sum(padded[tap : tap + 50] @ weights["first"][tap] for tap in range(5)) + weights["first_bias"]
    expected = np.maximum(hidden, 0) @ weights["out"][0] + weights["out_bias"]
    np.testing.assert_allclose(beat_log_odds(frames, weights), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("n_frames", [1, 3, 700])
def test_every_frame_has_log_odds(n_frames):
    log_odds = beat_log_odds(np.zeros((n_frames, len(VOICES)), np.float32), shipped_weights())
    assert log_odds.shape == (n_frames, len(OUTPUTS))
    assert np.isfinite(log_odds).all()


def test_the_path_goes_where_the_gains_are():
    beats = 10 + np.cumsum([0, 25, 25, 26, 27, 28, 28, 27, 25, 25])
    gains = np.full(300, -4.0)
    gains[beats] = 5.0
    found = _best_path(gains, np.full(300, 25.0))
    assert set(beats) <= set(found)


def test_the_path_bridges_a_beat_without_strokes():
    beats = 10 + 25 * np.arange(11)
    gains = np.full(280, -4.0)
    gains[np.delete(beats, 5)] = 5.0
    np.testing.assert_array_equal(_best_path(gains, np.full(280, 25.0)), beats)


def best_value(gains, between):
    """Return the highest value of any path that ends within the last one and a half beats, tried beat by beat."""
    steps = np.rint(between * RATIOS).astype(int)
    log_ratios = np.log(RATIOS)
    values = np.zeros((len(gains), len(RATIOS)))
    for frame, gain in enumerate(gains):
        for ratio, step in enumerate(steps):
            origin = frame - step
            change = log_ratios - log_ratios[ratio]
            onward = values[origin] - np.minimum(TEMPO_WEIGHT * change**2, TEMPO_COST) if origin >= 0 else -np.inf
            value = np.max(onward) - NEAR_WEIGHT * log_ratios[ratio] ** 2
            values[frame, ratio] = gain + (max(value, 0.0) if origin < step // 2 else value)
    return values[-int(1.5 * between) :].max()


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10_000), st.integers(40, 90), st.integers(10, 24))
def test_no_path_has_more_gains_for_less_changes(seed, n_frames, between):
    gains = np.random.default_rng(seed).normal(0, 2, n_frames)
    path = _best_path(gains, np.full(n_frames, float(between)))
    steps = np.rint(between * RATIOS).astype(int)
    options = [np.flatnonzero(steps == step) for step in np.diff(path)]
    value = dict.fromkeys(np.flatnonzero(path[0] - steps < steps // 2).tolist(), gains[path[0]])  # where it may begin
    for frame, ratios in zip(path[1:], options, strict=True):
        value = {
            int(ratio): gains[frame]
            - NEAR_WEIGHT * np.log(RATIOS[ratio]) ** 2
            + max(
                before - min(TEMPO_WEIGHT * np.log(RATIOS[ratio] / RATIOS[last]) ** 2, TEMPO_COST)
                for last, before in value.items()
            )
            for ratio in ratios
        }
    assert max(value.values()) == pytest.approx(best_value(gains, between), abs=1e-3)


@given(st.floats(0.2, 2.0), st.floats(-5, 5), st.integers(3, 60))
def test_even_beats_are_not_moved(beat_s, start_s, n_beats):
    times_s = start_s + beat_s * np.arange(n_beats)
    np.testing.assert_allclose(_smooth(times_s), times_s, atol=1e-9)


@given(st.lists(st.floats(0.3, 0.7), min_size=3, max_size=40))
def test_moved_beats_are_the_least_squares_solution(between_s):
    times_s = np.cumsum(between_s)
    second = np.diff(np.eye(len(times_s)), n=2, axis=0)
    expected = np.linalg.solve(np.eye(len(times_s)) + 2.0 * second.T @ second, times_s)
    np.testing.assert_allclose(_smooth(times_s), expected, atol=1e-9)


def test_two_beats_are_left_as_they_are():
    np.testing.assert_array_equal(_smooth(np.array([1.0, 1.5])), [1.0, 1.5])


def test_beats_settle_on_the_strokes_of_a_tempo_that_changes():
    beats_s = 1 + np.append(0.0, np.cumsum(60 / np.linspace(100, 130, 95)))
    steps = {0: KICK, 2: KICK, 1: SNARE, 3: SNARE}
    strokes = Strokes(beats_s, np.array([steps[n % 4] for n in range(len(beats_s))]))
    activation = Activation.of(strokes, shipped_weights())
    rough_s = beats_s + 0.02 * np.sin(np.arange(len(beats_s)))
    settled_s = activation.settled(rough_s)
    off_s = np.abs(beats_s[:, None] - settled_s).min(axis=1)
    assert np.mean(off_s < 0.02) > 0.9
    assert activation.support(beats_s).mean() > activation.support(beats_s + 0.15).mean()


def test_times_outside_of_the_song_have_no_support():
    activation = Activation(1.0, np.full(50, 1.0, np.float32))
    np.testing.assert_array_equal(activation.support(np.array([-5.0, 1.5, 99.0])), [0, 1 + PRIOR, 0])
