"""Training -> the report, the advice, the numbers as JSON."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from drumhits.bundle import PRETRAINED
from drumhits.detection.siblings import SIBLING_FEATURES
from drumhits.edits.songs import LabelledSong
from drumhits.io.text import escape_controls
from drumhits.learning.algorithms import FOREST, NETWORK, NETWORK_EXAMPLES
from drumhits.learning.dataset import Counts, counts
from drumhits.learning.verdict import START, THRESHOLDS, HeldOutScore
from drumhits.models.blend import Blend, Gated
from drumhits.models.gate import Gate

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


def advice(total: Counts, n_songs: int, validation: "Validation", algorithm: str = FOREST) -> list[str]:
    """Return what is weak about a training, a sentence each, with the next thing to do.

    Parameters
    ----------
    total : Counts
        Labelled candidates.
    n_songs : int > 0
        Songs that they come from.
    validation : Validation
    algorithm : str
        One of `algorithms.ALGORITHMS`.
    """
    found = _advice_on_numbers(total, n_songs, algorithm)
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
    algorithm = str(training.model.training["algorithm"])
    return advice(counts(training.dataset.y), n_songs, training.fitted.validation, algorithm)


def _advice_on_numbers(total: Counts, n_songs: int, algorithm: str) -> list[str]:
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
    if algorithm == NETWORK and total.total < NETWORK_EXAMPLES:
        found.append(
            f"A network learns little from {total.total} decisions; from {NETWORK_EXAMPLES} on it may help. Train with "
            "--algorithm auto, which takes what decides best."
        )
    if n_songs == 1:
        found.append(
            "One song only: these scores say little about new songs. Edit a second, different one and train again: "
            "python stems_to_midi.py --input SONG --output RAW_DIR"
        )
    return found


def _start_lines(training: "Training") -> list[str]:
    """Return how the starting model is refined; nothing without one."""
    classifier, start = training.model.classifier, _start_name(training)
    if not training.fitted.refinement:
        return []
    if not (way := training.fitted.refinement.way):
        return [f"  Decides as the {start} does: no change that the edits teach is surely better on held-out songs"]
    if isinstance(classifier, Blend):
        return [f"  Starts from the {start}; your edits have {classifier.weight:.0%} of the weight, by {way.user}"]
    if isinstance(classifier, Gated):
        return [f"  Starts from the {start}, and removes {_taste(classifier.user, training)}"]
    return []


def _taste(gate: Gate, training: "Training") -> str:
    """Return what a gate removes, in words."""
    from drumhits.learning.tastes import taste_in_words

    feature = training.dataset.features[gate.column[0]]
    kept = training.dataset.X[training.dataset.y, gate.column[0]]
    return taste_in_words(gate, feature, kept, training.model.min_confidence)


def _start_name(training: "Training") -> str:
    return "bundled model" if training.start_from == PRETRAINED else f"model {Path(training.start_from).name}"


def _held_out_lines(training: "Training") -> list[str]:
    """Return a table of what thresholds, starting model and new model make of the held-out songs."""
    if not training.held_out:
        return []
    names = {START: _start_name(training)}
    rows = [(names.get(one.name, one.name), *one.precision_recall_f1) for one in training.held_out]
    width = max(len(name) for name, *_ in rows)
    lines = ["", "What you kept, on held-out songs:", f"  {'':<{width}}  Precision  Recall      F1"]
    return lines + [f"  {name:<{width}}  {p:9.1%}  {r:6.1%}  {f1:6.1%}" for name, p, r, f1 in rows]


def verdict(training: "Training") -> str:
    """Return a sentence: which of thresholds, starting model and new model to use."""
    if not training.held_out:
        return "Nothing could be held out, so nothing tells whether the new model helps: edit more songs."
    *others, new = training.held_out
    start = next((one for one in others if one.name == START), None)
    if start:
        return _verdict_on_refined(training, new, start)
    if not others or new.f1 > others[0].f1:
        return f"Use the new model: {_in_points(new, others[0], THRESHOLDS) if others else f'F1 {new.f1:.1%}.'}"
    return f"Use the thresholds: on held-out songs the new model is no better (F1 {new.f1:.1%} and {others[0].f1:.1%})."


def _verdict_on_refined(training: "Training", new: HeldOutScore, start: HeldOutScore) -> str:
    refinement, name = training.fitted.refinement, _start_name(training)
    if not (refinement and refinement.way):
        return (
            f"Use the {name}, or this file, which decides as it does: on held-out songs nothing that these edits teach "
            "is surely better."
        )
    if not refinement.is_scored:
        return (
            f"Use the new model: of the {name}'s decisions about held-out songs it mends {refinement.mended} and "
            f"spoils {refinement.spoiled}. With one song less it would have learned nothing, so the table cannot show "
            "by how much it is better: edit another song."
        )
    return f"Use the new model: {_in_points(new, start, name)}"


def _in_points(new: HeldOutScore, other: HeldOutScore, name: str) -> str:
    difference = new.above(other)
    points = f"{100 * difference.value:+.1f} points beside the {name}{difference.interval_text}"
    return f"F1 {new.f1:.1%} on held-out songs, {points}."


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
        *_start_lines(training),
        *_sibling_lines(training.songs, training.model.features),
        f"  Held out:  {'whole songs' if validation.by_song else 'parts of the one song'}; "
        f"kept from {validation.min_confidence:.0%} confidence",
        *_held_out_lines(training),
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
        "held_out": {
            one.name: dict(zip(("precision", "recall", "f1"), one.precision_recall_f1, strict=True))
            for one in training.held_out
        },
        "verdict": verdict(training),
        "importance": fitted.validation.importance,
        "impurity_importance": fitted.impurity_importance,
    }


def thresholds_report(learned: "LearnedThresholds") -> str:
    """Return the learned thresholds of a stem and what they are worth, in two lines."""
    values = ", ".join(f"{key} {'null' if value is None else f'{value:g}'}" for key, value in learned.values.items())
    if learned.f1 == learned.f1_before:
        return (
            f"Thresholds for {learned.stem} stay as they are: {values}\n"
            f"No others are better on held-out songs (F1 of what they keep: {learned.f1:.1%})"
        )
    return (
        f"Thresholds for {learned.stem}: {values}\n"
        f"F1 of what they keep on held-out songs: {learned.f1:.1%} (before: {learned.f1_before:.1%})"
    )
