"""Edited files that look like a mistake rather than an opinion, and what the user says where one is meant."""

from collections.abc import Collection

import numpy as np

from drumhits.drums import REJECTED_VELOCITY
from drumhits.edits.labels import Labels
from drumhits.errors import NotEnoughDataError
from drumhits.io.midi import MidiContent

EMPTY, UNCHANGED, SHORT = "empty", "unchanged", "short"
SHORT_SHARE = 1 / 3  # of the raw file's span, below which an edited file looks like a mistake
FEWEST_OF_A_SONG = 8  # notes: fewer have no span worth the name


def require_deliberate(
    name: str, raw: MidiContent, edited: MidiContent, labels: Labels, accepted: Collection[str], *, has_range: bool
) -> None:
    """Make sure that an edited file which looks like a mistake is meant.

    Raises
    ------
    NotEnoughDataError
        It holds no note, is the raw file, or is far shorter, and that is not accepted.
    """
    if EMPTY not in accepted and len(raw.notes) and not len(edited.notes):
        raise NotEnoughDataError(
            f"{name}: the edited file holds no note (another track exported?), and is left out; --accept-empty takes "
            "it to mean that every hit is false."
        )
    if UNCHANGED not in accepted and _is_unchanged(raw, edited, labels):
        raise NotEnoughDataError(
            f"{name}: the edited file is the raw one (not edited yet?), and is left out; --accept-unchanged takes it "
            "to mean that every hit in it is right."
        )
    if SHORT not in accepted and not has_range and labels.alignment is not None:
        share = _span_s(labels.alignment.times_s) / max(_span_s(raw.notes["time_s"]), 1e-9)
        if len(raw.notes) >= FEWEST_OF_A_SONG and share < SHORT_SHARE:
            raise NotEnoughDataError(
                f"{name}: the edited file spans only {share:.0%} of the raw one (one clip exported?), and is left out; "
                "--range START-END says which seconds were edited, --accept-short takes the part that is there."
            )


def _is_unchanged(raw: MidiContent, edited: MidiContent, labels: Labels) -> bool:
    """Return whether the edited notes are the raw ones, at whatever offset, and among whatever other drums."""
    n_shown = int(np.count_nonzero(raw.notes["velocity"] > REJECTED_VELOCITY))
    n_changes = labels.renoted + labels.added_with_candidate + labels.added_without_candidate
    if not len(raw.notes) or n_changes or (labels.matched, labels.kept) != (len(raw.notes), n_shown):
        return False
    is_alone = len(raw.notes) == len(edited.notes)
    return not is_alone or np.array_equal(raw.notes["velocity"], edited.notes["velocity"])


def _span_s(times_s: np.ndarray) -> float:
    return float(np.ptp(times_s)) if len(times_s) else 0.0
