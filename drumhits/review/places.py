"""Where a review writes: the MIDI file of a stem, the pair of raw and edited MIDI to train on, and the journal."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from drumhits.bundle import shipped_files
from drumhits.io.names import absolute
from drumhits.io.outputs import InputFiles, Output, require_distinct, require_replaceable
from drumhits.transcription.convert import Job
from drumhits.transcription.provenance import is_our_midi
from drumhits.transcription.reviewed import is_ours_or_reviewed, is_reviewed_midi


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
