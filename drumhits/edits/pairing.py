"""Folders -> which raw MIDI, edited MIDI and audio files belong together."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from drumhits.errors import InputError, NotEnoughDataError
from drumhits.io.folders import MIDI_SUFFIXES, files_below, files_in, is_audio, name_list, relative, relative_name
from drumhits.io.midi import read_midi
from drumhits.io.names import name_key, read_name, stem_of
from drumhits.transcription.provenance import Provenance, read_provenance

_EDITED = re.compile("_edited$", re.IGNORECASE)


@dataclass(frozen=True)
class Pair:
    """A raw MIDI file and its edited version; `name` is the raw file's without suffix, with the folders it lies in."""

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
    """Return the pairs of raw and edited MIDI files of a stem in two folders and below, in the order of their names.

    `NAME.mid` pairs with `NAME_edited.mid` in the same folder below, else with a file of its own name there. What is
    left pairs where song and drum are the same and there is one of each only: `Song1/cymbals.mid` with
    `Song1-cymbals_edited.mid`. A raw file belongs to the stem that its path tells, else to the one in its provenance.
    Files of other stems are passed over.

    Parameters
    ----------
    raw_dir, edited_dir : Path
        May be one folder, or one in the other.
    stem : str
        One of `drums.STEMS`.

    Raises
    ------
    InputError
        One of the folders is missing or is no folder.
    NotEnoughDataError
        There is no pair.
    """
    raw, edited = _raw_and_edited(raw_dir, edited_dir)
    versions: dict[str, list[Path]] = {}
    for path in sorted(edited, key=lambda path: (not _EDITED.search(path.stem), path.name)):
        versions.setdefault(_key(_unedited(path), edited_dir), []).append(path)
    own, others, unpaired = _of_stem(raw, raw_dir, stem)
    partners = {key: versions[key].pop(0) for key in own if key in versions}
    left = [path for key in sorted(versions.keys() - others - own.keys()) for path in versions[key]]
    partners |= _partners_by_song({key: path for key, path in own.items() if key not in partners}, left)
    unpaired += [f"{path}: has no edited version {path.stem}_edited.mid in {edited_dir}."
                 for key, path in own.items() if key not in partners]  # fmt: skip
    for key in sorted(versions.keys() - others):
        for path in versions[key]:
            if path not in partners.values() and stem_of(_unedited(path)) in (None, stem):
                used = f"{partners[key].name} is used instead" if key in own else f"has no pair in {raw_dir}"
                unpaired.append(f"{path}: {used}.")
    if not partners:
        message = _nothing_paired(stem, raw_dir, raw, edited_dir, edited)
        raise NotEnoughDataError(" ".join([message, *unpaired[:1]]))
    pairs = [Pair(relative_name(own[key], raw_dir), stem, own[key], partners[key]) for key in own if key in partners]
    return Pairs(tuple(pairs), tuple(unpaired))


def _raw_and_edited(raw_dir: Path, edited_dir: Path) -> tuple[list[Path], list[Path]]:
    """Return the raw and the edited files of two folders, which may be one, or one in the other."""
    raw, edited = _midi_files(raw_dir, "--raw-dir"), _midi_files(edited_dir, "--edited-dir")
    if raw_dir.samefile(edited_dir):
        by_name = {is_edited: [path for path in raw if bool(_EDITED.search(path.stem)) == is_edited]
                   for is_edited in (False, True)}  # fmt: skip
        return by_name[False], by_name[True]
    return _without(raw, edited_dir, raw_dir), _without(edited, raw_dir, edited_dir)


def _of_stem(raw: list[Path], raw_dir: Path, stem: str) -> tuple[dict[str, Path], set[str], list[str]]:
    """Return the raw files of a stem by their keys, the keys of other stems' files, and what is wrong with the rest."""
    own, others, wrong = dict[str, Path](), set[str](), list[str]()
    for path in sorted(raw, key=lambda path: (_key(path, raw_dir), path.name)):
        key = _key(path, raw_dir)
        try:
            if _stem_of_raw(path) != stem:
                others.add(key)
            elif key in own:
                wrong.append(f"{path}: {own[key].name} of the same name is used instead.")
            else:
                own[key] = path
        except InputError as error:
            wrong.append(str(error))
    return own, others, wrong


def _midi_files(folder: Path, option: str) -> list[Path]:
    return [path for path in files_in(folder, option, "the MIDI files") if path.suffix.lower() in MIDI_SUFFIXES]


def _without(paths: list[Path], folder: Path, around: Path) -> list[Path]:
    """Return the files that do not lie in `folder`, where that lies in the folder of all of them."""
    inner = folder.resolve()
    if not inner.is_relative_to(around.resolve()):
        return paths
    return [path for path in paths if not path.resolve().is_relative_to(inner)]


def _key(path: Path, folder: Path) -> str:
    """Return what a raw file and its edited version have in common: folders below, and name."""
    return name_key(relative(path.with_name(path.stem), folder).as_posix())


def _unedited(edited: Path) -> Path:
    """Return the path that a raw file in the place of an edited one would have."""
    return edited.with_name(_EDITED.sub("", edited.stem) + edited.suffix)


def _partners_by_song(raw: dict[str, Path], edited: list[Path]) -> dict[str, Path]:
    """Return the edited file for each raw one, by its key, of the same song and drum, where there is one of each."""
    songs: dict[tuple[str, str | None], tuple[list[str], list[Path]]] = {}
    for key, path in raw.items():
        songs.setdefault(_song_and_part(path), ([], []))[0].append(key)
    for path in edited:
        songs.setdefault(_song_and_part(_unedited(path)), ([], []))[1].append(path)
    return {keys[0]: paths[0] for keys, paths in songs.values() if len(keys) == len(paths) == 1}


def _song_and_part(path: Path) -> tuple[str, str | None]:
    named = read_name(path)
    return name_key(named.song), named.part


def _stem_of_raw(path: Path) -> str:
    named = read_name(path)
    if named.stem is not None and named.is_clear:
        return named.stem
    try:
        provenance = read_provenance(read_midi(path))
    except InputError:
        if named.stem is None:
            raise
        return named.stem
    if provenance is not None:
        return provenance.stem
    if named.stem is not None:
        return named.stem
    raise InputError(
        f"{path}: neither its name nor a note in it tells its stem; make it again with stems_to_midi.py, "
        "or let its name end in the stem."
    )


def _nothing_paired(stem: str, raw_dir: Path, raw: list[Path], edited_dir: Path, edited: list[Path]) -> str:
    return (
        f"there is no song to learn from: looked for {raw_dir / f'NAME-{stem}.mid'} with "
        f"{edited_dir / f'NAME-{stem}_edited.mid'}, but {raw_dir} holds "
        f"{name_list(raw, within=raw_dir)} and {edited_dir} holds {name_list(edited, within=edited_dir)}; "
        "convert with stems_to_midi.py, delete the false hits in your DAW, and export under that name."
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
        if found := _audio_among(files_below(folder).files, pair.raw.stem, noted):
            return found
        looked.append(f"in {folder} and below")
    if noted.name:
        if _is_file(beside / noted):
            return beside / noted
        looked.append(f"at {beside / noted}")
    if found := _audio_among(beside.iterdir(), pair.raw.stem, noted):
        return found
    looked.append(f"in {beside}")
    names = " or ".join(filter(None, (noted.name, f"{pair.raw.stem}.wav (.flac, .mp3 ...)")))
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
        has_own_name = name_key(path.stem) == name_key(name) and is_audio(path)
        if (has_noted_name or has_own_name) and path.is_file():
            ranked.append((not has_noted_name, -_shared_parents(path, noted), len(path.parts), path))
    return min(ranked)[-1] if ranked else None


def _shared_parents(path: Path, noted: PurePosixPath) -> int:
    pairs = zip(reversed(path.parent.parts), reversed(noted.parent.parts), strict=False)
    shared = [ours == theirs for ours, theirs in pairs]
    return [*shared, False].index(False)
