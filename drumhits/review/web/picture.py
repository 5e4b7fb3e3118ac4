"""Waveform and spectrogram of a sound in tiles of bytes, which the page draws as they come."""

import numpy as np

from drumhits.io.audio import SAMPLE_RATE
from drumhits.numeric import power_to_db
from drumhits.review.sound import FULL_SCALE, Mix, Sound

TILE_COLUMNS = 4096
COLUMN_SAMPLES = (64, 1024)  # in a column of a waveform, near and far
SPECTRUM_HOP, N_FFT = 256, 1024
SPECTRUM_COLUMNS = 512  # in a tile: 3 s
N_BANDS = 72
LOWEST_HZ, HIGHEST_HZ = 40.0, 16_000.0
LOWEST_DB, HIGHEST_DB = -72.0, -12.0  # of a sine of the highest peak, from black to bright
_HANN = np.hanning(N_FFT).astype(np.float32)


def waveform_tile(sound: Sound | Mix, column_samples: int, tile: int) -> bytes:
    """Return the lowest and the highest sample of each column of a tile in turn, int16; nothing until it is decoded.

    Parameters
    ----------
    column_samples : int
        One of COLUMN_SAMPLES.
    tile : int >= 0
    """
    length = column_samples * TILE_COLUMNS
    if not sound.has((tile + 1) * length):
        return b""
    y = sound.samples(tile * length, (tile + 1) * length)
    y = np.pad(y, (0, -len(y) % column_samples)).reshape(-1, column_samples)
    edges = np.stack((y.min(axis=1, initial=0), y.max(axis=1, initial=0)), axis=1)
    return edges.astype("<i2").tobytes()


def spectrum_tile(sound: Sound | Mix, tile: int, peak: float) -> bytes:
    """Return the levels of a tile, uint8 from LOWEST_DB to HIGHEST_DB: N_BANDS a column, the lowest first.

    Nothing until it is decoded.

    Parameters
    ----------
    tile : int >= 0
    peak : float > 0
        Of the loud hits, full scale 1.
    """
    first = tile * SPECTRUM_COLUMNS * SPECTRUM_HOP - N_FFT // 2
    n_wanted = (SPECTRUM_COLUMNS - 1) * SPECTRUM_HOP + N_FFT
    if not sound.has(first + n_wanted):
        return b""
    y = sound.samples(first, first + n_wanted).astype(np.float32) / np.float32(FULL_SCALE * peak)
    y = np.pad(y, (max(0, -first), 0))
    y = np.pad(y, (0, max(0, n_wanted - len(y))))
    frames = np.lib.stride_tricks.sliding_window_view(y, N_FFT)[::SPECTRUM_HOP] * _HANN
    power = np.square(np.abs(np.fft.rfft(frames)) * np.float32(4 / N_FFT)) @ _BANDS
    level = (power_to_db(power + 1e-12) - LOWEST_DB) / (HIGHEST_DB - LOWEST_DB)
    return np.rint(np.clip(level, 0, 1) * 255).astype(np.uint8).tobytes()


def _bands() -> np.ndarray:
    """Return the mean over each band as a matrix, shape (n_bins, N_BANDS); a narrow band takes the nearest bin."""
    edges = np.geomspace(LOWEST_HZ, HIGHEST_HZ, N_BANDS + 1) * N_FFT / SAMPLE_RATE
    bins = np.arange(N_FFT // 2 + 1)[:, None]
    inside = (bins >= edges[:-1]) & (bins < edges[1:])
    distance = np.abs(bins - np.sqrt(edges[:-1] * edges[1:]))
    nearest = distance == distance.min(axis=0)
    chosen = np.where(inside.any(axis=0), inside, nearest).astype(np.float32)
    return chosen / chosen.sum(axis=0)


_BANDS = _bands()
