"""Labelled songs -> the dataset that models are fitted to."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from drumhits.analysis import FEATURE_SETS
from drumhits.edits.labels import KEPT, REMOVED, UNLABELLED
from drumhits.edits.songs import LabelledSong
from drumhits.errors import InputError, NotEnoughDataError
from drumhits.models.modelfile import BY_MODEL, BY_THRESHOLDS, detection_of, feature_matrix

FEWEST_EXAMPLES = 30


@dataclass(frozen=True, eq=False)
class Dataset:
    """Labelled candidates of several songs.

    Attributes
    ----------
    X : np.ndarray, shape (n, len(features)), float32
    y : np.ndarray, shape (n,), bool
        Whether the user kept the candidate.
    groups : np.ndarray, shape (n,), int
        Number of the song that each candidate comes from.
    features : tuple of str
        Names of the columns of `X`.
    offered : np.ndarray, shape (n,), bool, optional
        Whether the raw MIDI held the candidate, and was not given it by the user; by default all.
    """

    X: np.ndarray
    y: np.ndarray
    groups: np.ndarray
    features: tuple[str, ...]
    offered: np.ndarray = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        if self.offered is None:
            object.__setattr__(self, "offered", np.ones(len(self.y), dtype=bool))

    def of_rows(self, rows: np.ndarray) -> "Dataset":
        """Return the dataset with these of its candidates."""
        return Dataset(self.X[rows], self.y[rows], self.groups[rows], self.features, self.offered[rows])

    def of_features(self, features: tuple[str, ...]) -> "Dataset":
        """Return the dataset with these of its columns, in this order."""
        columns = [self.features.index(name) for name in features]
        return replace(self, X=self.X[:, columns], features=features)


@dataclass(frozen=True)
class Counts:
    """How many candidates the user kept and removed."""

    kept: int
    removed: int

    @property
    def total(self) -> int:
        """Labelled candidates."""
        return self.kept + self.removed

    @property
    def has_both(self) -> bool:
        """Whether there is a kept and a removed candidate."""
        return self.kept > 0 and self.removed > 0


def counts(labels: np.ndarray) -> Counts:
    """Return the numbers of kept and removed candidates; unlabelled ones do not count.

    Parameters
    ----------
    labels : np.ndarray, shape (n,)
        KEPT, REMOVED or UNLABELLED, or whether each was kept.
    """
    return Counts(int(np.count_nonzero(labels == KEPT)), int(np.count_nonzero(labels == REMOVED)))


def refusal(total: Counts) -> str | None:
    """Return why a model trained on so many candidates would be of no use, with the next thing to do, or None."""
    if not total.total:
        return (
            "no labelled detections: every hit lies outside what was edited; check what was understood with --dry-run "
            "--pairs FILE.csv, and give another --range."
        )
    if not total.has_both:
        missing, done = ("kept", "removed") if not total.kept else ("removed", "kept")
        return (
            f"all {total.total} labelled detections are {done} and none is {missing}, so there is nothing to tell "
            "apart; delete the false hits in the edited MIDI, or make the raw MIDI with --keep-all, which offers more."
        )
    if total.total < FEWEST_EXAMPLES:
        return (
            f"only {total.total} labelled detections, fewer than {FEWEST_EXAMPLES}, teach a model nothing reliable; "
            "edit more songs, or make the raw MIDI with stems_to_midi.py --keep-all; --force trains all the same."
        )
    return None


def require_enough(total: Counts, *, force: bool = False) -> None:
    """Make sure that there are enough kept and removed candidates; with `force`, one of each is enough.

    Raises
    ------
    NotEnoughDataError
    """
    why = refusal(total)
    if why and not (force and total.has_both):
        raise NotEnoughDataError(why)


def gather_dataset(songs: Sequence[LabelledSong], feature_set: str) -> Dataset:
    """Return the labelled candidates of one song or more, in the order of the songs.

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
    features, reference = FEATURE_SETS[feature_set], songs[0].config.level_reference
    labelled = [song.labels.labels != UNLABELLED for song in songs]
    return Dataset(
        X=np.concatenate(
            [
                feature_matrix(song.table.rows(rows), features, reference)
                for song, rows in zip(songs, labelled, strict=True)
            ]
        ),
        y=np.concatenate([song.labels.labels[rows] == KEPT for song, rows in zip(songs, labelled, strict=True)]),
        groups=np.concatenate([np.full(np.count_nonzero(rows), i) for i, rows in enumerate(labelled)]),
        features=features,
        offered=np.concatenate([song.labels.offered[rows] for song, rows in zip(songs, labelled, strict=True)]),
    )


def after_thresholds(songs: Sequence[LabelledSong]) -> bool:
    """Return whether some raw MIDI held only what passed the thresholds, or what a model kept."""
    return not all(song.provenance.keep_all for song in songs)


def offered_by(songs: Sequence[LabelledSong], others_after_thresholds: bool) -> tuple[str, ...]:
    """Return what chose the candidates that the raw MIDI offered; see `modelfile.TrainedModel`.

    Parameters
    ----------
    songs : sequence of LabelledSong
    others_after_thresholds : bool
        Whether there are examples of others, of which only what passed the thresholds was offered.
    """
    if any(song.provenance.keep_all for song in songs):
        return ()
    chosen = {BY_MODEL if song.provenance.model else BY_THRESHOLDS for song in songs}
    return tuple(sorted(chosen | ({BY_THRESHOLDS} if others_after_thresholds else set())))
