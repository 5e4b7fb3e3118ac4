"""Scores equal those of mir_eval and scikit-learn, on random cases and on those with a known answer."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mir_eval import onset
from mir_eval.util import match_events
from sklearn import metrics

from drumhits.evaluation.scores import score_candidates, score_notes
from drumhits.matching import FLOAT_SLACK_S, match_times
from drumhits.metrics import precision_recall_curve

WINDOW_S = 0.05
TICKS = st.lists(st.integers(0, 3000), min_size=1, max_size=60).map(lambda ticks: np.sort(ticks) / 960)
SECONDS = st.lists(st.floats(0, 4), min_size=1, max_size=60).map(np.sort)
CASES = st.integers(1, 60).flatmap(
    lambda n: st.tuples(
        st.lists(st.booleans(), min_size=n, max_size=n).map(np.array),
        st.lists(st.booleans(), min_size=n, max_size=n).map(np.array),
        st.lists(st.integers(0, 12).map(lambda k: k / 12), min_size=n, max_size=n).map(np.array),
    )
)


def note_scores(reference, estimated, window_s=WINDOW_S):
    pairs = match_times(reference, estimated, window_s)
    errors_s = estimated[pairs[:, 1]] - reference[pairs[:, 0]]
    return score_notes((len(pairs), len(reference), len(estimated)), 0, errors_s, np.zeros(0))


@settings(deadline=None, max_examples=200)
@given(TICKS, TICKS, st.sampled_from((0.01, 0.05, 0.1)))
def test_hits_score_as_in_mir_eval(reference, estimated, window_s):
    score = note_scores(reference, estimated, window_s)
    window_s += FLOAT_SLACK_S  # 48 ticks are 0.05 s but for rounding, which mir_eval takes as it falls
    f1, precision, recall = onset.f_measure(reference, estimated, window=window_s)
    assert (score.f1, score.precision, score.recall) == pytest.approx((f1, precision, recall))
    assert score.matched == len(match_events(reference, estimated, window_s))


@settings(deadline=None, max_examples=200)
@given(SECONDS, SECONDS, st.floats(0.001, 0.5))
def test_as_many_hits_match_as_in_mir_eval(reference, estimated, window_s):
    n_matches = len(match_times(reference, estimated, window_s))
    assert n_matches == len(match_events(reference, estimated, window_s + FLOAT_SLACK_S))


@settings(deadline=None)
@given(TICKS, TICKS)
def test_matches_are_one_to_one_and_within_the_window(reference, estimated):
    pairs = match_times(reference, estimated, WINDOW_S)
    assert len(set(pairs[:, 0])) == len(set(pairs[:, 1])) == len(pairs)
    assert np.all(np.abs(reference[pairs[:, 0]] - estimated[pairs[:, 1]]) <= WINDOW_S + 1e-9)


@settings(deadline=None, max_examples=200)
@given(CASES)
def test_decisions_score_as_in_scikit_learn(case):
    is_hit, keep, confidence = case
    score = score_candidates(is_hit, keep, confidence)
    matrix = metrics.confusion_matrix(is_hit, keep, labels=[False, True])
    assert [[score.true_removed, score.false_kept], [score.false_removed, score.true_kept]] == matrix.tolist()
    assert score.accuracy == pytest.approx(metrics.accuracy_score(is_hit, keep))
    assert score.brier == pytest.approx(metrics.mean_squared_error(is_hit.astype(float), confidence))
    if is_hit.any() or keep.any():
        assert score.precision == pytest.approx(metrics.precision_score(is_hit, keep, zero_division=0))
        assert score.recall == pytest.approx(metrics.recall_score(is_hit, keep, zero_division=0))
        assert score.f1 == pytest.approx(metrics.f1_score(is_hit, keep, zero_division=0))
    if is_hit.any() and not is_hit.all():
        assert score.brier == pytest.approx(metrics.brier_score_loss(is_hit, confidence))
        assert score.roc_auc == pytest.approx(metrics.roc_auc_score(is_hit, confidence))
        assert score.average_precision == pytest.approx(metrics.average_precision_score(is_hit, confidence))
        _, precision, recall = precision_recall_curve(is_hit, confidence)
        expected = metrics.precision_recall_curve(is_hit, confidence)
        np.testing.assert_allclose(precision, expected[0][-2::-1])
        np.testing.assert_allclose(recall, expected[1][-2::-1])
    else:
        assert score.roc_auc is None


def test_a_perfect_model_scores_1_and_an_inverted_one_0():
    is_hit = np.array([True, False, True, False, False])
    perfect = score_candidates(is_hit, is_hit, is_hit.astype(float))
    inverted = score_candidates(is_hit, ~is_hit, 1.0 - is_hit)
    names = ("accuracy", "precision", "recall", "f1", "roc_auc")
    assert [getattr(perfect, name) for name in names] == [1.0] * 5
    assert [getattr(inverted, name) for name in names] == [0.0] * 5
    assert (perfect.average_precision, perfect.brier, inverted.brier) == (1, 0, 1)


def test_hits_that_lie_on_the_truth_score_1_and_others_0():
    times_s = np.arange(5.0)
    assert note_scores(times_s, times_s).f1 == 1
    assert note_scores(times_s, times_s + 0.3).f1 == 0
    assert note_scores(times_s, times_s).timing_ms == (0, 0, 0)


def test_of_two_notes_near_a_hit_the_nearest_gives_the_timing_error():
    score = note_scores(np.array([1.0]), np.array([0.96, 1.002]))
    assert score.timing_ms == pytest.approx((2, 2, 2))
    assert score.late_ms == pytest.approx(2)
    assert score.precision == 0.5


def test_a_very_long_roll_is_matched_too():
    reference = np.arange(4000) * 0.03
    assert len(match_times(reference, reference + 0.04, WINDOW_S)) == 4000


@pytest.mark.parametrize(("n_true", "n_found", "f1"), [(0, 0, None), (3, 0, 0), (0, 3, 0)])
def test_nothing_to_find_and_nothing_found_is_no_score(n_true, n_found, f1):
    assert note_scores(np.arange(float(n_true)), np.arange(float(n_found))).f1 == f1


def test_no_candidates_are_no_score():
    score = score_candidates(np.zeros(0, bool), np.zeros(0, bool), np.zeros(0))
    assert (score.accuracy, score.f1, score.brier, score.roc_auc) == (None, None, None, None)
