"""Which stroke each hit is: a name out of the stem's `notes` in midiconfig.yaml for each row of a feature table.

Where networks have said it, they are believed, of toms about all hits of one pitch together. Otherwise rules look at
the features named in each function; their limits were chosen on sampled kits played by drummers.
"""

from collections.abc import Callable
from itertools import combinations

import numpy as np

from drumhits.features import FeatureTable, heard_articulations
from drumhits.settings import ARTICULATIONS

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
    return table["BrillE"] / np.maximum(table["BodyE"], 1e-9)


_RULES: dict[str, Callable[[FeatureTable], np.ndarray]] = {
    "kick": _kick,
    "snare": _snare,
    "toms": _toms,
    "hihat": _hihat,
    "cymbals": _cymbals,
}


def articulations(table: FeatureTable, stem: str) -> np.ndarray:
    """Return the articulation of each hit, shape (n,), str.

    Parameters
    ----------
    table : FeatureTable
        The hits that are kept: toms are grouped among them.
    stem : str
        One of `settings.STEMS`.
    """
    columns = heard_articulations(stem)
    if not columns or columns[0] not in table.names:
        return _RULES[stem](table)
    scores = np.stack([table[name] for name in columns], axis=1)
    if stem == "toms":
        return _heard_toms(table, scores)
    return np.array(ARTICULATIONS[stem], dtype=object)[scores.argmax(axis=1)]
