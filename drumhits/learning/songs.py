"""A pair of raw and edited MIDI with its audio -> a labelled song, and what is reported of it. Times in seconds."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from drumhits.analysis import analyze
from drumhits.config.load import StemConfig, load_config
from drumhits.detection.features import FeatureTable
from drumhits.drums import PROFILES
from drumhits.errors import InputError
from drumhits.io.audio import AudioSource
from drumhits.io.midi import decode, read_midi, read_midi_bytes
from drumhits.learning.labels import Labels, label
from drumhits.learning.pairing import Pair, find_audio
from drumhits.parallel import in_processes
from drumhits.transcription.provenance import Provenance, is_untouched, read_provenance

Analyse = Callable[[Path, StemConfig], tuple[FeatureTable, AudioSource]]


@dataclass(frozen=True, eq=False)
class LabelledSong:
    """A song's candidates and what the user's edits say about them.

    Attributes
    ----------
    name : str
    pair : Pair
    audio : Path
    fingerprint : str, digest of the audio's samples
    duration_s : float
    siblings : tuple of str, the song's other stems that were heard
    config : StemConfig, that the raw MIDI and the candidates were made with
    table : FeatureTable, the candidates
    labels : Labels, one for each row of `table`
    provenance : Provenance, the note in the raw MIDI
    warnings : tuple of str, sentences for the user
    """

    name: str
    pair: Pair
    audio: Path
    fingerprint: str
    duration_s: float
    siblings: tuple[str, ...]
    config: StemConfig
    table: FeatureTable
    labels: Labels
    provenance: Provenance
    warnings: tuple[str, ...]


def label_song(
    pair: Pair,
    audio_dirs: Iterable[Path] = (),
    *,
    edited_tempo: float | None = None,
    edited_offset: float | None = None,
    range_s: tuple[float, float] | None = None,
    analyse: Analyse = analyze,
) -> LabelledSong:
    """Re-make a song's candidates with the settings in its raw MIDI, and label them by the edits.

    Parameters
    ----------
    audio_dirs : iterable of Path
        See `find_audio`.
    edited_tempo, edited_offset, range_s
        See `labels.label`.
    analyse : callable (path, config) -> (FeatureTable, AudioSource)

    Raises
    ------
    InputError
        A file cannot be read, the raw MIDI has no note of what made it, or the audio is missing or has changed.
    NotEnoughDataError
        The edits cannot be aligned with certainty; see `labels.label`.
    """
    raw_bytes = read_midi_bytes(pair.raw)
    raw, edited = decode(raw_bytes, name=str(pair.raw)), read_midi(pair.edited)
    note = read_provenance(raw)
    config = _settings(pair, note)
    audio = find_audio(pair, note, audio_dirs)
    table, source = analyse(audio, config)
    if (changes := _changes(source, note)) is not None:
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
            note_group=note_group(config),
            edited_tempo=edited_tempo,
            edited_offset=edited_offset,
            range_s=range_s,
        )
    except InputError as error:
        raise type(error)(f"{pair.name}: {error}") from error
    warnings = [*source.warnings, *raw.warnings, *edited.warnings]
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
    return LabelledSong(
        name=pair.name,
        pair=pair,
        audio=audio,
        fingerprint=source.fingerprint,
        duration_s=source.duration_s,
        siblings=tuple(sibling.stem for sibling in source.siblings),
        config=config,
        table=table,
        labels=labels,
        provenance=note,
        warnings=tuple(warnings),
    )


def note_group(config: StemConfig) -> frozenset[int]:
    """Return the note numbers that are the stem's own."""
    return frozenset(config.notes.values()) | PROFILES[config.stem].general_midi


def _settings(pair: Pair, note: Provenance | None) -> StemConfig:
    """Return the settings in the note, or say why they cannot be used."""
    remedy = "make it again with stems_to_midi.py"
    if note is None:
        raise InputError(
            f"{pair.raw}: does not say which audio and settings made it (another program wrote it, or a DAW "
            f"dropped the text); {remedy}, and do not open the raw file itself in the DAW."
        )
    if note.stem != pair.stem:
        raise InputError(f"{pair.raw}: was made as {note.stem}, not {pair.stem}; {remedy} --stem {pair.stem}.")
    if not note.is_sound:
        raise InputError(f"{pair.raw}: the note of what made it is damaged; {remedy}.")
    try:
        load_config(None, {note.stem: note.settings})  # types and ranges
        return note.config()
    except InputError as error:
        raise InputError(
            f"{pair.raw}: the settings noted in it are not those of this version ({error}); {remedy}."
        ) from error


def _changes(source: AudioSource, note: Provenance) -> str | None:
    """Say how the audio differs from the one in the note; None where it is the same."""
    if source.sample_rate != note.sample_rate:
        return f"sample rate {source.sample_rate} Hz, was {note.sample_rate} Hz"
    if source.n_frames != note.n_frames:
        was_s = note.n_frames / note.sample_rate
        digits = 1 if abs(source.duration_s - was_s) >= 0.1 else 4
        return f"length {source.duration_s:.{digits}f} s, was {was_s:.{digits}f} s"
    return "the same length, other sound" if source.fingerprint != note.fingerprint else None


def label_songs(
    pairs: Sequence[Pair], audio_dirs: Iterable[Path] = (), *, n_jobs: int = 1, **options
) -> tuple[tuple[LabelledSong, ...], tuple[InputError, ...]]:
    """Label several songs, `n_jobs` at a time; `options` are those of `label_song`.

    Returns
    -------
    songs : tuple of LabelledSong, in the order of `pairs`
    errors : tuple of InputError, one for each song that could not be labelled
    """
    audio_dirs = tuple(audio_dirs)
    attempt = partial(_attempt, audio_dirs=audio_dirs, options=options)
    results = list(in_processes(attempt, pairs, n_jobs))
    songs = tuple(result for result in results if isinstance(result, LabelledSong))
    return songs, tuple(result for result in results if isinstance(result, InputError))


def _attempt(pair: Pair, audio_dirs: tuple[Path, ...], options: dict) -> LabelledSong | InputError:
    try:
        return label_song(pair, audio_dirs, **options)
    except InputError as error:
        return error
