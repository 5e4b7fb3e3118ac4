"""Any audio file -> mono float32 at 44.1 kHz, in blocks, with one pass over the file and bounded memory.

soundfile decodes, soxr resamples as a stream. Samples have full scale 1.0; channels are averaged, and a constant offset
is taken away.
"""

import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from drumhits.errors import InputError
from drumhits.io.recording import CONVERT_FIRST, open_recording
from drumhits.io.text import clock


@dataclass(frozen=True)
class Sibling:
    """Another stem of a song, or a part of one such as the ride: its file, and the digest of its samples."""

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
        The song's other stems whose sound went into the features.
    left_out : tuple of Path
        Those that could not be used, each with its reason in `warnings`.
    """

    path: Path
    n_frames: int
    sample_rate: int
    fingerprint: str
    warnings: tuple[str, ...]
    siblings: tuple[Sibling, ...] = ()
    left_out: tuple[Path, ...] = ()

    @property
    def duration_s(self) -> float:
        return self.n_frames / self.sample_rate

SAMPLE_RATE = 44100
MIN_RATE, MAX_RATE = 8_000, 384_000
MAX_CHANNELS = 16
MAX_HOURS = 4
ENVELOPE_COLUMNS = 2400
DIGEST_STRIDE = 16  # the fingerprint takes every 16th frame; divides BLOCK_FRAMES, so that blocks do not shift it
LEAST_SUM_SHARE = 0.2  # of the power of unrelated channels that is left when they are added; opposite phase leaves less
LEAST_OFFSET_SHARE = 0.02  # of the power of the first block, from which a constant offset is one, and no music
INT16_FULL_SCALE = 32768.0
MAX_LEVEL = 1e10  # beyond any audio, even integers stored as float; keeps energies finite in float32
AUDIO_SUFFIXES = frozenset({
    ".wav", ".wave", ".bwf", ".w64", ".rf64", ".bw64", ".flac", ".aiff", ".aif", ".aifc", ".ogg", ".oga", ".opus",
    ".mp3", ".mp2", ".caf", ".au",
})  # fmt: skip


def is_named_as_audio(path: Path) -> bool:
    """Tell whether a file, or the one that a link leads to, is named like audio."""
    suffixes = (name.suffix.lower() for name in (path, Path(os.path.realpath(path))))
    return any(suffix in AUDIO_SUFFIXES | CONVERT_FIRST for suffix in suffixes)


class AudioReader:
    """One audio file, read once from start to end.

    Parameters
    ----------
    path : Path
        WAV, FLAC, AIFF, OGG, MP3 or what else libsndfile reads; 8 to 384 kHz, 1 to 16 channels, up to 4 hours.
    channel : int >= 0, optional
        The channel to take in place of the average of all.

    Attributes
    ----------
    n_frames : int >= 0
        Frames decoded so far, at the rate of the file; all of them once `blocks` is exhausted.
    sample_rate : int > 0
        Rate of the file in Hz.
    warnings : list of str
        What was mended, as sentences for the user; complete once `blocks` is exhausted.

    Raises
    ------
    InputError
        Missing, not a regular file, not audio, or outside the ranges above.
    """

    def __init__(self, path: Path, channel: int | None = None):
        self.path = path
        self.channel = channel
        self._power_of_sum, self._powers = 0.0, np.zeros(1)  # of the average, and of each channel
        self.n_frames = 0
        self.warnings: list[str] = []
        self._checksum = 0
        self._recording = open_recording(path)
        self.sample_rate = self._recording.decoder.sample_rate
        try:
            self._check_header()
        except InputError:
            self._recording.close()
            raise

    def _check_header(self) -> None:
        decoder = self._recording.decoder
        if not MIN_RATE <= decoder.sample_rate <= MAX_RATE:
            raise InputError(
                f"{self.path}: the sample rate is {decoder.sample_rate} Hz, outside {MIN_RATE} to {MAX_RATE} Hz; "
                "the header may be damaged, export the stem again at 44100 Hz."
            )
        if not 1 <= decoder.n_channels <= MAX_CHANNELS:
            raise InputError(
                f"{self.path}: has {decoder.n_channels} channels, more than {MAX_CHANNELS}; export the stem as mono "
                "or stereo."
            )

    @property
    def fingerprint(self) -> str:
        """CRC-32 of the decoded samples read so far: it tells whether the audio has changed."""
        return f"{self._checksum:08x}"

    @property
    def duration_s(self) -> float:
        """Seconds decoded so far."""
        return float(self.n_frames / self.sample_rate)

    @property
    def loudest_channel_in_opposite_phase(self) -> int | None:
        """The loudest channel where the channels read so far cancel each other out in their average, else None."""
        n_channels = len(self._powers)
        cancels = self._power_of_sum < LEAST_SUM_SHARE * self._powers.mean() / n_channels
        return int(self._powers.argmax()) if n_channels > 1 and cancels else None

    def blocks(self) -> Iterator[np.ndarray]:
        """Yield mono float32 blocks at 44.1 kHz, of any length, and close the file at the end.

        Raises
        ------
        InputError
            NaN or infinite samples, no readable audio data, more than 4 hours.
        """
        mono = _without_offset(self.mono_blocks())
        return mono if self.sample_rate == SAMPLE_RATE else _resampled(mono, self.sample_rate)

    def mono_blocks(self) -> Iterator[np.ndarray]:
        """Yield the same at the sample rate of the file."""
        try:
            yield from self._decoded_blocks()
        finally:
            self._recording.close()

    def _decoded_blocks(self) -> Iterator[np.ndarray]:
        recording = self._recording
        for block in recording.blocks():
            self.n_frames += len(block)
            if self.n_frames > MAX_HOURS * 3600 * self.sample_rate:
                raise InputError(f"{self.path}: is longer than {MAX_HOURS} hours; cut it into shorter files.")
            mono = _mix_down(block if self.channel is None else block[:, self.channel : self.channel + 1])
            if not _is_audio(mono):
                raise InputError(
                    f"{self.path}: has samples that are no audio (NaN, infinite or beyond {MAX_LEVEL:g}) after "
                    f"{clock((self.n_frames - len(block)) / self.sample_rate)}; a plug-in or the separation failed, "
                    "export the stem again."
                )
            some = block[::DIGEST_STRIDE]
            self._identify(some, mono[::DIGEST_STRIDE] if self.channel is None else _mix_down(some))
            yield mono
        self.warnings += recording.warnings(self.n_frames)

    def _identify(self, some: np.ndarray, average: np.ndarray) -> None:
        """Take some frames into the powers of the channels, and their average into the fingerprint."""
        average = np.ascontiguousarray(average)
        self._checksum = zlib.crc32(average.data, self._checksum)
        if some.shape[1] > 1:
            self._power_of_sum += float(np.dot(average, average))
            samples = some.astype(np.float32) / np.float32(_full_scale(some))
            self._powers = self._powers + np.einsum("ij,ij->j", samples, samples)


def announced_duration_s(path: Path) -> float:
    """Return the seconds that the header of an audio file announces.

    Raises
    ------
    InputError
        See `AudioReader`.
    """
    reader = AudioReader(path)
    reader._recording.close()
    return reader._recording.decoder.n_frames / reader.sample_rate


def _is_audio(mono: np.ndarray) -> bool:
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.dot(mono, mono) <= len(mono) * MAX_LEVEL**2)


def _mix_down(block: np.ndarray) -> np.ndarray:
    """Return the average of the channels as float32 with full scale 1.0; adding columns beats `.mean(axis=1)`."""
    samples = block.astype(np.float32, copy=False)
    with np.errstate(over="ignore", invalid="ignore"):  # damaged samples are found afterwards
        mono = samples[:, 0] + samples[:, 1] if block.shape[1] > 1 else samples[:, 0].copy()
        for channel in range(2, block.shape[1]):
            mono += samples[:, channel]
    mono *= np.float32(1.0 / (_full_scale(block) * block.shape[1]))
    return np.asarray(mono)


def _full_scale(block: np.ndarray) -> float:
    return INT16_FULL_SCALE if block.dtype == np.int16 else 1.0


def _without_offset(blocks: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
    """Yield blocks without the constant offset that the first of them has; as they are where it has none."""
    offset = None
    for block in blocks:
        if offset is None:
            mean, power = float(block.mean(dtype=np.float64)), float(np.dot(block, block)) / max(len(block), 1)
            offset = np.float32(mean if mean**2 > LEAST_OFFSET_SHARE * power else 0.0)
        yield block - offset if offset else block


def _resampled(blocks: Iterator[np.ndarray], sample_rate: int) -> Iterator[np.ndarray]:
    import soxr

    stream = soxr.ResampleStream(sample_rate, SAMPLE_RATE, 1, dtype="float32", quality="HQ")
    for block in blocks:
        yield stream.resample_chunk(block)
    yield stream.resample_chunk(np.zeros(0, dtype=np.float32), last=True)


def waveform_envelope(
    path: Path, n_frames: int, sample_rate: int, n_columns: int = ENVELOPE_COLUMNS, channel: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the lowest and highest sample in each of at most `n_columns` equal parts of an audio file."""
    reader = AudioReader(path, channel)
    length = max(1, -(-n_frames * SAMPLE_RATE // (sample_rate * n_columns)))
    lows, highs, rest = [], [], np.zeros(0, dtype=np.float32)
    for block in reader.blocks():
        block = np.concatenate((rest, block))
        whole = len(block) // length * length
        columns = block[:whole].reshape(-1, length)
        lows.append(columns.min(axis=1, initial=0))
        highs.append(columns.max(axis=1, initial=0))
        rest = block[whole:]
    if channel is None and (louder := reader.loudest_channel_in_opposite_phase) is not None:
        return waveform_envelope(path, n_frames, sample_rate, n_columns, louder)
    return np.concatenate([*lows, [rest.min(initial=0)]]), np.concatenate([*highs, [rest.max(initial=0)]])
