"""Beats, a tempo or a MIDI file -> the grid that is written: tempo map, time signatures, and a bar for the pickup.

Nothing moves: a position on the grid is only another name for a time in seconds.
"""

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from drumhits.errors import InputError
from drumhits.io.grid import (
    MAX_TEMPO_BPM,
    MIN_TEMPO_BPM,
    US_PER_MINUTE,
    Grid,
    Signature,
    TempoMap,
    even_grid,
)
from drumhits.io.midi import read_midi

if TYPE_CHECKING:
    from drumhits.tempo.find import Beats

COMMON_TIME = (4, 4)
PICKUP_UNIT = 16  # a pickup bar is so many 16ths
SAME_TIME_S, SAME_TEMPO = 0.0005, 1e-4
EVEN_BEAT_S = 0.015  # a bar gets one tempo where its beats lie that near to it


def file_grid(path: str) -> Grid:
    """Return the tempo map and the time signatures of a MIDI file.

    Raises
    ------
    InputError
        The file cannot be read, states no tempo, or one that cannot be written again.
    """
    content = read_midi(path)
    if not content.has_tempo:
        raise InputError(f"{path}: states no tempo; export it from the DAW with its tempo track, or give --tempo BPM.")
    us = np.rint(content.tempo.us_per_beat).astype(int)
    if US_PER_MINUTE / us.max() < MIN_TEMPO_BPM or US_PER_MINUTE / us.min() > MAX_TEMPO_BPM:
        limits = f"{MIN_TEMPO_BPM:g} to {MAX_TEMPO_BPM:g} BPM"
        raise InputError(f"{path}: has a tempo outside {limits}; correct it in the DAW.")
    return Grid(TempoMap(content.tempo.beats, us), content.signatures)


def constant_grid(tempo_bpm: float, first_bar_s: float | None = None, meter: tuple[int, int] | None = None) -> Grid:
    """Return the grid of one tempo, in quarter notes a minute, whose bar 1 begins at `first_bar_s`."""
    if first_bar_s is None:
        return even_grid(tempo_bpm, (Signature(0.0, *meter),) if meter else ())
    meter = meter or COMMON_TIME
    return _even_bars(first_bar_s, 60 / tempo_bpm * Signature(0.0, *meter).bar_beats, meter)


def beats_grid(beats: "Beats", meter: tuple[int, int], first_bar_s: float | None = None) -> Grid:
    """Return the grid of beats that were found: one tempo, or a tempo map bar by bar.

    Parameters
    ----------
    meter : (numerator, denominator)
        Its beats are those that were found; three eighths are one.
    first_bar_s : float, optional
        A downbeat, in place of the one that was found.
    """
    in_bar = beats_of(meter)
    times_s = beats.times_s
    if first_bar_s is not None:
        nearest = int(np.abs(times_s - first_bar_s).argmin())
        off_s = first_bar_s - times_s[nearest]
        times_s = times_s[nearest % in_bar :] + (off_s if beats.is_constant else 0.0)
    if beats.is_constant:
        return _even_bars(times_s[0], in_bar * (times_s[1] - times_s[0]), meter)
    times_s = _whole_bars(times_s, in_bar)
    return bars_grid(times_s[::in_bar], meter, times_s)


def beats_of(meter: tuple[int, int]) -> int:
    """Return how many beats a bar has, as they are counted: 2 in 6/8, 4 in 4/4."""
    numerator, denominator = meter
    return numerator // 3 if denominator >= 8 and numerator % 3 == 0 else numerator


def _even_bars(first_s: float, bar_s: float, meter: tuple[int, int]) -> Grid:
    return bars_grid(first_s + bar_s * np.arange(3), meter)  # the first may be longer, if there is no room before it


def _whole_bars(times_s: np.ndarray, in_bar: int) -> np.ndarray:
    """Return beats that end with a downbeat: as many more as the last bar lacks, as long as the last one."""
    lacking = (1 - len(times_s)) % in_bar
    return np.append(times_s, times_s[-1] + np.arange(1, lacking + 1) * (times_s[-1] - times_s[-2]))


def bars_grid(downbeats_s: npt.ArrayLike, meter: tuple[int, int], beats_s: np.ndarray | None = None) -> Grid:
    """Return the grid whose bars begin at `downbeats_s`, with whole bars before them and a shorter one for the rest.

    A bar has one tempo, or one for each of its beats where `beats_s` are far from even.
    """
    bar_beats = Signature(0.0, *meter).bar_beats
    lines = _from_start(np.asarray(downbeats_s, float))
    pickup_s = lines[0]
    signatures, knots = [], [(0.0, 0.0)]
    if pickup_s > SAME_TIME_S:
        units = max(1, round(pickup_s / (lines[1] - lines[0]) * bar_beats * PICKUP_UNIT / 4))
        quarters = 4 * units / PICKUP_UNIT
        if pickup_s / quarters > 60 / MAX_TEMPO_BPM:
            signatures.append(Signature(0.0, units, PICKUP_UNIT))
            knots.append((quarters, pickup_s))
    start = knots[-1][0]
    signatures.append(Signature(start, *meter))
    for number, (begin_s, end_s) in enumerate(pairwise(lines)):
        inner_s = _uneven(begin_s, end_s, beats_s, beats_of(meter))
        each = bar_beats / (len(inner_s) + 1)
        knots += [(start + number * bar_beats + (k + 1) * each, at_s) for k, at_s in enumerate([*inner_s, end_s])]
    return Grid(_tempo_map(knots), tuple(signatures))


def _from_start(downbeats_s: np.ndarray) -> np.ndarray:
    """Return downbeats from the first bar that begins in the file on, those before the first found one included."""
    bar_s = downbeats_s[1] - downbeats_s[0]
    n_before = max(0, int((downbeats_s[0] + SAME_TIME_S) / bar_s))
    lines = np.concatenate([downbeats_s[0] - bar_s * np.arange(n_before, 0, -1), downbeats_s])
    return lines[max(0, int(np.searchsorted(lines, -SAME_TIME_S))) :] if lines[-2] >= 0 else lines[-2:] - lines[-2]


def _uneven(begin_s: float, end_s: float, beats_s: np.ndarray | None, in_bar: int) -> np.ndarray:
    """Return the beats inside a bar where one tempo would miss them."""
    if beats_s is None:
        return np.zeros(0)
    inside = beats_s[(beats_s > begin_s + SAME_TIME_S) & (beats_s < end_s - SAME_TIME_S)]
    evenly = np.linspace(begin_s, end_s, in_bar + 1)[1:-1]
    is_even = len(inside) != len(evenly) or np.all(np.abs(inside - evenly) < EVEN_BEAT_S)
    return np.zeros(0) if is_even else inside


def _tempo_map(knots: list[tuple[float, float]]) -> TempoMap:
    """Return the tempos between (beat, seconds), one for a run that keeps its tempo; rounding does not add up."""
    beats, times_s = np.array(knots).T
    beat_s = np.diff(times_s) / np.diff(beats)
    found: list[tuple[float, int]] = []
    first, now_s = 0, 0.0
    while first < len(beat_s):
        changes = np.flatnonzero(np.abs(beat_s[first:] / beat_s[first] - 1) > SAME_TEMPO)
        end = first + int(changes[0]) if len(changes) else len(beat_s)
        us = round((times_s[end] - now_s) / (beats[end] - beats[first]) * 1e6)
        us = int(np.clip(us, US_PER_MINUTE / MAX_TEMPO_BPM, US_PER_MINUTE / MIN_TEMPO_BPM))
        found.append((float(beats[first]), us))
        now_s += us * (beats[end] - beats[first]) * 1e-6
        first = end
    return TempoMap(np.array([beat for beat, _ in found]), np.array([us for _, us in found]))
