"""The journal of a review: every step on disk, whole or not at all, before the next one is asked for.

A line a step: the CRC-32 of what follows, a space, the step as JSON. A line that was cut off, by a crash or a full
disk, does not count, and neither does what follows it. The file is locked while it is open, so that two reviews never
write to one journal.
"""

import json
import os
import re
import zlib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from drumhits.errors import InputError
from drumhits.review.session import Session, Step, StepError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

FORMAT = 1
MAX_BYTES = 256 * 2**20
_CUT_OFF = re.compile(rb"[0-9a-f]{0,8}( (\{[^\n]*)?)?")  # the first line of a journal, not whole
LOCKED_BYTE = 2**40  # Windows locks bytes for readers, too: one far behind the end


class Journal:
    """An open journal.

    Parameters
    ----------
    path : Path
        Made, with its folders, where it is missing.

    Attributes
    ----------
    entries : list of dict
        What earlier runs appended.

    Raises
    ------
    InputError
        It cannot be opened or written, is too large, or another review has it open.
    """

    def __init__(self, path: Path):
        self.path, self._is_closed = path, False
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666)
        except OSError as error:
            raise InputError(
                f"{path}: the journal cannot be opened ({error.strerror}); choose another --training-dir."
            ) from error
        try:
            self._lock()
            self.entries, self._end = self._read()
        except BaseException:
            os.close(self._file)
            raise

    def _lock(self) -> None:
        try:
            if fcntl is not None:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            else:
                import msvcrt

                os.lseek(self._file, LOCKED_BYTE, os.SEEK_SET)
                msvcrt.locking(self._file, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
        except (BlockingIOError, PermissionError) as error:
            raise InputError(
                f"{self.path}: another review of this stem is open; go on in its page, or end it with Ctrl-C."
            ) from error
        except OSError:
            pass  # a file system without locks

    def _read(self) -> tuple[list[dict[str, Any]], int]:
        """Return the entries, and where the last whole one ends."""
        if os.fstat(self._file).st_size > MAX_BYTES:
            raise InputError(f"{self.path}: is no journal of a review; choose another --training-dir.")
        os.lseek(self._file, 0, os.SEEK_SET)
        with os.fdopen(os.dup(self._file), "rb") as file:
            data = file.read()
        entries, end = list[dict[str, Any]](), 0
        for line in data.split(b"\n")[:-1]:
            entry = _parsed(line)
            if entry is None:
                break
            entries.append(entry)
            end += len(line) + 1
        if data and not entries and not _CUT_OFF.fullmatch(data):
            raise InputError(f"{self.path}: is no journal of a review; move it away, or choose another --training-dir.")
        return entries, end

    def append(self, entry: Mapping[str, Any]) -> None:
        """Append an entry, and return when it is on disk.

        Raises
        ------
        InputError
            It is not there, as on a full disk; the journal is as it was.
        """
        body = json.dumps(entry, separators=(",", ":")).encode()
        line = b"%08x %b\n" % (zlib.crc32(body), body)
        try:
            os.lseek(self._file, self._end, os.SEEK_SET)
            os.truncate(self._file, self._end)  # what an earlier run left of a line
            if os.write(self._file, line) < len(line):
                raise OSError(28, "No space left on device")
            os.fsync(self._file)
        except OSError as error:
            with suppress(OSError):
                os.truncate(self._file, self._end)
            raise InputError(
                f"{self.path}: the answer was not saved ({error.strerror}); make room on the disk, and answer again."
            ) from error
        self._end += len(line)

    def close(self) -> None:
        """Let go of the file; once is enough."""
        if not self._is_closed:
            os.close(self._file)
        self._is_closed = True


def _parsed(line: bytes) -> dict[str, Any] | None:
    """Return the entry of a line; None where it is damaged."""
    checksum, _, body = line.partition(b" ")
    if checksum != b"%08x" % zlib.crc32(body):
        return None
    try:
        entry = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return entry if isinstance(entry, dict) else None


def resumed(journal: Journal, session: Session, about: Mapping[str, str]) -> int:
    """Take the steps of earlier runs, or begin a journal `about` a stem; return how many steps no longer fit.

    Raises
    ------
    InputError
        It is of another version, or cannot be written.
    """
    if not journal.entries:
        journal.append({"format": FORMAT, **about})
        return 0
    header, *entries = journal.entries
    try:
        steps = [Step.from_plain(entry) for entry in entries]
    except StepError:
        header = {}
    if header.get("format") != FORMAT:
        raise InputError(
            f"{journal.path}: is the journal of another version of this toolkit; move it away to begin anew."
        )
    return session.take_all(steps)
