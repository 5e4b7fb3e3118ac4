"""What the three scripts share: exit codes, messages, progress, and rules for the files they replace."""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

from drumhits.errors import InputError, UsageError

EXIT_DONE, EXIT_SOME_FAILED, EXIT_INTERRUPTED = 0, 1, 130
BAR_WIDTH = 30


class Console:
    """Data to stdout; messages, warnings and a progress bar (on a terminal only) to stderr.

    Parameters
    ----------
    prog : str
        Name of the script, which starts each message.
    quiet : bool
        Say nothing but errors.
    """

    def __init__(self, prog: str, *, quiet: bool = False):
        self.prog = prog
        self.quiet = quiet
        self._has_bar = sys.stderr.isatty() and not quiet
        for stream in (sys.stdout, sys.stderr):
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="backslashreplace")

    def data(self, text: str) -> None:
        """Write a part of the report, unless quiet."""
        if not self.quiet:
            _write(sys.stdout, text)

    def message(self, text: str) -> None:
        """Say what is going on, unless quiet."""
        if not self.quiet:
            self._line(text)

    def warning(self, text: str) -> None:
        self.message(f"warning: {text}")

    def error(self, text: object) -> None:
        self._line(f"error: {text}")

    def progress(self, done: int, total: int, what: str) -> None:
        """Draw the bar at `done` of `total`; without a terminal nothing is drawn."""
        if self._has_bar and total > 1:
            filled = BAR_WIDTH * done // total
            bar = "#" * filled + "." * (BAR_WIDTH - filled)
            sys.stderr.write(f"\r\x1b[K[{bar}] {done}/{total} {printable(what)}")
            if done == total:
                sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()

    def _line(self, text: str) -> None:
        if self._has_bar:
            sys.stderr.write("\r\x1b[K")
        _write(sys.stderr, f"{self.prog}: {text}")


def _write(stream: TextIO, text: str) -> None:
    stream.write("\n".join(printable(line) for line in text.split("\n")) + "\n")


def printable(text: str) -> str:
    """Return text as plain ASCII: names from files must neither steer a terminal nor break one without Unicode."""
    return "".join(c if " " <= c <= "~" else ascii(c)[1:-1] for c in text)


def run(body: Callable[[], int], console: Console) -> int:
    """Run a script's body and return its exit code: errors become one sentence, Ctrl-C 130, a closed pipe silence."""
    try:
        code = body()
        sys.stdout.flush()
    except InputError as error:
        console.error(error)
        return error.exit_code
    except KeyboardInterrupt:
        console.message("interrupted; what was finished is written.")
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + getattr(signal, "SIGPIPE", 13)
    return code


def require_replaceable(
    path: Path, inputs: list[Path], is_ours: Callable[[Path], bool], *, force: bool, option: str
) -> None:
    """Make sure that writing `path` destroys nothing but an earlier output of ours.

    Raises
    ------
    UsageError
        The path is one of the inputs (also through a link).
    InputError
        The path is a folder, or holds something else and `force` is not given.
    """
    if not os.path.lexists(path) or not path.exists():
        return
    for given in inputs:
        if given.exists() and path.samefile(given):
            raise UsageError(f"{path}: {option} is the same file as the input {given}; give another name.")
    if not path.is_file():
        raise InputError(f"{path}: is a folder or a device; give {option} the name of a file.")
    if not force and not is_ours(path):
        raise InputError(
            f"{path}: exists and is not an untouched output of this script, perhaps your edited version; "
            f"choose another {option}, or --force to replace it."
        )


def starts_with(*signatures: bytes) -> Callable[[Path], bool]:
    """Return a test for files whose first bytes hold one of the signatures."""

    def is_ours(path: Path) -> bool:
        with path.open("rb") as file:
            head = file.read(256)
        return not head or any(signature in head for signature in signatures)

    return is_ours
