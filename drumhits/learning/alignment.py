"""How an edited MIDI file lies on the raw file's time line.

Times in seconds, increasing. An *explanation* is a tempo hypothesis with an offset: raw time = edited time under the
hypothesis + offset. DAWs keep either the seconds or the beats of a note; both are tried, with every offset at which
many differences between raw and edited times agree. Explanations are compared by the likelihood of what they say about
the edited notes: how many lie on a raw note, how many to within tick rounding (human timing makes the true offset
exact, a wrong bar is some milliseconds off), and how many have that note's velocity. Beforehand, the unshifted file is
the likelier one.
"""

from dataclasses import dataclass, field
from math import log

import numpy as np

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
    """The explanation that won.

    Attributes
    ----------
    hypothesis : 'seconds kept', 'beats kept' or 'tempo given'
    offset_s : float, raw time = edited time under the hypothesis + offset_s
    scale : float, seconds on the raw file's line per second as the edited file states it
    matched : int, edited notes on a raw note
    matched_share : float, of the edited notes, 0..1
    tolerance_s : float, largest distance of a match
    exact_s : float, distance that tick rounding alone explains
    times_s : np.ndarray, shape=(n_edited,), the edited notes on the raw file's line
    start_s, end_s : float, the edited file's first tick and end of track on that line
    runner_up : str, the next explanation in words, empty where there is none
    """

    hypothesis: str
    offset_s: float
    scale: float
    matched: int
    matched_share: float
    tolerance_s: float
    exact_s: float
    times_s: np.ndarray
    start_s: float
    end_s: float
    runner_up: str


@dataclass(frozen=True)
class Hypothesis:
    """Where the edited notes lie before any offset; `tick_s` is the coarser file's tick."""

    name: str
    times_s: np.ndarray
    end_s: float
    tick_s: float
    exact_s: float

    @property
    def tolerance_s(self):
        return max(TOLERANCE_S, self.tick_s)


@dataclass(frozen=True)
class Explanation:
    """A hypothesis with an offset, what it matches, and how likely it makes the edited file."""

    hypothesis: Hypothesis
    offset_s: float
    log_likelihood: float
    considered: int
    partners: np.ndarray = field(repr=False)  # raw note of each edited note, -1 without

    @property
    def matched(self):
        return int(np.count_nonzero(self.partners >= 0))

    @property
    def share(self):
        return self.matched / max(1, self.considered)

    def pairs_like(self, other):
        both = (self.partners >= 0) & (self.partners == other.partners)
        return np.count_nonzero(both) >= SAME_PAIRS_SHARE * max(1, min(self.matched, other.matched))

    def __str__(self):
        return (
            f"{self.hypothesis.name}, offset {self.offset_s:+.3f} s, "
            f"{self.matched} of {self.considered} notes matched"
        )


def align(
    raw: MidiContent,
    edited: MidiContent,
    *,
    evidence=None,
    edited_tempo=None,
    edited_offset=None,
    range_s=None,
) -> Alignment:
    """Find how the edited file lies on the raw file's time line.

    Parameters
    ----------
    raw, edited : MidiContent, at least one note each
    evidence : np.ndarray of bool, shape=(n_edited,), optional, the edited notes to go by, at least one; default: all
    edited_tempo : float > 0, optional, BPM at which the edited file's beats run; decides the hypothesis
    edited_offset : float, optional, seconds to add to the edited file's times; decides the offset
    range_s : (float, float), optional, part of the raw file, in seconds, where the edited notes count

    Returns
    -------
    Alignment

    Raises
    ------
    NotEnoughDataError
        Fewer than 80 % of the edited notes lie on raw notes, or two explanations are about as good.
    """
    evidence = np.arange(len(edited.notes)) if evidence is None else np.flatnonzero(evidence)
    one_per_tick = evidence[np.unique(edited.notes["tick"][evidence], return_index=True)[1]]
    scorer = _Scorer(raw.notes, edited.notes["velocity"][one_per_tick], range_s or (-np.inf, np.inf))
    found = []
    for hypothesis in _hypotheses(raw, edited, edited_tempo):
        times_s, offsets = hypothesis.times_s[one_per_tick], [edited_offset]
        if edited_offset is None:
            offsets = _offsets(raw.notes["time_s"], times_s, hypothesis)
        found += [scorer.explain(hypothesis, times_s, offset_s) for offset_s in offsets]
    found.sort(key=lambda explanation: -explanation.log_likelihood)
    best = found[0]
    runner_up = next((x for x in found if x.matched and not x.pairs_like(best)), None)
    _refuse_unless_clear(best, runner_up)
    return _as_alignment(best, runner_up, edited)


def _hypotheses(raw, edited, edited_tempo):
    beats = edited.notes["tick"] / edited.ppq
    end_beat = edited.tempo.beats_at(edited.end_s)
    raw_tick_s = raw.tempo.us_per_beat.max() / 1e6 / raw.ppq

    def make(name, times_s, end_s, us_per_beat):
        tick_s = us_per_beat / 1e6 / edited.ppq
        return Hypothesis(
            name, times_s, float(end_s), max(tick_s, raw_tick_s), (tick_s + raw_tick_s) / 2 + ROUNDING_S
        )

    if edited_tempo is not None:
        beat_s = 60 / edited_tempo
        return [make("tempo given", beats * beat_s, end_beat * beat_s, 1e6 * beat_s)]
    seconds_kept = make("seconds kept", edited.notes["time_s"], edited.end_s, edited.tempo.us_per_beat.max())
    raw_s, us_per_beat = raw.tempo.seconds(beats), raw.tempo.us_per_beat.max()
    if np.array_equal(raw_s, edited.notes["time_s"]):
        return [seconds_kept]
    return [
        seconds_kept,
        make("beats kept", raw_s, raw.tempo.seconds(end_beat), us_per_beat),
    ]


def _offsets(raw_s, edited_s, hypothesis):
    """No offset, then the peaks of the histogram of differences, each by its densest spot and its median."""
    probes = edited_s[:: max(1, -(-len(edited_s) * len(raw_s) // MAX_DIFFERENCES))]
    differences = (raw_s[:, None] - probes[None, :]).ravel()
    offsets = [0.0]
    for peak in _peaks(differences, hypothesis.tolerance_s):
        near = np.sort(differences[np.abs(differences - peak) <= hypothesis.tolerance_s])
        ends = np.searchsorted(near, near + 2 * hypothesis.exact_s, "right")
        start = int(np.argmax(ends - np.arange(len(near))))
        offsets += [float((near[start] + near[ends[start] - 1]) / 2), float(np.median(near))]
    return list(dict.fromkeys(offsets))


def _peaks(differences, width_s):
    """Centres of the fullest bins of width `width_s`, which overlap by half; at least two widths apart."""
    half_bins, counts = np.unique(np.floor(2 * differences / width_s), return_counts=True)
    following = np.zeros_like(counts)
    adjacent = np.flatnonzero(np.diff(half_bins) == 1)
    following[adjacent] = counts[adjacent + 1]
    fullness, peaks = counts + following, []
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

    def __init__(self, raw_notes, velocities, range_s):
        self.raw_s, self.raw_velocities = raw_notes["time_s"], raw_notes["velocity"]
        self.velocities, self.range_s = velocities, range_s
        self.density = len(self.raw_s) / max(1.0, float(np.ptp(self.raw_s)))
        counts = np.unique(self.raw_velocities, return_counts=True)[1].astype(float)
        self.n_velocities = np.sum(counts) ** 2 / np.sum(counts**2)  # effective number of different ones

    def explain(self, hypothesis, times_s, offset_s):
        at = times_s + offset_s
        inside = (self.range_s[0] <= at) & (at <= self.range_s[1])
        nearest, distance = _nearest_once(self.raw_s, at)
        hit = inside & (distance <= hypothesis.tolerance_s)
        considered, matched = np.count_nonzero(inside), np.count_nonzero(hit)
        exact = np.count_nonzero(distance[hit] <= hypothesis.exact_s)
        same_velocity = np.count_nonzero(self.velocities[hit] == self.raw_velocities[nearest[hit]])
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


def _nearest_once(raw_s, at):
    """Nearest raw note and its distance; of the times nearest to one note only the closest has it, the others inf."""
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


def _tally(count, total):
    """Log-likelihood of `count` successes in `total` at the share that makes them most likely."""
    return sum(part * log(part / total) for part in (count, total - count) if part)


def _refuse_unless_clear(best, runner_up):
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


def _as_alignment(best, runner_up, edited):
    hypothesis = best.hypothesis
    return Alignment(
        hypothesis=hypothesis.name,
        offset_s=best.offset_s,
        scale=hypothesis.end_s / edited.end_s if edited.end_s > 0 else 1.0,
        matched=best.matched,
        matched_share=best.share,
        tolerance_s=hypothesis.tolerance_s,
        exact_s=hypothesis.exact_s,
        times_s=hypothesis.times_s + best.offset_s,
        start_s=best.offset_s,
        end_s=hypothesis.end_s + best.offset_s,
        runner_up=str(runner_up) if runner_up else "",
    )
