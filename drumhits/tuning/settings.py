"""Labelled songs -> the thresholds and the detection settings of midiconfig.yaml under which the edits come out.

Each trial looks for candidates anew. What stands in the edited MIDI is wanted, all else inside the edited range is not,
but for notes whose fate the edits leave open: a lower threshold has to find what the user added.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from drumhits.analysis import analyze
from drumhits.config.load import StemConfig, default_config
from drumhits.detection.features import FeatureTable
from drumhits.edits.labels import DECISIONS, IS_ADDED, IS_KEPT, IS_MISSED, IS_REMOVED, IS_RENOTED, IS_UNLABELLED
from drumhits.edits.songs import LabelledSong
from drumhits.errors import NotEnoughDataError
from drumhits.learning.thresholds import LearnedThresholds, fitted_thresholds
from drumhits.learning.verdict import HeldOutScore
from drumhits.matching import match_times
from drumhits.metrics import f1_score
from drumhits.models.decisions import GEOMEAN_TEST, by_thresholds
from drumhits.tuning.hyperparameters import FEWEST_SONGS, outer_folds
from drumhits.tuning.search import Budget, Found, Params, Progress, Range, search

if TYPE_CHECKING:
    import optuna

BEFORE, AFTER = "settings before", "tuned settings"
WINDOW_S = 0.05
GEOMEAN_SPAN = 30.0  # the threshold is looked for between this part of the one before and its multiple
NO_SUSTAIN_MS = 0
SUSTAIN = "min_sustain_ms"
RANGES = {
    SUSTAIN: Range(NO_SUSTAIN_MS, 180, is_whole=True),
    "onset_threshold": Range(0.0, 0.6),
    "onset_delta": Range(0.005, 0.3, is_of_proportions=True),
    "onset_wait": Range(2, 14, is_whole=True),
}


@dataclass(frozen=True)
class TunedSettings:
    """What a search for settings came to.

    Attributes
    ----------
    found : Found
        Of the outer folds, and of all songs at the end.
    learned : LearnedThresholds
        Those to write: tuned, or as they were before.
    is_used : bool
        Whether the tuned ones are.
    held_out : tuple of HeldOutScore
        Of the hits that come out by the settings before and by the tuned ones, on songs held out; empty where no trial
        was finished.
    """

    found: Found
    learned: LearnedThresholds
    is_used: bool
    held_out: tuple[HeldOutScore, ...]


@dataclass(frozen=True, eq=False)
class Wish:
    """What a user wants of a song: the hits in the edited MIDI.

    Attributes
    ----------
    path : Path
        The audio.
    wanted_s : np.ndarray, shape (n,)
    open_s : np.ndarray, shape (m,)
        Raw notes of which the edits do not tell whether they are wanted.
    first_s, last_s : float
        Ends of the edited range.
    """

    path: Path
    wanted_s: np.ndarray
    open_s: np.ndarray
    first_s: float
    last_s: float

    def counts(self, times_s: np.ndarray) -> tuple[int, int, int]:
        """Return how many hits come out right, are wanted, and come out."""
        inside = times_s[(times_s >= self.first_s - WINDOW_S) & (times_s <= self.last_s + WINDOW_S)]
        found = match_times(self.wanted_s, inside, WINDOW_S)[:, 1]
        others = np.delete(inside, found)
        is_open = np.abs(others[:, None] - self.open_s).min(axis=1, initial=np.inf) <= WINDOW_S
        return len(found), len(self.wanted_s), len(inside) - int(np.count_nonzero(is_open))


def wish(song: LabelledSong) -> Wish:
    """Return what the user of a labelled song wants."""
    pairs, decision = song.labels.pairs, song.labels.pairs["decision"]

    def times_s(column: str, *decisions: int) -> np.ndarray:
        rows = np.isin(decision, DECISIONS[list(decisions)])
        return pairs[column][rows] - song.config.timing_offset

    kept, added = times_s("raw_s", IS_KEPT, IS_RENOTED), times_s("edited_s", IS_ADDED, IS_MISSED)
    known = np.concatenate((kept, added, times_s("raw_s", IS_REMOVED)))
    first_s, last_s = (float(known.min()), float(known.max())) if len(known) else (np.inf, -np.inf)
    wanted = np.sort(np.concatenate((kept, added)))
    return Wish(song.source.path, wanted, times_s("raw_s", IS_UNLABELLED), first_s, last_s)


def tune_settings(
    songs: Sequence[LabelledSong],
    budget: Budget,
    seed: int,
    progress: Progress = lambda done, total, what: None,
) -> TunedSettings:
    """Return the settings of one stem that a search finds to fit the edits, where they fit surely better than before.

    Parameters
    ----------
    songs : sequence of LabelledSong
        FEWEST_SONGS or more of one stem.
    budget : Budget
    seed : int >= 0
    progress : callable (done, total, what), optional

    Raises
    ------
    NotEnoughDataError
        There are fewer songs.
    """
    if len(songs) < FEWEST_SONGS:
        raise NotEnoughDataError(
            f"--tune holds songs out, and needs {FEWEST_SONGS} of them, not {len(songs)}; edit more songs, or learn "
            "thresholds without it."
        )
    config, folds = songs[0].config, outer_folds(np.arange(len(songs)))
    counts = _Counts([wish(song) for song in songs], _candidates)
    parts = [training for training, _ in folds] + [np.arange(len(songs))]
    ranges = _ranges(config)
    learned = [fitted_thresholds([songs[song] for song in part]) for part in parts]
    starts = [[_start(config, ranges, {}), _start(config, ranges, values)] for values in learned]
    objectives = [partial(_loss, counts, config, part) for part in parts]
    found = search(partial(_space, ranges), objectives, starts, budget, seed, progress)
    return _judged(config, counts, found, folds)


class _Counts:
    """What comes out of each song under some settings; candidates are looked for once for each way to detect them."""

    def __init__(self, wishes: Sequence[Wish], analyse: Callable[[Path, StemConfig], FeatureTable]):
        self._wishes, self._analyse = wishes, analyse
        self._tables: dict[tuple[int, float, int], FeatureTable] = {}

    def __call__(self, songs: Sequence[int] | np.ndarray, config: StemConfig) -> np.ndarray:
        """Return hits that come out right, are wanted, and come out, of each song, shape (n_songs, 3), int."""
        return np.array([self._of_song(int(song), config) for song in songs])

    def _of_song(self, song: int, config: StemConfig) -> tuple[int, int, int]:
        key = (song, config.onset_delta, config.onset_wait)
        if key not in self._tables:
            self._tables[key] = self._analyse(self._wishes[song].path, config)
        table = self._tables[key]
        return self._wishes[song].counts(table.times_s[by_thresholds(table, config).keep])


def _candidates(path: Path, config: StemConfig) -> FeatureTable:
    return analyze(path, config)[0]


def _ranges(config: StemConfig) -> dict[str, Range]:
    usual = config.geomean_threshold or default_config().stems[config.stem].geomean_threshold or 1.0
    of_geomean = Range(usual / GEOMEAN_SPAN, usual * GEOMEAN_SPAN, is_of_proportions=True)
    return {GEOMEAN_TEST.setting: of_geomean, **RANGES}


def _space(ranges: Mapping[str, Range], trial: "optuna.Trial") -> Params:
    return {name: one.suggest(trial, name) for name, one in ranges.items()}


def _start(config: StemConfig, ranges: Mapping[str, Range], learned: Mapping[str, float | None]) -> Params:
    """Return settings as near as the space has them: those in force, but for what was learned."""
    values = {name: getattr(config, name) for name in ranges} | dict(learned)
    return {name: one.nearest(values[name] or 0) for name, one in ranges.items()}


def _with(config: StemConfig, params: Params) -> StemConfig:
    settings: dict[str, Any] = dict(params)
    settings[SUSTAIN] = float(settings[SUSTAIN]) or None
    return replace(config, **settings)


def _loss(counts: _Counts, config: StemConfig, songs: np.ndarray, params: Params) -> float:
    return 1 - float(f1_score(*counts(songs, _with(config, params)).sum(axis=0)))


def _judged(
    config: StemConfig, counts: _Counts, found: Found, folds: Sequence[tuple[np.ndarray, np.ndarray]]
) -> TunedSettings:
    """Return the settings found by all songs, where those of the outer folds are surely better than before."""
    names = [*_ranges(config)]
    as_before = {name: getattr(config, name) for name in names}
    n_songs = sum(len(held_out) for _, held_out in folds)
    before = HeldOutScore(BEFORE, counts(range(n_songs), config))
    if not found.best:
        return TunedSettings(found, LearnedThresholds(config.stem, as_before, before.f1, before.f1), False, ())
    rows = np.zeros((n_songs, 3), dtype=int)
    for (_, held_out), params in zip(folds, found.best, strict=False):
        rows[held_out] = counts(held_out, _with(config, params))
    after = HeldOutScore(AFTER, rows)
    is_used = after.is_surely_above(before)
    tuned = _with(config, found.best[-1])
    values = {name: getattr(tuned, name) for name in names} if is_used else as_before
    learned = LearnedThresholds(config.stem, values, (after if is_used else before).f1, before.f1)
    return TunedSettings(found, learned, is_used, (before, after))
