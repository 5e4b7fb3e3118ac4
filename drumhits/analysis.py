"""analyze(): the one path from audio to candidates that conversion, training and evaluation take."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from drumhits.config.load import StemConfig
from drumhits.detection.context import EXTENDED_FEATURES
from drumhits.detection.features import GUIDE_FEATURES, SHAPE_FEATURES, FeatureTable, measure, measured_features
from drumhits.detection.frames import chunks_in_context
from drumhits.detection.onsets import ONSET_DTYPE, find_onsets, normalise_to_p95, suppress_retriggers
from drumhits.detection.siblings import SIBLING_FEATURES
from drumhits.io.audio import SAMPLE_RATE, AudioReader, AudioSource
from drumhits.networks.bundled import NETWORK_LOG_ODDS, NETWORK_LOG_ODDS_IN_MIX

if TYPE_CHECKING:
    from drumhits.detection.sibling_audio import SiblingAnalysis


_NO_ONSETS = np.zeros(0, dtype=ONSET_DTYPE)


GUIDE, ALL, MIX = "guide", "all", "mix"  # the sets of features that `analyze` gives


def analyze(path: Path, config: StemConfig, features: str = GUIDE) -> tuple[FeatureTable, AudioSource]:
    """Return the candidates of an audio file, and what identifies the file.

    Parameters
    ----------
    features : str
        GUIDE: what the thresholds and the notes need. ALL: also those of `context`, of `siblings` (from the song's
        other stems beside the file) and of `listener`, as models use them. MIX: those of `context` and of `listener`
        for a file that is a whole drum mix.

    Raises
    ------
    InputError
        The audio cannot be read; see `audio.AudioReader`.
    """
    reader = AudioReader(path)
    if features == GUIDE:
        return analyze_blocks(reader.blocks(), config), _source(reader)
    from drumhits.networks.bundled import heard
    from drumhits.networks.inputs import Inputs

    if features == MIX:
        table, patch = find_candidates(reader.blocks(), config, extended=True)
        columns = heard(config.stem, Inputs(table, patch), in_mix=True)
        return table.with_columns(columns), _source(reader)
    from drumhits.detection.sibling_audio import analyse_siblings
    from drumhits.detection.siblings import EnergyEnvelope, sibling_columns

    levels = EnergyEnvelope()
    table, patch = find_candidates(levels.listen(reader.blocks()), config, extended=True)
    own = levels.around(table.times_s)
    del levels  # the siblings' take as much memory
    beside = analyse_siblings(path, reader.duration_s, table.times_s)
    inputs = Inputs(table, patch, {config.stem: own, **beside.around}, beside.mixture)
    columns = sibling_columns(own, beside.around) | heard(config.stem, inputs)
    return table.with_columns(columns), _source(reader, beside)


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
    from drumhits.detection.sibling_audio import analyse_siblings

    return _source(reader, analyse_siblings(path, reader.duration_s, np.zeros(0)))


def _source(reader: AudioReader, beside: "SiblingAnalysis | None" = None) -> AudioSource:
    return AudioSource(
        reader.path,
        reader.n_frames,
        reader.sample_rate,
        reader.fingerprint,
        warnings=(*reader.warnings, *(beside.warnings if beside else ())),
        siblings=beside.siblings if beside else (),
    )


def analyze_blocks(blocks: Iterable[np.ndarray], config: StemConfig, *, extended: bool = False) -> FeatureTable:
    """Return the candidates of a signal.

    Parameters
    ----------
    blocks : iterable of np.ndarray, float32
        Mono samples at 44.1 kHz in blocks of any length; the result does not depend on how they are cut.
    """
    return find_candidates(blocks, config, extended=extended)[0]


def find_candidates(
    blocks: Iterable[np.ndarray], config: StemConfig, *, extended: bool
) -> tuple[FeatureTable, np.ndarray | None]:
    """Return the candidates of a signal and, with the extended features, the patches that networks take.

    See `analyze_blocks` and `bundled.patches`.
    """
    names = measured_features(config.stem, extended=extended)
    onsets, measured = [_NO_ONSETS], [np.zeros((0, len(names)), dtype=np.float32)]
    if extended:
        from drumhits.detection.context import no_surroundings, surroundings
        from drumhits.detection.frames import RowBuffer
        from drumhits.detection.patches import no_patches, patches

        around, patch = RowBuffer(no_surroundings()), RowBuffer(no_patches())
    for window in chunks_in_context(blocks):
        found = find_onsets(window, config.stem)
        found = found[suppress_retriggers(found, config.onset_wait, config.stem)]
        measured.append(measure(window.y, found["sample"], config, names))
        if extended:
            around.add(surroundings(window.energies, found["sample"]))
            patch.add(patches(window, found["sample"]))
        found["sample"] += window.start
        onsets.append(found)
    columns = dict(zip(names, np.concatenate(measured).T, strict=True))
    found = np.concatenate(onsets)
    chosen = _stem_wide_choice(found, config)
    if not extended:
        return _tabulate(found, chosen, columns), None
    around, patch = around[chosen], patch[chosen]
    return _tabulate(found, chosen, columns, around), patch


def _stem_wide_choice(onsets: np.ndarray, config: StemConfig) -> np.ndarray:
    """Return the indices of the onsets that are left when the whole stem is known: no unclear one, no late echo."""
    clear = np.flatnonzero(normalise_to_p95(onsets["flux_db"]) >= config.onset_delta)
    return clear[suppress_retriggers(onsets[clear], config.onset_wait, config.stem)]


def _tabulate(
    onsets: np.ndarray, chosen: np.ndarray, measured: dict[str, np.ndarray], around: np.ndarray | None = None
) -> FeatureTable:
    """Return the table of the chosen onsets; `around` is of those."""
    times_s = np.maximum(onsets["sample"][chosen], 0) / SAMPLE_RATE
    columns = {
        "Str": normalise_to_p95(onsets["rise"][chosen]),
        "LevelDb": onsets["level_db"][chosen],
        **{name: column[chosen] for name, column in measured.items()},
    }
    names = tuple(name for name in GUIDE_FEATURES + SHAPE_FEATURES if name in columns)
    if around is not None:
        from drumhits.detection.context import EXTENDED_FEATURES, extended_columns

        columns |= extended_columns(times_s, columns["LevelDb"].astype(np.float64), around)
        names += EXTENDED_FEATURES
    values = np.column_stack([columns[name] for name in names])
    return FeatureTable(times_s, names, values.astype(np.float64, copy=False))
FEATURE_SETS = {
    ALL: GUIDE_FEATURES + SHAPE_FEATURES + EXTENDED_FEATURES + SIBLING_FEATURES + (NETWORK_LOG_ODDS,),
    GUIDE: GUIDE_FEATURES,
    MIX: (NETWORK_LOG_ODDS_IN_MIX,),
}
