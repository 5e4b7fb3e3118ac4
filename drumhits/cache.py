"""analyze() with a memory on disk: audio of the same content, analysed in the same way, is analysed once.

A result is found by all that it depends on: the bytes of the audio, those of its siblings where they are heard, the
settings, the features asked for, and the source of this package. Names and places of files do not count, so a song that
was moved is found again, and one that has changed is not.

joblib keeps the results as pickles, which can run code: a cache is for those who made it. The folder may be deleted
at any time.
"""

import hashlib
import logging
import os
import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import soundfile

from drumhits.analysis import ALL, GUIDE, analyze
from drumhits.bundle import package_digest
from drumhits.config.load import StemConfig
from drumhits.detection.features import FeatureTable
from drumhits.errors import InputError, UsageError
from drumhits.io.audio import AudioSource
from drumhits.io.folders import find_siblings

CACHE_LIMIT_BYTES = 500_000_000  # some hundred songs of five stems
READ_BYTES = 1 << 20
SUBFOLDER = "drumhits-analyses"  # trimming never looks outside it


@dataclass(frozen=True)
class Analysis:
    """What is kept: the key that it was made under, the result of `analyze`, and the siblings' files by stem."""

    key: str
    table: FeatureTable
    source: AudioSource
    siblings: Mapping[str, Path]


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

    def __call__(
        self, path: Path, config: StemConfig, features: str = GUIDE
    ) -> tuple[FeatureTable, AudioSource]:
        """Return what `analyze` does.

        Raises
        ------
        InputError
            See `analyze`.
        """
        beside = find_siblings(path) if features == ALL and self.folder else {}
        key = self.folder and _key(path, beside, config, features)
        if not key:
            return analyze(path, config, features)
        found = _remembered(self.folder, key, lambda: Analysis(key, *analyze(path, config, features), beside))
        return found.table, _at(found, path, beside)

    def trim(self) -> None:
        """Remove what was used longest ago, until the folder has its size."""
        if self.folder is not None:
            with _quiet():
                _memory(self.folder).reduce_size(bytes_limit=self.limit_bytes)


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


def _key(path: Path, beside: Mapping[str, Path], config: StemConfig, features: str) -> str | None:
    """Return the digest of all that the analysis depends on; None where a file cannot be read."""
    try:
        audio = [(stem, file.suffix.lower(), _digest(file)) for stem, file in (("", path), *beside.items())]
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


def _remembered(folder: Path, key: str, make: Callable[[], Analysis]) -> Analysis:
    """Return what was made under the key before, else make it; so too where what is there is damaged or foreign."""
    with _quiet():
        remember = _memory(folder).cache(_made, ignore=["make"])
        try:
            found = remember(key, make)
            if isinstance(found, Analysis) and found.key == key:
                return found
            remember.call_and_shelve(key, make).clear()
            return remember(key, make)
        except InputError:
            raise
        except Exception:  # joblib copes with most faults of a folder, and where it does not, there is the audio
            return make()


def _made(key: str, make: Callable[[], Analysis]) -> Analysis:
    return make()


def _memory(folder: Path):
    from joblib import Memory

    return Memory(folder / SUBFOLDER, verbose=0)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep joblib's warnings of a damaged or full folder to ourselves: the audio is analysed then."""
    logger = logging.getLogger("joblib")
    was_disabled, logger.disabled = logger.disabled, True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.disabled = was_disabled


def _at(found: Analysis, path: Path, beside: Mapping[str, Path]) -> AudioSource:
    """Return the source as it lies now: the audio and its siblings, also where warnings name them."""
    moved = {found.source.path: path} | {then: beside[stem] for stem, then in found.siblings.items()}
    names = {str(then): str(now) for then, now in moved.items()} | {found.source.path.name: path.name}
    either = re.compile("|".join(re.escape(name) for name in sorted(names, key=len, reverse=True)))
    return replace(
        found.source,
        path=path,
        siblings=tuple(replace(one, path=moved[one.path]) for one in found.source.siblings),
        warnings=tuple(either.sub(lambda hit: names[hit[0]], warning) for warning in found.source.warnings),
    )
