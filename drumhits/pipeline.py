"""analyze(): the one path from audio to candidates that conversion, training and evaluation take."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from drumhits.audio import SAMPLE_RATE, AudioReader
from drumhits.config import StemConfig
from drumhits.features import GUIDE_FEATURES, SHAPE_FEATURES, FeatureTable, measure, measured_features
from drumhits.onsets import ONSET_DTYPE, find_onsets, relative_to_loud, without_echoes
from drumhits.windows import windows

_NO_ONSETS = np.zeros(0, dtype=ONSET_DTYPE)


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


def analyze(path: Path, config: StemConfig, *, extended: bool = False) -> tuple[FeatureTable, AudioSource]:
    """Return the candidates of an audio file, and what identifies the file.

    Parameters
    ----------
    extended : bool
        Add the extended features of `context`, as models use them.

    Raises
    ------
    InputError
        The audio cannot be read; see `audio.AudioReader`.
    """
    reader = AudioReader(path)
    table = analyze_blocks(reader.blocks(), config, extended=extended)
    source = AudioSource(path, reader.n_frames, reader.sample_rate, reader.fingerprint, tuple(reader.warnings))
    return table, source


def analyze_blocks(blocks: Iterable[np.ndarray], config: StemConfig, *, extended: bool = False) -> FeatureTable:
    """Return the candidates of a signal.

    Parameters
    ----------
    blocks : iterable of np.ndarray, float32
        Mono samples at 44.1 kHz in blocks of any length; the result does not depend on how they are cut.
    """
    names = measured_features(config.stem, extended=extended)
    onsets, measured, around = [_NO_ONSETS], [np.zeros((0, len(names)), dtype=np.float32)], []
    for window in windows(blocks):
        found = find_onsets(window, config.stem)
        found = found[without_echoes(found, config.onset_wait)]
        measured.append(measure(window.y, found["sample"], config, names))
        if extended:
            from drumhits.context import surroundings

            around.append(surroundings(window.energies, found["sample"]))
        found["sample"] += window.start
        onsets.append(found)
    columns = dict(zip(names, np.concatenate(measured).T, strict=True))
    return _tabulate(np.concatenate(onsets), columns, around if extended else None, config)


def _tabulate(
    onsets: np.ndarray, measured: dict[str, np.ndarray], around: list[np.ndarray] | None, config: StemConfig
) -> FeatureTable:
    """Sort out what only the whole stem shows: unclear onsets, echoes across windows, strengths."""
    clear = np.flatnonzero(relative_to_loud(onsets["flux_db"]) >= config.onset_delta)
    chosen = clear[without_echoes(onsets[clear], config.onset_wait)]
    times_s = np.maximum(onsets["sample"][chosen], 0) / SAMPLE_RATE
    columns = {
        "Str": relative_to_loud(onsets["rise"][chosen]),
        "LevelDb": onsets["level_db"][chosen],
        **{name: column[chosen] for name, column in measured.items()},
    }
    names = tuple(name for name in GUIDE_FEATURES + SHAPE_FEATURES if name in columns)
    if around is not None:
        from drumhits.context import EXTENDED_FEATURES, extended_columns, gathered

        columns |= extended_columns(times_s, columns["LevelDb"].astype(np.float64), gathered(around)[chosen])
        names += EXTENDED_FEATURES
    return FeatureTable(times_s, names, np.column_stack([columns[name] for name in names]).astype(np.float64))
