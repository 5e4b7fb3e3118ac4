"""Rules for the files that the scripts replace."""

import os
from collections.abc import Callable
from pathlib import Path

from drumhits.errors import InputError, UsageError

WRITE_PERMISSIONS = 0o222


def require_replaceable(
    path: Path, inputs: list[Path], is_ours: Callable[[Path], bool], *, force: bool, option: str
) -> None:
    """Make sure that writing `path` destroys nothing but an earlier output of ours.

    Raises
    ------
    UsageError
        The path is one of the inputs (also through a link).
    InputError
        The path is a folder or cannot be looked at, or holds something else or is write-protected and `force` is not
        given.
    """
    try:
        if not path.exists():
            return
        same = next((given for given in inputs if given.exists() and path.samefile(given)), None)
        is_protected = not path.stat().st_mode & WRITE_PERMISSIONS
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror}); give {option} another name.") from error
    if same:
        raise UsageError(f"{path}: {option} is the same file as the input {same}; give another name.")
    if not path.is_file():
        raise InputError(f"{path}: is a folder or a device; give {option} the name of a file.")
    if not force and is_protected:
        raise InputError(f"{path}: is write-protected; choose another {option}, or --force to replace it.")
    if not force and not is_ours(path):
        raise InputError(
            f"{path}: exists and is not an untouched output of this script, perhaps your edited version; "
            f"choose another {option}, or --force to replace it."
        )


def require_distinct(outputs: list[tuple[str, Path]]) -> None:
    """Make sure that no two of a run's outputs, given as (what it is, path), are one file.

    Raises
    ------
    UsageError
        Two of them are, also through a link or in letters of another case.
    """
    first: dict[str, str] = {}
    for what, path in outputs:
        other = first.setdefault(os.path.realpath(path).casefold(), what)
        if other != what:
            raise UsageError(f"{path}: {other} and {what} would both be written to it; give one of them another name.")


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


def page_path(given: Path) -> Path:
    """Return the file to write: `given` itself where it is named like a page, else report.html in that folder."""
    return given if given.suffix.lower() in (".html", ".htm") and not given.is_dir() else given / "report.html"
