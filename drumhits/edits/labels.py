"""Raw and edited MIDI -> a label for each candidate: kept, removed, or none.

Times in seconds on the raw file's line, increasing. A wrong label teaches the model a wrong taste, a missing one
teaches nothing: where the edited file leaves open what happened to a hit, the hit stays unlabelled.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from drumhits.alignment.align import NOTHING_GIVEN, Alignment, Given
from drumhits.alignment.explanations import TOLERANCE_S
from drumhits.alignment.parts import AlignedPart, align_part
from drumhits.drums import REJECTED_VELOCITY
from drumhits.edits import coverage
from drumhits.errors import NotEnoughDataError
from drumhits.io.midi import MidiContent
from drumhits.matching import match_times

UNLABELLED, REMOVED, KEPT = -1, 0, 1
CANDIDATE_SLACK_S = 0.002

DECISIONS = np.array(["kept", "re-noted", "removed", "unlabelled", "added", "missed"])
IS_KEPT, IS_RENOTED, IS_REMOVED, IS_UNLABELLED, IS_ADDED, IS_MISSED = range(len(DECISIONS))
LABEL_OF_DECISION = np.array([KEPT, KEPT, REMOVED, UNLABELLED, KEPT, UNLABELLED], np.int8)

PAIR_DTYPE = np.dtype(
    [
        ("raw_s", "f8"),
        ("edited_s", "f8"),
        ("note", "i2"),
        ("edited_note", "i2"),
        ("decision", DECISIONS.dtype),
    ]
)  # NaN or -1 where there is no such note


@dataclass(frozen=True, eq=False)
class Labels:
    """Labels of a song's candidates and how they came about.

    Attributes
    ----------
    labels : np.ndarray, shape (n_candidates,), int8
        KEPT, REMOVED or UNLABELLED.
    offered : np.ndarray, shape (n_candidates,), bool
        Whether the raw file holds a note there.
    pairs : np.ndarray, PAIR_DTYPE
        Each raw note and each added one ("missed" where no candidate lies), by time.
    alignment : Alignment or None
        None where the edited file holds no note.
    matched : int
        Edited notes on a raw note.
    kept, removed, renoted : int
        Raw notes; a re-noted one is also kept.
    added_with_candidate, added_without_candidate : int
        Edited notes off the raw file's notes.
    unlabelled : int
        Candidates without a label.
    without_candidate : int
        Raw notes where the detector finds no candidate now: audio or settings changed.
    warnings : tuple of str
        What the user should know of the edited file.
    """

    labels: np.ndarray
    offered: np.ndarray
    pairs: np.ndarray
    alignment: Alignment | None
    matched: int
    kept: int
    removed: int
    renoted: int
    added_with_candidate: int
    added_without_candidate: int
    unlabelled: int
    without_candidate: int
    warnings: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class _Comparison:
    """The raw notes, the edited notes that belong to the stem, and `partner`: edited note of each raw note, -1 without.

    `alignment` is that of the edited notes, None where there are none.
    """

    raw_notes: np.ndarray
    edited_notes: np.ndarray
    partner: np.ndarray
    alignment: Alignment | None

    @property
    def edited_s(self) -> np.ndarray:
        """Times of the edited notes on the raw file's line."""
        return self.alignment.times_s if self.alignment else np.zeros(0)

    @property
    def tolerance_s(self) -> float:
        """Largest distance of a match."""
        return self.alignment.tolerance_s if self.alignment else TOLERANCE_S


def label(
    raw: MidiContent,
    edited: MidiContent,
    *,
    candidate_times_s: npt.ArrayLike,
    timing_offset_s: float = 0.0,
    note_group: frozenset[int] | None = None,
    keep_all: bool = True,
    given: Given = NOTHING_GIVEN,
    decided: np.ndarray | None = None,
) -> Labels:
    """Return a label for each candidate, by what became of the raw file's notes in the edited one.

    Without any note in the edited file, all of the raw file's notes are removed.

    Parameters
    ----------
    raw, edited : MidiContent
    candidate_times_s : array_like, shape (n_candidates,)
        Seconds from the start of the audio, increasing.
    timing_offset_s : float
        By which the raw file's notes are later than their candidates.
    note_group : frozenset of int, optional
        The stem's note numbers; of a whole kit's or project's file the part that lies on the raw file is read.
    keep_all : bool
        Whether the raw file may hold rejected candidates, at velocity 1: then a note of velocity 1 is rejected in the
        edited file, too.
    given : Given
        What the user says of the edited file; with a range there are labels only in it.
    decided : np.ndarray, shape (n_candidates,), bool, optional
        Which candidates the user decided about, where the edited file says so: the others stay unlabelled.

    Raises
    ------
    NotEnoughDataError
        The raw file holds no notes but the edited one does, or the files cannot be aligned with certainty.
    """
    candidate_s = np.asarray(candidate_times_s, float) + timing_offset_s
    candidate = _candidates_of(raw, np.maximum(candidate_s, 0.0))
    part = _aligned(raw, edited, note_group, given)
    compared = _compared(raw.notes, edited, part)
    rejected_velocity = REJECTED_VELOCITY if keep_all else 0
    is_known = _is_known(compared, edited, given.range_s) if decided is None else np.append(decided, True)[candidate]
    decision = _decide(compared, is_known, rejected_velocity)
    added = _added(compared, given.range_s, rejected_velocity)
    added_candidate = _free_candidates_at(compared.edited_s[added], candidate_s, candidate, compared.tolerance_s)
    labels = np.full(len(candidate_s), UNLABELLED, np.int8)
    labels[candidate[candidate >= 0]] = LABEL_OF_DECISION[decision[candidate >= 0]]
    labels[added_candidate[added_candidate >= 0]] = KEPT
    offered = np.zeros(len(candidate_s), dtype=bool)
    offered[candidate[candidate >= 0]] = True
    return Labels(
        labels=labels,
        offered=offered,
        pairs=_rows(compared, decision, added, added_candidate),
        alignment=compared.alignment,
        matched=int(np.count_nonzero(compared.partner >= 0)),
        kept=int(np.count_nonzero(decision <= IS_RENOTED)),
        removed=int(np.count_nonzero(decision == IS_REMOVED)),
        renoted=int(np.count_nonzero(decision == IS_RENOTED)),
        added_with_candidate=int(np.count_nonzero(added_candidate >= 0)),
        added_without_candidate=int(np.count_nonzero(added_candidate < 0)),
        unlabelled=int(np.count_nonzero(labels == UNLABELLED)),
        without_candidate=int(np.count_nonzero(candidate < 0)),
        warnings=part.warnings if part else (),
    )


def _aligned(
    raw: MidiContent, edited: MidiContent, note_group: frozenset[int] | None, given: Given
) -> AlignedPart | None:
    """Return the edited notes that belong to the stem, aligned with the raw file; None without notes."""
    if not len(edited.notes):
        return None
    if not len(raw.notes):
        raise NotEnoughDataError(
            "the raw file holds no notes but the edited one does, so there is nothing to compare;"
            " make the raw file anew with --keep-all"
        )
    return align_part(raw, edited, note_group, given)


def _compared(raw_notes: np.ndarray, edited: MidiContent, part: AlignedPart | None) -> _Comparison:
    if part is None:
        return _Comparison(raw_notes, edited.notes, np.full(len(raw_notes), -1), None)
    partner = _index_of_match(raw_notes["time_s"], part.alignment.times_s, part.alignment.tolerance_s)
    return _Comparison(raw_notes, part.notes, partner, part.alignment)


def _is_known(compared: _Comparison, edited: MidiContent, range_s: tuple[float, float] | None) -> np.ndarray:
    """Return which raw notes were certainly kept or certainly removed, by the edited file."""
    is_known = _inside(compared.raw_notes["time_s"], range_s)
    if (alignment := compared.alignment) is None:
        return is_known
    is_known &= ~coverage.ambiguous(compared.raw_notes, compared.edited_notes, compared.partner, alignment)
    if range_s is None:
        is_known &= coverage.in_exported_range(compared.raw_notes, compared.partner, edited, alignment)
    return is_known


def _inside(times_s: np.ndarray, range_s: tuple[float, float] | None) -> np.ndarray:
    """Return which times lie in the range; all without one."""
    low, high = range_s if range_s is not None else (-np.inf, np.inf)
    return np.logical_and(low <= times_s, times_s <= high)


def _candidates_of(raw: MidiContent, candidate_s: np.ndarray) -> np.ndarray:
    """Return the index of each raw note's candidate, -1 without."""
    tick_s = raw.tempo.us_per_beat.max() / 1e6 / raw.ppq
    return _index_of_match(raw.notes["time_s"], candidate_s, CANDIDATE_SLACK_S + tick_s)


def _index_of_match(times_s: np.ndarray, others_s: np.ndarray, tolerance_s: float) -> np.ndarray:
    """Return the index of the match of each time among the others, -1 without."""
    pairs = match_times(times_s, others_s, tolerance_s)
    index = np.full(len(times_s), -1)
    index[pairs[:, 0]] = pairs[:, 1]
    return index


def _decide(compared: _Comparison, is_known: np.ndarray, rejected_velocity: int) -> np.ndarray:
    """Return what became of each raw note, as indices into DECISIONS."""
    is_present = compared.partner >= 0
    kept_as = compared.edited_notes[compared.partner[is_present]]
    is_renoted = kept_as["number"] != compared.raw_notes["number"][is_present]
    decision = np.full(len(compared.raw_notes), IS_REMOVED)
    decision[is_present] = np.where(is_renoted, IS_RENOTED, IS_KEPT)
    decision[np.flatnonzero(is_present)[kept_as["velocity"] <= rejected_velocity]] = IS_REMOVED
    decision[~is_known] = IS_UNLABELLED
    return decision


def _added(compared: _Comparison, range_s: tuple[float, float] | None, rejected_velocity: int) -> np.ndarray:
    """Return the indices of the edited notes that are new hits."""
    if (alignment := compared.alignment) is None:
        return np.zeros(0, int)
    is_new = ~coverage.doublings(compared.raw_notes["time_s"], compared.partner, alignment)
    is_new &= compared.edited_notes["velocity"] > rejected_velocity
    is_new[compared.partner[compared.partner >= 0]] = False
    return np.flatnonzero(is_new & _inside(alignment.times_s, range_s))


def _free_candidates_at(
    times_s: np.ndarray, candidate_s: np.ndarray, candidate: np.ndarray, tolerance_s: float
) -> np.ndarray:
    """Return the candidate at each time that is no raw note's, -1 without."""
    free = np.setdiff1d(np.arange(len(candidate_s)), candidate)
    found = _index_of_match(times_s, candidate_s[free], tolerance_s)
    return np.append(free, -1).take(found)


def _rows(compared: _Comparison, decision: np.ndarray, added: np.ndarray, added_candidate: np.ndarray) -> np.ndarray:
    """Return a row of PAIR_DTYPE for each raw note and each added one, by time."""
    raw_notes, notes, edited_s = compared.raw_notes, compared.edited_notes, compared.edited_s
    rows = np.zeros(len(raw_notes) + len(added), PAIR_DTYPE)
    of_raw, of_added = rows[: len(raw_notes)], rows[len(raw_notes) :]
    of_raw["raw_s"], of_raw["note"] = raw_notes["time_s"], raw_notes["number"]
    of_raw["edited_s"] = np.append(edited_s, np.nan)[compared.partner]
    of_raw["edited_note"] = np.append(notes["number"], -1)[compared.partner]
    of_raw["decision"] = DECISIONS[decision]
    of_added["raw_s"], of_added["note"] = np.nan, -1
    of_added["edited_s"], of_added["edited_note"] = edited_s[added], notes["number"][added]
    of_added["decision"] = DECISIONS[np.where(added_candidate >= 0, IS_ADDED, IS_MISSED)]
    time_s = np.where(np.isnan(rows["raw_s"]), rows["edited_s"], rows["raw_s"])
    return rows.take(np.argsort(time_s, kind="stable"))
