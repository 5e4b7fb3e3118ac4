"""What the kinds of model in a model file share: arrays as plain data, and the check of a feature table."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from .safepickle import damaged

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

    @classmethod
    def of_arrays(cls, n_features: int, **arrays):
        """Return a model of `arrays` (field -> 1-D array-like), converted to the dtypes of this kind."""
        typed = {field: np.asarray(arrays[field], dtype) for field, dtype in cls.DTYPES.items()}
        return cls(n_features, **typed)

    def to_plain(self) -> dict:
        """Return the model as plain data, fit for `safepickle.dumps`."""
        return {"kind": self.kind} | {field: packed(getattr(self, field)) for field in self.DTYPES}

    @classmethod
    def from_plain(cls, plain, n_features: int, name: str = "the model file"):
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

    def predict(self, X) -> np.ndarray:
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


def _checked(X: np.ndarray) -> np.ndarray:
    table = X.astype(np.float64)
    if not (np.abs(table) <= FEATURE_LIMIT).all():
        raise ValueError("the feature table holds NaN, infinity or values beyond float32")
    return table


def require(condition, fault: str) -> None:
    """Raise ValueError of `fault` unless `condition` holds."""
    if not condition:
        raise ValueError(fault)


def logistic(log_odds: np.ndarray) -> np.ndarray:
    """Return 1 / (1 + exp(-log_odds)) without overflow."""
    odds = np.exp(-np.abs(log_odds))
    return np.where(log_odds >= 0, 1.0, odds) / (1.0 + odds)


def packed(array: np.ndarray) -> dict:
    """Return a 1-D array as plain data."""
    return {"dtype": array.dtype.str, "shape": list(array.shape), "data": array.tobytes()}


def unpacked(plain, dtype: str) -> np.ndarray:
    """Return a read-only array; nothing is allocated, whatever shape is claimed."""
    complete = isinstance(plain, dict) and plain.keys() == {"dtype", "shape", "data"}
    require(complete, "an array without its dtype, shape or data")
    require(plain["dtype"] == dtype, "an array of another dtype")
    require(type(plain["data"]) is bytes, "an array without its bytes")
    array = np.frombuffer(plain["data"], dtype)
    require(plain["shape"] == [len(array)], "an array whose shape does not fit its bytes")
    return array
