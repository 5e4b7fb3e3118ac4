"""Labelled candidates -> the thresholds of midiconfig.yaml that fit a user's edits, for those who want no model."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from drumhits.learning.labels import KEPT, UNLABELLED
from drumhits.learning.songs import LabelledSong
from drumhits.models.decisions import THRESHOLD_TESTS

MAX_LIMITS = 24  # tried of each feature


@dataclass(frozen=True)
class LearnedThresholds:
    """What fits the edits best.

    Attributes
    ----------
    values : dict of str to float or None
        Setting to limit; None switches the test off.
    f1 : float
        On songs held out of the learning; on the examples themselves where there is one song only.
    f1_before : float
        Of the thresholds that the raw MIDI was made with, on the same examples.
    """

    values: dict[str, float | None]
    f1: float
    f1_before: float


def learn_thresholds(songs: Sequence[LabelledSong]) -> LearnedThresholds:
    """Return the limits of `decisions.THRESHOLD_TESTS` with the highest F1 of keeping what the user kept.

    Where the raw MIDI held only what passed its thresholds, nothing is known of what lies below, and no limit falls
    below the one it was made with.
    """
    config = songs[0].config
    before = {test.setting: getattr(config, test.setting) for test in THRESHOLD_TESTS}
    lowest = before if not all(song.provenance.keep_all for song in songs) else dict.fromkeys(before)
    known = [song.labels.labels != UNLABELLED for song in songs]
    values = np.concatenate(
        [
            np.stack([song.table.rows(rows)[test.feature] for test in THRESHOLD_TESTS], axis=1)
            for song, rows in zip(songs, known, strict=True)
        ]
    )
    kept = np.concatenate([song.labels.labels[rows] == KEPT for song, rows in zip(songs, known, strict=True)])
    song_of = np.repeat(np.arange(len(songs)), [np.count_nonzero(rows) for rows in known])
    decided = np.zeros(len(kept), dtype=bool)
    for held_out in range(len(songs)):
        tested = song_of == held_out
        learned_on = ~tested if len(songs) > 1 else tested
        limits = _best_limits(values[learned_on], kept[learned_on], list(lowest.values()))
        decided[tested] = _passes(values[tested], limits)
    best = _best_limits(values, kept, list(lowest.values()))
    return LearnedThresholds(
        values=dict(zip(before, best, strict=True)),
        f1=f1_score(decided, kept),
        f1_before=f1_score(_passes(values, list(before.values())), kept),
    )


def f1_score(decided: np.ndarray, kept: np.ndarray) -> float:
    """Return 2 TP / (decided + kept) of two masks; 0 where both are empty."""
    return float(2 * np.count_nonzero(decided & kept) / max(np.count_nonzero(decided) + np.count_nonzero(kept), 1))


def _best_limits(values: np.ndarray, kept: np.ndarray, lowest: list[float | None]) -> list[float | None]:
    """Return the limit of each column with the highest F1 together; of equally good ones, those that keep most."""
    masks = [
        [(limit, _passes_one(column, limit, i)) for limit in _limits(column, low, i)]
        for i, (column, low) in enumerate(zip(values.T, lowest, strict=True))
    ]
    best, best_f1 = lowest, -1.0
    for combination in product(*masks):
        f1 = f1_score(np.logical_and.reduce([mask for _, mask in combination]), kept)
        if f1 > best_f1:
            best, best_f1 = [limit for limit, _ in combination], f1
    return best


def _limits(column: np.ndarray, low: float | None, index: int) -> list[float | None]:
    """Return the limits to try, the loosest first."""
    loosest = 0.0 if low is None and THRESHOLD_TESTS[index].setting == "onset_threshold" else low
    quantiles = np.quantile(column, np.linspace(0, 0.95, MAX_LIMITS)) if len(column) else []
    rounded = sorted({float(f"{value:.3g}") for value in quantiles})
    return [loosest, *(value for value in rounded if loosest is None or value > loosest)]


def _passes(values: np.ndarray, limits: list[float | None]) -> np.ndarray:
    return np.logical_and.reduce([_passes_one(values[:, i], limit, i) for i, limit in enumerate(limits)])


def _passes_one(column: np.ndarray, limit: float | None, index: int) -> np.ndarray:
    return np.ones(len(column), dtype=bool) if limit is None else THRESHOLD_TESTS[index].passes(column, limit)
