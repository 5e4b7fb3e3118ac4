"""The hits of a song as sound: a small sound of our own for each, beside the stems that they were found in."""

import io
import wave
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from drumhits.errors import InputError
from drumhits.io.audio import SAMPLE_RATE, AudioReader
from drumhits.tempo.strokes import Part

LONGEST_S = 1200.0
PEAK = 0.7
SOUND_S = 0.25
SOFTEST = 0.15  # level of velocity 1, where 127 has 1
FULL_SCALE = 32_767


class Sound(NamedTuple):
    """A decaying tone with some noise: Hz at its start and end, share of noise, seconds to a third of the level."""

    start_hz: float
    end_hz: float
    noise: float
    decay_s: float


SOUNDS = {
    "kick": Sound(140, 50, 0.05, 0.06), "head": Sound(210, 180, 0.6, 0.05), "cross_stick": Sound(900, 880, 0.2, 0.015),
    "high": Sound(260, 200, 0.1, 0.07), "mid": Sound(190, 140, 0.1, 0.08), "low": Sound(120, 85, 0.1, 0.09),
    "closed": Sound(6800, 6800, 0.8, 0.02), "open": Sound(6200, 6200, 0.8, 0.1), "pedal": Sound(4200, 4200, 0.8, 0.02),
    "crash": Sound(3400, 3100, 0.8, 0.15), "ride": Sound(4900, 4900, 0.4, 0.07),
}  # fmt: skip


def sonified(audio: Sequence[Path], parts: Sequence[Part], *, mixed: bool = False) -> bytes:
    """Return a WAV file of the stems on the left and the hits on the right, or both in the middle.

    Raises
    ------
    InputError
        A stem cannot be read, or is longer than 20 minutes.
    """
    stems = _sum([_read(path) for path in audio])
    hits = _hits(parts, len(stems))
    stems *= PEAK / max(float(np.abs(stems).max(initial=0)), 1e-6)
    hits *= PEAK / max(float(np.abs(hits).max(initial=0)), 1e-6)
    channels = [(stems + hits) / 2] if mixed else [stems, hits]
    return _wav(np.stack(channels, axis=1))


def _read(path: Path) -> np.ndarray:
    blocks, n_frames = [], 0
    for block in AudioReader(path).blocks():
        n_frames += len(block)
        if n_frames > LONGEST_S * SAMPLE_RATE:
            raise InputError(f"{path}: is longer than {LONGEST_S / 60:g} minutes, too long for --sonify.")
        blocks.append(block)
    return np.concatenate([np.zeros(0, np.float32), *blocks])


def _sum(stems: Sequence[np.ndarray]) -> np.ndarray:
    total = np.zeros(max(map(len, stems)), np.float32)
    for stem in stems:
        total[: len(stem)] += stem
    return total


def _hits(parts: Sequence[Part], n_frames: int) -> np.ndarray:
    """Return the sounds of all hits; each begins at the sample of its time."""
    track = np.zeros(n_frames + int(SOUND_S * SAMPLE_RATE), np.float32)
    for part in parts:
        for time_s, velocity, name in zip(*part, strict=True):
            first = round(time_s * SAMPLE_RATE)
            sound = _sound(name)[: max(0, len(track) - first)]
            track[first : first + len(sound)] += (SOFTEST + (1 - SOFTEST) * velocity / 127) * sound
    return track[:n_frames]


def _sound(name: str) -> np.ndarray:
    """Return the sound of an articulation, the same at each call."""
    start_hz, end_hz, noise, decay_s = SOUNDS[name]
    time_s = np.arange(int(SOUND_S * SAMPLE_RATE)) / SAMPLE_RATE
    hz = end_hz + (start_hz - end_hz) * np.exp(-time_s / 0.03)
    tone = np.cos(2 * np.pi * np.cumsum(hz) / SAMPLE_RATE)
    hiss = np.random.default_rng(0).uniform(-1, 1, len(time_s))
    return (((1 - noise) * tone + noise * hiss) * np.exp(-time_s / decay_s)).astype(np.float32)


def _wav(samples: np.ndarray) -> bytes:
    data = io.BytesIO()
    with wave.open(data, "wb") as file:
        file.setnchannels(samples.shape[1])
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(np.rint(samples * FULL_SCALE).astype("<i2").tobytes())
    return data.getvalue()
