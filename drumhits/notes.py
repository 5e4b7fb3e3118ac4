"""Kept hits -> notes: number, velocity, duration."""

import numpy as np

from drumhits.articulation import articulations
from drumhits.config import StemConfig
from drumhits.features import FeatureTable
from drumhits.midi import NOTE_DTYPE

REJECTED_VELOCITY = 1
DYNAMIC_RANGE_DB = 40.0  # from velocity floor to ceiling
LOUD_PERCENTILE = 95  # the stem's loud hits: one very loud hit does not move it

# Loudness in dB that velocity follows, and what loud hits of a stem at usual mixing level have of it.
_LEVEL_DB = {
    "kick": (lambda table: table["LevelDb"], 16.0),
    "snare": (lambda table: table["LevelDb"], 28.0),
    "toms": (lambda table: 20 * np.log10(table["BrillE"] + 1e-6), 45.0),
    "hihat": (lambda table: table["LevelDb"], 10.0),
    "cymbals": (lambda table: table["LevelDb"], 15.0),
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

    A stem that is quieter than usual counts half as quieter playing and half as mixing: the reference lies halfway
    between its loud hits and a usual level.
    """
    if not len(hits):
        return np.zeros(0, dtype=int)
    measure, usual_loud_db = _LEVEL_DB[config.stem]
    level_db = measure(hits)
    reference_db = (np.percentile(level_db, LOUD_PERCENTILE) + usual_loud_db) / 2
    share = np.clip(1 + (level_db - reference_db) / DYNAMIC_RANGE_DB, 0, 1) ** config.velocity_curve
    return np.rint(config.velocity_floor + share * (config.velocity_ceiling - config.velocity_floor)).astype(int)
