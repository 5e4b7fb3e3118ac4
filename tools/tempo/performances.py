"""Human performances whose tempo is known, from a folder of MIDI files named as the Groove MIDI Dataset names them.

DRUMMER_..._STYLE_BPM_beat_SIGNATURE.mid, played to a click, time 0 on a downbeat.
"""

import re
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from drumhits.io.midi import MidiContent, read_midi
from drumhits.tempo.strokes import Part, Strokes, strokes_of

ARTICULATION_OF = {
    **dict.fromkeys((35, 36), "kick"), **dict.fromkeys((38, 40), "head"), 37: "cross_stick",
    **dict.fromkeys((48, 50, 45, 47, 43, 58, 41), "mid"), **dict.fromkeys((42, 22), "closed"),
    **dict.fromkeys((46, 26), "open"), 44: "pedal", **dict.fromkeys((49, 55, 57, 52), "crash"),
    **dict.fromkeys((51, 59, 53), "ride"),
}  # fmt: skip
MIN_BARS = 8
N_PARTS = 5


class Performance(NamedTuple):
    """A song that was played to a click, and how it weighs among others."""

    name: str
    style: str  # and tempo
    bpm: float
    signature: tuple[int, int]
    strokes: Strokes
    weight: float = 1.0

    @property
    def drummer(self) -> str:
        return self.name.split("_")[0]

    @property
    def n_bars(self) -> float:
        quarters = 4 * self.signature[0] / self.signature[1]
        return (self.strokes.times_s[-1] - self.strokes.times_s[0]) * self.bpm / 60 / quarters


def read_performance(path: Path) -> Performance:
    """Read a performance; its tempo is that of the file, which its name rounds."""
    named = re.fullmatch(r"(.+?)_(\d+)_([^_]+_\d+)_beat_(\d+)-(\d+)", path.stem)
    content = read_midi(path)
    style, signature = named[3], (int(named[4]), int(named[5]))
    return Performance(path.name, style, 6e7 / content.tempo.us_per_beat[0], signature, _strokes(content))


def as_converted(song: Performance, folder: Path) -> Performance:
    """Return a performance with the strokes that converted.py found in it."""
    return song._replace(strokes=_strokes(read_midi(folder / song.name)))


def _strokes(content: MidiContent) -> Strokes:
    notes = content.notes[np.isin(content.notes["number"], list(ARTICULATION_OF))]
    kinds = np.array([ARTICULATION_OF[number] for number in notes["number"].tolist()], dtype=object)
    return strokes_of([Part(notes["time_s"], notes["velocity"], kinds)])


def performances(folder: Path, without: Collection[str] = (), without_part: int | None = None) -> list[Performance]:
    """Return the performances of a folder that have MIN_BARS or more, by name.

    Parameters
    ----------
    without : collection of str
        Drummers that are left out.
    without_part : int in 0..N_PARTS-1, optional
        Part that is left out; see `part_of_styles`.
    """
    songs = [read_performance(path) for path in sorted(folder.glob("*_beat_*.mid"))]
    songs = [song for song in songs if len(song.strokes.times_s) and song.n_bars >= MIN_BARS]
    part = part_of_styles(songs)
    return [song for song in songs if song.drummer not in without and part[song.style] != without_part]


def part_of_styles(songs: Iterable[Performance]) -> dict[str, int]:
    """Return in which of N_PARTS the songs of each style and tempo are, so that takes of one song stay together."""
    return {style: number % N_PARTS for number, style in enumerate(sorted({song.style for song in songs}))}
