"""The strokes of a song's drums as the tempo tracker takes them: when, and by which voice of the kit.

Voices are finer than stems where it tells bars: a backbeat and a ghost note are two of them.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

VOICES = ("kick", "snare", "ghost", "tom", "closed", "open", "pedal", "crash", "ride")
KICK, SNARE, GHOST, TOM, CLOSED, OPEN, PEDAL, CRASH, RIDE = range(len(VOICES))
_VOICE_OF = {"head": SNARE, "cross_stick": SNARE, "high": TOM, "mid": TOM, "low": TOM}
_VOICE_OF |= {voice: number for number, voice in enumerate(VOICES)}
TIME_KEEPING = (CLOSED, OPEN, PEDAL, RIDE)
LOUD_PERCENTILE, GHOST_SHARE = 90, 0.5  # a ghost note is softer than half of the velocity of loud snares


class Strokes(NamedTuple):
    """Strokes in time order.

    Attributes
    ----------
    times_s : np.ndarray, shape (n,), float
    voices : np.ndarray, shape (n,), int
        Indices into `VOICES`.
    """

    times_s: np.ndarray
    voices: np.ndarray

    @classmethod
    def in_time_order(cls, times_s: np.ndarray, voices: np.ndarray) -> "Strokes":
        """Return strokes at times in any order, shape (n,), of voices in the same order."""
        in_time = np.argsort(times_s, kind="stable")
        return cls(times_s[in_time], voices[in_time])

    def at(self, times_s: np.ndarray) -> "Strokes":
        """Return the same strokes at other times."""
        return self._replace(times_s=times_s)


class Part(NamedTuple):
    """What one stem holds: times in seconds, velocities, and the articulation of each stroke (`drums.PROFILES`)."""

    times_s: np.ndarray
    velocities: np.ndarray
    articulations: np.ndarray


def strokes_of(parts: Iterable[Part]) -> Strokes:
    """Return the strokes of all stems of a song, in time order."""
    parts = list(parts)
    times_s = np.concatenate([np.zeros(0), *(part.times_s for part in parts)])
    voices = np.concatenate([np.zeros(0, int), *(_voices(part) for part in parts)])
    return Strokes.in_time_order(times_s, voices)


def _voices(part: Part) -> np.ndarray:
    voices = np.array([_VOICE_OF[name] for name in part.articulations], int)
    heads = part.articulations == "head"
    if heads.any():
        loud = np.sort(part.velocities[heads])[int((heads.sum() - 1) * LOUD_PERCENTILE / 100)]
        voices[heads & (part.velocities < GHOST_SHARE * loud)] = GHOST
    return voices
