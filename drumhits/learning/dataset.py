"""Labelled songs -> the dataset that models are fitted to."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from drumhits.analysis import FEATURE_SETS
from drumhits.errors import InputError
from drumhits.learning.labels import KEPT, REMOVED, UNLABELLED
from drumhits.learning.songs import LabelledSong
from drumhits.models.modelfile import detection_of, feature_matrix


@dataclass(frozen=True)
class Dataset:
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

    def without(self, feature: str) -> "Dataset":
        """Return the same examples without a feature, if they have it."""
        others = [column for column, name in enumerate(self.features) if name != feature]
        return replace(self, X=self.X[:, others], features=tuple(self.features[column] for column in others))

    def blanked(self, feature: str | None) -> "Dataset":
        """Return the same examples with a feature, if they have it, at 0 in all of them, so that it teaches nothing."""
        return replace(self, X=np.where([name == feature for name in self.features], np.float32(0), self.X))


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


def gather_dataset(songs: Sequence[LabelledSong], feature_set: str) -> Dataset:
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
    return Dataset(
        X=np.concatenate(
            [feature_matrix(song.table.rows(rows), features) for song, rows in zip(songs, known, strict=True)]
        ),
        kept=np.concatenate([song.labels.labels[rows] == KEPT for song, rows in zip(songs, known, strict=True)]),
        songs=np.concatenate([np.full(np.count_nonzero(rows), i) for i, rows in enumerate(known)]),
        features=features,
    )


def after_thresholds(songs: Sequence[LabelledSong]) -> bool:
    """Return whether some raw MIDI held only what passed the thresholds."""
    return not all(song.provenance.keep_all for song in songs)
