"""Folders: the files in them that matter here, and names compared as people compare them."""

from pathlib import Path

from drumhits.drums import STEMS, song_of, stem_of
from drumhits.errors import InputError
from drumhits.io.audio import AUDIO_SUFFIXES

MIDI_SUFFIXES = frozenset({".mid", ".midi"})
MAX_NAMES = 5  # in a message


def name_key(name: str) -> str:
    """Return what equal names have in common where systems write accents and capitals differently."""
    import unicodedata  # only where MIDI is paired

    return unicodedata.normalize("NFC", name).casefold()


def name_list(paths: list[Path], nothing: str = "no MIDI file") -> str:
    """Return the names of some files as text, the first few where there are many."""
    names, hidden = sorted(path.name for path in paths)[:MAX_NAMES], len(paths) - MAX_NAMES
    return (", ".join(names) or nothing) + (f" (and {hidden} more)" if hidden > 0 else "")


def files_in(folder: Path, option: str, purpose: str) -> list[Path]:
    """Return the files of a folder, hidden ones left out ("._NAME.mid" is the Finder's), sorted by name.

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
    try:
        files = [path for path in folder.iterdir() if path.is_file() and not path.name.startswith(".")]
    except OSError as error:
        raise InputError(f"{option} {folder}: cannot be read ({error.strerror}); check its permissions.") from error
    return sorted(files, key=lambda path: (name_key(path.name), path.name))


def is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # a name that is too long, for one; opening it will say so
        return False


def audio_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("[!.]*") if path.suffix.lower() in AUDIO_SUFFIXES and path.is_file())


def midi_below(folder: Path) -> list[Path]:
    """Return the MIDI files in a folder and below, hidden ones, too; none where there is no such folder."""
    return [path for path in folder.rglob("*") if path.suffix.lower() in MIDI_SUFFIXES]


def find_siblings(audio: Path) -> dict[str, Path]:
    """Return the files of a song's other stems beside one of them, by stem; none where its name tells no stem."""
    own = stem_of(audio.stem)
    if own is None:
        return {}
    song = song_of(audio.stem).casefold()
    found: dict[str, Path] = {}
    try:
        beside = sorted(audio.parent.iterdir(), key=lambda path: (path.suffix != audio.suffix, path.name))
        for path in beside:
            stem = stem_of(path.stem)
            is_audio = path.suffix.lower() in AUDIO_SUFFIXES and not path.name.startswith(".")
            if is_audio and stem not in (None, own) and song_of(path.stem).casefold() == song and path.is_file():
                found.setdefault(stem, path)
    except OSError:  # a folder that may be entered but not listed
        return {}
    return {stem: found[stem] for stem in STEMS if stem in found}
