"""Folder of test songs -> which audio and which truth belong together; the truth as notes."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from drumhits.alignment.align import NOTHING_GIVEN, Given
from drumhits.config.load import StemConfig
from drumhits.drums import DRUM_NOTES, REJECTED_VELOCITY
from drumhits.edits.songs import note_group
from drumhits.errors import NotEnoughDataError
from drumhits.io.folders import MIDI_SUFFIXES, files_in, is_audio, is_foreign_audio, name_list, relative_name
from drumhits.io.midi import MidiContent, read_midi
from drumhits.io.names import name_key, stem_of
from drumhits.transcription.provenance import read_provenance

ENDING = "_ground_truth"
MAX_SILENT_SHARE = 0.2  # of the notes of a truth, at velocity 1


@dataclass(frozen=True)
class TruthPair:
    """A stem and its truth.

    `name` is the audio file's without suffix, with the folders that it lies in; `given` is what the user says of the
    truth.
    """

    name: str
    audio: Path
    truth: Path
    given: Given = NOTHING_GIVEN


def find_test_songs(folder: Path, stem: str, given: Given = NOTHING_GIVEN) -> tuple[list[TruthPair], list[str]]:
    """Return the pairs `NAME-STEM.wav` and `NAME-STEM_ground_truth.mid` of a stem by name, and what is in no pair.

    They lie side by side in the folder or below it; `io.names` tells the stem, also of `Song1/cymbals.wav`.

    Parameters
    ----------
    folder : Path
    stem : str
    given : Given
        What the user says of every truth: its tempo, its offset.

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
            pairs[key] = TruthPair(relative_name(path, folder), path, truths[key], given)
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
    """Return the true hits of a file as it stands, as `midi.NOTE_DTYPE`, and what the user should know of it.

    Raises
    ------
    InputError
        The file cannot be read; see `midi.read_midi`.
    """
    content = read_midi(path)
    is_hit, said = hits_in(content, config)
    return content.notes[is_hit], (*content.warnings, *(f"{path}: {sentence}" for sentence in said))


def hits_in(content: MidiContent, config: StemConfig) -> tuple[np.ndarray, list[str]]:
    """Return which notes of a truth are hits of the stem, as a mask, and what the user should know.

    Other drums' notes in a whole kit's file are none; nor are notes of velocity 1 in an edited file of `--keep-all`,
    which are rejected candidates: nobody plays so many.
    """
    is_hit, said = np.ones(len(content.notes), bool), list[str]()
    is_silent = content.notes["velocity"] <= REJECTED_VELOCITY
    if is_silent.any() and (_made_by_keep_all(content) or np.mean(is_silent) > MAX_SILENT_SHARE):
        said.append(f"{is_silent.sum()} note(s) of velocity 1 count as rejected, as in edited MIDI.")
        is_hit &= ~is_silent
    is_other = np.isin(content.notes["number"], sorted(DRUM_NOTES - note_group(config)))
    if is_other[is_hit].all() and is_hit.any():
        said.append(f"no note has a number of the {config.stem}; all are taken as its hits.")
    elif is_other[is_hit].any():
        said.append(f"{np.count_nonzero(is_hit & is_other)} note(s) of other drums are left out.")
        is_hit &= ~is_other
    return is_hit, said


def _made_by_keep_all(content: MidiContent) -> bool:
    provenance = read_provenance(content)
    return provenance is not None and provenance.keep_all is True
