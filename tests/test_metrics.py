"""Scores from counts and confidences, and how certain they are, on cases with a known answer."""

import numpy as np
import pytest
from sklearn import metrics

from drumhits.metrics import f1_difference, f1_score, jackknife_error, precision_recall_f1, reliability


def test_f1_is_the_harmonic_mean_of_precision_and_recall():
    precision, recall, f1 = precision_recall_f1(6, 8, 12)
    assert (precision, recall) == (0.5, 0.75)
    assert f1 == f1_score(6, 8, 12) == pytest.approx(2 * precision * recall / (precision + recall))


def test_f1_is_that_of_scikit_learn():
    rng = np.random.default_rng(0)
    is_hit, keep = rng.random((2, 50)) < 0.4
    ours = f1_score(np.count_nonzero(is_hit & keep), np.count_nonzero(is_hit), np.count_nonzero(keep))
    assert ours == pytest.approx(metrics.f1_score(is_hit, keep))


def test_f1_of_nothing_is_0_and_no_score_where_it_is_reported():
    assert f1_score(0, 0, 0) == 0
    assert precision_recall_f1(0, 0, 0) == (None, None, None)
    assert precision_recall_f1(0, 3, 0) == precision_recall_f1(0, 0, 3) == (0, 0, 0)


def test_f1_of_arrays_is_that_of_each_element():
    matched, n_estimated = np.array([[3, 0], [5, 2]]), np.array([4, 0])
    f1 = f1_score(matched, 5, n_estimated)
    expected = [[f1_score(int(m), 5, int(n)) for m, n in zip(row, n_estimated, strict=True)] for row in matched]
    np.testing.assert_array_equal(f1, expected)
    assert isinstance(f1_score(3, 5, 4), float)


def test_jackknife_error_of_a_mean_is_its_standard_error():
    values = np.array([3.0, 5.0, 8.0, 1.0])
    left_out = np.array([np.delete(values, i).mean() for i in range(4)])
    assert jackknife_error(left_out) == pytest.approx(values.std(ddof=1) / 2)


def test_reliability_of_a_confidence_that_says_what_is_so():
    is_hit = np.array([False] * 3 + [True] + [True] * 4)
    rows = reliability(is_hit, np.array([0.25] * 4 + [1.0] * 4))
    np.testing.assert_allclose(rows, [[0.25, 0.25, 4], [1, 1, 4]])


def test_bins_of_few_are_one_with_their_neighbours():
    confidence = np.array([0.05] * 2 + [0.15] * 10 + [0.5] + [0.95] * 12 + [0.65] * 3)
    rows = reliability(confidence > 0.5, confidence, fewest=5)
    assert rows[:, 2].tolist() == [12, 16]
    assert reliability(confidence > 0.5, confidence, fewest=100)[:, 2].tolist() == [28]
    assert reliability(np.zeros(0, bool), np.zeros(0), fewest=5).shape == (0, 3)


def test_the_last_bin_of_few_is_one_with_the_one_before():
    confidence = np.array([0.1] * 6 + [0.95] * 2)
    assert reliability(confidence > 0.5, confidence, fewest=5)[:, 2].tolist() == [8]


@pytest.mark.parametrize(
    ("counts", "is_sure"), [([[9, 10, 10]] * 6, True), ([[9, 10, 10], [1, 10, 10]] * 3, False)]
)
def test_a_difference_is_sure_where_every_song_shows_it(counts, is_sure):
    difference = f1_difference(np.array(counts), np.array([[5, 10, 10]] * 6))
    assert difference.is_sure == is_sure
    low, high = difference.interval
    assert low <= difference.value <= high
    assert difference == f1_difference(np.array(counts), np.array([[5, 10, 10]] * 6))


def test_one_song_gives_no_interval():
    difference = f1_difference(np.array([[9, 10, 10]]), np.array([[5, 10, 10]]))
    assert difference.value == pytest.approx(0.4)
    assert difference.interval is None
    assert not difference.is_sure
