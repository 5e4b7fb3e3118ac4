"""Counts, confidences and times of hits -> scores, and how certain these are, by bootstrap and jackknife.

Conventions: scores, confidences and shares lie in 0..1; masks are boolean; n is the number of candidates. The formulas
for candidates are scikit-learn's, written out, since importing it takes longer than an evaluation.
"""

from dataclasses import dataclass
from typing import Any, overload

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

N_RESAMPLES = 2000
INTERVAL = (2.5, 97.5)  # percentiles


@overload
def f1_score(matched: int, n_reference: int, n_estimated: int) -> float: ...
@overload
def f1_score(matched: npt.NDArray[Any], n_reference: npt.ArrayLike, n_estimated: npt.ArrayLike) -> FloatArray: ...
def f1_score(matched: npt.ArrayLike, n_reference: npt.ArrayLike, n_estimated: npt.ArrayLike) -> Any:
    """F1 from counts: 2 matched / (n_reference + n_estimated), the harmonic mean of precision and recall.

    Parameters
    ----------
    matched : int >= 0, or array of them
        Pairs; true positives.
    n_reference, n_estimated : int >= 0, or arrays that broadcast with `matched`
        Hits in the reference, and hits found.

    Returns
    -------
    float, or np.ndarray of the broadcast shape, 0..1; 0 where there is neither a reference nor an estimate
    """
    f1 = 2 * np.asarray(matched) / np.maximum(np.add(n_reference, n_estimated), 1)
    return f1 if f1.ndim else float(f1)


def precision_recall_f1(
    matched: int, n_reference: int, n_estimated: int
) -> tuple[float, float, float] | tuple[None, None, None]:
    """Precision, recall and F1 from counts; all None where there is neither a reference nor an estimate.

    Parameters
    ----------
    matched, n_reference, n_estimated : int >= 0
        See `f1_score`. Precision is 0 where nothing was found, recall where there is nothing to find.
    """
    if not n_reference and not n_estimated:
        return None, None, None
    f1 = f1_score(matched, n_reference, n_estimated)
    return matched / max(n_estimated, 1), matched / max(n_reference, 1), f1


def roc_auc(is_hit: Mask, confidence: FloatArray) -> float:
    """Area under the ROC curve: probability that a hit has a higher confidence than another candidate.

    Parameters
    ----------
    is_hit : np.ndarray, shape (n,), bool
        At least one hit and one other candidate.
    confidence : np.ndarray, shape (n,)
        Ties count half.

    Returns
    -------
    float in 0..1
    """
    _, level, count = np.unique(confidence, return_inverse=True, return_counts=True)
    rank = (np.cumsum(count) - (count - 1) / 2)[level.ravel()]
    n_hits = np.count_nonzero(is_hit)
    return float((rank[is_hit].sum() - n_hits * (n_hits + 1) / 2) / (n_hits * (len(is_hit) - n_hits)))


def precision_recall_curve(is_hit: Mask, confidence: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Thresholds, falling, with the precision and the recall of keeping the candidates that reach each.

    Parameters
    ----------
    is_hit : np.ndarray, shape (n,), bool
        At least one hit.
    confidence : np.ndarray, shape (n,)

    Returns
    -------
    thresholds, precision, recall : np.ndarray, shape (m,)
        One for each different confidence.
    """
    order = np.argsort(-confidence, kind="stable")
    right = np.cumsum(is_hit[order])
    last = np.flatnonzero(np.append(np.diff(confidence[order]) != 0, True))
    return confidence[order][last], right[last] / (last + 1), right[last] / right[-1]


def average_precision(is_hit: Mask, confidence: FloatArray) -> float:
    """Mean of the precisions at each threshold, weighted by the gain in recall; parameters as above."""
    _, precision, recall = precision_recall_curve(is_hit, confidence)
    return float(np.sum(np.diff(recall, prepend=0) * precision))


def reliability(is_hit: Mask, confidence: FloatArray, n_bins: int = 10, fewest: int = 1) -> FloatArray:
    """Mean confidence, share of hits and number of candidates, in each bin of confidence that holds any.

    Parameters
    ----------
    is_hit : np.ndarray, shape (n,), bool
    confidence : np.ndarray, shape (n,), 0..1
    n_bins : int > 0
        Bins of equal width over 0..1.
    fewest : int > 0
        Candidates of a bin; one that holds fewer is one with the next, the last one with that before.

    Returns
    -------
    np.ndarray, shape (m, 3), m <= n_bins
    """
    of_bin = np.minimum((confidence * n_bins).astype(int), n_bins - 1)
    inside = [np.zeros(len(confidence), bool)]
    for b in np.unique(of_bin):
        inside[-1] |= of_bin == b
        if np.count_nonzero(inside[-1]) >= fewest:
            inside.append(np.zeros(len(confidence), bool))
    rest = inside.pop()
    if rest.any():
        inside = [*inside[:-1], inside[-1] | rest] if inside else [rest]
    rows = [(confidence[rows].mean(), is_hit[rows].mean(), rows.sum()) for rows in inside]
    return np.array(rows, dtype=float).reshape(-1, 3)


def jackknife_error(left_out: FloatArray) -> FloatArray:
    """Standard error of a statistic, from its values with each song left out.

    Efron and Tibshirani 1993, "An introduction to the bootstrap", chapter 11.

    Parameters
    ----------
    left_out : np.ndarray, shape (n_songs, ...)

    Returns
    -------
    np.ndarray, shape (...)
    """
    n_songs = len(left_out)
    error: FloatArray = np.sqrt((n_songs - 1) / n_songs * ((left_out - left_out.mean(axis=0)) ** 2).sum(axis=0))
    return error


@dataclass(frozen=True)
class Difference:
    """A difference of F1, in -1..1, and its 95 % interval over songs; None with one song."""

    value: float
    interval: tuple[float, float] | None

    @property
    def interval_text(self) -> str:
        """The interval in points, as it follows a difference in a sentence; "" with one song."""
        if self.interval is None:
            return ""
        low, high = self.interval
        return f" (95 % interval over songs: {100 * low:+.1f} to {100 * high:+.1f})"

    @property
    def is_sure(self) -> bool:
        """Whether the interval leaves out 0."""
        return self.interval is not None and not self.interval[0] <= 0 <= self.interval[1]


def f1_difference(counts: IntArray, counts_of_first: IntArray, seed: int = 0) -> Difference:
    """F1 of `counts` minus that of `counts_of_first`, both pooled over songs, with its bootstrap interval.

    Parameters
    ----------
    counts, counts_of_first : np.ndarray, shape (n_songs, 3), int
        Matched, n_reference, n_estimated of each song; the same songs in the same order.
    seed : int >= 0
        Of the resampling of songs, `N_RESAMPLES` times.
    """
    n_songs = len(counts)
    value = float(_pooled_f1(counts.sum(axis=0)) - _pooled_f1(counts_of_first.sum(axis=0)))
    if n_songs < 2:
        return Difference(value, None)
    times_drawn = resampled_songs(n_songs, seed)
    differences = _pooled_f1(times_drawn @ counts) - _pooled_f1(times_drawn @ counts_of_first)
    low, high = np.percentile(differences, INTERVAL)
    return Difference(value, (float(low), float(high)))


def resampled_songs(n_songs: int, seed: int = 0) -> IntArray:
    """Return how many times each song is drawn in each resampling of a bootstrap, shape (N_RESAMPLES, n_songs)."""
    return np.random.default_rng(seed).multinomial(n_songs, np.full(n_songs, 1 / n_songs), size=N_RESAMPLES)


def _pooled_f1(counts: IntArray) -> FloatArray:
    return f1_score(counts[..., 0], counts[..., 1], counts[..., 2])
