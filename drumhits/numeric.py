"""Formulas that several packages need: the logistic function and its inverse, decibels, and percentiles."""

from typing import Any

import numpy as np


def expit(log_odds: np.ndarray) -> np.ndarray:
    """Return 1 / (1 + exp(-log_odds)) without overflow."""
    odds = np.exp(-np.abs(log_odds))
    return np.where(log_odds >= 0, 1.0, odds) / (1.0 + odds)


def clipped_log_odds(probability: np.ndarray, least: float) -> np.ndarray:
    """Return the log odds of probabilities, which are clipped to `least`..1 - `least` first."""
    bounded = np.clip(probability, least, 1 - least)
    odds: np.ndarray = np.log(bounded / (1 - bounded))
    return odds


def power_to_db(power: np.ndarray | float) -> Any:
    """Return the level in dB of powers or energies > 0, in their own type and shape: 10 log10(power)."""
    return 10 * np.log10(power)


def amplitude_to_db(amplitude: np.ndarray | float) -> Any:
    """Return the level in dB of amplitudes > 0, in their own type and shape: 20 log10(amplitude)."""
    return 20 * np.log10(amplitude)


def percentile(values: np.ndarray, percent: float) -> Any:
    """Return a percentile of values, shape (n,), n > 0, interpolated linearly (the 7th of Hyndman and Fan 1996).

    Equal to `np.percentile` of NumPy 2.4 to the last bit, which imports `numpy.ma` on its first call: a tenth of the
    time that NumPy itself needs to be imported.
    """
    position = (len(values) - 1) * (percent / 100)
    below = int(position)
    above = min(below + 1, len(values) - 1)
    part = np.partition(values, (below, above))
    share = position - below
    step = part[above] - part[below]
    return part[below] + step * share if share < 0.5 else part[above] - step * (1 - share)
