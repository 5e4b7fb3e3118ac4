"""A model refined by a user's edits, as a blend with another or behind a gate; and every kind of model by its name."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from drumhits.io.plainpickle import damaged, require
from drumhits.models.base import Logistic, PlainModel
from drumhits.models.forest import Boosted, Forest
from drumhits.models.gate import Gate
from drumhits.models.partial import OfFirst, Within
from drumhits.models.perceptron import Perceptron
from drumhits.models.pool import Pool, log_odds
from drumhits.numeric import expit

if TYPE_CHECKING:
    from typing_extensions import Self

MAX_REFINEMENTS = 4  # one of the other


@dataclass(frozen=True, eq=False)
class Refined(PlainModel):
    """A prior model, and what a user's edits change in it.

    In a file the two are called "before" and "learned".

    Parameters
    ----------
    n_features : int > 0
    prior : PlainModel
        The model that training started from; may be refined itself, up to MAX_REFINEMENTS deep.
    user : PlainModel
        The model fitted to the user's edits.
    """

    prior: PlainModel
    user: PlainModel

    def __post_init__(self) -> None:
        require(self.n_refinements <= MAX_REFINEMENTS, f"more than {MAX_REFINEMENTS} refinements one of the other")

    @property
    def before(self) -> PlainModel:
        """See `PlainModel.before`."""
        return self.prior

    @property
    def n_refinements(self) -> int:
        """See `PlainModel.n_refinements`."""
        return 1 + self.prior.n_refinements

    def to_plain(self) -> dict[str, Any]:
        """Return the model as plain data; see `PlainModel.to_plain`."""
        return {"kind": self.kind, "before": self.prior.to_plain(), "learned": self.user.to_plain()}

    @classmethod
    def from_plain(cls, plain: Any, n_features: int, name: str = "the model file") -> "Self":
        """Return the model that `to_plain` described, checked whole."""
        own = {key: value for key, value in plain.items() if key not in ("kind", "before", "learned")}
        try:
            prior = _of_kinds(MODELS, plain["before"], n_features, name)
            user = _of_kinds(POOLED_MODELS, plain["learned"], n_features, name)
            return cls(n_features, prior, user, **cls._own_fields(own))
        except (KeyError, TypeError) as fault:
            raise damaged(name, f"its parts are not those of a {cls.kind} model") from fault
        except ValueError as fault:
            raise damaged(name, str(fault)) from fault

    @staticmethod
    def _own_fields(plain: dict[str, Any]) -> dict[str, Any]:
        return plain


@dataclass(frozen=True, eq=False)
class Blend(Refined):
    """The log odds of two models, averaged: a logarithmic opinion pool (Genest and Zidek 1986).

    Parameters
    ----------
    weight : float in 0..1
        Weight of `user`; `prior` has the rest. In a file it is called "share".
    """

    kind: ClassVar[str] = "blend"

    weight: float

    def __post_init__(self) -> None:
        super().__post_init__()
        require(type(self.weight) is float and 0 <= self.weight <= 1, "a share outside 0 to 1")

    def to_plain(self) -> dict[str, Any]:
        """Return the model as plain data; see `PlainModel.to_plain`."""
        return {"share": self.weight} | super().to_plain()

    @staticmethod
    def _own_fields(plain: dict[str, Any]) -> dict[str, Any]:
        return {"weight": plain.pop("share"), **plain}

    def _probabilities(self, table: np.ndarray) -> np.ndarray:
        return log_opinion_pool(self.prior.predict_proba(table), self.user.predict_proba(table), self.weight)


@dataclass(frozen=True, eq=False)
class Gated(Refined):
    """The probability that a candidate is a hit, by the prior model, times that a user wants it, by a gate."""

    kind: ClassVar[str] = "gated"

    user: Gate

    def __post_init__(self) -> None:
        super().__post_init__()
        require(isinstance(self.user, Gate), "a gated model without a gate")

    def _probabilities(self, table: np.ndarray) -> np.ndarray:
        probability: np.ndarray = self.prior.predict_proba(table) * self.user.predict_proba(table)
        return probability


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
    pooled: np.ndarray = expit((1 - weight) * log_odds(prior) + weight * log_odds(user))
    return pooled


SIMPLE_MODELS: dict[str, type[PlainModel]] = {
    model.kind: model for model in (Forest, Boosted, Logistic, Perceptron, Gate)
}
POOLED_MODELS: dict[str, type[PlainModel]] = SIMPLE_MODELS | {Pool.kind: Pool}
WHOLE_MODELS: dict[str, type[PlainModel]] = POOLED_MODELS | {model.kind: model for model in (Blend, Gated)}
INNER_MODELS: dict[str, type[PlainModel]] = WHOLE_MODELS | {Within.kind: Within}
MODELS: dict[str, type[PlainModel]] = INNER_MODELS | {OfFirst.kind: OfFirst}


def model_from_plain(plain: Any, n_features: int, name: str = "the model file") -> PlainModel:
    """Return the model of any kind that `to_plain` described; see `PlainModel.from_plain`."""
    return _of_kinds(MODELS, plain, n_features, name)


def _of_kinds(kinds: Mapping[str, type[PlainModel]], plain: Any, n_features: int, name: str) -> PlainModel:
    kind = plain.get("kind") if isinstance(plain, dict) else None
    if not isinstance(kind, str) or kind not in kinds:
        raise damaged(name, f"it holds no model of a known kind ({', '.join(kinds)})")
    if kind == Pool.kind:
        return Pool.from_parts(plain, n_features, name, lambda part: _of_kinds(SIMPLE_MODELS, part, n_features, name))
    if kind == Within.kind:
        return Within.from_parts(plain, n_features, name, lambda part: _of_kinds(WHOLE_MODELS, part, n_features, name))
    if kind == OfFirst.kind:
        return OfFirst.from_parts(plain, n_features, name, lambda part, n: _of_kinds(INNER_MODELS, part, n, name))
    return kinds[kind].from_plain(plain, n_features, name)
