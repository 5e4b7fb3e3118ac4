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
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from drumhits.drums import MIX_NAMES, NAMES, OTHER_NAMES, STEMS, TITLE_WORDS

MIX, OTHER = "mix", "other"  # what is no stem of the drums: all of them together, and other instruments
GENERIC = frozenset({"", "drum", "drums", "stem", "stems", "drum stems", "drum_stems", "audio", "track"})  # no songs
LEVELS_UP = 2  # of folders with such names, at most, below the one that names the song
MAX_CACHED = 1 << 16


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
    """What the text of a file's name tells; see `Named`."""

    drum: Drum | None
    song: str
    pattern: str
    is_clear: bool


class _Word(NamedTuple):
    """A word of a name that tells a drum."""

    drum: Drum
    name: str  # of the file
    start: int
    end: int

    @property
    def before(self) -> str:
        return self.name[: self.start]

    @property
    def after(self) -> str:
        return self.name[self.end :]

    @property
    def is_set_off(self) -> bool:
        """Whether more than a space parts it from what lies before it."""
        return not self.before or self.before.rstrip(" ").endswith(tuple(_MARKS + _OPENING))

    @property
    def is_bracketed(self) -> bool:
        return self.before.rstrip(" ").endswith(tuple(_OPENING)) and self.after.lstrip(" ").startswith(tuple(_CLOSING))

    @property
    def is_last(self) -> bool:
        return not self.after.strip(" " + _CLOSING)

    @property
    def is_in_title(self) -> bool:
        """Whether it is as likely a word of the song's title."""
        return self.name[self.start : self.end].lower() in TITLE_WORDS and not self.before.strip(" ").isdecimal()

    @property
    def is_followed(self) -> bool:
        """Whether a separator other than a space lies behind it."""
        return self.after.lstrip(" ").startswith(tuple(_MARKS))


_RULES: tuple[tuple[Callable[[_Word], bool], bool, bool], ...] = (
    # what a word must be; whether it must be a stem; whether it goes before the folder's name
    (lambda word: word.is_last and word.is_set_off, True, True),
    (lambda word: word.is_bracketed, True, True),
    (lambda word: word.is_last and not word.is_in_title, True, False),
    (lambda word: word.is_followed and not word.before, True, False),
    (lambda word: word.is_followed and word.is_set_off, True, False),
    (lambda word: word.is_last and word.is_set_off, False, True),
    (lambda word: word.is_bracketed, False, True),
    (lambda word: word.is_last and word.drum.kind == MIX, False, False),
)


@lru_cache(maxsize=MAX_CACHED)
def _read_text(name: str) -> _Text:
    words = list(_words(name))
    for is_fitting, must_be_stem, is_clear in _RULES if words else ():
        for word in reversed(words):
            if is_fitting(word) and (word.drum.kind in STEMS) == must_be_stem:
                return _Text(word.drum, _song_of(word, words), f"{word.before}*{word.after}", is_clear)
    return _Text(None, name, name, False)


def _words(name: str) -> Iterator[_Word]:
    """Yield the words of a name that tell a drum, the longest possible ones, such as "no kick" and "bass drum"."""
    tokens = [(token.start(), token.end()) for token in _TOKEN.finditer(name)]
    first = 0
    while first < len(tokens):
        for last in range(min(first + MOST_TOKENS, len(tokens)) - 1, first - 1, -1):
            start, end = tokens[first][0], tokens[last][1]
            gaps = (tokens[k + 1][0] - tokens[k][1] for k in range(first, last))
            drum = _DRUM_OF.get(_plain(name[start:end])) if all(gap == 1 for gap in gaps) else None
            if drum is not None:
                yield _Word(drum, name, start, end)
                first = last
                break
        first += 1


def _song_of(word: _Word, words: list[_Word]) -> str:
    """Return the name without the word; of a name with drums or instruments in brackets, what lies before those."""
    before, after = word.before, word.after
    if word.is_bracketed:
        before = next(other.before for other in words if other.is_bracketed)
        after = "" if before.strip(_SEPARATORS + _OPENING) else after
    parts = (before.rstrip(_SEPARATORS + _OPENING), after.strip(_SEPARATORS + _CLOSING))
    return "_".join(filter(None, parts)).strip(_SEPARATORS)


def _plain(word: str) -> str:
    return word.translate(_WITHOUT_SEPARATORS).casefold()


_MARKS, _OPENING, _CLOSING = "-_.", "([", ")]"
_SEPARATORS = " " + _MARKS
_WITHOUT_SEPARATORS = str.maketrans("", "", _SEPARATORS)
_TOKEN = re.compile(r"[^-_. ()\[\]]+")
MOST_TOKENS = 3  # of a word such as "no hi-hat"
_DRUM_OF = {_plain(name): Drum(*drum) for drum, names in NAMES.items() for name in names}
_DRUM_OF |= {_plain(name): Drum(MIX) for name in MIX_NAMES} | {_plain(name): Drum(OTHER) for name in OTHER_NAMES}
