"""Features and patches of a stem's candidates -> the inputs of the networks, a few rows at a time, in this order:

- levels in dB over the spans of PATCH_SPANS (frames of 5.8 ms) around the onset in each band of
  `frames.BAND_EDGES_HZ`, relative to the loud candidates of the stem;
- the same below 600 Hz, finer in frequency: spectra of 46 ms that start at LOW_STARTS around the onset;
- the features of `NUMBERS` as of a stem at the usual level, magnitudes as their logarithm;
- not for a mix: the envelopes of `levels.LocalLevels` of every stem of the song, relative to the loudest of them,
  and for each stem whether it was there;
- nor that: the levels of the first two kinds once more, of the stem and its siblings together (see `song_audio`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from drumhits.detection.context import EXTENDED_FEATURES
from drumhits.detection.features import GUIDE_FEATURES, SHAPE_FEATURES, FeatureTable
from drumhits.detection.frames import N_BANDS
from drumhits.detection.levels import ENVELOPE_SPANS, MEASURES, LocalLevels
from drumhits.detection.patches import ATTACK_SPANS, LOW_ATTACK, N_LOW_BANDS, N_PATCH, PATCH_SPANS, patch_levels_db
from drumhits.drums import STEMS
from drumhits.networks.network import ROWS_AT_ONCE
from drumhits.numeric import percentile, power_to_db

NUMBERS = GUIDE_FEATURES + SHAPE_FEATURES + EXTENDED_FEATURES
MAGNITUDES = ("Amp", "BodyE", "BrillE", "Total", "GeoMean", "CentroidHz", "PitchHz")
LOUD_PERCENTILE = 95
STEP_DB = 20.0  # of level, that is one unit of an input
LOWEST, HIGHEST = np.float32(-4.0), np.float32(2.0)  # units
N_INPUTS_IN_MIX = N_PATCH + len(NUMBERS)
N_ENVELOPES = len(STEMS) * (len(ENVELOPE_SPANS) * MEASURES + 1)
N_INPUTS_BESIDE = N_INPUTS_IN_MIX + N_ENVELOPES  # all but the stem sum
N_INPUTS = N_INPUTS_BESIDE + N_PATCH


@dataclass(frozen=True, eq=False)
class Inputs:
    """What the networks take, made a few rows at a time: hours of it would fill the memory.

    Attributes
    ----------
    table : FeatureTable
        Has the columns of `NUMBERS`.
    patch : np.ndarray, shape (n,), `patches.PATCH_DTYPE`
        From `patches`.
    around : mapping of stem to Around, or None
        The levels of this stem and of those siblings that are there; None of a mix.
    stem_sum : np.ndarray, shape (n,), `patches.PATCH_DTYPE`, or None
        From `patches_at`, of this stem and its siblings together; None where there are none.
    """

    table: FeatureTable
    patch: np.ndarray
    around: Mapping[str, LocalLevels] | None = None
    stem_sum: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.table)

    def __getitem__(self, rows: slice) -> np.ndarray:
        """Return some rows, shape (n, N_INPUTS), or (n, N_INPUTS_IN_MIX) of a mix, float32."""
        if not len(self):
            return np.zeros((0, N_INPUTS_IN_MIX if self.around is None else N_INPUTS), dtype=np.float32)
        parts = [_units(self.patch[rows], self._loud_db), _numbers(self.table, rows)]
        if self.around is not None:
            parts += [*self._envelopes(rows, self.around), self._stem_sum(rows)]
        return np.concatenate(parts, axis=1)

    @cached_property
    def _loud_db(self) -> np.ndarray:
        return _loud_attacks_db(self.patch)

    @cached_property
    def _stem_sum_loud_db(self) -> np.ndarray:
        assert self.stem_sum is not None
        return _loud_attacks_db(self.stem_sum)

    def _stem_sum(self, rows: slice) -> np.ndarray:
        if self.stem_sum is None:
            return np.full((len(self.patch[rows]), N_PATCH), LOWEST, dtype=np.float32)
        return _units(self.stem_sum[rows], self._stem_sum_loud_db)

    def _envelopes(self, rows: slice, levels: Mapping[str, LocalLevels]) -> list[np.ndarray]:
        loudest_db = np.float32(power_to_db(max(one.loud for one in levels.values())))
        n, parts = len(self.patch[rows]), []
        for name in STEMS:
            envelope = np.full((n, len(ENVELOPE_SPANS) * MEASURES), LOWEST, dtype=np.float32)
            if name in levels:
                envelope = _in_units(levels[name].envelope[rows].reshape(n, -1), loudest_db)
            parts += [envelope, np.full((n, 1), name in levels, dtype=np.float32)]
        return parts


def _split(patch: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the two parts of patches, in all bands and below 600 Hz, shape (n, spans * bands) each, float32."""
    all_bands, low_bands = np.split(patch_levels_db(patch), [len(PATCH_SPANS) * N_BANDS], axis=1)
    return all_bands, low_bands


def _loud_attacks_db(patch: np.ndarray) -> np.ndarray:
    """Return the levels of a stem's loud attacks, shape (2,), float32: in all bands, and below 600 Hz."""
    attacks = []
    for some in np.array_split(patch, len(patch) // ROWS_AT_ONCE + 1):
        levels, low = _split(some)
        levels, low = levels.reshape(len(some), -1, N_BANDS), low.reshape(len(some), -1, N_LOW_BANDS)
        attacks.append((_attack_db(levels[:, ATTACK_SPANS]), _attack_db(low[:, LOW_ATTACK])))
    loud = [percentile(of_span, LOUD_PERCENTILE) for of_span in np.concatenate(attacks, axis=1)]
    return np.array(loud, dtype=np.float32)


def _attack_db(level_db: np.ndarray) -> np.ndarray:
    return power_to_db((10 ** (level_db / 10)).sum(axis=2).mean(axis=1))


def _units(patch: np.ndarray, loud_db: np.ndarray) -> np.ndarray:
    """Return patches relative to loud attacks."""
    parts = zip(_split(patch), loud_db, strict=True)
    return np.concatenate([_in_units(level_db, reference_db) for level_db, reference_db in parts], axis=1)


def _in_units(level_db: np.ndarray, reference_db: np.float32) -> np.ndarray:
    return np.clip((level_db - reference_db) / np.float32(STEP_DB), LOWEST, HIGHEST)


def _numbers(table: FeatureTable, rows: slice) -> np.ndarray:
    some = table.rows(rows)
    columns = np.stack([some.at_usual_level(name) for name in NUMBERS], axis=1, dtype=np.float32)
    magnitudes = [NUMBERS.index(name) for name in MAGNITUDES]
    columns[:, magnitudes] = np.log10(columns[:, magnitudes] + np.float32(1e-6))
    return columns
