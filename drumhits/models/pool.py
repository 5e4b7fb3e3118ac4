"""Several models in one, as a weighted logarithmic opinion pool."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from drumhits.io.plainpickle import damaged, require
from drumhits.models.base import PlainModel
from drumhits.numeric import clipped_log_odds, expit

SUREST = 0.001  # probabilities are clipped to this and its complement before they are pooled
MAX_PARTS = 8
MAX_WEIGHT = 1e3


def log_odds(probability: np.ndarray) -> np.ndarray:
    """Return the log odds of probabilities, which are clipped to 0.001..0.999 first."""
    return clipped_log_odds(probability, SUREST)


@dataclass(frozen=True, eq=False)
class Pool(PlainModel):
    """The weighted sum of the log odds of several models, and an intercept (Genest and Zidek 1986).

    Parameters
    ----------
    n_features : int > 0
    parts : tuple of PlainModel
    weights : tuple of float, 0..1000
        One for each part.
    intercept : float
    """

    kind: ClassVar[str] = "pool"

    parts: tuple[PlainModel, ...]
    weights: tuple[float, ...]
    intercept: float

    def __post_init__(self) -> None:
        require(1 <= len(self.parts) <= MAX_PARTS, f"a pool of not 1 to {MAX_PARTS} models")
        require(len(self.weights) == len(self.parts), "not one weight a model")
        require(all(type(one) is float and 0 <= one <= MAX_WEIGHT for one in self.weights), "a weight out of range")
        require(type(self.intercept) is float and abs(self.intercept) <= MAX_WEIGHT, "an intercept out of range")

    def to_plain(self) -> dict[str, Any]:
        """Return the model as plain data; see `PlainModel.to_plain`."""
        return {
            "kind": self.kind,
            "parts": [part.to_plain() for part in self.parts],
            "weights": list(self.weights),
            "intercept": self.intercept,
        }

    @classmethod
    def from_parts(cls, plain: Any, n_features: int, name: str, of_kind: Callable[[Any], PlainModel]) -> "Pool":
        """Return the pool that `to_plain` described, its parts by `of_kind`; see `PlainModel.from_plain`."""
        if plain.keys() != {"kind", "parts", "weights", "intercept"} or not isinstance(plain["parts"], list):
            raise damaged(name, "its parts are not those of a pool")
        if len(plain["parts"]) > MAX_PARTS or not isinstance(plain["weights"], list):
            raise damaged(name, f"a pool of not 1 to {MAX_PARTS} models")
        parts = tuple(of_kind(part) for part in plain["parts"])
        try:
            return cls(n_features, parts, tuple(plain["weights"]), plain["intercept"])
        except ValueError as fault:
            raise damaged(name, str(fault)) from fault

    def _probabilities(self, table: np.ndarray) -> np.ndarray:
        odds = np.stack([log_odds(part.predict_proba(table)) for part in self.parts], axis=1)
        return expit((odds * self.weights).sum(axis=1) + self.intercept)
