"""Explanations of where the notes of a file lie on a line of notes that are known, and their likelihood.

Times in seconds, increasing. Known notes (those of a raw file) and the notes of a file are two point processes. Some
pairs of points are one hit, within a width that rounding to ticks explains; the other known notes were deleted, the
other notes of the file were added. The likelihood ratio compares this with two processes that are independent. All
rates are taken at their most likely values, so that neither deleting nor adding notes speaks against an explanation as
such: what counts is how many pairs there are, how exact, and how few of them chance would give.
"""

from dataclasses import dataclass, field, replace
from math import log

import numpy as np

from drumhits.io.grid import TempoMap
from drumhits.io.midi import MidiContent

TOLERANCE_S = 0.025
ROUNDING_S = 0.0005  # slack beyond half a tick of either file: tempo rounding, two roundings in a row
SAME_PAIRS_SHARE = 0.9  # explanations that pair this share of the notes alike are one
UNSHIFTED_LOG_PRIOR = log(1e9)  # two or three notes to the tick: where beats repeat, a rival has to explain more


@dataclass(frozen=True, eq=False)
class KnownNotes:
    """The notes that those of another file are laid on.

    Attributes
    ----------
    times_s : np.ndarray, shape (n,)
        Increasing.
    velocities : np.ndarray, shape (n,), or None
        None where they are not those of the other file's notes.
    tempo : TempoMap
        At which a file that kept the beats runs.
    exact_s : float > 0
        How far a note lies from its hit by the rounding, or the measurement, of `times_s`.
    tick_s : float >= 0
        Seconds of the longest tick.
    """

    times_s: np.ndarray
    velocities: np.ndarray | None
    tempo: TempoMap
    exact_s: float
    tick_s: float = 0.0

    @classmethod
    def of(cls, content: MidiContent) -> "KnownNotes":
        """Return the notes of a MIDI file."""
        tick_s = content.tempo.us_per_beat.max() / 1e6 / content.ppq
        return cls(content.notes["time_s"], content.notes["velocity"], content.tempo, tick_s / 2, tick_s)


@dataclass(frozen=True, eq=False)
class Hypothesis:
    """Times of a file's notes before any offset.

    Attributes
    ----------
    name : str
        "seconds kept", "beats kept", "tempo given" or that a tempo was found.
    times_s : np.ndarray, shape (n,)
        Of the notes.
    end_s : float
        Of the file's end of track.
    tolerance_s : float > 0
        Largest distance of a match.
    exact_s : float > 0
        Distance that rounding alone explains.
    log_prior : float <= 0
        Of one among several that were tried.
    """

    name: str
    times_s: np.ndarray
    end_s: float
    tolerance_s: float
    exact_s: float
    log_prior: float = 0.0

    @property
    def is_searched(self) -> bool:
        """Whether it is one of many: near its true tempo, another one pairs many notes, too, but not to the tick."""
        return self.log_prior < 0


@dataclass(frozen=True, eq=False)
class Explanation:
    """A hypothesis with an offset, and how it pairs the notes.

    Attributes
    ----------
    hypothesis : Hypothesis
    offset_s : float
        Known time = time under the hypothesis + `offset_s`.
    log_likelihood : float
        Of the pairs against chance, with the prior.
    considered, known : int
        Notes of the file, and known notes, in the range that both cover.
    exact : int
        Pairs to within the exact width.
    partners : np.ndarray, shape (n,)
        Index of the known note of each note, -1 without.
    """

    hypothesis: Hypothesis
    offset_s: float
    log_likelihood: float
    considered: int
    known: int
    exact: int
    partners: np.ndarray = field(repr=False)

    @property
    def matched(self) -> int:
        """Pairs."""
        return int(np.count_nonzero(self.partners >= 0))

    @property
    def share(self) -> float:
        """Share of the file's notes that lie on a known one, in 0..1."""
        return self.matched / max(1, self.considered)

    @property
    def found_share(self) -> float:
        """Share of the known notes that are found again, in 0..1."""
        return self.matched / max(1, self.known)

    @property
    def is_unshifted(self) -> bool:
        """Whether the offset is 0 but for rounding."""
        return abs(self.offset_s) <= self.hypothesis.exact_s

    @property
    def exactness(self) -> float:
        """Log-likelihood ratio of the exact pairs among all, against pairs whose distances are chance."""
        chance = min(1.0, self.hypothesis.exact_s / self.hypothesis.tolerance_s)
        if self.exact <= chance * self.matched:
            return 0.0
        rest = self.matched - self.exact
        return _tally(self.exact, self.matched) - self.exact * log(chance) - (rest * log(1 - chance) if rest else 0.0)

    def pairs_like(self, other: "Explanation") -> bool:
        """Return whether both pair nearly all notes alike."""
        both = (self.partners >= 0) & (self.partners == other.partners)
        return int(np.count_nonzero(both)) >= SAME_PAIRS_SHARE * max(1, min(self.matched, other.matched))

    def __str__(self) -> str:
        return (
            f"{self.hypothesis.name}, offset {self.offset_s:+.3f} s, {self.matched} of {self.considered} notes matched"
        )


class Scorer:
    """Pairs a file's notes with the known ones, and scores explanations.

    Parameters
    ----------
    known : KnownNotes
    velocities : np.ndarray, shape (n,)
        Of the file's notes.
    range_s : tuple of float
        Part of the line where both count.
    """

    def __init__(self, known: KnownNotes, velocities: np.ndarray, range_s: tuple[float, float]) -> None:
        self.known, self.velocities, self.range_s = known, velocities, range_s
        if known.velocities is not None:
            counts = np.unique(known.velocities, return_counts=True)[1].astype(float)
            self.n_velocities = np.sum(counts) ** 2 / np.sum(counts**2)  # effective number of different ones

    def explain(self, hypothesis: Hypothesis, times_s: np.ndarray, offset_s: float) -> Explanation:
        """Return the explanation of times of a file by a hypothesis and an offset."""
        at = times_s + offset_s
        inside = (self.range_s[0] <= at) & (at <= self.range_s[1])
        nearest, distance = _nearest_once(self.known.times_s, at)
        hit = inside & (distance <= hypothesis.tolerance_s)
        start_s = max(self.range_s[0], offset_s - hypothesis.tolerance_s)
        end_s = min(self.range_s[1], hypothesis.end_s + offset_s + hypothesis.tolerance_s)
        known = np.searchsorted(self.known.times_s, (start_s, end_s))
        explanation = Explanation(
            hypothesis=hypothesis,
            offset_s=offset_s,
            log_likelihood=0.0,
            considered=int(np.count_nonzero(inside)),
            known=max(int(known[1] - known[0]), int(np.count_nonzero(hit))),
            exact=int(np.count_nonzero(distance[hit] <= hypothesis.exact_s)),
            partners=np.where(hit, nearest, -1),
        )
        log_likelihood = _pairing(explanation, max(1.0, end_s - start_s)) + self._same_velocities(explanation)
        log_prior = hypothesis.log_prior + UNSHIFTED_LOG_PRIOR * explanation.is_unshifted
        return replace(explanation, log_likelihood=log_likelihood + log_prior)

    def _same_velocities(self, explanation: Explanation) -> float:
        """Return the log-likelihood ratio of the velocities that pairs have in common, against chance."""
        if self.known.velocities is None:
            return 0.0
        paired = np.flatnonzero(explanation.partners >= 0)
        same = self.velocities[paired] == self.known.velocities[explanation.partners[paired]]
        count = int(np.count_nonzero(same))
        return _tally(count, len(paired)) + count * log(self.n_velocities)


def _pairing(e: Explanation, duration_s: float) -> float:
    """Return the log-likelihood ratio of the pairs against two independent Poisson processes."""
    wide, exact = 2 * e.hypothesis.tolerance_s, 2 * e.hypothesis.exact_s
    rates = sum(n * log(n) for n in (e.matched, e.known - e.matched, e.considered - e.matched) if n)
    rates -= sum(n * log(n) for n in (e.known, e.considered) if n)
    distances = _tally(e.exact, e.matched) - e.exact * log(exact) - (e.matched - e.exact) * log(wide)
    return rates + e.matched * (1 + log(duration_s)) + distances


def _tally(count: int, total: int) -> float:
    """Return the log-likelihood of `count` successes in `total` at the share that makes them most likely."""
    return sum(part * log(part / total) for part in (count, total - count) if part)


def _nearest_once(known_s: np.ndarray, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the nearest known note of each time, and its distance in seconds.

    Of the times nearest to one note, only the closest one has its distance; the others have infinity.
    """
    edges = np.concatenate(([-np.inf], known_s, [np.inf]))
    right = np.searchsorted(edges[1:-1], at) + 1
    is_left = at - edges[right - 1] <= edges[right] - at
    nearest = np.where(is_left, right - 2, right - 1)
    distance = np.abs(known_s[nearest] - at)
    by_distance = np.argsort(distance, kind="stable")
    closest = by_distance[np.unique(nearest[by_distance], return_index=True)[1]]
    once = np.full(len(at), np.inf)
    once[closest] = distance[closest]
    return nearest, once
