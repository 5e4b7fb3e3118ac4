"""Labelled songs -> examples, and what was fitted to them -> the model to be written."""

import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import sklearn

from drumhits import __version__
from drumhits.classifier import Examples, Fitted, Validation
from drumhits.errors import InputError
from drumhits.examplefiles import ExampleFile
from drumhits.labels import KEPT, REMOVED, UNLABELLED
from drumhits.model import FEATURE_SETS, TrainedModel, detection_of, feature_matrix, networks_of
from drumhits.songs import LabelledSong


@dataclass(frozen=True)
class Counts:
    """How many candidates the user kept and removed."""

    kept: int
    removed: int

    @property
    def total(self) -> int:
        return self.kept + self.removed


def counts(labels: np.ndarray) -> Counts:
    """Count labels, shape (n,), of `labels.Labels`; unlabelled ones do not count."""
    return Counts(int(np.count_nonzero(labels == KEPT)), int(np.count_nonzero(labels == REMOVED)))


def gather_examples(songs: Sequence[LabelledSong], feature_set: str) -> Examples:
    """Return the labelled candidates of all songs.

    Raises
    ------
    InputError
        Two songs' candidates were made with different detection settings.
    """
    for song in songs[1:]:
        for name, value in detection_of(song.config).items():
            expected = detection_of(songs[0].config)[name]
            if value != expected:
                raise InputError(
                    f"{song.name}: its raw MIDI was made with {name} {value}, that of {songs[0].name} with {expected}; "
                    "make all raw MIDI with the same settings."
                )
    features = FEATURE_SETS[feature_set]
    known = [song.labels.labels != UNLABELLED for song in songs]
    return Examples(
        X=np.concatenate(
            [feature_matrix(song.table.rows(rows), features) for song, rows in zip(songs, known, strict=True)]
        ),
        kept=np.concatenate([song.labels.labels[rows] == KEPT for song, rows in zip(songs, known, strict=True)]),
        songs=np.concatenate([np.full(np.count_nonzero(rows), i) for i, rows in enumerate(known)]),
        features=features,
    )


def make_model(
    songs: Sequence[LabelledSong],
    examples: Examples,
    fitted: Fitted,
    options: dict,
    others: Sequence[ExampleFile] = (),
) -> TrainedModel:
    """Return the model with everything that its file carries; `others` are files that `examples` has parts of."""
    validation = fitted.validation
    per_song = [counts(song.labels.labels) for song in songs]
    total, config = counts(examples.kept), (songs[0] if songs else others[0]).config
    return TrainedModel(
        stem=config.stem,
        features=examples.features,
        detection=detection_of(config),
        after_thresholds=after_thresholds(songs) or any(file.after_thresholds for file in others),
        min_confidence=validation.min_confidence,
        classifier=fitted.classifier,
        training={
            **options,
            "kept": total.kept,
            "removed": total.removed,
            "songs": [
                {
                    "name": _plain_name(song.name),
                    "fingerprint": song.fingerprint,
                    "siblings": list(song.siblings),
                    **asdict(one),
                }
                for song, one in zip(songs, per_song, strict=True)
            ]
            + [
                {"name": "from a file of examples", "fingerprint": "", "siblings": [], **asdict(one)}
                for file in others
                for one in _counts_by_song(file)
            ],
            "scores": scores(validation),
            "importance": validation.importance,
            "versions": {
                "drumhits": __version__,
                "python": platform.python_version(),
                "numpy": np.__version__,
                "scikit-learn": sklearn.__version__,
            },
        },
        networks=networks_of(config.stem, examples.features),
    )


def after_thresholds(songs: Sequence[LabelledSong]) -> bool:
    """Return whether some raw MIDI held only what passed the thresholds."""
    return not all(song.provenance.keep_all for song in songs)


def _counts_by_song(file: ExampleFile) -> list[Counts]:
    return [counts(file.examples.kept[rows]) for rows in file.song_rows()]


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


def _plain_name(name: str) -> str:
    return name.encode("utf-8", "replace").decode("utf-8")
