"""What the three scripts share: exit codes, messages, progress, and rules for the files they replace."""

import argparse
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn, TextIO

from drumhits.errors import InputError, UsageError
from drumhits.interrupts import StoppedError, stoppable
from drumhits.printable import printable

EXIT_DONE, EXIT_SOME_FAILED, EXIT_INTERRUPTED = 0, 1, 130
EXIT_STOPPED = 128 + signal.SIGTERM
BAR_WIDTH = 30
WRITE_PERMISSIONS = 0o222


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
        for stream in (sys.stdout, sys.stderr):
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="backslashreplace")
        self._has_bar = sys.stderr is not None and sys.stderr.isatty() and not quiet
        self._started_s = time.monotonic()

    def data(self, text: str) -> None:
        """Write a part of the report, unless quiet."""
        if not self.quiet:
            _write(sys.stdout, "\n".join(printable(line) for line in text.split("\n")))

    def message(self, text: str) -> None:
        """Say what is going on, unless quiet."""
        if not self.quiet:
            self._line(text)

    def warning(self, text: str) -> None:
        self.message(f"warning: {text}")

    def error(self, text: object) -> None:
        self._line(f"error: {text}")

    def progress(self, done: int, total: int, what: str) -> None:
        """Draw the bar at `done` of `total`, and the time left at the pace so far; without a terminal, nothing."""
        if self._has_bar and total > 1:
            filled = BAR_WIDTH * done // total
            bar = "#" * filled + "." * (BAR_WIDTH - filled)
            left = duration((time.monotonic() - self._started_s) / max(done, 1) * (total - done))
            sys.stderr.write(f"\r\x1b[K[{bar}] {done}/{total}, {left} left: {printable(what)}")
            if done == total:
                sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()

    def _line(self, text: str) -> None:
        if self._has_bar:
            sys.stderr.write("\r\x1b[K")
        _write(sys.stderr, printable(f"{self.prog}: {text}"))


def duration(seconds: float) -> str:
    """Return a duration as hours, minutes and seconds, such as 1:02:03 or 0:07."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"


class ArgumentParser(argparse.ArgumentParser):
    """One whose messages show the words of the command line, such as file names, in plain ASCII."""

    def error(self, message: str) -> NoReturn:
        super().error(printable(message))


def _write(stream: TextIO | None, text: str) -> None:
    """Write a line; a stream that the caller closed is None, and takes nothing."""
    if stream is not None:
        stream.write(text + "\n")


def run(body: Callable[[], int], console: Console) -> int:
    """Run a script's body and return its exit code: errors become one sentence, Ctrl-C 130, a closed pipe silence."""
    try:
        with stoppable():
            code = body()
            if sys.stdout is not None:
                sys.stdout.flush()
    except InputError as error:
        console.error(error)
        return error.exit_code
    except KeyboardInterrupt as stop:
        console.message("interrupted; what was finished is written.")
        return EXIT_STOPPED if isinstance(stop, StoppedError) else EXIT_INTERRUPTED
    except MemoryError:
        console.error("out of memory; convert fewer files at a time (--jobs 1), or close other programs.")
        return InputError.exit_code
    except BrokenPipeError:
        _drop_stdout()
        return 128 + getattr(signal, "SIGPIPE", 13)
    except OSError as error:
        _drop_stdout()
        console.error(f"stopped: {error.strerror or error}; is the disk full, or the output closed?")
        return InputError.exit_code
    return code


def _drop_stdout() -> None:
    """Send what is still buffered nowhere, so that Python does not fail once more at exit."""
    if sys.stdout is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


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
