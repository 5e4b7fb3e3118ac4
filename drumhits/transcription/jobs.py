"""Command line -> jobs: which files to convert, as which stem, into which MIDI files."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from drumhits.drums import STEMS, song_of, stem_of
from drumhits.errors import InputError, UsageError
from drumhits.io.folders import audio_files, is_folder


def find_audio(given: Path, stem: str | None) -> list[tuple[Path, str]]:
    """Return (file, stem) of an input; a folder gives its audio files, also in folders below, sorted by name.

    A folder's files of other stems than `stem`, or whose name tells no stem where `stem` is None, are passed over; so
    are hidden files.

    Raises
    ------
    UsageError
        A file whose name tells no stem while `stem` is None.
    InputError
        A folder in which nothing fits.
    """
    return _in_folder(given, stem) if is_folder(given) else _as_file(given, stem)


def _as_file(path: Path, stem: str | None) -> list[tuple[Path, str]]:
    known = stem or stem_of(path.stem)
    if known is None:
        raise UsageError(
            f"{path}: the name does not end in a stem such as -kick; say which it is with --stem {'|'.join(STEMS)}."
        )
    return [(path, known)]


def _in_folder(folder: Path, stem: str | None) -> list[tuple[Path, str]]:
    files = audio_files(folder)
    named = [(path, stem_of(path.stem)) for path in files]
    fitting = [(path, known) for path, known in named if known and stem in (None, known)]
    if not fitting:
        wanted = f"-{stem}" if stem else " or ".join(f"-{name}" for name in STEMS)
        raise InputError(
            f"{folder}: holds no audio file whose name ends in {wanted} ({len(files)} audio files in all); "
            "rename the stems or give the files themselves."
        )
    return fitting


def output_paths(
    inputs: Sequence[Path], audio: Sequence[Path], output: Path | None, *, one_file_a: str = "stem"
) -> list[Path]:
    """Return the MIDI file for each audio file.

    `one_file_a` is "stem"; or "song", where stems of a song in one folder have one in common; or "mix", where the same
    audio comes several times and has one.

    Without `output` it lies beside the audio. One input that is a file takes `output` as the file to write, unless that
    is a folder, or a new name without suffix; otherwise `output` is a folder.

    Raises
    ------
    UsageError
        `output` is a file, or named like one, where a folder is needed.
    """
    names = [song_of(path.stem) if one_file_a == "song" else path.stem for path in audio]
    songs = {(path.parent, name) for path, name in zip(audio, names, strict=True)}
    is_one_song = one_file_a == "song" and len(songs) == 1
    if output is not None and not is_folder(output):
        if is_one_song and output.suffix:
            return [output for _ in audio]
        if len(inputs) == 1 and not is_folder(inputs[0]) and (output.suffix or os.path.lexists(output)):
            return [output for _ in audio]
        if os.path.lexists(output):
            raise UsageError(f"--output {output}: is a file, and a folder is needed here.")
        if output.suffix.lower() in (".mid", ".midi"):
            raise UsageError(f"--output {output}: is named like a file; several inputs need a folder.")
    return [(output or path.parent) / f"{name}.mid" for path, name in zip(audio, names, strict=True)]


def gather_mixes(inputs: Sequence[Path]) -> tuple[list[tuple[Path, str]], dict[str, InputError]]:
    """Return each audio file of the inputs once with every stem, and what is wrong with inputs that hold none.

    A folder gives those whose name ends in no stem.
    """
    found, refused = _each_once(inputs, lambda given: _mixes_in(given) if is_folder(given) else [(given,)])
    return [(path, stem) for (path,) in found for stem in STEMS], refused


def _mixes_in(folder: Path) -> list[tuple[Path]]:
    mixes = [(path,) for path in audio_files(folder) if stem_of(path.stem) is None]
    if not mixes:
        raise InputError(f"{folder}: holds no audio file but stems; give the mixes themselves, or leave out --split.")
    return mixes


def gather(inputs: Sequence[Path], stem: str | None) -> tuple[list[tuple[Path, str]], dict[str, InputError]]:
    """Return each audio file of the inputs once, with its stem, and what is wrong with inputs that hold none."""
    return _each_once(inputs, lambda given: find_audio(given, stem))


def _each_once(
    inputs: Sequence[Path], find: Callable[[Path], list[tuple]]
) -> tuple[list[tuple], dict[str, InputError]]:
    """Return the rows that `find` gives for the inputs, one for each file, which comes first in them."""
    found: dict[str, tuple] = {}
    refused: dict[str, InputError] = {}
    for given in inputs:
        with collect_errors(refused, given):
            for row in find(given):
                found.setdefault(os.path.realpath(row[0]), row)
    return list(found.values()), refused


@contextmanager
def collect_errors(refused: dict[str, InputError], given: Path) -> Iterator[None]:
    """Note what is wrong with one input, so that the others are done all the same; wrong usage ends the run."""
    try:
        yield
    except UsageError:
        raise
    except InputError as error:
        refused[str(given)] = error
