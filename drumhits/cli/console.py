"""What the three scripts share: exit codes, messages, progress, and rules for the files they replace."""

import argparse
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable
from typing import NoReturn, TextIO

from drumhits.cli.interrupts import StoppedError, stoppable
from drumhits.errors import InputError
from drumhits.io.text import escape_controls, without_numbers

EXIT_DONE, EXIT_SOME_FAILED, EXIT_INTERRUPTED = 0, 1, 130
EXIT_STOPPED = 128 + signal.SIGTERM
BAR_WIDTH = 30


class Console:
    """Data to stdout; messages, warnings and a progress bar (on a terminal only) to stderr.

    Text is shown as it is where the stream's encoding has it; what steers a terminal is escaped.

    Parameters
    ----------
    prog : str
        Name of the script, which starts each message.
    quiet : bool
        Say nothing but errors.
    most_alike : int
        So many warnings are said that are alike but for numbers and the file; `count_alike` counts the others.
    """

    def __init__(self, prog: str, *, quiet: bool = False, most_alike: int = sys.maxsize):
        self.prog = prog
        self.quiet = quiet
        self._most_alike = most_alike
        self._alike = dict[str, list[str]]()
        for stream in (sys.stdout, sys.stderr):
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="backslashreplace")
        self._has_bar = sys.stderr is not None and sys.stderr.isatty() and not quiet
        self._is_drawn = False
        self._started_s = time.monotonic()

    def data(self, text: str) -> None:
        """Write a part of the report, unless quiet."""
        if not self.quiet:
            self._clear_bar()
            _write(sys.stdout, "\n".join(escape_controls(line) for line in text.split("\n")))

    def message(self, text: str) -> None:
        """Say what is going on, unless quiet."""
        if not self.quiet:
            self._line(text)

    def warning(self, text: str) -> None:
        """Warn, of what happens to a file in the form "FILE: SENTENCE"."""
        alike = self._alike.setdefault(without_numbers(text.partition(": ")[2] or text), [])
        alike.append(text)
        if len(alike) <= self._most_alike:
            self.message(f"warning: {text}")

    def count_alike(self) -> None:
        """Say how many warnings were not shown, since they were alike."""
        for alike in self._alike.values():
            if (hidden := len(alike) - self._most_alike) > 0:
                self.message(f"warning: {hidden} more like this (-v shows all): {alike[0]}")

    def messages(self, texts: Iterable[str]) -> None:
        """Say several things, a line each."""
        for text in texts:
            self.message(text)

    def warnings(self, texts: Iterable[str]) -> None:
        """Warn of several things, a line each."""
        for text in texts:
            self.warning(text)

    def error(self, text: object) -> None:
        self._line(f"error: {text}")

    def progress(self, done: int, total: int, what: str) -> None:
        """Draw the bar at `done` of `total`, and the time left at the pace so far; without a terminal, nothing."""
        if self._has_bar and total > 1:
            filled = BAR_WIDTH * done // total
            bar = "#" * filled + "." * (BAR_WIDTH - filled)
            left = duration((time.monotonic() - self._started_s) / max(done, 1) * (total - done))
            sys.stderr.write(f"\r\x1b[K[{bar}] {done}/{total}, {left} left: {escape_controls(what)}")
            self._is_drawn = True
            if done == total:
                self._clear_bar()
            sys.stderr.flush()

    def _clear_bar(self) -> None:
        """Take the bar off the screen, so that what is printed next stands on a line of its own."""
        if self._is_drawn:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
            self._is_drawn = False

    def _line(self, text: str) -> None:
        self._clear_bar()
        _write(sys.stderr, escape_controls(f"{self.prog}: {text}"))


def duration(seconds: float) -> str:
    """Return a duration as hours, minutes and seconds, such as 1:02:03 or 0:07."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"


class ArgumentParser(argparse.ArgumentParser):
    """One whose messages show the words of the command line with what steers a terminal escaped."""

    def error(self, message: str) -> NoReturn:
        super().error(escape_controls(message))


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
