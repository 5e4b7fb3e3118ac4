"""Labelled candidates -> model: fit, cross-validate by song, choose the threshold, weigh the features.

The only module that trains, and so the only one of the package that imports scikit-learn.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from drumhits.forest import Forest
from drumhits.linear import Logistic
from drumhits.plainmodel import PlainModel

MAX_FOLDS = 5
MIN_LEAF = 3  # examples: finer leaves fit one drum kit and err on the next
MAX_TREE_DEPTH = 16  # deeper trees cost time and gain nothing on unseen songs
PERMUTED_FEATURES = 10  # weighed one by one; the others, which the forest hardly uses, together
OTHERS = "(all others)"
PLATEAU = 0.005  # of F1, within which thresholds count as equally good


@dataclass(frozen=True)
class Examples:
    """Labelled candidates of several songs.

    Attributes
    ----------
    X : np.ndarray, shape (n, len(features)), float32
    kept : np.ndarray, shape (n,), bool
    songs : np.ndarray, shape (n,), int
        Number of the song that each example comes from.
    features : tuple of str
    """

    X: np.ndarray
    kept: np.ndarray
    songs: np.ndarray
    features: tuple[str, ...]


@dataclass(frozen=True)
class Algorithm:
    """How to fit: `estimator(n_estimators, seed)` is scikit-learn's, `export` makes the plain model of it."""

    estimator: Callable
    export: Callable[[object], PlainModel]
    weights: Callable[[object], np.ndarray]


def _shares_of_coefficients(magnitudes: np.ndarray) -> np.ndarray:
    return magnitudes / max(magnitudes.sum(), np.finfo(float).tiny)


ALGORITHMS = {
    "forest": Algorithm(
        lambda n_estimators, seed: RandomForestClassifier(
            n_estimators, max_depth=MAX_TREE_DEPTH, min_samples_leaf=MIN_LEAF, random_state=seed, n_jobs=1
        ),
        Forest.from_sklearn,
        lambda fitted: fitted.feature_importances_,
    ),
    "logistic": Algorithm(
        lambda n_estimators, seed: make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000)),
        Logistic.from_sklearn,
        lambda fitted: _shares_of_coefficients(np.abs(fitted[-1].coef_[0])),
    ),
}


@dataclass(frozen=True)
class Validation:
    """Scores on songs (with one song: candidates) that the model had not seen.

    Attributes
    ----------
    n_folds : int
    by_song : bool
        Whether whole songs were held out.
    probability : np.ndarray, shape (n,)
        Out-of-fold confidence of each example; NaN where no fold could be trained.
    accuracies, train_accuracies : tuple of float
        Of each fold, on held-out and on training examples.
    accuracy, precision, recall, f1 : float
        Pooled over the folds, at `min_confidence`.
    baseline : float
        Accuracy of always giving the more frequent answer.
    min_confidence : float
        The confidence threshold with the best F1.
    importance : dict of str to float
        Share of each feature in the loss of accuracy when its held-out values are shuffled; they add up to 1.
    """

    n_folds: int
    by_song: bool
    probability: np.ndarray
    accuracies: tuple[float, ...]
    train_accuracies: tuple[float, ...]
    accuracy: float
    precision: float
    recall: float
    f1: float
    baseline: float
    min_confidence: float
    importance: dict[str, float]


@dataclass(frozen=True)
class Fitted:
    """A model of all examples, and how such a model does on unseen ones."""

    classifier: PlainModel
    validation: Validation
    impurity_importance: dict[str, float]


def train(examples: Examples, *, algorithm: str = "forest", n_estimators: int = 200, seed: int = 0) -> Fitted:
    """Fit a model on all examples, after cross-validating one just like it.

    Raises
    ------
    ValueError
        Only one class among the examples.
    """
    if examples.kept.all() or not examples.kept.any():
        raise ValueError("both kept and removed examples are needed")
    method = ALGORITHMS[algorithm]
    fitted = method.estimator(n_estimators, seed).fit(examples.X, examples.kept)
    weights = method.weights(fitted)
    return Fitted(
        classifier=method.export(fitted),
        validation=_validate(examples, method, n_estimators, seed, weights),
        impurity_importance=dict(zip(examples.features, weights.tolist(), strict=True)),
    )


def _validate(examples: Examples, method: Algorithm, n_estimators: int, seed: int, weights: np.ndarray) -> Validation:
    X, kept = examples.X, examples.kept
    probability = np.full(len(kept), np.nan)
    accuracies, train_accuracies, losses = [], [], []
    columns = _columns_to_shuffle(weights)
    folds, by_song = _folds(examples, seed)
    for training, held_out in folds:
        if kept[training].all() or not kept[training].any():
            continue
        model = method.export(method.estimator(n_estimators, seed).fit(X[training], kept[training]))
        probability[held_out] = model.predict(X[held_out])
        accuracies.append(_accuracy(probability[held_out], kept[held_out]))
        train_accuracies.append(_accuracy(model.predict(X[training]), kept[training]))
        losses.append(_losses_when_shuffled(model, X[held_out], kept[held_out], columns, seed))
    tested = np.isfinite(probability)
    min_confidence = best_threshold(probability[tested], kept[tested]) if tested.any() else 0.5
    decided = probability[tested] >= min_confidence
    hits = np.count_nonzero(decided & kept[tested])
    precision, recall = hits / max(decided.sum(), 1), hits / max(kept[tested].sum(), 1)
    return Validation(
        n_folds=len(accuracies),
        by_song=by_song,
        probability=probability,
        accuracies=tuple(accuracies),
        train_accuracies=tuple(train_accuracies),
        accuracy=float(np.mean(decided == kept[tested])) if tested.any() else 0.0,
        precision=float(precision),
        recall=float(recall),
        f1=float(2 * hits / max(decided.sum() + kept[tested].sum(), 1)),
        baseline=float(max(kept.mean(), 1 - kept.mean())),
        min_confidence=min_confidence,
        importance=_shares(examples.features, columns, losses, weights),
    )


def _folds(examples: Examples, seed: int) -> tuple[list, bool]:
    """Return (training, held out) indices of each fold, and whether whole songs are held out."""
    n_songs = len(np.unique(examples.songs))
    if n_songs > 1:
        splitter = GroupKFold(min(MAX_FOLDS, n_songs))
        return list(splitter.split(examples.X, examples.kept, examples.songs)), True
    rarer = min(np.count_nonzero(examples.kept), np.count_nonzero(~examples.kept))
    splitter = StratifiedKFold(max(2, min(MAX_FOLDS, rarer)), shuffle=True, random_state=seed)
    return (list(splitter.split(examples.X, examples.kept)) if rarer > 1 else []), False


def best_threshold(probability: np.ndarray, kept: np.ndarray) -> float:
    """Return the confidence threshold with the best F1; of those within `PLATEAU` of it, one in the lower quarter.

    In doubt a hit is kept: a false one is deleted sooner than a missing one is found.
    """
    thresholds = np.arange(1, 100) / 100
    decided = probability[:, None] >= thresholds
    hits = (decided & kept[:, None]).sum(axis=0)
    f1 = 2 * hits / np.maximum(decided.sum(axis=0) + kept.sum(), 1)
    good = np.flatnonzero(f1 >= f1.max() - PLATEAU)
    return float(thresholds[good[len(good) // 4]])


def _accuracy(probability: np.ndarray, kept: np.ndarray) -> float:
    return float(np.mean((probability >= 0.5) == kept))


def _columns_to_shuffle(weights: np.ndarray) -> list[np.ndarray]:
    """Return groups of columns: the heaviest one by one, then all others together."""
    heaviest_first = np.argsort(-weights, kind="stable")
    single = [np.array([column]) for column in heaviest_first[:PERMUTED_FEATURES]]
    rest = heaviest_first[PERMUTED_FEATURES:]
    return [*single, rest] if len(rest) else single


def _losses_when_shuffled(
    model: PlainModel, X: np.ndarray, kept: np.ndarray, columns: list[np.ndarray], seed: int
) -> list[float]:
    """Return how much worse the Brier score gets when each group of columns is shuffled over the rows.

    Permutation importance (Breiman 2001, "Random forests"), on the squared error of the probability, which is
    finer than accuracy on few examples.
    """
    order = np.random.default_rng(seed).permutation(len(X))
    before = np.mean((model.predict(X) - kept) ** 2)
    losses = []
    for group in columns:
        shuffled = X.copy()
        shuffled[:, group] = X[order][:, group]
        losses.append(float(np.mean((model.predict(shuffled) - kept) ** 2) - before))
    return losses


def _shares(features: tuple[str, ...], columns: list[np.ndarray], losses: list, weights: np.ndarray) -> dict:
    """Return the mean losses as shares that add up to 1, greatest first but `OTHERS` last.

    Without any loss, the shares are those of the model's own weights.
    """
    mean = np.maximum(np.mean(losses, axis=0), 0) if losses else np.zeros(len(columns))
    if mean.sum() <= 0:
        mean = np.array([weights[group].sum() for group in columns]) + 1e-12
    names = [features[group[0]] if i < PERMUTED_FEATURES else OTHERS for i, group in enumerate(columns)]
    shares = zip(names, (mean / mean.sum()).tolist(), strict=True)
    return dict(sorted(shares, key=lambda item: (item[0] == OTHERS, -item[1])))
