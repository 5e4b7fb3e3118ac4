"""Signal -> its energy in short steps, and the levels around some times; of a stem and of its siblings alike."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from drumhits.detection.frames import TINY_ENERGY, mean_levels_db
from drumhits.io.audio import SAMPLE_RATE
from drumhits.numeric import percentile

STEP = 128  # samples: 2.9 ms
AFTER_STEPS, BEFORE_STEPS = np.arange(0, 6), np.arange(-9, -2)
MARGIN = 64  # steps, at least what is looked at on either side
LOUD_PERCENTILE = 99
KINDS = ("", "Treble")  # what features are made of
MEASURES = 3  # of each step: the energy, that of the first difference, and that of the mean: all, treble and bass
ENVELOPE_SPANS = (  # relative to the onset; fine around it, coarse away from it
    range(-40, -16), range(-16, -8), range(-8, -4), range(-4, -2), range(-2, 0), range(0, 2), range(2, 4), range(4, 8),
    range(8, 16), range(16, 32), range(32, 64),
)  # fmt: skip


@dataclass(frozen=True)
class LocalLevels:
    """Levels of a signal around some times.

    Attributes
    ----------
    after, before : np.ndarray, shape (n, len(KINDS))
        Mean energies after and before each time.
    loud : float > 0
        Energy of the signal's loud moments.
    envelope : np.ndarray, shape (n, len(ENVELOPE_SPANS), MEASURES), float32
        Mean energies over ENVELOPE_SPANS in dB, for the networks.
    """

    after: np.ndarray
    before: np.ndarray
    loud: float
    envelope: np.ndarray


class EnergyEnvelope:
    """Energy of a signal at 44.1 kHz, and of its first difference, in steps of 2.9 ms."""

    def __init__(self) -> None:
        self._rest = np.zeros(1, dtype=np.float32)  # the sample before the next step, then what fills no step yet
        self._parts: list[np.ndarray] = []

    def tap(self, blocks: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """Pass on mono float32 blocks of any length, and measure them."""
        for block in blocks:
            self.add(block)
            yield block

    def add(self, block: np.ndarray) -> None:
        y = np.concatenate((self._rest, block))
        n_steps = (len(y) - 1) // STEP
        end = n_steps * STEP
        steps = y[1 : end + 1].reshape(n_steps, STEP)
        slopes = np.diff(y[: end + 1]).reshape(n_steps, STEP)
        energies = np.empty((n_steps, MEASURES), dtype=np.float32)
        np.einsum("ij,ij->i", steps, steps, out=energies[:, 0])  # a third of the time of squares and their sums
        np.einsum("ij,ij->i", slopes, slopes, out=energies[:, 1])
        np.einsum("ij->i", steps, out=energies[:, 2])
        energies[:, 2] *= energies[:, 2] / np.float32(STEP)
        energies /= np.float32(STEP)
        self._parts.append(energies)
        self._rest = y[end:]

    def join(self, other: "EnergyEnvelope") -> None:
        """Take in the energy of another signal, which sounds at the same time and is unrelated."""
        ours, theirs = (np.concatenate((np.zeros((0, MEASURES), np.float32), *one._parts)) for one in (self, other))
        longer, shorter = (ours, theirs) if len(ours) >= len(theirs) else (theirs, ours)
        longer[: len(shorter)] += shorter
        self._parts = [longer]

    def clear(self) -> None:
        """Forget what was measured."""
        self._parts = []

    def around(self, times_s: np.ndarray) -> LocalLevels:
        """Return the levels around times in seconds, shape (n,); silence lies before the start and after the end."""
        margin = np.zeros((MARGIN, MEASURES), dtype=np.float32)
        energies = np.concatenate((margin, *self._parts, margin))
        self._parts = [energies[MARGIN:-MARGIN]]  # hours of them need not be there twice
        steps = np.minimum(np.floor(times_s * (SAMPLE_RATE / STEP)).astype(int) + MARGIN, len(energies) - MARGIN)
        after, before = (
            energies[steps[:, None] + steps_around, : len(KINDS)].mean(axis=1, dtype=np.float64)
            for steps_around in (AFTER_STEPS, BEFORE_STEPS)
        )
        loud = max(float(percentile(energies[:, 0], LOUD_PERCENTILE)), TINY_ENERGY)
        return LocalLevels(after, before, loud, envelope=mean_levels_db(energies, steps, ENVELOPE_SPANS))
