"""Labelled songs -> the thresholds of midiconfig.yaml that fit a user's edits, for those who want no model."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np

from drumhits.config.edit import with_values
from drumhits.config.yamltree import read_text
from drumhits.edits.labels import KEPT, UNLABELLED
from drumhits.edits.songs import LabelledSong
from drumhits.metrics import f1_score
from drumhits.models.decisions import LEARNED_TESTS, STRENGTH_TEST, in_force, other_tests
from drumhits.models.modelfile import feature_matrix
from drumhits.models.onset_gap import highest_thresholds

MAX_LIMITS = 24  # tried of each feature


@dataclass(frozen=True)
class LearnedThresholds:
    """The thresholds that fit the edits best.

    Attributes
    ----------
    stem : str
    values : dict of str to float or None
        Setting to limit; None switches the test off. Those in force where no others are better.
    f1 : float in 0..1
        Of these, on songs held out of the learning; on the examples themselves where there is one song only.
    f1_before : float in 0..1
        Of the thresholds that the raw MIDI was made with, on the same examples.
    """

    stem: str
    values: dict[str, float | None]
    f1: float
    f1_before: float


def learn_thresholds(songs: Sequence[LabelledSong]) -> LearnedThresholds:
    """Return the limits of `fitted_thresholds` where they are better on songs held out, else those in force.

    Parameters
    ----------
    songs : sequence of LabelledSong
        One or more of one stem.
    """
    before, lowest = _before_and_lowest(songs)
    values, y, groups = _labelled_values(songs)
    decided = np.zeros(len(y), dtype=bool)
    for held_out in range(len(songs)):
        tested = groups == held_out
        training = ~tested if len(songs) > 1 else tested
        decided[tested] = _passes(values[tested], _best_limits(values[training], y[training], before, lowest))
    f1, f1_before = _f1(decided, y), _f1(_passes(values, before), y)
    limits = _best_limits(values, y, before, lowest) if f1 > f1_before else before
    return LearnedThresholds(songs[0].config.stem, _by_setting(limits), max(f1, f1_before), f1_before)


def fitted_thresholds(songs: Sequence[LabelledSong]) -> dict[str, float | None]:
    """Return the limits of `decisions.LEARNED_TESTS` with the highest F1 of keeping what the user kept, by setting.

    Where the raw MIDI held only what passed its thresholds, there is no evidence of what lies below, and no limit falls
    below the one it was made with. A limit that the edits say nothing about stays.
    """
    values, y, _ = _labelled_values(songs)
    return _by_setting(_best_limits(values, y, *_before_and_lowest(songs)))


def _before_and_lowest(songs: Sequence[LabelledSong]) -> tuple[list[float | None], list[float | None]]:
    """Return the limits that the raw MIDI was made with, and those below which none may fall; None where one may."""
    before = [getattr(songs[0].config, test.setting) for test in LEARNED_TESTS]
    return before, [None] * len(before) if all(song.provenance.keep_all for song in songs) else before


def _by_setting(limits: Sequence[float | None]) -> dict[str, float | None]:
    return {test.setting: limit for test, limit in zip(LEARNED_TESTS, limits, strict=True)}


def with_thresholds(path: Path, learned: LearnedThresholds) -> str:
    """Return a configuration file's text with the stem's thresholds replaced, all else and the comments unchanged.

    Raises
    ------
    InputError
        The file cannot be read, or is no configuration.
    """
    return with_values(read_text(path), learned.stem, learned.values, name=path.name)


def _labelled_values(songs: Sequence[LabelledSong]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return of all labelled candidates the features that the tests are of, whether each was kept, and its song."""
    labelled = [(song.labels.labels != UNLABELLED) & _can_be_kept(song) for song in songs]
    values = [_as_judged(song)[rows] for song, rows in zip(songs, labelled, strict=True)]
    y = [song.labels.labels[rows] == KEPT for song, rows in zip(songs, labelled, strict=True)]
    groups = np.repeat(np.arange(len(songs)), [np.count_nonzero(rows) for rows in labelled])
    return np.concatenate(values), np.concatenate(y), groups


def _as_judged(song: LabelledSong) -> np.ndarray:
    """Return of all candidates the features that the tests are of, such that the settings themselves are their limits.

    Shape (n, len(LEARNED_TESTS)).
    """
    features = tuple(test.feature for test in LEARNED_TESTS)
    values = feature_matrix(song.table, features, song.config.level_reference)
    if song.config.onset_gap:
        values[:, LEARNED_TESTS.index(STRENGTH_TEST)] = highest_thresholds(song.table[STRENGTH_TEST.feature])
    return values


def _can_be_kept(song: LabelledSong) -> np.ndarray:
    """Return which candidates no rule rejects that is not learned, shape (n,), bool."""
    can_be = ~song.table.is_double
    for _, _, passes in in_force(other_tests(song.config.stem), song.table, song.config):
        can_be &= passes
    return can_be


def _f1(decided: np.ndarray, y: np.ndarray) -> float:
    counts = (int(np.count_nonzero(mask)) for mask in (decided & y, y, decided))
    return float(f1_score(*counts))


def _best_limits(
    values: np.ndarray, y: np.ndarray, before: list[float | None], lowest: list[float | None]
) -> list[float | None]:
    """Return the limit of each column with the highest F1 together; of equally good ones those before, or the loosest.

    Parameters
    ----------
    values : np.ndarray, shape (n, len(LEARNED_TESTS))
    y : np.ndarray, shape (n,), bool
    before : list of float or None
    lowest : list of float or None
        None where there is no lowest limit.
    """
    masks = [
        [(limit, _passes_one(column, limit, i)) for limit in dict.fromkeys([old, *_limits(column, low, i)])]
        for i, (column, old, low) in enumerate(zip(values.T, before, lowest, strict=True))
    ]
    best, best_f1 = before, -1.0
    for combination in product(*masks):
        f1 = _f1(np.logical_and.reduce([mask for _, mask in combination]), y)
        if f1 > best_f1:
            best, best_f1 = [limit for limit, _ in combination], f1
    return best


def _limits(column: np.ndarray, low: float | None, index: int) -> list[float | None]:
    """Return the limits to try, the loosest first."""
    loosest = 0.0 if low is None and LEARNED_TESTS[index] is STRENGTH_TEST else low
    quantiles = np.quantile(column, np.linspace(0, 0.95, MAX_LIMITS)) if len(column) else []
    rounded = sorted({float(f"{value:.3g}") for value in quantiles})
    return [loosest, *(value for value in rounded if loosest is None or value > loosest)]


def _passes(values: np.ndarray, limits: Sequence[float | None]) -> np.ndarray:
    """Return which candidates (rows) pass all tests, each with its limit."""
    passes: np.ndarray = np.all([_passes_one(values[:, i], limit, i) for i, limit in enumerate(limits)], axis=0)
    return passes


def _passes_one(column: np.ndarray, limit: float | None, index: int) -> np.ndarray:
    return np.ones(len(column), dtype=bool) if limit is None else LEARNED_TESTS[index].passes(column, limit)
