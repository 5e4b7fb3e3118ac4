"""Raw and edited MIDI -> the edited notes' times on the raw file's time line.

Times in seconds, increasing. An *explanation* is a tempo hypothesis with an offset: raw time = edited time under the
hypothesis + offset. DAWs keep either the seconds or the beats of a note; both are tried, with every offset at which
many differences between raw and edited times agree. Explanations are compared by the likelihood of the edited notes
under them: how many lie on a raw note, how many to within tick rounding (human timing makes the true offset exact, a
wrong bar is some milliseconds off), and how many have that note's velocity. A file that was not shifted has the higher
prior probability.
"""

from dataclasses import dataclass, field
from math import log

import numpy as np
import numpy.typing as npt

from drumhits.errors import NotEnoughDataError
from drumhits.io.midi import MidiContent

TOLERANCE_S = 0.025
ROUNDING_S = 0.0005  # slack beyond half a tick of either file: tempo rounding, two roundings in a row
MIN_MATCHED_SHARE = 0.8
MAX_DIFFERENCES = 1_000_000
MAX_PEAKS = 12
PEAK_SHARE = 0.6  # of the highest peak's height: lower ones cannot win
SAME_PAIRS_SHARE = 0.9  # explanations that pair this share of the notes alike are one
DECISIVE_LOG_ODDS = log(1e4)
UNSHIFTED_LOG_PRIOR = log(1e5)  # above it: where "not shifted" explains all, repeated bars are no rival


@dataclass(frozen=True)
class Alignment:
    """The most likely explanation.

    Attributes
    ----------
    hypothesis : str
        "seconds kept", "beats kept" or "tempo given".
    offset_s : float
        Raw time = edited time under the hypothesis + `offset_s`.
    scale : float > 0
        Seconds on the raw file's line per second as the edited file states it.
    tolerance_s : float > 0
        Largest distance of a match.
    exact_s : float > 0
        Distance that tick rounding alone explains.
    times_s : np.ndarray, shape (n_edited,)
        The edited notes on the raw file's line.
    start_s, end_s : float
        The edited file's first tick and end of track on that line.
    runner_up : str
        The next explanation in words, "" where there is none.
    """

    hypothesis: str
    offset_s: float
    scale: float
    tolerance_s: float
    exact_s: float
    times_s: np.ndarray
    start_s: float
    end_s: float
    runner_up: str


@dataclass(frozen=True)
class Hypothesis:
    """Times of the edited notes before any offset; `tick_s` is the coarser file's tick."""

    name: str
    times_s: np.ndarray
    end_s: float
    tick_s: float
    exact_s: float

    @property
    def tolerance_s(self) -> float:
        """Largest distance of a match."""
        return max(TOLERANCE_S, self.tick_s)


@dataclass(frozen=True)
class Explanation:
    """A hypothesis with an offset, the raw note that it gives each edited note, and its log-likelihood.

    `partners`, shape (n_edited,), has -1 for a note without one; `considered` counts the notes in the edited range.
    """

    hypothesis: Hypothesis
    offset_s: float
    log_likelihood: float
    considered: int
    partners: np.ndarray = field(repr=False)

    @property
    def matched(self) -> int:
        """Edited notes on a raw note."""
        return int(np.count_nonzero(self.partners >= 0))

    @property
    def share(self) -> float:
        """Share of the considered notes that lie on a raw note, in 0..1."""
        return self.matched / max(1, self.considered)

    def pairs_like(self, other: "Explanation") -> bool:
        """Return whether both pair nearly all notes alike."""
        both = (self.partners >= 0) & (self.partners == other.partners)
        return int(np.count_nonzero(both)) >= SAME_PAIRS_SHARE * max(1, min(self.matched, other.matched))

    def __str__(self) -> str:
        return (
            f"{self.hypothesis.name}, offset {self.offset_s:+.3f} s, "
            f"{self.matched} of {self.considered} notes matched"
        )


def align(
    raw: MidiContent,
    edited: MidiContent,
    *,
    evidence: npt.ArrayLike | None = None,
    edited_tempo: float | None = None,
    edited_offset: float | None = None,
    range_s: tuple[float, float] | None = None,
) -> Alignment:
    """Return the edited notes' times on the raw file's time line, by the most likely tempo and offset.

    Parameters
    ----------
    raw, edited : MidiContent
        One note or more each.
    evidence : array_like, shape (n_edited,), bool, optional
        The edited notes to go by, one or more; default: all.
    edited_tempo : float > 0, optional
        BPM at which the edited file's beats run; decides the hypothesis.
    edited_offset : float, optional
        Seconds to add to the edited file's times; decides the offset.
    range_s : tuple of float, optional
        Part of the raw file, in seconds, where the edited notes count.

    Raises
    ------
    NotEnoughDataError
        Fewer than 80 % of the edited notes lie on raw notes, or two explanations are about as good.
    """
    used = np.arange(len(edited.notes)) if evidence is None else np.flatnonzero(evidence)
    one_per_tick = used[np.unique(edited.notes["tick"][used], return_index=True)[1]]
    scorer = _Scorer(raw.notes, edited.notes["velocity"][one_per_tick], range_s or (-np.inf, np.inf))
    found = list[Explanation]()
    for hypothesis in _hypotheses(raw, edited, edited_tempo):
        times_s = hypothesis.times_s[one_per_tick]
        offsets = _offsets(raw.notes["time_s"], times_s, hypothesis) if edited_offset is None else [edited_offset]
        found += [scorer.explain(hypothesis, times_s, offset_s) for offset_s in offsets]
    found.sort(key=lambda explanation: -explanation.log_likelihood)
    best = found[0]
    runner_up = next((other for other in found if other.matched and not other.pairs_like(best)), None)
    _refuse_unless_clear(best, runner_up)
    return _as_alignment(best, runner_up, edited)


def _hypotheses(raw: MidiContent, edited: MidiContent, edited_tempo: float | None) -> list[Hypothesis]:
    """Return the tempo that was given, else that the DAW kept the seconds, or the beats, of the notes."""
    beats = edited.notes["tick"] / edited.ppq
    end_beat = float(edited.tempo.beats_at(np.array(edited.end_s)))
    raw_tick_s = raw.tempo.us_per_beat.max() / 1e6 / raw.ppq

    def make(name: str, times_s: np.ndarray, end_s: float, us_per_beat: float) -> Hypothesis:
        tick_s = us_per_beat / 1e6 / edited.ppq
        return Hypothesis(name, times_s, end_s, max(tick_s, raw_tick_s), (tick_s + raw_tick_s) / 2 + ROUNDING_S)

    if edited_tempo is not None:
        beat_s = 60 / edited_tempo
        return [make("tempo given", beats * beat_s, end_beat * beat_s, 1e6 * beat_s)]
    seconds_kept = make("seconds kept", edited.notes["time_s"], edited.end_s, edited.tempo.us_per_beat.max())
    raw_s, us_per_beat = raw.tempo.seconds(beats), raw.tempo.us_per_beat.max()
    if np.array_equal(raw_s, edited.notes["time_s"]):
        return [seconds_kept]
    return [seconds_kept, make("beats kept", raw_s, float(raw.tempo.seconds(np.array(end_beat))), us_per_beat)]


def _offsets(raw_s: np.ndarray, edited_s: np.ndarray, hypothesis: Hypothesis) -> list[float]:
    """Return 0, then the peaks of the histogram of differences in seconds, each by its densest spot and its median."""
    probes = edited_s[:: max(1, -(-len(edited_s) * len(raw_s) // MAX_DIFFERENCES))]
    differences = (raw_s[:, None] - probes[None, :]).ravel()
    offsets = [0.0]
    for peak in _peaks(differences, hypothesis.tolerance_s):
        near = np.sort(differences[np.abs(differences - peak) <= hypothesis.tolerance_s])
        ends = np.searchsorted(near, near + 2 * hypothesis.exact_s, "right")
        start = int(np.argmax(ends - np.arange(len(near))))
        offsets += [float((near[start] + near[ends[start] - 1]) / 2), float(np.median(near))]
    return list(dict.fromkeys(offsets))


def _peaks(differences: np.ndarray, width_s: float) -> list[float]:
    """Return the centres of the fullest bins of width `width_s`, which overlap by half; at least two widths apart."""
    half_bins, counts = np.unique(np.floor(2 * differences / width_s), return_counts=True)
    following = np.zeros_like(counts)
    adjacent = np.flatnonzero(np.diff(half_bins) == 1)
    following[adjacent] = counts[adjacent + 1]
    fullness, peaks = counts + following, list[float]()
    enough = PEAK_SHARE * np.max(fullness)
    while len(peaks) < MAX_PEAKS and np.max(fullness) >= enough:
        k = int(np.argmax(fullness))
        peaks.append((half_bins[k] + 1) * width_s / 2)
        fullness[np.abs(half_bins - half_bins[k]) < 4] = 0
    return peaks


class _Scorer:
    """Scores explanations by the log-likelihood ratio of the edited notes against notes strewn at random.

    A matched note lies within the exact width or within the tolerance of a raw note, with its velocity or any other.
    Notes strewn at random lie within a width w of raw notes of density d with probability w * d, and have the velocity
    by chance. Each share (matched, exact, of the same velocity) is taken at its most likely value.
    """

    def __init__(self, raw_notes: np.ndarray, velocities: np.ndarray, range_s: tuple[float, float]) -> None:
        self.raw_s, self.raw_velocities = raw_notes["time_s"], raw_notes["velocity"]
        self.velocities, self.range_s = velocities, range_s
        self.density = len(self.raw_s) / max(1.0, float(np.ptp(self.raw_s)))
        counts = np.unique(self.raw_velocities, return_counts=True)[1].astype(float)
        self.n_velocities = np.sum(counts) ** 2 / np.sum(counts**2)  # effective number of different ones

    def explain(self, hypothesis: Hypothesis, times_s: np.ndarray, offset_s: float) -> Explanation:
        """Return the explanation of the edited times by a hypothesis and an offset, with its log-likelihood."""
        at = times_s + offset_s
        inside = (self.range_s[0] <= at) & (at <= self.range_s[1])
        nearest, distance = _nearest_once(self.raw_s, at)
        hit = inside & (distance <= hypothesis.tolerance_s)
        considered, matched = int(np.count_nonzero(inside)), int(np.count_nonzero(hit))
        exact = int(np.count_nonzero(distance[hit] <= hypothesis.exact_s))
        same_velocity = int(np.count_nonzero(self.velocities[hit] == self.raw_velocities[nearest[hit]]))
        log_likelihood = (
            _tally(matched, considered)
            + _tally(exact, matched)
            - exact * log(2 * hypothesis.exact_s * self.density)
            - (matched - exact) * log(2 * hypothesis.tolerance_s * self.density)
            + _tally(same_velocity, matched)
            + same_velocity * log(self.n_velocities)
            + UNSHIFTED_LOG_PRIOR * (abs(offset_s) <= hypothesis.exact_s)
        )
        return Explanation(hypothesis, offset_s, log_likelihood, considered, np.where(hit, nearest, -1))


def _nearest_once(raw_s: np.ndarray, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the nearest raw note of each time, and its distance in seconds.

    Of the times nearest to one note, only the closest one has its distance; the others have infinity.
    """
    edges = np.concatenate(([-np.inf], raw_s, [np.inf]))
    right = np.searchsorted(edges[1:-1], at) + 1
    is_left = at - edges[right - 1] <= edges[right] - at
    nearest = np.where(is_left, right - 2, right - 1)
    distance = np.abs(raw_s[nearest] - at)
    by_distance = np.argsort(distance, kind="stable")
    closest = by_distance[np.unique(nearest[by_distance], return_index=True)[1]]
    once = np.full(len(at), np.inf)
    once[closest] = distance[closest]
    return nearest, once


def _tally(count: int, total: int) -> float:
    """Return the log-likelihood of `count` successes in `total` at the share that makes them most likely."""
    return sum(part * log(part / total) for part in (count, total - count) if part)


def _refuse_unless_clear(best: Explanation, runner_up: Explanation | None) -> None:
    if best.share < MIN_MATCHED_SHARE:
        raise NotEnoughDataError(
            f"too few edited notes lie on notes of the raw file (at best: {best}), probably because the DAW changed the"
            " tempo or the file belongs to another song; give the tempo of the DAW project with --edited-tempo,"
            " the shift with --edited-offset, or the edited part with --range"
        )
    if runner_up and best.log_likelihood - runner_up.log_likelihood < DECISIVE_LOG_ODDS:
        raise NotEnoughDataError(
            f"the edited notes fit the raw file in two ways about equally well ({best}; {runner_up}), as repeated bars"
            " do; decide with --edited-offset (0 if nothing was shifted), --edited-tempo or --range"
        )


def _as_alignment(best: Explanation, runner_up: Explanation | None, edited: MidiContent) -> Alignment:
    hypothesis = best.hypothesis
    return Alignment(
        hypothesis=hypothesis.name,
        offset_s=best.offset_s,
        scale=hypothesis.end_s / edited.end_s if edited.end_s > 0 else 1.0,
        tolerance_s=hypothesis.tolerance_s,
        exact_s=hypothesis.exact_s,
        times_s=hypothesis.times_s + best.offset_s,
        start_s=best.offset_s,
        end_s=hypothesis.end_s + best.offset_s,
        runner_up=str(runner_up) if runner_up else "",
    )
