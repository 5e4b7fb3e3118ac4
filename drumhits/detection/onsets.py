"""Signal -> candidate onsets: their times, exact to the attack, and their strengths.

Candidates are the peaks of a spectral flux in decibels (Dixon 2006, "Onset detection revisited", on band energies, or
for the kick on the energy of what is low), moved to the attack on the waveform by the two-segment likelihood that
seismology picks first arrivals with (Maeda 1985, the AIC picker). Neither times nor strengths depend on the gain: the
flux has its floor a fixed number of decibels below the loudest frame in the window.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from drumhits.detection.frames import (
    BAND_EDGES_HZ,
    CHUNK_FRAMES,
    CONTEXT_FRAMES,
    DECIMATION,
    HOP_LENGTH,
    N_BANDS,
    TINY_ENERGY,
    Chunk,
    decimated,
)
from drumhits.drums import PROFILES, Band
from drumhits.io.audio import SAMPLE_RATE
from drumhits.numeric import percentile, power_to_db

ONSET_DTYPE = np.dtype(
    [
        ("sample", "i8"),  # of the attack
        ("flux_db", "f4"),  # rise of the level, mean over the bands, within the lag of the flux
        ("rise", "f4"),  # rise of the loudness in the stem's bands: Str, not yet relative to loud hits
        ("weight", "f4"),  # the same, for the kick of what is low: the less of it, the likelier an echo
        ("level_db", "f4"),  # energy that the hit adds, all bands
        ("stroke_db", "f4"),  # the same in the bands in which the stem's dynamics show
    ]
)


@dataclass(frozen=True)
class Flux:
    """What counts as a peak of the flux.

    Attributes
    ----------
    floor_db : float
        Relative to the loudest frame around.
    lag, reach : int
        Frames between the two levels that are compared, and on either side that a peak must top.
    min_db : float
        Mean over the bands.
    """

    floor_db: float
    lag: int
    reach: int
    min_db: float


BROAD_FLUX = Flux(floor_db=-50.0, lag=2, reach=2, min_db=1.25)  # 11.6 ms, more than a frame's length: no overlap
LOW_FLUX = Flux(floor_db=-35.0, lag=4, reach=3, min_db=1.5)
LOW_N_FFT = 48  # samples of the decimated signal: 17 ms, in steps of HOP_LENGTH
_LOW_HZ = np.fft.rfftfreq(LOW_N_FFT, DECIMATION / SAMPLE_RATE)
_LOW_BINS = slice(*np.searchsorted(_LOW_HZ, (40, 160)))
_LOW_HANN = np.hanning(LOW_N_FFT).astype(np.float32)

AIC_STEP = 16  # samples: 0.36 ms, the resolution of onset times
AIC_BEFORE = 41 * AIC_STEP  # samples: 15 ms
AIC_AFTER = 28 * AIC_STEP  # samples: 10 ms
AIC_MARGIN = 6  # steps: the shortest segment that a variance is taken of
PRE_EMPHASIS = np.float32(0.95)
ATTACK_LEAD = 66  # samples: 1.5 ms by which a sampled drum starts before its energy jumps

EDGE_LENGTH = 5 * SAMPLE_RATE // 1000  # samples: nearer to the start of a stem, an onset may be the start itself
FIRST_SPAN = slice(0, 3 * SAMPLE_RATE // 2000)  # 1.5 ms
NEXT_SPAN = slice(2 * SAMPLE_RATE // 1000, 12 * SAMPLE_RATE // 1000)
LEAST_RISE_DB, MOST_FALL_DB = 4.0, 20.0  # from the first to the next: of a stroke, and of anything but a click

BEFORE_FRAMES = range(-5, -2)  # relative to the onset's frame: 29 to 17 ms before
AFTER_FRAMES = range(4)  # 0 to 17 ms after
HIT_FRAMES = range(1, 9)  # 6 to 46 ms after: the hit's loudness
LEAST_ADDED_ENERGY = np.float32(1e-24)  # gives -240 dB where a hit adds none
LOUDNESS_POWER = 0.25  # of energy: compresses as hearing does (Stevens 1957 has 0.3)


def find_onsets(window: Chunk, stem: str, sensitivity: float = 1.0) -> np.ndarray:
    """Return the candidate onsets of a window's middle chunk, `ONSET_DTYPE`, in samples of `window.y`.

    Parameters
    ----------
    sensitivity : float > 0
        By which the least flux of an onset is divided.
    """
    profile = PROFILES[stem]
    energies, floor, flux = _low(window) if profile.flux_band_hz is None else _broad(window, profile.flux_band_hz)
    frames, flux_db = pick_peaks(energies, floor, replace(flux, min_db=flux.min_db / sensitivity))
    power_of, late = ATTACK_POWERS[profile.attack_power]
    coarse = (frames + 1) * HOP_LENGTH - flux.lag * HOP_LENGTH // 2
    attacks = np.maximum(refine(window.y, coarse, power_of) - late, -window.start)
    if window.start < 0 and _begins_within_sound(window.y[-window.start :]):
        is_inside = attacks >= EDGE_LENGTH - window.start
        frames, flux_db, attacks = frames[is_inside], flux_db[is_inside], attacks[is_inside]
    in_time = np.argsort(attacks, kind="stable")
    first = in_time[np.diff(attacks[in_time], prepend=-1) > 0]
    samples, frames = attacks[first], frames[first]
    onsets = np.zeros(len(samples), dtype=ONSET_DTYPE)
    onsets["sample"] = samples
    onsets["flux_db"] = flux_db[first]
    onsets["rise"] = loudness_rise(window.energies, samples, _bands_within(profile.strength_band_hz))
    onsets["weight"] = _peak_rise(energies, frames, flux.lag) if flux is LOW_FLUX else onsets["rise"]
    added = added_energies(window.energies, samples)
    onsets["level_db"] = added_level_db(added)
    onsets["stroke_db"] = added_level_db(added[:, _bands_within(profile.dynamics_band_hz)])
    return onsets


def _begins_within_sound(y: np.ndarray) -> bool:
    """Tell whether a stem begins within a sound: as loud from the first sample on as a little later.

    A stroke that the file was cut at rises first, or is over soon. Levels are the mean of those of the signal and of
    its first difference, in which soft attacks show.
    """
    levels_db = [
        float(power_to_db(np.dot(part, part) / len(part) + TINY_ENERGY))
        for span in (FIRST_SPAN, NEXT_SPAN)
        for part in (y[span], np.diff(y[span]))
    ]
    rise_db = (sum(levels_db[2:]) - sum(levels_db[:2])) / 2
    return -MOST_FALL_DB < rise_db < LEAST_RISE_DB


def _broad(window: Chunk, band_hz: Band) -> tuple[np.ndarray, float, Flux]:
    """Return the energies of the bands that a stem's candidates are looked for in, their floor, and the flux."""
    floor = window.loudest * 10 ** (BROAD_FLUX.floor_db / 10) / N_BANDS
    return window.energies[:, _bands_within(band_hz)], floor, BROAD_FLUX


def _low(window: Chunk) -> tuple[np.ndarray, float, Flux]:
    """Return the energies of what is low as of one band, their floor, and the flux; frames end where others do."""
    low = np.concatenate((np.zeros(LOW_N_FFT - HOP_LENGTH // DECIMATION, dtype=np.float32), decimated(window.y)))
    frames = np.lib.stride_tricks.sliding_window_view(low, LOW_N_FFT)[:: HOP_LENGTH // DECIMATION]
    energies = np.square(np.abs(np.fft.rfft(frames * _LOW_HANN, axis=1)[:, _LOW_BINS])).sum(axis=1, keepdims=True)
    return energies, energies.max() * 10 ** (LOW_FLUX.floor_db / 10), LOW_FLUX


def pick_peaks(energies: np.ndarray, floor: float, flux: Flux) -> tuple[np.ndarray, np.ndarray]:
    """Return the frames of the middle chunk in which the mean rise in decibels over the bands peaks, and these peaks.

    Parameters
    ----------
    energies : np.ndarray, shape (n_frames, n_bands), float32
        Of all frames of a window.
    floor : float >= 0
        Is added to each energy; at 0 all is silent.
    """
    if floor <= 0:
        return np.zeros(0, dtype=int), np.zeros(0, dtype=np.float32)
    first, end = CONTEXT_FRAMES - flux.lag - flux.reach, CONTEXT_FRAMES + CHUNK_FRAMES + flux.reach
    level_db = power_to_db(energies[first:end] + np.float32(floor))
    rises = np.maximum(level_db[flux.lag :] - level_db[: -flux.lag], 0).mean(axis=1)
    centre = rises[flux.reach : flux.reach + CHUNK_FRAMES]
    neighbours = [rises[shift : shift + CHUNK_FRAMES] for shift in range(2 * flux.reach + 1)]
    peaks = np.flatnonzero((centre > flux.min_db) & (centre == np.max(neighbours, axis=0)))
    return peaks + CONTEXT_FRAMES, centre[peaks]


def _peak_rise(energies: np.ndarray, frames: np.ndarray, lag: int) -> np.ndarray:
    """Return how far the loudness rises at peaks of the flux."""
    return (energies[frames] ** LOUDNESS_POWER - energies[frames - lag] ** LOUDNESS_POWER).sum(axis=1)


def refine(y: np.ndarray, coarse: np.ndarray, power_of: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Move coarse positions (samples) to the attack: the instant that best splits the surroundings into two variances.

    The Akaike information criterion of a split at k of n steps is k log var(before) + (n - k) log var(after);
    `power_of` gives the power in each step.
    """
    if not len(coarse):
        return np.zeros(0, dtype=int)
    around = y[coarse[:, None] + np.arange(-AIC_BEFORE - 1, AIC_AFTER)]
    power = np.cumsum(power_of(around), axis=1, dtype=np.float64)
    n_steps = power.shape[1]
    k = np.arange(AIC_MARGIN, n_steps - AIC_MARGIN)
    total = power[:, -1:]
    tiny = 1e-6 * total / n_steps + 1e-30
    before, after = power[:, k - 1] / k + tiny, (total - power[:, k - 1]) / (n_steps - k) + tiny
    aic = k * np.log(before) + (n_steps - k) * np.log(after)
    return coarse - AIC_BEFORE + k[aic.argmin(axis=1)] * AIC_STEP - ATTACK_LEAD


def _high_frequency_power(y: np.ndarray) -> np.ndarray:
    """Return the power in each step after pre-emphasis: the attack of most drums is brighter than what rings on."""
    emphasized = y[:, 1:] - PRE_EMPHASIS * y[:, :-1]
    return (emphasized * emphasized).reshape(len(y), -1, AIC_STEP).sum(axis=2)


def _low_frequency_power(y: np.ndarray) -> np.ndarray:
    """Return the power of each step's mean, which is deaf to the hi-hat that bleeds into a kick."""
    means = y[:, 1:].reshape(len(y), -1, AIC_STEP).mean(axis=2)
    return means * means


# How the power around attacks is measured, and the samples by which it jumps later than that of high frequencies.
ATTACK_POWERS = {"low": (_low_frequency_power, 34), "high": (_high_frequency_power, 0)}


def loudness_rise(energies: np.ndarray, samples: np.ndarray, bands: slice) -> np.ndarray:
    """Return how far the loudness (energy ** 0.25, summed over `bands`) rises at each onset."""
    before, after = (mean_energies(energies, samples, frames)[:, bands] for frames in (BEFORE_FRAMES, AFTER_FRAMES))
    return np.maximum(after**LOUDNESS_POWER - before**LOUDNESS_POWER, 0).sum(axis=1)


def added_energies(energies: np.ndarray, samples: np.ndarray) -> np.ndarray:
    """Return the energy that each hit adds in its first 46 ms in each band, shape (n, N_BANDS)."""
    before, after = (mean_energies(energies, samples, frames) for frames in (BEFORE_FRAMES, HIT_FRAMES))
    return np.maximum(after - before, 0)


def added_level_db(added: np.ndarray) -> np.ndarray:
    """Return 10 log10 of the energies that hits add, shape (n, bands), summed over the bands."""
    return power_to_db(added.sum(axis=1) + LEAST_ADDED_ENERGY)


def mean_energies(energies: np.ndarray, samples: np.ndarray, offsets: range) -> np.ndarray:
    """Return the mean energy in each band over the frames at `offsets` from each onset, shape (n, N_BANDS)."""
    frames = np.rint((samples + ATTACK_LEAD) / HOP_LENGTH).astype(int)
    return energies[np.clip(frames[:, None] + np.array(offsets), 0, len(energies) - 1)].mean(axis=1)


def normalise_to_p95(values: np.ndarray, among: np.ndarray | None = None) -> np.ndarray:
    """Return values >= 0 relative to the 95th percentile of them, or of those of a mask, clipped to 0..1."""
    chosen = values if among is None else values[among]
    loud = percentile(chosen, 95) if len(chosen) else 0.0
    if loud <= 0:
        return np.zeros(len(values), dtype=np.float32)
    return np.clip(values / loud, 0, 1).astype(np.float32)


def _bands_within(band_hz: Band) -> slice:
    low, high = band_hz
    inside = np.flatnonzero((BAND_EDGES_HZ[:-1] >= 0.9 * low) & (BAND_EDGES_HZ[:-1] < high))
    return slice(int(inside[0]), int(inside[-1]) + 1)
