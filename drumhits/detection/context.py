"""Extended features: what tells a hit from bleed beyond the guide's seven, for models.

Levels are in dB, from energies averaged over frames around the onset, in each band b of `frames.BAND_EDGES_HZ`, named
by its lower edge in Hz; `after` is 6 to 17 ms after the onset. Those of one hit:

After<b>   level after, relative to the level after (all bands) of the stem's loud hits
Rise<b>    level after minus the level 29 to 17 ms before; RiseAll over all bands
Since<b>   level after minus the level 116 to 29 ms before
Decay<b>   level 52 to 93 ms after minus the level 6 to 46 ms after; DecayAll over all bands
Late<b>    level 116 to 192 ms after minus the level 6 to 46 ms after
Tilt       slope of After<b> over the bands, in dB a band

Those that compare a hit with the stem's loud hits, the 15 % of candidates with the highest LevelDb:

Loudness     LevelDb relative to its 95th percentile
Rank         share of the candidates that have a lower LevelDb
LikeRise     correlation of Rise<b> with its mean over the loud hits
LikeAfter    correlation of After<b> with its mean over the loud hits
Strong<g>    rise of energy ** 0.25 in a group of bands, relative to its 95th percentile

And those that compare it with its neighbours:

PastGap, NextGap   log10 of the seconds to the candidate before and after
PastDb, NextDb     LevelDb minus that of the candidate before and after
Masked             highest LevelDb within 120 ms minus its own
"""


import numpy as np

from drumhits.config.load import StemConfig
from drumhits.detection.features import Candidates
from drumhits.detection.frames import BAND_EDGES_HZ, N_BANDS, Chunk, RowBuffer
from drumhits.detection.onsets import AFTER_FRAMES, BEFORE_FRAMES, HIT_FRAMES, LOUDNESS_POWER, mean_energies
from drumhits.drums import PROFILES
from drumhits.numeric import percentile, power_to_db

FRAMES = {
    "before": BEFORE_FRAMES,
    "after": AFTER_FRAMES,
    "hit": HIT_FRAMES,
    "decay": range(9, 17),
    "late": range(20, 34),
    "past": range(-20, -5),
}
_LEVEL_DIFFERENCES = {  # name: (level, level subtracted)
    "Rise": ("after", "before"),
    "Since": ("after", "past"),
    "Decay": ("decay", "hit"),
    "Late": ("late", "hit"),
}
_GROUPS = {"Low": slice(0, 3), "LowMid": slice(3, 6), "HighMid": slice(6, 9), "High": slice(9, N_BANDS)}
_BANDS = tuple(f"{edge:.0f}" for edge in BAND_EDGES_HZ[:-1])
_ALL = ("RiseAll", "DecayAll", "Tilt", "Loudness", "Rank", "LikeRise", "LikeAfter")
_NEIGHBOURS = ("PastGap", "NextGap", "PastDb", "NextDb", "Masked")
EXTENDED_FEATURES = (
    *(f"{kind}{band}" for kind in ("After", *_LEVEL_DIFFERENCES) for band in _BANDS),
    *_ALL,
    *(f"Strong{group}" for group in _GROUPS),
    *_NEIGHBOURS,
)

FLOOR = 1e-6  # of the energy of loud hits: 60 dB below
LOUD_SHARE = 85  # percentile of LevelDb from which a candidate counts as loud
QUIETEST_DB = -60.0  # relative to loud hits; LevelDb is -120 where a candidate adds no energy
MASKING_S = 0.12
FARTHEST_GAP_S, NEAREST_GAP_S = 10.0, 1e-3


def surroundings(energies: np.ndarray, samples: np.ndarray) -> np.ndarray:
    """Return the mean energies around each onset, shape (n, len(FRAMES), N_BANDS)."""
    return np.stack([mean_energies(energies, samples, frames) for frames in FRAMES.values()], axis=1)


def no_surroundings() -> np.ndarray:
    """Return the surroundings of no onset."""
    return np.zeros((0, len(FRAMES), N_BANDS), dtype=np.float32)


def extended_columns(times_s: np.ndarray, level_db: np.ndarray, around: np.ndarray) -> dict[str, np.ndarray]:
    """Return every extended feature of a stem's candidates, by name.

    Parameters
    ----------
    times_s : np.ndarray, shape (n,)
        Increasing.
    level_db : np.ndarray, shape (n,)
        The feature LevelDb.
    around : np.ndarray, shape (n, len(FRAMES), N_BANDS)
        From `surroundings`.
    """
    if not len(times_s):
        return {name: np.zeros(0) for name in EXTENDED_FEATURES}

    def energy(level: str) -> np.ndarray:
        return around[:, tuple(FRAMES).index(level)].astype(np.float64)

    def relative_db(level: str, *, total: bool = False) -> np.ndarray:
        return power_to_db((energy(level).sum(axis=1) if total else energy(level)) / loud_energy + FLOOR)

    loud_energy = percentile(energy("after").sum(axis=1), 95) + 1e-20
    by_band = {"After": relative_db("after")}
    by_band |= {kind: relative_db(level) - relative_db(less) for kind, (level, less) in _LEVEL_DIFFERENCES.items()}
    loudness = np.maximum(level_db - percentile(level_db, 95), QUIETEST_DB)
    is_loud = loudness >= percentile(loudness, LOUD_SHARE)
    position = np.arange(N_BANDS) - (N_BANDS - 1) / 2
    return {
        **{f"{kind}{band}": db[:, b] for kind, db in by_band.items() for b, band in enumerate(_BANDS)},
        "RiseAll": relative_db("after", total=True) - relative_db("before", total=True),
        "DecayAll": relative_db("decay", total=True) - relative_db("hit", total=True),
        "Tilt": by_band["After"] @ position / (position @ position),
        "Loudness": loudness,
        "Rank": np.searchsorted(np.sort(loudness), loudness) / len(loudness),
        "LikeRise": _correlation(by_band["Rise"], by_band["Rise"][is_loud].mean(axis=0)),
        "LikeAfter": _correlation(by_band["After"], by_band["After"][is_loud].mean(axis=0)),
        **_strengths(energy("before"), energy("after")),
        **_neighbours(times_s, loudness),
    }


def _correlation(rows: np.ndarray, pattern: np.ndarray) -> np.ndarray:
    """Return the correlation of each row with a pattern, 0 where either is flat."""
    rows, pattern = rows - rows.mean(axis=1, keepdims=True), pattern - pattern.mean()
    return (rows * pattern).sum(axis=1) / np.sqrt((rows**2).sum(axis=1) * (pattern**2).sum() + 1e-9)


def _strengths(before: np.ndarray, after: np.ndarray) -> dict[str, np.ndarray]:
    rises = np.maximum(after**LOUDNESS_POWER - before**LOUDNESS_POWER, 0)
    sums = {group: rises[:, bands].sum(axis=1) for group, bands in _GROUPS.items()}
    return {f"Strong{group}": rise / (percentile(rise, 95) + 1e-20) for group, rise in sums.items()}


def _neighbours(times_s: np.ndarray, loudness: np.ndarray) -> dict[str, np.ndarray]:
    gaps = np.log10(np.clip(np.diff(times_s), NEAREST_GAP_S, FARTHEST_GAP_S))
    steps = np.diff(loudness)
    farthest = np.log10(FARTHEST_GAP_S)
    loudest_near = loudness.copy()
    for distance in range(1, len(times_s)):
        is_near = times_s[distance:] - times_s[:-distance] <= MASKING_S
        if not is_near.any():
            break
        earlier, later = loudest_near[:-distance], loudest_near[distance:]
        earlier[is_near] = np.maximum(earlier, loudness[distance:])[is_near]
        later[is_near] = np.maximum(later, loudness[:-distance])[is_near]
    return {
        "PastGap": np.append(farthest, gaps),
        "NextGap": np.append(gaps, farthest),
        "PastDb": np.append(0.0, steps),
        "NextDb": np.append(-steps, 0.0),
        "Masked": loudest_near - loudness,
    }


class ContextFeatures:
    """Extractor of `EXTENDED_FEATURES`."""

    def __init__(self, config: StemConfig, song: object = None):
        self._energies = RowBuffer(no_surroundings())

    def collect(self, chunk: Chunk, samples: np.ndarray) -> None:
        """See `features.Extractor`."""
        self._energies.add(surroundings(chunk.energies, samples))

    def columns(self, candidates: Candidates) -> dict[str, np.ndarray]:
        """See `features.Extractor`."""
        energies, table = self._energies[candidates.chosen], candidates.table
        self._energies = RowBuffer(no_surroundings())  # the memory is needed for what follows
        return extended_columns(table.times_s, table["LevelDb"], energies)


class RiseFeature(ContextFeatures):
    """Extractor of the one of `EXTENDED_FEATURES` that `min_rise_db` is the limit of, where there is one."""

    def __init__(self, config: StemConfig, song: object = None):
        super().__init__(config, song)
        self._name = None if config.min_rise_db is None else PROFILES[config.stem].rise_feature

    def collect(self, chunk: Chunk, samples: np.ndarray) -> None:
        """See `features.Extractor`."""
        if self._name:
            super().collect(chunk, samples)

    def columns(self, candidates: Candidates) -> dict[str, np.ndarray]:
        """See `features.Extractor`."""
        return {self._name: super().columns(candidates)[self._name]} if self._name else {}
