"""The grid of a MIDI file: tempo and bars over a time line in seconds; positions are in beats, quarter notes."""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

DEFAULT_TEMPO_BPM = 120.0  # what a file without tempo events means
MIN_TEMPO_BPM, MAX_TEMPO_BPM = 4.0, 1000.0  # three bytes of microseconds; four hours in a delta time
US_PER_MINUTE = 60_000_000


@dataclass(frozen=True, eq=False)
class TempoMap:
    """Piecewise constant tempo: `us_per_beat[k]` holds from `beats[k]` on; `beats` increases from 0."""

    beats: np.ndarray
    us_per_beat: np.ndarray

    @cached_property
    def _change_times(self) -> np.ndarray:
        return np.append(0.0, np.cumsum(np.diff(self.beats) * self.us_per_beat[:-1] * 1e-6))

    def seconds(self, beats: np.ndarray) -> np.ndarray:
        """Return the times in seconds of positions in beats; the first tempo holds before beat 0 too."""
        k = np.maximum(np.searchsorted(self.beats, beats, side="right") - 1, 0)
        return np.asarray(self._change_times[k] + (beats - self.beats[k]) * self.us_per_beat[k] * 1e-6)

    def beats_at(self, seconds: np.ndarray) -> np.ndarray:
        """Return the positions in beats of times in seconds: the inverse of `seconds`."""
        k = np.maximum(np.searchsorted(self._change_times, seconds, side="right") - 1, 0)
        return np.asarray(self.beats[k] + (seconds - self._change_times[k]) / (self.us_per_beat[k] * 1e-6))


class Signature(NamedTuple):
    """A time signature, from a bar line on; `denominator` is a power of 2."""

    beat: float
    numerator: int
    denominator: int

    @property
    def bar_beats(self) -> float:
        """Quarter notes in a bar."""
        return 4 * self.numerator / self.denominator

    def __str__(self) -> str:
        return f"{self.numerator}/{self.denominator}"


@dataclass(frozen=True, eq=False)
class Grid:
    """Tempo and bars; without a signature, what a file says that has none: bars in 4/4 from its start on."""

    tempo: TempoMap
    signatures: tuple[Signature, ...] = ()

    def __repr__(self) -> str:
        return f"Grid({self.tempo.beats.tolist()}, {self.tempo.us_per_beat.tolist()}, {self.signatures})"

    def bar_lines(self, end_s: float) -> np.ndarray:
        """Return the positions of the bar lines, in beats, up to the first one at or after `end_s`."""
        signatures = self.signatures or (Signature(0.0, 4, 4),)
        end = float(self.tempo.beats_at(np.array([end_s]))[0])
        ends = [*(one.beat for one in signatures[1:]), np.inf]
        lines = []
        for one, until in zip(signatures, ends, strict=True):
            last = min(until, end + one.bar_beats)
            lines.append(np.arange(one.beat, last - 1e-9, one.bar_beats))
        return np.concatenate(lines)


def even_grid(tempo_bpm: float, signatures: tuple[Signature, ...] = ()) -> Grid:
    """Return the grid of one tempo from the start on."""
    us_per_beat = round(US_PER_MINUTE / tempo_bpm)
    return Grid(TempoMap(np.zeros(1), np.array([us_per_beat])), signatures)
