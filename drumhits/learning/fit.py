"""Labelled songs, or a dataset -> a fitted model, and the model that is written.

`train_model` is the whole way, as `train_classifier.py` takes it:

    loaded = load_songs(Path("raw_midi"), Path("edited_midi"), "cymbals")
    training = train_model(loaded.songs)
    Path("cymbals.pkl").write_bytes(training.model.to_bytes())
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path

import numpy as np

from drumhits.bundle import PRETRAINED, shipped_files
from drumhits.config.load import StemConfig
from drumhits.detection.features import FILE_AMP
from drumhits.edits.songs import LabelledSong
from drumhits.errors import NotEnoughDataError, UsageError
from drumhits.io.files import write_whole
from drumhits.io.outputs import Output, require_safe, starts_with
from drumhits.learning.algorithms import FOREST, Fit, fits
from drumhits.learning.dataset import Dataset, counts, gather_dataset, require_enough
from drumhits.learning.options import FROM_NOTHING, TrainingOptions
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
from drumhits.models.blend import MAX_REFINEMENTS
from drumhits.models.modelfile import KIND, TrainedModel, load_model, pretrained_path
from drumhits.networks.bundled import NETWORK_LOG_ODDS


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
    if not songs and not others:
        raise NotEnoughDataError("there is no song and no file of examples to learn from.")
    options = options or TrainingOptions()
    own, own_config = (gather_dataset(songs, options.features), songs[0].config) if songs else (None, None)
    merged = merge_datasets(own, own_config, others)
    try:
        require_enough(counts(merged.dataset.y), force=options.force)
    except NotEnoughDataError as error:
        raise NotEnoughDataError(" ".join([str(error), *merged.repeats])) from error
    start, start_refusal = _starting_model(options, own_config or merged.files[0].config, merged.dataset.features)
    dataset = _columns_for(merged.dataset, start)
    fitted = fit_dataset(
        dataset, algorithm=options.algorithm, n_estimators=options.n_estimators, seed=options.seed, start=start
    )
    start_from = (options.start_from or PRETRAINED) if start else FROM_NOTHING
    made_with = {name: getattr(options, name) for name in ("algorithm", "n_estimators", "seed")}
    made_with["start_from"] = start_from
    is_start = start is not None and fitted.classifier is start.classifier
    model = make_model(
        songs,
        dataset,
        fitted.classifier,
        fitted.validation,
        made_with,
        merged.files,
        decides_everywhere=is_start,
    )
    held_out = held_out_scores(songs, dataset, start, fitted.validation)
    return Training(
        model, fitted, dataset, tuple(songs), merged.files, start_from, held_out, merged.repeats, start_refusal
    )


def _columns_for(dataset: Dataset, start: TrainedModel | None) -> Dataset:
    """Return the dataset with the columns that the starting model takes; without one, with those to learn from."""
    if start:
        return dataset.of_features(start.features)
    return dataset.of_features(tuple(name for name in dataset.features if name not in (NETWORK_LOG_ODDS, FILE_AMP)))


def _starting_model(
    options: TrainingOptions, config: StemConfig, features: tuple[str, ...]
) -> tuple[TrainedModel | None, str]:
    """Return the model that the edits refine, None where none is wanted or the bundled one misfits, and why not."""
    if options.start_from == FROM_NOTHING:
        return None, ""
    given = options.start_from or PRETRAINED
    model = load_model(pretrained_path(config.stem) if given == PRETRAINED else Path(given))
    model.require_stem(config.stem, given)
    misfit = model.misfit(features, config)
    if misfit and options.start_from:
        raise UsageError(f"--start-from {given}: {misfit}; leave the option out, or that setting as it was.")
    if model.classifier.n_refinements >= MAX_REFINEMENTS:
        raise UsageError(
            f"--start-from {given}: was refined {MAX_REFINEMENTS} times already, and cannot be once more; train on the "
            "songs of all these times together, without the option."
        )
    return (None, misfit) if misfit else (replace(model, classifier=model.everywhere, offered=()), "")


def fit_dataset(
    dataset: Dataset,
    *,
    algorithm: str = FOREST,
    n_estimators: int = 200,
    seed: int = 0,
    start: TrainedModel | None = None,
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

    Raises
    ------
    ValueError
        Only one class in the dataset.
    """
    if dataset.y.all() or not dataset.y.any():
        raise ValueError("both kept and removed examples are needed")
    if start is None:
        return _fit_from_nothing(dataset, algorithm, n_estimators, seed)
    return _fit_from_start(dataset, start, algorithm, n_estimators, seed)


def _fit_from_nothing(dataset: Dataset, algorithm: str, n_estimators: int, seed: int) -> FittedModel:
    """Return the model of the algorithm whose models have the best held-out F1."""
    tried = [_fitted(dataset, fit, seed) for fit in fits(algorithm, len(dataset.y), n_estimators, seed).values()]
    return max(tried, key=lambda fitted: fitted.validation.f1)


def _fitted(dataset: Dataset, fit: Fit, seed: int) -> FittedModel:
    def fit_rows(rows: np.ndarray) -> tuple[PlainModel, np.ndarray]:
        return fit(dataset.X[rows], dataset.y[rows], song_weights(dataset.groups[rows]))

    classifier, shares = fit_rows(np.arange(len(dataset.y)))
    splits, by_song = split(dataset, seed)
    folds = fit_folds(dataset, splits, lambda rows: fit_rows(rows)[0])
    of_kinds = importance(dataset, folds, importance_columns(dataset.features), shares, seed)
    validation = validate(dataset, folds, by_song, of_kinds, held_out_probability(dataset, folds))
    return FittedModel(classifier, validation, dict(zip(dataset.features, shares.tolist(), strict=True)))


def _fit_from_start(dataset: Dataset, start: TrainedModel, algorithm: str, n_estimators: int, seed: int) -> FittedModel:
    """Return the starting model as it is refined by a dataset.

    The models of the edits are not given the networks' log odds that the starting model rests on: the errors of two
    models of different features are less alike, so that their blend has fewer. Nor are they given what depends on the
    gain of the file, which is for tastes alone.
    """
    is_left_out = np.array([name in (NETWORK_LOG_ODDS, FILE_AMP) for name in dataset.features])

    def without_log_odds(fit: Fit) -> Fit:
        return lambda X, y, weights: fit(np.where(is_left_out, np.float32(0), X), y, weights)

    tried = fits(algorithm, len(dataset.y), n_estimators, seed)
    tried = {name: without_log_odds(fit) for name, fit in tried.items()}
    refinement = refine(dataset, start.classifier, start.min_confidence, tried, seed)
    shares = refinement.shares
    of_kinds = importance(
        dataset,
        refinement.folds,
        importance_columns(dataset.features),
        np.equal(dataset.features, NETWORK_LOG_ODDS).astype(float) if shares is None else shares,
        seed,
    )
    validation = validate(
        dataset, refinement.folds, refinement.by_song, of_kinds, refinement.probability, start.min_confidence
    )
    named = {} if shares is None else dict(zip(dataset.features, shares.tolist(), strict=True))
    return FittedModel(refinement.classifier, validation, named, refinement)
