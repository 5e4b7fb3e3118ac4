"""Files that are no whole: a part of the song was moved, so that no single offset holds. Times in seconds."""

import numpy as np

from drumhits.alignment.align import (
    DECISIVE_LOG_ODDS,
    NEEDED_EXACTNESS,
    SEARCH_LOG_ODDS,
    Alignment,
    Given,
    evidence_of,
    explanations,
)
from drumhits.alignment.explanations import KnownNotes
from drumhits.errors import NotEnoughDataError
from drumhits.io.midi import MidiContent

FEWEST_NOTES = 8
MAX_STAYING_SHARE = 0.25  # as many notes that were not moved, for each one that was, among the moved ones
CORE = (0.1, 0.9)  # quantiles of the moved notes' times


def require_one_piece(
    known: KnownNotes, edited: MidiContent, used: np.ndarray, alignment: Alignment, given: Given
) -> None:
    """Make sure that no part of a file lies at another offset than the rest, unless the user says what counts.

    Parameters
    ----------
    used : np.ndarray, shape (n_edited,), bool
        The notes to go by.
    alignment : Alignment
        Of all notes of `edited`.

    Raises
    ------
    NotEnoughDataError
    """
    stays = used & _is_on_a_note(known.times_s, alignment.times_s, alignment.exact_s)
    left = used & ~stays
    if given.range_s or given.offset_s is not None or np.count_nonzero(left) < FEWEST_NOTES:
        return
    other = explanations(known, edited, left, given)[0]
    if evidence_of(other) < DECISIVE_LOG_ODDS or other.exactness < NEEDED_EXACTNESS + SEARCH_LOG_ODDS:
        return
    moved_s = other.hypothesis.times_s + other.offset_s
    moved = left & _is_on_a_note(known.times_s, moved_s, other.hypothesis.exact_s)
    first_s, last_s = np.quantile(alignment.times_s[moved], CORE)
    among = (first_s <= alignment.times_s) & (alignment.times_s <= last_s)
    if np.count_nonzero(stays & among) > MAX_STAYING_SHARE * np.count_nonzero(moved & among):
        return
    by_s = float(np.median(alignment.times_s[moved] - moved_s[moved]))
    raise NotEnoughDataError(
        f"a part of the edited notes, from about {first_s:.1f} to {last_s:.1f} s, lies {abs(by_s):.3f} s "
        f"{'later' if by_s > 0 else 'earlier'} than the others, as if bars had been cut, pasted or moved inside the"
        " song; give the part of the song that stayed in place with --range, and say with --edited-offset that it did"
    )


def _is_on_a_note(known_s: np.ndarray, times_s: np.ndarray, exact_s: float) -> np.ndarray:
    """Return which times lie on a known one."""
    following = np.searchsorted(known_s, times_s)
    padded = np.concatenate(([-np.inf], known_s, [np.inf]))
    nearest_s = np.minimum(times_s - padded[following], padded[following + 1] - times_s)
    return np.asarray(nearest_s <= exact_s)
