"""onset_gap: the limit of onset strength moves to a gap between hits and bleed, and to no other place."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tables import table

from drumhits.config.load import default_config
from drumhits.models.decisions import by_thresholds
from drumhits.models.onset_gap import FEWEST, SPAN, highest_thresholds, limit_at_gap

SNARE = replace(
    default_config().stems["snare"], geomean_threshold=None, min_rise_db=None, onset_threshold=0.12, onset_gap=True
)
strengths = st.lists(st.floats(0, 1), min_size=FEWEST, max_size=60).map(np.array)
thresholds = st.floats(0, 1)


def two_groups(soft: float, loud: float, n: int = 40) -> np.ndarray:
    spread = np.exp(np.linspace(-0.3, 0.3, n))
    return np.concatenate([soft * spread, np.minimum(loud * spread, 1.0)])


@pytest.mark.parametrize(("soft", "loud"), [(0.03, 0.25), (0.06, 0.5), (0.08, 0.7)])
def test_the_limit_lies_between_bleed_and_hits(soft, loud):
    groups = two_groups(soft, loud)
    limit = limit_at_gap(groups, 0.12)
    assert groups[:40].max() < limit < groups[40:].min()


def test_without_a_gap_the_limit_stays_near():
    assert limit_at_gap(np.exp(np.linspace(np.log(0.01), 0, 400)), 0.12) == pytest.approx(0.12, rel=0.02)


def test_a_gap_that_is_far_does_not_count():
    assert 0.12 / SPAN <= limit_at_gap(two_groups(0.2, 0.9), 0.12) <= 0.12 * SPAN


@pytest.mark.parametrize("threshold", [0.0, 0.12, 1.0])
def test_few_candidates_have_no_gap(threshold):
    assert limit_at_gap(np.full(FEWEST - 1, 0.3), threshold) == threshold
    assert limit_at_gap(np.zeros(0), threshold) == threshold


@given(strengths)
def test_a_threshold_of_0_keeps_all_and_one_of_1_keeps_the_loudest(values):
    assert limit_at_gap(values, 0.0) == 0.0
    assert limit_at_gap(values, 1.0) <= 1.0


@given(strengths, thresholds, thresholds)
def test_a_higher_threshold_never_gives_a_lower_limit(values, one, other):
    low, high = sorted((one, other))
    assert limit_at_gap(values, low) <= limit_at_gap(values, high)


@settings(deadline=None)
@given(strengths, thresholds)
def test_the_highest_threshold_of_a_candidate_says_whether_it_is_kept(values, threshold):
    kept = values >= limit_at_gap(values, threshold)
    np.testing.assert_array_equal(highest_thresholds(values) >= threshold, kept)


def test_the_gap_decides_where_it_is_switched_on_and_is_named():
    rows = table(Str=two_groups(0.06, 0.5))
    moved, fixed = by_thresholds(rows, SNARE), by_thresholds(rows, replace(SNARE, onset_gap=False))
    assert np.count_nonzero(moved.keep) == 40
    assert moved.reasons[0].startswith("Str < 0.")
    assert moved.reasons[0] != "Str < 0.12"
    assert fixed.reasons[0] == "Str < 0.12"


def test_toms_and_cymbals_go_without():
    assert {stem for stem, config in default_config().stems.items() if not config.onset_gap} == {"toms", "cymbals"}
