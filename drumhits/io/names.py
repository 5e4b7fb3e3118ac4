"""Names of files and folders -> which song a file belongs to, and which drum it holds.

A drum is told by a word of `drums.NAMES`, in any case. In this order:

1. the file's name is such a word, or ends in one after a hyphen, an underscore or a dot, or has one in brackets:
   kick.wav, Song1-Kick.wav, Song1_(Kick)_MODEL.wav; of several words, that at the end, then the last in brackets;
2. its folder's name is such a word: kick/Song1.wav;
3. the name ends in one after a space, or begins with one, or has one between two separators: Song1 Kick.wav,
   Kick-Song1.wav, 01_kick_Song1.wav.

The song is the rest of the name. Where nothing is left, as of kick.wav, it is the folder: Song1/kick.wav.
"""

import os
import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from drumhits.drums import MIX_NAMES, NAMES, OTHER_NAMES, STEMS, TITLE_WORDS

MIX, OTHER = "mix", "other"  # what is no stem of the drums: all of them together, and other instruments
GENERIC = frozenset({"", "drum", "drums", "stem", "stems", "drum stems", "drum_stems", "audio", "track"})  # no songs
LEVELS_UP = 2  # of folders with such names, at most, below the one that names the song
MAX_CACHED = 1 << 16
_SEPARATORS = " -_."


class Drum(NamedTuple):
    """What a word tells: one of `drums.STEMS`, MIX or OTHER, and the articulation where the stem holds one only."""

    kind: str
    articulation: str | None = None


class Named(NamedTuple):
    """What the path of a file tells.

    Attributes
    ----------
    song : str
        Name of the song.
    place : Path
        The folder in which the files of the song lie, or in folders of it that are named by stem.
    home : Path
        The folder that holds the song: `place`, or the one above where the song is a folder.
    kind : str or None
        One of `drums.STEMS`, MIX or OTHER; None where neither name nor folder tells it.
    articulation : str or None
        That of all its hits.
    pattern : str
        The file's name without suffix, with an asterisk for the drum.
    by_folder : bool
        Whether the folder tells the drum, not the file's own name.
    is_clear : bool
        Whether the drum is told by the first of the rules above.
    """

    song: str
    place: Path
    home: Path
    kind: str | None = None
    articulation: str | None = None
    pattern: str = ""
    by_folder: bool = False
    is_clear: bool = False

    @property
    def stem(self) -> str | None:
        """One of `drums.STEMS`, or None."""
        return self.kind if self.kind in STEMS else None

    @property
    def part(self) -> str | None:
        """The stem, or its articulation where it holds one only: "ride"."""
        return self.articulation or self.stem

    @property
    def key(self) -> tuple[str, str]:
        """What the files of one song have in common, and no others."""
        return str(absolute(self.place)), name_key(self.song)


def name_key(name: str) -> str:
    """Return what equal names have in common where systems write accents and capitals differently."""
    if name.isascii():
        return name.lower()
    import unicodedata

    return unicodedata.normalize("NFC", name).casefold()


def read_name(path: Path) -> Named:
    """Return what the path of a file tells."""
    return Folder(path.parent).read(path.stem)


def stem_of(path: Path) -> str | None:
    """Return the stem that the path of a file tells, one of `drums.STEMS`; None where unclear."""
    return read_name(path).stem


class Folder:
    """A folder, and what its name tells of the files in it."""

    def __init__(self, path: Path):
        self.path = path
        self._drum = _drum_of_folder(_name(path))
        self._above = parent_of(path) if self._drum else path

    def read(self, name: str) -> Named:
        """Return what a file of this folder is, by its name without suffix."""
        found = _read_text(name)
        drum, own = found.drum, self._drum
        if own and not (drum and (drum.kind == own.kind or (found.is_clear and drum.kind in STEMS))):
            return self._named(name, own, name, self._above, by_folder=True)
        if drum is None:
            return Named(name, self.path, self.path, pattern=name)
        if own and own.kind == drum.kind:
            drum = Drum(drum.kind, drum.articulation or own.articulation)
            return self._named(found.song, drum, found.pattern, self._above, is_clear=found.is_clear)
        return self._named(found.song, drum, found.pattern, self.path, is_clear=found.is_clear)

    def _named(
        self, song: str, drum: Drum, pattern: str, place: Path, *, by_folder: bool = False, is_clear: bool = False
    ) -> Named:
        home = place
        if song.casefold() in GENERIC:
            song, home = _song_folder(place)
        return Named(song, place, home, *drum, pattern, by_folder, is_clear)


def names_stem(folder: str) -> bool:
    """Tell whether the name of a folder is that of a stem."""
    return _drum_of_folder(folder) is not None


@lru_cache(maxsize=MAX_CACHED)
def _drum_of_folder(name: str) -> Drum | None:
    drum = _DRUM_OF.get(_plain(name))
    return drum if drum and drum.kind in STEMS else None


def parent_of(folder: Path) -> Path:
    """Return the folder above, also of one like "." that does not say it."""
    return folder.parent if folder.name not in ("", "..") else absolute(folder).parent


def absolute(path: Path) -> Path:
    """Return a path from the root on, without "..", links as they are."""
    return Path(os.path.normpath(path.absolute()))


def _name(folder: Path) -> str:
    return folder.name if folder.name not in ("", "..") else absolute(folder).name


def _song_folder(place: Path) -> tuple[str, Path]:
    """Return the name of the song whose files lie in a folder, and the folder that holds the song."""
    folder = place
    for _ in range(LEVELS_UP):
        if _name(folder).casefold() not in GENERIC:
            break
        folder = parent_of(folder)
    return _name(folder) or _name(place), parent_of(folder)


class _Text(NamedTuple):
    """What the text of a file's name tells."""

    drum: Drum | None
    song: str
    pattern: str
    is_clear: bool


@lru_cache(maxsize=MAX_CACHED)
def _read_text(name: str) -> _Text:
    for find, is_clear in _RULES:
        if (word := find(name)) is not None:
            start, end = word.span("word")
            pattern = f"{name[:start]}*{name[end:]}"
            return _Text(_DRUM_OF[_plain(word["word"])], _song_in(name, word), pattern, is_clear)
    return _Text(None, name, name, False)


def _song_in(name: str, word: re.Match[str]) -> str:
    """Return the name without the word; of a name with drums or instruments in brackets, what lies before those."""
    before, after = name[: word.start("word")], name[word.end("word") :]
    if before.rstrip().endswith(("(", "[")):
        before = name[: next(_ANY_BRACKETED.finditer(name)).start()]
        after = "" if before.strip(_SEPARATORS) else after
    parts = (before.rstrip(_SEPARATORS + "(["), after.strip(_SEPARATORS + ")]"))
    return "_".join(filter(None, parts)).strip(_SEPARATORS)


def _plain(word: str) -> str:
    return re.sub("[-_. ]", "", word).casefold()


def _any_of(names: Iterable[str]) -> str:
    return "|".join(name.replace(" ", "[-_. ]?") for name in sorted(names, key=len, reverse=True))


_DRUM_OF = {_plain(name): Drum(*drum) for drum, names in NAMES.items() for name in names}
_DRUM_OF |= {_plain(name): Drum(MIX) for name in MIX_NAMES} | {_plain(name): Drum(OTHER) for name in OTHER_NAMES}
_STEM_NAMES = tuple(name for names in NAMES.values() for name in names)
_STEM = _any_of(_STEM_NAMES)
_REST = _any_of((*MIX_NAMES, *OTHER_NAMES))


Find = Callable[[str], "re.Match[str] | None"]


def _first(pattern: str) -> Find:
    return re.compile(pattern, re.IGNORECASE | re.ASCII).search


def _last(pattern: str) -> Find:
    finditer = re.compile(pattern, re.IGNORECASE | re.ASCII).finditer
    return lambda name: max(finditer(name), key=re.Match.start, default=None)


_WITH = r"(?<!^no)(?<![-_. (\[]no)"  # not "no kick"
_AT_END = _WITH + r"(?:^|[-_.(\[]) ?(?P<word>{})[ )\]]*$"
_IN_BRACKETS = r"[(\[] ?(?P<word>{}) ?[)\]]"
_AFTER_SPACE = _any_of([name for name in _STEM_NAMES if name not in TITLE_WORDS])
_ANY_BRACKETED = re.compile(_IN_BRACKETS.format(f"{_STEM}|{_REST}"), re.IGNORECASE | re.ASCII)
_RULES: tuple[tuple[Find, bool], ...] = (  # how a word is looked for, and whether it goes before the folder's name
    (_first(_AT_END.format(_STEM)), True),
    (_last(_IN_BRACKETS.format(_STEM)), True),
    (_first(rf"{_WITH} (?P<word>{_AFTER_SPACE})[ )\]]*$"), False),
    (_first(rf"^\d+ (?P<word>{_STEM})$"), False),
    (_first(rf"^(?P<word>{_STEM}) ?[-_.]"), False),
    (_last(rf"{_WITH}[-_.] ?(?P<word>{_STEM}) ?(?=[-_.])"), False),
    (_first(_AT_END.format(_REST)), True),
    (_last(_IN_BRACKETS.format(_REST)), True),
    (_first(rf" (?P<word>{_any_of(MIX_NAMES)})[ )\]]*$"), False),
)
