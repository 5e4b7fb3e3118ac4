"""Models about a part: of the candidates, those that were offered to a user; of the features, the first ones."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from drumhits.io.plainpickle import damaged, require, unpacked
from drumhits.models.base import PARAMETER_LIMIT, PlainModel

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from typing_extensions import Self

MAX_LIMITS = 8


@dataclass(frozen=True, eq=False)
class Within(PlainModel):
    """A model about the candidates that were offered to a user, and what it was refined from about the others.

    A candidate was offered where it passes all `limits`, or where the model before gives it `min_confidence`.

    Parameters
    ----------
    n_features : int > 0
    inner : PlainModel
        Decides about what was offered; of the others decides what it was refined from, else they are removed.
    columns : np.ndarray, shape (n_limits,), int16
        The features that have a limit.
    limits : np.ndarray, shape (n_limits,), float64
        The least value of each. No limit: nothing passes.
    min_confidence : np.ndarray, shape (0,) or (1,), float64
        Empty: the model before offered nothing.
    """

    kind: ClassVar[str] = "within"
    DTYPES: ClassVar[dict[str, str]] = {"columns": "<i2", "limits": "<f8", "min_confidence": "<f8"}

    inner: PlainModel
    columns: np.ndarray
    limits: np.ndarray
    min_confidence: np.ndarray

    def __post_init__(self) -> None:
        require(len(self.columns) == len(self.limits) <= MAX_LIMITS, "not one limit a feature")
        require(((self.columns >= 0) & (self.columns < self.n_features)).all(), "a feature out of range")
        require((np.abs(self.limits) <= PARAMETER_LIMIT).all(), "a limit that is not finite or too large")
        require(len(self.min_confidence) <= 1, "more than one confidence")
        require(((self.min_confidence >= 0) & (self.min_confidence <= 1)).all(), "a confidence outside 0 to 1")
        require(len(self.limits) + len(self.min_confidence) > 0, "nothing says what was offered")
        require(self.inner.n_features == self.n_features, "a model of other features")

    @classmethod
    def about(cls, inner: PlainModel, limits: "Mapping[int, float]", min_confidence: float | None) -> "Self":
        """Return a model about the candidates that pass all limits (column -> least value), or reach a confidence."""
        columns, least = np.array([*limits], "<i2"), np.array([*limits.values()], "<f8")
        confidence = np.array([] if min_confidence is None else [min_confidence], "<f8")
        return cls(inner.n_features, inner, columns, least, confidence)

    @property
    def n_refinements(self) -> int:
        """See `PlainModel.n_refinements`."""
        return self.inner.n_refinements

    def to_plain(self) -> dict[str, Any]:
        """Return the model as plain data; see `PlainModel.to_plain`."""
        return {"inner": self.inner.to_plain()} | super().to_plain()

    @classmethod
    def from_parts(cls, plain: Any, n_features: int, name: str, of_kind: "Callable[[Any], PlainModel]") -> "Self":
        """Return the model that `to_plain` described, what is inside it by `of_kind`; see `PlainModel.from_plain`."""
        if plain.keys() != {"kind", "inner", *cls.DTYPES}:
            raise damaged(name, f"its parts are not those of a {cls.kind} model")
        inner = of_kind(plain["inner"])
        try:
            arrays = {field: unpacked(plain[field], dtype) for field, dtype in cls.DTYPES.items()}
            return cls(n_features, inner, **arrays)
        except ValueError as fault:
            raise damaged(name, str(fault)) from fault

    def _probabilities(self, table: np.ndarray) -> np.ndarray:
        before = self.inner.before
        otherwise = before.predict_proba(table) if before else np.zeros(len(table))
        offered = (otherwise[:, None] >= self.min_confidence).any(axis=1)
        if len(self.limits):
            offered |= (table[:, self.columns] >= self.limits).all(axis=1)
        return np.where(offered, self.inner.predict_proba(table), otherwise)


@dataclass(frozen=True, eq=False)
class OfFirst(PlainModel):
    """A model that takes the first columns of a table of more features.

    Parameters
    ----------
    n_features : int > 0
    inner : PlainModel
        Of the first `inner.n_features` features.
    """

    kind: ClassVar[str] = "of first"
    DTYPES: ClassVar[dict[str, str]] = {}

    inner: PlainModel

    def __post_init__(self) -> None:
        require(0 < self.inner.n_features < self.n_features, "a part of the features that is none")

    @property
    def n_refinements(self) -> int:
        """See `PlainModel.n_refinements`."""
        return self.inner.n_refinements

    def to_plain(self) -> dict[str, Any]:
        """Return the model as plain data; see `PlainModel.to_plain`."""
        return {"kind": self.kind, "n": self.inner.n_features, "inner": self.inner.to_plain()}

    @classmethod
    def from_parts(cls, plain: Any, n_features: int, name: str, of_kind: "Callable[[Any, int], PlainModel]") -> "Self":
        """Return the model that `to_plain` described, what is inside it by `of_kind`; see `PlainModel.from_plain`."""
        if plain.keys() != {"kind", "n", "inner"} or type(plain["n"]) is not int or not 0 < plain["n"] < n_features:
            raise damaged(name, f"its parts are not those of a model {cls.kind} features")
        return cls(n_features, of_kind(plain["inner"], plain["n"]))

    def _probabilities(self, table: np.ndarray) -> np.ndarray:
        return self.inner.predict_proba(table[:, : self.inner.n_features])
