"""Output files, written whole or not at all."""

import os
import tempfile
from pathlib import Path

from drumhits.errors import InputError


def write_whole(path: Path, data: bytes) -> None:
    """Replace `path` by a file of `data`: a temporary file beside it, then a rename, so that no reader sees a part.

    A symbolic link stays, and the file it points to is replaced. Missing parent folders are made.

    Raises
    ------
    InputError
        The folder cannot be made or written to, or the disk is full; an old file is then as it was.
    """
    target = Path(os.path.realpath(path))
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".drumhits-", suffix=".tmp", dir=target.parent)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror}); choose another output folder.") from error
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(_mode_of(target))
        temporary.replace(target)
    except OSError as error:
        raise InputError(f"{path}: not written ({error.strerror}); the old file, if any, is intact.") from error
    finally:
        temporary.unlink(missing_ok=True)


def _mode_of(target: Path) -> int:
    try:
        return target.stat().st_mode & 0o777
    except OSError:
        umask = os.umask(0)
        os.umask(umask)
        return 0o666 & ~umask
