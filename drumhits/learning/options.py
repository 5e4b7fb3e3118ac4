"""The options of a training, checked as they are made, and the algorithms to fit with.

An algorithm is an estimator of scikit-learn, imported where it is fitted, and the plain model that is made of it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from drumhits.analysis import ALL
from drumhits.bundle import PRETRAINED
from drumhits.errors import UsageError
from drumhits.models.base import Logistic, PlainModel
from drumhits.models.forest import Forest

FOREST, LOGISTIC = "forest", "logistic"
FROM_NOTHING = "none"
MAX_TREES = 2000
MAX_SEED = 2**32 - 1
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


def _shares_of_coefficients(magnitudes: np.ndarray) -> np.ndarray:
    shares: np.ndarray = magnitudes / max(magnitudes.sum(), np.finfo(float).tiny)
    return shares


ALGORITHMS = {
    FOREST: Algorithm(_forest, Forest.from_sklearn, lambda fitted: fitted.feature_importances_),
    LOGISTIC: Algorithm(
        _logistic,
        Logistic.from_sklearn,
        lambda fitted: _shares_of_coefficients(np.abs(fitted[-1].coef_[0])),
    ),
}


@dataclass(frozen=True)
class TrainingOptions:
    """How a model is trained.

    Attributes
    ----------
    algorithm : str
        FOREST or LOGISTIC.
    n_estimators : int in 1..2000
        Trees of a forest.
    seed : int in 0..2**32 - 1
        Same examples, same seed: same model.
    features : str
        The set of features, ALL or GUIDE, that the model is trained on.
    start_from : str, optional
        "pretrained": the bundled model, which the edits refine; FROM_NOTHING: no model. By default the bundled model
        where it fits.
    force : bool
        Train on very few hits, too.

    Raises
    ------
    UsageError
        A number is out of range.
    """

    algorithm: str = FOREST
    n_estimators: int = 200
    seed: int = 0
    features: str = ALL
    start_from: str | None = None
    force: bool = False

    def __post_init__(self) -> None:
        if self.algorithm not in ALGORITHMS:
            raise UsageError(f"--algorithm {self.algorithm}: give {' or '.join(ALGORITHMS)}.")
        if not 1 <= self.n_estimators <= MAX_TREES:
            raise UsageError(f"--n-estimators {self.n_estimators}: give 1 to {MAX_TREES}.")
        if not 0 <= self.seed <= MAX_SEED:
            raise UsageError(f"--seed {self.seed}: give 0 to {MAX_SEED}.")
        if self.start_from not in (None, PRETRAINED, FROM_NOTHING):
            raise UsageError(f"--start-from {self.start_from}: give {PRETRAINED} or {FROM_NOTHING}.")
