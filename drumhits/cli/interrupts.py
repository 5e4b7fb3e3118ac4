"""Ctrl-C and SIGTERM: a run that is stopped by them says so, and leaves nothing half done."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class StoppedError(KeyboardInterrupt):
    """SIGTERM."""


def end_quietly() -> None:
    """Let Ctrl-C end the process at once, with no traceback: for the time before `stoppable`, while modules load."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


@contextmanager
def stoppable() -> Iterator[None]:
    """Let Ctrl-C raise KeyboardInterrupt and SIGTERM `StoppedError`; a second one of its kind ends the process at once.

    A signal that the caller ignores, as for a process in the background, stays ignored.
    """

    def stop(number: int, _frame: object) -> None:
        signal.signal(number, signal.SIG_DFL)
        raise KeyboardInterrupt if number == signal.SIGINT else StoppedError

    before = {}
    try:
        with suppress(ValueError):  # only the main thread may
            for number in (signal.SIGINT, signal.SIGTERM):
                if (handler := signal.getsignal(number)) != signal.SIG_IGN:
                    before[number] = handler
                    signal.signal(number, stop)
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
