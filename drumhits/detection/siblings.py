"""Sibling features: what the other stems of the same song say about a hit, for models.

Stems of a song lie in one folder under one name, such as Song1-kick.wav beside Song1-cymbals.wav. Bleed sounds in
several of them at once, and loudest where it belongs. For each other stem <s>, levels in dB of the energy averaged over
steps of 2.9 ms; treble is that of the signal's first difference:

Over<s>, OverTreble<s>      level of this stem minus that of the sibling in the 17 ms after the onset
OverAll, OverTrebleAll      the same against all siblings together
Beside<s>, BesideTreble<s>  how far the level of the sibling rises, from 26 to 6 ms before the onset to the 17 ms after

A sibling that is not there counts as silent.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from drumhits.config.load import StemConfig
from drumhits.detection.features import Candidates
from drumhits.detection.frames import TINY_ENERGY, Chunk, mean_levels_db
from drumhits.detection.song_audio import SongAudio
from drumhits.drums import STEMS
from drumhits.io.audio import SAMPLE_RATE

STEP = 128  # samples: 2.9 ms
AFTER_STEPS, BEFORE_STEPS = np.arange(0, 6), np.arange(-9, -2)
MARGIN = 64  # steps, at least what is looked at on either side
MOST_DB = 60.0
FLOOR = 1e-6  # of a sibling's loud moments: 60 dB below
LOUD_PERCENTILE = 99
KINDS = ("", "Treble")  # what features are made of
MEASURES = 3  # of each step: the energy, that of the first difference, and that of the mean: all, treble and bass
ENVELOPE_SPANS = (  # relative to the onset; fine around it, coarse away from it
    range(-40, -16), range(-16, -8), range(-8, -4), range(-4, -2), range(-2, 0), range(0, 2), range(2, 4), range(4, 8),
    range(8, 16), range(16, 32), range(32, 64),
)  # fmt: skip
SIBLING_FEATURES = tuple(
    f"{name}{kind}{stem.capitalize()}"
    for name, stems in (("Over", (*STEMS, "all")), ("Beside", STEMS))
    for kind in KINDS
    for stem in stems
)


@dataclass(frozen=True)
class LocalLevels:
    """Levels of a signal around some times.

    Attributes
    ----------
    after, before : np.ndarray, shape (n, len(KINDS))
        Mean energies after and before each time.
    loud : float > 0
        Energy of the signal's loud moments.
    envelope : np.ndarray, shape (n, len(ENVELOPE_SPANS), MEASURES), float16
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
        loud = max(float(np.percentile(energies[:, 0], LOUD_PERCENTILE)), TINY_ENERGY)
        return LocalLevels(after, before, loud, envelope=mean_levels_db(energies, steps, ENVELOPE_SPANS))


def sibling_columns(own: LocalLevels, sibling_levels: Mapping[str, LocalLevels]) -> dict[str, np.ndarray]:
    """Return every sibling feature, by name, from the levels of a stem and those of its siblings at the same times."""
    silent = LocalLevels(np.zeros_like(own.after), np.zeros_like(own.after), 1.0, np.zeros_like(own.envelope))
    others = {stem: sibling_levels.get(stem, silent) for stem in STEMS}
    over = {stem: _over_db(own.after, other.after) for stem, other in others.items()}
    over["all"] = _over_db(own.after, np.sum([other.after for other in others.values()], axis=0))
    rise = {stem: _relative_db(other.after, other.loud) - _relative_db(other.before, other.loud)
            for stem, other in others.items()}  # fmt: skip
    return {
        f"{name}{kind}{stem.capitalize()}": columns[:, k]
        for name, by_stem in (("Over", over), ("Beside", rise))
        for k, kind in enumerate(KINDS)
        for stem, columns in by_stem.items()
    }


def _over_db(energy: np.ndarray, other: np.ndarray) -> np.ndarray:
    return np.clip(10 * np.log10((energy + TINY_ENERGY) / (other + TINY_ENERGY)), -MOST_DB, MOST_DB)


def _relative_db(energy: np.ndarray, loud: float) -> np.ndarray:
    return 10 * np.log10(energy / loud + FLOOR)


class SiblingFeatures:
    """Extractor of `SIBLING_FEATURES`: it takes nothing of the chunks, and its levels from the song's second pass."""

    def __init__(self, config: StemConfig, song: SongAudio):
        self._song = song

    def collect(self, chunk: Chunk, samples: np.ndarray) -> None:
        """See `features.Extractor`."""

    def columns(self, candidates: Candidates) -> dict[str, np.ndarray]:
        """See `features.Extractor`."""
        analysis = self._song.siblings_at(candidates.table.times_s)
        return sibling_columns(analysis.own, analysis.levels)
