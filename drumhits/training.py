"""Labelled songs -> examples, model and advice: what train_classifier.py does between reading and writing."""

import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import sklearn

from drumhits import __version__
from drumhits.classifier import Examples, Fitted, Validation
from drumhits.errors import InputError
from drumhits.labels import KEPT, REMOVED, UNLABELLED
from drumhits.model import FEATURE_SETS, TrainedModel, detection_of, feature_matrix
from drumhits.songs import LabelledSong

FEWEST_EXAMPLES = 30
FEW_EXAMPLES = 50
MANY_EXAMPLES = 200
FEW_REMOVED = 0.2
POOR_ACCURACY = 0.75
OVERFIT_GAP = 0.15


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


def make_model(songs: Sequence[LabelledSong], examples: Examples, fitted: Fitted, options: dict) -> TrainedModel:
    """Return the model with everything that its file carries."""
    validation = fitted.validation
    per_song = [counts(song.labels.labels) for song in songs]
    return TrainedModel(
        stem=songs[0].config.stem,
        features=examples.features,
        detection=detection_of(songs[0].config),
        after_thresholds=not all(song.provenance.keep_all for song in songs),
        min_confidence=validation.min_confidence,
        classifier=fitted.classifier,
        training={
            **options,
            "kept": sum(one.kept for one in per_song),
            "removed": sum(one.removed for one in per_song),
            "songs": [
                {"name": _plain_name(song.name), "fingerprint": song.fingerprint, **asdict(one)}
                for song, one in zip(songs, per_song, strict=True)
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
    )


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


def _plain_name(name: str) -> str:
    return name.encode("utf-8", "replace").decode("utf-8")


def training_report(songs: Sequence[LabelledSong], examples: Examples, fitted: Fitted) -> str:
    """Return the report that the guide shows."""
    validation = fitted.validation
    per_song = [counts(song.labels.labels) for song in songs]
    total = Counts(sum(one.kept for one in per_song), sum(one.removed for one in per_song))
    width = max(len(name) for name in validation.importance)
    majority = "kept" if examples.kept.mean() >= 0.5 else "removed"
    lines = [
        f"Training {songs[0].config.stem} classifier",
        "",
        f"Loaded {total.total} total detections across {len(songs)} songs:",
        *(f"  {song.name}: {one.kept} kept, {one.removed} removed" for song, one in zip(songs, per_song, strict=True)),
        f"  Total: {total.kept} kept ({total.kept / total.total:.1%}), {total.removed} removed "
        f"({total.removed / total.total:.1%})",
        "",
        f"Cross-Validation Results ({validation.n_folds}-fold):",
        f"  Accuracy:  {validation.accuracy:.1%} (+/- {np.std(validation.accuracies or (0,)):.1%} over the folds)",
        f"  Precision: {validation.precision:.1%}",
        f"  Recall:    {validation.recall:.1%}",
        f"  F1 score:  {validation.f1:.1%}",
        f"  Baseline:  {validation.baseline:.1%} accuracy by always saying {majority}",
        f"  Held out:  {'whole songs' if validation.by_song else 'parts of the one song'}; "
        f"kept from {validation.min_confidence:.0%} confidence",
        "",
        "Feature Importance:",
    ]
    for i, (name, share) in enumerate(validation.importance.items()):
        lines.append(f"  {name:<{width}}  {share:6.1%}{'  <- most important' if i == 0 else ''}")
    return "\n".join(lines)
