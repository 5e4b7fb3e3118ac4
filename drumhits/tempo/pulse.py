"""Strokes -> the constant pulses that they keep, from the spectrum of the strokes.

A pulse is any level of the metre, from the bar's subdivisions to its beats; `metre` finds out which.
"""

import numpy as np

from drumhits.tempo.strokes import Strokes

VOICE_WEIGHTS = np.array([1, 1, 0.5, 0.7, 0.8, 0.8, 0.6, 0.8, 0.8])  # in the order of VOICES
FRAMES_PER_S = 200
PULSE_HZ = (1.5, 14.0)  # from slow beats to fast subdivisions
N_RATES = 3
NEARBY = 0.04  # share of a rate within which another is the same peak


def rates_hz(strokes: Strokes) -> np.ndarray:
    """Return the rates of the strongest constant pulses, at most N_RATES, strongest first."""
    hz, spectrum = _spectrum(strokes)
    power = np.where((hz > PULSE_HZ[0]) & (hz < PULSE_HZ[1]), np.abs(spectrum) ** 2, 0.0)
    found: list[float] = []
    while len(found) < N_RATES and power.max(initial=0) > 0:
        rate = _peak(hz, power)
        found.append(rate)
        power[np.abs(hz - rate) < NEARBY * rate] = 0.0
    return np.array(found)


def _spectrum(strokes: Strokes) -> tuple[np.ndarray, np.ndarray]:
    """Return frequencies in Hz and the Fourier transform of the strokes, each as high as its voice weighs."""
    frames = np.rint((strokes.times_s - strokes.times_s[0]) * FRAMES_PER_S).astype(int)
    size = 2 ** int(np.ceil(np.log2(2 * frames[-1] + 2 * FRAMES_PER_S)))
    train = np.bincount(frames, VOICE_WEIGHTS[strokes.voices], size)
    return np.fft.rfftfreq(size, 1 / FRAMES_PER_S), np.fft.rfft(train)


def _peak(hz: np.ndarray, power: np.ndarray) -> float:
    """Return the frequency of the highest peak, between the bins by the parabola through it."""
    i = int(power.argmax())
    left, top, right = power[i - 1 : i + 2]
    curvature = left - 2 * top + right
    return float(hz[i] + (hz[1] * 0.5 * (left - right) / curvature if curvature else 0.0))
