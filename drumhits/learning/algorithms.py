"""The algorithms to fit with: estimators of scikit-learn, imported where they fit, and the plain models of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from drumhits.models.base import Logistic, PlainModel
from drumhits.models.forest import Boosted, Forest
from drumhits.models.perceptron import Perceptron
from drumhits.models.pool import Pool, log_odds
from drumhits.numeric import expit

FOREST, LOGISTIC, ENSEMBLE, NETWORK, AUTO = "forest", "logistic", "ensemble", "network", "auto"
SUBSAMPLE = 0.7  # of the examples, for each boosted tree
INNER_FOLDS = 3  # of an ensemble, by which its parts are weighed
POOL_RIDGE = 0.01  # that draws the weights of an ensemble to equal ones
NETWORK_EXAMPLES = 1000  # decisions, below which a network is likely worse than a forest


@dataclass(frozen=True)
class Hyperparameters:
    """What the algorithms leave to choose; the usual values do well on unseen songs.

    Attributes
    ----------
    max_depth : int > 0
        Of a forest's trees: deeper ones cost time.
    min_leaf : int > 0
        Examples in a leaf, of a forest and of boosted trees: finer ones fit one drum kit and err on the next.
    max_features : float in 0..1, or None
        Share of the features that a split of a forest chooses among; None: the square root of their number.
    inverse_ridge : float > 0
        Of logistic regression: the smaller, the more alike are all answers.
    boosted_trees, boosted_depth : int > 0
    learning_rate : float > 0
        Of boosted trees.
    hidden_units : int > 1
        Of a network's first hidden layer; the second has half of them.
    weight_decay : float >= 0
        Of a network.
    """

    max_depth: int = 16
    min_leaf: int = 3
    max_features: float | None = None
    inverse_ridge: float = 1.0
    boosted_trees: int = 80
    boosted_depth: int = 3
    learning_rate: float = 0.1
    hidden_units: int = 32
    weight_decay: float = 1.0


USUAL = Hyperparameters()


@dataclass(frozen=True)
class Algorithm:
    """How to fit one model.

    Attributes
    ----------
    estimator : callable (n_estimators, seed, hyperparameters) -> estimator of scikit-learn
    export : callable (fitted estimator) -> PlainModel
    weights_argument : str or None
        The argument of `fit` that weighs the examples; None: examples are drawn by their weights.
    shares : callable (fitted estimator) -> np.ndarray, shape (n_features,)
        Share of each feature in the fitted model; they add up to 1.
    """

    estimator: Callable[[int, int, Hyperparameters], Any]
    export: Callable[[Any], PlainModel]
    weights_argument: str | None
    shares: Callable[[Any], np.ndarray]

    def fit(
        self,
        X: np.ndarray,
        y: np.ndarray,
        weights: np.ndarray,
        n_estimators: int,
        seed: int,
        hyperparameters: Hyperparameters = USUAL,
    ) -> tuple[PlainModel, np.ndarray]:
        """Return the plain model fitted to examples, and the share of each feature in it.

        Parameters
        ----------
        X : np.ndarray, shape (n, n_features)
        y : np.ndarray, shape (n,), bool
        weights : np.ndarray, shape (n,), > 0
        n_estimators : int > 0
        seed : int >= 0
        hyperparameters : Hyperparameters
        """
        estimator = self.estimator(n_estimators, seed, hyperparameters)
        if self.weights_argument is None:
            rows = _drawn(y, weights, seed)
            fitted = estimator.fit(X[rows], y[rows])
        else:
            fitted = estimator.fit(X, y, **{self.weights_argument: weights})
        return self.export(fitted), self.shares(fitted)


def _drawn(y: np.ndarray, weights: np.ndarray, seed: int) -> np.ndarray:
    """Return every row once, and as many again drawn by their weights."""
    again = np.random.default_rng(seed).choice(len(y), len(y), p=weights / weights.sum())
    return np.concatenate((np.arange(len(y)), again))


def _forest(n_estimators: int, seed: int, chosen: Hyperparameters) -> Any:
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(
        n_estimators, max_depth=chosen.max_depth, min_samples_leaf=chosen.min_leaf,
        max_features=chosen.max_features or "sqrt", random_state=seed, n_jobs=1,
    )  # fmt: skip


def _logistic(n_estimators: int, seed: int, chosen: Hyperparameters) -> Any:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), LogisticRegression(C=chosen.inverse_ridge, max_iter=2000))


def _boosted(n_estimators: int, seed: int, chosen: Hyperparameters) -> Any:
    from sklearn.ensemble import GradientBoostingClassifier

    return GradientBoostingClassifier(
        n_estimators=chosen.boosted_trees, max_depth=chosen.boosted_depth, learning_rate=chosen.learning_rate,
        subsample=SUBSAMPLE, max_features="sqrt", min_samples_leaf=chosen.min_leaf, random_state=seed,
    )  # fmt: skip


def _network(n_estimators: int, seed: int, chosen: Hyperparameters) -> Any:
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    sizes = (chosen.hidden_units, chosen.hidden_units // 2)
    network = MLPClassifier(sizes, alpha=chosen.weight_decay, max_iter=400, tol=1e-3, random_state=seed)
    return make_pipeline(StandardScaler(), network)


def _shares(magnitudes: np.ndarray) -> np.ndarray:
    shares: np.ndarray = magnitudes / max(magnitudes.sum(), np.finfo(float).tiny)
    return shares


SINGLE_ALGORITHMS = {
    FOREST: Algorithm(_forest, Forest.from_sklearn, "sample_weight", lambda fitted: fitted.feature_importances_),
    LOGISTIC: Algorithm(
        _logistic,
        Logistic.from_sklearn,
        "logisticregression__sample_weight",
        lambda fitted: _shares(np.abs(fitted[-1].coef_[0])),
    ),
    NETWORK: Algorithm(
        _network, Perceptron.from_sklearn, None, lambda fitted: _shares(np.abs(fitted[-1].coefs_[0]).sum(axis=1))
    ),
}
_BOOSTED = Algorithm(
    _boosted, Boosted.from_sklearn, "sample_weight", lambda fitted: _shares(fitted.feature_importances_)
)
_PARTS_OF_ENSEMBLE = (SINGLE_ALGORITHMS[FOREST], _BOOSTED, SINGLE_ALGORITHMS[LOGISTIC])
ALGORITHMS = (FOREST, LOGISTIC, ENSEMBLE, NETWORK, AUTO)

_Settings = tuple[int, int, Hyperparameters]  # n_estimators, seed, hyperparameters
Fit = Callable[[np.ndarray, np.ndarray, np.ndarray], tuple[PlainModel, np.ndarray]]  # (X, y, weights), see Algorithm


def fits(
    algorithm: str, n_examples: int, n_estimators: int, seed: int, hyperparameters: Hyperparameters = USUAL
) -> Mapping[str, Fit]:
    """Return what fits the models to choose among, by the name of the algorithm: one, but for AUTO.

    Parameters
    ----------
    algorithm : str
        One of `ALGORITHMS`.
    n_examples : int
        AUTO tries a network from NETWORK_EXAMPLES on.
    n_estimators : int > 0
        Trees of a forest.
    seed : int >= 0
    hyperparameters : Hyperparameters
    """
    settings = (n_estimators, seed, hyperparameters)
    return {name: partial(_fit, name, settings) for name in names_tried(algorithm, n_examples)}


def names_tried(algorithm: str, n_examples: int) -> list[str]:
    """Return the algorithms that one of `ALGORITHMS` stands for."""
    if algorithm != AUTO:
        return [algorithm]
    return [LOGISTIC, FOREST, ENSEMBLE] + ([NETWORK] if n_examples >= NETWORK_EXAMPLES else [])


def _fit(
    name: str, settings: _Settings, X: np.ndarray, y: np.ndarray, weights: np.ndarray
) -> tuple[PlainModel, np.ndarray]:
    if name == ENSEMBLE:
        return _fit_ensemble(X, y, weights, settings)
    return SINGLE_ALGORITHMS[name].fit(X, y, weights, *settings)


def _fit_ensemble(
    X: np.ndarray, y: np.ndarray, weights: np.ndarray, settings: _Settings
) -> tuple[PlainModel, np.ndarray]:
    """Return a pool of forest, boosted trees and logistic regression, weighed by their out-of-fold predictions."""
    fitted = [part.fit(X, y, weights, *settings) for part in _PARTS_OF_ENSEMBLE]
    pool, intercept = _pool_weights(_out_of_fold(X, y, weights, settings), y, weights)
    shares = sum(weight * share for weight, (_, share) in zip(pool, fitted, strict=True))
    return Pool(X.shape[1], tuple(model for model, _ in fitted), tuple(pool), intercept), _shares(np.asarray(shares))


def _out_of_fold(X: np.ndarray, y: np.ndarray, weights: np.ndarray, settings: _Settings) -> np.ndarray:
    """Return the log odds of each example by each part, fitted without it, shape (n, n_parts); rows come in songs."""
    odds = np.zeros((len(y), len(_PARTS_OF_ENSEMBLE)))
    for held_out in np.array_split(np.arange(len(y)), INNER_FOLDS):  # runs of rows: mostly other songs than the rest
        rest = np.setdiff1d(np.arange(len(y)), held_out)
        if y[rest].all() or not y[rest].any():
            continue
        for column, part in enumerate(_PARTS_OF_ENSEMBLE):
            model, _ = part.fit(X[rest], y[rest], weights[rest], *settings)
            odds[held_out, column] = log_odds(model.predict_proba(X[held_out]))
    return odds


def _pool_weights(odds: np.ndarray, y: np.ndarray, weights: np.ndarray) -> tuple[list[float], float]:
    """Return the weights >= 0 and the intercept of a pool under which the examples are the most likely."""
    from scipy.optimize import minimize

    equal, n_parts = 1 / odds.shape[1], odds.shape[1]

    def loss(parameters: np.ndarray) -> tuple[float, np.ndarray]:
        score = odds @ parameters[:-1] + parameters[-1]
        error = weights * (expit(score) - y)
        away = parameters[:-1] - equal
        value = np.sum(weights * (np.logaddexp(0, score) - y * score)) + POOL_RIDGE * len(y) * away @ away
        slope = np.append(odds.T @ error + 2 * POOL_RIDGE * len(y) * away, error.sum())
        return float(value), slope

    bounds = [(0.0, 3.0)] * n_parts + [(-3.0, 3.0)]
    found = minimize(loss, np.append(np.full(n_parts, equal), 0.0), jac=True, method="L-BFGS-B", bounds=bounds).x
    return [float(one) for one in found[:-1]], float(found[-1])
