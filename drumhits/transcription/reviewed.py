"""The record in a MIDI file that a review wrote: which candidates the user decided about.

About the others the file holds what was believed, which is nothing to learn from. Such a file is no untouched output of
a conversion, so that a later run does not replace it; a later review of the same stem may, until somebody edits it.
"""

import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from drumhits.errors import InputError
from drumhits.io.midi import MidiContent, decode, read_midi_bytes
from drumhits.transcription.provenance import DIGEST_LENGTH, Provenance, holds_digest, is_our_midi

FORMAT = 1
MAX_CHARACTERS = 1 << 22
_PREFIX = "drumhits-review "
_NO_DIGEST = "reviewed"  # in the provenance, in place of that of an untouched output


def review_texts(provenance: Provenance, decided: Iterable[int]) -> list[str]:
    """Return the text events of a reviewed file, to be given to `provenance.with_digest` once it is encoded.

    Parameters
    ----------
    provenance : Provenance
        What made the candidates.
    decided : iterable of int
        Samples at 44.1 kHz of the candidates that the user decided about.
    """
    record = {"format": FORMAT, "decided": sorted(decided), "digest": "0" * DIGEST_LENGTH}
    return [replace(provenance, digest=_NO_DIGEST).to_text(), _PREFIX + json.dumps(record, separators=(",", ":"))]


def decided_in(midi: bytes, content: MidiContent) -> frozenset[int] | None:
    """Return which candidates a review decided about; None where the file is of no review, or was edited since.

    Parameters
    ----------
    midi : bytes
        The file.
    content : MidiContent
        What is in it.
    """
    text = next((text for text in content.texts if text.startswith(_PREFIX)), "")
    try:
        if len(text) > MAX_CHARACTERS:
            return None
        record = json.loads(text.removeprefix(_PREFIX))
        if record["format"] == FORMAT and holds_digest(midi, str(record["digest"])):
            return frozenset(int(sample) for sample in record["decided"])
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        pass
    return None


def is_reviewed_midi(path: Path) -> bool:
    """Tell whether a file is one that a review wrote and nobody has edited; InputError where it cannot be read."""
    midi = read_midi_bytes(path)
    try:
        return decided_in(midi, decode(midi)) is not None
    except InputError:
        return False


def is_ours_or_reviewed(path: Path) -> bool:
    """Tell whether a file is an untouched output of a conversion or of a review."""
    return is_our_midi(path) or is_reviewed_midi(path)
