"""Rules for the files that a run replaces: earlier outputs of ours, and nothing else.

What a run reads is never replaced, also by force and through links; neither is any other audio file, so that stems that
a run reads without being told, such as a song's other ones, are safe from it.
"""

import os
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from drumhits.errors import InputError, UsageError
from drumhits.io.audio import is_named_as_audio
from drumhits.io.recording import holds_audio

WRITE_PERMISSIONS = 0o222


class Output(NamedTuple):
    """A file that a run writes: the option that names it, its path, and a test for earlier outputs of its kind."""

    option: str
    path: Path
    is_ours: Callable[[Path], bool]


class InputFiles:
    """The files that a run reads, known by what they are on disk, whatever links lead there.

    Parameters
    ----------
    paths : iterable of Path
        Gone through where an output is there already, and only then.
    """

    def __init__(self, paths: Iterable[Path]):
        self._paths = paths

    @cached_property
    def _by_identity(self) -> dict[tuple[int, int], Path]:
        return {identity: path for path in self._paths if (identity := _identity(path)) is not None}

    def same_as(self, path: Path) -> Path | None:
        """Return the input that is the same file as `path`; None where there is none."""
        identity = _identity(path)
        return None if identity is None else self._by_identity.get(identity)


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        state = path.stat()
    except (OSError, ValueError):
        return None
    return state.st_dev, state.st_ino


def require_safe(outputs: Sequence[Output], inputs: Iterable[Path], *, force: bool) -> None:
    """Make sure that a run's outputs destroy neither each other nor anything of the user's.

    Parameters
    ----------
    outputs : sequence of Output
    inputs : iterable of Path
        Every file that the run reads.
    force : bool
        Whether files that are no outputs of ours may be replaced.

    Raises
    ------
    UsageError, InputError
        See `require_distinct` and `require_replaceable`.
    """
    require_distinct(outputs)
    read = InputFiles(inputs)
    for output in outputs:
        require_replaceable(output, read, force=force)


def require_replaceable(output: Output, inputs: InputFiles, *, force: bool) -> None:
    """Make sure that writing an output destroys nothing but an earlier one of ours.

    Raises
    ------
    UsageError
        It is one of the inputs (also through a link), or audio.
    InputError
        It is a folder or cannot be looked at, or holds something else or is write-protected and `force` is not given.
    """
    path, option = output.path, output.option
    try:
        if not path.exists():
            return
        is_protected = not path.stat().st_mode & WRITE_PERMISSIONS
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror}); give {option} another name.") from error
    if same := inputs.same_as(path):
        raise UsageError(f"{path}: {option} is the same file as the input {same}; give another name.")
    if not path.is_file():
        raise InputError(f"{path}: is a folder or a device; give {option} the name of a file.")
    if holds_audio(path) or (is_named_as_audio(path) and not output.is_ours(path)):
        raise UsageError(f"{path}: is an audio file, which {option} never replaces; give another name.")
    if force:
        return
    if is_protected:
        raise InputError(f"{path}: is write-protected; choose another {option}, or --force to replace it.")
    if not output.is_ours(path):
        raise InputError(
            f"{path}: exists and is not an untouched output of this script, perhaps your edited version; "
            f"choose another {option}, or --force to replace it."
        )


def require_distinct(outputs: Iterable[Output]) -> None:
    """Make sure that no two of a run's outputs are one file.

    Raises
    ------
    UsageError
        Two of them are, also through a link or in letters of another case.
    """
    first: dict[str, str] = {}
    for option, path, _ in outputs:
        other = first.setdefault(os.path.realpath(path).casefold(), option)
        if other != option:
            raise UsageError(
                f"{path}: {other} and {option} would both be written to it; give one of them another name."
            )


def starts_with(*signatures: bytes) -> Callable[[Path], bool]:
    """Return a test for files whose first bytes hold one of the signatures."""

    def is_ours(path: Path) -> bool:
        try:
            with path.open("rb") as file:
                head = file.read(256)
        except OSError:
            return False
        return not head or any(signature in head for signature in signatures)

    return is_ours
