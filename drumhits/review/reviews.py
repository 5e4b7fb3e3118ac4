"""The stems of a run, one open for review at a time."""

import threading
from collections.abc import Sequence
from typing import Any

from drumhits.errors import InputError
from drumhits.review.grids import SongGrids
from drumhits.review.places import Places
from drumhits.review.showing import about
from drumhits.review.stem import StemReview
from drumhits.transcription.convert import Job

LONGEST_WAIT_S = 600.0  # until the first stem is open: an hour of audio takes less


class Reviews:
    """Some stems in their order, of which one is open at a time.

    Parameters
    ----------
    stems : sequence of (Job, Places)
    heard : sequence of Job
        What else tells the grid of their songs, where the settings do not say it.

    Attributes
    ----------
    index : int
        Of the one that is open, or to be opened first.
    written : list of str
        The files that were written so far.
    messages, warnings : list of str
        What is to be said of them.
    ended : threading.Event
        Set when the user has done with all.
    """

    def __init__(self, stems: Sequence[tuple[Job, Places]], heard: Sequence[Job] = ()):
        self._stems = stems
        self._grids = SongGrids([*(job for job, _ in stems), *heard])
        self._lock = threading.Lock()
        self._finished: set[int] = set()
        self._is_open = threading.Event()
        self._open: StemReview | None = None
        self.index = 0
        self.written: list[str] = []
        self.messages: list[str] = []
        self.warnings: list[str] = []
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
            self._open.look_for_missed()
            self._grids.look_for(self._open.job)

    def finish(self) -> tuple[list[str], list[str]]:
        """Write the files of the current stem, and return their paths, and what to say of them.

        Raises
        ------
        InputError
            One cannot be written, or no stem of the song be read that its grid is to be told by.
        """
        found = self._grids.of(self.current.job)
        files = self.current.finish(found.grid if found else None)
        self._finished.add(self.index)
        self.written += [file for file in files if file not in self.written]
        message, warning = (found.message, found.warning) if found else ("", "")
        self.messages += [message] * (message not in ("", *self.messages))
        self.warnings += [warning] * (warning not in ("", *self.warnings))
        return files, [*filter(None, (message, warning))]

    def about(self) -> dict[str, Any]:
        """Return what the page shows of all stems, and of the current one."""
        about_stem = about(self.current)
        return {
            "index": self.index,
            "stems": [
                {"label": job.label or job.audio.stem, "done": index in self._finished}
                for index, (job, _) in enumerate(self._stems)
            ],
            **about_stem,
        }

    def close(self) -> None:
        """Let go of everything that is open."""
        self._grids.close()
        if self._open is not None:
            self._open.close()
