"""Rhythm: whether what is played around a candidate is what is usually played around a stroke of the stem.

Whoever keeps time repeats. What surrounds the strokes of a stem on average, as a train of pulses over the seconds
before and after, is the autocorrelation of its strokes, and a stroke is likely where the surroundings look like it.
Since nobody knows the strokes yet, each candidate counts as far as it is likely to be one: in a first train by its
probability, in the others by a half and a quarter of its log odds, so that many strokes that are hardly believed are a
rhythm, too.

For each train, each span of RANGES_S, and both sides of a candidate:

likeness    correlation of its surroundings with those of the other candidates on average, -1 to 1
contrast    standard deviation of the average surroundings relative to their mean: 0 where nothing repeats
"""

from itertools import pairwise

import numpy as np

STEP_S = 0.02
PULSE = np.array([1, 2, 3, 2, 1], dtype=np.float32) / 3  # what a stroke is in a train, in steps: humans keep time so
RANGES_S = ((0.06, 0.2), (0.2, 0.4), (0.4, 0.7), (0.7, 1.2), (1.2, 2.4), (2.4, 4.4))
BLOCK_S = 20.0  # what is usual is taken from a block of such length and the blocks beside it
SOFTNESS = (1.0, 0.5, 0.25)  # of the trains: what the log odds are multiplied by
N_RHYTHM = len(SOFTNESS) * len(RANGES_S) * 2 * 2
_RANGES = tuple(slice(round(low / STEP_S), round(high / STEP_S)) for low, high in RANGES_S)
_REACH, _BLOCK = _RANGES[-1].stop, round(BLOCK_S / STEP_S)
_LITTLE = 0.01  # of a stroke: less of them is as good as none


def rhythm(log_odds: np.ndarray, times_s: np.ndarray) -> np.ndarray:
    """Return likeness and contrast of each candidate, shape (n, N_RHYTHM), float32.

    Parameters
    ----------
    log_odds : np.ndarray, shape (n,)
        That a candidate is a stroke, by what else is known of it.
    times_s : np.ndarray, shape (n,)
        Increasing.
    """
    if not len(times_s):
        return np.zeros((0, N_RHYTHM), dtype=np.float32)
    return np.concatenate([_of_train(_probability(softness * log_odds), times_s) for softness in SOFTNESS], axis=1)


def _probability(log_odds: np.ndarray) -> np.ndarray:
    return (1 / (1 + np.exp(-log_odds))).astype(np.float32)


def _of_train(probability: np.ndarray, times_s: np.ndarray) -> np.ndarray:
    """Return the columns that one train gives, shape (n, N_RHYTHM // len(SOFTNESS))."""
    at = np.rint((times_s - times_s[0]) / STEP_S).astype(int) + _REACH
    train = np.zeros(at[-1] + _REACH + 1, dtype=np.float32)
    np.add.at(train, at, probability)
    train = np.convolve(train, PULSE, mode="same")
    block_of = (at - _REACH) // _BLOCK
    starts = np.searchsorted(block_of, np.arange(block_of[-1] + 2))
    blocks = [slice(*ends) for ends in pairwise(starts)]
    sums = np.stack([np.tensordot(probability[rows], _surroundings(train, at[rows]), 1) for rows in blocks])
    counts = np.array([probability[rows].sum() for rows in blocks], dtype=np.float32)
    columns = [
        _compared(
            _surroundings(train, at[rows]),
            probability[rows],
            sums[max(i - 1, 0) : i + 2].sum(axis=0),
            counts[max(i - 1, 0) : i + 2].sum(),
        )
        for i, rows in enumerate(blocks)
    ]
    return np.concatenate(columns)


def _surroundings(train: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Return the train before and after some steps, each from near to far, shape (n, 2, _REACH)."""
    windows = np.lib.stride_tricks.sliding_window_view(train, _REACH)
    return np.stack((windows[at - _REACH][:, ::-1], windows[at + 1]), axis=1)


def _compared(around: np.ndarray, probability: np.ndarray, total: np.ndarray, count: np.float32) -> np.ndarray:
    """Return likeness and contrast of candidates; each is compared with the others', so without its own part."""
    own, others = probability[:, None], count - probability[:, None] + _LITTLE
    columns = []
    for span in _RANGES:
        here, there = around[..., span], total[..., span]
        mean, power = here.mean(axis=2), np.square(here).mean(axis=2)
        product = np.einsum("nst,st->ns", here, there) / here.shape[2]
        usual = (there.mean(axis=1) - own * mean) / others
        usual_power = (np.square(there).mean(axis=1) - 2 * own * product + own * own * power) / (others * others)
        spread, usual_spread = (np.sqrt(np.maximum(v, 0)) for v in (power - mean * mean, usual_power - usual * usual))
        covariance = (product - own * power) / others - mean * usual
        columns += [covariance / (spread * usual_spread + _LITTLE**2), usual_spread / (usual + _LITTLE)]
    return np.concatenate(columns, axis=1)
