"""Any audio file -> mono float32 at 44.1 kHz, in blocks, with one pass over the file and bounded memory.

soundfile decodes, soxr resamples as a stream. Samples have full scale 1.0; channels are averaged, and a constant offset
is taken away.
"""

import os
import stat
import sys
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from drumhits.errors import InputError


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
        The song's other stems whose sound went into the features.
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

SAMPLE_RATE = 44100
MIN_RATE, MAX_RATE = 8_000, 384_000
MAX_CHANNELS = 16
MAX_HOURS = 4
BLOCK_FRAMES = 1 << 16
ENVELOPE_COLUMNS = 2400
DIGEST_STRIDE = 16  # the fingerprint takes every 16th frame; divides BLOCK_FRAMES, so that blocks do not shift it
LEAST_SUM_SHARE = 0.2  # of the power of unrelated channels that is left when they are added; opposite phase leaves less
LEAST_OFFSET_SHARE = 0.02  # of the power of the first block, from which a constant offset is one, and no music
INT16_FULL_SCALE = 32768.0
MAX_LEVEL = 1e10  # beyond any audio, even integers stored as float; keeps energies finite in float32
UNKNOWN_LENGTH = 2**63 - 1  # what libsndfile gives for a streamed FLAC
MAX_HEADER_BYTES = 4096
MAX_OGG_PAGE_BYTES = 65_307
OGG_MAGIC, OGG_LAST_PAGE = b"OggS", 0x04
AUDIO_SUFFIXES = frozenset({".wav", ".flac", ".aiff", ".aif", ".ogg", ".mp3", ".w64", ".rf64", ".caf", ".au", ".opus"})
_CONVERT_FIRST = frozenset({".m4a", ".aac", ".mp4", ".wma", ".alac"})


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
        self._file = _open(path)
        self.sample_rate = self._file.samplerate
        try:
            self._check_header()
        except InputError:
            self._file.close()
            raise

    def _check_header(self) -> None:
        name, file = str(self.path), self._file
        if not MIN_RATE <= file.samplerate <= MAX_RATE:
            raise InputError(
                f"{name}: the sample rate is {file.samplerate} Hz, outside {MIN_RATE} to {MAX_RATE} Hz; "
                "the header may be damaged, export the stem again at 44100 Hz."
            )
        if not 1 <= file.channels <= MAX_CHANNELS:
            raise InputError(
                f"{name}: has {file.channels} channels, more than {MAX_CHANNELS}; export the stem as mono or stereo."
            )
        if "should be" in file.extra_info or "truncated" in file.extra_info.lower() or _is_cut_ogg(self.path):
            self.warnings.append(f"{name}: the header promises more than the file holds; what is there was read.")
        if not file.frames and self.path.stat().st_size > MAX_HEADER_BYTES:
            self.warnings.append(
                f"{name}: the header says that there is no audio, yet the file is not empty; "
                "the export was interrupted, export the stem again."
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
        with self._file:
            yield from self._decoded_blocks()

    def _decoded_blocks(self) -> Iterator[np.ndarray]:
        dtype = "int16" if self._file.subtype == "PCM_16" else "float32"
        announced = 0 if self._file.frames == UNKNOWN_LENGTH else self._file.frames
        for block in self._raw_blocks(dtype):
            self.n_frames += len(block)
            if self.n_frames > MAX_HOURS * 3600 * self.sample_rate:
                raise InputError(f"{self.path}: is longer than {MAX_HOURS} hours; cut it into shorter files.")
            mono = _mix_down(block if self.channel is None else block[:, self.channel : self.channel + 1])
            if not _is_audio(mono):
                raise InputError(
                    f"{self.path}: has samples that are no audio (NaN, infinite or beyond {MAX_LEVEL:g}) after "
                    f"{(self.n_frames - len(block)) / self.sample_rate:.1f} s; a plug-in or the separation failed, "
                    "export the stem again."
                )
            some = block[::DIGEST_STRIDE]
            self._identify(some, mono[::DIGEST_STRIDE] if self.channel is None else _mix_down(some))
            yield mono
        if self._file.frames and not self.n_frames:
            raise self._undecodable("no sound follows the header")
        if 0 < self.n_frames < announced and not self.warnings:
            self.warnings.append(
                f"{self.path}: the header promises {announced / self.sample_rate:.1f} s but the file holds "
                f"{self.duration_s:.1f} s; what is there was read."
            )

    def _identify(self, some: np.ndarray, average: np.ndarray) -> None:
        """Take some frames into the powers of the channels, and their average into the fingerprint."""
        average = np.ascontiguousarray(average)
        self._checksum = zlib.crc32(average.data, self._checksum)
        if some.shape[1] > 1:
            self._power_of_sum += float(np.dot(average, average))
            samples = some.astype(np.float32) / np.float32(_full_scale(some))
            self._powers = self._powers + np.einsum("ij,ij->j", samples, samples)

    def _raw_blocks(self, dtype: str) -> Iterator[np.ndarray]:
        """Yield frames as they are decoded, up to the end of the file or to where it is damaged; each in one buffer."""
        block = np.zeros((BLOCK_FRAMES, self._file.channels), dtype=dtype)
        try:
            while len(decoded := self._file.read(out=block)):
                yield decoded
                block.fill(0)
        except (soundfile.LibsndfileError, RuntimeError) as error:
            decoded = block[: np.max(np.flatnonzero(block.any(axis=1)), initial=-1) + 1]
            n_frames = self.n_frames + len(decoded)
            if not n_frames:
                raise self._undecodable(_reason(error)) from error
            # libsndfile reports the very end of a file of unknown length as an error
            if self._file.frames != UNKNOWN_LENGTH and not self.warnings:
                self.warnings.append(
                    f"{self.path}: is damaged after {n_frames / self.sample_rate:.1f} s; what comes before was read."
                )
            if len(decoded):
                yield decoded

    def _undecodable(self, why: str) -> InputError:
        return InputError(f"{self.path}: the audio data cannot be decoded ({why}); export the stem again.")


def _open(path: Path) -> soundfile.SoundFile:
    head = _first_bytes(path)
    if not head:
        raise InputError(f"{path}: is empty (0 bytes); the export may have failed, export the stem again.")
    if path.suffix.lower() in _CONVERT_FIRST or head[4:8] == b"ftyp":
        kind = path.suffix[1:].upper() if path.suffix.lower() in _CONVERT_FIRST else "M4A"
        wav = f"{path.stem}.wav" if path.suffix.lower() != ".wav" else f"converted-{path.name}"
        raise InputError(
            f"{path}: {kind} audio cannot be read; convert it first, for example with "
            f'ffmpeg -i "{path.name}" "{wav}"'
        )
    name = path if sys.platform == "win32" else os.fsencode(path)  # soundfile cannot encode names that are not UTF-8
    try:
        return soundfile.SoundFile(name)
    except (soundfile.LibsndfileError, RuntimeError, TypeError) as error:
        raise InputError(
            f"{path}: is not audio that can be read ({_reason(error)}); "
            "give WAV, FLAC, AIFF, OGG or MP3, or export the stem again."
        ) from error


def _first_bytes(path: Path) -> bytes:
    """Return the first bytes of a regular file; a pipe is not opened, since that could wait for ever."""
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise InputError(f"{path}: is a folder, not an audio file; give the file inside it.")
        if not stat.S_ISREG(mode):
            raise InputError(f"{path}: is a pipe or a device, not a file; save the audio to a file first.")
        with path.open("rb") as file:
            return file.read(16)
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file; check the name and the folder.") from error
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read ({_reason(error)}); check name and permissions.") from error


def _is_cut_ogg(path: Path) -> bool:
    """Tell whether an Ogg file ends before its last page; libsndfile passes over that in silence."""
    with path.open("rb") as file:
        if file.read(4) != OGG_MAGIC:
            return False
        file.seek(max(0, path.stat().st_size - 2 * MAX_OGG_PAGE_BYTES))
        tail = file.read()
    page = tail[tail.rfind(OGG_MAGIC) :]
    return len(page) < 6 or not page[5] & OGG_LAST_PAGE


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or getattr(error, "error_string", None) or error).rstrip(".")


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
