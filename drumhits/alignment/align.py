"""Raw and edited MIDI -> the edited notes' times on the raw file's time line.

Times in seconds, increasing. DAWs keep either the seconds or the beats of a note; both are tried, with every offset at
which many differences between raw and edited times agree. A file that was not shifted has the higher prior probability.
"""

from dataclasses import dataclass
from math import log

import numpy as np
import numpy.typing as npt

from drumhits.alignment.explanations import UNSHIFTED_LOG_PRIOR, Explanation, KnownNotes, Scorer
from drumhits.alignment.search import hypotheses, offsets
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
        Part of the raw file, in seconds, where the notes of both count.

    Raises
    ------
    NotEnoughDataError
        Two explanations are about as good; or none of the three options is given, and too few raw notes are found
        again, or not exactly enough, to tell that the files belong together.
    """
    used = np.arange(len(edited.notes)) if evidence is None else np.flatnonzero(evidence)
    one_per_tick = used[np.unique(edited.notes["tick"][used], return_index=True)[1]]
    known = KnownNotes.of(raw)
    scorer = Scorer(known, edited.notes["velocity"][one_per_tick], range_s or (-np.inf, np.inf))
    found = list[Explanation]()
    for hypothesis in hypotheses(known, edited, edited_tempo):
        times_s = hypothesis.times_s[one_per_tick]
        tried = offsets(known.times_s, times_s, hypothesis) if edited_offset is None else [edited_offset]
        found += [scorer.explain(hypothesis, times_s, offset_s) for offset_s in tried]
    found.sort(key=lambda explanation: -explanation.log_likelihood)
    best = found[0]
    runner_up = next((other for other in found if other.matched and not other.pairs_like(best)), None)
    is_given = any(option is not None for option in (edited_tempo, edited_offset, range_s))
    doubt = "" if belongs_together(best) else _too_few(best)
    if doubt and not (is_given and best.matched):
        raise NotEnoughDataError(doubt)
    _refuse_unless_clear(best, runner_up)
    return _as_alignment(best, runner_up, edited, doubt)


def belongs_together(e: Explanation) -> bool:
    """Return whether an explanation's pairs are no chance.

    Most edited notes are raw notes, or most raw notes are found again, or at least so many to the tick as a shared
    rhythm does not give.
    """
    evidence = e.log_likelihood - (UNSHIFTED_LOG_PRIOR if e.is_unshifted else SEARCH_LOG_ODDS)
    if e.is_unshifted and e.share >= CLEAR_SHARE and evidence >= 0:
        return True
    if evidence < DECISIVE_LOG_ODDS:
        return False
    needed = NEEDED_EXACTNESS + SEARCH_LOG_ODDS * (not e.is_unshifted)
    is_exact = e.exactness >= needed and e.exact >= MIN_EXACT_SHARE * min(e.known, e.considered)
    return is_exact or max(e.share, e.found_share) >= CLEAR_SHARE


def _too_few(best: Explanation) -> str:
    return (
        f"too few notes of the raw file are found again in the edited one to tell where it belongs (at best: {best}),"
        " probably because the DAW changed the tempo or the file is another song's; give the tempo of the DAW project"
        " with --edited-tempo, the shift with --edited-offset (0 if nothing was shifted), or the edited part with"
        " --range"
    )


def _refuse_unless_clear(best: Explanation, runner_up: Explanation | None) -> None:
    if runner_up is None or runner_up.log_likelihood < SEARCH_LOG_ODDS:
        return
    if best.log_likelihood - runner_up.log_likelihood < DECISIVE_LOG_ODDS:
        raise NotEnoughDataError(
            f"the edited notes fit the raw file in two ways about equally well ({best}; {runner_up}), as repeated bars"
            " do; decide with --edited-offset (0 if nothing was shifted), --edited-tempo or --range"
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
