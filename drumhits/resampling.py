"""How sure a difference of F1 is, by a bootstrap (Efron and Tibshirani 1993, "An Introduction to the Bootstrap").

Songs are drawn, not hits, since the hits of a song are alike.
"""

from dataclasses import dataclass

import numpy as np

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
