"""Signal + onsets -> feature table: one row a candidate, one named column a feature.

The guide's seven come first, in the guide's order; thresholds published for them transfer, since they are measured at
44.1 kHz on the signal as it is (full scale 1.0):

Str        onset strength relative to the 95th percentile of the stem's strokes (candidates that are no double of a
           stronger one), clipped to 0..1
Amp        peak of |y| within 10 ms after the onset
BodyE      sum of the rFFT magnitudes (no window) of the 50 ms after the onset, in the stem's body band
BrillE     the same in its brilliance band
Total      BodyE + BrillE
GeoMean    sqrt(BodyE * BrillE)
SustainMs  how many of the 200 ms after the onset the envelope (mean of |y| over 1 ms) is above 10 % of its peak

Five more give the velocity, tell articulations apart and help models; each is measured only where it is used:

StrokeDb    energy that the hit adds in its first 46 ms where the stem's dynamics show, in dB; not for models
LevelDb     the same over all bands
TailDb      level of the envelope 120 to 200 ms after the onset relative to that of the first 50 ms, in dB
CentroidHz  mean frequency of the 50 ms spectrum, weighted by magnitude
PitchHz     strongest frequency between 50 and 400 Hz within the 200 ms after the onset
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Protocol

import numpy as np

from drumhits.config.load import StemConfig
from drumhits.detection.frames import Chunk
from drumhits.detection.loudness import AS_USUAL, StemLevel
from drumhits.detection.onsets import normalise_to_p95
from drumhits.drums import ARTICULATIONS, PROFILES
from drumhits.io.audio import SAMPLE_RATE
from drumhits.numeric import amplitude_to_db

GUIDE_FEATURES = ("Str", "Amp", "BodyE", "BrillE", "Total", "GeoMean", "SustainMs")
SHAPE_FEATURES = ("LevelDb", "TailDb", "CentroidHz", "PitchHz")
STROKE_LEVEL = "StrokeDb"
SUM_LEVEL = "SumDb"  # GeoMean in dB of the same stroke in the sum of all stems, or what it would be there
FILE_AMP = "FileAmp"  # Amp as the file has it, whatever the level of the stem: no column of its own in a table
AMPLITUDES = GUIDE_FEATURES[1:6]  # proportional to the gain of the file
SOFTEST_DB = -120.0  # LevelDb of a candidate that adds no energy to a stem of the usual level
MEASURED = GUIDE_FEATURES[1:] + SHAPE_FEATURES[1:]
ARTICULATION_PREFIX = "Heard:"  # before the name of an articulation; see networks.bundled

AMP_LENGTH = SAMPLE_RATE * 10 // 1000  # samples
SPECTRUM_LENGTH = SAMPLE_RATE * 50 // 1000  # samples: 2205
SUSTAIN_STEP = SAMPLE_RATE // 1000  # samples in a value of the envelope: 1 ms
SUSTAIN_STEPS = 200
SUSTAIN_LEVEL = 0.1  # of the envelope's peak
ENVELOPE_LENGTH = SUSTAIN_STEP * SUSTAIN_STEPS
SPECTRUM_HZ = np.fft.rfftfreq(SPECTRUM_LENGTH, 1 / SAMPLE_RATE)
_SPECTRUM_HZ_32 = SPECTRUM_HZ.astype(np.float32)
ONSETS_AT_ONCE = 16  # keeps the gathered signal in cache
ATTACK_MS, TAIL_MS = slice(0, 50), slice(120, 200)
PITCH_DECIMATION = 16
PITCH_N_FFT = 1024  # zero-padded: 2.7 Hz
PITCH_HZ = np.fft.rfftfreq(PITCH_N_FFT, PITCH_DECIMATION / SAMPLE_RATE)
_PITCH_HANN = np.hanning(ENVELOPE_LENGTH // PITCH_DECIMATION).astype(np.float32)
_PITCH_BINS = slice(*np.searchsorted(PITCH_HZ, (50.0, 400.0)))
TINY = np.float32(1e-30)


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
    level : StemLevel
        Of the whole stem that the candidates are of.
    is_double : np.ndarray, shape (n,), bool
        Which are doubles of stronger ones to thresholds, see `retriggers.are_strokes`; none unless it is given.
    """

    times_s: np.ndarray
    names: tuple[str, ...]
    values: np.ndarray
    level: StemLevel = AS_USUAL
    is_double: np.ndarray = field(default_factory=partial(np.zeros, 0, dtype=bool))

    def __post_init__(self) -> None:
        if not len(self.is_double):
            object.__setattr__(self, "is_double", np.zeros(len(self.times_s), dtype=bool))

    def __len__(self) -> int:
        return len(self.times_s)

    def __getitem__(self, name: str) -> np.ndarray:
        """Return the column of that name."""
        return self.values[:, self.names.index(name)]

    @property
    def samples(self) -> np.ndarray:
        """Samples of the onsets at 44.1 kHz, shape (n,), int: exact, as times in a text are not."""
        return np.rint(self.times_s * SAMPLE_RATE).astype(int)

    def rows(self, selected: np.ndarray | slice) -> "FeatureTable":
        """Return the table of the selected rows (a mask, indices or a slice)."""
        return replace(
            self, times_s=self.times_s[selected], values=self.values[selected], is_double=self.is_double[selected]
        )

    def with_columns(self, columns: Mapping[str, np.ndarray]) -> "FeatureTable":
        """Return the table with more columns, shape (n,) each, at its end."""
        return replace(self, names=(*self.names, *columns), values=np.column_stack([self.values, *columns.values()]))

    def at_usual_level(self, name: str) -> np.ndarray:
        """Return the column as if the stem had the level that is usual: the same numbers at any gain of the file."""
        if name in AMPLITUDES:
            return self[name] / self.level.gain
        if name == "LevelDb":
            return np.maximum(self[name] - amplitude_to_db(self.level.gain), SOFTEST_DB)
        return self.as_in_file(name)

    def as_in_file(self, name: str) -> np.ndarray:
        """Return the column as it was measured."""
        return self["Amp" if name == FILE_AMP else name]

    def without_articulation_scores(self) -> "FeatureTable":
        """Return the table without what networks say of articulations, as an analysis without them gives it."""
        known = [i for i, name in enumerate(self.names) if not name.startswith(ARTICULATION_PREFIX)]
        return replace(self, names=tuple(self.names[i] for i in known), values=self.values[:, known])


@dataclass(frozen=True)
class Candidates:
    """The candidates of a whole stem, as extractors get them.

    Attributes
    ----------
    onsets : np.ndarray, shape (n,), `onsets.ONSET_DTYPE`
    chosen : np.ndarray, shape (n,), int
        Their indices among all onsets that were collected, chunk by chunk.
    table : FeatureTable
        Their times, and the columns of the extractors before.
    """

    onsets: np.ndarray
    chosen: np.ndarray
    table: FeatureTable


class Extractor(Protocol):
    """A kind of features, measured on one stem: what it takes of each chunk, then its columns."""

    def collect(self, chunk: Chunk, samples: np.ndarray) -> None:
        """Take what is needed of a chunk; `samples`, shape (n,), int, are its onsets in `chunk.y`."""

    def columns(self, candidates: Candidates) -> dict[str, np.ndarray]:
        """Return the columns, shape (n,) each, by name, once the whole stem is known; asked for once."""
        ...


def articulation_columns(stem: str) -> tuple[str, ...]:
    """Return the columns in which networks say which articulation a hit is, in the order of `ARTICULATIONS`."""
    return tuple(f"{ARTICULATION_PREFIX}{name}" for name in ARTICULATIONS[stem])


def measured_features(config: StemConfig, *, extended: bool) -> tuple[str, ...]:
    """Return the features that `measure` gives for a stem; those that only models use where `extended` asks for it."""
    tested = ("CentroidHz",) if config.min_centroid_hz is not None else ()
    wanted = GUIDE_FEATURES + PROFILES[config.stem].articulation_features + tested
    return tuple(name for name in MEASURED if extended or name in wanted)


def measure(y: np.ndarray, onsets: np.ndarray, config: StemConfig, names: tuple[str, ...]) -> np.ndarray:
    """Measure what depends on the waveform alone, for each onset.

    Parameters
    ----------
    y : np.ndarray, float32
        Samples at 44.1 kHz, with more than ENVELOPE_LENGTH of them after the last onset.
    onsets : np.ndarray, shape (n,), int
        Positions in `y`, in samples, increasing.
    config : StemConfig
        For its two bands.
    names : tuple of str
        Features to measure, out of `MEASURED`.

    Returns
    -------
    np.ndarray, shape (n, len(names)), float32
    """
    if not len(onsets):
        return np.zeros((0, len(names)), dtype=np.float32)
    segment = y[onsets[0] : onsets[-1] + ENVELOPE_LENGTH + 1]
    onsets = onsets - onsets[0]
    envelope = envelopes(segment, onsets)
    columns = {
        **_spectral_columns(segment, onsets, config, with_centroid="CentroidHz" in names),
        "SustainMs": (envelope > SUSTAIN_LEVEL * envelope.max(axis=1, keepdims=True)).sum(axis=1),
    }
    if "TailDb" in names:
        columns["TailDb"] = decibels(envelope[:, TAIL_MS].mean(axis=1), envelope[:, ATTACK_MS].mean(axis=1))
    if "PitchHz" in names:
        columns["PitchHz"] = pitch_hz(segment, onsets)
    return np.stack([columns[name] for name in names], axis=1).astype(np.float32)


class ThresholdFeatures:
    """Extractor of the guide's features, and of those of `SHAPE_FEATURES` that tell the stem's articulations."""

    extended = False

    def __init__(self, config: StemConfig, song: object = None):
        self._config = config
        self._names = measured_features(config, extended=self.extended)
        self._rows = [np.zeros((0, len(self._names)), dtype=np.float32)]

    def collect(self, chunk: Chunk, samples: np.ndarray) -> None:
        """See `Extractor`."""
        self._rows.append(measure(chunk.y, samples, self._config, self._names))

    def columns(self, candidates: Candidates) -> dict[str, np.ndarray]:
        """See `Extractor`."""
        rows = np.concatenate(self._rows)[candidates.chosen]
        onsets = candidates.onsets
        known = {"Str": normalise_to_p95(onsets["rise"], ~candidates.table.is_double), "LevelDb": onsets["level_db"]}
        known |= {STROKE_LEVEL: onsets["stroke_db"]} | dict(zip(self._names, rows.T, strict=True))
        return {name: known[name] for name in (*GUIDE_FEATURES, *SHAPE_FEATURES, STROKE_LEVEL) if name in known}


class ShapeFeatures(ThresholdFeatures):
    """Extractor of all of `GUIDE_FEATURES` and `SHAPE_FEATURES`, for models."""

    extended = True


def envelopes(y: np.ndarray, onsets: np.ndarray) -> np.ndarray:
    """Return the mean of |y| in each of the SUSTAIN_STEPS milliseconds after each onset, shape (n, SUSTAIN_STEPS)."""
    edges = onsets[:, None] + np.arange(0, ENVELOPE_LENGTH + 1, SUSTAIN_STEP)
    sums = np.add.reduceat(np.abs(y), edges.ravel())
    return sums.reshape(edges.shape)[:, :-1] / SUSTAIN_STEP


def _spectral_columns(
    y: np.ndarray, onsets: np.ndarray, config: StemConfig, *, with_centroid: bool
) -> dict[str, np.ndarray]:
    """Return what the 50 ms after each onset give, a few onsets at a time so that they stay in cache."""
    bands = [_bins_within(band) for band in (config.body_band_hz, config.brilliance_band_hz)]
    amp, body, brilliance, centroid = (np.empty(len(onsets), dtype=np.float32) for _ in range(4))
    segments = np.lib.stride_tricks.sliding_window_view(y, SPECTRUM_LENGTH)
    for first in range(0, len(onsets), ONSETS_AT_ONCE):
        some = slice(first, first + ONSETS_AT_ONCE)
        segment = segments[onsets[some]]
        spectrum = np.fft.rfft(segment, axis=1)
        amp[some] = np.abs(segment[:, :AMP_LENGTH]).max(axis=1)
        body[some], brilliance[some] = (np.abs(spectrum[:, band]).sum(axis=1) for band in bands)
        if with_centroid:
            magnitudes = np.abs(spectrum)
            centroid[some] = (magnitudes * _SPECTRUM_HZ_32).sum(axis=1) / (magnitudes.sum(axis=1) + TINY)
    columns = {
        "Amp": amp,
        "BodyE": body,
        "BrillE": brilliance,
        "Total": body + brilliance,
        "GeoMean": np.sqrt(body * brilliance),
    }
    return columns | {"CentroidHz": centroid} if with_centroid else columns


def decibels(amplitude: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Return 20 log10(amplitude / reference), at least -120 dB; 0 dB where both are silent."""
    return amplitude_to_db((amplitude + 1e-6 * reference + TINY) / (reference + TINY))


def pitch_hz(y: np.ndarray, onsets: np.ndarray) -> np.ndarray:
    """Return the strongest frequency between 50 and 400 Hz in the 200 ms after each onset.

    The signal is summed over PITCH_DECIMATION samples first, on a grid that onsets are moved to.
    """
    usable = len(y) // PITCH_DECIMATION * PITCH_DECIMATION
    slow = np.add.reduceat(y[:usable], np.arange(0, usable, PITCH_DECIMATION))
    starts = np.minimum(onsets // PITCH_DECIMATION, len(slow) - len(_PITCH_HANN))
    ring = np.lib.stride_tricks.sliding_window_view(slow, len(_PITCH_HANN))[starts]
    magnitudes = np.abs(np.fft.rfft(ring * _PITCH_HANN, PITCH_N_FFT, axis=1)[:, _PITCH_BINS])
    return PITCH_HZ[_PITCH_BINS][magnitudes.argmax(axis=1)]


def _bins_within(band_hz: tuple[float, float]) -> slice:
    """Return the bins of the 50 ms spectrum from the lower to the upper edge, both included."""
    first, last = np.searchsorted(SPECTRUM_HZ, band_hz[0]), np.searchsorted(SPECTRUM_HZ, band_hz[1], side="right")
    return slice(int(first), int(last))
