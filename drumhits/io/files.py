"""Output files, written whole or not at all, and the marks by which our own are known.

A temporary file beside the target is locked as long as its process writes it. One that nobody locks was left by a
process that was killed, and the next write in that folder removes it.
"""

import os
import secrets
import time
from contextlib import suppress
from pathlib import Path

from drumhits.errors import InputError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

PREFIX, SUFFIX = ".drumhits-", ".tmp"
ABANDONED_S = 3600  # age from which a temporary file is litter where there are no locks
PAGE_SIGNATURE = b'content="drumhits report'
PNG_SIGNATURE = b"Software\x00drumhits"
NOTATION_SIGNATURE = b"<!-- drumhits notation -->"


def write_whole(path: Path, data: bytes) -> None:
    """Replace `path` by a file of `data`: a temporary file beside it, then a rename, so that no reader sees a part.

    A symbolic link stays, and the file it points to is replaced. Missing parent folders are made.

    Raises
    ------
    InputError
        The folder cannot be made or written to, or the disk is full; an old file is then as it was.
    """
    target = Path(os.path.realpath(path))
    temporary = target.parent / f"{PREFIX}{secrets.token_hex(8)}{SUFFIX}"
    try:  # the name is known before the file is there, so that a signal at any time leaves none behind
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            _remove_litter(target.parent)
            handle = _locked(temporary)
        except OSError as error:
            raise InputError(f"{path}: cannot be written ({error.strerror}); choose another output folder.") from error
        try:
            with os.fdopen(handle, "wb", closefd=fcntl is None) as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.chmod(_mode_of(target))
            temporary.replace(target)
        except OSError as error:
            raise InputError(f"{path}: not written ({error.strerror}); the old file, if any, is intact.") from error
        finally:
            if fcntl:
                os.close(handle)
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def _locked(temporary: Path) -> int:
    """Make a temporary file that this process has locked, where there are locks; return its descriptor."""
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
    while True:
        handle = os.open(temporary, flags, 0o600)
        if fcntl is None:
            return handle
        with suppress(OSError):  # a file system without locks
            fcntl.flock(handle, fcntl.LOCK_EX)
        if os.fstat(handle).st_nlink:
            return handle
        os.close(handle)  # another run took it for litter before it was locked


def _remove_litter(folder: Path) -> None:
    with suppress(OSError):
        for path in folder.glob(f"{PREFIX}*{SUFFIX}"):
            with suppress(OSError):
                _remove_if_abandoned(path)


def _remove_if_abandoned(path: Path) -> None:
    """Remove a temporary file that no process has locked; without locks, one that is old."""
    if fcntl is None:
        if time.time() - path.stat().st_mtime > ABANDONED_S:
            path.unlink()
        return
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink()
    finally:
        os.close(handle)


def _mode_of(target: Path) -> int:
    try:
        return target.stat().st_mode & 0o777
    except OSError:
        umask = os.umask(0)
        os.umask(umask)
        return 0o666 & ~umask
