"""Periodicity: how far the surroundings of a candidate are like the usual surroundings of the stem's strokes.

Whoever keeps time repeats. What surrounds the strokes of a stem on average, as a train of pulses over the seconds
before and after, is the autocorrelation of its strokes, and a stroke is likely where the surroundings look like it.
Since the strokes are not known yet, each candidate counts by its probability: in a first train by that of its log odds,
in the others by that of a half and a quarter of them, so that many strokes of low probability make a rhythm, too.

For each train, each span of RANGES_S, and both sides of a candidate:

periodicity_match      correlation of its surroundings with those of the other candidates on average, -1 to 1
periodicity_contrast   standard deviation of the average surroundings relative to their mean: 0 where nothing repeats
"""

from itertools import pairwise

import numpy as np

from drumhits.numeric import expit

STEP_S = 0.02
PULSE = np.array([1, 2, 3, 2, 1], dtype=np.float32) / 3  # what a stroke is in a train, in steps: humans keep time so
RANGES_S = ((0.06, 0.2), (0.2, 0.4), (0.4, 0.7), (0.7, 1.2), (1.2, 2.4), (2.4, 4.4))
BLOCK_S = 20.0  # what is usual is taken from a block of such length and the blocks beside it
SOFTNESS = (1.0, 0.5, 0.25)  # of the trains: what the log odds are multiplied by
N_PERIODICITY = len(SOFTNESS) * len(RANGES_S) * 2 * 2
_RANGES = tuple(slice(round(low / STEP_S), round(high / STEP_S)) for low, high in RANGES_S)
_REACH, _BLOCK = _RANGES[-1].stop, round(BLOCK_S / STEP_S)
_LITTLE = 0.01  # of a stroke: less of them is as good as none


def rhythm(log_odds: np.ndarray, times_s: np.ndarray) -> np.ndarray:
    """Return match and contrast of each candidate's periodicity, shape (n, N_PERIODICITY), float32.

    Parameters
    ----------
    log_odds : np.ndarray, shape (n,)
        That a candidate is a stroke, by what else is known of it.
    times_s : np.ndarray, shape (n,)
        Increasing.
    """
    if not len(times_s):
        return np.zeros((0, N_PERIODICITY), dtype=np.float32)
    probability = expit(np.multiply.outer(SOFTNESS, log_odds)).astype(np.float32)
    at = np.rint((times_s - times_s[0]) / STEP_S).astype(int) + _REACH
    trains = np.stack([np.convolve(np.bincount(at, row, at[-1] + _REACH + 1), PULSE, "same") for row in probability])
    trains = trains.astype(np.float32)
    block_of = (at - _REACH) // _BLOCK
    starts = np.searchsorted(block_of, np.arange(block_of[-1] + 2))
    blocks = {i: slice(*ends) for i, ends in enumerate(pairwise(starts)) if ends[0] < ends[1]}
    sums = np.zeros((len(starts) - 1, len(SOFTNESS), 2, _REACH), dtype=np.float32)
    counts = np.zeros((len(starts) - 1, len(SOFTNESS)), dtype=np.float32)
    for i, rows in blocks.items():
        sums[i] = (probability[:, rows, None, None] * _around(trains, at[rows])).sum(axis=1)
        counts[i] = probability[:, rows].sum(axis=1)
    found = np.zeros((len(times_s), len(SOFTNESS), N_PERIODICITY // len(SOFTNESS)), dtype=np.float32)
    for i, rows in blocks.items():
        neighbourhood = slice(max(i - 1, 0), i + 2)
        total, count = sums[neighbourhood].sum(axis=0), counts[neighbourhood].sum(axis=0)
        compared = _compared(_around(trains, at[rows]), probability[:, rows], total, count)
        found[rows] = compared.transpose(1, 0, 2)
    return found.reshape(len(times_s), N_PERIODICITY)


def _around(trains: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Return the trains before and after n steps, each from near to far, shape (trains, n, 2, _REACH)."""
    chunks_in_context = np.lib.stride_tricks.sliding_window_view(trains, _REACH, axis=1)
    return np.stack((chunks_in_context[:, at - _REACH][..., ::-1], chunks_in_context[:, at + 1]), axis=2)


def _compared(around: np.ndarray, probability: np.ndarray, total: np.ndarray, count: np.ndarray) -> np.ndarray:
    """Return likeness and contrast, shape (trains, n, ...): a candidate is compared with others, without its own part.

    Parameters
    ----------
    around : np.ndarray, shape (trains, n, 2, _REACH)
    probability : np.ndarray, shape (trains, n)
    total : np.ndarray, shape (trains, 2, _REACH)
        Sum of what is around all candidates, weighed by their probability.
    count : np.ndarray, shape (trains,)
        Sum of these weights.
    """
    own = probability[..., None]
    others = count[:, None, None] - own + _LITTLE
    columns = []
    for span in _RANGES:
        here, there = around[..., span], total[..., span]
        mean, power = here.mean(axis=3), np.square(here).mean(axis=3)
        product = (here * there[:, None]).mean(axis=3)
        there_mean, there_power = there.mean(axis=2)[:, None], np.square(there).mean(axis=2)[:, None]
        usual = (there_mean - own * mean) / others
        usual_power = (there_power - 2 * own * product + own * own * power) / (others * others)
        spread, usual_spread = (np.sqrt(np.maximum(v, 0)) for v in (power - mean * mean, usual_power - usual * usual))
        covariance = (product - own * power) / others - mean * usual
        columns += [covariance / (spread * usual_spread + _LITTLE**2), usual_spread / (usual + _LITTLE)]
    return np.concatenate(columns, axis=2)
