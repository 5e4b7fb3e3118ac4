"""The grid of each song whose hits are to tell it, found in the background as a conversion finds it.

It is what the models hear in all stems of a song that tells it, not what the user decides: so the files of a song have
one grid, whichever of its stems was reviewed first.
"""

from collections.abc import Sequence
from concurrent.futures import BrokenExecutor, Future
from contextlib import suppress

from drumhits.errors import InputError
from drumhits.parallel import BackgroundProcess, attempt
from drumhits.transcription.convert import Conversion, Job, convert
from drumhits.transcription.song_grid import SongGrid, found_grid


class SongGrids:
    """The grids of some songs.

    Parameters
    ----------
    jobs : sequence of Job
        All stems of the songs, those that are heard only among them.
    """

    def __init__(self, jobs: Sequence[Job]):
        self._jobs = [job for job in jobs if job.grid is None]
        self._process = BackgroundProcess()
        self._found: dict[tuple[str, ...], Future[SongGrid]] = {}

    def look_for(self, job: Job) -> None:
        """Begin to look for the grid of a job's song, unless the settings say it."""
        if job.grid is None and job.song not in self._found:
            with suppress(BrokenExecutor):
                self._found[job.song] = self._process.submit(song_grid, self._stems_of(job))

    def of(self, job: Job) -> SongGrid | None:
        """Return the grid of a job's song once it is found; None where the settings say it.

        Raises
        ------
        InputError
            No stem of the song can be read any more.
        """
        if job.grid is not None:
            return None
        self.look_for(job)
        try:
            return self._found[job.song].result()
        except (BrokenExecutor, KeyError):  # the process was killed, for lack of memory most often
            return song_grid(self._stems_of(job))

    def _stems_of(self, job: Job) -> list[Job]:
        return [one for one in self._jobs if one.song == job.song]

    def close(self) -> None:
        """End what goes on in the background."""
        self._process.close()


def song_grid(jobs: Sequence[Job]) -> SongGrid:
    """Return the grid that the hits of a song tell, as `found_grid` does; stems that cannot be read do not count."""
    results = [attempt(convert, job) for job in jobs]
    conversions = [result for result in results if isinstance(result, Conversion)]
    if not conversions:
        raise next(result for result in results if isinstance(result, InputError))
    return found_grid(conversions, jobs[0].config.midi, jobs[0].song_name)
