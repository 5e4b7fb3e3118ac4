"""Drums whose tempo is known: human performances, and songs that were written as MIDI.

Performances are named as the Groove MIDI Dataset names them, DRUMMER_..._STYLE_BPM_beat_SIGNATURE.mid, and were played
to a click, time 0 on a downbeat. Written songs are General MIDI files of any name, with drums on channel 10.
"""

import re
from collections.abc import Collection, Iterable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from drumhits.io.midi import N_CHANNELS, MidiContent, read_midi
from drumhits.tempo.strokes import Part, Strokes, strokes_of

ARTICULATION_OF = {
    **dict.fromkeys((35, 36), "kick"), **dict.fromkeys((38, 40), "head"), 37: "cross_stick",
    **dict.fromkeys((48, 50, 45, 47, 43, 58, 41), "mid"), **dict.fromkeys((42, 22), "closed"),
    **dict.fromkeys((46, 26), "open"), 44: "pedal", **dict.fromkeys((49, 55, 57, 52), "crash"),
    **dict.fromkeys((51, 59, 53), "ride"),
}  # fmt: skip
MIN_BARS = 8
N_PARTS = 5
DRUM_CHANNEL = 9
WRITTEN_SIGNATURES = {(4, 4), (3, 4)}
MIN_STROKES = 100
GRIDS, ON_GRID = (3, 4, 6), 0.8  # strokes to a beat, and mean resultant length of strokes that lie on such a grid


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


def written_songs(folder: Path, weight: float = 1.0) -> list[Performance]:
    """Return the songs of a folder that were written in one tempo, and in 4/4 or 3/4 throughout, by name.

    Each is a style of its own. Left out are those with few strokes, or whose drums lie on no grid of their tempo.
    """
    songs = []
    for path in sorted(folder.glob("*.mid")):
        content = read_midi(path)
        drums = replace(content, notes=content.notes[content.parts % N_CHANNELS == DRUM_CHANNEL])
        signatures = {(one.numerator, one.denominator) for one in content.signatures} or {(4, 4)}
        bpm = 6e7 / content.tempo.us_per_beat
        song = Performance(path.name, path.name, float(bpm[-1]), min(signatures), _strokes(drums), weight)
        is_even = np.ptp(bpm) < 0.1 and len(signatures) == 1 and signatures <= WRITTEN_SIGNATURES
        if is_even and _keeps_its_tempo(song):
            songs.append(song)
    return songs


def _keeps_its_tempo(song: Performance) -> bool:
    if len(song.strokes.times_s) < MIN_STROKES or song.n_bars < MIN_BARS:
        return False
    turns = 2j * np.pi * song.strokes.times_s * song.bpm / 60
    return bool(max(abs(np.exp(grid * turns).mean()) for grid in GRIDS) > ON_GRID)


def part_of_styles(songs: Iterable[Performance]) -> dict[str, int]:
    """Return in which of N_PARTS the songs of each style and tempo are, so that takes of one song stay together."""
    return {style: number % N_PARTS for number, style in enumerate(sorted({song.style for song in songs}))}
