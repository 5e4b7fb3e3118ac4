"""One audio file -> one MIDI file: analyze, decide, make notes, encode."""

from dataclasses import dataclass
from pathlib import Path

from drumhits.config import Config, StemConfig
from drumhits.decisions import Decisions, by_thresholds
from drumhits.features import FeatureTable
from drumhits.midi import Track, encode
from drumhits.notes import to_notes
from drumhits.pipeline import AudioSource, analyze
from drumhits.provenance import provenance, seal


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
    """

    audio: Path
    output: Path
    stem: str
    config: Config
    keep_all: bool = False

    @property
    def stem_config(self) -> StemConfig:
        return self.config.stems[self.stem]


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
    config = job.stem_config
    table, source = analyze(job.audio, config)
    decisions = by_thresholds(table, config)
    track = Track(job.stem, to_notes(table, decisions.keep, config, keep_all=job.keep_all))
    note = provenance(source, config, job.output.parent, keep_all=job.keep_all, model=None)
    midi = encode([track], tempo_bpm=job.config.tempo_bpm, channel=job.config.channel, texts=[note.to_text()])
    return Conversion(job, seal(midi), table, decisions, source)
