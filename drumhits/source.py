"""What identifies the audio that was analysed."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Sibling:
    """Another stem of a song: its file, and the digest of its samples."""

    stem: str
    path: Path
    fingerprint: str


@dataclass(frozen=True)
class AudioSource:
    """The audio that was analysed: what tells whether it has changed since.

    Attributes
    ----------
    path : Path
    n_frames : int >= 0
        Frames at `sample_rate`.
    sample_rate : int > 0
        Hz.
    fingerprint : str
        Digest of the decoded samples.
    warnings : tuple of str
        What was mended while reading.
    siblings : tuple of Sibling
        The song's other stems that were heard, too.
    """

    path: Path
    n_frames: int
    sample_rate: int
    fingerprint: str
    warnings: tuple[str, ...]
    siblings: tuple[Sibling, ...] = ()

    @property
    def duration_s(self) -> float:
        return self.n_frames / self.sample_rate
