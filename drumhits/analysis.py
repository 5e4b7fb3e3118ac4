"""analyze(): audio file -> candidates with their features, the one path that conversion, training and evaluation take.

Features come in kinds, each an extractor (see `features.Extractor`). Its module is imported where a set of features
names it, since a conversion by thresholds must start at little cost.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from drumhits.config.load import StemConfig
from drumhits.detection.features import (
    FILE_AMP,
    GUIDE_FEATURES,
    SHAPE_FEATURES,
    Candidates,
    Extractor,
    FeatureTable,
    ThresholdFeatures,
)
from drumhits.detection.frames import chunks_in_context
from drumhits.detection.loudness import StemLevel, stem_level
from drumhits.detection.onsets import ONSET_DTYPE, find_onsets, normalise_to_p95
from drumhits.detection.retriggers import are_strokes, suppress_retriggers
from drumhits.detection.song_audio import SongAudio
from drumhits.drums import PROFILES, STEMS
from drumhits.io.audio import SAMPLE_RATE, AudioSource

if TYPE_CHECKING:
    from drumhits.networks.bundled import SumView

    FEATURE_SETS: dict[str, tuple[str, ...]]

GUIDE, ALL, EMBEDDED, MIX = "guide", "all", "embedded", "mix"  # the sets of features that `analyze` gives
WITH_SIBLINGS = (ALL, EMBEDDED)  # those that a song's other stems are read for
_SHAPE, _CONTEXT = "detection.features:ShapeFeatures", "detection.context:ContextFeatures"
_SIBLINGS = "detection.siblings:SiblingFeatures"
EXTRACTORS = {  # module:class, in the order of their columns
    GUIDE: ("detection.features:ThresholdFeatures", "detection.context:RiseFeature", "detection.siblings:OverFeature"),
    ALL: (_SHAPE, _CONTEXT, _SIBLINGS, "networks.bundled:NetworkFeatures"),
    EMBEDDED: (_SHAPE, _CONTEXT, _SIBLINGS, "networks.bundled:NetworkFeaturesAndEmbeddings"),
    MIX: (_SHAPE, _CONTEXT, "networks.bundled:NetworkFeaturesInMix"),
}


def __getattr__(name: str) -> object:
    """Return `FEATURE_SETS`, what models may use of each set, at its first use: the names lie in costly modules."""
    if name != "FEATURE_SETS":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from drumhits.detection.context import EXTENDED_FEATURES
    from drumhits.detection.siblings import SIBLING_FEATURES
    from drumhits.networks.bundled import EMBEDDING_FEATURES, NETWORK_LOG_ODDS, NETWORK_LOG_ODDS_IN_MIX

    all_features = (
        *GUIDE_FEATURES, *SHAPE_FEATURES, *EXTENDED_FEATURES, *SIBLING_FEATURES, FILE_AMP, NETWORK_LOG_ODDS,
    )  # fmt: skip
    globals()[name] = {
        ALL: all_features,
        EMBEDDED: (*all_features, *EMBEDDING_FEATURES),
        GUIDE: GUIDE_FEATURES,
        MIX: (NETWORK_LOG_ODDS_IN_MIX,),
    }
    return globals()[name]


def siblings_taken(features: str, config: StemConfig) -> tuple[str, ...]:
    """Return which of a song's other stems a set of features takes, with these settings, where they are there."""
    profile = PROFILES[config.stem]
    is_tested = features == GUIDE and config.min_over_drum_db is not None
    if features in WITH_SIBLINGS or (is_tested and profile.plays_seldom):  # then all are read for what is bleed alone
        return STEMS
    return (profile.bleeding_drum,) if is_tested else ()


def analyze(
    path: Path, config: StemConfig, features: str = GUIDE, *, mix: Path | None = None, sensitivity: float = 1.0
) -> tuple[FeatureTable, AudioSource]:
    """Return the candidates of an audio file, and what identifies the file.

    Parameters
    ----------
    features : str
        GUIDE: what the thresholds and the notes need; `min_over_drum_db` takes the siblings, and a quiet
        hi-hat is analysed with ALL, too, for whether it is bleed alone. ALL: also the features of
        `context`, of `siblings` (from the song's other stems beside the file) and of `networks`, for models. EMBEDDED:
        also the networks' embeddings. MIX: those of `context` and of `networks` for a file that is a whole drum mix.
    mix : Path, optional
        The whole mix that the file is a stem of, which stands in for the sum of the stems.
    sensitivity : float > 0
        Above 1, softer attacks are candidates, too; see `onsets.find_onsets`.

    Raises
    ------
    InputError
        The audio cannot be read; see `audio.AudioReader`.
    """
    siblings = siblings_taken(features, config)
    of_sum = partial(_view_of_sum, config) if features in WITH_SIBLINGS else None
    opened = partial(SongAudio.open, path, siblings=siblings, of_sum=of_sum, mix=mix)
    song = opened()
    table = _detect_song(song, config, features, sensitivity)
    if (channel := song.loudest_channel_in_opposite_phase) is not None:
        song = opened(channel=channel)
        table = _detect_song(song, config, features, sensitivity)
    if features == GUIDE and _asks_networks(table.level, config.stem):
        table = replace(table, level=analyze(path, config, ALL, mix=mix, sensitivity=sensitivity)[0].level)
    elif features != MIX and _may_be_bleed(table.level, config.stem):
        table = _told_from_bleed(table, song, config.stem)
    return table, song.source()


def _detect_song(song: SongAudio, config: StemConfig, features: str, sensitivity: float) -> FeatureTable:
    extractors = [_extractor(name)(config, song) for name in EXTRACTORS[features]]
    return detect(song.blocks(), config, extractors, in_mix=features == MIX, sensitivity=sensitivity)


def _view_of_sum(config: StemConfig, blocks: Iterable[np.ndarray], times_s: np.ndarray) -> "SumView":
    """Return what a sum of stems, analysed as a whole mix is, says of one stem's candidates; see `networks.bundled`."""
    from drumhits.detection.patches import PatchesAt
    from drumhits.networks.bundled import NETWORK_LOG_ODDS_IN_MIX, SumView, are_strokes_apart, geomean_db

    patches = PatchesAt(times_s)
    extractors = [*(_extractor(name)(config) for name in EXTRACTORS[MIX]), patches]
    table = detect(blocks, config, extractors, in_mix=True)
    strokes = table.rows(are_strokes_apart(table[NETWORK_LOG_ODDS_IN_MIX], table.samples, config.onset_wait))
    return SumView(patches.rows, strokes.times_s, strokes[NETWORK_LOG_ODDS_IN_MIX], geomean_db(strokes))


def _may_be_bleed(level: StemLevel, stem: str) -> bool:
    return level.is_quiet or (not level.is_silent and PROFILES[stem].plays_seldom)


def _asks_networks(level: StemLevel, stem: str) -> bool:
    """Tell whether the networks are asked, too: a drum that takes the part of another has strokes as that one has."""
    return level.is_quiet and PROFILES[stem].is_replaced


def _told_from_bleed(table: FeatureTable, song: SongAudio, stem: str) -> FeatureTable:
    """Return the table of a stem with what its siblings and the networks say: whether it holds nothing but bleed."""
    from drumhits.detection.siblings import is_bleed

    beside = song.levels_at(table.times_s)
    bleeds = beside is not None and is_bleed(
        table["GeoMean"], beside.own, beside.levels, plays_seldom=PROFILES[stem].plays_seldom
    )
    if _asks_networks(table.level, stem):
        from drumhits.networks.bundled import hold_no_hit

        bleeds = bleeds or hold_no_hit(table)
    return replace(table, level=replace(table.level, is_bleed=bleeds))


def identify(path: Path, *, siblings: Collection[str] = ()) -> AudioSource:
    """Return what identifies an audio file and those of some other stems, without looking for candidates in it.

    Raises
    ------
    InputError
        See `analyze`.
    """
    return SongAudio.open(path, siblings=siblings).identify()


def _extractor(name: str) -> type:
    module, kind = name.split(":")
    return getattr(import_module(f"drumhits.{module}"), kind)


def detect(
    blocks: Iterable[np.ndarray],
    config: StemConfig,
    extractors: Sequence[Extractor] | None = None,
    *,
    in_mix: bool = False,
    sensitivity: float = 1.0,
) -> FeatureTable:
    """Return the candidates of a signal.

    Parameters
    ----------
    blocks : iterable of np.ndarray, float32
        Mono samples at 44.1 kHz in blocks of any length; the result does not depend on how they are cut.
    extractors : sequence of Extractor, or None
        Give the columns, in this order, the first those of GUIDE among others; None: those of GUIDE.
    in_mix : bool
        The signal is a whole drum mix.
    sensitivity : float > 0
        See `onsets.find_onsets`.
    """
    extractors = [ThresholdFeatures(config)] if extractors is None else extractors
    found = [np.zeros(0, dtype=ONSET_DTYPE)]
    for chunk in chunks_in_context(blocks):
        onsets = find_onsets(chunk, config.stem, sensitivity)
        onsets = onsets[suppress_retriggers(onsets, config.onset_wait, config.stem)]
        for extractor in extractors:
            extractor.collect(chunk, onsets["sample"])
        onsets["sample"] += chunk.start
        found.append(onsets)
    onsets = np.concatenate(found)
    chosen = _stem_wide_choice(onsets, config)
    onsets = onsets[chosen]
    strokes = are_strokes(onsets["sample"], onsets["weight"], config.onset_wait, config.stem)
    times_s, no_values = np.maximum(onsets["sample"], 0) / SAMPLE_RATE, np.zeros((len(onsets), 0))
    table = FeatureTable(times_s, (), no_values, is_double=~strokes)
    for extractor in extractors:
        table = table.with_columns(extractor.columns(Candidates(onsets, chosen, table)))
        if extractor is extractors[0]:
            table = replace(table, level=stem_level(table["GeoMean"], config.stem, in_mix=in_mix))
    return table


def detect_with_patches(
    blocks: Iterable[np.ndarray], config: StemConfig, *, in_mix: bool = False
) -> tuple[FeatureTable, np.ndarray]:
    """Return the candidates of a signal with the features and the patches that networks take.

    See `detect`, `networks.inputs.Inputs` and `detection.patches.patches`.
    """
    from drumhits.detection.patches import PatchCollector

    patches = PatchCollector()
    extractors = [*(_extractor(name)(config) for name in (_SHAPE, _CONTEXT)), patches]
    table = detect(blocks, config, extractors, in_mix=in_mix)
    return table, patches.rows


def _stem_wide_choice(onsets: np.ndarray, config: StemConfig) -> np.ndarray:
    """Return the indices of the onsets left by the stem-wide flux threshold and retrigger suppression."""
    clear = np.flatnonzero(normalise_to_p95(onsets["flux_db"]) >= config.onset_delta)
    return clear[suppress_retriggers(onsets[clear], config.onset_wait, config.stem)]
