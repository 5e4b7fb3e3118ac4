"""Labelled songs, or a dataset -> a fitted model, and the model that is written.

`train_model` is the whole way, as `train_classifier.py` takes it:

    loaded = load_songs(Path("raw_midi"), Path("edited_midi"), "cymbals")
    training = train_model(loaded.songs)
    Path("cymbals.pkl").write_bytes(training.model.to_bytes())
"""

import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from os import PathLike
from pathlib import Path

import numpy as np
import sklearn

from drumhits import __version__
from drumhits.bundle import PRETRAINED, shipped_files
from drumhits.config.load import StemConfig
from drumhits.errors import NotEnoughDataError, UsageError
from drumhits.io.files import write_whole
from drumhits.io.outputs import Output, require_safe, starts_with
from drumhits.learning.dataset import Dataset, after_thresholds, counts, gather_dataset, require_enough
from drumhits.learning.options import ALGORITHMS, FOREST, FROM_NOTHING, TrainingOptions
from drumhits.learning.sharing import ExampleFile, merge_datasets
from drumhits.learning.songs import LabelledSong
from drumhits.learning.validation import (
    Fold,
    Validation,
    fit_folds,
    importance,
    importance_columns,
    split,
    validate,
)
from drumhits.models.base import PlainModel
from drumhits.models.blend import Blend, log_opinion_pool
from drumhits.models.modelfile import KIND, TrainedModel, detection_of, load_model, networks_of, pretrained_path
from drumhits.networks.bundled import NETWORK_LOG_ODDS

HALF_WEIGHT_EXAMPLES = 32_000  # examples from which a model is usually as good as the bundled one
SHARES = np.arange(5, 101, 5) / 100  # edits always count a little
# By what the logarithm of the held-out squared error must fall for a share that is not near the usual one, and the more
# so the farther it is; the error has something added, so that a few examples decide nothing.
DECISIVE, NEAR_USUAL, FAR, ERROR_UNSEEN = 0.4, 0.15, 0.4, 5.0


@dataclass(frozen=True, eq=False)
class FittedModel:
    """A model fitted to a whole dataset, and the cross-validation of models fitted like it.

    Attributes
    ----------
    classifier : PlainModel
    validation : Validation
    impurity_importance : dict of str to float
        The fitted model's own weight of each feature; they add up to 1.
    """

    classifier: PlainModel
    validation: Validation
    impurity_importance: dict[str, float]


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
        "pretrained" where the edits refine the bundled model, else "none".
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
        Candidates were made with different detection settings, or the bundled model cannot be read.
    NotEnoughDataError
        There are too few kept or removed candidates.
    UsageError
        The bundled model was asked for and does not fit the features or the settings.
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
    dataset = merged.dataset if start else merged.dataset.without(NETWORK_LOG_ODDS)
    fitted = fit_dataset(
        dataset,
        algorithm=options.algorithm,
        n_estimators=options.n_estimators,
        seed=options.seed,
        start_from=start.classifier if start else None,
        left_to_start=NETWORK_LOG_ODDS,
    )
    start_from = PRETRAINED if start else FROM_NOTHING
    made_with = {name: getattr(options, name) for name in ("algorithm", "n_estimators", "seed")}
    model = make_model(songs, dataset, fitted, made_with | {"start_from": start_from}, merged.files)
    return Training(model, fitted, dataset, tuple(songs), merged.files, start_from, merged.repeats, start_refusal)


def _starting_model(
    options: TrainingOptions, config: StemConfig, features: tuple[str, ...]
) -> tuple[TrainedModel | None, str]:
    """Return the bundled model that the edits refine, None where it is not wanted or does not fit, and why not."""
    if options.start_from == FROM_NOTHING:
        return None, ""
    model = load_model(pretrained_path(config.stem))
    misfit = model.misfit(features, config)
    if misfit and options.start_from:
        raise UsageError(f"--start-from {PRETRAINED}: {misfit}; leave the option out, or that setting as it was.")
    return (None, misfit) if misfit else (model, "")


def fit_dataset(
    dataset: Dataset,
    *,
    algorithm: str = FOREST,
    n_estimators: int = 200,
    seed: int = 0,
    start_from: PlainModel | None = None,
    left_to_start: str | None = None,
) -> FittedModel:
    """Return a model fitted to a dataset, with the cross-validation of models fitted like it.

    Parameters
    ----------
    dataset : Dataset
        Candidates of both classes.
    algorithm : str
        One of `options.ALGORITHMS`.
    n_estimators : int > 0
        Trees of a forest.
    seed : int >= 0
    start_from : PlainModel, optional
        A model of the same features, fitted before to other songs; the result blends it with the model of the dataset.
    left_to_start : str, optional
        The feature that `start_from` rests on, without information for the model of the dataset: the errors of two
        models of different features are less alike, so that their blend has fewer.

    Raises
    ------
    ValueError
        Only one class in the dataset.
    """
    if dataset.y.all() or not dataset.y.any():
        raise ValueError("both kept and removed examples are needed")
    method, informative = ALGORITHMS[algorithm], dataset.without_information(left_to_start)
    classifier, weights = method.fit(informative.X, informative.y, n_estimators, seed)
    splits, by_song = split(dataset, seed)
    folds = fit_folds(informative, splits, lambda X, y: method.fit(X, y, n_estimators, seed)[0])
    columns = importance_columns(dataset.features, left_out=left_to_start)
    shares = importance(informative, folds, columns, weights, seed)
    if start_from is not None:
        weight = _weight_of_edits(dataset, folds, start_from)
        classifier = Blend(classifier.n_features, start_from, classifier, weight)
        folds = [replace(fold, model=Blend(classifier.n_features, start_from, fold.model, weight)) for fold in folds]
    return FittedModel(
        classifier=classifier,
        validation=validate(dataset, folds, by_song, shares),
        impurity_importance=dict(zip(dataset.features, weights.tolist(), strict=True)),
    )


def _weight_of_edits(dataset: Dataset, folds: Sequence[Fold], prior: PlainModel) -> float:
    """Return the weight in 0..1 of the models of the folds beside the prior model, in their blend.

    Mostly it is the usual weight of so many examples, or near it: the error on these songs is no measure of how far
    other songs are like them. But where edits contradict the prior model, as a taste does, the error falls so far that
    it decides: a prior of a spike and a slab (Mitchell and Beauchamp 1988, "Bayesian variable selection in linear
    regression").

    Parameters
    ----------
    dataset : Dataset
    folds : sequence of Fold
        With the models of the edits alone.
    prior : PlainModel
        The model that the edits refine.
    """
    usual = len(dataset.y) / (len(dataset.y) + HALF_WEIGHT_EXAMPLES)
    if not folds:
        return float(max(usual, SHARES[0]))
    held_out = np.concatenate([fold.held_out for fold in folds])
    of_edits = np.concatenate([fold.model.predict_proba(dataset.X[fold.held_out]) for fold in folds])
    of_prior, y = prior.predict_proba(dataset.X[held_out]), dataset.y[held_out]
    errors = np.array([np.sum((log_opinion_pool(of_prior, of_edits, share) - y) ** 2) for share in SHARES])
    distance = SHARES - usual
    penalty = DECISIVE * (1 - np.exp(-0.5 * (distance / NEAR_USUAL) ** 2)) + FAR * distance**2
    return float(SHARES[np.argmin(np.log(errors + ERROR_UNSEEN) + penalty)])


def make_model(
    songs: Sequence[LabelledSong],
    dataset: Dataset,
    fitted: FittedModel,
    made_with: Mapping[str, object],
    others: Sequence[ExampleFile] = (),
) -> TrainedModel:
    """Return the model with everything that its file carries.

    Parameters
    ----------
    songs : sequence of LabelledSong
    dataset : Dataset
        Their labelled candidates, and those of `others`.
    fitted : FittedModel
        Of `dataset`.
    made_with : mapping
        The options that the model file is to record.
    others : sequence of ExampleFile
    """
    total, config = counts(dataset.y), (songs[0] if songs else others[0]).config
    return TrainedModel(
        stem=config.stem,
        features=dataset.features,
        detection=detection_of(config),
        after_thresholds=after_thresholds(songs) or any(file.after_thresholds for file in others),
        min_confidence=fitted.validation.min_confidence,
        classifier=fitted.classifier,
        training={
            **made_with,
            "kept": total.kept,
            "removed": total.removed,
            "songs": [_record(song) for song in songs] + [one for file in others for one in _records(file)],
            "scores": scores(fitted.validation),
            "importance": fitted.validation.importance,
            "versions": {
                "drumhits": __version__,
                "python": platform.python_version(),
                "numpy": np.__version__,
                "scikit-learn": sklearn.__version__,
            },
        },
        networks=networks_of(config.stem, dataset.features),
    )


def _record(song: LabelledSong) -> dict[str, object]:
    """Return what a model file holds of a song that the model was trained on."""
    return {
        "name": song.name.encode("utf-8", "replace").decode("utf-8"),
        "fingerprint": song.source.fingerprint,
        "siblings": [sibling.stem for sibling in song.source.siblings],
        **asdict(counts(song.labels.labels)),
    }


def _records(file: ExampleFile) -> list[dict[str, object]]:
    return [
        {"name": "from a file of examples", "fingerprint": "", "siblings": [], **asdict(counts(file.dataset.y[rows]))}
        for rows in file.song_rows()
    ]


def scores(validation: Validation) -> dict[str, float | int | bool]:
    """Return the cross-validation's scores as plain values, all in 0..1 but the number of folds."""
    return {
        "folds": validation.n_folds,
        "by_song": validation.by_song,
        "accuracy": validation.accuracy,
        "accuracy_spread": float(np.std(validation.accuracies)) if validation.accuracies else 0.0,
        "training_accuracy": float(np.mean(validation.train_accuracies)) if validation.train_accuracies else 0.0,
        "precision": validation.precision,
        "recall": validation.recall,
        "f1": validation.f1,
        "majority_baseline": validation.baseline,
    }
