"""Which stroke each hit is: a name out of the stem's `notes` in midiconfig.yaml for each row of a feature table.

The rules look at the features named in each function; their limits were chosen on sampled kits played by drummers.
"""

from collections.abc import Callable

import numpy as np

from drumhits.features import FeatureTable

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
    """Group the pitches of the file at the deepest valleys of their density; name them from the lowest upwards."""
    if not len(table):
        return np.zeros(0, dtype=object)
    octaves = np.log2(table["PitchHz"])
    splits = _valleys(octaves)
    group = np.searchsorted(splits, octaves)
    lowest = ("low", "mid", "high")[np.searchsorted((LOW_TOM_HZ, HIGH_TOM_HZ), 2 ** np.median(octaves[group == 0]))]
    names = {0: (lowest,), 1: ("low" if lowest == "low" else "mid", "high"), 2: ("low", "mid", "high")}[len(splits)]
    return np.array(names, dtype=object)[group]


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
    return _RULES[stem](table)
