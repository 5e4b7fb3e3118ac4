"""What the user's edits say about each candidate: kept, removed, or nothing.

Times in seconds on the raw file's line, increasing. A wrong label teaches the model a wrong taste, a missing one
teaches nothing: where the edited file leaves open what happened to a hit, the hit stays unlabelled.
"""

from dataclasses import dataclass, replace

import numpy as np

from drumhits.drums import DRUM_NOTES, REJECTED_VELOCITY
from drumhits.errors import NotEnoughDataError
from drumhits.io.midi import MidiContent
from drumhits.learning import coverage
from drumhits.learning.alignment import TOLERANCE_S, Alignment, align
from drumhits.matching import match_times

UNLABELLED, REMOVED, KEPT = -1, 0, 1
CANDIDATE_SLACK_S = 0.002
OWN_SHARE = 0.9  # of the notes with other drums' numbers: so many raw notes among them, and they were re-noted

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
    labels : np.ndarray of int8, shape=(n_candidates,), KEPT, REMOVED or UNLABELLED
    pairs : np.ndarray of PAIR_DTYPE, by time: each raw note and each added one ('missed' where no candidate lies)
    alignment : Alignment, or None where the edited file holds no note
    matched : int, edited notes on a raw note
    kept, removed, renoted : int, raw notes; a re-noted one is also kept
    added_with_candidate, added_without_candidate : int, edited notes off the raw file's notes
    unlabelled : int, candidates without a label
    without_candidate : int, raw notes where the detector finds no candidate now: audio or settings changed
    """

    labels: np.ndarray
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


def label(
    raw: MidiContent,
    edited: MidiContent,
    *,
    candidate_times_s,
    timing_offset_s=0.0,
    note_group=None,
    edited_tempo=None,
    edited_offset=None,
    range_s=None,
) -> Labels:
    """Label candidates by what became of the raw file's notes in the edited one.

    Without any note in the edited file, all of the raw file's notes are removed.

    Parameters
    ----------
    raw, edited : MidiContent
    candidate_times_s : np.ndarray, shape=(n_candidates,), seconds from the start of the audio, increasing
    timing_offset_s : float, by which the raw file's notes are later than their candidates
    note_group : frozenset of int, optional, the stem's note numbers; in a whole kit's file the others are left out
    edited_tempo, edited_offset : float, optional, see `align`
    range_s : (float, float), optional, part of the raw file, in seconds, that the edits cover; labels only there

    Returns
    -------
    Labels

    Raises
    ------
    NotEnoughDataError
        The raw file holds no notes but the edited one does, or the files cannot be aligned with certainty.
    """
    candidate_s = np.asarray(candidate_times_s, float) + timing_offset_s
    candidate = _candidates_of(raw, np.maximum(candidate_s, 0.0))
    options = {"edited_tempo": edited_tempo, "edited_offset": edited_offset, "range_s": range_s}
    notes, alignment = _aligned(raw, edited, note_group, options)
    edited_s = alignment.times_s if alignment else np.zeros(0)
    tolerance_s = alignment.tolerance_s if alignment else TOLERANCE_S
    pairs = match_times(raw.notes["time_s"], edited_s, tolerance_s)
    partner = np.full(len(raw.notes), -1)
    partner[pairs[:, 0]] = pairs[:, 1]
    is_known = _inside(raw.notes["time_s"], range_s)
    if alignment:
        is_known &= ~coverage.ambiguous(raw.notes, notes, partner, alignment)
        if range_s is None:
            is_known &= coverage.in_exported_range(raw.notes, partner, edited, alignment)
    decided = _decide(raw.notes, notes, partner, is_known)

    added = _added(raw.notes["time_s"], notes, partner, alignment, range_s)
    added_candidate = _free_candidates_at(edited_s[added], candidate_s, candidate, tolerance_s)
    labels = np.full(len(candidate_s), UNLABELLED, np.int8)
    labels[candidate[candidate >= 0]] = LABEL_OF_DECISION[decided[candidate >= 0]]
    labels[added_candidate[added_candidate >= 0]] = KEPT
    return Labels(
        labels=labels,
        pairs=_rows(raw.notes, notes, edited_s, partner, decided, added, added_candidate),
        alignment=alignment,
        matched=len(pairs),
        kept=int(np.count_nonzero(decided <= IS_RENOTED)),
        removed=int(np.count_nonzero(decided == IS_REMOVED)),
        renoted=int(np.count_nonzero(decided == IS_RENOTED)),
        added_with_candidate=int(np.count_nonzero(added_candidate >= 0)),
        added_without_candidate=int(np.count_nonzero(added_candidate < 0)),
        unlabelled=int(np.count_nonzero(labels == UNLABELLED)),
        without_candidate=int(np.count_nonzero(candidate < 0)),
    )


def _aligned(raw, edited, note_group, options):
    """The edited notes that belong to the stem, and how they lie on the raw file's line (None if none)."""
    if not len(edited.notes):
        return edited.notes, None
    if not len(raw.notes):
        raise NotEnoughDataError(
            "the raw file holds no notes but the edited one does, so there is nothing to compare;"
            " make the raw file anew with --keep-all"
        )
    others = sorted(DRUM_NOTES - note_group) if note_group is not None else []
    is_other = np.isin(edited.notes["number"], others)
    evidence = ~is_other if not is_other.all() else is_other
    alignment = align(raw, edited, evidence=evidence, **options)
    if not is_other.any() or _are_raw_notes(raw.notes, edited.notes[is_other], alignment, is_other):
        return edited.notes, alignment
    if is_other.all():
        raise NotEnoughDataError(
            "the edited file holds only notes of other drums, which are no notes of the raw file either;"
            " export the track of this stem"
        )
    return edited.notes[~is_other], replace(alignment, times_s=alignment.times_s[~is_other])


def _are_raw_notes(raw_notes, notes, alignment, selected):
    """Whether notes with other drums' numbers are this stem's, re-noted: times and velocities are unchanged."""
    pairs = match_times(raw_notes["time_s"], alignment.times_s[selected], alignment.exact_s)
    same_velocity = raw_notes["velocity"][pairs[:, 0]] == notes["velocity"][pairs[:, 1]]
    return np.count_nonzero(same_velocity) >= OWN_SHARE * len(notes)


def _inside(times_s, range_s):
    low, high = range_s if range_s is not None else (-np.inf, np.inf)
    return (low <= times_s) & (times_s <= high)


def _candidates_of(raw, candidate_s):
    """Index of each raw note's candidate, -1 without."""
    tick_s = raw.tempo.us_per_beat.max() / 1e6 / raw.ppq
    pairs = match_times(raw.notes["time_s"], candidate_s, CANDIDATE_SLACK_S + tick_s)
    candidate = np.full(len(raw.notes), -1)
    candidate[pairs[:, 0]] = pairs[:, 1]
    return candidate


def _decide(raw_notes, notes, partner, is_known):
    is_present = partner >= 0
    decided = np.full(len(raw_notes), IS_REMOVED)
    kept_as = notes[partner[is_present]]
    is_renoted = kept_as["number"] != raw_notes["number"][is_present]
    decided[is_present] = np.where(is_renoted, IS_RENOTED, IS_KEPT)
    decided[np.flatnonzero(is_present)[kept_as["velocity"] <= REJECTED_VELOCITY]] = IS_REMOVED
    decided[~is_known] = IS_UNLABELLED
    return decided


def _added(raw_s, notes, partner, alignment, range_s):
    """Indices of the edited notes that are new hits."""
    if alignment is None:
        return np.zeros(0, int)
    is_new = ~coverage.doublings(raw_s, partner, alignment) & (notes["velocity"] > REJECTED_VELOCITY)
    is_new[partner[partner >= 0]] = False
    return np.flatnonzero(is_new & _inside(alignment.times_s, range_s))


def _free_candidates_at(times_s, candidate_s, candidate, tolerance_s):
    """Candidate at each time that is no raw note's, -1 without."""
    free = np.setdiff1d(np.arange(len(candidate_s)), candidate)
    pairs = match_times(times_s, candidate_s[free], tolerance_s)
    found = np.full(len(times_s), -1)
    found[pairs[:, 0]] = free[pairs[:, 1]]
    return found


def _rows(raw_notes, notes, edited_s, partner, decided, added, added_candidate):
    rows = np.zeros(len(raw_notes) + len(added), PAIR_DTYPE)
    of_raw, of_added = rows[: len(raw_notes)], rows[len(raw_notes) :]
    of_raw["raw_s"], of_raw["note"] = raw_notes["time_s"], raw_notes["number"]
    of_raw["edited_s"] = np.append(edited_s, np.nan)[partner]
    of_raw["edited_note"] = np.append(notes["number"], -1)[partner]
    of_raw["decision"] = DECISIONS[decided]
    of_added["raw_s"], of_added["note"] = np.nan, -1
    of_added["edited_s"], of_added["edited_note"] = edited_s[added], notes["number"][added]
    of_added["decision"] = DECISIONS[np.where(added_candidate >= 0, IS_ADDED, IS_MISSED)]
    return rows[np.argsort(np.where(np.isnan(rows["raw_s"]), rows["edited_s"], rows["raw_s"]), kind="stable")]
