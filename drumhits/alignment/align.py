"""Raw and edited MIDI -> the edited notes' times on the raw file's time line.

Times in seconds, increasing. DAWs keep either the seconds or the beats of a note; both are tried, with every offset at
which many differences between raw and edited times agree. A file that was not shifted has the higher prior probability.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import log

import numpy as np

from drumhits.alignment.explanations import UNSHIFTED_LOG_PRIOR, Explanation, Hypothesis, KnownNotes, Scorer
from drumhits.alignment.search import hypotheses, offsets, tempo_hypotheses
from drumhits.errors import NotEnoughDataError
from drumhits.io.midi import MidiContent

CLEAR_SHARE = 0.8  # of the edited notes, or of the raw ones: from here on the files belong together
MIN_EXACT_SHARE = 0.2  # of the fewer notes of the two files
DECISIVE_LOG_ODDS = log(1e4)
SEARCH_LOG_ODDS = log(1e5)  # what the best of all offsets has by chance
NEEDED_EXACTNESS = log(1e2)


@dataclass(frozen=True)
class Alignment:
    """The most likely explanation.

    Attributes
    ----------
    hypothesis : str
        "seconds kept", "beats kept", "tempo given" or that a tempo was found.
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
    doubt : str
        A sentence where it holds only because the user gave it; else "".
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
    doubt: str = ""


@dataclass(frozen=True)
class Given:
    """What the user says about an edited file; None where nothing.

    Attributes
    ----------
    tempo_bpm : float > 0, optional
        At which the edited file's beats run; decides the hypothesis.
    offset_s : float, optional
        To add to the edited file's times; decides the offset.
    range_s : tuple of float, optional
        Part of the raw file, in seconds, where the notes of both count.
    drum_map : str, optional
        Whose notes it has, one of `drum_maps.DRUM_MAPS`; those of the raw file otherwise.
    """

    tempo_bpm: float | None = None
    offset_s: float | None = None
    range_s: tuple[float, float] | None = None
    drum_map: str | None = None

    def __bool__(self) -> bool:
        return any(value is not None for value in (self.tempo_bpm, self.offset_s, self.range_s))


NOTHING_GIVEN = Given()


def align(raw: MidiContent, edited: MidiContent, given: Given = NOTHING_GIVEN) -> Alignment:
    """Return the edited notes' times on the raw file's time line, by the most likely tempo and offset.

    Parameters
    ----------
    raw, edited : MidiContent
        One note or more each.
    given : Given

    Raises
    ------
    NotEnoughDataError
        Two explanations are about as good; or nothing is given, and too few raw notes are found again, or not exactly
        enough, to tell that the files belong together.
    """
    used = np.ones(len(edited.notes), bool)
    return alignment_by(explanations(KnownNotes.of(raw), edited, used, given), edited, given)


def explanations(known: KnownNotes, edited: MidiContent, used: np.ndarray, given: Given) -> list[Explanation]:
    """Return the explanations of the used notes of a file, the likeliest first.

    Where a file states no tempo and none of the usual ones explains it, tempos are searched.
    """
    indices = np.flatnonzero(used)
    one_per_tick = indices[np.unique(edited.notes["tick"][used], return_index=True)[1]]
    scorer = Scorer(known, edited.notes["velocity"][one_per_tick], given.range_s or (-np.inf, np.inf))

    def by_likelihood(tried: Iterable[Hypothesis]) -> list[Explanation]:
        found = list[Explanation]()
        for hypothesis in tried:
            times_s = hypothesis.times_s[one_per_tick]
            shifts = offsets(known.times_s, times_s, hypothesis) if given.offset_s is None else [given.offset_s]
            found += [scorer.explain(hypothesis, times_s, offset_s) for offset_s in shifts]
        return sorted(found, key=lambda explanation: -explanation.log_likelihood)

    found = by_likelihood(hypotheses(known, edited, given.tempo_bpm))
    if edited.has_tempo or given.tempo_bpm is not None or belongs_together(found[0]):
        return found
    searched = by_likelihood(tempo_hypotheses(known, edited, one_per_tick, given.offset_s))
    return searched if searched and belongs_together(searched[0]) else found


def alignment_by(found: list[Explanation], edited: MidiContent, given: Given) -> Alignment:
    """Return the alignment by the first of several explanations; NotEnoughDataError as `align` raises it."""
    best, runner_up = found[0], rival(found)
    is_doubtful = not belongs_together(best)
    if is_doubtful and not (given and best.matched):
        raise NotEnoughDataError(_too_few(best))
    if not is_clear(best, runner_up):
        raise NotEnoughDataError(
            f"the edited notes fit the raw file in two ways about equally well ({best}; {runner_up}), as repeated bars"
            " do; decide with --edited-offset (0 if nothing was shifted), --edited-tempo or --range"
        )
    return _as_alignment(best, runner_up, edited, _DOUBT.format(best) if is_doubtful else "")


def evidence_of(e: Explanation) -> float:
    """Return the log-likelihood of an explanation beyond its prior, or beyond the best of all offsets by chance."""
    return e.log_likelihood - (UNSHIFTED_LOG_PRIOR if e.is_unshifted else SEARCH_LOG_ODDS)


_DOUBT = "aligned as the options say, although few of its notes lie on the raw file's ({}); see that they are right."


def belongs_together(e: Explanation) -> bool:
    """Return whether an explanation's pairs are no chance.

    Most edited notes are raw notes, or most raw notes are found again, or at least so many to the tick as a shared
    rhythm does not give.
    """
    evidence = evidence_of(e)
    if e.is_unshifted and e.share >= CLEAR_SHARE and evidence >= 0:
        return True
    if evidence < DECISIVE_LOG_ODDS:
        return False
    needed = NEEDED_EXACTNESS + SEARCH_LOG_ODDS * (not e.is_unshifted)
    is_exact = e.exactness >= needed and e.exact >= MIN_EXACT_SHARE * min(e.known, e.considered)
    return is_exact or (not e.hypothesis.is_searched and max(e.share, e.found_share) >= CLEAR_SHARE)


def rival(found: list[Explanation]) -> Explanation | None:
    """Return the likeliest explanation that pairs other notes than the first; None without."""
    return next((other for other in found if other.matched and not other.pairs_like(found[0])), None)


def is_clear(best: Explanation, runner_up: Explanation | None) -> bool:
    """Return whether an explanation is likelier by far than the next one, or that one no likelier than chance."""
    if runner_up is None or runner_up.log_likelihood < SEARCH_LOG_ODDS:
        return True
    return best.log_likelihood - runner_up.log_likelihood >= DECISIVE_LOG_ODDS


def _too_few(best: Explanation) -> str:
    return (
        f"too few notes of the raw file are found again in the edited one to tell where it belongs (at best: {best}),"
        " probably because the DAW changed the tempo or the file is another song's; give the tempo of the DAW project"
        " with --edited-tempo, the shift with --edited-offset (0 if nothing was shifted), or the edited part with"
        " --range"
    )


def _as_alignment(best: Explanation, runner_up: Explanation | None, edited: MidiContent, doubt: str) -> Alignment:
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
        doubt=doubt,
    )
