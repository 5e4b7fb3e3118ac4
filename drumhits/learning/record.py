"""A fitted model, and what it was fitted to -> the model with everything that its file carries."""

import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict

import numpy as np
import sklearn

from drumhits import __version__
from drumhits.edits.songs import LabelledSong
from drumhits.learning.dataset import Dataset, counts, offered_by
from drumhits.learning.sharing import ExampleFile
from drumhits.learning.validation import Validation
from drumhits.models.base import PlainModel
from drumhits.models.modelfile import TrainedModel, detection_of, networks_of


def make_model(
    songs: Sequence[LabelledSong],
    dataset: Dataset,
    classifier: PlainModel,
    validation: Validation,
    made_with: Mapping[str, object],
    others: Sequence[ExampleFile] = (),
    *,
    decides_everywhere: bool = False,
) -> TrainedModel:
    """Return the model with everything that its file carries.

    Parameters
    ----------
    songs : sequence of LabelledSong
    dataset : Dataset
        Their labelled candidates, and those of `others`.
    classifier : PlainModel
        Fitted to `dataset`.
    validation : Validation
        Of models fitted like it.
    made_with : mapping
        The options that the model file is to record.
    others : sequence of ExampleFile
    decides_everywhere : bool
        Whether the classifier decides about all candidates, also about those that the raw MIDI did not offer.
    """
    total, config = counts(dataset.y), (songs[0] if songs else others[0]).config
    return TrainedModel(
        stem=config.stem,
        features=dataset.features,
        detection=detection_of(config),
        offered=() if decides_everywhere else _offered(songs, others),
        min_confidence=validation.min_confidence,
        classifier=classifier,
        training={
            **made_with,
            "kept": total.kept,
            "removed": total.removed,
            "songs": [_record(song) for song in songs] + [one for file in others for one in _records(file)],
            "scores": scores(validation),
            "importance": validation.importance,
            "versions": {
                "drumhits": __version__,
                "python": platform.python_version(),
                "numpy": np.__version__,
                "scikit-learn": sklearn.__version__,
            },
        },
        networks=networks_of(config.stem, dataset.features),
    )


def _offered(songs: Sequence[LabelledSong], others: Sequence[ExampleFile]) -> tuple[str, ...]:
    if any(not file.after_thresholds for file in others):
        return ()
    return offered_by(songs, others_after_thresholds=bool(others))


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
