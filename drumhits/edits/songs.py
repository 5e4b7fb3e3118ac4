"""A pair of raw and edited MIDI with its audio -> a labelled song. Times in seconds."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from drumhits.alignment.align import NOTHING_GIVEN, Given
from drumhits.analysis import ALL, analyze
from drumhits.cache import open_cache
from drumhits.config.load import StemConfig, load_config
from drumhits.detection.features import FeatureTable
from drumhits.drums import PROFILES
from drumhits.edits.doubles import without_doubtful
from drumhits.edits.labels import Labels, label
from drumhits.edits.mistakes import require_deliberate
from drumhits.edits.numbers import in_general_midi
from drumhits.edits.pairing import Pair, find_audio, find_pairs
from drumhits.errors import InputError
from drumhits.io.audio import AudioSource
from drumhits.io.midi import MidiContent, decode, read_midi_bytes
from drumhits.io.text import clock
from drumhits.networks.bundled import NETWORK_LOG_ODDS
from drumhits.parallel import attempt, in_processes
from drumhits.transcription.provenance import Provenance, is_untouched, read_provenance
from drumhits.transcription.reviewed import decided_in

CLOCK_S = 0.001  # what `clock` shows
AS_IT_STANDS = Given(offset_s=0.0)  # what a review writes
REMEDY = "make it again with stems_to_midi.py"

Analyse = Callable[[Path, StemConfig], tuple[FeatureTable, AudioSource]]


@dataclass(frozen=True, eq=False)
class LabelledSong:
    """A song's candidates, each with the label that the user's edits give it.

    Attributes
    ----------
    name : str
    pair : Pair
    source : AudioSource
        The audio, as it was analysed.
    config : StemConfig
        The settings that the raw MIDI and the candidates were made with.
    table : FeatureTable
        The candidates.
    labels : Labels
        One for each row of `table`.
    provenance : Provenance
        The record in the raw MIDI of what made it.
    warnings : tuple of str
        Sentences for the user.
    """

    name: str
    pair: Pair
    source: AudioSource
    config: StemConfig
    table: FeatureTable
    labels: Labels
    provenance: Provenance
    warnings: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class LoadedSongs:
    """The labelled songs of two folders, and what is wrong with the others.

    Attributes
    ----------
    songs : tuple of LabelledSong
        In the order of their names.
    errors : tuple of InputError
        One for each pair that was left out, but for `failure`.
    unpaired : tuple of str
        A sentence for each file of the stem that is in no pair.
    failure : InputError or None
        The error of the highest exit code, where no song could be labelled.
    """

    songs: tuple[LabelledSong, ...]
    errors: tuple[InputError, ...]
    unpaired: tuple[str, ...]
    failure: InputError | None


def load_songs(
    raw_dir: Path,
    edited_dir: Path,
    stem: str,
    *,
    audio_dirs: Iterable[Path] = (),
    features: str = ALL,
    cache_dir: Path | None = None,
    n_jobs: int = 1,
    given: Given = NOTHING_GIVEN,
    accepted: Collection[str] = (),
) -> LoadedSongs:
    """Return the labelled songs of a folder of raw MIDI and one of edited MIDI.

    Parameters
    ----------
    raw_dir, edited_dir : Path
        See `pairing.find_pairs`.
    stem : str
        One of `drums.STEMS`.
    audio_dirs : iterable of Path
        See `pairing.find_audio`.
    features : str
        The set of features that `analysis.analyze` is to give.
    cache_dir : Path, optional
        See `cache.open_cache`.
    n_jobs : int > 0
        Songs at a time.
    given : Given
        See `labels.label`.
    accepted : collection of str
        See `label_song`.

    Raises
    ------
    InputError
        One of the folders is missing or is no folder.
    NotEnoughDataError
        There is no pair.
    """
    pairs = find_pairs(raw_dir, edited_dir, stem)
    cache = open_cache(cache_dir)
    songs, errors = label_songs(
        pairs.pairs,
        audio_dirs,
        n_jobs=n_jobs,
        given=given,
        accepted=accepted,
        analyse=partial(cache, features=features),
    )
    cache.trim()
    if songs:
        return LoadedSongs(songs, errors, pairs.unpaired, failure=None)
    *others, gravest = sorted(errors, key=lambda error: error.exit_code)
    return LoadedSongs(songs, tuple(others), pairs.unpaired, failure=gravest)


def label_songs(
    pairs: Sequence[Pair],
    audio_dirs: Iterable[Path] = (),
    *,
    n_jobs: int = 1,
    given: Given = NOTHING_GIVEN,
    accepted: Collection[str] = (),
    analyse: Analyse = analyze,
) -> tuple[tuple[LabelledSong, ...], tuple[InputError, ...]]:
    """Return the labelled songs of several pairs, `n_jobs` at a time; the parameters are those of `label_song`.

    Returns
    -------
    songs : tuple of LabelledSong
        In the order of `pairs`.
    errors : tuple of InputError
        One for each song that could not be labelled.
    """
    label_one = partial(
        attempt,
        label_song,
        audio_dirs=tuple(audio_dirs),
        given=given,
        accepted=accepted,
        analyse=analyse,
    )
    results = list(in_processes(label_one, pairs, n_jobs))
    songs = tuple(result for result in results if isinstance(result, LabelledSong))
    return songs, tuple(result for result in results if isinstance(result, InputError))


def label_song(
    pair: Pair,
    audio_dirs: Iterable[Path] = (),
    *,
    given: Given = NOTHING_GIVEN,
    accepted: Collection[str] = (),
    analyse: Analyse = analyze,
) -> LabelledSong:
    """Return a song's candidates, re-made with the settings in its raw MIDI, with labels by the edits.

    Parameters
    ----------
    pair : Pair
    audio_dirs : iterable of Path
        See `pairing.find_audio`.
    given : Given
        See `labels.label`.
    accepted : collection of str
        EMPTY, UNCHANGED, SHORT: what else is taken for a mistake; see `mistakes.require_deliberate`.
    analyse : callable (path, config) -> (FeatureTable, AudioSource)

    Raises
    ------
    InputError
        A file cannot be read, the raw MIDI has no record of what made it, or the audio is missing or has changed.
    NotEnoughDataError
        The edits cannot be aligned with certainty; see `labels.label`.
    """
    raw_bytes = read_midi_bytes(pair.raw)
    raw, edited, decided = decode(raw_bytes, name=str(pair.raw)), *_read_edited(pair)
    provenance = _require_provenance(pair, read_provenance(raw))
    config = _settings(pair, provenance)
    _require_played_times(pair, provenance)
    raw, edited, config_read = in_general_midi(raw, edited, config, provenance.drum_map, given.drum_map)
    audio = find_audio(pair, provenance, audio_dirs)
    table, source = analyse(audio, config)
    if (changes := _changes(source, provenance)) is not None:
        raise InputError(
            f"{pair.name}: the audio has changed since the raw MIDI was made ({changes}): {audio}; "
            "make the raw MIDI again with stems_to_midi.py."
        )
    try:
        labels = label(
            raw,
            edited,
            candidate_times_s=table.times_s,
            timing_offset_s=config.timing_offset,
            note_group=note_group(config_read),
            keep_all=provenance.keep_all,
            given=given if decided is None else AS_IT_STANDS,
            decided=None if decided is None else np.isin(table.samples, list(decided)),
        )
    except InputError as error:
        raise type(error)(f"{pair.name}: {error}") from error
    if decided is None:
        require_deliberate(pair.name, raw, edited, labels, accepted, has_range=given.range_s is not None)
        if NETWORK_LOG_ODDS in table.names:
            labels = without_doubtful(labels, table.samples, table[NETWORK_LOG_ODDS], config.onset_wait)
    of_edits = (f"{pair.edited}: {sentence}" for sentence in labels.warnings)
    of_raw = _raw_warnings(pair, raw_bytes, raw, labels)
    warnings = (*source.warnings, *raw.warnings, *edited.warnings, *of_edits, *of_raw)
    return LabelledSong(pair.name, pair, source, config, table, labels, provenance, warnings)


def _read_edited(pair: Pair) -> tuple[MidiContent, frozenset[int] | None]:
    """Return the edited MIDI, and the candidates that the user decided about where a review wrote it."""
    midi = read_midi_bytes(pair.edited)
    edited = decode(midi, name=str(pair.edited))
    return edited, decided_in(midi, edited)


def _raw_warnings(pair: Pair, raw_bytes: bytes, raw: MidiContent, labels: Labels) -> list[str]:
    """Return what makes the raw MIDI doubtful evidence, as sentences for the user."""
    warnings = []
    if not is_untouched(raw_bytes):
        warnings.append(
            f"{pair.raw}: has been edited since it was made, and is used as it stands; "
            "if your edits went into it, make it again with stems_to_midi.py."
        )
    if labels.without_candidate:
        warnings.append(
            f"{pair.raw}: {labels.without_candidate} of its {len(raw.notes)} notes lie on no hit that is detected now, "
            "and teach nothing; if another version of this toolkit made it, make it again with stems_to_midi.py."
        )
    return warnings


def _require_played_times(pair: Pair, provenance: Provenance) -> None:
    if provenance.quantized:
        raise InputError(
            f"{pair.raw}: was quantised ({provenance.quantized}), so its notes do not lie on the hits that they stand "
            f"for; {REMEDY} without --quantize, and quantise in the DAW after the training."
        )


def note_group(config: StemConfig) -> frozenset[int]:
    """Return the note numbers that are the stem's own."""
    return frozenset(config.notes.values()) | PROFILES[config.stem].general_midi


def _require_provenance(pair: Pair, provenance: Provenance | None) -> Provenance:
    if provenance is None:
        raise InputError(
            f"{pair.raw}: does not say which audio and settings made it (another program wrote it, or a DAW "
            f"dropped the text); {REMEDY}, and do not open the raw file itself in the DAW."
        )
    return provenance


def _settings(pair: Pair, provenance: Provenance) -> StemConfig:
    """Return the settings in the raw MIDI's provenance; InputError where they cannot be used."""
    if provenance.stem != pair.stem:
        raise InputError(f"{pair.raw}: was made as {provenance.stem}, not {pair.stem}; {REMEDY} --stem {pair.stem}.")
    if not provenance.is_sound:
        raise InputError(f"{pair.raw}: the note of what made it is damaged; {REMEDY}.")
    try:
        load_config(None, {provenance.stem: provenance.settings})  # types and ranges
        return provenance.config()
    except InputError as error:
        raise InputError(
            f"{pair.raw}: the settings noted in it are not those of this version ({error}); {REMEDY}."
        ) from error


def _changes(source: AudioSource, provenance: Provenance) -> str | None:
    """Return how the audio differs from that of the provenance; None where it is the same."""
    if source.sample_rate != provenance.sample_rate:
        return f"sample rate {source.sample_rate} Hz, was {provenance.sample_rate} Hz"
    if source.n_frames != provenance.n_frames:
        was_s = provenance.n_frames / provenance.sample_rate
        if abs(source.duration_s - was_s) < CLOCK_S:
            return f"{source.n_frames} frames, was {provenance.n_frames}"
        return f"length {clock(source.duration_s)}, was {clock(was_s)}"
    return "the same length, other sound" if source.fingerprint != provenance.fingerprint else None
