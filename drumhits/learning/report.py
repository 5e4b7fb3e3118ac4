"""What a training says: too little to learn from, the scores, and what to do next."""

import csv
import io
from collections.abc import Iterable, Sequence

import numpy as np

from drumhits.detection.siblings import SIBLING_FEATURES
from drumhits.io.text import to_ascii
from drumhits.learning.dataset import Counts, Dataset, counts
from drumhits.learning.fit import FittedModel
from drumhits.learning.labels import PAIR_DTYPE
from drumhits.learning.sharing import ExampleFile
from drumhits.learning.songs import LabelledSong
from drumhits.learning.validation import Validation
from drumhits.models.base import PlainModel
from drumhits.models.blend import Blend

FEWEST_EXAMPLES = 30
FEW_EXAMPLES = 50
MANY_EXAMPLES = 200
FEW_REMOVED = 0.2
POOR_ACCURACY = 0.75
OVERFIT_GAP = 0.15


def refusal(total: Counts) -> str | None:
    """Return why these examples cannot teach anything, or None."""
    if not total.total:
        return (
            "no labelled detections: every hit lies outside what was edited; check what was understood with --dry-run "
            "--pairs FILE.csv, and give another --range."
        )
    if not total.kept or not total.removed:
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


def advice(total: Counts, n_songs: int, validation: Validation) -> list[str]:
    """Return what a user should know about this training, each with the next thing to do."""
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
            f"Few removed hits ({total.removed} of {total.total}): the model sees little of what you delete. Add songs "
            "with more bleed, or make the raw MIDI with stems_to_midi.py --keep-all."
        )
    if n_songs == 1:
        found.append(
            "One song only: these scores say little about new songs. Edit a second, different one and train again: "
            "python stems_to_midi.py --input SONG --output RAW_DIR"
        )
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


def _start_lines(classifier: PlainModel) -> list[str]:
    if not isinstance(classifier, Blend):
        return []
    return [f"  Starts from the bundled model; your edits have {classifier.weight:.0%} of the weight"]


def _sibling_lines(songs: Sequence[LabelledSong], features: tuple[str, ...]) -> list[str]:
    if set(features).isdisjoint(SIBLING_FEATURES) or not songs:
        return []
    n_heard = sum(bool(song.siblings) for song in songs)
    return [f"  Heard with the other stems of the song beside them: {n_heard} of {len(songs)} songs"]


def training_report(
    songs: Sequence[LabelledSong], examples: Dataset, fitted: FittedModel, others: Sequence[ExampleFile] = ()
) -> str:
    """Return the report that the guide shows; `others` are files that `examples` has parts of."""
    validation = fitted.validation
    parts = [(song.name, counts(song.labels.labels)) for song in songs]
    parts += [(f"{file.name}, {len(file.song_rows())} songs", counts(file.examples.kept)) for file in others]
    total, n_songs = counts(examples.kept), len(songs) + sum(len(file.song_rows()) for file in others)
    width = max(len(name) for name in validation.importance)
    majority = "kept" if examples.kept.mean() >= 0.5 else "removed"
    lines = [
        f"Training {(songs[0] if songs else others[0]).config.stem} classifier",
        "",
        f"Loaded {total.total} total detections across {n_songs} songs:",
        *(f"  {to_ascii(name)}: {one.kept} kept, {one.removed} removed" for name, one in parts),
        f"  Total: {total.kept} kept ({total.kept / total.total:.1%}), {total.removed} removed "
        f"({total.removed / total.total:.1%})",
        "",
        f"Cross-Validation Results ({validation.n_folds}-fold):",
        f"  Accuracy:  {validation.accuracy:.1%} (+/- {np.std(validation.accuracies or (0,)):.1%} over the folds)",
        f"  Precision: {validation.precision:.1%}",
        f"  Recall:    {validation.recall:.1%}",
        f"  F1 score:  {validation.f1:.1%}",
        f"  Baseline:  {validation.baseline:.1%} accuracy by always saying {majority}",
        *_start_lines(fitted.classifier),
        *_sibling_lines(songs, examples.features),
        f"  Held out:  {'whole songs' if validation.by_song else 'parts of the one song'}; "
        f"kept from {validation.min_confidence:.0%} confidence",
        "",
        "Feature Importance:",
    ]
    for i, (name, share) in enumerate(validation.importance.items()):
        lines.append(f"  {name:<{width}}  {share:6.1%}{'  <- most important' if i == 0 else ''}")
    return "\n".join(lines)


def report_line(song: LabelledSong) -> str:
    """Return how a song's edits were understood, and how many hits of each kind they give."""
    labels, alignment = song.labels, song.labels.alignment
    if alignment is None:
        how = "no note in the edited file"
    else:
        scale = f", scale {alignment.scale:.5f}" if abs(alignment.scale - 1) > 5e-6 else ""
        how = f"{alignment.hypothesis}, offset {alignment.offset_s:+.3f} s{scale}"
    counts = {
        "matched": labels.matched,
        "kept": labels.kept,
        "removed": labels.removed,
        "re-noted": labels.renoted,
        "added with a candidate": labels.added_with_candidate,
        "added without one (missed by the detector)": labels.added_without_candidate,
        "unlabelled": labels.unlabelled,
    }
    if not labels.renoted:
        del counts["re-noted"]
    line = f"{song.name}: {how}: " + ", ".join(f"{count} {what}" for what, count in counts.items())
    return line + (f" (next best: {alignment.runner_up})" if alignment and alignment.runner_up else "")


def decisions_csv(songs: Iterable[LabelledSong]) -> str:
    """Return a row for each raw note and each added one: song, times on the raw file's line, notes, decision."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["song", *PAIR_DTYPE.names])
    for song in songs:
        for raw_s, edited_s, note, edited_note, decision in song.labels.pairs:
            times = ["" if np.isnan(time_s) else f"{time_s:.6f}" for time_s in (raw_s, edited_s)]
            numbers = ["" if number < 0 else number for number in (note, edited_note)]
            writer.writerow([song.name, *times, *numbers, decision])
    return text.getvalue()
