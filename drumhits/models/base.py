"""What the kinds of model in a model file share: arrays as plain data, and the check of a feature table."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from drumhits.io.plainpickle import damaged, packed, require, unpacked
from drumhits.numeric import expit

if TYPE_CHECKING:
    from typing_extensions import Self

FEATURE_LIMIT = float(np.finfo(np.float32).max)
ROWS_AT_ONCE = 4096  # candidates: the tables of hours need not be there twice


@dataclass(frozen=True, eq=False)
class PlainModel:
    """A fitted binary classifier, all of it in 1-D arrays.

    A subclass names its arrays in `DTYPES` (field -> little-endian dtype), checks them in `__post_init__`
    (raising ValueError), and gives the `_probabilities` of a checked table.
    """

    kind: ClassVar[str]
    DTYPES: ClassVar[dict[str, str]]

    n_features: int

    @property
    def before(self) -> "PlainModel | None":
        """The model that this one was refined from; None where it was made from nothing."""
        return None

    @property
    def n_refinements(self) -> int:
        """How many times a model was refined until this one was there."""
        return 0

    @classmethod
    def of_arrays(cls, n_features: int, **arrays: npt.ArrayLike) -> "Self":
        """Return a model of `arrays` (field -> 1-D array-like), converted to the dtypes of this kind."""
        typed = {field: np.asarray(arrays[field], dtype) for field, dtype in cls.DTYPES.items()}
        return cls(n_features, **typed)

    def to_plain(self) -> dict[str, Any]:
        """Return the model as plain data, fit for `plainpickle.dumps`."""
        return {"kind": self.kind} | {field: packed(getattr(self, field)) for field in self.DTYPES}

    @classmethod
    def from_plain(cls, plain: Any, n_features: int, name: str = "the model file") -> "Self":
        """Return the model that `to_plain` described, checked whole.

        Parameters
        ----------
        plain : object
            Plain data, from whatever source.
        n_features : int
            Number of columns of the tables that the model will be given.
        name : str
            What the error sentence calls the source.

        Raises
        ------
        InputError
            If anything in `plain` is not as a model of this kind must be.
        """
        try:
            complete = isinstance(plain, dict) and plain.keys() == {"kind", *cls.DTYPES}
            require(complete, f"its parts are not those of a {cls.kind} model")
            arrays = {field: unpacked(plain[field], dtype) for field, dtype in cls.DTYPES.items()}
            return cls(n_features, **arrays)
        except ValueError as fault:
            raise damaged(name, str(fault)) from fault

    def predict_proba(self, X: npt.ArrayLike) -> np.ndarray:
        """Return the probability of the positive class.

        Parameters
        ----------
        X : array_like, shape (n, n_features)
            Finite, and within the range of float32.

        Returns
        -------
        np.ndarray, shape (n,), float64
            0 to 1.

        Raises
        ------
        ValueError
            If `X` has another shape, or holds NaN, infinity or values beyond float32.
        """
        X = np.asarray(X)
        if X.ndim != 2 or X.shape[1] != self.n_features:
            raise ValueError(f"expected a table of {self.n_features} features, got shape {X.shape}")
        some = (X[first : first + ROWS_AT_ONCE] for first in range(0, max(len(X), 1), ROWS_AT_ONCE))
        return np.concatenate([self._probabilities(_checked(rows)) for rows in some])

    def _probabilities(self, table: np.ndarray) -> np.ndarray:
        raise NotImplementedError


def _checked(X: np.ndarray) -> np.ndarray:
    table = X.astype(np.float64)
    if not (np.abs(table) <= FEATURE_LIMIT).all():
        raise ValueError("the feature table holds NaN, infinity or values beyond float32")
    return table

PARAMETER_LIMIT = 1e30  # with features within float32, no intermediate value can overflow


@dataclass(frozen=True, eq=False)
class Logistic(PlainModel):
    """p = 1 / (1 + exp(-(intercept + sum(coef * (x - mean) / scale)))).

    Parameters
    ----------
    n_features : int > 0
    mean, scale, coef : np.ndarray, shape (n_features,), float64
        `scale` is positive.
    intercept : np.ndarray, shape (1,), float64
    """

    kind: ClassVar[str] = "logistic"
    DTYPES: ClassVar[dict[str, str]] = dict.fromkeys(("mean", "scale", "coef", "intercept"), "<f8")

    mean: np.ndarray
    scale: np.ndarray
    coef: np.ndarray
    intercept: np.ndarray

    def __post_init__(self) -> None:
        for field in ("mean", "scale", "coef"):
            require(len(getattr(self, field)) == self.n_features, f"{field} is not one number a feature")
        require(len(self.intercept) == 1, "not one intercept")
        for field in self.DTYPES:
            magnitude = np.abs(getattr(self, field))
            require((magnitude <= PARAMETER_LIMIT).all(), f"{field} is not finite or too large")
        require((self.scale >= 1 / PARAMETER_LIMIT).all(), "a scale that is not positive")

    @classmethod
    def from_sklearn(cls, pipeline: Any) -> "Logistic":
        """Take over a fitted `Pipeline` of a `StandardScaler` and a binary `LogisticRegression`.

        The positive class is the last of `classes_`.

        Raises
        ------
        ValueError
            If there are not two classes, or a parameter is not finite.
        """
        scaler, regression = pipeline[0], pipeline[-1]
        require(len(regression.classes_) == 2, f"expected two classes, got {len(regression.classes_)}")
        return cls.of_arrays(
            scaler.n_features_in_,
            mean=scaler.mean_,
            scale=scaler.scale_,
            coef=regression.coef_[0],
            intercept=regression.intercept_,
        )

    def _probabilities(self, table: np.ndarray) -> np.ndarray:
        score = ((table - self.mean) / self.scale * self.coef).sum(axis=1) + self.intercept[0]
        return expit(score)
