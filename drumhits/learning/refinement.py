"""A starting model and labelled candidates -> what decides better than it on held-out songs, if anything does.

Each way to refine the starting model is fitted without some songs, and decides about these. A way is taken where the
decisions that it mends there outnumber those that it spoils beyond chance (McNemar 1947, "Note on the sampling error of
the difference between correlated proportions"), and by more than the standard error over the songs (the
one-standard-error rule of Breiman et al. 1984, "Classification and regression trees"). Else the starting model stays.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from drumhits.learning.algorithms import Fit
from drumhits.learning.dataset import Dataset
from drumhits.learning.tastes import TASTES, fit_gate
from drumhits.learning.validation import Fold, split
from drumhits.models.base import PlainModel
from drumhits.models.blend import Blend, Gated, log_opinion_pool
from drumhits.models.gate import Gate

WEIGHTS = (0.1, 0.25, 0.5, 0.75, 1.0)  # of the model of the edits, in a blend
SURE = 2.5  # standard deviations of chance by which mended decisions must outnumber spoiled ones
AS_GOOD = 0.2  # of the best way's gain: by so much a simpler way may fall short, since it errs less on other songs
SURELY_WORSE = 2.0  # standard errors over songs: by more than that, too, it has to fall short to be passed over
FEW_SONGS, SURE_IN_FEW_SONGS = 4, 4.0  # of fewer songs there is no standard error worth the name, and chance decides


@dataclass(frozen=True)
class Way:
    """A way to refine: by which of the user's models, and how it goes with the starting model.

    Attributes
    ----------
    user : str
        Name of an algorithm, or the feature of a taste.
    weight : float in 0..1, or None
        Of the user's model in a blend; None for a gate.
    """

    user: str
    weight: float | None

    def probability(self, prior: np.ndarray, user: np.ndarray) -> np.ndarray:
        """Return the probabilities of the refined model from those of its parts, shape (n,)."""
        return prior * user if self.weight is None else log_opinion_pool(prior, user, self.weight)

    def model(self, prior: PlainModel, user: PlainModel) -> PlainModel:
        """Return the refined model."""
        if isinstance(user, Gate):
            return Gated(prior.n_features, prior, user)
        return Blend(prior.n_features, prior, user, self.weight or 0.0)


@dataclass(frozen=True, eq=False)
class Refinement:
    """What became of a starting model.

    Attributes
    ----------
    classifier : PlainModel
        The starting model itself where nothing decided better.
    way : Way or None
    folds : list of Fold
        With the models that are refined in the same way, without the songs held out.
    by_song : bool
        Whether whole songs were held out.
    probability : np.ndarray, shape (n,)
        Of each candidate by a model that has not seen its song, refined in the way that is best on the other songs; NaN
        where none could be fitted.
    mended, spoiled : int
        Held-out decisions that the way makes right, or wrong, unlike the starting model.
    is_scored : bool
        Whether the other songs alone would have taken a way for any song, so that `probability` tells of one.
    shares : np.ndarray, shape (n_features,), or None
        Of the features in what was fitted to the dataset; None where nothing of it is used.
    """

    classifier: PlainModel
    way: Way | None
    folds: list[Fold]
    by_song: bool
    probability: np.ndarray
    mended: int = 0
    spoiled: int = 0
    is_scored: bool = False
    shares: np.ndarray | None = None


def refine(
    dataset: Dataset, start: PlainModel, min_confidence: float, fits: Mapping[str, Fit], seed: int = 0
) -> Refinement:
    """Return the starting model, refined in the way that decides best on held-out songs.

    Parameters
    ----------
    dataset : Dataset
        With candidates of both classes.
    start : PlainModel
        Of the dataset's features.
    min_confidence : float in 0..1
        From which on a candidate is kept.
    fits : mapping of str to callable
        Name of an algorithm -> what fits it.
    seed : int >= 0
        Of the split, where there is one song.
    """
    splits, by_song = split(dataset, seed)
    splits = [one for one in splits if dataset.y[one[0]].any() and not dataset.y[one[0]].all()]
    prior = start.predict_proba(dataset.X)
    users = [_fit_users(dataset, training, prior, fits) for training, _ in splits]
    ways = _ways(dataset.features, fits)
    probability = np.full((len(ways), len(prior)), np.nan)
    for (_, held_out), fitted in zip(splits, users, strict=True):
        by_user = {name: model.predict_proba(dataset.X[held_out]) for name, (model, _) in fitted.items()}
        for row, way in zip(probability, ways, strict=True):
            row[held_out] = way.probability(prior[held_out], by_user[way.user])
    probability = np.where(dataset.offered, probability, prior)
    tested = np.isfinite(probability).all(axis=0)
    is_right = (probability >= min_confidence) == dataset.y
    gains = np.where(tested, is_right.astype(int) - ((prior >= min_confidence) == dataset.y), 0)
    units = dataset.groups if by_song else _fold_of_each(splits, len(prior))
    best = best_way(gains, units)
    if best is None:
        folds = [Fold(training, held_out, start) for training, held_out in splits]
        return Refinement(start, None, folds, by_song, np.where(tested, prior, np.nan))
    way = ways[best]
    folds = [
        Fold(training, held_out, way.model(start, fitted[way.user][0]))
        for (training, held_out), fitted in zip(splits, users, strict=True)
    ]
    user, shares = _fit_users(dataset, np.arange(len(prior)), prior, fits)[way.user]
    chosen = _chosen_elsewhere(probability, prior, gains, units)
    return Refinement(
        classifier=way.model(start, user),
        way=way,
        folds=folds,
        by_song=by_song,
        probability=np.where(tested, chosen, np.nan),
        mended=int(np.count_nonzero(gains[best] > 0)),
        spoiled=int(np.count_nonzero(gains[best] < 0)),
        is_scored=not np.array_equal(chosen, prior),
        shares=shares,
    )


def best_way(gains: np.ndarray, units: np.ndarray) -> int | None:
    """Return the first way that is as good as the best, of those whose gain is sure; None where none is.

    Parameters
    ----------
    gains : np.ndarray, shape (n_ways, n), int
        1 for a decision that the way mends, -1 for one that it spoils, 0 for the others; the simplest way comes first.
    units : np.ndarray, shape (n,), int
        The song of each decision. Each song weighs the same, however many candidates it has.
    """
    mended, spoiled = (gains > 0).sum(axis=1), (gains < 0).sum(axis=1)
    beyond_chance = (mended - spoiled) / np.sqrt(np.maximum(mended + spoiled, 1))
    rates = np.array([gains[:, units == unit].mean(axis=1) for unit in np.unique(units)])
    is_sure = (beyond_chance >= SURE) & (rates.mean(axis=0) > _standard_error(rates))
    if len(rates) < FEW_SONGS:
        is_sure = beyond_chance >= SURE_IN_FEW_SONGS
    if not is_sure.any():
        return None
    best = np.argmax(np.where(is_sure, rates.mean(axis=0), -np.inf))
    short_by = rates[:, [best]] - rates
    tolerance = np.maximum(SURELY_WORSE * _standard_error(short_by), AS_GOOD * rates[:, best].mean())
    is_as_good = short_by.mean(axis=0) <= tolerance
    return int(np.argmax(is_sure & is_as_good))


def _standard_error(rates: np.ndarray) -> np.ndarray:
    """Return the standard error over songs (rows) of the mean of each column; 0 for one song."""
    if len(rates) == 1:
        return np.zeros(rates.shape[1])
    error: np.ndarray = rates.std(axis=0, ddof=1) / np.sqrt(len(rates))
    return error


def song_weights(groups: np.ndarray) -> np.ndarray:
    """Return a weight for each candidate, with which each song weighs the same; their mean is 1."""
    _, song, n_candidates = np.unique(groups, return_inverse=True, return_counts=True)
    return len(groups) / (len(n_candidates) * n_candidates[song.reshape(-1)])


def _ways(features: Sequence[str], fits: Mapping[str, Fit]) -> list[Way]:
    tastes = [Way(taste.feature, None) for taste in TASTES if taste.feature in features]
    return tastes + [Way(name, weight) for name in fits for weight in WEIGHTS]


def _fit_users(
    dataset: Dataset, rows: np.ndarray, prior: np.ndarray, fits: Mapping[str, Fit]
) -> dict[str, tuple[PlainModel, np.ndarray]]:
    """Return the model of each algorithm and the gate of each taste, fitted to some rows of the dataset, by name."""
    X, y, weights = dataset.X[rows], dataset.y[rows], song_weights(dataset.groups[rows])
    fitted = {name: fit(X, y, weights) for name, fit in fits.items()}
    for taste in TASTES:
        if taste.feature in dataset.features:
            column = dataset.features.index(taste.feature)
            gate = fit_gate(X, column, prior[rows], y, weights, least=taste.least)
            fitted[taste.feature] = gate, np.eye(X.shape[1])[column]
    return fitted


def _fold_of_each(splits: Sequence[tuple[np.ndarray, np.ndarray]], n: int) -> np.ndarray:
    fold = np.zeros(n, dtype=int)
    for number, (_, held_out) in enumerate(splits):
        fold[held_out] = number
    return fold


def _chosen_elsewhere(probability: np.ndarray, prior: np.ndarray, gains: np.ndarray, units: np.ndarray) -> np.ndarray:
    """Return each candidate's probability in the way that is best on the other songs; the prior's where none is."""
    chosen = prior.copy()
    for unit in np.unique(units):
        here = units == unit
        best = best_way(gains[:, ~here], units[~here]) if not here.all() else None
        if best is not None:
            chosen[here] = probability[best, here]
    return chosen
