"""Held-out songs -> the scores of thresholds, starting model and new model side by side, and which of them to use."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from drumhits.edits.labels import UNLABELLED
from drumhits.edits.songs import LabelledSong
from drumhits.learning.dataset import Dataset
from drumhits.learning.validation import Validation
from drumhits.metrics import Difference, f1_difference, precision_recall_f1
from drumhits.models.decisions import by_thresholds
from drumhits.models.modelfile import TrainedModel

THRESHOLDS, START, NEW = "thresholds", "starting model", "new model"


@dataclass(frozen=True, eq=False)
class HeldOutScore:
    """What one way to decide makes of what the edits decided about.

    Attributes
    ----------
    name : str
        THRESHOLDS, START or NEW.
    counts : np.ndarray, shape (n_songs, 3), int
        Hits matched, hits that the user wants, hits kept, in each song that was held out; among those that the user
        wants are the added ones where the detector finds nothing.
    """

    name: str
    counts: np.ndarray

    @property
    def precision_recall_f1(self) -> tuple[float, float, float]:
        """All in 0..1, over all songs."""
        precision, recall, f1 = precision_recall_f1(*(int(total) for total in self.counts.sum(axis=0)))
        return precision or 0.0, recall or 0.0, f1 or 0.0

    @property
    def f1(self) -> float:
        """In 0..1, over all songs."""
        return self.precision_recall_f1[-1]

    def above(self, other: "HeldOutScore") -> Difference:
        """Return by how much the F1 is higher than another's, with its interval over songs."""
        return f1_difference(self.counts, other.counts)

    def is_surely_above(self, other: "HeldOutScore") -> bool:
        """Return whether the F1 is higher, and the interval of the difference leaves out 0."""
        difference = self.above(other)
        return difference.value > 0 and difference.is_sure


def held_out_scores(
    songs: Sequence[LabelledSong], dataset: Dataset, start: TrainedModel | None, validation: Validation
) -> tuple[HeldOutScore, ...]:
    """Return the scores of thresholds, starting model and new model, as far as they can decide; none without a fold.

    Parameters
    ----------
    songs : sequence of LabelledSong
        Those that `dataset` begins with; thresholds are scored where there are no others.
    dataset : Dataset
    start : TrainedModel or None
    validation : Validation
        Of the new model on `dataset`.
    """
    tested = np.isfinite(validation.probability)
    if not tested.any():
        return ()
    kept = {}
    if len(songs) == len(np.unique(dataset.groups)):
        kept[THRESHOLDS] = np.concatenate(
            [by_thresholds(song.table, song.config).keep[song.labels.labels != UNLABELLED] for song in songs]
        )
    if start:
        kept[START] = start.classifier.predict_proba(dataset.X) >= start.min_confidence
    kept[NEW] = validation.probability >= validation.min_confidence
    never_found = [song.labels.added_without_candidate for song in songs]
    groups = [group for group in np.unique(dataset.groups) if tested[dataset.groups == group].any()]
    missed = [never_found[group] if group < len(songs) else 0 for group in groups]

    def score(name: str) -> HeldOutScore:
        rows = [(dataset.groups == group) & tested for group in groups]
        counts = [
            (int((kept[name] & dataset.y)[row].sum()), int(dataset.y[row].sum()) + lost, int(kept[name][row].sum()))
            for row, lost in zip(rows, missed, strict=True)
        ]
        return HeldOutScore(name, np.array(counts))

    return tuple(score(name) for name in kept)
