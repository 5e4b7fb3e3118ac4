"""Folder of test songs -> which audio and which truth belong together; the truth as notes."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from drumhits.config.load import StemConfig
from drumhits.drums import DRUM_NOTES, REJECTED_VELOCITY, stem_of
from drumhits.errors import NotEnoughDataError
from drumhits.io.audio import AUDIO_SUFFIXES
from drumhits.io.folders import MIDI_SUFFIXES, files_in, name_key, name_list
from drumhits.io.midi import read_midi
from drumhits.learning.songs import note_group

ENDING = "_ground_truth"


@dataclass(frozen=True)
class TruthPair:
    """A stem and its truth; `name` is the audio file's without suffix."""

    name: str
    audio: Path
    truth: Path


def find_test_songs(folder: Path, stem: str) -> tuple[list[TruthPair], list[str]]:
    """Return the pairs `NAME-STEM.wav` and `NAME-STEM_ground_truth.mid` of a stem by name, and what is in no pair.

    Raises
    ------
    InputError
        The folder is missing or cannot be read.
    NotEnoughDataError
        There is no pair.
    """
    files = files_in(folder, "--test-dir", "the test songs")
    audio = [path for path in files if path.suffix.lower() in AUDIO_SUFFIXES and stem_of(path.stem) == stem]
    truths: dict[str, Path] = {}
    for path in files:
        song = path.stem[: -len(ENDING)]
        if path.suffix.lower() in MIDI_SUFFIXES and path.stem.lower().endswith(ENDING) and stem_of(song) == stem:
            truths.setdefault(name_key(song), path)
    pairs: dict[str, TruthPair] = {}
    unpaired = []
    for path in audio:
        key = name_key(path.stem)
        if key in pairs:
            unpaired.append(f"{path}: {pairs[key].audio.name} of the same name is used instead.")
        elif key in truths:
            pairs[key] = TruthPair(path.stem, path, truths[key])
        else:
            unpaired.append(f"{path}: has no truth beside it; looked for {path.stem}{ENDING}.mid.")
    unpaired += [f"{truths[key]}: has no audio beside it." for key in sorted(truths.keys() - pairs.keys())]
    if not pairs:
        raise NotEnoughDataError(
            f"there is no song to test on: looked for NAME-{stem}.wav (.flac, .mp3 ...) with NAME-{stem}{ENDING}.mid "
            f"in {folder}, which holds {name_list(files, 'no file')}; put songs there under these names, or give "
            "another --test-dir or --stem."
        )
    return list(pairs.values()), unpaired


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
