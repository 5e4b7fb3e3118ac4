"""Two models in one, what was known before and what the user's edits taught; and every kind of model by its name."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from drumhits.io.plainpickle import damaged, require
from drumhits.models.base import Logistic, PlainModel
from drumhits.models.forest import Forest
from drumhits.numeric import expit

SUREST = 0.001  # a part of a blend is never taken to be surer than this and its complement


@dataclass(frozen=True, eq=False)
class Blend(PlainModel):
    """The log odds of two models, averaged: a logarithmic opinion pool (Genest and Zidek 1986).

    Parameters
    ----------
    n_features : int > 0
    before : PlainModel
        What was known at the start.
    learned : PlainModel
        What the edits taught.
    share : float in 0..1
        Weight of `learned`; `before` has the rest.
    """

    kind: ClassVar[str] = "blend"

    before: PlainModel
    learned: PlainModel
    share: float

    def __post_init__(self):
        require(type(self.share) is float and 0 <= self.share <= 1, "a share outside 0 to 1")

    def to_plain(self) -> dict:
        """Return the model as plain data; see `PlainModel.to_plain`."""
        parts = {"before": self.before.to_plain(), "learned": self.learned.to_plain()}
        return {"kind": self.kind, "share": self.share} | parts

    @classmethod
    def from_plain(cls, plain, n_features: int, name: str = "the model file") -> "Blend":
        """Return the model that `to_plain` described, checked whole; its parts are no blends themselves."""
        if plain.keys() != {"kind", "share", "before", "learned"}:
            raise damaged(name, "its parts are not those of a blend model")
        parts = [_of_kinds(SIMPLE_MODELS, plain[part], n_features, name) for part in ("before", "learned")]
        try:
            return cls(n_features, *parts, plain["share"])
        except ValueError as fault:
            raise damaged(name, str(fault)) from fault

    def _probabilities(self, table: np.ndarray) -> np.ndarray:
        return pooled(self.before.predict(table), self.learned.predict(table), self.share)


def pooled(before: np.ndarray, learned: np.ndarray, share: float) -> np.ndarray:
    """Return the probability whose log odds are the weighted mean of two others', shape (n,)."""
    return expit((1 - share) * _log_odds(before) + share * _log_odds(learned))


def _log_odds(probability: np.ndarray) -> np.ndarray:
    bounded = np.clip(probability, SUREST, 1 - SUREST)
    return np.log(bounded / (1 - bounded))


SIMPLE_MODELS = {model.kind: model for model in (Forest, Logistic)}
MODELS = SIMPLE_MODELS | {Blend.kind: Blend}


def model_from_plain(plain, n_features: int, name: str = "the model file") -> PlainModel:
    """Return the model of any kind that `to_plain` described; see `PlainModel.from_plain`."""
    return _of_kinds(MODELS, plain, n_features, name)


def _of_kinds(kinds: dict[str, type[PlainModel]], plain, n_features: int, name: str) -> PlainModel:
    kind = plain.get("kind") if isinstance(plain, dict) else None
    if not isinstance(kind, str) or kind not in kinds:
        raise damaged(name, f"it holds no model of a known kind ({', '.join(kinds)})")
    return kinds[kind].from_plain(plain, n_features, name)
