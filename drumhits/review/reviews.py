"""The stems of a run, one open for review at a time."""

import threading
from collections.abc import Sequence
from typing import Any

from drumhits.review.outputs import Places
from drumhits.review.stem import StemReview
from drumhits.transcription.convert import Job


class Reviews:
    """Some stems in their order; the first is open.

    Parameters
    ----------
    stems : sequence of (Job, Places)

    Attributes
    ----------
    current : StemReview
    index : int
        Of the current one.
    written : list of str
        The files that were written so far.
    ended : threading.Event
        Set when the user has done with all.
    """

    def __init__(self, stems: Sequence[tuple[Job, Places]]):
        self._stems = stems
        self._lock = threading.Lock()
        self._finished: set[int] = set()
        self.index, self.current = 0, StemReview(*stems[0])
        self.written: list[str] = []
        self.ended = threading.Event()

    def open(self, index: int) -> None:
        """Open another stem in place of the current one, which keeps what was decided.

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
            if index != self.index:
                following = StemReview(*self._stems[index])
                before, self.index, self.current = self.current, index, following
                before.close()

    def finish(self) -> list[str]:
        """Write the files of the current stem, and return their paths; InputError where one cannot be written."""
        files = self.current.finish()
        self._finished.add(self.index)
        self.written += [file for file in files if file not in self.written]
        return files

    def about(self) -> dict[str, Any]:
        """Return what the page shows of all stems, and of the current one."""
        return {
            "index": self.index,
            "stems": [
                {"label": job.label or job.audio.stem, "done": index in self._finished}
                for index, (job, _) in enumerate(self._stems)
            ],
            **self.current.about(),
        }

    def close(self) -> None:
        """Let go of everything that is open."""
        self.current.close()
