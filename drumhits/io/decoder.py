"""libsndfile as a decoder of files and of parts of files, and the silence of the library that it reads MP3 with.

libmpg123 writes what it thinks of a damaged stream straight to the process's standard error, past Python.
"""

import io
import os
import re
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

STDERR = 2  # the file descriptor
CHUNKED_MAGIC = frozenset({b"RIFF", b"RIFX", b"RF64", b"BW64", b"riff", b"FORM", b"caff", b".snd", b"fLaC", b"OggS"})
DecodingError = (soundfile.LibsndfileError, RuntimeError, TypeError, OSError)
_OF_LIBMPG123 = re.compile(rb"\[src/libmpg123/.*|(Note|Warning): .*|\s*")
_redirecting = threading.RLock()
if hasattr(os, "register_at_fork"):  # a copy of the process made meanwhile would keep the redirected descriptor
    os.register_at_fork(
        before=_redirecting.acquire, after_in_parent=_redirecting.release, after_in_child=_redirecting.release
    )

Patch = tuple[int, bytes]


class FileView(io.RawIOBase):
    """Part of a file as a file of its own, some of whose bytes read as others.

    Parameters
    ----------
    path : Path
    start, end : int >= 0
        The part, in bytes.
    patches : tuple of (position in the whole file, bytes)
        What is read in place of what is there.
    """

    def __init__(self, path: Path, start: int, end: int, patches: tuple[Patch, ...] = ()):
        self._file = path.open("rb")
        self._start, self._length, self._patches = start, end - start, patches
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._at = max(0, offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._length}[whence])
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: Any) -> int:
        """Read as `io.RawIOBase` does; a fault of the disk ends the file, since libsndfile takes no exception."""
        data = bytearray()
        with suppress(OSError, ValueError):
            self._file.seek(self._start + self._at)
            data += self._file.read(max(0, min(len(buffer), self._length - self._at)))
        for position, patch in self._patches:
            at = position - self._start - self._at
            for i in range(max(0, -at), min(len(patch), len(data) - at)):
                data[at + i] = patch[i]
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)

    def close(self) -> None:
        self._file.close()
        super().close()


class Decoder:
    """A stream that libsndfile decodes, once from start to end.

    Parameters
    ----------
    source : Path or FileView
        Closed with the decoder.

    Attributes
    ----------
    n_frames : int >= 0
        Frames as libsndfile announces them.
    sample_rate : int > 0
    n_channels : int > 0
    is_16_bit : bool

    Raises
    ------
    DecodingError
        It is nothing that libsndfile reads.
    """

    def __init__(self, source: Path | FileView):
        self._view = source if isinstance(source, FileView) else None
        self._is_mpeg = _first_four(source) not in CHUNKED_MAGIC
        try:
            with self._silence():
                self._file = soundfile.SoundFile(_as_argument(source))
        except DecodingError:
            self._close_view()
            raise
        self.n_frames: int = self._file.frames
        self.sample_rate: int = self._file.samplerate
        self.n_channels: int = self._file.channels
        self.is_16_bit = self._file.subtype == "PCM_16"

    def read_into(self, block: np.ndarray) -> np.ndarray:
        """Fill a block of shape (n, n_channels), int16 or float32, and return the part of it that was filled.

        Raises
        ------
        DecodingError
        """
        with self._silence():
            return np.asarray(self._file.read(out=block))

    def n_decoded(self) -> int | None:
        """Return how many frames were decoded, also by a call that failed; None where libsndfile lost count."""
        with suppress(*DecodingError), self._silence():
            n_decoded: int = self._file.tell()
            return n_decoded if n_decoded >= 0 else None
        return None

    def close(self) -> None:
        with self._silence():
            self._file.close()
        self._close_view()

    def _close_view(self) -> None:
        if self._view is not None:
            self._view.close()

    @contextmanager
    def _silence(self) -> Iterator[None]:
        if self._is_mpeg:
            with without_messages_of_libmpg123():
                yield
        else:
            yield


def _first_four(source: Path | FileView) -> bytes:
    if isinstance(source, Path):
        with source.open("rb") as file:
            return file.read(4)
    head = source.read(4)
    source.seek(0)
    return head or b""


def _as_argument(source: Path | FileView) -> Any:
    if isinstance(source, FileView) or sys.platform == "win32":
        return source
    return os.fsencode(source)  # soundfile cannot encode names that are not UTF-8


@contextmanager
def without_messages_of_libmpg123() -> Iterator[None]:
    """Drop what libmpg123 writes to standard error meanwhile; what other threads write there comes out afterwards.

    One thread at a time, and no copy of the process is made meanwhile; where standard error is closed, or there is no
    room for a temporary file, nothing is dropped.
    """
    with _redirecting, ExitStack() as stack:
        kept = None
        with suppress(OSError):
            caught = stack.enter_context(tempfile.TemporaryFile(buffering=0))
            kept = os.dup(STDERR)
        if kept is None:
            yield
            return
        os.dup2(caught.fileno(), STDERR)
        try:
            yield
        finally:
            os.dup2(kept, STDERR)
            os.close(kept)
            _pass_on(caught)


def _pass_on(caught: Any) -> None:
    """Write to standard error what is not of libmpg123."""
    if not caught.tell():
        return
    caught.seek(0)
    lines = [line for line in caught.read().splitlines(keepends=True) if not _OF_LIBMPG123.fullmatch(line.rstrip())]
    with suppress(OSError):
        os.write(STDERR, b"".join(lines))
