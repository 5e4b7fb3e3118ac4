"""Folder of test songs -> which audio and which truth belong together; the truth as notes."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from drumhits.config.load import StemConfig
from drumhits.drums import DRUM_NOTES, REJECTED_VELOCITY
from drumhits.errors import NotEnoughDataError
from drumhits.io.folders import MIDI_SUFFIXES, files_in, is_audio, is_foreign_audio, name_list, relative_name
from drumhits.io.midi import read_midi
from drumhits.io.names import name_key, stem_of
from drumhits.learning.songs import note_group

ENDING = "_ground_truth"


@dataclass(frozen=True)
class TruthPair:
    """A stem and its truth; `name` is the audio file's without suffix, with the folders that it lies in."""

    name: str
    audio: Path
    truth: Path


def find_test_songs(folder: Path, stem: str) -> tuple[list[TruthPair], list[str]]:
    """Return the pairs `NAME-STEM.wav` and `NAME-STEM_ground_truth.mid` of a stem by name, and what is in no pair.

    They lie side by side in the folder or below it; `io.names` tells the stem, also of `Song1/cymbals.wav`.

    Raises
    ------
    InputError
        The folder is missing or cannot be read.
    NotEnoughDataError
        There is no pair.
    """
    files = files_in(folder, "--test-dir", "the test songs")
    audio = [path for path in files if is_audio(path) and stem_of(path) == stem]
    truths: dict[str, Path] = {}
    for path in files:
        song = path.with_name(path.name[: len(path.stem) - len(ENDING)] + path.suffix)
        if path.suffix.lower() in MIDI_SUFFIXES and path.stem.lower().endswith(ENDING) and stem_of(song) == stem:
            truths.setdefault(_key(song), path)
    pairs: dict[str, TruthPair] = {}
    unpaired = [
        f"{path}: its format cannot be read; convert it to WAV or FLAC first."
        for path in files
        if is_foreign_audio(path) and stem_of(path) == stem
    ]
    for path in audio:
        key = _key(path)
        if key in pairs:
            unpaired.append(f"{path}: {pairs[key].audio.name} of the same name is used instead.")
        elif key in truths:
            pairs[key] = TruthPair(relative_name(path, folder), path, truths[key])
        else:
            unpaired.append(f"{path}: has no truth beside it; looked for {path.stem}{ENDING}.mid.")
    unpaired += [f"{truths[key]}: has no audio beside it." for key in sorted(truths.keys() - pairs.keys())]
    if not pairs:
        raise NotEnoughDataError(
            f"there is no song to test on: looked for NAME-{stem}.wav (.flac, .mp3 ...) with NAME-{stem}{ENDING}.mid "
            f"in {folder} and below, which holds {name_list(files, 'no file', folder)}; put songs there "
            "under these names, or give another --test-dir or --stem."
        )
    return list(pairs.values()), unpaired


def _key(path: Path) -> str:
    """Return what an audio file and its truth have in common."""
    return f"{path.parent}\0{name_key(path.stem)}"


def read_truth(path: Path, config: StemConfig) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return the true hits as `midi.NOTE_DTYPE`, and what the user should know of the file.

    As in edited MIDI, notes of velocity 1 are rejected candidates, and other drums' notes in a whole kit's file are
    left out.

    Raises
    ------
    InputError
        The file cannot be read; see `midi.read_midi`.
    """
    content = read_midi(path)
    notes, warnings = content.notes, list(content.warnings)
    is_rejected = notes["velocity"] <= REJECTED_VELOCITY
    if is_rejected.any():
        warnings.append(f"{path}: {is_rejected.sum()} note(s) of velocity 1 count as rejected, as in edited MIDI.")
        notes = notes[~is_rejected]
    is_other = np.isin(notes["number"], sorted(DRUM_NOTES - note_group(config)))
    if is_other.all() and len(notes):
        warnings.append(f"{path}: no note has a number of the {config.stem}; all are taken as its hits.")
    elif is_other.any():
        warnings.append(f"{path}: {is_other.sum()} note(s) of other drums are left out.")
        notes = notes[~is_other]
    return notes, tuple(warnings)
