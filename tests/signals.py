"""Synthetic stems with a known answer, at 44.1 kHz and full scale 1.0."""

from collections.abc import Sequence

import numpy as np

from drumhits.io.audio import SAMPLE_RATE


def silence(duration_s: float, sample_rate: int = SAMPLE_RATE) -> np.ndarray:
    return np.zeros(round(duration_s * sample_rate), dtype=np.float32)


def clicks(times_s: Sequence[float], duration_s: float, amplitude: float = 0.5) -> np.ndarray:
    """Return single samples of `amplitude`, each at the sample nearest to its time."""
    y = silence(duration_s)
    y[np.rint(np.array(times_s) * SAMPLE_RATE).astype(int)] = amplitude
    return y


def bursts(
    times_s: Sequence[float],
    duration_s: float,
    *,
    amplitudes: float | Sequence[float] = 0.3,
    tau_s: float = 0.05,
    sample_rate: int = SAMPLE_RATE,
    seed: int = 0,
) -> np.ndarray:
    """Return exponentially decaying white noise, bounded by its amplitude, that starts at each time."""
    rng = np.random.default_rng(seed)
    n = round(8 * tau_s * sample_rate)
    decay = np.exp(-np.arange(n) / (tau_s * sample_rate))
    return _placed(
        [amplitude * rng.uniform(-1, 1, n) * decay for amplitude in np.broadcast_to(amplitudes, len(times_s))],
        times_s,
        duration_s,
        sample_rate,
    )


def tones(
    times_s: Sequence[float],
    duration_s: float,
    *,
    frequency_hz: float | Sequence[float],
    amplitude: float = 0.3,
    tau_s: float = 0.1,
) -> np.ndarray:
    """Return exponentially decaying cosines, which start with a jump at each time."""
    t = np.arange(round(8 * tau_s * SAMPLE_RATE)) / SAMPLE_RATE
    frequencies_hz = np.broadcast_to(frequency_hz, len(times_s))
    rings = [amplitude * np.cos(2 * np.pi * hz * t) * np.exp(-t / tau_s) for hz in frequencies_hz]
    return _placed(rings, times_s, duration_s, SAMPLE_RATE)


def cut(y: np.ndarray, positions: Sequence[int]) -> list[np.ndarray]:
    """Return `y` in blocks that begin at the positions."""
    return np.split(y, sorted(min(position, len(y)) for position in positions))


def distances_s(times_s: np.ndarray, expected_s: Sequence[float]) -> np.ndarray:
    """Return how far the nearest of `times_s` lies from each expected time."""
    return np.abs(np.asarray(times_s)[:, None] - np.asarray(expected_s)).min(axis=0)


def _placed(sounds: list[np.ndarray], times_s: Sequence[float], duration_s: float, sample_rate: int) -> np.ndarray:
    y = silence(duration_s, sample_rate)
    for sound, time_s in zip(sounds, times_s, strict=True):
        start = round(time_s * sample_rate)
        heard = sound[: max(0, len(y) - start)]
        y[start : start + len(heard)] += heard.astype(np.float32)
    return y
