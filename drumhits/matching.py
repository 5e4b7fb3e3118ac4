"""One-to-one, order-preserving matching of two series of times (seconds, increasing)."""

import numpy as np
import numpy.typing as npt

MAX_BAND = 64  # estimated times compared with one reference; there are more only where events pile up on one moment
WIDE = 16  # estimated times from which on NumPy is faster than Python
FLOAT_SLACK_S = 1e-9  # a distance that equals the tolerance but for rounding is a match, whichever way it was rounded
SKIP_REFERENCE, SKIP_ESTIMATED, MATCH = range(3)


def match_times(reference: npt.ArrayLike, estimated: npt.ArrayLike, tolerance_s: float) -> np.ndarray:
    """Return the one-to-one, order-preserving matches of two series of times.

    As many matches as possible; among those the smallest sum of distances. At most `MAX_BAND` estimated times are
    compared with one reference, which bounds the work.

    Parameters
    ----------
    reference, estimated : array_like, shape (n,) and (m,)
        Seconds, increasing.
    tolerance_s : float > 0
        Largest distance of a match.

    Returns
    -------
    np.ndarray, shape (n_matches, 2), int
        Indices into `reference` and `estimated`; both columns increase.
    """
    reference, estimated = np.asarray(reference, float), np.asarray(estimated, float)
    isolated = _isolated_pairs(reference, estimated, tolerance_s)
    i = np.setdiff1d(np.arange(len(reference)), isolated[:, 0])
    j = np.setdiff1d(np.arange(len(estimated)), isolated[:, 1])
    crowded = _match_crowded(reference[i], estimated[j], tolerance_s)
    pairs = np.concatenate((isolated, np.column_stack((i[crowded[:, 0]], j[crowded[:, 1]]))))
    return pairs[np.argsort(pairs[:, 0])]


def nearest(times_s: np.ndarray, others_s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return for each time, shape (n,), the index of the nearest of other times, and its distance in seconds.

    Parameters
    ----------
    others_s : np.ndarray, shape (m,)
        Increasing; of none, the distances are infinite and the indices 0.
    """
    if not len(others_s):
        return np.zeros(len(times_s), dtype=int), np.full(len(times_s), np.inf)
    after = np.minimum(np.searchsorted(others_s, times_s), len(others_s) - 1)
    before = np.maximum(after - 1, 0)
    to_before_s, to_after_s = np.abs(others_s[before] - times_s), np.abs(others_s[after] - times_s)
    return np.where(to_before_s < to_after_s, before, after), np.minimum(to_before_s, to_after_s)


def _isolated_pairs(reference: np.ndarray, estimated: np.ndarray, tolerance_s: float) -> np.ndarray:
    """Return the pairs within reach of each other and of nothing else: most pairs, and no others can cross them."""
    first, last = _within_reach(reference, estimated, tolerance_s)
    back_first, back_last = _within_reach(estimated, reference, tolerance_s)
    i = np.flatnonzero(last - first == 1)
    i = i[back_last[first[i]] - back_first[first[i]] == 1]
    return np.column_stack((i, first[i]))


def _within_reach(times_s: np.ndarray, others_s: np.ndarray, tolerance_s: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the range of `others_s` within the tolerance of each time: first index, one past the last."""
    slack = tolerance_s + FLOAT_SLACK_S
    return np.searchsorted(others_s, times_s - slack, "left"), np.searchsorted(others_s, times_s + slack, "right")


def _match_crowded(reference: np.ndarray, estimated: np.ndarray, tolerance_s: float) -> np.ndarray:
    """Return the best matches of times that have several within reach, by dynamic programming."""
    first, last = _bands(reference, estimated, tolerance_s)
    a_match = tolerance_s * (min(len(reference), len(estimated)) + 1)  # outweighs any sum of distances
    best, steps = [0.0], list[bytearray]()
    for i, (low, high) in enumerate(zip(first.tolist(), last.tolist(), strict=True)):
        best.extend([best[-1]] * (high + 1 - len(best)))
        gains = a_match - np.abs(reference[i] - estimated[low:high])
        steps.append(_advance(best, low, gains.tolist()) if len(gains) < WIDE else _advance_wide(best, low, gains))
    return _trace_back(first, last, steps)


def _bands(reference: np.ndarray, estimated: np.ndarray, tolerance_s: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the `MAX_BAND` estimated times at most to compare each reference with, as first index and one past last.

    Both increase.
    """
    first, last = _within_reach(reference, estimated, tolerance_s)
    rank = np.arange(len(reference)) - np.searchsorted(first, first, "left")
    narrowed = np.clip(first + rank - MAX_BAND // 2, first, np.maximum(first, last - MAX_BAND))
    wide = last - first > MAX_BAND
    first = np.maximum.accumulate(np.where(wide, narrowed, first))
    last = np.maximum(np.minimum(last, first + MAX_BAND), first)
    return first, np.maximum.accumulate(last)


def _advance(best: list[float], low: int, gains: list[float]) -> bytearray:
    """Update `best[j]`, the best total with the first j estimated times, for one more reference; return the steps."""
    steps, diagonal = bytearray(len(gains)), best[low]
    for k, gain in enumerate(gains):
        j = low + k + 1
        options = (best[j], best[j - 1], diagonal + gain)
        diagonal = best[j]
        best[j] = max(options)
        steps[k] = options.index(best[j])
    return steps


def _advance_wide(best: list[float], low: int, gains: np.ndarray) -> bytearray:
    """Do the same as `_advance`, in less time where there are many estimated times."""
    before = np.array(best[low : low + len(gains) + 1])
    after = np.maximum.accumulate(np.concatenate((before[:1], np.maximum(before[1:], before[:-1] + gains))))
    best[low : low + len(after)] = after.tolist()
    is_skipped = np.where(after[1:] == after[:-1], SKIP_ESTIMATED, MATCH)
    return bytearray(np.where(after[1:] == before[1:], SKIP_REFERENCE, is_skipped).astype(np.uint8).tobytes())


def _trace_back(first: np.ndarray, last: np.ndarray, steps: list[bytearray]) -> np.ndarray:
    """Return the matches that the steps chose, from the last reference to the first."""
    pairs, i = list[tuple[int, int]](), len(steps) - 1
    j = int(last[-1]) if len(last) else 0
    while i >= 0 and j > 0:
        j = min(j, int(last[i]))
        step = steps[i][j - 1 - first[i]] if j > first[i] else SKIP_REFERENCE
        if step == MATCH:
            pairs.append((i, j - 1))
        i -= step != SKIP_ESTIMATED
        j -= step != SKIP_REFERENCE
    return np.array(pairs[::-1], dtype=int).reshape(-1, 2)
