"""A logistic regression on standardised features, as arrays: the simpler model for few examples."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from .plainmodel import PlainModel, logistic, require

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

    def __post_init__(self):
        for field in ("mean", "scale", "coef"):
            require(len(getattr(self, field)) == self.n_features, f"{field} is not one number a feature")
        require(len(self.intercept) == 1, "not one intercept")
        for field in self.DTYPES:
            magnitude = np.abs(getattr(self, field))
            require((magnitude <= PARAMETER_LIMIT).all(), f"{field} is not finite or too large")
        require((self.scale >= 1 / PARAMETER_LIMIT).all(), "a scale that is not positive")

    @classmethod
    def from_sklearn(cls, pipeline) -> "Logistic":
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
        return logistic(score)
