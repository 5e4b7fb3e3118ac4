"""analyze() with a memory on disk: audio of the same content, analysed in the same way, is analysed once.

A result is found by all that it depends on: the bytes of the audio, those of its siblings where their levels are
measured, the settings, the features asked for, and the source of this package. Names and places of files do not count,
so a song that was moved is found again, and one that has changed is not.

An entry is a NumPy archive (.npz) of the table and a header in JSON: data alone, which runs no code. What is damaged,
cut off or foreign is passed over, and the audio analysed anew. The folder may be deleted at any time.
"""

import hashlib
import io
import json
import os
import re
import stat
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import soundfile

from drumhits.analysis import GUIDE, MIX, analyze
from drumhits.bundle import package_digest
from drumhits.config.load import StemConfig
from drumhits.detection.features import FeatureTable
from drumhits.detection.loudness import StemLevel
from drumhits.errors import InputError, UsageError
from drumhits.io.audio import AudioSource, Sibling
from drumhits.io.files import write_whole
from drumhits.io.folders import find_siblings

CACHE_LIMIT_BYTES = 500_000_000  # some hundred songs of five stems
READ_BYTES = 1 << 20
SUBFOLDER = "drumhits-analyses"  # trimming never looks outside it
SUFFIX = ".npz"
_UNREADABLE = (  # what NumPy, zipfile and json raise at bytes of any kind, and a header of other types
    OSError, ValueError, KeyError, TypeError, AttributeError, EOFError, MemoryError, RecursionError,
    NotImplementedError, RuntimeError, zipfile.BadZipFile,
)  # fmt: skip
_ARRAYS = ("times_s", "values", "is_double")  # of a table


@dataclass(frozen=True)
class Analysis:
    """What an entry holds: the result of `analyze`, and the files of all siblings at that time, by stem."""

    table: FeatureTable
    source: AudioSource
    siblings: Mapping[str, Path]

    def to_bytes(self, key: str) -> bytes:
        """Return the entry under a key."""
        source = self.source
        header = {
            "key": key,
            "names": self.table.names,
            "level": asdict(self.table.level),
            "path": str(source.path),
            "n_frames": source.n_frames,
            "sample_rate": source.sample_rate,
            "fingerprint": source.fingerprint,
            "warnings": source.warnings,
            "analysed": [(one.stem, str(one.path), one.fingerprint) for one in source.siblings],
            "left_out": [str(path) for path in source.left_out],
            "siblings": {stem: str(path) for stem, path in self.siblings.items()},
        }
        text = np.frombuffer(json.dumps(header).encode(), dtype=np.uint8)
        file = io.BytesIO()
        arrays = {name: getattr(self.table, name) for name in _ARRAYS}
        np.savez(file, header=text, **arrays, allow_pickle=False)
        return file.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes, key: str) -> "Analysis":
        """Return what `to_bytes` wrote.

        Raises
        ------
        ValueError, or another of `_UNREADABLE`
            It is no entry under that key.
        """
        with np.load(io.BytesIO(data), allow_pickle=False) as parts:
            if any(part.compress_type != zipfile.ZIP_STORED for part in parts.zip.infolist()):
                raise ValueError("compressed, which ours are not: it could fill the memory")
            header = json.loads(parts["header"].tobytes())
            times_s, values, is_double = (parts[name] for name in _ARRAYS)
        names = tuple(map(str, header["names"]))
        is_table = times_s.dtype == values.dtype == np.float64 and values.shape == (*times_s.shape, len(names))
        is_table &= is_double.dtype == bool and is_double.shape == times_s.shape
        if header["key"] != key or not is_table or times_s.ndim != 1:
            raise ValueError("another analysis")
        source = AudioSource(
            Path(header["path"]),
            int(header["n_frames"]),
            int(header["sample_rate"]),
            str(header["fingerprint"]),
            warnings=tuple(map(str, header["warnings"])),
            siblings=tuple(Sibling(stem, Path(path), digest) for stem, path, digest in header["analysed"]),
            left_out=tuple(map(Path, header["left_out"])),
        )
        siblings = {stem: Path(path) for stem, path in header["siblings"].items()}
        level = header["level"]
        level = StemLevel(float(level["relative_db"]), bool(level["is_silent"]), bool(level["is_bleed"]))
        return cls(FeatureTable(times_s, names, values, level, is_double), source, siblings)

    def at(self, path: Path, siblings: Mapping[str, Path]) -> AudioSource:
        """Return the source as it lies now: the audio and its siblings, also where warnings name them."""
        moved = {self.source.path: path} | {then: siblings[stem] for stem, then in self.siblings.items()}
        names = {str(then): str(now) for then, now in moved.items()} | {self.source.path.name: path.name}
        either = re.compile("|".join(re.escape(name) for name in sorted(names, key=len, reverse=True)))
        return replace(
            self.source,
            path=path,
            siblings=tuple(replace(one, path=moved[one.path]) for one in self.source.siblings),
            left_out=tuple(moved[one] for one in self.source.left_out),
            warnings=tuple(either.sub(lambda match: names[match[0]], warning) for warning in self.source.warnings),
        )


@dataclass(frozen=True)
class CachedAnalysis:
    """`analysis.analyze`, with a memory where a folder is given; see `open_cache`.

    Parameters
    ----------
    folder : Path or None
    limit_bytes : int > 0
        Size to which `trim` reduces the folder.
    """

    folder: Path | None
    limit_bytes: int = CACHE_LIMIT_BYTES

    def __call__(self, path: Path, config: StemConfig, features: str = GUIDE) -> tuple[FeatureTable, AudioSource]:
        """Return what `analyze` does.

        Raises
        ------
        InputError
            See `analyze`.
        """
        if self.folder is None:
            return analyze(path, config, features)
        siblings = find_siblings(path) if features != MIX else {}
        key = _key(path, siblings, config, features)
        if key is None:
            return analyze(path, config, features)
        entry = self.folder / SUBFOLDER / f"{key}{SUFFIX}"
        with suppress(*_UNREADABLE):
            found = Analysis.from_bytes(_read(entry), key)
            source = found.at(path, siblings)
            with suppress(OSError):
                os.utime(entry)
            return found.table, source
        table, source = analyze(path, config, features)
        with suppress(InputError):  # a folder that vanished or is full: the next run analyses once more
            write_whole(entry, Analysis(table, source, siblings).to_bytes(key))
        return table, source

    def trim(self) -> None:
        """Remove what was used longest ago, until the folder has its size; others may write and trim meanwhile."""
        if self.folder is None:
            return
        entries: list[Path] = []
        used: list[tuple[int, int, Path]] = []
        with suppress(OSError):
            entries = list((self.folder / SUBFOLDER).glob(f"*{SUFFIX}"))
        for entry in entries:
            with suppress(OSError):
                state = entry.lstat()
                used.append((state.st_mtime_ns, state.st_size, entry))
        total = 0
        for _, size, entry in sorted(used, reverse=True):
            total += size
            if total > self.limit_bytes:
                with suppress(OSError):
                    entry.unlink()


def open_cache(folder: Path | None) -> CachedAnalysis:
    """Return an analysis that remembers in `folder`, which is made where it is missing; None: one that does not.

    Raises
    ------
    UsageError
        It is no folder, or nothing can be written to it.
    """
    if folder is None:
        return CachedAnalysis(None)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"--cache {folder}: cannot be made a folder ({error.strerror}); give another.") from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise UsageError(f"--cache {folder}: cannot be written to; give another folder, or leave the option out.")
    return CachedAnalysis(folder.absolute())


def _key(path: Path, siblings: Mapping[str, Path], config: StemConfig, features: str) -> str | None:
    """Return the digest of all that the analysis depends on; None where a file cannot be read."""
    try:
        audio = [(stem, file.suffix.lower(), _digest(file)) for stem, file in (("", path), *siblings.items())]
    except (OSError, ValueError):
        return None
    libraries = np.__version__, soundfile.__libsndfile_version__
    parts = package_digest(), libraries, repr(config), features, audio
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def _digest(path: Path) -> str:
    """Return the digest of a file's bytes.

    Raises
    ------
    OSError, ValueError
        It is no regular file, or cannot be read.
    """
    if not path.is_file():
        raise OSError(f"{path} is no regular file")
    state, buffer = hashlib.sha256(), memoryview(bytearray(READ_BYTES))
    with path.open("rb", buffering=0) as file:
        while n_read := file.readinto(buffer):
            state.update(buffer[:n_read])
    return state.hexdigest()


def _read(entry: Path) -> bytes:
    """Return the bytes of an entry.

    Raises
    ------
    OSError
        It is not there, no regular file, or cannot be read.
    """
    if not stat.S_ISREG(entry.stat().st_mode):
        raise OSError(f"{entry} is no regular file")
    return entry.read_bytes()
