"""Command line -> jobs: which files to convert, as which stem, into which MIDI files."""

import math
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from drumhits.detection.song_audio import LONGEST_DIFFERENCE_S
from drumhits.drums import STEMS
from drumhits.errors import InputError, UsageError
from drumhits.io.audio import announced_duration_s
from drumhits.io.folders import (
    common_folder,
    files_below,
    find_stems,
    is_audio,
    is_folder,
    is_foreign_audio,
    name_list,
    relative,
)
from drumhits.io.names import MIX, OTHER, Named, absolute, name_key, read_name

SPLIT_HINT = "--split finds the instruments of a whole mix"
ONE_OF_STEMS = "|".join(STEMS)


class StemFile(NamedTuple):
    """An audio file to convert.

    Attributes
    ----------
    path : Path
    stem : str
    named : Named
        What its path tells.
    root : Path
        The folder that was given, or that of a file that was.
    separated : Path or None
        Of a whole mix: the stem that was separated from it, where that lies beside it.
    """

    path: Path
    stem: str
    named: Named
    root: Path
    separated: Path | None = None

    @property
    def articulation(self) -> str | None:
        """That of all its hits, where the path tells it."""
        return self.named.articulation if self.named.stem == self.stem else None

    @property
    def part(self) -> str:
        """The stem, or the articulation that it holds alone."""
        return self.articulation or self.stem

    @property
    def song(self) -> str:
        """Name of the song, with the folders that it lies in below `root`."""
        return (self._home / self.named.song).as_posix()

    @property
    def label(self) -> str:
        """Song and drum, such as "Song1 kick"."""
        return f"{self.song} {self.part}"

    @property
    def _home(self) -> Path:
        """The folder of the song, as seen from `root`; the root itself where it is the song's own folder."""
        home, root = (absolute(folder) for folder in (self.named.home, self.root))
        return home.relative_to(root) if home.is_relative_to(root) else Path()


class Skipped(NamedTuple):
    """Audio files that were passed over, for one reason."""

    reason: str
    paths: list[Path]

    def sentence(self) -> str:
        """Say how many, why, which, and what to do."""
        files = "1 file was" if len(self.paths) == 1 else f"{len(self.paths)} files were"
        return (
            f"{files} passed over, {_REASONS[self.reason]}: {name_list(self.paths, within=common_folder(self.paths))}."
        )


NAMELESS, OTHER_STEM, FOREIGN = "nameless", "other stem", "foreign"
UNREADABLE, IRREGULAR, UNLIKE = "unreadable", "irregular", "unlike"
_REASONS = {  # what follows "3 files were passed over, "
    NAMELESS: f"since neither name nor folder tells a drum (rename them, or say which with --stem {ONE_OF_STEMS})",
    MIX: f"as the whole kit or song ({SPLIT_HINT})",
    OTHER: "as other instruments",
    OTHER_STEM: "as other stems than --stem",
    FOREIGN: "of a format that cannot be read (convert them to WAV or FLAC first, for example with ffmpeg)",
    UNREADABLE: "folders that cannot be listed (check their permissions)",
    UNLIKE: "which cannot be read or do not last as long as the mix beside them (export all over the same range)",
    IRREGULAR: "which is no audio but a link that leads nowhere, or a pipe (mend or remove it)",
}
WARNED_OF = (NAMELESS, FOREIGN, UNREADABLE, IRREGULAR, UNLIKE)


class Found(NamedTuple):
    """What is to be converted, what was passed over in folders, and what is wrong with other inputs, by their path."""

    files: list[StemFile]
    skipped: list[Skipped]
    refused: dict[str, InputError]


class _Scan:
    """The files of some inputs, sorted into those to convert and those passed over."""

    def __init__(self, stem: str | None):
        self.stem = stem
        self.skipped: dict[str, list[Path]] = {}

    def stems_in(self, given: Path) -> list[StemFile]:
        """Return the stems of an input.

        Raises
        ------
        UsageError
            A file whose path tells no stem while none is given.
        InputError
            There is nothing of this name, or a folder in which nothing fits.
        """
        return self._in_folder(given) if is_folder(given) else [self._as_file(given)]

    def _as_file(self, path: Path) -> StemFile:
        named = read_name(path)
        stem = self.stem or named.stem
        if stem is None:
            _require_there(path)
            raise UsageError(f"{path}: {_unclear(named)}")
        return StemFile(path, stem, named, path.parent)

    def _in_folder(self, folder: Path) -> list[StemFile]:
        named = self._audio_in(folder)
        separated = {one.key for _, one in named if one.stem}
        fitting = []
        for path, one in named:
            reason = self._reason_against(path, one, separated)
            if reason is None:
                fitting.append(StemFile(path, self.stem or one.stem or "", one, folder))
            else:
                self.skipped.setdefault(reason, []).append(path)
        if not fitting:
            wanted = self.stem or "a drum"
            raise InputError(
                f"{folder}: holds no audio file whose name or folder tells {wanted} ({len(named)} audio files in all); "
                "rename the stems, such as Song1-kick.wav or Song1/kick.wav, or give the files themselves."
            )
        return fitting

    def _reason_against(self, path: Path, named: Named, separated: set[tuple[str, str]]) -> str | None:
        """Return why a file of a folder is passed over; `separated` are the songs whose stems are there."""
        if named.kind in (MIX, OTHER):
            return named.kind
        if named.stem is None:
            is_mix = named.key in separated  # Song1.wav beside Song1-kick.wav
            return MIX if is_mix else None if self.stem else NAMELESS
        return OTHER_STEM if self.stem not in (None, named.stem) else None

    def mixes_in(self, given: Path) -> list[StemFile]:
        """Return the mixes of an input, each once with every stem; a folder gives those that are no stems.

        Of stems that were separated from a mix and lie beside it, those that last as long as the mix are taken along.
        """
        if not is_folder(given):
            mixes, root = [(given, read_name(given))], given.parent
        else:
            named, root = self._audio_in(given), given
            mixes = [(path, one) for path, one in named if one.kind in (None, MIX)]
            if others := [path for path, one in named if one.kind == OTHER]:
                self.skipped.setdefault(OTHER, []).extend(others)
            if not mixes:
                raise InputError(
                    f"{given}: holds no audio file but stems; give the mixes themselves, or leave out --split."
                )
        return [
            StemFile(path, stem, one, root, separated.get(stem))
            for path, one in mixes
            for separated in [self._separated_from(path)]
            for stem in STEMS
        ]

    def _separated_from(self, mix: Path) -> dict[str, Path]:
        """Return the stems of a mix, by stem; none of a mix that cannot be read, which is an error further on."""
        stems = find_stems(mix)
        if not stems or math.isnan(length_s := _duration_s(mix)):
            return {}
        fitting = {
            stem: path for stem, path in stems.items() if abs(_duration_s(path) - length_s) <= LONGEST_DIFFERENCE_S
        }
        if unlike := [path for stem, path in stems.items() if stem not in fitting]:
            self.skipped.setdefault(UNLIKE, []).extend(unlike)
        return fitting

    def _audio_in(self, folder: Path) -> list[tuple[Path, Named]]:
        """Return the audio files in and below a folder that can be read, and note those that cannot."""
        files, unreadable, irregular = files_below(folder)
        passed_over = {
            FOREIGN: filter(is_foreign_audio, files), UNREADABLE: unreadable, IRREGULAR: filter(is_audio, irregular),
        }  # fmt: skip
        for reason, paths in passed_over.items():
            if paths := list(paths):
                self.skipped.setdefault(reason, []).extend(paths)
        return [(path, read_name(path)) for path in files if is_audio(path)]


def _duration_s(path: Path) -> float:
    """Return the duration that an audio file announces, NaN where it cannot be read."""
    try:
        return announced_duration_s(path)
    except InputError:
        return math.nan


def _require_there(path: Path) -> None:
    if not os.path.lexists(path):
        raise InputError(f"{path}: no such file or folder; check the name and the folder.")


def _unclear(named: Named) -> str:
    say = f"say which it is with --stem {ONE_OF_STEMS}"
    if named.kind == MIX:
        return f"is the whole kit or song by its name; {SPLIT_HINT}, or {say}."
    if named.kind == OTHER:
        return f"holds no drums by its name; {say}."
    return f"neither its name nor its folder tells a drum, as Song1-kick.wav does; {say}, or for a mix give --split."


def gather(inputs: Sequence[Path], stem: str | None, *, split: bool = False) -> Found:
    """Return each audio file of the inputs once, with its stem; with `split`, each mix with every stem.

    A folder gives its audio files, also in folders below, sorted by name. With `stem`, those are it whose path tells it
    or nothing; without, those whose path tells a stem. Hidden files are left out.

    Raises
    ------
    UsageError
        See `_Scan.stems_in`.
    """
    scan, refused = _Scan(stem), dict[str, InputError]()
    found: dict[tuple[str, str], StemFile] = {}
    find: Callable[[Path], list[StemFile]] = scan.mixes_in if split else scan.stems_in
    for given in inputs:
        with collect_errors(refused, given):
            for file in find(given):
                found.setdefault((os.path.realpath(file.path), file.stem if split else ""), file)
    return Found(_apart(list(found.values())), [Skipped(*one) for one in scan.skipped.items()], refused)


def output_paths(
    inputs: Sequence[Path], files: Sequence[StemFile], output: Path | None, *, one_file_a: str = "stem"
) -> list[Path]:
    """Return the MIDI file for each audio file.

    `one_file_a` is "stem"; or "song", where the stems of a song have one in common; or "mix", where the same audio
    comes several times and has one.

    Without `output` it lies beside the audio. One input that is a file takes `output` as the file to write, unless that
    is a folder, or a new name without suffix; otherwise `output` is a folder, in which the tree of the input is found
    again.

    Raises
    ------
    UsageError
        `output` is a file, or named like one, where a folder is needed.
    """
    is_song = one_file_a == "song"
    is_one_song = is_song and len({file.named.key for file in files}) == 1
    if output is None:
        return [
            file.named.place / f"{file.named.song}.mid" if is_song else file.path.with_name(f"{file.path.stem}.mid")
            for file in files
        ]
    if not is_folder(output):
        if is_one_song and output.suffix:
            return [output for _ in files]
        if len(inputs) == 1 and not is_folder(inputs[0]) and (output.suffix or os.path.lexists(output)):
            return [output for _ in files]
        if os.path.lexists(output):
            raise UsageError(f"--output {output}: is a file, and a folder is needed here.")
        if output.suffix.lower() in (".mid", ".midi"):
            raise UsageError(f"--output {output}: is named like a file; several inputs need a folder.")
    return [output / (f"{file.song}.mid" if is_song else _midi_name(file)) for file in files]


def _midi_name(file: StemFile) -> Path:
    return relative(file.path.with_name(f"{file.path.stem}.mid"), file.root)


def _apart(files: list[StemFile]) -> list[StemFile]:
    """Return the files as seen from the folder that holds them all, where songs of equal names would be one otherwise.

    So `--input Song1/kick.wav Song2/kick.wav` gives Song1/kick.mid and Song2/kick.mid.
    """
    songs, midi = dict[str, tuple[str, str]](), dict[Path, Path]()
    is_clear = all(
        songs.setdefault(name_key(file.song), file.named.key) == file.named.key
        and midi.setdefault(_midi_name(file), file.path.parent) == file.path.parent
        for file in files
    )
    if is_clear:
        return files
    root = common_folder([file.path for file in files])
    return [file._replace(root=root) for file in files]


@contextmanager
def collect_errors(refused: dict[str, InputError], given: Path) -> Iterator[None]:
    """Note what is wrong with one input, so that the others are done all the same; wrong usage ends the run."""
    try:
        yield
    except UsageError:
        raise
    except InputError as error:
        refused[str(given)] = error
