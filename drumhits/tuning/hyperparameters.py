"""Labelled songs -> the hyperparameters under which models of the edits decide best on songs held out.

Songs are held out twice: each of the outer folds is searched by its own songs alone, and what was found there decides
about the songs that it holds out. So the scores are those of a new song; the hyperparameters that are used come from
one more search, by all songs. They are used only where the outer folds show that searching helps.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from drumhits.edits.songs import LabelledSong
from drumhits.errors import NotEnoughDataError
from drumhits.learning.algorithms import ENSEMBLE, FOREST, LOGISTIC, NETWORK, USUAL, Hyperparameters, fits, names_tried
from drumhits.learning.dataset import Dataset
from drumhits.learning.fit import Prepared, fit_prepared, for_models_of_edits, prepare
from drumhits.learning.options import TrainingOptions, Tuned
from drumhits.learning.refinement import WEIGHTS, song_weights
from drumhits.learning.sharing import ExampleFile
from drumhits.learning.verdict import START, HeldOutScore
from drumhits.models.blend import log_opinion_pool
from drumhits.tuning.search import Budget, Choice, Found, Params, Progress, Range, search

if TYPE_CHECKING:
    import optuna

N_FOLDS = 3  # outer, and inner of each
FEWEST_SONGS = 4
LEAST_PROBABILITY = 0.001
BEFORE, AFTER = "usual hyperparameters", "tuned hyperparameters"
RANGES = {
    "max_depth": Range(2, 24, is_whole=True),
    "min_leaf": Range(1, 30, is_whole=True, is_of_proportions=True),
    "max_features": Range(0.03, 0.6, is_of_proportions=True),
    "inverse_ridge": Range(1e-4, 10, is_of_proportions=True),
    "boosted_trees": Range(20, 200, is_whole=True),
    "boosted_depth": Range(1, 5, is_whole=True),
    "learning_rate": Range(0.02, 0.3, is_of_proportions=True),
    "hidden_units": Range(4, 64, is_whole=True, is_of_proportions=True),
    "weight_decay": Range(0.01, 100, is_of_proportions=True),
}
OF_ALGORITHM: dict[str, tuple[str, ...]] = {
    FOREST: ("max_depth", "min_leaf", "max_features"),
    LOGISTIC: ("inverse_ridge",),
    NETWORK: ("hidden_units", "weight_decay"),
}
OF_ALGORITHM[ENSEMBLE] = tuple(name for name in RANGES if name not in OF_ALGORITHM[NETWORK])
USUAL_SHARE = 0.1  # of the features, near to the square root of their number


@dataclass(frozen=True, eq=False)
class Tuning:
    """What a search for hyperparameters came to.

    Attributes
    ----------
    found : Found
        Of the outer folds, and of all songs at the end.
    tuned : Tuned or None
        None where the usual hyperparameters stay.
    algorithm : str
    best : Mapping
        The hyperparameters that were the best by all songs, whether they are used or not.
    held_out : tuple of HeldOutScore
        Of the usual hyperparameters and of the tuned ones, on the songs held out of the outer folds; empty where no
        trial was finished.
    """

    found: Found
    tuned: Tuned | None
    algorithm: str
    best: Mapping[str, Any]
    held_out: tuple[HeldOutScore, ...]


def tune_model(
    songs: Sequence[LabelledSong],
    others: Sequence[ExampleFile],
    options: TrainingOptions,
    budget: Budget,
    progress: Progress = lambda done, total, what: None,
) -> Tuning:
    """Return what a search for the hyperparameters of `options.algorithm` finds; see `fit.train_model`.

    Raises
    ------
    NotEnoughDataError
        There are fewer than FEWEST_SONGS songs, or see `fit.train_model`.
    """
    prepared = prepare(songs, others, options)
    dataset = prepared.dataset
    n_songs = len(np.unique(dataset.groups))
    if n_songs < FEWEST_SONGS:
        raise NotEnoughDataError(
            f"--tune holds songs out twice, and needs {FEWEST_SONGS} of them, not {n_songs}; edit more songs, or train "
            "without it."
        )
    folds = outer_folds(dataset.groups)
    parts = [dataset.of_rows(training) for training, _ in folds] + [dataset]
    names = tuple(names_tried(options.algorithm, len(dataset.y)))
    found = search(
        partial(_space, names),
        [partial(_held_out_loss, *_objective_parts(part, prepared, options)) for part in parts],
        [[_start(names, name) for name in names]] * len(parts),
        budget,
        options.seed,
        progress,
    )
    if not found.best:
        return Tuning(found, None, options.algorithm, {}, ())
    return _judged(prepared, options, found, folds)


def outer_folds(groups: np.ndarray, n_folds: int = N_FOLDS) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return (training, held out) rows of each fold; songs take turns, so that all folds have about as many."""
    fold = np.unique(groups, return_inverse=True)[1].reshape(-1) % n_folds
    return [(np.flatnonzero(fold != number), np.flatnonzero(fold == number)) for number in range(n_folds)]


def _space(names: tuple[str, ...], trial: "optuna.Trial") -> Params:
    algorithm = Choice(names).suggest(trial, "algorithm") if len(names) > 1 else names[0]
    ranges = {name: RANGES[name] for name in OF_ALGORITHM[str(algorithm)]}
    return {"algorithm": algorithm} | {name: one.suggest(trial, name) for name, one in ranges.items()}


def _start(names: tuple[str, ...], algorithm: str) -> Params:
    """Return the usual hyperparameters of an algorithm, as near as the space has them."""
    usual = {name: getattr(USUAL, name) or USUAL_SHARE for name in OF_ALGORITHM[algorithm]}
    start: Params = {name: RANGES[name].nearest(value) for name, value in usual.items()}
    return start | ({"algorithm": algorithm} if len(names) > 1 else {})


def _objective_parts(dataset: Dataset, prepared: Prepared, options: TrainingOptions) -> tuple[Any, ...]:
    prior = prepared.start.classifier.predict_proba(dataset.X) if prepared.start else None
    return dataset, prior, options


def _held_out_loss(dataset: Dataset, prior: np.ndarray | None, options: TrainingOptions, params: Params) -> float:
    """Return the mean logarithmic loss on held-out songs of a model of the edits, in its best blend with the start."""
    algorithm, chosen = _hyperparameters(params)
    fit = fits(algorithm, len(dataset.y), options.n_estimators, options.seed, chosen)[algorithm]
    probability = np.full(len(dataset.y), np.nan)
    X = for_models_of_edits(dataset.X, dataset.features)
    for training, held_out in outer_folds(dataset.groups):
        y = dataset.y[training]
        if y.any() and not y.all():
            model, _ = fit(X[training], y, song_weights(dataset.groups[training]))
            probability[held_out] = model.predict_proba(X[held_out])
    rows = np.isfinite(probability) & dataset.offered
    if not rows.any():
        return float("inf")
    user, weights = probability[rows], song_weights(dataset.groups[rows])
    ways = [user] if prior is None else [log_opinion_pool(prior[rows], user, weight) for weight in WEIGHTS]
    return min(_log_loss(way, dataset.y[rows], weights) for way in ways)


def _log_loss(probability: np.ndarray, y: np.ndarray, weights: np.ndarray) -> float:
    right = np.clip(np.where(y, probability, 1 - probability), LEAST_PROBABILITY, 1)
    return float(-np.average(np.log(right), weights=weights))


def _hyperparameters(params: Params) -> tuple[str, Hyperparameters]:
    chosen: dict[str, Any] = {name: value for name, value in params.items() if name != "algorithm"}
    return str(params["algorithm"]), replace(USUAL, **chosen)


def _judged(
    prepared: Prepared, options: TrainingOptions, found: Found, folds: Sequence[tuple[np.ndarray, np.ndarray]]
) -> Tuning:
    """Return the tuning, used where the outer folds decide surely better than untuned, and no worse than the start."""
    dataset, start = prepared.dataset, prepared.start
    before, _ = _outer_probability(prepared, [options] * len(folds), folds)
    after, tuned = _outer_probability(prepared, [_with(options, params) for params in found.best], folds)
    algorithm, chosen = _hyperparameters(found.best[-1])
    held_out = (_score(BEFORE, before, dataset), _score(AFTER, after, dataset))
    is_better = held_out[1].is_surely_above(held_out[0])
    if start:
        by_start = start.classifier.predict_proba(dataset.X) >= start.min_confidence
        is_better &= held_out[1].f1 >= _score(START, by_start, dataset).f1
    used = Tuned(algorithm, chosen, found.n_trials, tuned) if is_better else None
    best = {name: value for name, value in found.best[-1].items() if name != "algorithm"}
    return Tuning(found, used, algorithm, best, held_out)


def _with(options: TrainingOptions, params: Params) -> TrainingOptions:
    algorithm, chosen = _hyperparameters(params)
    return replace(options, tuned=Tuned(algorithm, chosen, 0, None))


def _outer_probability(
    prepared: Prepared, options: Sequence[TrainingOptions], folds: Sequence[tuple[np.ndarray, np.ndarray]]
) -> tuple[np.ndarray, np.ndarray]:
    """Return whether each candidate is kept by the model of the fold that holds it out, and its probability there.

    Where a fold has candidates of one class only, all are kept or removed as these were.
    """
    dataset, start = prepared.dataset, prepared.start
    keep, probability = np.zeros(len(dataset.y), dtype=bool), np.full(len(dataset.y), np.nan)
    prior = start.classifier.predict_proba(dataset.X) if start else np.zeros(len(dataset.y))
    for (training, held_out), of_fold in zip(folds, options, strict=False):
        part = dataset.of_rows(training)
        if part.y.all() or not part.y.any():
            keep[held_out] = part.y[0]
            continue
        fitted = fit_prepared(replace(prepared, dataset=part), of_fold)
        by_model = fitted.classifier.predict_proba(dataset.X[held_out])
        probability[held_out] = np.where(dataset.offered[held_out] | (start is None), by_model, prior[held_out])
        keep[held_out] = probability[held_out] >= fitted.validation.min_confidence
    return keep, probability


def _score(name: str, keep: np.ndarray, dataset: Dataset) -> HeldOutScore:
    songs = [dataset.groups == song for song in np.unique(dataset.groups)]
    counts = [((keep & dataset.y)[own].sum(), dataset.y[own].sum(), keep[own].sum()) for own in songs]
    return HeldOutScore(name, np.array(counts, dtype=int))
