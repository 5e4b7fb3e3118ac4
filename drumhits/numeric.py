"""Formulas that several packages need: the logistic function, and decibels."""

from typing import Any

import numpy as np


def expit(log_odds: np.ndarray) -> np.ndarray:
    """Return 1 / (1 + exp(-log_odds)) without overflow."""
    odds = np.exp(-np.abs(log_odds))
    return np.where(log_odds >= 0, 1.0, odds) / (1.0 + odds)


def power_to_db(power: np.ndarray | float) -> Any:
    """Return the level in dB of powers or energies > 0, in their own type and shape: 10 log10(power)."""
    return 10 * np.log10(power)


def amplitude_to_db(amplitude: np.ndarray | float) -> Any:
    """Return the level in dB of amplitudes > 0, in their own type and shape: 20 log10(amplitude)."""
    return 20 * np.log10(amplitude)
