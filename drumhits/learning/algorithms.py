"""The algorithms to fit with: scikit-learn's estimator, and the plain model that is made of a fitted one."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from drumhits.learning.options import FOREST, LOGISTIC
from drumhits.models.base import Logistic, PlainModel
from drumhits.models.forest import Forest

MIN_LEAF = 3  # examples: finer leaves fit one drum kit and err on the next
MAX_TREE_DEPTH = 16  # deeper trees cost time and gain nothing on unseen songs


@dataclass(frozen=True)
class Algorithm:
    """How to fit.

    Attributes
    ----------
    estimator : callable (n_estimators, seed) -> estimator of scikit-learn
    export : callable (fitted estimator) -> PlainModel
    weights : callable (fitted estimator) -> np.ndarray, shape (n_features,)
        Share of each feature in the fitted model; they add up to 1.
    """

    estimator: Callable[[int, int], Any]
    export: Callable[[Any], PlainModel]
    weights: Callable[[Any], np.ndarray]

    def fit(self, X: np.ndarray, y: np.ndarray, n_estimators: int, seed: int) -> tuple[PlainModel, np.ndarray]:
        """Return the plain model fitted to `X`, shape (n, n_features), and `y`, shape (n,), and its weights."""
        fitted = self.estimator(n_estimators, seed).fit(X, y)
        return self.export(fitted), self.weights(fitted)


def _forest(n_estimators: int, seed: int) -> RandomForestClassifier:
    return RandomForestClassifier(
        n_estimators, max_depth=MAX_TREE_DEPTH, min_samples_leaf=MIN_LEAF, random_state=seed, n_jobs=1
    )


def _shares_of_coefficients(magnitudes: np.ndarray) -> np.ndarray:
    shares: np.ndarray = magnitudes / max(magnitudes.sum(), np.finfo(float).tiny)
    return shares


ALGORITHMS = {
    FOREST: Algorithm(_forest, Forest.from_sklearn, lambda fitted: fitted.feature_importances_),
    LOGISTIC: Algorithm(
        lambda n_estimators, seed: make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000)),
        Logistic.from_sklearn,
        lambda fitted: _shares_of_coefficients(np.abs(fitted[-1].coef_[0])),
    ),
}
