"""A prior model and a user's model in one, as a logarithmic opinion pool; and every kind of model by its name."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from drumhits.io.plainpickle import damaged, require
from drumhits.models.base import Logistic, PlainModel
from drumhits.models.forest import Forest
from drumhits.numeric import expit

SUREST = 0.001  # probabilities are clipped to this and its complement before they are pooled


@dataclass(frozen=True, eq=False)
class Blend(PlainModel):
    """The log odds of two models, averaged: a logarithmic opinion pool (Genest and Zidek 1986).

    In a file they are called "before", "learned" and "share".

    Parameters
    ----------
    n_features : int > 0
    prior : PlainModel
        The model that training started from.
    user : PlainModel
        The model fitted to the user's edits.
    weight : float in 0..1
        Weight of `user`; `prior` has the rest.
    """

    kind: ClassVar[str] = "blend"

    prior: PlainModel
    user: PlainModel
    weight: float

    def __post_init__(self) -> None:
        require(type(self.weight) is float and 0 <= self.weight <= 1, "a share outside 0 to 1")

    def to_plain(self) -> dict[str, Any]:
        """Return the model as plain data; see `PlainModel.to_plain`."""
        parts = {"before": self.prior.to_plain(), "learned": self.user.to_plain()}
        return {"kind": self.kind, "share": self.weight} | parts

    @classmethod
    def from_plain(cls, plain: Any, n_features: int, name: str = "the model file") -> "Blend":
        """Return the model that `to_plain` described, checked whole; its parts are no blends themselves."""
        if plain.keys() != {"kind", "share", "before", "learned"}:
            raise damaged(name, "its parts are not those of a blend model")
        prior, user = (_of_kinds(SIMPLE_MODELS, plain[part], n_features, name) for part in ("before", "learned"))
        try:
            return cls(n_features, prior, user, plain["share"])
        except ValueError as fault:
            raise damaged(name, str(fault)) from fault

    def _probabilities(self, table: np.ndarray) -> np.ndarray:
        return log_opinion_pool(self.prior.predict_proba(table), self.user.predict_proba(table), self.weight)


def log_opinion_pool(prior: np.ndarray, user: np.ndarray, weight: float) -> np.ndarray:
    """Return the probabilities whose log odds are the weighted mean of those of two others.

    Parameters
    ----------
    prior, user : np.ndarray, shape (n,), 0..1
        Clipped to 0.001..0.999 first.
    weight : float in 0..1
        Weight of `user`; `prior` has the rest.

    Returns
    -------
    np.ndarray, shape (n,), 0..1
    """
    return expit((1 - weight) * _log_odds(prior) + weight * _log_odds(user))


def _log_odds(probability: np.ndarray) -> np.ndarray:
    bounded = np.clip(probability, SUREST, 1 - SUREST)
    log_odds: np.ndarray = np.log(bounded / (1 - bounded))
    return log_odds


SIMPLE_MODELS: dict[str, type[PlainModel]] = {model.kind: model for model in (Forest, Logistic)}
MODELS: dict[str, type[PlainModel]] = SIMPLE_MODELS | {Blend.kind: Blend}


def model_from_plain(plain: Any, n_features: int, name: str = "the model file") -> PlainModel:
    """Return the model of any kind that `to_plain` described; see `PlainModel.from_plain`."""
    return _of_kinds(MODELS, plain, n_features, name)


def _of_kinds(kinds: Mapping[str, type[PlainModel]], plain: Any, n_features: int, name: str) -> PlainModel:
    kind = plain.get("kind") if isinstance(plain, dict) else None
    if not isinstance(kind, str) or kind not in kinds:
        raise damaged(name, f"it holds no model of a known kind ({', '.join(kinds)})")
    return kinds[kind].from_plain(plain, n_features, name)
