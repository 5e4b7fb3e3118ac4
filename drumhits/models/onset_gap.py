"""onset_threshold -> the limit that holds in a stem: the gap between the strengths of its hits and of its bleed.

Of the strengths up to SPAN times above and below the threshold it is the one that the fewest candidates have, by the
kernel density of their logarithms, to which a cost of moving is added. A higher threshold never gives a lower limit:
the cost grows by the square of the way, so that its least sum with any density moves up with the threshold.
"""

import numpy as np

SPAN = 2.0
WIDTH = 0.3  # of the kernel, standard deviation of the logarithm
MOVE_COST = 0.2  # of the squared logarithm of the ratio, in shares of the candidates for each unit of the logarithm
FEWEST = 8  # candidates that have a density
LOWEST = 1e-3  # a lower threshold holds as it is
LOGS, STEP = np.linspace(np.log(LOWEST), 0.0, 347, retstep=True)
GRID = np.exp(LOGS)  # of thresholds and limits; a threshold between two places counts as the lower one
KERNEL = np.exp(-0.5 * (np.arange(-60, 61) * STEP / WIDTH) ** 2) / (WIDTH * np.sqrt(2 * np.pi))


def limit_at_gap(strengths: np.ndarray, threshold: float) -> float:
    """Return the limit that a threshold in 0..1 stands for, from the strengths of all candidates, shape (n,), 0..1."""
    place = np.searchsorted(GRID, threshold, side="right") - 1
    if place < 0 or len(strengths) < FEWEST:
        return threshold
    return float(_limits(strengths, np.array([place]))[0])


def highest_thresholds(strengths: np.ndarray) -> np.ndarray:
    """Return the highest threshold with which each candidate stays, shape (n,), 0..1; see `limit_at_gap`."""
    if len(strengths) < FEWEST:
        return strengths
    n_passed = np.searchsorted(_limits(strengths, np.arange(len(GRID))), strengths, side="right")
    highest = np.append(np.nextafter(GRID, 0.0), 1.0)[n_passed]
    return np.where(n_passed > 0, highest, np.minimum(highest, strengths))


def _limits(strengths: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Return the limit for the threshold at each of some places of GRID, shape (n_places,)."""
    way = LOGS - LOGS[places, None]
    cost = np.where(np.abs(way) <= np.log(SPAN), _density(strengths) + MOVE_COST * way**2, np.inf)
    limits: np.ndarray = GRID[cost.argmin(axis=1)]
    return limits


def _density(strengths: np.ndarray) -> np.ndarray:
    """Return the density of the logarithms of strengths over GRID; a strength between two places is shared by both."""
    place = (np.log(np.clip(strengths, LOWEST, 1.0)) - LOGS[0]) / STEP
    below = np.minimum(place.astype(int), len(GRID) - 2)
    share = place - below
    counts = np.bincount(below, 1 - share, len(GRID)) + np.bincount(below + 1, share, len(GRID))
    return np.convolve(counts, KERNEL, mode="same") / len(strengths)
