"""Raw notes -> those inside the exported range of the edited file, and those whose fate it leaves open.

A file that holds only a range of the song is no evidence about notes outside it. Where the file starts and ends follows
from its first tick and its end of track; many DAWs put the end of track at the last note, and then a song cut short and
a song whose last hits were deleted look alike. The absent notes at the edges count as deleted only if runs of as many
are ordinary inside the file.
"""

import numpy as np

from drumhits.alignment.align import Alignment
from drumhits.io.midi import MidiContent

MOVED_S = 0.12  # an edited note this near may be a moved hit: half a sixteenth note at 62 BPM
EXACT_SHARE = 0.8  # of the matches, above chance: below it the file may be quantised, exactness luck
SAME_VELOCITY_SHARE = 0.8  # of the matches: from here on velocities were not edited throughout
MIN_CROP_NOTES, MIN_CROP_S = 8, 4.0  # a lone fill in a long stem is no crop
UNLIKELY_RUN = 0.002  # probability below which absent notes at the edges are no deletions
AUDIBLE_VELOCITY = 2  # deleting rejected notes wholesale is no sign of a crop


def in_exported_range(
    raw_notes: np.ndarray, partner: np.ndarray, edited: MidiContent, alignment: Alignment
) -> np.ndarray:
    """Return which raw notes lie inside the range of the song that the edited file covers.

    Parameters
    ----------
    raw_notes : np.ndarray, shape (n_raw,), NOTE_DTYPE
    partner : np.ndarray, shape (n_raw,), int
        Edited note of each raw note, -1 without; one raw note or more has one.
    edited : MidiContent
        One note or more.
    alignment : Alignment
        Of the notes of `edited`.

    Returns
    -------
    np.ndarray, shape (n_raw,), bool
    """
    raw_s, present = raw_notes["time_s"], partner >= 0
    starts_whole = alignment.start_s <= alignment.exact_s
    inside: np.ndarray = present | starts_whole | (raw_s > alignment.start_s + alignment.exact_s)
    start_is_cut = not inside.all()
    if _end_is_stated(edited):
        inside &= present | (raw_s < alignment.end_s - alignment.exact_s)
        if inside.all():
            return inside
    first, last = np.flatnonzero(present)[[0, -1]]
    place = np.arange(len(raw_s))
    before, after = place < first, place > last
    after &= not _end_is_stated(edited)
    if start_is_cut:
        inside[after] = False
        return inside
    is_audible = raw_notes["velocity"] >= AUDIBLE_VELOCITY
    absent = np.count_nonzero((before | after) & inside & is_audible)
    if absent > _longest_deletion(raw_s, present, is_audible, first, last):
        inside[before | after] = False
    return inside


def _end_is_stated(edited: MidiContent) -> bool:
    """Return whether the end of track lies beyond the last note's end."""
    tick_s = edited.tempo.us_per_beat.max() / 1e6 / edited.ppq
    return bool(edited.end_s > np.max(edited.notes["time_s"] + edited.notes["duration_s"]) + 1.5 * tick_s)


def _longest_deletion(raw_s: np.ndarray, present: np.ndarray, is_audible: np.ndarray, first: int, last: int) -> int:
    """Return the longest run of absent audible notes that is likely by those between the first and last present one."""
    between = present[first : last + 1][is_audible[first : last + 1]]
    if np.count_nonzero(present) < MIN_CROP_NOTES or raw_s[last] - raw_s[first] < MIN_CROP_S:
        return len(raw_s)
    kept_at = np.flatnonzero(np.concatenate(([True], between, [True])))
    longest = int(np.max(np.diff(kept_at))) - 1
    deleted_share = (np.count_nonzero(~between) + 1) / (len(between) + 2)
    return max(longest, int(np.log(UNLIKELY_RUN) / np.log(deleted_share)))


def ambiguous(
    raw_notes: np.ndarray, edited_notes: np.ndarray, partner: np.ndarray, alignment: Alignment
) -> np.ndarray:
    """Return which raw notes may have been kept or removed, by the edited file.

    A pair is certain where the times agree to the tick in a file that was not quantised, where the velocities agree
    and no other raw note near has the same one, or where no other raw note is near. Near an edited note without a
    partner, an absent raw note was either deleted or moved.

    Parameters
    ----------
    raw_notes, edited_notes : np.ndarray, shape (n_raw,) and (n_edited,), NOTE_DTYPE
    partner : np.ndarray, shape (n_raw,), int
        Edited note of each raw note, -1 without.
    alignment : Alignment
        Of `edited_notes`.

    Returns
    -------
    np.ndarray, shape (n_raw,), bool
    """
    raw_s, edited_s = raw_notes["time_s"], alignment.times_s
    raw_of = _inverse(partner, len(edited_s))
    is_matched = raw_of >= 0
    is_exact = _exact(raw_s, raw_of, alignment)
    same_velocity = is_matched & (raw_notes["velocity"][raw_of] == edited_notes["velocity"])
    same_velocity &= np.mean(same_velocity[is_matched]) >= SAME_VELOCITY_SHARE
    reach_s = np.where(is_exact, alignment.exact_s, max(MOVED_S, alignment.tolerance_s))
    lows = np.searchsorted(raw_s, edited_s - reach_s, "left")
    highs = np.searchsorted(raw_s, edited_s + reach_s, "right")
    has_rivals = (highs - lows > is_matched) & ~doublings(raw_s, partner, alignment)
    n_alike = _count_of_velocity(raw_notes["velocity"], edited_notes["velocity"], lows, highs)
    is_near = (lows <= raw_of) & (raw_of < highs)
    is_told_by_velocity = same_velocity & (n_alike == is_near)
    is_open = has_rivals & ~is_told_by_velocity
    found = _covered(lows[is_open], highs[is_open], len(raw_s)) & (partner < 0)
    found[raw_of[is_open & is_near]] = True
    return found


def _count_of_velocity(velocities: np.ndarray, wanted: np.ndarray, lows: np.ndarray, highs: np.ndarray) -> np.ndarray:
    """Return how many of `velocities[low:high]` are the wanted one, for each range."""
    n_alike = np.zeros(len(wanted), int)
    for velocity in np.unique(wanted):
        rows, places = np.flatnonzero(wanted == velocity), np.flatnonzero(velocities == velocity)
        n_alike[rows] = np.searchsorted(places, highs[rows]) - np.searchsorted(places, lows[rows])
    return n_alike


def _covered(lows: np.ndarray, highs: np.ndarray, n: int) -> np.ndarray:
    """Return which of n places lie in one of the ranges, shape (n,), bool."""
    edges = np.bincount(lows, minlength=n + 1) - np.bincount(highs, minlength=n + 1)
    covered: np.ndarray = np.cumsum(edges)[:n] > 0
    return covered


def doublings(raw_s: np.ndarray, partner: np.ndarray, alignment: Alignment) -> np.ndarray:
    """Return which unmatched edited notes sound together with an exactly matched one: doublings, not additions.

    Parameters
    ----------
    raw_s : np.ndarray, shape (n_raw,)
        Times of the raw notes in seconds, increasing.
    partner : np.ndarray, shape (n_raw,), int
        Edited note of each raw note, -1 without.
    alignment : Alignment

    Returns
    -------
    np.ndarray, shape (n_edited,), bool
    """
    raw_of = _inverse(partner, len(alignment.times_s))
    exact_s = alignment.times_s[_exact(raw_s, raw_of, alignment)]
    low = np.searchsorted(exact_s, alignment.times_s - alignment.exact_s, "left")
    high = np.searchsorted(exact_s, alignment.times_s + alignment.exact_s, "right")
    return np.logical_and(raw_of < 0, high > low)


def _inverse(partner: np.ndarray, n_edited: int) -> np.ndarray:
    """Return the raw note of each edited note, -1 without."""
    raw_of = np.full(n_edited, -1)
    raw_of[partner[partner >= 0]] = np.flatnonzero(partner >= 0)
    return raw_of


def _exact(raw_s: np.ndarray, raw_of: np.ndarray, alignment: Alignment) -> np.ndarray:
    """Return which edited notes lie on their raw note to the tick; none in a quantised file, where it is luck."""
    distance = np.abs(raw_s[raw_of] - alignment.times_s)
    is_exact: np.ndarray = (raw_of >= 0) & (distance <= alignment.exact_s)
    chance = min(1.0, alignment.exact_s / alignment.tolerance_s)
    by_far = EXACT_SHARE + (1 - EXACT_SHARE) * chance
    return is_exact & (np.count_nonzero(is_exact) >= by_far * np.count_nonzero(raw_of >= 0))
