"""Which notes of a file of the whole kit, or of a whole project, are those of one stem.

They are told by note number, by channel and track, or by both, whichever explains most of the raw file's notes.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from drumhits.alignment.align import NOTHING_GIVEN, Alignment, Given, alignment_by, explanations
from drumhits.alignment.explanations import KnownNotes
from drumhits.alignment.moved import require_one_piece
from drumhits.drums import DRUM_NOTES
from drumhits.errors import NotEnoughDataError
from drumhits.io.midi import MidiContent
from drumhits.matching import match_times

OWN_SHARE = 0.9  # of the notes of one number in one part: so many raw notes among them, and they were re-noted
MAX_PARTS = 8  # that are tried, the ones with the most notes


@dataclass(frozen=True, eq=False)
class AlignedPart:
    """The notes of a file that belong to the raw file.

    Attributes
    ----------
    notes : np.ndarray, shape (n,), NOTE_DTYPE
    alignment : Alignment
        Of `notes`.
    left_out : int
        Notes of the file that belong to something else.
    """

    notes: np.ndarray
    alignment: Alignment
    left_out: int

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the user should know, as sentences."""
        sentences = []
        if self.alignment.doubt:
            sentences.append(self.alignment.doubt)
        if self.left_out:
            sentences.append(f"{self.left_out} note(s) of other drums or tracks are left out.")
        return tuple(sentences)


def align_part(
    raw: MidiContent, edited: MidiContent, note_group: frozenset[int] | None, given: Given = NOTHING_GIVEN
) -> AlignedPart:
    """Return the notes of an edited file that belong to the raw one, aligned.

    Parameters
    ----------
    raw, edited : MidiContent
        One note or more each.
    note_group : frozenset of int, or None
        The stem's note numbers; None: all notes belong to it.
    given : Given

    Raises
    ------
    NotEnoughDataError
        See `align.align` and `moved.require_one_piece`; or the file holds only notes of other drums, which are no
        notes of the raw file.
    """
    known = KnownNotes.of(raw)
    choices = part_choices(edited, note_group)
    found = [explanations(known, edited, used, given) for used in choices]
    chosen = max(range(len(choices)), key=lambda i: found[i][0].log_likelihood)
    alignment = alignment_by(found[chosen], edited, given)
    require_one_piece(known, edited, choices[chosen], alignment, given)
    belongs = choices[chosen] & ~of_other_drums(edited, note_group)
    for voice in _voices(edited, ~belongs):
        if _are_raw_notes(raw.notes, edited.notes[voice], alignment, voice):
            belongs |= voice
    if not belongs.any():
        raise NotEnoughDataError(
            "the edited file holds only notes of other drums, which are no notes of the raw file either;"
            " export the track of this stem"
        )
    part = replace(alignment, times_s=alignment.times_s[belongs])
    return AlignedPart(edited.notes[belongs], part, int(np.count_nonzero(~belongs)))


def of_other_drums(edited: MidiContent, note_group: frozenset[int] | None) -> np.ndarray:
    others = sorted(DRUM_NOTES - note_group) if note_group is not None else []
    return np.isin(edited.notes["number"], others)


def part_choices(edited: MidiContent, note_group: frozenset[int] | None) -> list[np.ndarray]:
    """Return the choices of notes that may be the stem's, as masks, none of them empty.

    Everything but other drums, the stem's own numbers, and both in one part alone, beside parts that hold nothing else.
    """
    everything = np.ones(len(edited.notes), bool)
    if note_group is None:
        return [everything]
    is_own = np.isin(edited.notes["number"], sorted(note_group))
    wide = ~of_other_drums(edited, note_group)
    if not wide.any():
        return [everything]
    parts, counts = np.unique(edited.parts, return_counts=True)
    is_pure = np.isin(edited.parts, [part for part in parts if is_own[edited.parts == part].all()])
    choices = [wide, is_own]
    if len(parts) > 1:
        for part in parts[np.argsort(-counts, kind="stable")][:MAX_PARTS]:
            choices += [((edited.parts == part) & numbers) | is_pure for numbers in (wide, is_own)]
    distinct = {choice.tobytes(): choice for choice in choices if choice.any()}
    return list(distinct.values())


def _voices(edited: MidiContent, among: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the notes of one number in one part as a mask, for each such pair among some notes."""
    voice = edited.parts * 128 + edited.notes["number"]
    for one in np.unique(voice[among]):
        yield among & (voice == one)


def _are_raw_notes(raw_notes: np.ndarray, notes: np.ndarray, alignment: Alignment, selected: np.ndarray) -> bool:
    """Return whether notes with other numbers are this stem's, re-noted: times and velocities are unchanged."""
    pairs = match_times(raw_notes["time_s"], alignment.times_s[selected], alignment.exact_s)
    same_velocity = raw_notes["velocity"][pairs[:, 0]] == notes["velocity"][pairs[:, 1]]
    return int(np.count_nonzero(same_velocity)) >= OWN_SHARE * len(notes)
