"""How loud a stem is: the level of its loud hits beside the usual one, by which its thresholds are judged.

The loud hits are those that carry the stem's sound: their level is the median of the candidates' GeoMean, each weighted
by its square. Neither the number of soft hits and faint bleed nor one very loud hit moves it much, and the gain of the
file moves it by just that gain.
"""

from dataclasses import dataclass

import numpy as np

from drumhits.drums import PROFILES
from drumhits.numeric import amplitude_to_db

SILENT_DB = -75.0  # of the usual level: below it, there is nothing to hear
QUIET_DB = -8.0  # the same: below it, a stem may be nothing but bleed
BLEED_DB = 40.0  # how far the thresholds of a stem that is nothing but bleed lie above those of its level


@dataclass(frozen=True)
class StemLevel:
    """The level of a stem's loud hits.

    Attributes
    ----------
    relative_db : float
        Beside the usual level of the stem.
    is_silent : bool
        There is next to nothing in it.
    is_bleed : bool
        There is nothing but what bleeds in from the song's other stems.
    """

    relative_db: float = 0.0
    is_silent: bool = False
    is_bleed: bool = False

    @property
    def is_quiet(self) -> bool:
        """Whether the stem may be nothing but bleed, though it is not silent."""
        return not self.is_silent and self.relative_db < QUIET_DB

    @property
    def gain(self) -> float:
        """Factor > 0 by which the stem is louder than usual; 1 where it is silent, BLEED_DB more where it is bleed."""
        if self.is_silent:
            return 1.0
        return float(10 ** ((self.relative_db + BLEED_DB * self.is_bleed) / 20))


AS_USUAL = StemLevel()


def stem_level(geomean: np.ndarray, stem: str, *, in_mix: bool = False) -> StemLevel:
    """Return the level of a stem, or of its candidates in a whole mix, from the GeoMean of all of them, shape (n,)."""
    usual = PROFILES[stem].usual_geomean_in_mix if in_mix else PROFILES[stem].usual_geomean
    loud = weighted_quantile(geomean, geomean**2, 0.5) if len(geomean) else 0.0
    if loud <= 0:
        return StemLevel(relative_db=-np.inf, is_silent=True)
    relative_db = float(amplitude_to_db(loud / usual))
    return StemLevel(relative_db, is_silent=relative_db < SILENT_DB)


def weighted_quantile(values: np.ndarray, weights: np.ndarray, share: float) -> float:
    """Return the smallest of some values such that it and all below it have this share (0..1) of the weight."""
    order = np.argsort(values, kind="stable")
    weight_below = np.cumsum(weights[order])
    position = np.searchsorted(weight_below, share * weight_below[-1])
    return float(values[order][min(int(position), len(values) - 1)])
