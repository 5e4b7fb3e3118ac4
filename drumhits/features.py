"""Signal + onsets -> feature table: one row a candidate, one named column a feature.

The guide's seven come first, in the guide's order; thresholds published for them transfer, since they are measured at
44.1 kHz on the signal as it is (full scale 1.0):

Str        onset strength relative to the 95th percentile of the stem's candidates, clipped to 0..1
Amp        peak of |y| within 10 ms after the onset
BodyE      sum of the rFFT magnitudes (no window) of the 50 ms after the onset, in the stem's body band
BrillE     the same in its brilliance band
Total      BodyE + BrillE
GeoMean    sqrt(BodyE * BrillE)
SustainMs  how many of the 200 ms after the onset the envelope (mean of |y| over 1 ms) is above 10 % of its peak

Four more give the velocity and tell articulations apart:

LevelDb     energy that the hit adds in its first 46 ms, in dB
TailDb      level of the envelope 120 to 200 ms after the onset relative to that of the first 50 ms, in dB
CentroidHz  mean frequency of the 50 ms spectrum, weighted by magnitude
PitchHz     strongest frequency between 50 and 400 Hz within the 200 ms after the onset
"""

from dataclasses import dataclass

import numpy as np

from drumhits.audio import SAMPLE_RATE
from drumhits.config import StemConfig

GUIDE_FEATURES = ("Str", "Amp", "BodyE", "BrillE", "Total", "GeoMean", "SustainMs")
SHAPE_FEATURES = ("LevelDb", "TailDb", "CentroidHz", "PitchHz")
MEASURED = GUIDE_FEATURES[1:] + SHAPE_FEATURES[1:]

AMP_LENGTH = SAMPLE_RATE * 10 // 1000  # samples
SPECTRUM_LENGTH = SAMPLE_RATE * 50 // 1000  # samples: 2205
SUSTAIN_STEP = SAMPLE_RATE // 1000  # samples in a value of the envelope: 1 ms
SUSTAIN_STEPS = 200
SUSTAIN_LEVEL = 0.1  # of the envelope's peak
ENVELOPE_LENGTH = SUSTAIN_STEP * SUSTAIN_STEPS
SPECTRUM_HZ = np.fft.rfftfreq(SPECTRUM_LENGTH, 1 / SAMPLE_RATE)
ONSETS_AT_ONCE = 64  # keeps the gathered signal in cache
ATTACK_MS, TAIL_MS = slice(0, 50), slice(120, 200)
PITCH_DECIMATION = 16
PITCH_N_FFT = 2048  # zero-padded: 1.3 Hz
PITCH_HZ = np.fft.rfftfreq(PITCH_N_FFT, PITCH_DECIMATION / SAMPLE_RATE)
_PITCH_BINS = slice(*np.searchsorted(PITCH_HZ, (50.0, 400.0)))
TINY = np.float32(1e-12)


@dataclass(frozen=True)
class FeatureTable:
    """Candidates and their features.

    Attributes
    ----------
    times_s : np.ndarray, shape (n,), float64
        Onset times, increasing.
    names : tuple of str
        Names of the columns.
    values : np.ndarray, shape (n, len(names)), float64
    """

    times_s: np.ndarray
    names: tuple[str, ...]
    values: np.ndarray

    def __len__(self) -> int:
        return len(self.times_s)

    def __getitem__(self, name: str) -> np.ndarray:
        """Return the column of that name."""
        return self.values[:, self.names.index(name)]

    def rows(self, selected: np.ndarray) -> "FeatureTable":
        """Return the table of the selected rows (a mask or indices)."""
        return FeatureTable(self.times_s[selected], self.names, self.values[selected])


def measure(y: np.ndarray, onsets: np.ndarray, config: StemConfig) -> np.ndarray:
    """Measure what depends on the waveform alone, for each onset.

    Parameters
    ----------
    y : np.ndarray, float32
        Samples at 44.1 kHz, with at least ENVELOPE_LENGTH of them after the last onset.
    onsets : np.ndarray, shape (n,), int
        Positions in `y`, in samples.
    config : StemConfig
        For its two bands.

    Returns
    -------
    np.ndarray, shape (n, len(MEASURED)), float32
    """
    parts = [
        _measure_some(y, onsets[first : first + ONSETS_AT_ONCE], config)
        for first in range(0, len(onsets), ONSETS_AT_ONCE)
    ]
    return np.concatenate([np.zeros((0, len(MEASURED)), dtype=np.float32), *parts])


def _measure_some(y: np.ndarray, onsets: np.ndarray, config: StemConfig) -> np.ndarray:
    ring = np.lib.stride_tricks.sliding_window_view(y, ENVELOPE_LENGTH)[onsets]
    level = np.abs(ring)
    envelope = level.reshape(len(onsets), SUSTAIN_STEPS, SUSTAIN_STEP).mean(axis=2)
    magnitudes = np.abs(np.fft.rfft(ring[:, :SPECTRUM_LENGTH], axis=1))
    body, brilliance = (
        magnitudes[:, _bins_within(band)].sum(axis=1) for band in (config.body_band_hz, config.brilliance_band_hz)
    )
    columns = {
        "Amp": level[:, :AMP_LENGTH].max(axis=1),
        "BodyE": body,
        "BrillE": brilliance,
        "Total": body + brilliance,
        "GeoMean": np.sqrt(body * brilliance),
        "SustainMs": (envelope > SUSTAIN_LEVEL * envelope.max(axis=1, keepdims=True)).sum(axis=1),
        "TailDb": decibels(envelope[:, TAIL_MS].mean(axis=1), envelope[:, ATTACK_MS].mean(axis=1)),
        "CentroidHz": centroid_hz(magnitudes),
        "PitchHz": pitch_hz(ring),
    }
    return np.stack([columns[name] for name in MEASURED], axis=1)


def decibels(amplitude: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Return 20 log10(amplitude / reference), at least -120 dB; 0 dB where both are silent."""
    return 20 * np.log10((amplitude + 1e-6 * reference + TINY) / (reference + TINY))


def centroid_hz(magnitudes: np.ndarray) -> np.ndarray:
    """Return the mean frequency of each spectrum (rows), weighted by magnitude."""
    return (magnitudes @ SPECTRUM_HZ.astype(np.float32)) / (magnitudes.sum(axis=1) + TINY)


def pitch_hz(ring: np.ndarray) -> np.ndarray:
    """Return the strongest frequency between 50 and 400 Hz in each row of `ring`, once averaged over 16 samples."""
    usable = ring.shape[1] // PITCH_DECIMATION * PITCH_DECIMATION
    slow = ring[:, :usable].reshape(len(ring), -1, PITCH_DECIMATION).mean(axis=2)
    magnitudes = np.abs(np.fft.rfft(slow * np.hanning(slow.shape[1]).astype(np.float32), PITCH_N_FFT, axis=1))
    return PITCH_HZ[_PITCH_BINS][magnitudes[:, _PITCH_BINS].argmax(axis=1)]


def _bins_within(band_hz: tuple[float, float]) -> slice:
    """Return the bins of the 50 ms spectrum from the lower to the upper edge, both included."""
    first, last = np.searchsorted(SPECTRUM_HZ, band_hz[0]), np.searchsorted(SPECTRUM_HZ, band_hz[1], side="right")
    return slice(int(first), int(last))
