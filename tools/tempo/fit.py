"""Fit drumhits/tempo/table.npz: where in the bar each voice plays, and how the tempo tracker weighs what it finds.

    python tools/tempo/fit.py PERFORMANCES [--songs FOLDER ...] [--without DRUMMER ...] [--without-part N]

PERFORMANCES is a folder as performances.py takes it; programmed songs of styles.py stand beside them. The table of bars
is made without the songs that are ranked by it: in five parts by style and tempo, so that the ranking learns what the
table is worth for new songs. They are ranked as they were played, and once more as a conversion might find them. Songs
that others wrote as MIDI (--songs) are ranked, too: they tell one tempo from twice and half of it where performances,
rich in soft strokes, do not. What ships was fitted with the music of Freedoom, OpenMSX, simutrans and Planet Blupi.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import fields
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.optimize import minimize
from scipy.special import logsumexp
from threadpoolctl import threadpool_limits

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from performances import N_PARTS, Performance, part_of_styles, performances, written_songs
from styles import programmed

from drumhits.tempo.find import carry, evenly, followed
from drumhits.tempo.metre import downbeat_features, features, hypotheses_bpm
from drumhits.tempo.pulse import rates_hz
from drumhits.tempo.strokes import CLOSED, CRASH, GHOST, OPEN, PEDAL, RIDE, SNARE, VOICES, Strokes
from drumhits.tempo.table import BEAT_BINS, BINS, TABLE, Table

FULL_WEIGHT_BARS = 30
N_WAYS, N_ROUNDS = 3, 20
FLOOR, BLUR_BINS, PRIOR = 0.08, 0.8, 8.0
SHARPNESS = 0.3  # of the share of a song in each way of playing: strokes are far from independent
RIDGE, DOWNBEAT_RIDGE = 3.0, 0.1
RIGHT = 0.01
SONG_WEIGHT = 0.2  # of a song that others wrote, beside a performance
MISSED, SOFT_MISSED = (0.02, 0.1), (0.0, 0.5)  # range of the share of all strokes, and of the soft ones, in a song
MOVED_S = 0.003
TAKEN_FOR = (
    (SNARE, GHOST, 0.1), (GHOST, SNARE, 0.15), (OPEN, CLOSED, 0.2), (CLOSED, OPEN, 0.05), (PEDAL, CLOSED, 0.3),
    (CLOSED, PEDAL, 0.03), (CRASH, RIDE, 0.1), (RIDE, CRASH, 0.03),
)  # shares of the strokes of a voice that a conversion takes for those of another  # fmt: skip
LATER, EARLY_BEATS = {1: 0.1, 2: 0.1, 3: 0.1}, 0.2  # share by beat; how early a stroke on it may come


def bars_of(songs: list[Performance]) -> np.ndarray:
    """Return `Table.bars`: N_WAYS of playing straight and as many in triplet feel, for which others are bent."""
    counts = np.stack([_counts(song) for song in songs])
    weights = np.array([song.weight * min(1.0, FULL_WEIGHT_BARS / song.n_bars) for song in songs])
    is_swung = np.array([_is_swung(one) for one in counts])
    bent = np.stack([_swung(one) for one in counts[~is_swung]])
    straight = _ways(counts[~is_swung], weights[~is_swung])
    swung = np.concatenate([counts[is_swung], bent])
    return np.concatenate([straight, _ways(swung, np.append(weights[is_swung], weights[~is_swung] / 2))])


def _counts(song: Performance) -> np.ndarray:
    place = song.strokes.times_s * song.bpm / 60 * BEAT_BINS
    below, share = np.floor(place).astype(int), place % 1
    counts = np.zeros((len(VOICES), BINS))
    np.add.at(counts, (song.strokes.voices, below % BINS), 1 - share)
    np.add.at(counts, (song.strokes.voices, (below + 1) % BINS), share)
    return counts


def _is_swung(counts: np.ndarray) -> bool:
    """Tell whether the second 8th of a beat is nearer to the third triplet."""
    in_beat = counts.sum(axis=0).reshape(4, BEAT_BINS).sum(axis=0)
    return in_beat[15:18].sum() > in_beat[11:14].sum()


def _swung(counts: np.ndarray) -> np.ndarray:
    """Return counts whose second 8ths are moved onto the third triplet, and what lies between with them."""
    place = np.arange(BINS)
    share = place % BEAT_BINS / BEAT_BINS
    bent = np.where(share < 0.5, share * 4 / 3, 2 / 3 + (share - 0.5) * 2 / 3)
    target = place - place % BEAT_BINS + bent * BEAT_BINS
    below, part = np.floor(target).astype(int), target % 1
    moved = np.zeros_like(counts)
    np.add.at(moved.T, below % BINS, (counts * (1 - part)).T)
    np.add.at(moved.T, (below + 1) % BINS, (counts * part).T)
    return moved


def _ways(counts: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the log densities of N_WAYS of playing: a mixture, fitted by expectation and maximisation."""
    weighted = counts * weights[:, None, None]
    shares = np.random.default_rng(0).dirichlet(np.full(N_WAYS, 0.3), len(counts))
    for _ in range(N_ROUNDS):
        density = np.einsum("sw,svb->wvb", shares, weighted)
        mean = density.sum(axis=0)
        mean /= np.maximum(mean.sum(axis=-1, keepdims=True), 1e-9)
        density = gaussian_filter1d(density + PRIOR * mean, BLUR_BINS, axis=-1, mode="wrap")
        density *= BINS / np.maximum(density.sum(axis=-1, keepdims=True), 1e-9)
        bars = np.log((1 - FLOOR) * density + FLOOR)
        log_share = SHARPNESS * np.einsum("wvb,svb->sw", bars, weighted)
        shares = np.exp(log_share - logsumexp(log_share, axis=1, keepdims=True))
    return bars


def fit(songs: list[Performance], only_ranked: Collection[Performance] = ()) -> Table:
    """Return the table of some songs, and of others that are ranked alone: their bars count for nothing."""
    fours = [song for song in songs if song.signature == (4, 4)]
    are_placed, everyone = {song.name for song in fours}, [*songs, *only_ranked]
    fold_of = part_of_styles(songs) | part_of_styles(only_ranked)
    n_like: Counter[str] = Counter()
    for song in everyone:
        n_like[song.style] += song.weight
    placed, placed_weights, ranked, followed = [], [], _Choices(), _Choices()
    rng = np.random.default_rng(0)
    for fold in range(N_PARTS):
        table = _unweighted(bars_of([song for song in fours if fold_of[song.style] != fold]))
        for song in (song for song in everyone if fold_of[song.style] == fold):
            weight = song.weight * n_like[song.style] ** -0.5 / 2
            for strokes in (song.strokes, _as_found(song.strokes, rng)):
                ranked.add(strokes, song.bpm, table, weight)
                followed.add(*_evened(strokes, song.bpm, table), table, weight)
            if song.name in are_placed:
                for strokes, share in _beginnings(song):
                    rows, places = downbeat_features(strokes, song.bpm, table, 4)
                    off = np.minimum(places, BINS - places)
                    placed.append((rows, off == off.min()))
                    placed_weights.append(share * song.weight)
    everything = np.concatenate(ranked.rows)
    centre, scale = everything.mean(axis=0), everything.std(axis=0) + 1e-9
    weights = [one.weighed(centre, scale) for one in (ranked, followed)]
    downbeat = _choice(placed, np.array(placed_weights), DOWNBEAT_RIDGE)
    return Table(bars_of(fours), centre, scale, *weights, downbeat)


def _beginnings(song: Performance) -> Iterator[tuple[Strokes, float]]:
    """Yield the strokes of a song from its beginning on and from later beats of its first bar on, and their shares.

    Those who played to a click began on a downbeat, mostly; many a song does not.
    """
    yield song.strokes, 1 - sum(LATER.values())
    for beat, share in LATER.items():
        is_later = song.strokes.times_s >= (beat - EARLY_BEATS) * 60 / song.bpm
        yield Strokes(song.strokes.times_s[is_later], song.strokes.voices[is_later]), share


def _as_found(strokes: Strokes, rng: np.random.Generator) -> Strokes:
    """Return strokes with the errors of a conversion: missing, moved, and taken for those of other voices."""
    times_s, voices = strokes
    is_found = rng.random(len(times_s)) >= rng.uniform(*MISSED)
    is_found &= ~np.isin(voices, (GHOST, PEDAL)) | (rng.random(len(times_s)) >= rng.uniform(*SOFT_MISSED))
    times_s, voices = times_s[is_found] + rng.normal(0, MOVED_S, is_found.sum()), voices[is_found]
    found = voices.copy()
    for voice, other, share in TAKEN_FOR:
        found[(voices == voice) & (rng.random(len(voices)) < share)] = other
    return Strokes.in_time_order(times_s, found)


def _evened(strokes: Strokes, bpm: float, table: Table) -> tuple[Strokes, float]:
    """Return strokes of a constant tempo as they are where it had to be followed, and the tempo there."""
    pulse_s = followed(strokes, table)
    even_s = evenly(pulse_s)
    clicks_s = np.arange(strokes.times_s[0], strokes.times_s[-1], 60 / bpm)
    evened_bpm = 60 / float(np.median(np.diff(carry(clicks_s, pulse_s, even_s))))
    return strokes.at(carry(strokes.times_s, pulse_s, even_s)), evened_bpm


class _Choices:
    """Hypotheses about the tempo of songs, by their features, and which of them are right."""

    def __init__(self) -> None:
        self.rows: list[np.ndarray] = []
        self.are_right: list[np.ndarray] = []
        self.weights: list[float] = []

    def add(self, strokes: Strokes, bpm: float, table: Table, weight: float) -> None:
        """Add a song of a known tempo, if one of its hypotheses is right."""
        tempos = hypotheses_bpm(rates_hz(strokes))
        is_right = np.abs(tempos / bpm - 1) < RIGHT
        if is_right.any():
            self.rows.append(np.stack([features(strokes, one, table) for one in tempos]))
            self.are_right.append(is_right)
            self.weights.append(weight)

    def weighed(self, centre: np.ndarray, scale: np.ndarray) -> np.ndarray:
        """Return the weights of the scaled features by which the right ones are chosen."""
        scaled = [((rows - centre) / scale, is_right) for rows, is_right in zip(self.rows, self.are_right, strict=True)]
        return _choice(scaled, np.array(self.weights), RIDGE)


def _unweighted(bars: np.ndarray) -> Table:
    return Table(bars, *(np.zeros(0),) * 5)


def _choice(choices: list[tuple[np.ndarray, np.ndarray]], weights: np.ndarray, ridge: float) -> np.ndarray:
    """Return the weights of the features of a conditional logit: of each set of rows, the right ones were chosen."""

    def loss(w: np.ndarray) -> tuple[float, np.ndarray]:
        value, slope = 0.5 * ridge * w @ w, ridge * w
        for (rows, is_right), weight in zip(choices, weights, strict=True):
            log_odds = rows @ w
            share = np.exp(log_odds - logsumexp(log_odds))
            right = share[is_right].sum()
            value -= weight * np.log(right)
            slope = slope - weight * rows.T @ (share * is_right / right - share)
        return value, slope

    return minimize(loss, np.zeros(choices[0][0].shape[1]), jac=True).x


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--songs", nargs="+", type=Path, default=[], metavar="FOLDER", help="of songs written as MIDI")
    parser.add_argument("--without", nargs="+", default=[], metavar="DRUMMER", help="drummers that are left out")
    parser.add_argument("--without-part", type=int, choices=range(N_PARTS), help="part of the songs that is left out")
    parser.add_argument("--output", type=Path, default=TABLE)
    args = parser.parse_args()
    songs = performances(args.folder, args.without, args.without_part) + programmed()
    others = [song for folder in args.songs for song in written_songs(folder, SONG_WEIGHT)]
    with threadpool_limits(1):  # sums of several threads differ in their last bits
        table = fit(songs, others)
    names = [field.name for field in fields(Table)]
    smaller = {name: getattr(table, name).astype(np.float16 if name == "bars" else np.float32) for name in names}
    np.savez_compressed(args.output, **smaller)
    print(f"{args.output}: fitted to {len(songs) + len(others)} songs")


if __name__ == "__main__":
    main()
