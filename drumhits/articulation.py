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
TOM_GAP = 1.12  # ratio between the pitches of two drums
LOW_TOM_HZ, HIGH_TOM_HZ = 100.0, 125.0  # where the lowest drum of the file is a low or a high tom


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
    """Group the pitches of the file at its two widest gaps of at least `TOM_GAP`; name them from the lowest upwards."""
    if not len(table):
        return np.zeros(0, dtype=object)
    octaves = np.log2(table["PitchHz"])
    in_order = np.sort(octaves)
    gaps = np.diff(in_order)
    widest = np.argsort(-gaps, kind="stable")[:2]
    splits = np.sort([(in_order[i] + in_order[i + 1]) / 2 for i in widest if gaps[i] >= np.log2(TOM_GAP)])
    group = np.searchsorted(splits, octaves)
    lowest = ("low", "mid", "high")[np.searchsorted((LOW_TOM_HZ, HIGH_TOM_HZ), 2 ** np.median(octaves[group == 0]))]
    names = {0: (lowest,), 1: ("low" if lowest == "low" else "mid", "high"), 2: ("low", "mid", "high")}[len(splits)]
    return np.array(names, dtype=object)[group]


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
