"""Scores from counts, confidences and times; how sure they are, by bootstrap and jackknife.

The formulas for decisions are scikit-learn's, written out, since importing it takes longer than all the rest.
"""

from dataclasses import dataclass

import numpy as np
from mir_eval.util import f_measure


def precision_recall_f1(right: int, n_true: int, n_found: int) -> tuple[float | None, float | None, float | None]:
    """Return the scores of `right` ones among `n_found`, of `n_true`; all None without any of them."""
    if not n_true and not n_found:
        return None, None, None
    precision, recall = right / max(n_found, 1), right / max(n_true, 1)
    return precision, recall, float(f_measure(precision, recall))


def f1_score(
    matched: int | np.ndarray, n_reference: int | np.ndarray, n_estimated: int | np.ndarray
) -> np.floating | np.ndarray:
    """Return the F1 scores of counts, in 0..1: 2 matched / (n_reference + n_estimated), 0 where there are none.

    Parameters
    ----------
    matched, n_reference, n_estimated : int or np.ndarray of int
        Counts >= 0, of shapes that broadcast.
    """
    return 2 * matched / np.maximum(n_reference + n_estimated, 1)


def roc_auc(is_hit: np.ndarray, confidence: np.ndarray) -> float:
    """Return the area under the ROC curve: how often a hit has a higher confidence than another candidate."""
    _, level, count = np.unique(confidence, return_inverse=True, return_counts=True)
    rank = (np.cumsum(count) - (count - 1) / 2)[level.ravel()]
    n_hits = np.count_nonzero(is_hit)
    return float((rank[is_hit].sum() - n_hits * (n_hits + 1) / 2) / (n_hits * (len(is_hit) - n_hits)))


def precision_recall_curve(is_hit: np.ndarray, confidence: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the thresholds, falling, with precision and recall of keeping what reaches each; there must be a hit."""
    order = np.argsort(-confidence, kind="stable")
    right = np.cumsum(is_hit[order])
    last = np.flatnonzero(np.append(np.diff(confidence[order]) != 0, True))
    return confidence[order][last], right[last] / (last + 1), right[last] / right[-1]


def average_precision(is_hit: np.ndarray, confidence: np.ndarray) -> float:
    """Return the mean of the precisions at each threshold, weighted by the gain in recall."""
    _, precision, recall = precision_recall_curve(is_hit, confidence)
    return float(np.sum(np.diff(recall, prepend=0) * precision))


def reliability(is_hit: np.ndarray, confidence: np.ndarray, n_bins: int = 10) -> np.ndarray:
    """Return (mean confidence, share of hits, number of candidates) of each bin that holds any, shape (m, 3)."""
    of_bin = np.minimum((confidence * n_bins).astype(int), n_bins - 1)
    inside = [of_bin == b for b in np.unique(of_bin)]
    rows = [(confidence[rows].mean(), is_hit[rows].mean(), rows.sum()) for rows in inside]
    return np.array(rows, dtype=float).reshape(-1, 3)


def jackknife_error(left_out: np.ndarray) -> np.ndarray:
    """Return the standard error of a figure from its values without each song, shape (n_songs, ...).

    Efron and Tibshirani 1993, "An introduction to the bootstrap", chapter 11.
    """
    n_songs = len(left_out)
    return np.sqrt((n_songs - 1) / n_songs * ((left_out - left_out.mean(axis=0)) ** 2).sum(axis=0))

N_RESAMPLES = 2000
INTERVAL = (2.5, 97.5)  # percentiles


@dataclass(frozen=True)
class Difference:
    """A difference of F1, in 0..1, and the interval in which it lies with 95 % certainty; None with one song."""

    value: float
    interval: tuple[float, float] | None

    @property
    def is_sure(self) -> bool:
        """Whether the interval leaves out 0."""
        return self.interval is not None and not self.interval[0] <= 0 <= self.interval[1]


def f1_difference(counts: np.ndarray, counts_of_first: np.ndarray, seed: int = 0) -> Difference:
    """Return how much higher the F1 of `counts`, pooled over songs, is than that of `counts_of_first`.

    Parameters
    ----------
    counts, counts_of_first : np.ndarray, shape (n_songs, 3), int
        Right ones, true ones, found ones of each song; the same songs in the same order.
    """
    n_songs = len(counts)
    value = float(_pooled_f1(counts.sum(axis=0)) - _pooled_f1(counts_of_first.sum(axis=0)))
    if n_songs < 2:
        return Difference(value, None)
    times_drawn = np.random.default_rng(seed).multinomial(n_songs, np.full(n_songs, 1 / n_songs), size=N_RESAMPLES)
    differences = _pooled_f1(times_drawn @ counts) - _pooled_f1(times_drawn @ counts_of_first)
    low, high = np.percentile(differences, INTERVAL)
    return Difference(value, (float(low), float(high)))


def _pooled_f1(counts: np.ndarray) -> np.ndarray:
    return 2 * counts[..., 0] / np.maximum(counts[..., 1] + counts[..., 2], 1)
