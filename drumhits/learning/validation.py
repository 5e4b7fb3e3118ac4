"""Dataset -> cross-validation by song, decision threshold, and permutation importance by kind of feature."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.model_selection import GroupKFold, StratifiedKFold

from drumhits.detection.features import GUIDE_FEATURES
from drumhits.detection.kinds import features_by_kind
from drumhits.learning.dataset import Dataset
from drumhits.metrics import f1_score, jackknife_error
from drumhits.models.base import PlainModel

MAX_FOLDS = 5


@dataclass(frozen=True, eq=False)
class Validation:
    """Scores on held-out songs (with one song: on held-out candidates).

    Attributes
    ----------
    n_folds : int
    by_song : bool
        Whether whole songs were held out.
    probability : np.ndarray, shape (n,)
        Out-of-fold confidence of each candidate in 0..1; NaN where no fold could be trained.
    accuracies, train_accuracies : tuple of float in 0..1
        Of each fold, on held-out and on training candidates.
    accuracy, precision, recall, f1 : float in 0..1
        Over all folds together, at `min_confidence`.
    baseline : float in 0..1
        Accuracy of always giving the more frequent answer.
    min_confidence : float in 0..1
        The decision threshold; see `decision_threshold`.
    importance : dict of str to float in 0..1
        Share of each kind of feature in the loss of accuracy when its held-out values are shuffled, greatest first;
        they add up to 1. See `importance_columns`.
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


@dataclass(frozen=True, eq=False)
class Fold:
    """Indices of the candidates to train on and of those to hold out, and the model of the former."""

    training: np.ndarray
    held_out: np.ndarray
    model: PlainModel


def split(dataset: Dataset, seed: int) -> tuple[list[tuple[np.ndarray, np.ndarray]], bool]:
    """Return (training, held out) indices of each fold, and whether whole songs are held out."""
    n_songs = len(np.unique(dataset.groups))
    if n_songs > 1:
        splitter = GroupKFold(min(MAX_FOLDS, n_songs))
        return list(splitter.split(dataset.X, dataset.y, dataset.groups)), True
    rarer = min(np.count_nonzero(dataset.y), np.count_nonzero(~dataset.y))
    splitter = StratifiedKFold(max(2, min(MAX_FOLDS, rarer)), shuffle=True, random_state=seed)
    return (list(splitter.split(dataset.X, dataset.y)) if rarer > 1 else []), False


def fit_folds(
    dataset: Dataset,
    splits: Sequence[tuple[np.ndarray, np.ndarray]],
    fit: Callable[[np.ndarray], PlainModel],
) -> list[Fold]:
    """Return the folds whose training part has both classes, each with the model that `fit(training)` gives."""
    folds = []
    for training, held_out in splits:
        y = dataset.y[training]
        if y.any() and not y.all():
            folds.append(Fold(training, held_out, fit(training)))
    return folds


def held_out_probability(dataset: Dataset, folds: Sequence[Fold]) -> np.ndarray:
    """Return the confidence of each candidate by the model of the fold that holds it out; NaN where there is none."""
    probability = np.full(len(dataset.y), np.nan)
    for fold in folds:
        probability[fold.held_out] = fold.model.predict_proba(dataset.X[fold.held_out])
    return probability


def validate(
    dataset: Dataset,
    folds: Sequence[Fold],
    by_song: bool,
    importance: dict[str, float],
    probability: np.ndarray,
    min_confidence: float | None = None,
) -> Validation:
    """Return the scores of held-out candidates.

    Parameters
    ----------
    dataset : Dataset
    folds : sequence of Fold
    by_song : bool
    importance : dict of str to float
        See `Validation`.
    probability : np.ndarray, shape (n,)
        Held-out confidence of each candidate, NaN where there is none.
    min_confidence : float in 0..1, optional
        The decision threshold; by default `decision_threshold` finds it.
    """
    X, y = dataset.X, dataset.y
    tested = np.isfinite(probability)
    if min_confidence is None:
        min_confidence = 0.5
        if tested.any():
            min_confidence = decision_threshold(probability[tested], y[tested], dataset.groups[tested])
    decided = probability[tested] >= min_confidence
    matched = int(np.count_nonzero(decided & y[tested]))
    return Validation(
        n_folds=len(folds),
        by_song=by_song,
        probability=probability,
        accuracies=tuple(_accuracy(probability[fold.held_out], y[fold.held_out], min_confidence) for fold in folds),
        train_accuracies=tuple(
            _accuracy(fold.model.predict_proba(X[fold.training]), y[fold.training], min_confidence) for fold in folds
        ),
        accuracy=float(np.mean(decided == y[tested])) if tested.any() else 0.0,
        precision=float(matched / max(decided.sum(), 1)),
        recall=float(matched / max(y[tested].sum(), 1)),
        f1=float(f1_score(matched, int(y[tested].sum()), int(decided.sum()))),
        baseline=float(max(y.mean(), 1 - y.mean())),
        min_confidence=min_confidence,
        importance=importance,
    )


def _accuracy(probability: np.ndarray, y: np.ndarray, min_confidence: float) -> float:
    return float(np.mean((probability >= min_confidence) == y))


IMPORTANCE_ROWS = 100  # held-out candidates of a fold to measure importance on: more take longer and change little


def importance_columns(features: Sequence[str]) -> dict[str, list[int]]:
    """Return the columns whose importance is measured together, by the name that the report shows.

    Features of one kind are as good as each other's substitutes, so that each by itself seems unimportant. The guide's
    seven features, which it explains one by one, stand each for itself.

    Parameters
    ----------
    features : sequence of str
        Names of the columns.
    """
    if set(features) <= set(GUIDE_FEATURES):
        return {name: [column] for column, name in enumerate(features)}
    return features_by_kind(features)


def importance(
    dataset: Dataset, folds: Sequence[Fold], columns: Mapping[str, list[int]], weights: np.ndarray, seed: int
) -> dict[str, float]:
    """Return the mean permutation importance over the folds as shares that add up to 1, greatest first.

    Where shuffling loses nothing, the shares are those of the model's own weights, one for each column of the dataset.
    """
    X, y = dataset.X, dataset.y
    losses = [permutation_importance(fold.model, X[fold.held_out], y[fold.held_out], columns, seed) for fold in folds]
    mean = np.maximum(np.mean(losses, axis=0), 0) if losses else np.zeros(len(columns))
    if mean.sum() <= 0:
        mean = np.array([weights[group].sum() for group in columns.values()]) + 1e-12
    shares = zip(columns, (mean / mean.sum()).tolist(), strict=True)
    return dict(sorted(shares, key=lambda item: -item[1]))


def permutation_importance(
    model: PlainModel, X: np.ndarray, y: np.ndarray, columns: Mapping[str, list[int]], seed: int
) -> list[float]:
    """Return the rise of the Brier score when each group of columns is shuffled over the rows.

    Permutation importance (Breiman 2001, "Random forests"), on the squared error of the probability, which is
    finer than accuracy on few examples.

    Parameters
    ----------
    model : PlainModel
    X : np.ndarray, shape (n, n_features)
    y : np.ndarray, shape (n,), bool
    columns : mapping of str to list of int
    seed : int >= 0
    """
    rng = np.random.default_rng(seed)
    some = rng.permutation(len(X))[:IMPORTANCE_ROWS]
    X, y = X[some], y[some]
    order = rng.permutation(len(X))
    before = np.mean((model.predict_proba(X) - y) ** 2)
    losses = []
    for group in columns.values():
        shuffled = X.copy()
        shuffled[:, group] = X[order][:, group]
        losses.append(float(np.mean((model.predict_proba(shuffled) - y) ** 2) - before))
    return losses


THRESHOLDS = np.arange(1, 100) / 100
PLATEAU = 0.01  # of F1, within which thresholds count as equally good
FEW_HITS = 2  # decisions, which among few examples are more of F1 than that
USUAL = 0.4


def decision_threshold(probability: np.ndarray, y: np.ndarray, groups: np.ndarray | None = None) -> float:
    """Return the confidence threshold with the best F1; of those about as good, the one nearest to `USUAL`.

    What is best on the songs at hand by a hair is often not on the next song; `USUAL` is best where the confidence is
    a true probability, since the threshold with the best F1 is half that F1 (Lipton et al. 2014, "Optimal thresholding
    of classifiers to maximize F1 measure"). About as good is what falls short by no more than `PLATEAU`, or than
    `FEW_HITS` make, or than the standard error of the difference over the songs: the one-standard-error rule of Breiman
    et al. 1984, "Classification and regression trees".

    Parameters
    ----------
    probability : np.ndarray, shape (n,)
        Confidence of each candidate in 0..1.
    y : np.ndarray, shape (n,), bool
        Whether the candidate is a hit.
    groups : np.ndarray, shape (n,), int, optional
        Number of each candidate's song; by default all are of one.

    Returns
    -------
    float in 0.01..0.99
    """
    counts = _counts_by_song(probability, y, np.zeros(len(y), int) if groups is None else groups)
    totals = [of_songs.sum(axis=0) for of_songs in counts]
    f1 = np.asarray(f1_score(*totals))
    best = f1.argmax()
    _, n_reference, n_estimated = totals
    margin = max(PLATEAU, 2 * FEW_HITS / max((n_reference + n_estimated)[best], 1))
    if len(counts[0]) > 1:
        left_out = np.asarray(f1_score(*(total - of_songs for total, of_songs in zip(totals, counts, strict=True))))
        margin = np.maximum(margin, jackknife_error(left_out[:, [best]] - left_out))
    good = THRESHOLDS[f1[best] - f1 <= margin]
    return float(good[np.argmin(np.abs(good - USUAL))])


def _counts_by_song(
    probability: np.ndarray, y: np.ndarray, groups: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return matched, reference and estimated hits of each song (rows) at each of THRESHOLDS (columns)."""
    decided = probability[:, None] >= THRESHOLDS
    songs = [groups == song for song in np.unique(groups)]
    matched = np.array([(decided & y[:, None])[own].sum(axis=0) for own in songs])
    return matched, np.array([[y[own].sum()] for own in songs]), np.array([decided[own].sum(axis=0) for own in songs])
