"""A taste along one feature: the probability that a user wants a hit rises or falls with it."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from drumhits.io.plainpickle import require
from drumhits.models.base import PARAMETER_LIMIT, PlainModel
from drumhits.numeric import expit


@dataclass(frozen=True, eq=False)
class Gate(PlainModel):
    """p = 1 / (1 + exp(-slope * (x - centre))), where x is one feature, or the decimal logarithm of it.

    Parameters
    ----------
    n_features : int > 0
    column : np.ndarray, shape (1,), int16
        The feature.
    least : np.ndarray, shape (1,), float64
        The feature is raised to this before its logarithm is taken; at 0 no logarithm is taken.
    centre, slope : np.ndarray, shape (1,), float64
    """

    kind: ClassVar[str] = "gate"
    DTYPES: ClassVar[dict[str, str]] = {"column": "<i2", "least": "<f8", "centre": "<f8", "slope": "<f8"}

    column: np.ndarray
    least: np.ndarray
    centre: np.ndarray
    slope: np.ndarray

    def __post_init__(self) -> None:
        for field in self.DTYPES:
            require(len(getattr(self, field)) == 1, f"{field} is not one number")
        require(0 <= self.column[0] < self.n_features, "a feature out of range")
        require(0 <= self.least[0] <= PARAMETER_LIMIT, "least is out of range")
        require(not 0 < self.least[0] < 1 / PARAMETER_LIMIT, "least is out of range")
        for field in ("centre", "slope"):
            require(np.abs(getattr(self, field)[0]) <= PARAMETER_LIMIT, f"{field} is not finite or too large")

    def value_at(self, probability: float) -> float:
        """Return the value of the feature at which the probability, 0..1 without the ends, is reached."""
        scaled = float(self.centre[0] + np.log(probability / (1 - probability)) / self.slope[0])
        return 10**scaled if self.least[0] > 0 else scaled

    def _probabilities(self, table: np.ndarray) -> np.ndarray:
        scaled = scaled_feature(table[:, self.column[0]], self.least[0])
        return expit(self.slope[0] * (scaled - self.centre[0]))


def scaled_feature(values: np.ndarray, least: float) -> np.ndarray:
    """Return the decimal logarithms of values raised to `least`; the values themselves where `least` is 0."""
    return np.log10(np.maximum(values, least)) if least > 0 else values
