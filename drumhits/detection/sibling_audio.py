"""A stem's siblings, read side by side with it: the levels of each around some times, and the sound of all together.

Stems add up to the recording that they were separated from, or nearly so. In that mixture a hit sounds as it was
played, whatever the separation tore out of its stem or left in the others.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import chain, zip_longest
from pathlib import Path
from types import MappingProxyType

import numpy as np

from drumhits.detection.frames import chunks
from drumhits.detection.patches import no_patches, patches_at
from drumhits.detection.siblings import EnergyEnvelope, LocalLevels
from drumhits.errors import InputError
from drumhits.io.audio import AudioReader, Sibling
from drumhits.io.folders import find_siblings

LONGEST_DIFFERENCE_S = 1.0  # between stems of one song


@dataclass(frozen=True)
class SiblingAnalysis:
    """What was heard beside a stem.

    Attributes
    ----------
    around : mapping of str to Around
        By stem.
    siblings : tuple of Sibling
    mixture : np.ndarray, shape (n, listener.N_PATCH), or None
        Levels of the stem and its siblings together, around n times; None where there is no sibling.
    warnings : tuple of str
        A sentence for each file that was left out.
    """

    around: Mapping[str, LocalLevels]
    siblings: tuple[Sibling, ...] = ()
    mixture: np.ndarray | None = None
    warnings: tuple[str, ...] = ()


class _LeftOutError(Exception):
    """A sibling, by its stem, cannot be heard, and the sentence that says why."""

    def __init__(self, stem: str, why: str):
        super().__init__(stem, why)
        self.stem, self.why = stem, why


def analyse_siblings(
    audio: Path, duration_s: float, times_s: np.ndarray, *, left_out: Mapping[str, str] = MappingProxyType({})
) -> SiblingAnalysis:
    """Read a stem once more with its siblings beside it, and measure all of them around the given times.

    Parameters
    ----------
    duration_s : float
        Of the stem.
    times_s : np.ndarray, shape (n,)
        Increasing; none of them where only the files matter.
    left_out : mapping of str to str
        Why some siblings cannot be heard, by stem.
    """
    paths = {stem: path for stem, path in find_siblings(audio).items() if stem not in left_out}
    try:
        beside = _hear_together(audio, paths, duration_s, times_s) if paths else SiblingAnalysis({})
    except _LeftOutError as error:
        return analyse_siblings(audio, duration_s, times_s, left_out={**left_out, error.stem: error.why})
    return replace(beside, warnings=tuple(left_out.values()))


def _hear_together(audio: Path, paths: Mapping[str, Path], duration_s: float, times_s: np.ndarray) -> SiblingAnalysis:
    readers = {stem: _opened(stem, path) for stem, path in paths.items()}
    levels = {stem: EnergyEnvelope() for stem in paths}
    tracks = [chunks(levels[stem].listen(_blocks(stem, reader))) for stem, reader in readers.items()]
    if len(times_s):
        mixture = patches_at(_sums([chunks(AudioReader(audio).blocks()), *tracks]), times_s)
    else:
        mixture = no_patches()
        for _ in chain(*tracks):
            pass
    for stem, reader in readers.items():
        if abs(reader.duration_s - duration_s) > LONGEST_DIFFERENCE_S:
            raise _LeftOutError(
                stem,
                f"{reader.path}: lasts {reader.duration_s:.1f} s and {audio.name} {duration_s:.1f} s, so it is left "
                "out of what the model hears; export all stems of a song over the same range.",
            )
    return SiblingAnalysis(
        around={stem: levels.pop(stem).around(times_s) for stem in paths},
        siblings=tuple(Sibling(stem, reader.path, reader.fingerprint) for stem, reader in readers.items()),
        mixture=mixture,
    )


def _opened(stem: str, path: Path) -> AudioReader:
    with _leaving_out(stem):
        return AudioReader(path)


def _blocks(stem: str, reader: AudioReader) -> Iterator[np.ndarray]:
    with _leaving_out(stem):
        yield from reader.blocks()


@contextmanager
def _leaving_out(stem: str) -> Iterator[None]:
    try:
        yield
    except InputError as error:
        raise _LeftOutError(stem, f"{error} It is left out of what the model hears.") from error


def _sums(tracks: Sequence[Iterator[np.ndarray]]) -> Iterator[np.ndarray]:
    """Yield the sum of some sounds, chunk by chunk, to the end of the longest."""
    for parts in zip_longest(*tracks):
        yield sum(part for part in parts if part is not None)
