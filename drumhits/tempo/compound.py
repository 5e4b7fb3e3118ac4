"""Bars in 6/8: two beats of three eighths each, a kick on the first and a backbeat on the second.

A shuffle and triplets in 4/4 have such beats, too. Only what plays all three eighths of a beat, comes again after two
beats and is slow enough for 6/8 is told; the rest keeps its 4/4. The limits were chosen on programmed parts and on
human performances (benchmarks/compound.py): slow triplets with a backbeat that are written in 4/4 are told as 6/8, too.
"""

from typing import NamedTuple

import numpy as np

from drumhits.tempo.strokes import CRASH, GHOST, KICK, SNARE, TIME_KEEPING, VOICES, Strokes

COMPOUND_BEATS, BEAT_STEPS = 2, 6  # of a bar; a step is a 16th
STEPS = COMPOUND_BEATS * BEAT_STEPS
QUARTERS = 1.5  # of a beat
BPM_RANGE, KNOWN_BPM_RANGE = (36.0, 80.0), (36.0, 160.0)  # of dotted quarters; faster ones are written as triplets
ON_STEP_S = 0.03
ON_EIGHTHS, FILLED, A_BAR, BACKBEAT = 0.65, 0.6, 0.6, 0.5


class Compound(NamedTuple):
    """How well bars in 6/8 fit.

    Attributes
    ----------
    origin_s : float
        Time of a downbeat.
    on_eighths : float in 0..1
        Share of the strokes that lie on an eighth.
    filled : float
        Of the time-keeping: strokes on the second or the third eighth, whichever are fewer, for each on the first.
    kicks, snares : float
        Kicks on the first beat and loud snares on the second, for each bar.
    backbeat : float in 0..1
        Share of the loud snares that lie on the second beat.
    """

    origin_s: float
    on_eighths: float
    filled: float
    kicks: float
    snares: float
    backbeat: float

    @property
    def is_clear(self) -> bool:
        """Whether the bars can hardly be other ones."""
        return (
            self.on_eighths >= ON_EIGHTHS
            and self.filled >= FILLED
            and min(self.kicks, self.snares) >= A_BAR
            and self.backbeat >= BACKBEAT
        )


def compound_of(strokes: Strokes, bpm: float) -> Compound:
    """Return what speaks for bars in 6/8 of `bpm` dotted quarters a minute."""
    step_s = 60 / bpm / BEAT_STEPS
    turns = np.exp(2j * np.pi * strokes.times_s / step_s).sum()
    first_s = float(np.angle(turns)) / (2 * np.pi) * step_s
    place = (strokes.times_s - first_s) / step_s
    nearest = np.rint(place)
    is_near = np.abs(place - nearest) * step_s < ON_STEP_S
    counts = np.zeros((len(VOICES), STEPS))
    np.add.at(counts, (strokes.voices[is_near], nearest[is_near].astype(int) % STEPS), 1)
    downbeat = int(np.argmax([_as_downbeat(np.roll(counts, -step, axis=1)) for step in range(STEPS)]))
    counts = np.roll(counts, -downbeat, axis=1)
    n_bars = (strokes.times_s[-1] - strokes.times_s[0]) / step_s / STEPS
    first, second, third = counts[[*TIME_KEEPING]].sum(axis=0).reshape(COMPOUND_BEATS, 3, 2)[:, :, 0].sum(axis=0)
    return Compound(
        first_s + downbeat * step_s,
        float(counts[:, ::2].sum() / len(strokes.times_s)),
        float(min(second, third) / max(1.0, first)),
        float(counts[KICK, 0] / n_bars),
        float(counts[SNARE, BEAT_STEPS] / n_bars),
        float(counts[SNARE, BEAT_STEPS] / max(1.0, counts[SNARE].sum())),
    )


def _as_downbeat(counts: np.ndarray) -> float:
    """Return how much speaks for the first of the steps being the downbeat."""
    first, second = counts[:, 0], counts[:, BEAT_STEPS]
    return float(first[KICK] + first[CRASH] + second[SNARE] - second[KICK] / 2 - first[SNARE] - first[GHOST])
