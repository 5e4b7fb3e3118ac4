"""Training -> the report, the advice, the numbers as JSON; labelled songs -> how their edits were read."""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from drumhits.detection.siblings import SIBLING_FEATURES
from drumhits.io.text import escape_controls
from drumhits.learning.dataset import Counts, counts
from drumhits.learning.labels import PAIR_DTYPE
from drumhits.learning.songs import LabelledSong
from drumhits.models.base import PlainModel
from drumhits.models.blend import Blend

if TYPE_CHECKING:  # they import scikit-learn, and whoever reads edits alone need not wait for it
    from drumhits.learning.fit import Training
    from drumhits.learning.thresholds import LearnedThresholds
    from drumhits.learning.validation import Validation

SCHEMA = "drumhits/training/1"
FEW_EXAMPLES = 50
MANY_EXAMPLES = 200
FEW_REMOVED = 0.2
POOR_ACCURACY = 0.75
OVERFIT_GAP = 0.15


def advice(total: Counts, n_songs: int, validation: "Validation") -> list[str]:
    """Return what is weak about a training, a sentence each, with the next thing to do.

    Parameters
    ----------
    total : Counts
        Labelled candidates.
    n_songs : int > 0
        Songs that they come from.
    validation : Validation
    """
    found = _advice_on_numbers(total, n_songs)
    if not validation.n_folds:
        found.append(
            "No cross-validation: with one song held out, only kept or only removed hits are left. Delete the false "
            "hits of more songs, or offer more candidates with stems_to_midi.py --keep-all."
        )
        return found
    if validation.accuracy < POOR_ACCURACY:
        found.append(
            f"Accuracy under {100 * POOR_ACCURACY:.0f} %: (1) check that the edits are consistent (--dry-run --pairs "
            "FILE.csv lists every decision); (2) add more and more varied songs; (3) try a simpler model: "
            "--algorithm logistic"
        )
    if np.mean(validation.train_accuracies or (0.0,)) - validation.accuracy > OVERFIT_GAP:
        found.append(
            "Far better on its own examples than on held-out ones (overfitting): add songs, or train with "
            "--features guide or --algorithm logistic."
        )
    return found


def advice_on(training: "Training") -> list[str]:
    """Return the advice on a training; see `advice`."""
    n_songs = len(training.model.training["songs"])
    return advice(counts(training.dataset.y), n_songs, training.fitted.validation)


def _advice_on_numbers(total: Counts, n_songs: int) -> list[str]:
    found = []
    if total.total < FEW_EXAMPLES:
        found.append(
            f"Not enough training data: {total.total} detections, {FEW_EXAMPLES} to {MANY_EXAMPLES} work well. Edit "
            "more songs, or offer more candidates: python stems_to_midi.py --keep-all --input SONG --output RAW_DIR"
        )
    if total.total > MANY_EXAMPLES:
        found.append(
            f"Over {MANY_EXAMPLES} detections: returns diminish now; a different song teaches more than another like "
            "these. Hear what the model does on one: python stems_to_midi.py --input NEW.wav --use-ml-model MODEL.pkl"
        )
    if total.removed < FEW_REMOVED * total.total:
        found.append(
            f"Few removed hits ({total.removed} of {total.total}): the model has few examples of what you delete. Add "
            "songs with more bleed, or make the raw MIDI with stems_to_midi.py --keep-all."
        )
    if n_songs == 1:
        found.append(
            "One song only: these scores say little about new songs. Edit a second, different one and train again: "
            "python stems_to_midi.py --input SONG --output RAW_DIR"
        )
    return found


def _start_lines(classifier: PlainModel) -> list[str]:
    if not isinstance(classifier, Blend):
        return []
    return [f"  Starts from the bundled model; your edits have {classifier.weight:.0%} of the weight"]


def _sibling_lines(songs: Sequence[LabelledSong], features: tuple[str, ...]) -> list[str]:
    if set(features).isdisjoint(SIBLING_FEATURES) or not songs:
        return []
    n_with = sum(bool(song.source.siblings) for song in songs)
    return [f"  With the song's other stems: {n_with} of {len(songs)} songs"]


def training_report(training: "Training") -> str:
    """Return the report of a training, as the guide explains it."""
    validation, y = training.fitted.validation, training.dataset.y
    total, names = counts(y), max(len(name) for name in validation.importance)
    majority = "kept" if y.mean() >= 0.5 else "removed"
    lines = [
        f"Training {training.model.stem} classifier",
        "",
        f"Loaded {total.total} total detections across {len(training.model.training['songs'])} songs:",
        *(f"  {escape_controls(name)}: {one.kept} kept, {one.removed} removed" for name, one in _parts(training)),
        f"  Total: {total.kept} kept ({total.kept / total.total:.1%}), {total.removed} removed "
        f"({total.removed / total.total:.1%})",
        "",
        f"Cross-Validation Results ({validation.n_folds}-fold):",
        f"  Accuracy:  {validation.accuracy:.1%} (+/- {np.std(validation.accuracies or (0,)):.1%} over the folds)",
        f"  Precision: {validation.precision:.1%}",
        f"  Recall:    {validation.recall:.1%}",
        f"  F1 score:  {validation.f1:.1%}",
        f"  Baseline:  {validation.baseline:.1%} accuracy by always saying {majority}",
        *_start_lines(training.model.classifier),
        *_sibling_lines(training.songs, training.model.features),
        f"  Held out:  {'whole songs' if validation.by_song else 'parts of the one song'}; "
        f"kept from {validation.min_confidence:.0%} confidence",
        "",
        "Feature Importance:",
    ]
    for i, (name, share) in enumerate(validation.importance.items()):
        lines.append(f"  {name:<{names}}  {share:6.1%}{'  <- most important' if i == 0 else ''}")
    return "\n".join(lines)


def _parts(training: "Training") -> list[tuple[str, Counts]]:
    """Return the name and the numbers of each song, and of each file of examples."""
    parts = [(song.name, counts(song.labels.labels)) for song in training.songs]
    return parts + [(f"{file.name}, {len(file.song_rows())} songs", counts(file.dataset.y)) for file in training.others]


def training_json(training: "Training", path: str) -> dict[str, object]:
    """Return the numbers of a training whose model is written to `path`, as plain data of the schema SCHEMA."""
    record, fitted = training.model.training, training.fitted
    return {
        "schema": SCHEMA,
        "stem": training.model.stem,
        "model": path,
        "kept": record["kept"],
        "removed": record["removed"],
        "songs": record["songs"],
        "cross_validation": record["scores"],
        "min_confidence": training.model.min_confidence,
        "start_from": training.start_from,
        "importance": fitted.validation.importance,
        "impurity_importance": fitted.impurity_importance,
    }


def thresholds_report(learned: "LearnedThresholds") -> str:
    """Return the learned thresholds of a stem and what they are worth, in two lines."""
    values = ", ".join(f"{key} {'null' if value is None else f'{value:g}'}" for key, value in learned.values.items())
    return (
        f"Thresholds for {learned.stem}: {values}\n"
        f"F1 of what they keep on held-out songs: {learned.f1:.1%} (before: {learned.f1_before:.1%})"
    )


def report_line(song: LabelledSong) -> str:
    """Return a line: how a song's edited MIDI was aligned, and how many hits of each label it gives."""
    labels, alignment = song.labels, song.labels.alignment
    if alignment is None:
        how = "no note in the edited file"
    else:
        scale = f", scale {alignment.scale:.5f}" if abs(alignment.scale - 1) > 5e-6 else ""
        how = f"{alignment.hypothesis}, offset {alignment.offset_s:+.3f} s{scale}"
    numbers: dict[str, int] = {
        "matched": labels.matched,
        "kept": labels.kept,
        "removed": labels.removed,
        "re-noted": labels.renoted,
        "added with a candidate": labels.added_with_candidate,
        "added without one (missed by the detector)": labels.added_without_candidate,
        "unlabelled": labels.unlabelled,
    }
    if not labels.renoted:
        del numbers["re-noted"]
    line = f"{song.name}: {how}: " + ", ".join(f"{count} {what}" for what, count in numbers.items())
    return line + (f" (next best: {alignment.runner_up})" if alignment and alignment.runner_up else "")


def decisions_csv(songs: Iterable[LabelledSong]) -> str:
    """Return the decisions about the notes of songs as CSV.

    A row for each raw note and each added one: song, times in seconds on the raw file's line, notes, decision.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["song", *(PAIR_DTYPE.names or ())])
    for song in songs:
        for raw_s, edited_s, note, edited_note, decision in song.labels.pairs:
            times = ["" if np.isnan(time_s) else f"{time_s:.6f}" for time_s in (raw_s, edited_s)]
            numbers = ["" if number < 0 else number for number in (note, edited_note)]
            writer.writerow([song.name, *times, *numbers, decision])
    return text.getvalue()
