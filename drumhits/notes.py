"""Kept hits -> notes: number, velocity, duration."""

import numpy as np

from drumhits.articulation import articulations
from drumhits.config import StemConfig
from drumhits.features import FeatureTable
from drumhits.midi import NOTE_DTYPE

REJECTED_VELOCITY = 1
DYNAMIC_RANGE_DB = 48.0  # from velocity floor to ceiling
LOUD_PERCENTILE = 95  # of the hits, taken at the hit below it: one very loud hit does not move it
MIXING_SHARE = 0.25

# Loudness in dB that velocity follows, and what the loudest hits of a stem in a usual mix have of it.
_LEVEL_DB = {
    "kick": (lambda table: table["LevelDb"], 30.0),
    "snare": (lambda table: table["LevelDb"], 38.0),
    "toms": (lambda table: 20 * np.log10(table["BrillE"] + 1e-6), 58.0),
    "hihat": (lambda table: table["LevelDb"], 24.0),
    "cymbals": (lambda table: table["LevelDb"], 30.0),
}


def to_notes(table: FeatureTable, keep: np.ndarray, config: StemConfig, *, keep_all: bool = False) -> np.ndarray:
    """Return the notes of the kept hits, `NOTE_DTYPE`, in time order.

    Parameters
    ----------
    keep : np.ndarray, shape (n,), bool
    keep_all : bool
        Write the rejected candidates too, at velocity 1.
    """
    hits = table.rows(keep)
    notes = np.zeros(len(table), dtype=NOTE_DTYPE)
    notes["time_s"] = np.maximum(table.times_s + config.timing_offset, 0.0)
    notes["number"] = config.default_note
    notes["velocity"] = REJECTED_VELOCITY
    notes["duration_s"] = config.note_duration_ms / 1000
    if config.articulation:
        notes["number"][keep] = [config.notes[name] for name in articulations(hits, config.stem)]
    notes["velocity"][keep] = velocities(hits, config)
    return notes if keep_all else notes[keep]


def velocities(hits: FeatureTable, config: StemConfig) -> np.ndarray:
    """Return the MIDI velocity of each hit: linear in decibels below the stem's loud hits, bent by the curve.

    The level that gets the ceiling is what is usual for the stem, moved a part of the way (MIXING_SHARE) to the stem's
    own loud hits: a quiet stem is mostly quiet playing, and a little quiet mixing.
    """
    if not len(hits):
        return np.zeros(0, dtype=int)
    measure, usual_loud_db = _LEVEL_DB[config.stem]
    level_db = measure(hits)
    loud_db = np.percentile(level_db, LOUD_PERCENTILE, method="lower")
    reference_db = usual_loud_db + MIXING_SHARE * (loud_db - usual_loud_db)
    share = np.clip(1 + (level_db - reference_db) / DYNAMIC_RANGE_DB, 0, 1) ** config.velocity_curve
    return np.rint(config.velocity_floor + share * (config.velocity_ceiling - config.velocity_floor)).astype(int)
