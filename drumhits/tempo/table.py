"""The table that ships with the tracker: where in the bar each voice plays, and how the evidence is weighed.

Made by tools/tempo/fit.py from human performances whose tempo is known, and from programmed songs in more styles; the
evidence is weighed by songs that others wrote as MIDI, too.

bars      log of how much more often than on average each voice plays at each 96th of a bar in 4/4, for several ways of
          playing: shape (n_ways, n_voices, 96). Half of them are the others in triplet feel.
centre, scale, weights
          of the features of a hypothesis (`metre.FEATURES`): the log odds of the hypotheses are
          weights @ (features - centre) / scale.
followed  weights in place of these where the strokes were brought into an even tempo (`follow`), which sharpens them.
downbeat  weights of what tells the downbeat (`metre.DOWNBEAT_FEATURES`).
"""

from dataclasses import dataclass, fields, replace
from functools import cache, cached_property
from pathlib import Path

import numpy as np

BINS = 96  # of a bar in 4/4: 24 to a beat, which holds 16ths and triplets
BEAT_BINS = BINS // 4
TABLE = Path(__file__).with_name("table.npz")


@dataclass(frozen=True, eq=False)
class Table:
    """See the module."""

    bars: np.ndarray
    centre: np.ndarray
    scale: np.ndarray
    weights: np.ndarray
    followed: np.ndarray
    downbeat: np.ndarray

    def of_followed(self) -> "Table":
        """Return the table for strokes that were brought into an even tempo."""
        return replace(self, weights=self.followed)

    @cached_property
    def waltzes(self) -> np.ndarray:
        """The same for bars in 3/4, shape (n_ways, n_voices, 72): two beats of the bar in 4/4 and one of the others."""
        beats = np.exp(self.bars).reshape(*self.bars.shape[:2], 4, BEAT_BINS)
        chosen = [beats[:, :, list(order)] for order in ((0, 1, 3), (0, 1, 1), (0, 2, 1))]
        density = np.concatenate(chosen).reshape(-1, self.bars.shape[1], 3 * BEAT_BINS)
        return np.log(density / density.mean(axis=-1, keepdims=True))


def read_table(path: Path) -> Table:
    """Return a table that tools/tempo/fit.py wrote."""
    with np.load(path) as arrays:
        return Table(*(arrays[field.name].astype(float) for field in fields(Table)))


@cache
def shipped_table() -> Table:
    """Return the table that ships with the toolkit."""
    return read_table(TABLE)
