"""Which stroke each hit is: a name out of the stem's `notes` in midiconfig.yaml for each row of a feature table.

Where the table has scores of networks, they decide, of toms about all hits of one pitch together. Otherwise rules take
the features named in each function; their limits were chosen on sampled kits played by drummers.
"""

from collections.abc import Callable
from itertools import combinations

import numpy as np

from drumhits.config.load import StemConfig
from drumhits.config.schema import ABSOLUTE_REFERENCE, STEM_REFERENCE
from drumhits.detection.features import STROKE_LEVEL, SUM_LEVEL, FeatureTable, articulation_columns
from drumhits.drums import ARTICULATIONS, PROFILES, REJECTED_VELOCITY
from drumhits.io.midi import NOTE_DTYPE
from drumhits.numeric import amplitude_to_db

OPEN_SUSTAIN_MS, OPEN_TAIL_DB = 190.0, -7.0  # an open hi-hat rings through the whole 200 ms
PEDAL_BRILLIANCE, PEDAL_SUSTAIN_MS = 3.0, 115.0  # a foot-closed hi-hat is dark and short
CROSS_STICK_BRILLIANCE = 8.0  # a stick on the rim has next to no drum head in it
CRASH_BRILLIANCE, CRASH_TAIL_DB = 1.2, -3.0  # a crash is full-bodied and rings; a ride pings
PITCH_BLUR = np.log2(1.03)  # octaves by which the pitch of one drum varies
VALLEY = 0.5  # of the lower hill beside it: a valley as deep parts two drums
MIN_TOM_SHARE, MIN_TOM_HITS, MANY_TOM_HITS = 0.02, 1.5, 20  # what counts as a drum, not as a stray pitch
LOW_TOM_HZ, HIGH_TOM_HZ = 100.0, 105.0  # where the lowest drum of the file is a low or a high tom


def _kick(table: FeatureTable) -> np.ndarray:
    return np.full(len(table), "kick", dtype=object)


def _snare(table: FeatureTable) -> np.ndarray:
    return np.where(_brilliance(table) > CROSS_STICK_BRILLIANCE, "cross_stick", "head")


def _hihat(table: FeatureTable) -> np.ndarray:
    is_open = (table["SustainMs"] >= OPEN_SUSTAIN_MS) & (table["TailDb"] >= OPEN_TAIL_DB)
    is_pedal = (table["SustainMs"] < PEDAL_SUSTAIN_MS) & (_brilliance(table) < PEDAL_BRILLIANCE)
    return np.select([is_open, is_pedal], ["open", "pedal"], "closed")


def _cymbals(table: FeatureTable) -> np.ndarray:
    is_crash = (_brilliance(table) < CRASH_BRILLIANCE) & (table["TailDb"] > CRASH_TAIL_DB)
    return np.where(is_crash, "crash", "ride")


def _toms(table: FeatureTable) -> np.ndarray:
    """Name the drums that the pitches of the file tell apart, from the lowest upwards, by the pitch of the lowest."""
    if not len(table):
        return np.zeros(0, dtype=object)
    drum = _drums(table)
    lowest_hz = np.median(table["PitchHz"][drum == 0])
    lowest = ("low", "mid", "high")[np.searchsorted((LOW_TOM_HZ, HIGH_TOM_HZ), lowest_hz)]
    names = {1: (lowest,), 2: ("low" if lowest == "low" else "mid", "high"), 3: ("low", "mid", "high")}
    return np.array(names[drum.max() + 1], dtype=object)[drum]


def _heard_toms(table: FeatureTable, scores: np.ndarray) -> np.ndarray:
    """Name the drums that the pitches of the file tell apart as their hits together sound, in the order of pitch."""
    if not len(table):
        return np.zeros(0, dtype=object)
    drum = _drums(table)
    each = np.arange(drum.max() + 1)
    of_drums = np.stack([scores[drum == one].sum(axis=0) for one in each])
    upwards = [ARTICULATIONS["toms"].index(name) for name in ("low", "mid", "high")]
    best = max(combinations(upwards, len(each)), key=lambda chosen: of_drums[each, list(chosen)].sum())
    return np.array(ARTICULATIONS["toms"], dtype=object)[list(best)][drum]


def _drums(table: FeatureTable) -> np.ndarray:
    """Return the drum that each tom hit is of, 0 for the lowest: parted at valleys of the density of pitches."""
    octaves = np.log2(table["PitchHz"])
    drum = np.searchsorted(_valleys(octaves), octaves)
    return np.unique(drum, return_inverse=True)[1]


def _valleys(octaves: np.ndarray) -> np.ndarray:
    """Return where at most two valleys part the density of some pitches, increasing; a lone stray makes no group."""
    grid = np.arange(octaves.min() - PITCH_BLUR, octaves.max() + PITCH_BLUR, PITCH_BLUR / 4)
    pitches, hits_at = np.unique(octaves, return_counts=True)
    density = np.exp(-0.5 * ((grid[:, None] - pitches) / PITCH_BLUR) ** 2) @ hits_at
    inner = np.arange(1, len(grid) - 1)
    low = inner[(density[inner] < density[inner - 1]) & (density[inner] <= density[inner + 1])]
    depth = [min(density[:i].max(), density[i:].max()) for i in low]  # hits in the smaller of the two hills
    fewest = max(MIN_TOM_HITS * (len(octaves) > MANY_TOM_HITS), MIN_TOM_SHARE * len(octaves))
    found = [i for i, hits in zip(low, depth, strict=True) if hits > fewest and density[i] < VALLEY * hits]
    deepest = sorted(found, key=lambda i: density[i])[:2]
    return np.sort(grid[deepest])


def _brilliance(table: FeatureTable) -> np.ndarray:
    return table["BrillE"] / np.maximum(table["BodyE"], SOFTEST_AMPLITUDE)


ARTICULATION_RULES: dict[str, Callable[[FeatureTable], np.ndarray]] = {
    "single": _kick,
    "rim": _snare,
    "pitch": _toms,
    "pedal": _hihat,
    "crash": _cymbals,
}


def articulations(table: FeatureTable, stem: str) -> np.ndarray:
    """Return the articulation of each hit, shape (n,), str.

    Parameters
    ----------
    table : FeatureTable
        The hits that are kept: toms are grouped among them.
    stem : str
        One of `drums.STEMS`.
    """
    columns, rule = articulation_columns(stem), PROFILES[stem].articulation_rule
    if not columns or columns[0] not in table.names:
        return ARTICULATION_RULES[rule](table)
    scores = np.stack([table[name] for name in columns], axis=1)
    if rule == "pitch":
        return _heard_toms(table, scores)
    return np.array(ARTICULATIONS[stem], dtype=object)[scores.argmax(axis=1)]


DYNAMIC_RANGE_DB = 36.0  # from velocity floor to ceiling, if it went on as between soft and loud hits
LOUD_PERCENTILE = 95  # of the hits, taken at the hit below it: one very loud hit does not move it
SOFT_SHARE, LOUD_SHARE = 0.15, 0.8  # of the way from floor to ceiling: between them velocity is linear in decibels
MIXING_SHARE = {STEM_REFERENCE: 1.0, ABSOLUTE_REFERENCE: 0.25}  # of what a stem's level says about its mixing
SOFTEST_AMPLITUDE = 1e-12


def _stroke_db(table: FeatureTable) -> np.ndarray:
    return table[STROKE_LEVEL]


def _stroke_and_brilliance_db(table: FeatureTable) -> np.ndarray:
    """Return the mean of the two: brilliance tells soft and loud kicks apart, and is the less sure of the two."""
    return (table[STROKE_LEVEL] + amplitude_to_db(table["BrillE"] + SOFTEST_AMPLITUDE)) / 2


LEVELS_DB = {"StrokeDb": _stroke_db, "StrokeDb and BrillE": _stroke_and_brilliance_db}  # what velocity follows


def to_notes(table: FeatureTable, keep: np.ndarray, config: StemConfig, *, keep_all: bool = False) -> np.ndarray:
    """Return the notes of the kept hits, `NOTE_DTYPE`, in time order.

    Parameters
    ----------
    keep : np.ndarray, shape (n,), bool
    keep_all : bool
        Write the rejected candidates too, at velocity 1.
    """
    notes = np.zeros(len(table), dtype=NOTE_DTYPE)
    notes["time_s"] = np.maximum(table.times_s + config.timing_offset, 0.0)
    notes["number"] = config.default_note
    notes["velocity"] = REJECTED_VELOCITY
    notes["duration_s"] = config.note_duration_ms / 1000
    notes["number"][keep] = [config.notes[name] for name in articulations_told(table, keep, config)]
    notes["velocity"][keep] = velocities(table.rows(keep), config)
    return notes if keep_all else notes[keep]


def articulations_told(table: FeatureTable, keep: np.ndarray, config: StemConfig) -> np.ndarray:
    """Return the articulation of each kept hit; the stem's first one where they are not to be told apart."""
    hits = table.rows(keep)
    first = next(iter(config.notes))
    return articulations(hits, config.stem) if config.articulation else np.full(len(hits), first, dtype=object)


def velocities(hits: FeatureTable, config: StemConfig) -> np.ndarray:
    """Return the MIDI velocity of each hit: linear in decibels up to the stem's loud hits, bent by the curve.

    Above the loud hits it nears the ceiling ever slower, and so it does the floor below the soft ones. Where
    `velocity_reference` is absolute, the level of loud hits is what is usual for the stem, moved a part of the way
    (MIXING_SHARE) to its own: a quiet stem is mostly quiet playing then, and a little quiet mixing.
    """
    if not len(hits):
        return np.zeros(0, dtype=int)
    profile = PROFILES[config.stem]
    level_db = _towards_the_sum(LEVELS_DB[profile.velocity_source](hits), hits, profile.level_share_of_sum)
    loud_db = np.sort(level_db)[int((len(level_db) - 1) * LOUD_PERCENTILE / 100)]
    reference_db = profile.loud_db + MIXING_SHARE[config.velocity_reference] * (loud_db - profile.loud_db)
    share = _soft_limited(LOUD_SHARE + (level_db - reference_db) / DYNAMIC_RANGE_DB) ** config.velocity_curve
    return np.rint(config.velocity_floor + share * (config.velocity_ceiling - config.velocity_floor)).astype(int)


def _towards_the_sum(level_db: np.ndarray, hits: FeatureTable, share: float) -> np.ndarray:
    """Return levels moved by a share towards those in the sum of all stems, which are as loud in the median."""
    if SUM_LEVEL not in hits.names:
        return level_db
    apart_db = hits[SUM_LEVEL] - level_db
    return level_db + share * (apart_db - np.median(apart_db))


def _soft_limited(share: np.ndarray) -> np.ndarray:
    """Return shares of a range as they are from SOFT_SHARE to LOUD_SHARE; outside they near 0 and 1 ever slower."""
    room = 1 - LOUD_SHARE
    loud = 1 - room * np.exp(-np.maximum(share - LOUD_SHARE, 0) / room)
    soft = SOFT_SHARE * np.exp(np.minimum(share - SOFT_SHARE, 0) / SOFT_SHARE)
    return np.select([share > LOUD_SHARE, share < SOFT_SHARE], [loud, soft], share)
