"""An audio file -> a MIDI file: analyze, decide, make notes, encode; for many at once see `batch`."""

import time
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from drumhits import __version__
from drumhits.analysis import GUIDE, analyze, siblings_taken
from drumhits.config.load import Config, MidiConfig, StemConfig
from drumhits.detection.features import FeatureTable
from drumhits.io.audio import AudioSource
from drumhits.io.grid import Grid, even_grid
from drumhits.io.midi import Track, encode
from drumhits.models.decisions import Decisions, by_thresholds
from drumhits.transcription.notes import articulations_told, to_notes
from drumhits.transcription.provenance import Provenance, provenance_of, with_digest

if TYPE_CHECKING:
    from drumhits.models.modelfile import TrainedModel
    from drumhits.tempo.strokes import Part


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
    resume : bool
        Leave `output` where it is already what this job would make.
    articulation : str, optional
        That of all hits, as of a ride stem; it is not told apart then.
    label : str
        What the report calls the stem: song and drum.
    song : tuple of str
        What tells the songs of a run apart.
    grid : Grid, optional
        Of the MIDI file; None where the hits of the song tell it.
    is_heard_only : bool
        Whether it is converted for what its hits tell of the song, and not written.
    mix : Path, optional
        The whole mix that `audio` was separated from, where it was given; both are analysed.
    """

    audio: Path
    output: Path
    stem: str
    config: Config
    keep_all: bool = False
    model: "TrainedModel | None" = None
    model_name: str | None = None
    min_confidence: float | None = None
    resume: bool = False
    articulation: str | None = None
    label: str = ""
    song: tuple[str, ...] = ()
    grid: Grid | None = None
    is_heard_only: bool = False
    mix: Path | None = None

    @property
    def recording(self) -> Path:
        """The audio that was given: the mix, or the stem."""
        return self.mix or self.audio

    @property
    def stem_config(self) -> StemConfig:
        """The settings of the stem; those of detection are the model's, where there is one."""
        config = self.config.stems[self.stem]
        config = config.of_one(self.articulation) if self.articulation else config
        return self.model.config(config) if self.model else config

    @property
    def song_name(self) -> str:
        """What the report calls the song."""
        return self.label.rpartition(" ")[0] or self.audio.stem

    @property
    def part(self) -> str:
        """The stem, or the articulation that it holds alone."""
        return self.articulation or self.stem

    @property
    def features(self) -> str:
        """The set of features that decides."""
        return self.model.feature_set if self.model else GUIDE

    @property
    def siblings(self) -> tuple[str, ...]:
        """Which of the song's other stems have a part in what is decided."""
        return siblings_taken(self.features, self.stem_config)

    @property
    def job_digest(self) -> str:
        """Digest of everything but the audio that decides what the MIDI file holds."""
        decided_by = self.model_name, self.model and self.model.digest, self.min_confidence
        parts = __version__, self.stem_config, self.config.midi, self.grid, self.keep_all, decided_by
        return f"{zlib.crc32(repr(parts).encode()):08x}"


@dataclass(frozen=True)
class Conversion:
    """The result of a job: what goes into the MIDI file, and what it came from."""

    job: Job
    track: Track
    table: FeatureTable
    decisions: Decisions
    source: AudioSource
    elapsed_s: float = 0.0  # that it took
    heard: str = ""  # digest of what told the grid; see `batch.by_song`

    @property
    def part(self) -> "Part":
        """The strokes that were kept, for what tells tempo and bars."""
        from drumhits.tempo.strokes import Part

        keep, config = self.decisions.keep, self.job.stem_config
        notes = to_notes(self.table, keep, config)
        return Part(notes["time_s"], notes["velocity"], articulations_told(self.table, keep, config))

    @property
    def midi(self) -> bytes:
        """The MIDI file."""
        return merged([self])

    @property
    def provenance(self) -> Provenance:
        """What made the MIDI file, as noted in it."""
        job = self.job
        return provenance_of(
            self.source, job.stem_config, job.output.parent,
            keep_all=job.keep_all, model=job.model_name, request=job.job_digest,
            drum_map=job.config.midi.drum_map, quantized=_quantized(job.config.midi), heard=self.heard,
        )  # fmt: skip


def convert(job: Job) -> Conversion:
    """Convert one audio file.

    Raises
    ------
    InputError
        The audio cannot be read.
    """
    started_s = time.perf_counter()
    config, model = job.stem_config, job.model
    table, source = analyze(job.audio, config, job.features, mix=job.mix)
    decisions = model.decide(table, config, job.min_confidence) if model else by_thresholds(table, config)
    notes = to_notes(table, decisions.keep, config, keep_all=job.keep_all)
    track = _track(job, notes, table, decisions.keep)
    return Conversion(job, track, table, decisions, source, time.perf_counter() - started_s)


def _track(job: Job, notes: np.ndarray, table: FeatureTable, keep: np.ndarray) -> Track:
    midi = job.config.midi
    if not (midi.merge_flams or midi.hihat_cc4 or midi.chokes):
        return Track(job.part, notes)
    from drumhits.transcription.expression import played_track

    articulations = np.full(len(table), "", dtype=object)
    articulations[keep] = articulations_told(table, keep, job.stem_config)
    is_written = keep | job.keep_all
    return played_track(job.part, notes, articulations[is_written], table["SustainMs"][is_written], midi)


def _on_grid(track: Track, grid: Grid, config: MidiConfig) -> Track:
    """Return a track with its notes moved to the grid, and what goes with them."""
    if not config.quantize:
        return track
    from drumhits.tempo.quantize import quantized_times

    notes = track.notes.copy()
    notes["time_s"] = quantized_times(notes["time_s"], grid, config)
    controls = track.controls.copy()
    controls[:, 0] += np.interp(controls[:, 0], track.notes["time_s"], notes["time_s"] - track.notes["time_s"])
    return replace(track, notes=notes, controls=controls)


def merged(conversions: Sequence[Conversion], grid: Grid | None = None, texts: Sequence[str] | None = None) -> bytes:
    """Return one MIDI file of several stems of a song, a track a stem.

    Parameters
    ----------
    grid : Grid, optional
        Where the job does not say it; by default that of the settings' tempo.
    texts : sequence of str, optional
        Text events in place of what made each stem; one of them holds the digest.
    """
    job = conversions[0].job
    grid = job.grid or grid or even_grid(job.config.tempo_bpm)
    return with_digest(
        encode(
            [_on_grid(one.track, grid, job.config.midi) for one in conversions],
            channel=job.config.channel,
            texts=[one.provenance.to_text() for one in conversions] if texts is None else texts,
            grid=grid,
        )
    )


def _quantized(config: MidiConfig) -> str:
    if not config.quantize:
        return ""
    from drumhits.tempo.quantize import quantized_words

    return quantized_words(config)
