"""Labelled candidates -> model: fit, and cross-validate by song.

The only module that trains, and so the only one of the package that imports scikit-learn.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from drumhits.blend import Blend, pooled
from drumhits.context import families
from drumhits.forest import Forest
from drumhits.importance import losses_when_shuffled, shares_of_losses
from drumhits.linear import Logistic
from drumhits.minconfidence import best_threshold
from drumhits.plainmodel import PlainModel

MAX_FOLDS = 5
MIN_LEAF = 3  # examples: finer leaves fit one drum kit and err on the next
MAX_TREE_DEPTH = 16  # deeper trees cost time and gain nothing on unseen songs
USUAL_HALF = 32_000  # examples that usually teach as much as the bundled models know
SHARES = np.arange(5, 101, 5) / 100  # edits always count a little
# By what the logarithm of the held-out squared error must fall for a share that is not near the usual one, and the more
# so the farther it is; the error has something added, so that a few examples decide nothing.
DECISIVE, NEAR_USUAL, FAR, ERROR_UNSEEN = 0.4, 0.15, 0.4, 5.0


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

    def without(self, feature: str) -> "Examples":
        """Return the same examples without a feature, if they have it."""
        others = [column for column, name in enumerate(self.features) if name != feature]
        return replace(self, X=self.X[:, others], features=tuple(self.features[column] for column in others))

    def blanked(self, feature: str | None) -> "Examples":
        """Return the same examples with a feature, if they have it, at 0 in all of them, so that it teaches nothing."""
        return replace(self, X=np.where([name == feature for name in self.features], np.float32(0), self.X))


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
        Share of each feature, or family of like features, in what the examples taught: in the loss of accuracy when
        its held-out values are shuffled, what was known before aside. They add up to 1.
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


def train(
    examples: Examples,
    *,
    algorithm: str = "forest",
    n_estimators: int = 200,
    seed: int = 0,
    start_from: PlainModel | None = None,
    left_to_it: str | None = None,
) -> Fitted:
    """Fit a model on all examples, after cross-validating one just like it.

    Parameters
    ----------
    start_from : PlainModel, optional
        What is known before the examples; it takes the same features. The result blends it with what they teach.
    left_to_it : str, optional
        The feature that `start_from` decides by and the examples teach nothing about: two judges who look at
        different things err less together.

    Raises
    ------
    ValueError
        Only one class among the examples.
    """
    if examples.kept.all() or not examples.kept.any():
        raise ValueError("both kept and removed examples are needed")
    method, taught = ALGORITHMS[algorithm], examples.blanked(left_to_it)
    fitted = method.estimator(n_estimators, seed).fit(taught.X, taught.kept)
    weights = method.weights(fitted)
    learned = method.export(fitted)
    splits, by_song = _folds(examples, seed)
    folds = _fit_folds(taught, splits, lambda: method.estimator(n_estimators, seed), method.export)
    columns = {name: found for name, found in families(examples.features).items() if name != left_to_it}
    importance = _importance(taught, folds, columns, weights, seed)
    if start_from is not None:
        share = _share_of_learned(examples, folds, start_from)
        learned = Blend(learned.n_features, start_from, learned, share)
        folds = [replace(fold, model=Blend(learned.n_features, start_from, fold.model, share)) for fold in folds]
    return Fitted(
        classifier=learned,
        validation=_validate(examples, folds, by_song, importance),
        impurity_importance=dict(zip(examples.features, weights.tolist(), strict=True)),
    )


@dataclass(frozen=True)
class Fold:
    """Examples (their indices) to train on and to hold out, and the model of the former."""

    training: np.ndarray
    held_out: np.ndarray
    model: PlainModel


def _fit_folds(examples: Examples, splits: list, estimator: Callable, export: Callable) -> list[Fold]:
    """Return the folds whose training part has both classes, each with its model."""
    folds = []
    for training, held_out in splits:
        kept = examples.kept[training]
        if kept.any() and not kept.all():
            folds.append(Fold(training, held_out, export(estimator().fit(examples.X[training], kept))))
    return folds


def _share_of_learned(examples: Examples, folds: list[Fold], before: PlainModel) -> float:
    """Return the weight of what the examples taught beside what was known before.

    Mostly it is what so many examples usually deserve, or near it: that other songs than these are like them is more
    than their error can tell. But where edits contradict what was known, as a taste does, the error falls so far that
    it decides: a prior of a spike and a slab (Mitchell and Beauchamp 1988, "Bayesian variable selection in linear
    regression").
    """
    usual = len(examples.kept) / (len(examples.kept) + USUAL_HALF)
    if not folds:
        return float(max(usual, SHARES[0]))
    held_out = np.concatenate([fold.held_out for fold in folds])
    learned = np.concatenate([fold.model.predict(examples.X[fold.held_out]) for fold in folds])
    known, kept = before.predict(examples.X[held_out]), examples.kept[held_out]
    errors = np.array([np.sum((pooled(known, learned, share) - kept) ** 2) for share in SHARES])
    distance = SHARES - usual
    doubt = DECISIVE * (1 - np.exp(-0.5 * (distance / NEAR_USUAL) ** 2)) + FAR * distance**2
    return float(SHARES[np.argmin(np.log(errors + ERROR_UNSEEN) + doubt)])


def _importance(
    examples: Examples, folds: list[Fold], columns: dict[str, list[int]], weights: np.ndarray, seed: int
) -> dict[str, float]:
    X, kept = examples.X, examples.kept
    losses = [losses_when_shuffled(fold.model, X[fold.held_out], kept[fold.held_out], columns, seed) for fold in folds]
    return shares_of_losses(columns, losses, weights)


def _validate(examples: Examples, folds: list[Fold], by_song: bool, importance: dict[str, float]) -> Validation:
    X, kept = examples.X, examples.kept
    probability = np.full(len(kept), np.nan)
    for fold in folds:
        probability[fold.held_out] = fold.model.predict(X[fold.held_out])
    tested = np.isfinite(probability)
    min_confidence = best_threshold(probability[tested], kept[tested], examples.songs[tested]) if tested.any() else 0.5
    decided = probability[tested] >= min_confidence
    hits = np.count_nonzero(decided & kept[tested])
    precision, recall = hits / max(decided.sum(), 1), hits / max(kept[tested].sum(), 1)
    accuracies = tuple(_accuracy(probability[fold.held_out], kept[fold.held_out], min_confidence) for fold in folds)
    train_accuracies = tuple(
        _accuracy(fold.model.predict(X[fold.training]), kept[fold.training], min_confidence) for fold in folds
    )
    return Validation(
        n_folds=len(folds),
        by_song=by_song,
        probability=probability,
        accuracies=accuracies,
        train_accuracies=train_accuracies,
        accuracy=float(np.mean(decided == kept[tested])) if tested.any() else 0.0,
        precision=float(precision),
        recall=float(recall),
        f1=float(2 * hits / max(decided.sum() + kept[tested].sum(), 1)),
        baseline=float(max(kept.mean(), 1 - kept.mean())),
        min_confidence=min_confidence,
        importance=importance,
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


def _accuracy(probability: np.ndarray, kept: np.ndarray, min_confidence: float) -> float:
    return float(np.mean((probability >= min_confidence) == kept))
