"""What a review writes: the MIDI file of a stem, and the pair of raw and edited MIDI to train on."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from drumhits.bundle import shipped_files
from drumhits.config.load import StemConfig
from drumhits.detection.features import FeatureTable
from drumhits.io.files import write_whole
from drumhits.io.midi import NOTE_DTYPE, Track, encode
from drumhits.io.names import absolute
from drumhits.io.outputs import InputFiles, Output, require_distinct, require_replaceable
from drumhits.review.session import Decided
from drumhits.transcription.convert import Conversion, Job
from drumhits.transcription.notes import to_notes
from drumhits.transcription.provenance import is_our_midi, with_digest
from drumhits.transcription.reviewed import is_ours_or_reviewed, is_reviewed_midi, review_texts

USUAL_VELOCITY = 80  # of an added hit where there is no other


@dataclass(frozen=True)
class Places:
    """Where the files of a stem go.

    Attributes
    ----------
    output : Path
        The MIDI file.
    training : Path
        The folder of what is learned from.
    name : Path
        The stem, as seen from that folder.
    """

    output: Path
    training: Path
    name: Path

    @property
    def raw_dir(self) -> Path:
        """The folder of raw MIDI."""
        return self.training / "raw_midi"

    @property
    def edited_dir(self) -> Path:
        """The folder of edited MIDI."""
        return self.training / "edited_midi"

    @property
    def raw(self) -> Path:
        """What was found, every candidate."""
        return self.raw_dir / self.name.with_name(f"{self.name.name}.mid")

    @property
    def edited(self) -> Path:
        """What the user made of it."""
        return self.edited_dir / self.name.with_name(f"{self.name.name}_edited.mid")

    def journal(self, fingerprint: str) -> Path:
        """Return the journal of the stem, as long as its sound does not change."""
        return self.training / "journal" / self.name.with_name(f"{self.name.name}.{fingerprint}.journal")

    def model(self, stem: str) -> Path:
        """Return the model file that the answers make."""
        return self.training / "models" / f"{stem}.pkl"

    def require_free(self, audio: Path, *, force: bool) -> None:
        """Make sure that nothing but earlier files of reviews and conversions is replaced.

        Raises
        ------
        InputError, UsageError
            See `io.outputs`.
        """
        files = (
            Output("--output", self.output, is_ours_or_reviewed),
            Output("--training-dir", self.raw, is_our_midi),
            Output("--training-dir", self.edited, is_reviewed_midi),
        )
        require_distinct([one._replace(option=f"{one.option} ({one.path.name})") for one in files])
        read = InputFiles([audio, *shipped_files()])
        for file in files:
            require_replaceable(file, read, force=force)


def places(jobs: Sequence[Job], given: Sequence[Path], training: Path | None) -> list[Places]:
    """Return where the files of each job go.

    Parameters
    ----------
    jobs : sequence of Job
    given : sequence of Path
        Folders that the user named: the first that holds all outputs is where the names of the stems begin.
    training : Path, optional
        By default the folder `review` there.
    """
    outputs = [absolute(job.output) for job in jobs]
    homes = [absolute(folder) for folder in given]
    common = Path(os.path.commonpath([output.parent for output in outputs]))
    root = next((home for home in homes if common.is_relative_to(home)), common)
    return [
        Places(job.output, training or _shortest(root) / "review", output.relative_to(root).with_suffix(""))
        for job, output in zip(jobs, outputs, strict=True)
    ]


def _shortest(folder: Path) -> Path:
    """Return a folder as seen from the current one where it lies in it."""
    here = Path.cwd()
    return folder.relative_to(here) if folder.is_relative_to(here) else folder


@dataclass(frozen=True, eq=False)
class Hits:
    """The notes that are written, and the hit of each: see `session`."""

    hits: np.ndarray
    notes: np.ndarray


def final_hits(table: FeatureTable, keep: np.ndarray, config: StemConfig, decided: Decided) -> Hits:
    """Return the notes of the kept candidates, as the user named and moved them, and of the hits that the user added.

    Parameters
    ----------
    table : FeatureTable
        The candidates.
    keep : np.ndarray, shape (n,), bool
    config : StemConfig
    decided : Decided
    """
    added = [hit for hit in decided.added if decided.kept.get(hit)]
    hits = np.concatenate((table.samples[keep], np.array(added, dtype=int)))
    notes = np.zeros(len(hits), dtype=NOTE_DTYPE)
    n_found = len(hits) - len(added)
    notes[:n_found] = to_notes(table, keep, config)
    notes["number"][n_found:] = config.default_note
    notes["velocity"][n_found:] = [decided.added[hit] for hit in added]
    notes["duration_s"] = config.note_duration_ms / 1000
    for note, hit in zip(notes, hits.tolist(), strict=True):
        if hit in decided.times_s:
            note["time_s"] = max(decided.times_s[hit] + config.timing_offset, 0.0)
        if hit in decided.names:
            note["number"] = config.notes[decided.names[hit]]
    return Hits(hits, notes)


def velocity_of(amplitude: float, table: FeatureTable, keep: np.ndarray, config: StemConfig) -> int:
    """Return the velocity of an added hit: that of kept hits of its peak amplitude."""
    if not keep.any():
        return USUAL_VELOCITY
    loudness, velocities = np.sort(table["Amp"][keep]), np.sort(to_notes(table, keep, config)["velocity"])
    return int(np.rint(np.interp(amplitude, loudness, velocities)))


def write_all(conversion: Conversion, notes: np.ndarray, decided: Decided, places: Places) -> None:
    """Write the MIDI file and the pair, each whole or not at all.

    Parameters
    ----------
    conversion : Conversion
        What was found, before the user decided.
    notes : np.ndarray, NOTE_DTYPE
        What is written.

    Raises
    ------
    InputError
        A file cannot be written.
    """
    raw_job = replace(conversion.job, output=places.raw, keep_all=True)
    raw_notes = to_notes(conversion.table, conversion.decisions.keep, raw_job.stem_config, keep_all=True)
    raw = replace(conversion, job=raw_job, track=replace(conversion.track, notes=raw_notes))
    write_whole(places.raw, raw.midi)
    for path in (places.edited, places.output):
        job = replace(conversion.job, output=path)
        made = replace(conversion, job=job, track=replace(conversion.track, notes=notes))
        write_whole(path, _reviewed_midi(made, decided))


def _reviewed_midi(made: Conversion, decided: Decided) -> bytes:
    job = made.job
    texts = review_texts(made.provenance, (hit for hit in decided.kept if hit >= 0))
    track = Track(made.track.name, made.track.notes)
    tempo_bpm, channel = job.config.tempo_bpm, job.config.channel
    return with_digest(encode([track], tempo_bpm=tempo_bpm, channel=channel, texts=texts, grid=job.grid))
