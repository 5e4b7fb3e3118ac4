"""Any audio file -> mono float32 at 44.1 kHz, in blocks, with one pass over the file and bounded memory.

soundfile decodes, soxr resamples as a stream. Samples have full scale 1.0; channels are averaged.
"""

import hashlib
import stat
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile

from drumhits.errors import InputError

SAMPLE_RATE = 44100
MIN_RATE, MAX_RATE = 8_000, 384_000
MAX_CHANNELS = 16
MAX_HOURS = 4
BLOCK_FRAMES = 1 << 16
DIGEST_STRIDE = 16  # the fingerprint takes every 16th frame; divides BLOCK_FRAMES, so that blocks do not shift it
INT16_FULL_SCALE = 32768.0
AUDIO_SUFFIXES = frozenset({".wav", ".flac", ".aiff", ".aif", ".ogg", ".mp3", ".w64", ".rf64", ".caf", ".au", ".opus"})
_CONVERT_FIRST = frozenset({".m4a", ".aac", ".mp4", ".wma", ".alac"})


class AudioReader:
    """One audio file, read once from start to end.

    Parameters
    ----------
    path : Path
        WAV, FLAC, AIFF, OGG, MP3 or what else libsndfile reads; 8 to 384 kHz, 1 to 16 channels, up to 4 hours.

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

    def __init__(self, path: Path):
        self.path = path
        self.n_frames = 0
        self.warnings: list[str] = []
        self._digest = hashlib.blake2b(digest_size=16)
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
        if "should be" in file.extra_info or "truncated" in file.extra_info.lower():
            self.warnings.append(f"{name}: the header promises more than the file holds; what is there was read.")

    @property
    def fingerprint(self) -> str:
        """Hex digest of the decoded samples read so far: it tells whether the audio has changed."""
        return self._digest.hexdigest()

    def blocks(self) -> Iterator[np.ndarray]:
        """Yield mono float32 blocks at 44.1 kHz, of any length, and close the file at the end.

        Raises
        ------
        InputError
            NaN or infinite samples, no readable audio data, more than 4 hours.
        """
        with self._file:
            mono = self._mono_blocks()
            if self.sample_rate == SAMPLE_RATE:
                yield from mono
            else:
                yield from _resampled(mono, self.sample_rate)

    def _mono_blocks(self) -> Iterator[np.ndarray]:
        dtype = "int16" if self._file.subtype == "PCM_16" else "float32"
        announced = self._file.frames
        while True:
            block = self._read(dtype)
            if not len(block):
                break
            self.n_frames += len(block)
            if self.n_frames > MAX_HOURS * 3600 * self.sample_rate:
                raise InputError(f"{self.path}: is longer than {MAX_HOURS} hours; cut it into shorter files.")
            mono = _mix_down(block)
            if dtype == "float32" and not np.isfinite(mono.sum(dtype=np.float64)) and not np.isfinite(block).all():
                raise InputError(
                    f"{self.path}: has samples that are not numbers (NaN or infinite) after "
                    f"{(self.n_frames - len(block)) / self.sample_rate:.1f} s; a plug-in or the separation failed, "
                    "export the stem again."
                )
            self._digest.update(np.ascontiguousarray(mono[::DIGEST_STRIDE]))
            yield mono
        if 0 < self.n_frames < announced and not self.warnings:
            self.warnings.append(
                f"{self.path}: the header promises {announced / self.sample_rate:.1f} s but the file holds "
                f"{self.n_frames / self.sample_rate:.1f} s; what is there was read."
            )

    def _read(self, dtype: str) -> np.ndarray:
        try:
            return self._file.read(BLOCK_FRAMES, dtype=dtype, always_2d=True)
        except (soundfile.LibsndfileError, RuntimeError) as error:
            if not self.n_frames:
                raise InputError(
                    f"{self.path}: the audio data cannot be decoded ({_reason(error)}); export the stem again."
                ) from error
            self.warnings.append(
                f"{self.path}: is damaged after {self.n_frames / self.sample_rate:.1f} s; what comes before was read."
            )
            return np.zeros((0, self._file.channels), dtype=dtype)


def _open(path: Path) -> soundfile.SoundFile:
    if path.suffix.lower() in _CONVERT_FIRST:
        raise InputError(
            f"{path}: {path.suffix[1:].upper()} audio cannot be read; "
            f"convert it first, for example with ffmpeg -i {path.name} {path.stem}.wav"
        )
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise InputError(f"{path}: is a folder, not an audio file; give the file inside it.")
        if not stat.S_ISREG(mode):
            raise InputError(f"{path}: is a pipe or a device, not a file; save the audio to a file first.")
        with path.open("rb") as probe:
            is_empty = not probe.read(1)
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file; check the name and the folder.") from error
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read ({_reason(error)}); check name and permissions.") from error
    if is_empty:
        raise InputError(f"{path}: is empty (0 bytes); the export may have failed, export the stem again.")
    try:
        return soundfile.SoundFile(path)
    except (soundfile.LibsndfileError, RuntimeError, TypeError) as error:
        raise InputError(
            f"{path}: is not audio that can be read ({_reason(error)}); "
            "give WAV, FLAC, AIFF, OGG or MP3, or export the stem again."
        ) from error


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or getattr(error, "error_string", None) or error).rstrip(".")


def _mix_down(block: np.ndarray) -> np.ndarray:
    """Return the average of the channels as float32 with full scale 1.0; adding columns beats `.mean(axis=1)`."""
    mono = block[:, 0].astype(np.float32)
    for channel in range(1, block.shape[1]):
        mono += block[:, channel]
    full_scale = INT16_FULL_SCALE if block.dtype == np.int16 else 1.0
    mono *= np.float32(1.0 / (full_scale * block.shape[1]))
    return mono


def _resampled(blocks: Iterator[np.ndarray], sample_rate: int) -> Iterator[np.ndarray]:
    import soxr

    stream = soxr.ResampleStream(sample_rate, SAMPLE_RATE, 1, dtype="float32", quality="HQ")
    for block in blocks:
        yield stream.resample_chunk(block)
    yield stream.resample_chunk(np.zeros(0, dtype=np.float32), last=True)
