"""analyze(): the one path from audio to candidates that conversion, training and evaluation take."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from drumhits.audio import SAMPLE_RATE, AudioReader
from drumhits.config import StemConfig
from drumhits.features import GUIDE_FEATURES, MEASURED, SHAPE_FEATURES, FeatureTable, measure
from drumhits.onsets import ONSET_DTYPE, find_onsets, relative_to_loud, without_echoes
from drumhits.windows import windows


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
    """

    path: Path
    n_frames: int
    sample_rate: int
    fingerprint: str
    warnings: tuple[str, ...]

    @property
    def duration_s(self) -> float:
        return self.n_frames / self.sample_rate


def analyze(path: Path, config: StemConfig) -> tuple[FeatureTable, AudioSource]:
    """Return the candidates of an audio file, and what identifies the file.

    Raises
    ------
    InputError
        The audio cannot be read; see `audio.AudioReader`.
    """
    reader = AudioReader(path)
    table = analyze_blocks(reader.blocks(), config)
    source = AudioSource(path, reader.n_frames, reader.sample_rate, reader.fingerprint, tuple(reader.warnings))
    return table, source


def analyze_blocks(blocks: Iterable[np.ndarray], config: StemConfig) -> FeatureTable:
    """Return the candidates of a signal.

    Parameters
    ----------
    blocks : iterable of np.ndarray, float32
        Mono samples at 44.1 kHz in blocks of any length; the result does not depend on how they are cut.
    """
    onsets, measured = [np.zeros(0, dtype=ONSET_DTYPE)], [np.zeros((0, len(MEASURED)), dtype=np.float32)]
    for window in windows(blocks):
        found = find_onsets(window, config.stem)
        found = found[without_echoes(found, config.onset_wait)]
        measured.append(measure(window.y, found["sample"], config))
        found["sample"] += window.start
        onsets.append(found)
    return _tabulate(np.concatenate(onsets), np.concatenate(measured), config)


def _tabulate(onsets: np.ndarray, measured: np.ndarray, config: StemConfig) -> FeatureTable:
    """Sort out what only the whole stem shows: unclear onsets, echoes across windows, strengths."""
    clear = np.flatnonzero(relative_to_loud(onsets["flux_db"]) >= config.onset_delta)
    chosen = clear[without_echoes(onsets[clear], config.onset_wait)]
    columns = {
        "Str": relative_to_loud(onsets["rise"][chosen]),
        "LevelDb": onsets["level_db"][chosen],
        **dict(zip(MEASURED, measured[chosen].T, strict=True)),
    }
    names = GUIDE_FEATURES + SHAPE_FEATURES
    return FeatureTable(
        times_s=np.maximum(onsets["sample"][chosen], 0) / SAMPLE_RATE,
        names=names,
        values=np.column_stack([columns[name] for name in names]).astype(np.float64),
    )
