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
from drumhits.detection.loudness import weighted_quantile
from drumhits.detection.song_audio import SongAudio
from drumhits.drums import PROFILES, STEMS
from drumhits.numeric import power_to_db

MOST_DB = 60.0
RESIDUE_DB = -36.0  # of this stem over its siblings: what a separator leaves in a stem that is silent
BLEED_MEDIAN_DB = -10.0  # the same: louder, it has hits of its own
BLEED_SPREAD_DB = (13.0, 6.5)  # of the same, between a tenth of the sound and the other, for each of KINDS
SELDOM_SPREAD_DB = (25.0, 25.0)  # the same of a drum that plays seldom
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


def is_bleed(
    geomean: np.ndarray, own: LocalLevels, sibling_levels: Mapping[str, LocalLevels], *, plays_seldom: bool = False
) -> bool:
    """Tell whether a stem holds nothing but what bleeds in: it follows its siblings at a distance that hardly changes.

    A stem with hits of its own is now far above them and now far below, at whatever level it is mixed. One that is far
    below all of the time holds what its separation left behind.

    Parameters
    ----------
    geomean : np.ndarray, shape (n,)
        GeoMean of the stem's candidates, by which they weigh.
    own, sibling_levels
        Levels at the candidates.
    plays_seldom : bool
        The drum does: its stem need not follow the others as closely to be bleed.
    """
    others = np.sum([other.after for other in sibling_levels.values()], axis=0)
    over_db = power_to_db((own.after + TINY_ENERGY) / (others + TINY_ENERGY))
    lowest, median, highest = (
        np.array([weighted_quantile(column, geomean, share) for column in over_db.T]) for share in (0.1, 0.5, 0.9)
    )
    spread_db = SELDOM_SPREAD_DB if plays_seldom else BLEED_SPREAD_DB
    follows = median[0] <= BLEED_MEDIAN_DB and (highest - lowest <= spread_db).all()
    return bool(follows or median.max() <= RESIDUE_DB)


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


class OverFeature(SiblingFeatures):
    """Extractor of the one of `SIBLING_FEATURES` that `min_over_drum_db` is the limit of, where siblings are read."""

    def __init__(self, config: StemConfig, song: SongAudio):
        super().__init__(config, song)
        self._name = None if config.min_over_drum_db is None else PROFILES[config.stem].over_feature

    def columns(self, candidates: Candidates) -> dict[str, np.ndarray]:
        """See `features.Extractor`."""
        return {self._name: super().columns(candidates)[self._name]} if self._name else {}
