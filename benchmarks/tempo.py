"""Tempo and beats of the strokes of human performances beside the click that they were played to, and beside librosa's.

    python benchmarks/tempo.py PERFORMANCES [--only DRUMMER ...] [--only-part N] [--table FILE --weights FILE]
                               [--converted FOLDER]
    python benchmarks/tempo.py SONGS --written [--table FILE]

PERFORMANCES is a folder as tools/tempo/performances.py takes it; those of 8 bars or more count. A table and weights
that were made without the drummers or the part of the songs that are tested are fair: tools/tempo/fit.py and train.py
PERFORMANCES --without DRUMMER ... or --without-part N, --output FILE. The same performances are bent to curves of
tempo: slower over the last four bars, 90 to 140 BPM in steps, a bar that is held for two seconds longer. With
--converted, the strokes are those that a conversion found. SONGS is a folder of songs that were written as MIDI, of
which those count that were written in one tempo. With --librosa, its tracker stands beside ours; it gets the
strokes as an onset envelope of Gaussians.
"""

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits

sys.path.extend(str(Path(__file__).resolve().parents[1] / part) for part in ("", "tools/tempo"))

from performances import N_PARTS, Performance, as_converted, part_of_styles, performances, written_songs

from drumhits.tempo.activation import Weights, read_weights
from drumhits.tempo.find import find_beats
from drumhits.tempo.pulse import VOICE_WEIGHTS
from drumhits.tempo.strokes import Strokes
from drumhits.tempo.table import Table, read_table

RIGHT_BPM, OCTAVE_BPM, RIGHT_S, DOWNBEAT_S = 0.01, 0.02, 0.04, 0.07
QUARTERS = 4  # knots of a curve in a beat
ENVELOPE_SR, ENVELOPE_HOP = 22_050, 256
WIDTHS = (7, 12, 6, 7, 9, 19)


class Tracked(NamedTuple):
    bpm: float
    beats_s: np.ndarray
    downbeat_s: float | None
    is_sure: bool


def steady(beats: np.ndarray, bpm: float) -> np.ndarray:
    """Return how long each piece of a curve is, as a multiple of what it is at the click."""
    return np.ones(len(beats))


def ritardando(beats: np.ndarray, bpm: float) -> np.ndarray:
    return 1 / (1 - 0.45 * np.clip((beats - beats[-1] + 24) / 16, 0, 1))


def steps(beats: np.ndarray, bpm: float) -> np.ndarray:
    return bpm / (90 + 10 * np.floor(6 * np.minimum(beats // 4 * 4 / (beats[-1] - 8), 0.999)))


def fermata(beats: np.ndarray, bpm: float) -> np.ndarray:
    held = beats[len(beats) // 2] // 4 * 4
    return 1 + np.where((beats >= held) & (beats < held + 1), 2.0 * bpm / 60, 0.0)


CURVES: dict[str, Callable[[np.ndarray, float], np.ndarray]] = {
    one.__name__: one for one in (steady, ritardando, steps, fermata)
}


def bent(
    song: Performance, curve: Callable[[np.ndarray, float], np.ndarray]
) -> tuple[Strokes, np.ndarray, np.ndarray]:
    """Return the strokes of a song in another tempo, and the times of its beats and of its downbeats."""
    times_s, beat_s = song.strokes.times_s, 60 / song.bpm
    beats = np.arange(0, times_s[-1] / beat_s + 8, 1 / QUARTERS)
    pieces_s = curve(beats, song.bpm) * beat_s / QUARTERS
    at_s = np.append(0.0, np.cumsum(pieces_s[:-1]))
    played_s = np.interp(times_s, beats * beat_s, at_s)
    beats_s = at_s[::QUARTERS]
    bar = 4 * QUARTERS * song.signature[0] // song.signature[1]
    is_played = (beats_s >= played_s[0] - RIGHT_S) & (beats_s <= played_s[-1])
    return song.strokes.at(played_s), beats_s[is_played], at_s[::bar]


def ours(strokes: Strokes, table: Table | None, weights: Weights | None) -> Tracked:
    found = find_beats(strokes, table=table, weights=weights)
    if found is None:
        return Tracked(120.0, np.zeros(0), None, False)
    return Tracked(found.bpm, _as_written(found.times_s, strokes), float(found.times_s[0]), found.is_sure)


def _as_written(beats_s: np.ndarray, strokes: Strokes) -> np.ndarray:
    """Return beats from the first stroke to the last: before the first downbeat bars go on as that one does."""
    first_s, last_s = beats_s[1] - beats_s[0], beats_s[-1] - beats_s[-2]
    n_before = np.ceil((beats_s[0] - strokes.times_s[0]) / first_s)
    n_after = np.ceil((strokes.times_s[-1] - beats_s[-1]) / last_s)
    before_s = beats_s[0] - first_s * np.arange(n_before, 0, -1)
    return np.concatenate([before_s, beats_s, beats_s[-1] + last_s * np.arange(1, n_after + 1)])


def librosas(strokes: Strokes) -> Tracked:
    import librosa

    frames = np.arange(0, strokes.times_s[-1] + 1, ENVELOPE_HOP / ENVELOPE_SR)
    envelope = np.zeros(len(frames))
    for time_s, weight in zip(strokes.times_s, VOICE_WEIGHTS[strokes.voices], strict=True):
        near = slice(*np.searchsorted(frames, (time_s - 0.05, time_s + 0.05)))
        envelope[near] += weight * np.exp(-0.5 * ((frames[near] - time_s) / 0.012) ** 2)
    bpm, beats_s = librosa.beat.beat_track(
        onset_envelope=envelope, sr=ENVELOPE_SR, hop_length=ENVELOPE_HOP, units="time", trim=False
    )
    return Tracked(float(np.atleast_1d(bpm)[0]), beats_s, None, True)


def judged(song: Performance, tracked: Tracked, truth_s: np.ndarray, downbeats_s: np.ndarray) -> dict[str, float]:
    """Return what is right, as 0 or 1, and the share of the beats; a tempo that changes is right by its median."""
    ratio = _tempo_ratio(tracked, truth_s)
    is_right = abs(ratio - 1) < RIGHT_BPM
    is_octave = min(abs(ratio / 2 - 1), abs(ratio * 2 - 1)) < OCTAVE_BPM
    nearest_s = np.min(np.abs(truth_s[:, None] - np.append(tracked.beats_s, np.inf)), axis=1)
    is_downbeat = tracked.downbeat_s is not None and np.abs(downbeats_s - tracked.downbeat_s).min() < DOWNBEAT_S
    return {
        "right": is_right and tracked.is_sure,
        "half/double": is_octave and tracked.is_sure,
        "other": not (is_right or is_octave) and tracked.is_sure,
        "unsure": not tracked.is_sure,
        "downbeat": is_right and tracked.is_sure and is_downbeat,
        "beats": float(np.mean(nearest_s < RIGHT_S)),
    }


def _tempo_ratio(tracked: Tracked, truth_s: np.ndarray) -> float:
    """Return how much faster the beats are than the true ones, around each of these, in the median."""
    if len(tracked.beats_s) < 2:
        return 0.0
    between_s = (tracked.beats_s[1:] + tracked.beats_s[:-1]) / 2
    found_s = np.interp(truth_s[1:], between_s, np.diff(tracked.beats_s))
    return float(np.median(np.diff(truth_s) / found_s))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--written", action="store_true", help="the folder holds songs that were written as MIDI")
    parser.add_argument("--only", nargs="+", metavar="DRUMMER", help="drummers that are tested (default: all)")
    parser.add_argument("--only-part", type=int, choices=range(N_PARTS), help="part that is tested (default: all)")
    parser.add_argument("--table", type=Path, help="in place of the one that ships")
    parser.add_argument("--weights", type=Path, help="in place of those that ship")
    parser.add_argument("--converted", type=Path, metavar="FOLDER", help="of hits that tools/tempo/converted.py found")
    parser.add_argument("--librosa", action="store_true", help="librosa's tracker, too")
    args = parser.parse_args()
    threadpool_limits(1)  # as the product does: its matrices are small
    songs = written_songs(args.folder) if args.written else performances(args.folder)
    part = part_of_styles(songs)
    songs = [song for song in songs if not args.only or song.drummer in args.only]
    songs = [song for song in songs if args.only_part in (None, part[song.style])]
    if args.converted:
        songs = [as_converted(song, args.converted) for song in songs if (args.converted / song.name).is_file()]
    table, weights = args.table and read_table(args.table), args.weights and read_weights(args.weights)
    trackers: dict[str, Callable[[Strokes], Tracked]] = {"drumhits": lambda strokes: ours(strokes, table, weights)}
    trackers |= {"librosa": librosas} if args.librosa else {}
    print(f"{len(songs)} songs")
    print(f"{'':24}   right  half/double  other  unsure  downbeat  beats within 40 ms   CPU s")
    for curve in CURVES.values():
        for name, track in trackers.items():
            started_s = time.process_time()
            rows = []
            for song in songs:
                strokes, truth_s, downbeats_s = bent(song, curve)
                rows.append(judged(song, track(strokes), truth_s, downbeats_s))
            cost_s = (time.process_time() - started_s) / len(songs)
            mean = {key: float(np.mean([row[key] for row in rows])) for key in rows[0]}
            cells = " ".join(f"{100 * mean[key]:{width}.1f}" for key, width in zip(mean, WIDTHS, strict=True))
            print(f"{curve.__name__:12}{name:12} {cells} {cost_s:7.2f}")


if __name__ == "__main__":
    main()
