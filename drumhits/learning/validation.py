"""Cross-validation by song, decision threshold, and permutation importance."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from sklearn.model_selection import GroupKFold, StratifiedKFold

from drumhits.learning.dataset import Dataset
from drumhits.metrics import jackknife_error
from drumhits.models.base import PlainModel

MAX_FOLDS = 5


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
class Fold:
    """Examples (their indices) to train on and to hold out, and the model of the former."""

    training: np.ndarray
    held_out: np.ndarray
    model: PlainModel


def _fit_folds(examples: Dataset, splits: list, estimator: Callable, export: Callable) -> list[Fold]:
    """Return the folds whose training part has both classes, each with its model."""
    folds = []
    for training, held_out in splits:
        kept = examples.kept[training]
        if kept.any() and not kept.all():
            folds.append(Fold(training, held_out, export(estimator().fit(examples.X[training], kept))))
    return folds


def _importance(
    examples: Dataset, folds: list[Fold], columns: dict[str, list[int]], weights: np.ndarray, seed: int
) -> dict[str, float]:
    X, kept = examples.X, examples.kept
    losses = [
        permutation_importance(fold.model, X[fold.held_out], kept[fold.held_out], columns, seed) for fold in folds
    ]
    return shares_of_losses(columns, losses, weights)


def _validate(examples: Dataset, folds: list[Fold], by_song: bool, importance: dict[str, float]) -> Validation:
    X, kept = examples.X, examples.kept
    probability = np.full(len(kept), np.nan)
    for fold in folds:
        probability[fold.held_out] = fold.model.predict_proba(X[fold.held_out])
    tested = np.isfinite(probability)
    min_confidence = 0.5
    if tested.any():
        min_confidence = decision_threshold(probability[tested], kept[tested], examples.songs[tested])
    decided = probability[tested] >= min_confidence
    hits = np.count_nonzero(decided & kept[tested])
    precision, recall = hits / max(decided.sum(), 1), hits / max(kept[tested].sum(), 1)
    accuracies = tuple(_accuracy(probability[fold.held_out], kept[fold.held_out], min_confidence) for fold in folds)
    train_accuracies = tuple(
        _accuracy(fold.model.predict_proba(X[fold.training]), kept[fold.training], min_confidence) for fold in folds
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


def _folds(examples: Dataset, seed: int) -> tuple[list, bool]:
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

WEIGHED = 100  # held-out examples of a fold by which features are weighed: more take time and tell little more


def permutation_importance(
    model: PlainModel, X: np.ndarray, kept: np.ndarray, columns: dict[str, list[int]], seed: int
) -> list[float]:
    """Return how much worse the Brier score gets when each family of features is shuffled over the rows.

    Permutation importance (Breiman 2001, "Random forests"), on the squared error of the probability, which is
    finer than accuracy on few examples.
    """
    rng = np.random.default_rng(seed)
    some = rng.permutation(len(X))[:WEIGHED]
    X, kept = X[some], kept[some]
    order = rng.permutation(len(X))
    before = np.mean((model.predict_proba(X) - kept) ** 2)
    losses = []
    for group in columns.values():
        shuffled = X.copy()
        shuffled[:, group] = X[order][:, group]
        losses.append(float(np.mean((model.predict_proba(shuffled) - kept) ** 2) - before))
    return losses


def shares_of_losses(columns: dict[str, list[int]], losses: list, weights: np.ndarray) -> dict[str, float]:
    """Return the mean losses as shares that add up to 1, greatest first.

    Without any loss, the shares are those of the model's own weights.
    """
    mean = np.maximum(np.mean(losses, axis=0), 0) if losses else np.zeros(len(columns))
    if mean.sum() <= 0:
        mean = np.array([weights[group].sum() for group in columns.values()]) + 1e-12
    shares = zip(columns, (mean / mean.sum()).tolist(), strict=True)
    return dict(sorted(shares, key=lambda item: -item[1]))

PLATEAU = 0.01  # of F1, within which thresholds count as equally good
FEW_HITS = 2  # decisions, which among few examples are more of F1 than that
USUAL = 0.4


def decision_threshold(probability: np.ndarray, kept: np.ndarray, songs: np.ndarray | None = None) -> float:
    """Return the confidence threshold with the best F1; of those about as good, the one nearest to `USUAL`.

    What is best on the songs at hand by a hair is often not on the next song; `USUAL` is best where the confidence is
    a true probability, since the threshold with the best F1 is half that F1 (Lipton et al. 2014, "Optimal thresholding
    of classifiers to maximize F1 measure"). About as good is what falls short by no more than `PLATEAU`, or than
    `FEW_HITS` make, or than the standard error of the difference over the songs, where `songs` numbers them: the
    one-standard-error rule of Breiman et al. 1984, "Classification and regression trees".
    """
    thresholds = np.arange(1, 100) / 100
    decided = probability[:, None] >= thresholds
    songs = np.zeros(len(kept), dtype=int) if songs is None else songs
    of_songs = [songs == song for song in np.unique(songs)]
    hits, made = (np.array([rows[own].sum(axis=0) for own in of_songs]) for rows in (decided & kept[:, None], decided))
    true = np.array([[kept[own].sum()] for own in of_songs])
    f1 = _f1(hits.sum(axis=0), made.sum(axis=0) + true.sum(axis=0))
    best = f1.argmax()
    little = max(PLATEAU, 2 * FEW_HITS / max((made + true).sum(axis=0)[best], 1))
    if len(of_songs) > 1:
        left_out = _f1(hits.sum(axis=0) - hits, (made + true).sum(axis=0) - (made + true))
        little = np.maximum(little, jackknife_error(left_out[:, [best]] - left_out))
    good = f1[best] - f1 <= little
    return float(thresholds[good][np.argmin(np.abs(thresholds[good] - USUAL))])


def _f1(hits: np.ndarray, made_and_true: np.ndarray) -> np.ndarray:
    return 2 * hits / np.maximum(made_and_true, 1)
