"""The algorithms to fit with: an estimator of scikit-learn, imported where it is fitted, and the plain model of it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from drumhits.models.base import Logistic, PlainModel
from drumhits.models.forest import Forest

FOREST, LOGISTIC = "forest", "logistic"
MIN_LEAF = 3  # examples: finer leaves fit one drum kit and err on the next
MAX_TREE_DEPTH = 16  # deeper trees cost time and gain nothing on unseen songs


@dataclass(frozen=True)
class Algorithm:
    """How to fit.

    Attributes
    ----------
    estimator : callable (n_estimators, seed) -> estimator of scikit-learn
    export : callable (fitted estimator) -> PlainModel
    weights_argument : str
        The argument of `fit` that weighs the examples.
    shares : callable (fitted estimator) -> np.ndarray, shape (n_features,)
        Share of each feature in the fitted model; they add up to 1.
    """

    estimator: Callable[[int, int], Any]
    export: Callable[[Any], PlainModel]
    weights_argument: str
    shares: Callable[[Any], np.ndarray]

    def fit(
        self, X: np.ndarray, y: np.ndarray, weights: np.ndarray, n_estimators: int, seed: int
    ) -> tuple[PlainModel, np.ndarray]:
        """Return the plain model fitted to examples, and the share of each feature in it.

        Parameters
        ----------
        X : np.ndarray, shape (n, n_features)
        y : np.ndarray, shape (n,), bool
        weights : np.ndarray, shape (n,), > 0
        n_estimators : int > 0
        seed : int >= 0
        """
        fitted = self.estimator(n_estimators, seed).fit(X, y, **{self.weights_argument: weights})
        return self.export(fitted), self.shares(fitted)


def _forest(n_estimators: int, seed: int) -> Any:
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(
        n_estimators, max_depth=MAX_TREE_DEPTH, min_samples_leaf=MIN_LEAF, random_state=seed, n_jobs=1
    )


def _logistic(n_estimators: int, seed: int) -> Any:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))


def _shares_of_coefficients(fitted: Any) -> np.ndarray:
    magnitudes = np.abs(fitted[-1].coef_[0])
    shares: np.ndarray = magnitudes / max(magnitudes.sum(), np.finfo(float).tiny)
    return shares


ALGORITHMS = {
    FOREST: Algorithm(_forest, Forest.from_sklearn, "sample_weight", lambda fitted: fitted.feature_importances_),
    LOGISTIC: Algorithm(_logistic, Logistic.from_sklearn, "logisticregression__sample_weight", _shares_of_coefficients),
}
