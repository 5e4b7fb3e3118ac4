"""Folders: the files in and below them that matter here, and the siblings of a stem."""

import os
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import NamedTuple

from drumhits.drums import STEM_OF_PART, STEMS
from drumhits.errors import InputError
from drumhits.io.audio import AUDIO_SUFFIXES
from drumhits.io.names import Folder, Named, absolute, name_key, names_stem, parent_of, read_name
from drumhits.io.recording import CONVERT_FIRST

MIDI_SUFFIXES = frozenset({".mid", ".midi"})
MAX_NAMES = 5  # in a message


def name_list(paths: list[Path], nothing: str = "no MIDI file", within: Path | None = None) -> str:
    """Return the names of some files as text, the first few where there are many; with folders from `within` on."""
    shown = sorted(relative(path, within).as_posix() if within else path.name for path in paths)[:MAX_NAMES]
    hidden = len(paths) - MAX_NAMES
    return (", ".join(shown) or nothing) + (f" (and {hidden} more)" if hidden > 0 else "")


def relative(path: Path, folder: Path) -> Path:
    """Return a path as seen from a folder; of one that does not lie below it, the name alone."""
    try:
        return absolute(path).relative_to(absolute(folder))
    except ValueError:
        return Path(path.name)


def common_folder(paths: Sequence[Path]) -> Path:
    """Return the folder that holds some files, or the files' own where they have none in common."""
    try:
        return Path(os.path.commonpath([absolute(path.parent) for path in paths]))
    except ValueError:  # several drives of Windows
        return paths[0].parent


def relative_name(path: Path, folder: Path) -> str:
    """Return what tells a file from all others below a folder: its name without suffix, after the folders it lies in.

    The folder itself is named, too, where it is the song: "Song1/kick" of Song1/kick.wav in Song1.
    """
    home = read_name(path).home
    within = home if absolute(folder).is_relative_to(absolute(home)) else folder
    return relative(path.with_name(path.stem), within).as_posix()


class Listing(NamedTuple):
    """The files in a folder and below, by name, the folders below that cannot be listed, and what is no regular file.

    That is a link that leads nowhere, a pipe and the like.
    """

    files: list[Path]
    unreadable: list[Path]
    irregular: list[Path]


def files_below(folder: Path, *, with_hidden: bool = False) -> Listing:
    """Return the regular files in a folder and in those below, each folder once, also where links lead to it.

    Hidden files and folders are left out unless asked for ("._NAME.mid" is the Finder's).
    """
    files, unreadable, irregular = list[Path](), list[Path](), list[Path]()
    seen: set[str] = set()
    walk = os.walk(folder, onerror=lambda error: unreadable.append(Path(error.filename)), followlinks=True)
    for here, folders, names in walk:
        if (real := os.path.realpath(here)) in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if with_hidden or not name.startswith("."))
        shown = (name for name in names if with_hidden or not name.startswith("."))
        for path in (Path(here, name) for name in shown):
            (files if path.is_file() else irregular).append(path)
    return Listing(_by_name(files), unreadable, _by_name(irregular))


def _by_name(paths: list[Path]) -> list[Path]:
    return sorted(paths, key=lambda path: (name_key(str(path)), str(path)))


def files_in(folder: Path, option: str, purpose: str) -> list[Path]:
    """Return what `files_below` gives for the folder of an option.

    Parameters
    ----------
    option : str
        The option that names the folder, for messages.
    purpose : str
        What the folder should hold, such as "the MIDI files".

    Raises
    ------
    InputError
        It is missing, no folder, or cannot be read.
    """
    if not folder.is_dir():
        fault = "is a file, not a folder" if folder.exists() else "does not exist"
        raise InputError(f"{option} {folder}: {fault}; give the folder that holds {purpose}.")
    files, unreadable, _ = files_below(folder)
    if folder in unreadable:
        raise InputError(f"{option} {folder}: cannot be read (Permission denied); check its permissions.")
    return files


def is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # a name that is too long, for one; opening it will say so
        return False


def is_audio(path: Path) -> bool:
    """Tell by its suffix whether a file is audio that can be read."""
    return path.suffix.lower() in AUDIO_SUFFIXES


def is_foreign_audio(path: Path) -> bool:
    """Tell by its suffix whether a file is audio that has to be converted first."""
    return path.suffix.lower() in CONVERT_FIRST


def midi_below(folder: Path) -> list[Path]:
    """Return the MIDI files in a folder and below, hidden ones, too; none where there is no such folder."""
    return [path for path in files_below(folder, with_hidden=True).files if path.suffix.lower() in MIDI_SUFFIXES]


def find_siblings(audio: Path) -> dict[str, Path]:
    """Return the files of a song's other stems, by `Named.part`; none where neither name nor folder tells the stem.

    They lie in the same folder, or in folders beside it where those are named by stem. Of two files of a stem, that
    whose name is most like the song's goes first; cymbals go before ride and crash.
    """
    own = read_name(audio)
    return {} if own.part is None else _stems_of_song(own, audio)


def find_stems(mix: Path) -> dict[str, Path]:
    """Return the files of the stems that a mix was separated into, by stem; where they lie, see `find_siblings`."""
    return {part: path for part, path in _stems_of_song(read_name(mix), mix).items() if part in STEMS}


def _stems_of_song(own: Named, audio: Path) -> dict[str, Path]:
    ranked = [
        ((named.pattern != own.pattern, path.suffix != audio.suffix, path.name), part, path)
        for folder in _folders_of(own, audio.parent)
        for path, named in _of_song(own, folder)
        if (part := named.part) and part != own.part
    ]
    found: dict[str, Path] = {}
    for _, part, path in sorted(ranked):
        found.setdefault(part, path)
    return {part: found[part] for part in STEM_OF_PART if part in found and not _is_doubled(part, own, found)}


def _is_doubled(part: str, own: Named, found: Collection[str]) -> bool:
    """Tell whether other files hold the same sound: of a stem in parts, the parts or the whole."""
    stem = STEM_OF_PART[part]
    if stem == own.stem and own.articulation:
        return part == stem and any(STEM_OF_PART[other] == stem != other for other in found)
    return part != stem and (stem in found or stem == own.part)


def _folders_of(own: Named, folder: Path) -> list[Path]:
    """Return where the files of a song lie: `own.place`, and the folders in it that are named by stem."""
    place = folder if own.place == folder else parent_of(folder)
    return [place, *(place / name for name in _listed(place) if names_stem(name) and is_folder(place / name))]


def _of_song(own: Named, folder: Path) -> list[tuple[Path, Named]]:
    """Return the audio files in a folder that belong to a song."""
    names, song, found = Folder(folder), name_key(own.song), []
    for name in _listed(folder):
        stem, dot, suffix = name.rpartition(".")
        if stem and dot + suffix.lower() in AUDIO_SUFFIXES and not name.startswith("."):
            named = names.read(stem)
            if name_key(named.song) == song and named.key == own.key and (folder / name).is_file():
                found.append((folder / name, named))
    return found


def _listed(folder: Path) -> list[str]:
    """Return the names in a folder; none of one that may be entered but not listed."""
    try:
        with os.scandir(folder) as entries:
            return sorted(entry.name for entry in entries)
    except OSError:
        return []
