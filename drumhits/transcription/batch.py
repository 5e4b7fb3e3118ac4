"""Many audio files -> MIDI files: several at a time, what is made already left out, the stems of a song together."""

import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from drumhits.analysis import identify
from drumhits.errors import InputError
from drumhits.io.audio import AudioSource
from drumhits.io.midi import decode, read_midi_bytes
from drumhits.parallel import attempt, in_processes
from drumhits.transcription.convert import Conversion, Job, convert
from drumhits.transcription.provenance import Provenance, fingerprints, is_untouched, read_provenance


@dataclass(frozen=True)
class UpToDate:
    """The result of a job whose MIDI file was there and as it should be."""

    job: Job


Result = Conversion | UpToDate | InputError


def results(jobs: Sequence[Job], n_jobs: int, dask: str | None = None) -> Iterator[tuple[Job, Result]]:
    """Yield each job with its result or the error that ended it, in order.

    Parameters
    ----------
    n_jobs : int > 0
        Jobs at a time.
    dask : str, optional
        Address of the scheduler of a Dask cluster, which decides in place of `n_jobs`.

    Raises
    ------
    InputError
        The workers cannot do any job; see `parallel.in_processes` and `parallel.on_cluster`.
    """
    made = _made_songs(jobs, n_jobs, dask)
    missing = [replace(job, resume=job.resume and job.grid is not None) for job in jobs if _song(job) not in made]
    found = _each(_attempt_without_job, missing, n_jobs, dask)
    for job in jobs:
        yield job, UpToDate(job) if _song(job) in made else _with_original_paths(next(found), job)


def by_output(results: Iterable[tuple[Job, Result]], jobs: Sequence[Job]) -> Iterator[list[tuple[Job, Result]]]:
    """Yield the jobs that share an output, with their results, as soon as the last of them is done."""
    return _together(results, jobs, lambda job: job.output)


def by_song(results: Iterable[tuple[Job, Result]], jobs: Sequence[Job]) -> Iterator[list[tuple[Job, Result]]]:
    """Yield the jobs that share an output or, where its hits tell the grid, a song, as soon as the last is done.

    What told the grid is noted in each conversion then.
    """
    return map(_noting_what_was_heard, _together(results, jobs, _song))


def is_up_to_date(job: Job) -> bool:
    """Tell whether the output is an untouched file that was made from the same audio in the same way."""
    try:
        made = _made(job)
        source = identify(job.audio, siblings=job.siblings) if made else None
    except InputError:
        return False
    return made is not None and source is not None and _is_of(source, made)


class _Heard(NamedTuple):
    """What a stem adds to what tells the grid of its song, and the digest of all of it in the MIDI file that is there.

    `noted` is "" where there is none that was made from this audio in this way.
    """

    part: str
    noted: str


def _made_songs(jobs: Sequence[Job], n_jobs: int, dask: str | None) -> set[Hashable]:
    """Return the songs whose hits tell their grid and of which all stems are there, on the grid of the same hits.

    Of other songs all stems have to be heard again.
    """
    asked = [job for job in jobs if job.resume and job.grid is None]
    songs: dict[Hashable, list[tuple[Job, _Heard | InputError]]] = defaultdict(list)
    for job, heard in zip(asked, _each(_attempt_to_tell, asked, n_jobs, dask), strict=True):
        songs[_song(job)].append((job, heard))
    return {song for song, stems in songs.items() if _is_whole(stems)}


def _is_whole(stems: Sequence[tuple[Job, _Heard | InputError]]) -> bool:
    heard = _heard_together(one.part for _, one in stems if isinstance(one, _Heard))
    written = [one for job, one in stems if not job.is_heard_only]
    return all(isinstance(one, _Heard) and one.noted == heard for one in written)


def _tell(job: Job) -> _Heard:
    source = identify(job.audio, siblings=job.siblings)
    made = None if job.is_heard_only else _made(job)
    return _Heard(_heard(job, source), made.heard if made and _is_of(source, made) else "")


def _heard(job: Job, source: AudioSource) -> str:
    return repr((job.part, job.job_digest, source.fingerprint, sorted(fingerprints(source.siblings).items())))


def _heard_together(parts: Iterable[str]) -> str:
    return f"{zlib.crc32(repr(sorted(parts)).encode()):08x}"


def _noting_what_was_heard(song: list[tuple[Job, Result]]) -> list[tuple[Job, Result]]:
    if song[0][0].grid is not None:
        return song
    heard = _heard_together(_heard(job, one.source) for job, one in song if isinstance(one, Conversion))
    return [(job, replace(one, heard=heard) if isinstance(one, Conversion) else one) for job, one in song]


def _made(job: Job) -> Provenance | None:
    """Return what made the output of a job, if that is untouched and was made in the way of the job.

    Raises
    ------
    InputError
        It is not there, or no MIDI file.
    """
    data = read_midi_bytes(job.output)
    made = read_provenance(decode(data))
    return made if made is not None and made.request == job.job_digest and is_untouched(data) else None


def _is_of(source: AudioSource, made: Provenance) -> bool:
    return source.fingerprint == made.fingerprint and fingerprints(source.siblings) == made.siblings


def _song(job: Job) -> Hashable:
    return job.output if job.grid else job.song


def _together(
    results: Iterable[tuple[Job, Result]], jobs: Sequence[Job], key: Callable[[Job], Hashable]
) -> Iterator[list[tuple[Job, Result]]]:
    awaited, done = Counter(map(key, jobs)), defaultdict(list)
    for job, result in results:
        done[key(job)].append((job, result))
        if len(done[key(job)]) == awaited[key(job)]:
            yield done.pop(key(job))


def _each(function: Callable, jobs: Sequence[Job], n_jobs: int, dask: str | None) -> Iterator:
    """Yield what a function makes of each job, in order, several at a time."""
    if dask is not None and jobs:
        from drumhits.parallel import on_cluster

        return on_cluster(function, [_with_absolute_paths(job) for job in jobs], dask)
    return in_processes(function, jobs, n_jobs)


def _with_absolute_paths(job: Job) -> Job:
    """Return the job with paths that hold in any folder."""
    mix = job.mix and job.mix.absolute()
    return replace(job, audio=job.audio.absolute(), output=job.output.absolute(), mix=mix)


def _with_original_paths(result: Result, job: Job) -> Result:
    """Return a result with the job and the path that it was asked for by."""
    if isinstance(result, Conversion):
        return replace(result, job=job, source=replace(result.source, path=job.audio))
    return replace(result, job=job) if isinstance(result, UpToDate) else result


def _attempt_to_tell(job: Job) -> _Heard | InputError:
    found: _Heard | InputError = attempt(_tell, job)
    return found


def _attempt_without_job(job: Job) -> Result:
    """Attempt, and leave out of the result what the caller has: a model would take longer to send than to apply."""
    result = attempt(_convert_unless_made, job)
    return result if isinstance(result, InputError) else replace(result, job=None)  # type: ignore[arg-type]


def _convert_unless_made(job: Job) -> Conversion | UpToDate:
    return UpToDate(job) if job.resume and is_up_to_date(job) else convert(job)
