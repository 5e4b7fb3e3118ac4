"""Sibling features: what the other stems of the same song say about a hit, for models.

Stems of a song lie side by side, such as Song1-kick.wav and Song1-cymbals.wav; `io.names` tells which belong together.
Bleed sounds in several of them at once, and loudest where it belongs. For each other stem <s>, levels in dB of the
energy averaged over steps of 2.9 ms; treble is that of the signal's first difference:

Over<s>, OverTreble<s>      level of this stem minus that of the sibling in the 17 ms after the onset
OverAll, OverTrebleAll      the same against all siblings together
Beside<s>, BesideTreble<s>  how far the level of the sibling rises, from 26 to 6 ms before the onset to the 17 ms after

A sibling that is not there counts as silent.
"""

from collections.abc import Mapping

import numpy as np

from drumhits.config.load import StemConfig
from drumhits.detection.features import Candidates
from drumhits.detection.frames import TINY_ENERGY, Chunk
from drumhits.detection.levels import KINDS, LocalLevels
from drumhits.detection.song_audio import SongAudio
from drumhits.drums import STEMS
from drumhits.numeric import power_to_db

MOST_DB = 60.0
FLOOR = 1e-6  # of a sibling's loud moments: 60 dB below
SIBLING_FEATURES = tuple(
    f"{name}{kind}{stem.capitalize()}"
    for name, stems in (("Over", (*STEMS, "all")), ("Beside", STEMS))
    for kind in KINDS
    for stem in stems
)


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
    return np.clip(power_to_db((energy + TINY_ENERGY) / (other + TINY_ENERGY)), -MOST_DB, MOST_DB)


def _relative_db(energy: np.ndarray, loud: float) -> np.ndarray:
    return power_to_db(energy / loud + FLOOR)


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
