"""Folders -> which raw MIDI, edited MIDI and audio files belong together."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from drumhits.drums import stem_of
from drumhits.errors import InputError, NotEnoughDataError
from drumhits.io.audio import AUDIO_SUFFIXES
from drumhits.io.folders import MIDI_SUFFIXES, files_in, name_key, name_list
from drumhits.io.midi import read_midi
from drumhits.transcription.provenance import Provenance, read_provenance

_EDITED = re.compile("_edited$", re.IGNORECASE)


@dataclass(frozen=True)
class Pair:
    """A raw MIDI file and its edited version; `name` is the raw file's without suffix."""

    name: str
    stem: str
    raw: Path
    edited: Path


@dataclass(frozen=True)
class Pairs:
    """The pairs of a stem by name, and a sentence for each file of that stem that is in none."""

    pairs: tuple[Pair, ...]
    unpaired: tuple[str, ...]


def find_pairs(raw_dir: Path, edited_dir: Path, stem: str) -> Pairs:
    """Return the pairs of raw and edited MIDI files of a stem in two folders, in the order of their names.

    `NAME.mid` pairs with `NAME_edited.mid`, else with a file of its own name. A raw file belongs to the stem that its
    name ends in, else to the one in its provenance. Files of other stems are passed over.

    Parameters
    ----------
    raw_dir, edited_dir : Path
        May be one folder.
    stem : str
        One of `drums.STEMS`.

    Raises
    ------
    InputError
        One of the folders is missing or is no folder.
    NotEnoughDataError
        There is no pair.
    """
    raw, edited = _midi_files(raw_dir, "--raw-dir"), _midi_files(edited_dir, "--edited-dir")
    if raw_dir.samefile(edited_dir):
        raw = [path for path in raw if not _EDITED.search(path.stem)]
        edited = [path for path in edited if _EDITED.search(path.stem)]
    versions: dict[str, list[Path]] = {}
    for path in sorted(edited, key=lambda path: (not _EDITED.search(path.stem), path.name)):
        versions.setdefault(name_key(_song_of(path)), []).append(path)
    pairs, unpaired, other_stems = dict[str, Pair](), list[str](), set[str]()
    for path in sorted(raw, key=lambda path: (name_key(path.stem), path.name)):
        key = name_key(path.stem)
        try:
            if _stem_of_raw(path) != stem:
                other_stems.add(key)
            elif key in pairs:
                unpaired.append(f"{path}: {pairs[key].raw.name} of the same name is used instead.")
            elif key not in versions:
                unpaired.append(f"{path}: has no edited version {path.stem}_edited.mid in {edited_dir}.")
            else:
                pairs[key] = Pair(path.stem, stem, path, versions[key].pop(0))
        except InputError as error:
            unpaired.append(str(error))
    for key in sorted(versions.keys() - other_stems):
        for path in versions[key]:
            if stem_of(_song_of(path)) in (None, stem):
                reason = f"{pairs[key].edited.name} is used instead" if key in pairs else f"has no pair in {raw_dir}"
                unpaired.append(f"{path}: {reason}.")
    if not pairs:
        message = _nothing_paired(stem, raw_dir, raw, edited_dir, edited)
        raise NotEnoughDataError(" ".join([message, *unpaired[:1]]))
    return Pairs(tuple(pairs.values()), tuple(unpaired))


def _midi_files(folder: Path, option: str) -> list[Path]:
    return [path for path in files_in(folder, option, "the MIDI files") if path.suffix.lower() in MIDI_SUFFIXES]


def _song_of(edited: Path) -> str:
    return _EDITED.sub("", edited.stem)


def _stem_of_raw(path: Path) -> str:
    if (named := stem_of(path.stem)) is not None:
        return named
    if (provenance := read_provenance(read_midi(path))) is not None:
        return provenance.stem
    raise InputError(
        f"{path}: neither its name nor a note in it tells its stem; make it again with stems_to_midi.py, "
        "or let its name end in the stem."
    )


def _nothing_paired(stem: str, raw_dir: Path, raw: list[Path], edited_dir: Path, edited: list[Path]) -> str:
    return (
        f"there is no song to learn from: looked for {raw_dir / f'NAME-{stem}.mid'} with "
        f"{edited_dir / f'NAME-{stem}_edited.mid'}, but {raw_dir} holds {name_list(raw)} and {edited_dir} holds "
        f"{name_list(edited)}; convert with stems_to_midi.py, delete the false hits in your DAW, and export under "
        "that name."
    )


def find_audio(pair: Pair, provenance: Provenance | None, audio_dirs: Iterable[Path] = ()) -> Path:
    """Return the path of the audio that a pair of MIDI files was made from.

    The places are `audio_dirs` and all below, the path in the provenance, and the folder of the raw MIDI; the name is
    that in the provenance, else that of the raw MIDI. Of several files in and below the folders, it is the one that
    shares the most parent folders with the path in the provenance.

    Parameters
    ----------
    pair : Pair
    provenance : Provenance or None
        Of the raw MIDI.
    audio_dirs : iterable of Path

    Raises
    ------
    InputError
        Not found, or one of `audio_dirs` is no folder.
    """
    noted = PurePosixPath(provenance.audio if provenance else "")
    beside = pair.raw.parent
    looked = []
    for folder in audio_dirs:
        if not folder.is_dir():
            raise InputError(f"--audio-dir {folder}: is no folder; give the one that holds the separated stems.")
        if found := _audio_among(folder.rglob("*"), pair.name, noted):
            return found
        looked.append(f"in {folder} and below")
    if noted.name:
        if _is_file(beside / noted):
            return beside / noted
        looked.append(f"at {beside / noted}")
    if found := _audio_among(beside.iterdir(), pair.name, noted):
        return found
    looked.append(f"in {beside}")
    names = " or ".join(filter(None, (noted.name, f"{pair.name}.wav (.flac, .mp3 ...)")))
    raise InputError(
        f"{pair.name}: its audio is not found: looked for {names} {', '.join(looked)}; "
        "give the folder that holds it with --audio-dir."
    )


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name that the system does not take
        return False


def _audio_among(paths: Iterable[Path], name: str, noted: PurePosixPath) -> Path | None:
    """Return the likeliest file with the noted name, else the likeliest audio file called `name`; None without."""
    ranked = []
    for path in paths:
        has_noted_name = name_key(path.name) == name_key(noted.name)
        has_own_name = name_key(path.stem) == name_key(name) and path.suffix.lower() in AUDIO_SUFFIXES
        if (has_noted_name or has_own_name) and path.is_file():
            ranked.append((not has_noted_name, -_shared_parents(path, noted), len(path.parts), path))
    return min(ranked)[-1] if ranked else None


def _shared_parents(path: Path, noted: PurePosixPath) -> int:
    pairs = zip(reversed(path.parent.parts), reversed(noted.parent.parts), strict=False)
    shared = [ours == theirs for ours, theirs in pairs]
    return [*shared, False].index(False)
