"""The stems of a run, one open for review at a time."""

import threading
from collections.abc import Sequence
from typing import Any

from drumhits.errors import InputError
from drumhits.review.outputs import Places
from drumhits.review.stem import StemReview
from drumhits.transcription.convert import Job

LONGEST_WAIT_S = 600.0  # until the first stem is open: an hour of audio takes less


class Reviews:
    """Some stems in their order, of which one is open at a time.

    Parameters
    ----------
    stems : sequence of (Job, Places)

    Attributes
    ----------
    index : int
        Of the one that is open, or to be opened first.
    written : list of str
        The files that were written so far.
    ended : threading.Event
        Set when the user has done with all.
    """

    def __init__(self, stems: Sequence[tuple[Job, Places]]):
        self._stems = stems
        self._lock = threading.Lock()
        self._finished: set[int] = set()
        self._is_open = threading.Event()
        self._open: StemReview | None = None
        self.index = 0
        self.written: list[str] = []
        self.ended = threading.Event()

    @property
    def current(self) -> StemReview:
        """The stem that is open, once the first is.

        Raises
        ------
        InputError
            It takes too long.
        """
        if not self._is_open.wait(LONGEST_WAIT_S) or self._open is None:
            raise InputError("the stem could not be opened; see what the terminal says.")
        return self._open

    def open(self, index: int) -> None:
        """Open a stem in place of the one that is open, which keeps what was decided.

        Raises
        ------
        InputError
            It cannot be opened; the current one stays.
        IndexError
            There is none of that number.
        """
        with self._lock:
            if not 0 <= index < len(self._stems):
                raise IndexError(index)
            before = self._open
            if before is not None and index == self.index:
                return
            try:
                self._open = StemReview(*self._stems[index])
            finally:
                self._is_open.set()
            self.index = index
            if before is not None:
                before.close()

    def finish(self) -> list[str]:
        """Write the files of the current stem, and return their paths; InputError where one cannot be written."""
        files = self.current.finish()
        self._finished.add(self.index)
        self.written += [file for file in files if file not in self.written]
        return files

    def about(self) -> dict[str, Any]:
        """Return what the page shows of all stems, and of the current one."""
        about = self.current.about()
        return {
            "index": self.index,
            "stems": [
                {"label": job.label or job.audio.stem, "done": index in self._finished}
                for index, (job, _) in enumerate(self._stems)
            ],
            **about,
        }

    def close(self) -> None:
        """Let go of everything that is open."""
        if self._open is not None:
            self._open.close()
