"""Labelled songs, or a dataset -> a fitted model, and the model that is written.

`train_model` is the whole way, as `train_classifier.py` takes it:

    loaded = load_songs(Path("raw_midi"), Path("edited_midi"), "cymbals")
    training = train_model(loaded.songs)
    Path("cymbals.pkl").write_bytes(training.model.to_bytes())
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from os import PathLike
from pathlib import Path

import numpy as np

from drumhits.bundle import PRETRAINED, shipped_files
from drumhits.detection.features import FILE_AMP
from drumhits.edits.songs import LabelledSong
from drumhits.errors import NotEnoughDataError
from drumhits.io.files import write_whole
from drumhits.io.outputs import Output, require_safe, starts_with
from drumhits.learning.algorithms import FOREST, USUAL, Fit, Hyperparameters, fits
from drumhits.learning.dataset import Dataset, counts, gather_dataset, require_enough
from drumhits.learning.options import FROM_NOTHING, TrainingOptions, starting_model
from drumhits.learning.record import make_model
from drumhits.learning.refinement import Refinement, refine, song_weights
from drumhits.learning.sharing import ExampleFile, merge_datasets
from drumhits.learning.validation import (
    Validation,
    fit_folds,
    held_out_probability,
    importance,
    importance_columns,
    split,
    validate,
)
from drumhits.learning.verdict import HeldOutScore, held_out_scores
from drumhits.models.base import PlainModel
from drumhits.models.modelfile import KIND, TrainedModel
from drumhits.models.partial import OfFirst
from drumhits.networks.bundled import EMBEDDING_FEATURES, NETWORK_LOG_ODDS


@dataclass(frozen=True, eq=False)
class FittedModel:
    """A model fitted to a whole dataset, and the cross-validation of models fitted like it.

    Attributes
    ----------
    classifier : PlainModel
    validation : Validation
    impurity_importance : dict of str to float
        Weight of each feature in what was fitted to the dataset; they add up to 1. Empty where nothing of it is used.
    refinement : Refinement or None
        What became of the starting model; None without one.
    """

    classifier: PlainModel
    validation: Validation
    impurity_importance: dict[str, float]
    refinement: Refinement | None = None


@dataclass(frozen=True, eq=False)
class Training:
    """A trained model, and what it was made of: all that the reports of a training need.

    Attributes
    ----------
    model : TrainedModel
    fitted : FittedModel
    dataset : Dataset
        What the model was fitted to.
    songs : tuple of LabelledSong
    others : tuple of ExampleFile
        The files of examples, without the songs that were there already.
    start_from : str
        "pretrained" or a path where the edits refine a model, else "none".
    held_out : tuple of HeldOutScore
        Of the thresholds, the starting model and the new one, as far as they can decide; the new one is the last.
    warnings : tuple of str
        A sentence for each song of `others` that was left out.
    start_refusal : str
        Why the bundled model could not be started from; "" where it could, or was not wanted.
    """

    model: TrainedModel
    fitted: FittedModel
    dataset: Dataset
    songs: tuple[LabelledSong, ...]
    others: tuple[ExampleFile, ...]
    start_from: str
    held_out: tuple[HeldOutScore, ...]
    warnings: tuple[str, ...]
    start_refusal: str

    def write(self, path: str | PathLike[str]) -> None:
        """Write the model file, whole or not at all.

        Raises
        ------
        InputError
            It cannot be written, or the path is one of the files that were read, or audio.
        """
        read = [file for song in self.songs for file in (song.pair.raw, song.pair.edited, song.source.path)]
        require_safe([Output("path", Path(path), starts_with(KIND.encode()))], [*read, *shipped_files()], force=True)
        write_whole(Path(path), self.model.to_bytes())


def train_model(
    songs: Sequence[LabelledSong],
    others: Sequence[ExampleFile] = (),
    options: TrainingOptions | None = None,
) -> Training:
    """Return a model trained on labelled songs and files of examples, all of one stem.

    The same songs and options give the same bytes where linear algebra has as many threads; the scripts give it one.

    Parameters
    ----------
    songs : sequence of LabelledSong
        Analysed with the set of features that `options` names; may be empty where there are `others`.
    others : sequence of ExampleFile
    options : TrainingOptions, optional

    Raises
    ------
    InputError
        Candidates were made with different detection settings, or the starting model cannot be read.
    NotEnoughDataError
        There are too few kept or removed candidates.
    UsageError
        A starting model was asked for and does not fit the stem, the features or the settings.
    """
    options = options or TrainingOptions()
    prepared = prepare(songs, others, options)
    dataset, start, files = prepared.dataset, prepared.start, prepared.files
    fitted = fit_prepared(prepared, options)
    start_from = (options.start_from or PRETRAINED) if start else FROM_NOTHING
    is_start = start is not None and fitted.classifier is start.classifier
    made_with = _made_with(options) | {"start_from": start_from}
    classifier = fitted.classifier.inner if isinstance(fitted.classifier, OfFirst) else fitted.classifier
    taken = dataset.of_features(dataset.features[: classifier.n_features])
    model = make_model(songs, taken, classifier, fitted.validation, made_with, files, decides_everywhere=is_start)
    held_out = held_out_scores(songs, dataset, start, fitted.validation)
    return Training(
        model, fitted, dataset, tuple(songs), files, start_from, held_out, prepared.repeats, prepared.start_refusal
    )


@dataclass(frozen=True, eq=False)
class Prepared:
    """What a model is to be fitted to, and refined from.

    Attributes
    ----------
    dataset : Dataset
        Of the columns that the model is to take.
    start : TrainedModel or None
        It decides about all candidates.
    start_refusal : str
    files : tuple of ExampleFile
    repeats : tuple of str
        See `Training`; its `others` and `warnings`.
    """

    dataset: Dataset
    start: TrainedModel | None
    start_refusal: str
    files: tuple[ExampleFile, ...]
    repeats: tuple[str, ...]


def prepare(songs: Sequence[LabelledSong], others: Sequence[ExampleFile], options: TrainingOptions) -> Prepared:
    """Return what `train_model` fits, by the same parameters; see there for what it raises."""
    if not songs and not others:
        raise NotEnoughDataError("there is no song and no file of examples to learn from.")
    feature_set = options.features if others else options.feature_set
    own, own_config = (gather_dataset(songs, feature_set), songs[0].config) if songs else (None, None)
    merged = merge_datasets(own, own_config, others)
    try:
        require_enough(counts(merged.dataset.y), force=options.force)
    except NotEnoughDataError as error:
        raise NotEnoughDataError(" ".join([str(error), *merged.repeats])) from error
    start, start_refusal = starting_model(options, own_config or merged.files[0].config, merged.dataset.features)
    dataset = _columns_for(merged.dataset, start)
    start = start and beside_more_features(start, dataset.features)
    return Prepared(dataset, start, start_refusal, merged.files, merged.repeats)


def beside_more_features(start: TrainedModel, features: tuple[str, ...]) -> TrainedModel:
    """Return the model of the features that its own are the first of; it decides as before."""
    if features == start.features:
        return start
    return replace(start, features=features, classifier=OfFirst(len(features), start.classifier))


def fit_prepared(prepared: Prepared, options: TrainingOptions) -> FittedModel:
    """Return the model fitted as the options say, in the way that was tuned where something was."""
    return fit_dataset(
        prepared.dataset,
        algorithm=options.tuned.algorithm if options.tuned else options.algorithm,
        n_estimators=options.n_estimators,
        seed=options.seed,
        start=prepared.start,
        hyperparameters=options.hyperparameters,
        held_out=options.tuned.probability if options.tuned else None,
    )


def _made_with(options: TrainingOptions) -> dict[str, object]:
    """Return what the model file records of the options."""
    made_with = {name: getattr(options, name) for name in ("algorithm", "n_estimators", "seed")}
    if tuned := options.tuned:
        made_with["tuned"] = {"algorithm": tuned.algorithm, "trials": tuned.n_trials, **asdict(tuned.hyperparameters)}
    return made_with


def _columns_for(dataset: Dataset, start: TrainedModel | None) -> Dataset:
    """Return the dataset with the columns that the starting model takes, then others to learn from."""
    if start:
        embeddings = [name for name in dataset.features if name in EMBEDDING_FEATURES and name not in start.features]
        return dataset.of_features((*start.features, *embeddings))
    return dataset.of_features(tuple(name for name in dataset.features if name not in (NETWORK_LOG_ODDS, FILE_AMP)))


def fit_dataset(
    dataset: Dataset,
    *,
    algorithm: str = FOREST,
    n_estimators: int = 200,
    seed: int = 0,
    start: TrainedModel | None = None,
    hyperparameters: Hyperparameters = USUAL,
    held_out: np.ndarray | None = None,
) -> FittedModel:
    """Return a model fitted to a dataset, with the cross-validation of models fitted like it.

    Parameters
    ----------
    dataset : Dataset
        Candidates of both classes.
    algorithm : str
        One of `algorithms.ALGORITHMS`.
    n_estimators : int > 0
        Trees of a forest.
    seed : int >= 0
    start : TrainedModel, optional
        A model of the same features, fitted before to other songs, which is refined where that decides better.
    hyperparameters : Hyperparameters
    held_out : np.ndarray, shape (n,), optional
        Probability of each candidate by a model that has not seen its song, where the hyperparameters were chosen by
        songs of the dataset; by default of models fitted in the cross-validation.

    Raises
    ------
    ValueError
        Only one class in the dataset.
    """
    if dataset.y.all() or not dataset.y.any():
        raise ValueError("both kept and removed examples are needed")
    tried = fits(algorithm, len(dataset.y), n_estimators, seed, hyperparameters)
    if start is None:
        fitted = [_fit_from_nothing(dataset, fit, seed, held_out) for fit in tried.values()]
        return max(fitted, key=lambda one: one.validation.f1)
    return _fit_from_start(dataset, start, tried, seed, held_out)


def _fit_from_nothing(dataset: Dataset, fit: Fit, seed: int, held_out: np.ndarray | None) -> FittedModel:
    def fit_rows(rows: np.ndarray) -> tuple[PlainModel, np.ndarray]:
        return fit(dataset.X[rows], dataset.y[rows], song_weights(dataset.groups[rows]))

    classifier, shares = fit_rows(np.arange(len(dataset.y)))
    splits, by_song = split(dataset, seed)
    folds = fit_folds(dataset, splits, lambda rows: fit_rows(rows)[0])
    of_kinds = importance(dataset, folds, importance_columns(dataset.features), shares, seed)
    probability = held_out_probability(dataset, folds) if held_out is None else held_out
    validation = validate(dataset, folds, by_song, of_kinds, probability)
    return FittedModel(classifier, validation, dict(zip(dataset.features, shares.tolist(), strict=True)))


def for_models_of_edits(X: np.ndarray, features: Sequence[str]) -> np.ndarray:
    """Return a table of features as the models of the edits beside a starting model are fitted to it.

    They are not given the networks' log odds that the starting model rests on: the errors of two models of different
    features are less alike, so that their blend has fewer. Nor are they given what depends on the gain of the file,
    which is for tastes alone.
    """
    return np.where(np.isin(features, (NETWORK_LOG_ODDS, FILE_AMP)), np.float32(0), X)


def _fit_from_start(
    dataset: Dataset, start: TrainedModel, tried: Mapping[str, Fit], seed: int, held_out: np.ndarray | None
) -> FittedModel:
    """Return the starting model as it is refined by a dataset."""

    def without_log_odds(fit: Fit) -> Fit:
        return lambda X, y, weights: fit(for_models_of_edits(X, dataset.features), y, weights)

    blind = {name: without_log_odds(fit) for name, fit in tried.items()}
    refinement = refine(dataset, start.classifier, start.min_confidence, blind, seed)
    shares = refinement.shares
    of_kinds = importance(
        dataset,
        refinement.folds,
        importance_columns(dataset.features),
        np.equal(dataset.features, NETWORK_LOG_ODDS).astype(float) if shares is None else shares,
        seed,
    )
    probability = refinement.probability if held_out is None or not refinement.way else held_out
    validation = validate(
        dataset, refinement.folds, refinement.by_song, of_kinds, probability, start.min_confidence
    )
    named = {} if shares is None else dict(zip(dataset.features, shares.tolist(), strict=True))
    return FittedModel(refinement.classifier, validation, named, refinement)
