"""Audio files -> MIDI files, one at a time or several: analyze, decide, make notes, encode."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from drumhits.config import Config, StemConfig
from drumhits.decisions import Decisions, by_thresholds
from drumhits.errors import InputError
from drumhits.features import FeatureTable
from drumhits.midi import Track, encode
from drumhits.notes import to_notes
from drumhits.pipeline import AudioSource, analyze
from drumhits.provenance import provenance, seal

if TYPE_CHECKING:
    from drumhits.model import TrainedModel


@dataclass(frozen=True)
class Job:
    """What to convert, and how.

    Attributes
    ----------
    audio, output : Path
        `output` is the MIDI file; it is not written here.
    stem : str
    config : Config
    keep_all : bool
        Write rejected candidates too, at velocity 1.
    model : TrainedModel, optional
        Decides in place of the thresholds.
    model_name : str, optional
        What the model is called in the report and in the MIDI file.
    min_confidence : float in 0..1, optional
        In place of the model's own threshold.
    """

    audio: Path
    output: Path
    stem: str
    config: Config
    keep_all: bool = False
    model: "TrainedModel | None" = None
    model_name: str | None = None
    min_confidence: float | None = None

    @property
    def stem_config(self) -> StemConfig:
        """The settings of the stem; those of detection are the model's, where there is one."""
        config = self.config.stems[self.stem]
        return self.model.config(config) if self.model else config


@dataclass(frozen=True)
class Conversion:
    """The result of a job: the bytes of the MIDI file, and what they came from."""

    job: Job
    midi: bytes
    table: FeatureTable
    decisions: Decisions
    source: AudioSource


def convert(job: Job) -> Conversion:
    """Convert one audio file.

    Raises
    ------
    InputError
        The audio cannot be read.
    """
    config, model = job.stem_config, job.model
    table, source = analyze(job.audio, config, extended=model is not None and model.needs_extended)
    decisions = model.decide(table, config, job.min_confidence) if model else by_thresholds(table, config)
    track = Track(job.stem, to_notes(table, decisions.keep, config, keep_all=job.keep_all))
    note = provenance(source, config, job.output.parent, keep_all=job.keep_all, model=job.model_name)
    midi = encode([track], tempo_bpm=job.config.tempo_bpm, channel=job.config.channel, texts=[note.to_text()])
    return Conversion(job, seal(midi), table, decisions, source)


def results(jobs: list[Job], n_jobs: int) -> Iterator[tuple[Job, Conversion | InputError]]:
    """Yield each job with its result or the error that ended it, in order, `n_jobs` at a time."""
    if n_jobs == 1 or len(jobs) <= 1:
        yield from ((job, attempt(job)) for job in jobs)
        return
    from joblib import Parallel, delayed

    workers = Parallel(n_jobs=min(n_jobs, len(jobs)), return_as="generator")
    yield from zip(jobs, workers(delayed(attempt)(job) for job in jobs), strict=True)


def attempt(job: Job) -> Conversion | InputError:
    """Convert, and return the error instead of raising it, so that one bad file leaves the others alone."""
    try:
        return convert(job)
    except InputError as error:
        return error
