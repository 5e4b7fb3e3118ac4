"""Audio blocks -> overlapping windows with their band energies: the stream that every measurement runs on.

A stem is cut into chunks of fixed length on a grid that starts at its first sample, whatever the block sizes of the
reader. A window is a chunk with some context on either side. Memory does not grow with the length of the stem, and a
stem read in blocks gives the same numbers, bit for bit, as a stem read whole.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from drumhits.io.audio import SAMPLE_RATE
from drumhits.numeric import power_to_db

HOP_LENGTH = 256  # samples between frames: 5.8 ms
N_FFT = 384  # samples in a frame: 8.7 ms
CHUNK_FRAMES = 1024
CHUNK_LENGTH = CHUNK_FRAMES * HOP_LENGTH  # samples: 5.9 s
CONTEXT_FRAMES = 64
CONTEXT_LENGTH = CONTEXT_FRAMES * HOP_LENGTH  # samples: 0.37 s, more than any measurement reaches
FRAMES_AT_ONCE = 64  # their spectra stay in cache, and below the size that memory is asked of the system for
POSITIONS_AT_ONCE = 1024  # whose surroundings are looked at, so that those of hours do not fill the memory
_BIN_HZ = np.fft.rfftfreq(N_FFT, 1 / SAMPLE_RATE)
_BAND_BINS = sorted(set(np.searchsorted(_BIN_HZ, np.geomspace(40.0, 16_000.0, 16)).tolist()))
BAND_EDGES_HZ = _BIN_HZ[_BAND_BINS]  # adjoining bands: single bins of 115 Hz at the bottom, then logarithmic
N_BANDS = len(BAND_EDGES_HZ) - 1
TINY_ENERGY = 1e-30  # 300 dB below full scale, farther below the loud hits of any file than levels are looked at
DECIMATION = 16  # of samples, where only what is low matters: 2756 Hz
_DECIMATION_MEAN = np.full(DECIMATION, 1 / DECIMATION, dtype=np.float32)
_HANN = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(N_FFT) / N_FFT)).astype(np.float32)


@dataclass(frozen=True)
class Chunk:
    """A chunk of a stem in its context; silence stands for what lies before its start and after its end.

    Attributes
    ----------
    y : np.ndarray, shape (CONTEXT_LENGTH + CHUNK_LENGTH + CONTEXT_LENGTH,), float32
        Samples at 44.1 kHz.
    energies : np.ndarray, shape (CONTEXT_FRAMES + CHUNK_FRAMES + CONTEXT_FRAMES, N_BANDS), float32
        Energy in each band; frame k is of the N_FFT samples that end before sample (k + 1) * HOP_LENGTH of `y`.
    start : int
        Position of `y[0]` in the stem, in samples; negative in the first window.
    loudest : float
        Energy of the loudest frame in this chunk, the one before and the one after it.
    """

    y: np.ndarray
    energies: np.ndarray
    start: int
    loudest: float


def chunks_in_context(blocks: Iterable[np.ndarray]) -> Iterator[Chunk]:
    """Yield a window around each chunk of a stem.

    Parameters
    ----------
    blocks : iterable of np.ndarray, float32
        Mono samples at 44.1 kHz, in blocks of any length.
    """
    silence = np.zeros(CHUNK_LENGTH, dtype=np.float32), np.zeros((CHUNK_FRAMES, N_BANDS), dtype=np.float32), 0.0
    past, present, start = silence, None, -CONTEXT_LENGTH
    for future in chain(_analysed_chunks(blocks), [silence]):
        if present is not None:
            y = np.concatenate((past[0][-CONTEXT_LENGTH:], present[0], future[0][:CONTEXT_LENGTH]))
            energies = np.concatenate((past[1][-CONTEXT_FRAMES:], present[1], future[1][:CONTEXT_FRAMES]))
            yield Chunk(y, energies, start, max(past[2], present[2], future[2]))
            past, start = present, start + CHUNK_LENGTH
        present = future


def _analysed_chunks(blocks: Iterable[np.ndarray]) -> Iterator[tuple[np.ndarray, np.ndarray, float]]:
    """Yield the samples of each chunk, its band energies and the energy of its loudest frame."""
    overlap = np.zeros(N_FFT - HOP_LENGTH, dtype=np.float32)
    for chunk in chunks(blocks):
        energies = band_energies(np.concatenate((overlap, chunk)))
        yield chunk, energies, float(energies.sum(axis=1).max())
        overlap = chunk[-len(overlap) :]


def chunks(blocks: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """Yield the samples in chunks of CHUNK_LENGTH, the last one filled up with silence."""
    chunk, filled = np.zeros(CHUNK_LENGTH, dtype=np.float32), 0
    for block in blocks:
        taken = 0
        while taken < len(block):
            part = block[taken : taken + CHUNK_LENGTH - filled]
            chunk[filled : filled + len(part)] = part
            filled, taken = filled + len(part), taken + len(part)
            if filled == CHUNK_LENGTH:
                yield chunk
                chunk, filled = np.zeros(CHUNK_LENGTH, dtype=np.float32), 0
    if filled:
        yield chunk


def band_energies(y: np.ndarray) -> np.ndarray:
    """Return the energy in each band of each Hann-windowed frame of `y`.

    Parameters
    ----------
    y : np.ndarray, shape (n,), float32

    Returns
    -------
    np.ndarray, shape ((n - N_FFT) // HOP_LENGTH + 1, N_BANDS), float32
        Frame k begins at sample k * HOP_LENGTH.
    """
    frames = np.lib.stride_tricks.sliding_window_view(y, N_FFT)[::HOP_LENGTH]
    energies = np.empty((len(frames), N_BANDS), dtype=np.float32)
    windowed = np.empty((FRAMES_AT_ONCE, N_FFT), dtype=np.float32)
    for first in range(0, len(frames), FRAMES_AT_ONCE):
        some = frames[first : first + FRAMES_AT_ONCE]
        spectrum = np.fft.rfft(np.multiply(some, _HANN, out=windowed[: len(some)]), axis=1)[:, : _BAND_BINS[-1]]
        power = np.square(spectrum.real)
        power += np.square(spectrum.imag)
        energies[first : first + len(some)] = np.add.reduceat(power, _BAND_BINS[:-1], axis=1)
    return energies


def decimated(y: np.ndarray) -> np.ndarray:
    """Return the mean of each DECIMATION samples, float32."""
    return y[: len(y) // DECIMATION * DECIMATION].reshape(-1, DECIMATION) @ _DECIMATION_MEAN


def mean_levels_db(energies: np.ndarray, positions: np.ndarray, spans: Sequence[range]) -> np.ndarray:
    """Return the levels around some positions, shape (n, len(spans), energies.shape[1]), float32, in dB.

    Parameters
    ----------
    energies : np.ndarray, shape (n_frames, n_columns), float32
    positions : np.ndarray, shape (n,), int
        Frames.
    spans : sequence of range
        Frames relative to a position that are averaged over; each starts where the one before ends.
    """
    edges = np.array([span.start for span in spans])
    lengths = np.array([len(span) for span in spans], dtype=np.float32)[:, None]
    levels_db = np.empty((len(positions), len(spans), energies.shape[1]), dtype=np.float32)
    for first in range(0, len(positions), POSITIONS_AT_ONCE):
        rows = slice(first, first + POSITIONS_AT_ONCE)
        frames = np.clip(positions[rows, None] + np.arange(spans[0].start, spans[-1].stop), 0, len(energies) - 1)
        means = np.add.reduceat(energies[frames], edges - edges[0], axis=1) / lengths
        levels_db[rows] = power_to_db(means + np.float32(TINY_ENERGY))
    return levels_db

FIRST_BYTES = 1 << 25  # so large that the system gives it by itself, takes it back, and lends only what is written to


class RowBuffer:
    """Rows put one under another.

    Many small arrays would do the same, but leave the memory in pieces too small for what comes after them.

    Parameters
    ----------
    none : np.ndarray, shape (0, ...)
        No rows, of the shape and type that are to come.
    """

    def __init__(self, none: np.ndarray):
        self._n = 0
        bytes_a_row = none.itemsize * int(np.prod(none.shape[1:]))
        self._rows = np.empty((FIRST_BYTES // bytes_a_row + 1, *none.shape[1:]), dtype=none.dtype)

    def add(self, rows: np.ndarray) -> None:
        """Put some rows under those that are there."""
        end = self._n + len(rows)
        if end > len(self._rows):
            grown = np.empty((max(2 * len(self._rows), end), *self._rows.shape[1:]), dtype=self._rows.dtype)
            grown[: self._n] = self._rows[: self._n]
            self._rows = grown
        self._rows[self._n : end] = rows
        self._n = end

    def __getitem__(self, which: np.ndarray) -> np.ndarray:
        """Return a copy of the rows at some indices."""
        return self._rows[: self._n][which]
