"""An audio file as a recording: opened with all the sound that is in it, whatever its header announces."""

import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
import soundfile

from drumhits.errors import InputError
from drumhits.io.containers.chunks import CONTAINER_MAGIC, extent, foreign_kind
from drumhits.io.containers.streams import FLAC_MAGIC, OGG_MAGIC, flac_extent, is_cut_ogg, mpeg_streams, ogg_streams
from drumhits.io.decoder import Decoder, DecodingError, FileView, Patch
from drumhits.io.text import clock

BLOCK_FRAMES = 1 << 16
UNKNOWN_LENGTH = 2**63 - 1  # what libsndfile gives for a streamed FLAC
MAX_HEADER_BYTES = 4096
LEAST_DIFFERENCE_S = 0.001  # between what is announced and what is there, for a warning
CONVERT_FIRST = frozenset({
    ".m4a", ".m4b", ".aac", ".mp4", ".wma", ".alac", ".ape", ".wv", ".mka", ".webm", ".ac3", ".dts", ".tta", ".mpc",
})  # fmt: skip


class ForeignAudioError(InputError):
    """Audio, but of a kind that libsndfile does not read."""


class Framing(NamedTuple):
    """Where the sound of a file lies.

    Attributes
    ----------
    streams : list of (start, end)
        Bytes of the streams that follow one another in the file; one, nearly always.
    patches : tuple of Patch
        What must read differently in it; see `chunks.Extent`.
    announced_share : float >= 0, or None
        How much sound the header announces of what is there; None where it is for the decoder to say.
    is_guess : bool
        Whether the decoder guesses the length from the size of the file.
    is_cut : bool
        Whether the end of the file is missing for certain.
    """

    streams: list[tuple[int, int]]
    patches: tuple[Patch, ...] = ()
    announced_share: float | None = None
    is_guess: bool = False
    is_cut: bool = False


class Recording:
    """An audio file that is being decoded; see `open_recording`."""

    def __init__(self, path: Path, decoder: Decoder, framing: Framing):
        self.path = path
        self.decoder = decoder  # of the first stream
        self._framing = framing
        self._n_frames = 0
        self._n_first = 0  # frames of the first stream, where others follow
        self._fault = ""

    def blocks(self) -> Iterator[np.ndarray]:
        """Yield blocks of shape (n, n_channels), int16 or float32 at the rate of the file, each in the same buffer.

        Raises
        ------
        InputError
            Nothing can be decoded.
        """
        yield from self._blocks_of(self.decoder)
        if self.decoder.n_frames and not self._n_frames:
            raise self._undecodable("no sound follows the header")
        for stream in self._framing.streams[1:]:
            self._n_first = self._n_first or self._n_frames
            decoder = self._opened(*stream)
            if decoder is None:
                return
            try:
                yield from self._blocks_of(decoder)
            finally:
                decoder.close()

    def _opened(self, start: int, end: int) -> Decoder | None:
        """Return the decoder of a later stream; None where it does not go on from the ones before."""
        try:
            decoder = Decoder(FileView(self.path, start, end))
        except DecodingError:
            self._fault = "is damaged after"
            return None
        if decoder.sample_rate == self.decoder.sample_rate:
            return decoder
        decoder.close()
        self._fault = f"goes on at {decoder.sample_rate} Hz, not {self.decoder.sample_rate} Hz, after"
        return None

    def _blocks_of(self, decoder: Decoder) -> Iterator[np.ndarray]:
        """Yield blocks to the end of a stream, or to where it is damaged."""
        dtype = "int16" if self.decoder.is_16_bit else "float32"
        block = np.zeros((BLOCK_FRAMES, decoder.n_channels), dtype=dtype)
        n_before = 0
        try:
            while len(decoded := decoder.read_into(block)):
                self._n_frames += len(decoded)
                n_before += len(decoded)
                yield decoded
                block.fill(0)
        except (soundfile.LibsndfileError, RuntimeError) as error:
            n_decoded = decoder.n_decoded()
            decoded = _without_zeros_at_end(block) if n_decoded is None else block[: n_decoded - n_before]
            self._n_frames += len(decoded)
            if not self._n_frames:
                raise self._undecodable(reason(error)) from error
            # libsndfile reports the end of a file of unknown length as an error, and a tag after the last frame
            if decoder.n_frames not in (UNKNOWN_LENGTH, n_decoded):
                self._fault = "is damaged after"
            if len(decoded):
                yield decoded

    def warnings(self, n_frames: int) -> list[str]:
        """Return what the user should know of a file of which `n_frames` were decoded, to its end."""
        held_s = n_frames / self.decoder.sample_rate
        if self._fault:
            return [f"{self.path}: {self._fault} {clock(held_s)}; what comes before was read."]
        if not n_frames and self.path.stat().st_size > MAX_HEADER_BYTES:
            return [
                f"{self.path}: the header says that there is no audio, yet the file is not empty; the export was "
                "interrupted, export the stem again."
            ]
        announced_s = self._announced_s(held_s)
        if announced_s is None or abs(announced_s - held_s) < LEAST_DIFFERENCE_S:
            cut = "ends before its last part, so that the header promises more than the file holds; "
            return [f"{self.path}: {cut}what is there was read."] if self._framing.is_cut else []
        return [f"{self.path}: {_difference(announced_s, held_s)}"]

    def _announced_s(self, held_s: float) -> float | None:
        framing, rate = self._framing, self.decoder.sample_rate
        if self._n_first:
            return self._n_first / rate
        if framing.announced_share is not None:
            return framing.announced_share * held_s
        n_frames = self.decoder.n_frames
        return None if framing.is_guess or n_frames == UNKNOWN_LENGTH else n_frames / rate

    def close(self) -> None:
        self.decoder.close()

    def _undecodable(self, why: str) -> InputError:
        return InputError(f"{self.path}: the audio data cannot be decoded ({why}); export the stem again.")


def _without_zeros_at_end(block: np.ndarray) -> np.ndarray:
    return block[: np.max(np.flatnonzero(block.any(axis=1)), initial=-1) + 1]


def _difference(announced_s: float, held_s: float) -> str:
    if announced_s > held_s:
        return (
            f"the header promises more than the file holds ({clock(announced_s)}, and {clock(held_s)} are there); "
            "what is there was read."
        )
    promise = f"the audio ends at {clock(announced_s)}" if announced_s else "there is no audio"
    return (
        f"the header says that {promise}, but the file goes on to {clock(held_s)}; all of it was read. "
        "Was the recording or the export interrupted, or one file appended to another?"
    )


def open_recording(path: Path) -> Recording:
    """Open an audio file.

    Raises
    ------
    InputError
        Missing, not a regular file, or not audio that libsndfile reads.
    """
    head = _first_bytes(path)
    if not head:
        raise InputError(f"{path}: is empty (0 bytes); the export may have failed, export the stem again.")
    try:
        with path.open("rb") as file:
            length = path.stat().st_size
            framing, kind = _framing(file, length, head), _foreign_kind(path, head, file, length)
    except OSError as error:
        raise _unreadable(path, error) from error
    if kind and path.suffix.lower() in CONVERT_FIRST:
        raise _convert_first(path, kind)
    try:
        return Recording(path, _first_decoder(path, framing), framing)
    except DecodingError as error:
        if kind:
            raise _convert_first(path, kind) from error
        raise InputError(
            f"{path}: is not audio that can be read ({reason(error)}); "
            "give WAV, FLAC, AIFF, OGG or MP3, or export the stem again."
        ) from error


def holds_audio(path: Path) -> bool:
    """Tell whether a file holds audio, by its content, also of a kind that cannot be read here."""
    try:
        open_recording(path).close()
    except ForeignAudioError:
        return True
    except InputError:
        return False
    return True


def _first_decoder(path: Path, framing: Framing) -> Decoder:
    if framing.patches or len(framing.streams) > 1:
        return Decoder(FileView(path, *framing.streams[0], framing.patches))
    return Decoder(path)


def _framing(file: BinaryIO, length: int, head: bytes) -> Framing:
    whole = [(0, length)]
    if head.startswith(OGG_MAGIC):
        return Framing(ogg_streams(file, length), is_cut=is_cut_ogg(file, length))
    if head.startswith(FLAC_MAGIC):
        found = flac_extent(file, length)
    elif head.startswith(CONTAINER_MAGIC):
        found = extent(file, length)
    else:
        streams, tells_length = mpeg_streams(file, length)
        return Framing(streams, is_guess=not tells_length)
    if found is None:
        return Framing(whole)
    share = found.announced / found.held if found.held else None
    return Framing(whole, (*found.needed, *found.mending), share)


def _foreign_kind(path: Path, head: bytes, file: BinaryIO, length: int) -> str | None:
    if path.suffix.lower() in CONVERT_FIRST:
        return f"{path.suffix[1:].upper()} audio"
    return "M4A audio" if head[4:8] == b"ftyp" else foreign_kind(head, file, length)


def _convert_first(path: Path, kind: str) -> ForeignAudioError:
    wav = f"{path.stem}.wav" if path.suffix.lower() != ".wav" else f"converted-{path.name}"
    return ForeignAudioError(
        f'{path}: {kind} cannot be read; convert it first, for example with ffmpeg -i "{path.name}" "{wav}"'
    )


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
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> InputError:
    return InputError(f"{path}: cannot be read ({reason(error)}); check name and permissions.")


def reason(error: Exception) -> str:
    """Return what an error of the system or of libsndfile says."""
    return str(getattr(error, "strerror", None) or getattr(error, "error_string", None) or error).rstrip(".")
