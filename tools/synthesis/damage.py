"""What happens to stems besides their separation: gates, clipping, lossy codecs, and music that leaks in.

Conventions: mono audio at 44.1 kHz, float32.
"""

import numpy as np
from scipy.ndimage import maximum_filter1d, uniform_filter1d
from scipy.signal import istft, stft
from separation import SAMPLE_RATE

STEP = 64  # samples, of a gate's detector
GATE_HOLDS_S = (0.05, 0.08, 0.12, 0.25)
SCALE = np.array([0, 2, 3, 5, 7, 8, 10, 12])


def gated(y: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a sound that some gate opens for."""
    return gate(y, rng.uniform(-34, -14), rng.choice(GATE_HOLDS_S), rng.uniform(0.005, 0.05), rng.uniform(-80, -20))


def gate(y: np.ndarray, threshold_db: float, hold_s: float, release_s: float, closed_db: float) -> np.ndarray:
    """Return what a gate lets through: its threshold lies below the sound's peak, `closed_db` is its gain when shut."""
    n_steps = len(y) // STEP
    level = np.abs(y[: n_steps * STEP]).reshape(n_steps, STEP).max(axis=1)
    opened = (level > level.max() * 10 ** (threshold_db / 20)).astype(np.float32)
    hold, release = int(hold_s * SAMPLE_RATE / STEP), max(int(release_s * SAMPLE_RATE / STEP), 1)
    held = maximum_filter1d(opened, hold, origin=(hold - 1) // 2)
    smooth = np.maximum(held, uniform_filter1d(held, release, origin=(release - 1) // 2))
    gain = np.repeat(np.maximum(smooth, 10 ** (closed_db / 20)), STEP)
    return y * np.concatenate((gain, np.full(len(y) - len(gain), gain[-1]))).astype(np.float32)


def clipped(y: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a sound cut off above some level."""
    limit = np.float32(np.abs(y).max() * 10 ** (rng.uniform(-14, -2) / 20))
    return np.clip(y, -limit, limit)


def lossy(y: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a sound without what a codec of a low rate drops: the quiet parts of each frame, and the top octave."""
    spectrum = stft(y, nperseg=1024, noverlap=768)[2]
    power = np.abs(spectrum)
    masked = power < power.max(axis=0, keepdims=True) * 10 ** (rng.uniform(-60, -38) / 20)
    spectrum[masked] = 0
    spectrum[int(rng.uniform(9_000, 17_000) / SAMPLE_RATE * 1024) :] = 0
    return istft(spectrum, nperseg=1024, noverlap=768)[1][: len(y)].astype(np.float32)


def music(n_samples: int, rng: np.random.Generator) -> np.ndarray:
    """Return a bass, chords and a melody of plucked and held tones, its peak at 1."""
    y = np.zeros(n_samples, dtype=np.float32)
    beat_s, root_hz = rng.uniform(0.3, 0.7), 55 * 2 ** (rng.integers(0, 12) / 12)
    parts = ((1.0, 1, 1.0), (4.0, 3, 0.5), (8.0, 1, 0.5))
    for octave, n_voices, level in parts:
        start, length_s = 0.0, beat_s * float(rng.choice([0.5, 1, 2, 4]))
        while start * SAMPLE_RATE < n_samples:
            for _ in range(n_voices):
                hz = root_hz * octave * 2 ** (rng.choice(SCALE) / 12)
                tone = _tone(hz, length_s * rng.uniform(0.6, 1.0), rng)
                first = int(start * SAMPLE_RATE)
                part = tone[: n_samples - first]
                y[first : first + len(part)] += np.float32(level) * part
            start += length_s * rng.choice([1, 1, 1, 2])
    return y / np.abs(y).max()


def _tone(hz: float, length_s: float, rng: np.random.Generator) -> np.ndarray:
    t = np.arange(int(length_s * SAMPLE_RATE), dtype=np.float32) / np.float32(SAMPLE_RATE)
    n_harmonics = max(1, min(int(6000 / hz), 8))
    slope = rng.uniform(0.8, 2.0)
    y = sum(np.sin(2 * np.pi * hz * k * t) / k**slope for k in range(1, n_harmonics + 1))
    attack = np.minimum(t / np.float32(rng.uniform(0.003, 0.05)), 1)
    fade = np.minimum((length_s - t) / np.float32(0.02), 1)
    return (y * attack * fade * np.exp(-t / np.float32(rng.uniform(0.2, 3.0)))).astype(np.float32)
