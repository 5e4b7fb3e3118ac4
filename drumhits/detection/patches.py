"""Spectrogram patches around onsets: levels in dB over spans of time and bands, the input of networks.

A patch is kept as its loudest level and as levels below it: in half the memory, and rounded alike at any gain.
"""

from collections.abc import Iterable

import numpy as np

from drumhits.detection.features import Candidates
from drumhits.detection.frames import (
    CHUNK_LENGTH,
    CONTEXT_LENGTH,
    DECIMATION,
    HOP_LENGTH,
    N_BANDS,
    TINY_ENERGY,
    Chunk,
    RowBuffer,
    chunks_in_context,
    decimated,
    mean_levels_db,
)
from drumhits.detection.onsets import ATTACK_LEAD
from drumhits.io.audio import SAMPLE_RATE
from drumhits.numeric import power_to_db

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
N_PATCH = len(PATCH_SPANS) * N_BANDS + len(LOW_STARTS) * N_LOW_BANDS
PATCH_DTYPE = np.dtype([("loudest_db", "f4"), ("below_db", "f2", (N_PATCH,))])
SILENT_DB = power_to_db(TINY_ENERGY)


def patches(chunk: Chunk, samples: np.ndarray) -> np.ndarray:
    """Return the patches around onsets of a chunk, shape (n,), `PATCH_DTYPE`.

    Parameters
    ----------
    samples : np.ndarray, shape (n,), int
        Onsets in `chunk.y`.
    """
    if not len(samples):
        return no_patches()
    frames = np.rint((samples + ATTACK_LEAD) / HOP_LENGTH).astype(int)
    levels = mean_levels_db(chunk.energies, frames, PATCH_SPANS)
    low = _low_spectra(chunk.y, samples)
    return _patches_of(np.concatenate((levels.reshape(len(samples), -1), low.reshape(len(samples), -1)), axis=1))


def _patches_of(levels_db: np.ndarray) -> np.ndarray:
    """Return the patches of some levels, shape (n, N_PATCH), float32, in dB."""
    rows = np.empty(len(levels_db), dtype=PATCH_DTYPE)
    rows["loudest_db"] = levels_db.max(axis=1)
    rows["below_db"] = levels_db - rows["loudest_db"][:, None]
    return rows


def patch_levels_db(rows: np.ndarray) -> np.ndarray:
    """Return the levels of some patches, shape (n, N_PATCH), float32, in dB."""
    levels_db: np.ndarray = rows["below_db"] + rows["loudest_db"][:, None]
    return levels_db


def _low_spectra(y: np.ndarray, samples: np.ndarray) -> np.ndarray:
    """Return the levels of the low bands, shape (n, len(LOW_STARTS), N_LOW_BANDS), float32, in dB."""
    starts = samples[:, None] // DECIMATION + LOW_STARTS
    spectra = np.fft.rfft(np.lib.stride_tricks.sliding_window_view(decimated(y), LOW_N_FFT)[starts] * _LOW_HANN, axis=2)
    power = np.square(np.abs(spectra[..., : _LOW_BINS[-1]]))
    levels_db: np.ndarray = power_to_db(np.add.reduceat(power, _LOW_BINS[:-1], axis=2) + np.float32(TINY_ENERGY))
    return levels_db


def patches_at(blocks: Iterable[np.ndarray], times_s: np.ndarray) -> np.ndarray:
    """Return the patches around times of a sound, of mono float32 blocks at 44.1 kHz; see `PatchesAt`."""
    collector = PatchesAt(times_s)
    for chunk in chunks_in_context(blocks):
        collector.collect(chunk)
    return collector.rows


class PatchesAt:
    """Extractor that gives no column itself: the patches around given times, as `rows`.

    Parameters
    ----------
    times_s : np.ndarray, shape (n,)
        Increasing, from 0 on; after the end of the sound it is silent.
    """

    def __init__(self, times_s: np.ndarray):
        self._samples = np.rint(times_s * SAMPLE_RATE).astype(int)
        self.rows = np.zeros(len(times_s), dtype=PATCH_DTYPE)
        self.rows["loudest_db"] = SILENT_DB

    def collect(self, chunk: Chunk, samples: object = None) -> None:
        """See `features.Extractor`; the candidates of the chunk do not matter."""
        first = chunk.start + CONTEXT_LENGTH
        rows = slice(*np.searchsorted(self._samples, (first, first + CHUNK_LENGTH)))
        self.rows[rows] = patches(chunk, self._samples[rows] - chunk.start)

    def columns(self, candidates: Candidates) -> dict[str, np.ndarray]:
        """See `features.Extractor`."""
        return {}


def no_patches() -> np.ndarray:
    """Return the patches of no onset."""
    return np.zeros(0, dtype=PATCH_DTYPE)


class PatchCollector:
    """Extractor that gives no column itself: the patches of the candidates, as `rows` once the whole stem is known."""

    def __init__(self) -> None:
        self._buffer = RowBuffer(no_patches())
        self.rows = no_patches()

    def collect(self, chunk: Chunk, samples: np.ndarray) -> None:
        """See `features.Extractor`."""
        self._buffer.add(patches(chunk, samples))

    def columns(self, candidates: Candidates) -> dict[str, np.ndarray]:
        """See `features.Extractor`."""
        self.rows = self._buffer[candidates.chosen]
        self._buffer = RowBuffer(no_patches())
        return {}
