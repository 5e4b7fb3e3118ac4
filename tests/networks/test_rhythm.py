"""Rhythm: candidates on the beat look like the others, also where nobody believes in any of them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drumhits.networks.rhythm import BLOCK_S, N_PERIODICITY, RANGES_S, SOFTNESS, rhythm

SIDES = 2
COLUMNS = np.arange(N_PERIODICITY).reshape(len(SOFTNESS), len(RANGES_S), 2, SIDES)
LIKENESS, CONTRAST = COLUMNS[:, :, 0].ravel(), COLUMNS[:, :, 1].ravel()
LATER = [i for i, (start_s, _) in enumerate(RANGES_S) if start_s >= 0.4]  # the beat of these tests repeats there
SHARP, SOFT, LATER_CONTRAST = (COLUMNS[rows][LATER, kind].ravel() for rows, kind in ((0, 0), (1, 0), (0, 1)))


def periodicity(period_s=0.47, length_s=40.0, n_stray=160, on=2.0, off=-4.0, seed=0):
    """Return log odds and times of strokes in time and strays between them, and which are in time."""
    rng = np.random.default_rng(seed)
    strokes_s = np.arange(0, length_s, period_s)
    times_s = np.concatenate((strokes_s + rng.normal(0, 0.004, len(strokes_s)), rng.uniform(0, length_s, n_stray)))
    order = np.argsort(times_s)
    is_stroke = (np.arange(len(times_s)) < len(strokes_s))[order]
    return np.where(is_stroke, on, off), times_s[order], is_stroke


def inner(times_s):
    """Return which candidates have all of their surroundings within the stem."""
    return (times_s > times_s[0] + RANGES_S[-1][1]) & (times_s < times_s[-1] - RANGES_S[-1][1])


def test_what_is_in_time_is_told_from_strays():
    log_odds, times_s, is_stroke = periodicity()
    found, middle = rhythm(log_odds, times_s), inner(times_s)
    assert found[is_stroke & middle][:, SHARP].mean() > 0.8
    assert abs(found[~is_stroke & middle][:, SHARP].mean()) < 0.15
    assert found[middle][:, LATER_CONTRAST].min() > 0.5


def test_many_strokes_that_are_hardly_believed_are_a_rhythm_too():
    log_odds, times_s, is_stroke = periodicity(on=-2.5, off=-5.0)
    found, middle = rhythm(log_odds, times_s), inner(times_s)
    assert found[is_stroke & middle][:, SOFT].mean() > found[~is_stroke & middle][:, SOFT].mean() + 0.4


def test_without_a_beat_nothing_is_in_time():
    rng = np.random.default_rng(1)
    times_s = np.sort(rng.uniform(0, 40, 300))
    found = rhythm(np.where(rng.random(300) < 0.3, 2.0, -4.0), times_s)
    assert abs(found[:, LIKENESS].mean()) < 0.1
    assert found[inner(times_s)][:, LATER_CONTRAST].mean() < rhythm(*periodicity()[:2])[:, LATER_CONTRAST].mean() / 2


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.floats(0, 500))
def test_the_clock_does_not_matter(seed, later_s):
    log_odds, times_s, _ = periodicity(seed=seed, length_s=15.0)
    np.testing.assert_allclose(rhythm(log_odds, times_s + later_s).mean(), rhythm(log_odds, times_s).mean(), atol=0.02)


def test_a_tempo_holds_where_it_is_played():
    slow, fast = periodicity(period_s=0.6), periodicity(period_s=0.35, seed=1)
    gap_s = 4 * BLOCK_S
    both = rhythm(np.concatenate((slow[0], fast[0])), np.concatenate((slow[1], fast[1] + slow[1][-1] + gap_s)))
    np.testing.assert_allclose(both[: len(slow[0])], rhythm(*slow[:2]), atol=1e-5)


@pytest.mark.parametrize("n", [0, 1, 2])
def test_few_candidates_have_no_rhythm_but_an_answer(n):
    found = rhythm(np.full(n, 3.0), np.arange(n) * 0.5)
    assert found.shape == (n, N_PERIODICITY)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found[:, LIKENESS], 0, atol=0.01)


@given(st.lists(st.tuples(st.floats(-30, 30), st.floats(0, 100)), min_size=1, max_size=40))
def test_likeness_and_contrast_stay_in_range(rows):
    log_odds, times_s = np.array(sorted(rows, key=lambda row: row[1])).T
    found = rhythm(log_odds, times_s)
    assert (np.abs(found[:, LIKENESS]) <= 1.001).all()
    assert (found[:, CONTRAST] >= 0).all()
