"""analyze(): the one path from audio to candidates that conversion, training and evaluation take."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from drumhits.audio import SAMPLE_RATE, AudioReader
from drumhits.config import StemConfig
from drumhits.features import GUIDE_FEATURES, SHAPE_FEATURES, FeatureTable, measure, measured_features
from drumhits.onsets import ONSET_DTYPE, find_onsets, relative_to_loud, without_echoes
from drumhits.source import AudioSource
from drumhits.windows import windows

if TYPE_CHECKING:
    from drumhits.siblings import Heard

_NO_ONSETS = np.zeros(0, dtype=ONSET_DTYPE)


def analyze(
    path: Path, config: StemConfig, *, extended: bool = False, siblings: bool = False
) -> tuple[FeatureTable, AudioSource]:
    """Return the candidates of an audio file, and what identifies the file.

    Parameters
    ----------
    extended : bool
        Add the extended features of `context`, as models use them.
    siblings : bool
        Add the features of `siblings`, from the song's other stems beside the file.

    Raises
    ------
    InputError
        The audio cannot be read; see `audio.AudioReader`.
    """
    reader = AudioReader(path)
    if not siblings:
        return analyze_blocks(reader.blocks(), config, extended=extended), _source(reader)
    from drumhits.siblings import Levels, hear_siblings, sibling_columns

    levels = Levels(SAMPLE_RATE)
    table = analyze_blocks(levels.listen(reader.blocks()), config, extended=extended)
    own = levels.around(table.times_s)
    del levels  # the siblings' take as much memory
    heard = hear_siblings(path, reader.duration_s, table.times_s)
    columns = sibling_columns(own, heard.around)
    return table.with_columns(columns), _source(reader, heard)


def identify(path: Path, *, siblings: bool = False) -> AudioSource:
    """Return what identifies an audio file, without looking for candidates in it.

    Raises
    ------
    InputError
        See `analyze`.
    """
    reader = AudioReader(path)
    for _ in reader.mono_blocks():
        pass
    if not siblings:
        return _source(reader)
    from drumhits.siblings import hear_siblings

    return _source(reader, hear_siblings(path, reader.duration_s, np.zeros(0)))


def _source(reader: AudioReader, heard: "Heard | None" = None) -> AudioSource:
    return AudioSource(
        reader.path,
        reader.n_frames,
        reader.sample_rate,
        reader.fingerprint,
        warnings=(*reader.warnings, *(heard.warnings if heard else ())),
        siblings=tuple(heard.siblings) if heard else (),
    )


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
