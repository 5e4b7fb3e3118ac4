"""Heard: what networks that were trained on many kits make of a stem, a feature for models.

The other features describe a candidate by a few numbers. A network takes the course of the sound around it, in this
stem and in its siblings, and sets it beside the other candidates of the stem. What it says is a feature like any other:

Heard        log odds that the candidate is a hit
HeardInMix   the same by a network for files that are whole drum mixes

They also say which articulation it would be: `Heard:open` and so on are scores whose exponentials are in the ratio of
the probabilities.

The networks lie in models/pretrained/networks/ and were made by tools/build_pretrained.py. They take, in this order:

- levels in dB over the spans of PATCH_SPANS (frames of 5.8 ms) around the onset in each band of
  `windows.BAND_EDGES_HZ`, relative to the loud candidates of the stem;
- the same below 600 Hz, finer in frequency: spectra of 46 ms that start at LOW_STARTS around the onset;
- the features of `NUMBERS`, magnitudes as their logarithm;
- not for a mix: the courses of `siblings.Around` of every stem of the song, relative to the loudest of them, and for
  each stem whether it was there;
- nor that: the levels of the first two kinds once more, of the stem and its siblings together (see `mixture`).
"""

import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import numpy as np

from drumhits.audio import SAMPLE_RATE
from drumhits.context import EXTENDED_FEATURES
from drumhits.errors import InputError
from drumhits.features import GUIDE_FEATURES, SHAPE_FEATURES, FeatureTable, heard_articulations
from drumhits.network import ROWS_AT_ONCE, SELF, Network, judged_by
from drumhits.onsets import ATTACK_LEAD
from drumhits.packagedigest import NETWORKS_DIR
from drumhits.safepickle import damaged, loads
from drumhits.settings import ARTICULATIONS, STEMS
from drumhits.siblings import COURSE_STEPS, MEASURES, Around
from drumhits.windows import (
    CHUNK_LENGTH,
    CONTEXT_LENGTH,
    DECIMATION,
    HOP_LENGTH,
    N_BANDS,
    TINY_ENERGY,
    Window,
    decimated,
    mean_levels_db,
    windows,
)

KIND = "drumhits networks"
HEARD, HEARD_IN_MIX = "Heard", "HeardInMix"
PATCH_SPANS = (
    range(-40, -20), range(-20, -12), range(-12, -8), *(range(i, i + 1) for i in range(-8, 13)), range(13, 17),
    range(17, 25), range(25, 41), range(41, 62),
)  # fmt: skip
ATTACK_SPANS = slice(11, 15)  # of PATCH_SPANS: 0 to 17 ms after the onset
LOW_N_FFT = 128  # samples of the decimated signal: 46 ms, 21.5 Hz
LOW_STARTS = np.array((-192, -128, -64, 0, 64, 128, 256))  # the same
LOW_ATTACK = slice(3, 4)  # of LOW_STARTS: the 46 ms after the onset
_LOW_BINS = np.array((*range(1, 17), 18, 20, 22, 25, 28))  # 22 to 600 Hz; a band ends where the next begins
N_LOW_BANDS = len(_LOW_BINS) - 1
_LOW_HANN = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(LOW_N_FFT) / LOW_N_FFT)).astype(np.float32)
NUMBERS = GUIDE_FEATURES + SHAPE_FEATURES + EXTENDED_FEATURES
MAGNITUDES = ("Amp", "BodyE", "BrillE", "Total", "GeoMean", "CentroidHz", "PitchHz")
LOUD_PERCENTILE = 95
STEP_DB = 20.0  # of level, that is one unit of an input
LOWEST, HIGHEST = np.float32(-4.0), np.float32(2.0)  # units
N_PATCH = len(PATCH_SPANS) * N_BANDS + len(LOW_STARTS) * N_LOW_BANDS
N_INPUTS_IN_MIX = N_PATCH + len(NUMBERS)
N_COURSES = len(STEMS) * (len(COURSE_STEPS) * MEASURES + 1)
N_INPUTS_BESIDE = N_INPUTS_IN_MIX + N_COURSES  # all but the mixture
N_INPUTS = N_INPUTS_BESIDE + N_PATCH
SILENT_DB = 10 * np.log10(TINY_ENERGY)


def patches(window: Window, samples: np.ndarray) -> np.ndarray:
    """Return the levels around onsets of a window, shape (n, N_PATCH), float16, in dB.

    Parameters
    ----------
    samples : np.ndarray, shape (n,), int
        Onsets in `window.y`.
    """
    if not len(samples):
        return no_patches()
    frames = np.rint((samples + ATTACK_LEAD) / HOP_LENGTH).astype(int)
    levels = mean_levels_db(window.energies, frames, PATCH_SPANS)
    low = _low_spectra(window.y, samples)
    return np.concatenate((levels.reshape(len(samples), -1), low.reshape(len(samples), -1)), axis=1)


def _low_spectra(y: np.ndarray, samples: np.ndarray) -> np.ndarray:
    """Return the levels of the low bands, shape (n, len(LOW_STARTS), N_LOW_BANDS), float16, in dB."""
    starts = samples[:, None] // DECIMATION + LOW_STARTS
    spectra = np.fft.rfft(np.lib.stride_tricks.sliding_window_view(decimated(y), LOW_N_FFT)[starts] * _LOW_HANN, axis=2)
    power = np.square(np.abs(spectra[..., : _LOW_BINS[-1]]))
    return (10 * np.log10(np.add.reduceat(power, _LOW_BINS[:-1], axis=2) + TINY_ENERGY)).astype(np.float16)


def patches_at(blocks: Iterable[np.ndarray], times_s: np.ndarray) -> np.ndarray:
    """Return the levels around times of a sound, shape (n, N_PATCH), float16, in dB; after its end it is silent.

    Parameters
    ----------
    blocks : iterable of np.ndarray, float32
        Mono samples at 44.1 kHz, in blocks of any length.
    times_s : np.ndarray, shape (n,)
        Increasing, from 0 on.
    """
    samples = np.rint(times_s * SAMPLE_RATE).astype(int)
    levels = np.full((len(samples), N_PATCH), SILENT_DB, dtype=np.float16)
    for window in windows(blocks):
        first = window.start + CONTEXT_LENGTH
        rows = slice(*np.searchsorted(samples, (first, first + CHUNK_LENGTH)))
        levels[rows] = patches(window, samples[rows] - window.start)
    return levels


def no_patches() -> np.ndarray:
    """Return the patches of no onset."""
    return np.zeros((0, N_PATCH), dtype=np.float16)


@dataclass(frozen=True, eq=False)
class Inputs:
    """What the networks take, made a few rows at a time: hours of it would fill the memory.

    Attributes
    ----------
    table : FeatureTable
        Has the columns of `NUMBERS`.
    patch : np.ndarray, shape (n, N_PATCH)
        From `patches`.
    around : mapping of stem to Around, or None
        The levels of this stem and of those siblings that are there; None of a mix.
    mixture : np.ndarray, shape (n, N_PATCH), or None
        From `patches_at`, of this stem and its siblings together; None where there are none.
    """

    table: FeatureTable
    patch: np.ndarray
    around: Mapping[str, Around] | None = None
    mixture: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.table)

    def __getitem__(self, rows: slice) -> np.ndarray:
        """Return some rows, shape (n, N_INPUTS), or (n, N_INPUTS_IN_MIX) of a mix, float32."""
        if not len(self):
            return np.zeros((0, N_INPUTS_IN_MIX if self.around is None else N_INPUTS), dtype=np.float32)
        parts = [_units(self.patch[rows], self._loud_db), _numbers(self.table, rows)]
        if self.around is not None:
            parts += [*self._courses(rows), self._mixture(rows)]
        return np.concatenate(parts, axis=1)

    @cached_property
    def _loud_db(self) -> np.ndarray:
        return _loud_attacks_db(self.patch)

    @cached_property
    def _mixture_loud_db(self) -> np.ndarray:
        return _loud_attacks_db(self.mixture)

    def _mixture(self, rows: slice) -> np.ndarray:
        if self.mixture is None:
            return np.full((len(self.patch[rows]), N_PATCH), LOWEST, dtype=np.float32)
        return _units(self.mixture[rows], self._mixture_loud_db)

    def _courses(self, rows: slice) -> list[np.ndarray]:
        loudest_db = np.float32(10 * np.log10(max(one.loud for one in self.around.values())))
        n, parts = len(self.patch[rows]), []
        for name in STEMS:
            course = np.full((n, len(COURSE_STEPS) * MEASURES), LOWEST, dtype=np.float32)
            if name in self.around:
                course = _in_units(self.around[name].course[rows].reshape(n, -1), loudest_db)
            parts += [course, np.full((n, 1), name in self.around, dtype=np.float32)]
        return parts


def _split(patch: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the two parts of patches, in all bands and below 600 Hz, shape (n, spans * bands) each, float32."""
    return np.split(patch.astype(np.float32), [len(PATCH_SPANS) * N_BANDS], axis=1)


def _loud_attacks_db(patch: np.ndarray) -> np.ndarray:
    """Return the levels of a stem's loud attacks, shape (2,), float32: in all bands, and below 600 Hz."""
    attacks = []
    for some in np.array_split(patch, len(patch) // ROWS_AT_ONCE + 1):
        levels, low = _split(some)
        levels, low = levels.reshape(len(some), -1, N_BANDS), low.reshape(len(some), -1, N_LOW_BANDS)
        attacks.append((_attack_db(levels[:, ATTACK_SPANS]), _attack_db(low[:, LOW_ATTACK])))
    return np.percentile(np.concatenate(attacks, axis=1), LOUD_PERCENTILE, axis=1).astype(np.float32)


def _attack_db(level_db: np.ndarray) -> np.ndarray:
    return 10 * np.log10((10 ** (level_db / 10)).sum(axis=2).mean(axis=1))


def _units(patch: np.ndarray, loud_db: np.ndarray) -> np.ndarray:
    """Return patches relative to loud attacks."""
    parts = zip(_split(patch), loud_db, strict=True)
    return np.concatenate([_in_units(level_db, reference_db) for level_db, reference_db in parts], axis=1)


def _in_units(level_db: np.ndarray, reference_db: np.float32) -> np.ndarray:
    return np.clip((level_db.astype(np.float32) - reference_db) / np.float32(STEP_DB), LOWEST, HIGHEST)


def _numbers(table: FeatureTable, rows: slice) -> np.ndarray:
    columns = table.values[rows][:, [table.names.index(name) for name in NUMBERS]].astype(np.float32)
    magnitudes = [NUMBERS.index(name) for name in MAGNITUDES]
    columns[:, magnitudes] = np.log10(columns[:, magnitudes] + np.float32(1e-6))
    return columns


def heard(stem: str, inputs: Inputs, *, in_mix: bool = False) -> dict[str, np.ndarray]:
    """Return the heard features of all candidates of a stem, by name: what the stem's networks say on average."""
    judges = networks(stem, in_mix=in_mix)
    if not in_mix and inputs.mixture is None:
        judges = [network.with_last_inputs_at(LOWEST, N_INPUTS_BESIDE) for network in judges]
    articulations = heard_articulations(stem)
    scores = np.zeros((len(inputs), len(articulations)))
    alone = [np.empty((len(inputs), SELF), dtype=np.float32) for _ in judges]
    for first in range(0, len(inputs), ROWS_AT_ONCE):
        x = inputs[first : first + ROWS_AT_ONCE][:, : len(judges[0].mean)]
        these = slice(first, first + len(x))
        for network, rows in zip(judges, alone, strict=True):
            rows[these] = network.alone(x)
            if articulations:
                scores[these] += network.articulations(x, rows[these]) / len(judges)
    log_odds = judged_by(judges, alone, inputs.table.times_s) if len(inputs) else np.zeros(0)
    columns = (log_odds.astype(np.float64), *scores.T)
    return dict(zip((HEARD_IN_MIX if in_mix else HEARD, *articulations), columns, strict=True))


def listener_path(stem: str, *, in_mix: bool = False) -> Path:
    """Return the file of the networks that hear a stem, by itself or in a mix."""
    return NETWORKS_DIR / f"{'mix-' if in_mix else ''}{stem}.pkl"


@cache
def networks(stem: str, *, in_mix: bool = False) -> tuple[Network, ...]:
    """Return the networks that come with the toolkit for a stem.

    Raises
    ------
    InputError
        Their file is missing or damaged.
    """
    name = str(listener_path(stem, in_mix=in_mix))
    plain = loads(_file_of(stem, in_mix), name)
    try:
        sizes = N_INPUTS_IN_MIX if in_mix else N_INPUTS, N_INPUTS_IN_MIX, len(ARTICULATIONS[stem])
        return tuple(Network.from_plain(one, *sizes) for one in plain["networks"])
    except (ValueError, KeyError, TypeError) as error:
        raise damaged(name, "it holds no networks of this version") from error


@cache
def listener_digest(stem: str, *, in_mix: bool = False) -> str:
    """Return the digest of a file of networks: a model goes with those that it was trained beside."""
    return f"{zlib.crc32(_file_of(stem, in_mix)):08x}"


def _file_of(stem: str, in_mix: bool) -> bytes:
    path = listener_path(stem, in_mix=in_mix)
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read ({error.strerror}); it comes with the toolkit, so put it back from there."
        ) from error
