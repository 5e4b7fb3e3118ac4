"""Song audio: a stem and, where they are asked for, its siblings, opened once.

Stems add up to the recording that they were separated from, or nearly so. In that sum a hit sounds as it was played,
whatever the separation tore out of its stem or left in the others. The stem is read twice then: in a first pass for its
candidates, and in a second, with its siblings side by side, for the levels of each at the candidates' times.

Where the whole mix is there as a file, it stands in for the sum.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from drumhits.detection.frames import chunks
from drumhits.drums import STEM_OF_PART, STEMS
from drumhits.errors import InputError
from drumhits.io.audio import AudioReader, AudioSource, Sibling
from drumhits.io.names import stem_of
from drumhits.io.text import clock

if TYPE_CHECKING:
    from drumhits.detection.levels import EnergyEnvelope, LocalLevels

LONGEST_DIFFERENCE_S = 1.0  # between stems of one song
OfSum = Callable[[Iterable[np.ndarray], np.ndarray], Any]  # mono blocks of the stem sum, the candidates' times in s


@dataclass(frozen=True)
class SiblingAnalysis:
    """Levels of a stem and its siblings at n times.

    Attributes
    ----------
    own : LocalLevels
        Of the stem itself.
    levels : mapping of str to LocalLevels
        Of the siblings, by stem.
    of_sum : any, or None
        What was made of the sum of the stem and its siblings; None where there is no sibling, or nothing was to be.
    """

    own: "LocalLevels"
    levels: "Mapping[str, LocalLevels]"
    of_sum: Any = None


@dataclass(eq=False)
class _OpenSibling:
    """A sibling that is being read; `part` is its stem, or the part of a stem that it holds."""

    part: str
    reader: AudioReader
    envelope: "EnergyEnvelope"


class SongAudio:
    """A stem and its siblings; see `open`."""

    def __init__(self, reader: AudioReader, of_sum: OfSum | None = None, mix: Path | None = None):
        self._reader = reader
        self._of_sum, self._mix = of_sum, mix
        self._envelope: EnergyEnvelope | None = None  # of the stem; None where siblings do not matter
        self._siblings: list[_OpenSibling] = []  # those that can be read, as far as is known
        self._is_whole = False  # whether they are all that lie beside the stem
        self._faulty: list[_OpenSibling] = []  # those whose fault showed while they were read
        self._left_out: dict[Path, str] = {}  # a sentence for each sibling that cannot
        self._analysis: SiblingAnalysis | None = None

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        siblings: Collection[str] = (),
        channel: int | None = None,
        of_sum: OfSum | None = None,
        mix: Path | None = None,
    ) -> "SongAudio":
        """Open a stem.

        Parameters
        ----------
        path : Path
        siblings : collection of str
            The stems, out of `drums.STEMS`, that are opened, too, where they lie beside it.
        channel : int, optional
            One of its channels in place of their mean.
        of_sum : callable, optional
            What is to be made of the sum of the stem and its siblings.
        mix : Path, optional
            The file of the whole mix, in place of that sum.

        Raises
        ------
        InputError
            The stem cannot be read; a sibling that cannot is left out, with a warning.
        """
        song = cls(AudioReader(path, channel), of_sum, mix)
        if siblings:
            song._open_siblings(siblings)
        return song

    def _open_siblings(self, stems: Collection[str]) -> None:
        from drumhits.detection.levels import EnergyEnvelope
        from drumhits.io.folders import find_siblings

        self._envelope = EnergyEnvelope()
        self._is_whole = {*stems} == {*STEMS}
        for part, path in find_siblings(self._reader.path).items():
            reader = self._opened(path) if STEM_OF_PART[part] in stems else None
            if reader is not None:
                self._siblings.append(_OpenSibling(part, reader, EnergyEnvelope()))

    def _opened(self, path: Path) -> AudioReader | None:
        try:
            return AudioReader(path)
        except InputError as fault:
            self._left_out[path] = _fault_sentence(fault)
            return None

    def blocks(self) -> Iterable[np.ndarray]:
        """Yield the stem's mono float32 blocks at 44.1 kHz, of any length: the first pass.

        Raises
        ------
        InputError
            See `AudioReader.blocks`.
        """
        blocks = self._reader.blocks()
        return blocks if self._envelope is None else self._envelope.tap(blocks)

    @property
    def loudest_channel_in_opposite_phase(self) -> int | None:
        """See `AudioReader`; of the stem, once its blocks are read."""
        return self._reader.loudest_channel_in_opposite_phase

    def identify(self) -> AudioSource:
        """Read everything for what identifies it alone, and return that.

        Raises
        ------
        InputError
            See `AudioReader.blocks`.
        """
        for _ in self._reader.mono_blocks():
            pass
        if self._envelope is not None:
            self.siblings_at(np.zeros(0))
        return self.source()

    def source(self) -> AudioSource:
        """Return what identifies the audio that was read, with a warning for each sibling that was left out."""
        reader = self._reader
        return AudioSource(
            reader.path,
            reader.n_frames,
            reader.sample_rate,
            reader.fingerprint,
            warnings=(*reader.warnings, *self._left_out.values(), *_phase_sentences(reader)),
            left_out=tuple(self._left_out),
            siblings=tuple(Sibling(one.part, one.reader.path, one.reader.fingerprint) for one in self._siblings),
        )

    def siblings_at(self, times_s: np.ndarray) -> SiblingAnalysis:
        """Return the levels at the candidates' times, from a second pass when the first is over.

        Parameters
        ----------
        times_s : np.ndarray, shape (n,)
            Seconds, increasing; asked for again, the answer is that of the first times.

        Raises
        ------
        InputError
            The stem cannot be opened any more, or the mix cannot be read.
        """
        if self._analysis is None:
            if self._envelope is None:
                raise ValueError("the song was opened without its siblings")
            own, self._envelope = self._envelope.around(times_s), None  # the siblings' take as much memory
            of_sum = self._second_pass(times_s)
            self._analysis = SiblingAnalysis(own, self._sibling_levels(times_s), of_sum)
        return self._analysis

    def levels_at(self, times_s: np.ndarray) -> SiblingAnalysis | None:
        """Return the levels at the candidates' times, None where no sibling can be read.

        A song that was opened without all of its siblings is read once more with them.

        Raises
        ------
        InputError
            The stem cannot be opened any more.
        """
        if self._is_whole:
            analysis = self.siblings_at(times_s)
        else:
            song = SongAudio.open(self._reader.path, siblings=STEMS, channel=self._reader.channel)
            if not song._siblings:
                return None
            for _ in song.blocks():
                pass
            analysis = song.siblings_at(times_s)
        return analysis if analysis.levels else None

    def _second_pass(self, times_s: np.ndarray) -> Any:
        """Read the siblings, and return what is made of the stem sum, of the sound siblings alone.

        Some faults show only while a sibling is read. The sum is then made anew without it, from the files of the
        others, which were read to their ends and are sound; what else was measured of those stays.
        """
        tracks = [chunks(self._tapped(one)) for one in self._siblings]
        if self._of_sum is None or self._mix is not None or not len(times_s):
            for _ in chain(*tracks):
                pass
            self._drop_faulty_and_unlike()
            return self._of_mix(times_s)
        n_opened = len(self._siblings)
        made = self._of_tracks(tracks, times_s) if tracks else None
        self._drop_faulty_and_unlike()
        if len(self._siblings) < n_opened:
            made = self._of_tracks(self._reopened(), times_s) if self._siblings else None
        return made

    def _of_tracks(self, tracks: Sequence[Iterator[np.ndarray]], times_s: np.ndarray) -> Any:
        """Return what is made of the sum of the stem, which is opened once more, and other tracks; all are read."""
        assert self._of_sum is not None
        own = AudioReader(self._reader.path, self._reader.channel)
        return self._of_sum(_sums([chunks(own.blocks()), *tracks]), times_s)

    def _of_mix(self, times_s: np.ndarray) -> Any:
        """Return what is made of the file of the mix, None where there is none."""
        if self._of_sum is None or self._mix is None:
            return None
        return self._of_sum(AudioReader(self._mix).blocks(), times_s)

    def _tapped(self, sibling: _OpenSibling) -> Iterator[np.ndarray]:
        """Yield a sibling's blocks and measure their energy, to its end or to its fault, which is noted."""
        try:
            yield from sibling.envelope.tap(sibling.reader.blocks())
        except InputError as fault:
            self._faulty.append(sibling)
            self._left_out[sibling.reader.path] = _fault_sentence(fault)

    def _reopened(self) -> list[Iterator[np.ndarray]]:
        return [chunks(AudioReader(sibling.reader.path).blocks()) for sibling in self._siblings]

    def _drop_faulty_and_unlike(self) -> None:
        """Leave out the siblings that showed a fault, and those that last longer or shorter than the stem."""
        kept, stem = [], self._reader
        for sibling in self._siblings:
            reader = sibling.reader
            if sibling in self._faulty:
                continue
            if abs(reader.duration_s - stem.duration_s) <= LONGEST_DIFFERENCE_S:
                kept.append(sibling)
                continue
            self._left_out[reader.path] = (
                f"{reader.path}: lasts {clock(reader.duration_s)} and {stem.path.name} {clock(stem.duration_s)}, so it "
                "is left out of the decisions; export all stems of a song over the same range."
            )
        self._siblings = kept

    def _sibling_levels(self, times_s: np.ndarray) -> "dict[str, LocalLevels]":
        """Return the levels of the other stems, of a stem in parts those of the parts together."""
        levels, envelopes = {}, dict[str, "EnergyEnvelope"]()
        own = stem_of(self._reader.path)
        for sibling in self._siblings:
            stem = STEM_OF_PART[sibling.part]
            if stem in envelopes:
                envelopes[stem].join(sibling.envelope)
            elif stem != own:
                envelopes[stem] = sibling.envelope
        for stem, envelope in envelopes.items():
            levels[stem] = envelope.around(times_s)
            envelope.clear()
        return levels


def _phase_sentences(reader: AudioReader) -> list[str]:
    channel = reader.loudest_channel_in_opposite_phase
    if channel is None:
        return []
    return [
        f"{reader.path}: its channels are in opposite phase and cancel each other out when they are added, so channel "
        f"{channel + 1} alone was read; turn the polarity of one channel in the export."
    ]


def _fault_sentence(fault: InputError) -> str:
    return f"{fault} It is left out of the decisions."


def _sums(tracks: Sequence[Iterator[np.ndarray]]) -> Iterator[np.ndarray]:
    """Yield the sum of some sounds, chunk by chunk, to the end of the longest."""
    for parts in zip_longest(*tracks):
        first, *others = (part for part in parts if part is not None)
        yield sum(others, first)
