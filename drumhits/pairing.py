"""Folders of raw and edited MIDI -> labelled songs.

A song is a raw MIDI file, its edited version, and the audio that the raw one was made from. Times in seconds.
"""

import csv
import io
import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from drumhits.audio import AUDIO_SUFFIXES
from drumhits.config import StemConfig, load_config
from drumhits.errors import InputError, NotEnoughDataError
from drumhits.features import FeatureTable
from drumhits.jobs import stem_of
from drumhits.labels import PAIR_DTYPE, Labels, label
from drumhits.midi import decode, read_midi, read_midi_bytes
from drumhits.pipeline import AudioSource, analyze
from drumhits.provenance import Provenance, is_untouched, read_provenance

MIDI_SUFFIXES = frozenset({".mid", ".midi"})
MAX_NAMES = 5  # in a message
_EDITED = re.compile("_edited$", re.IGNORECASE)

# Notes of General MIDI that belong to a stem besides the configured ones: a hit that gets one stays in its stem.
_GENERAL_MIDI = {
    "kick": {35, 36},
    "snare": {37, 38, 39, 40},
    "toms": {41, 43, 45, 47, 48, 50},
    "hihat": {42, 44, 46},
    "cymbals": {49, 51, 52, 53, 55, 57, 59},
}

Analyse = Callable[[Path, StemConfig], tuple[FeatureTable, AudioSource]]


@dataclass(frozen=True)
class Pair:
    """A raw MIDI file and its edited version; `name` is the raw file's without suffix."""

    name: str
    stem: str
    raw: Path
    edited: Path


@dataclass(frozen=True)
class Pairs:
    """The pairs of a stem by name, and a sentence for each file of that stem that is in none."""

    pairs: tuple[Pair, ...]
    unpaired: tuple[str, ...]


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
    config: StemConfig
    table: FeatureTable
    labels: Labels
    provenance: Provenance
    warnings: tuple[str, ...]


def find_pairs(raw_dir: Path, edited_dir: Path, stem: str) -> Pairs:
    """Pair the raw MIDI files of a stem with their edited versions, in the order of their names.

    `NAME.mid` pairs with `NAME_edited.mid`, else with a file of its own name. A raw file belongs to the stem that its
    name ends in, else to the one in its note. Files of other stems are passed over.

    Raises
    ------
    InputError
        One of the folders is missing or is no folder.
    NotEnoughDataError
        There is no pair.
    """
    raw, edited = _midi_files(raw_dir, "--raw-dir"), _midi_files(edited_dir, "--edited-dir")
    if raw_dir.samefile(edited_dir):
        raw = [path for path in raw if not _EDITED.search(path.stem)]
        edited = [path for path in edited if _EDITED.search(path.stem)]
    versions: dict[str, list[Path]] = {}
    for path in sorted(edited, key=lambda path: (not _EDITED.search(path.stem), path.name)):
        versions.setdefault(_key(_song_of(path)), []).append(path)
    pairs, unpaired, other_stems = {}, [], set()
    for path in sorted(raw, key=lambda path: (_key(path.stem), path.name)):
        key = _key(path.stem)
        try:
            if _stem_of_raw(path) != stem:
                other_stems.add(key)
            elif key in pairs:
                unpaired.append(f"{path}: {pairs[key].raw.name} of the same name is used instead.")
            elif key not in versions:
                unpaired.append(f"{path}: has no edited version {path.stem}_edited.mid in {edited_dir}.")
            else:
                pairs[key] = Pair(path.stem, stem, path, versions[key].pop(0))
        except InputError as error:
            unpaired.append(str(error))
    for key in sorted(versions.keys() - other_stems):
        for path in versions[key]:
            if stem_of(_song_of(path)) in (None, stem):
                reason = f"{pairs[key].edited.name} is used instead" if key in pairs else f"has no pair in {raw_dir}"
                unpaired.append(f"{path}: {reason}.")
    if not pairs:
        said = _nothing_paired(stem, raw_dir, raw, edited_dir, edited)
        raise NotEnoughDataError(" ".join([said, *unpaired[:1]]))
    return Pairs(tuple(pairs.values()), tuple(unpaired))


def _midi_files(folder: Path, option: str) -> list[Path]:
    if not folder.is_dir():
        fault = "is a file, not a folder" if folder.exists() else "does not exist"
        raise InputError(f"{option} {folder}: {fault}; give the folder that holds the MIDI files.")
    try:
        files = [path for path in folder.iterdir() if path.suffix.lower() in MIDI_SUFFIXES and path.is_file()]
    except OSError as error:
        raise InputError(f"{option} {folder}: cannot be read ({error.strerror}); check its permissions.") from error
    return [path for path in files if not path.name.startswith(".")]  # "._NAME.mid" is the Finder's


def _song_of(edited: Path) -> str:
    return _EDITED.sub("", edited.stem)


def _key(name: str) -> str:
    """Return what equal names have in common where systems write accents and capitals differently."""
    return unicodedata.normalize("NFC", name).casefold()


def _stem_of_raw(path: Path) -> str:
    if (named := stem_of(path.stem)) is not None:
        return named
    if (note := read_provenance(read_midi(path))) is not None:
        return note.stem
    raise InputError(
        f"{path}: neither its name nor a note in it tells its stem; make it again with stems_to_midi.py, "
        "or let its name end in the stem."
    )


def _nothing_paired(stem: str, raw_dir: Path, raw: list[Path], edited_dir: Path, edited: list[Path]) -> str:
    return (
        f"there is no song to learn from: looked for {raw_dir / f'NAME-{stem}.mid'} with "
        f"{edited_dir / f'NAME-{stem}_edited.mid'}, but {raw_dir} holds {_listing(raw)} and {edited_dir} holds "
        f"{_listing(edited)}; convert with stems_to_midi.py, delete the false hits in your DAW, and export under "
        "that name."
    )


def _listing(paths: list[Path]) -> str:
    names, hidden = sorted(path.name for path in paths)[:MAX_NAMES], len(paths) - MAX_NAMES
    return (", ".join(names) or "no MIDI file") + (f" (and {hidden} more)" if hidden > 0 else "")


def find_audio(pair: Pair, provenance: Provenance | None, audio_dirs: Iterable[Path] = ()) -> Path:
    """Return the audio of a song.

    Looked for in `audio_dirs` and below, where the note in the raw MIDI says, and beside the raw MIDI; under the name
    in the note, else that of the raw MIDI. Of several in and below the folders, the one that shares the most parent
    folders with the note's path is it.

    Raises
    ------
    InputError
        Not found, or one of `audio_dirs` is no folder.
    """
    noted = PurePosixPath(provenance.audio if provenance else "")
    beside = pair.raw.parent
    looked = []
    for folder in audio_dirs:
        if not folder.is_dir():
            raise InputError(f"--audio-dir {folder}: is no folder; give the one that holds the separated stems.")
        if found := _audio_among(folder.rglob("*"), pair.name, noted):
            return found
        looked.append(f"in {folder} and below")
    if noted.name:
        if _is_file(beside / noted):
            return beside / noted
        looked.append(f"at {beside / noted}")
    if found := _audio_among(beside.iterdir(), pair.name, noted):
        return found
    looked.append(f"in {beside}")
    names = " or ".join(filter(None, (noted.name, f"{pair.name}.wav (.flac, .mp3 ...)")))
    raise InputError(
        f"{pair.name}: its audio is not found: looked for {names} {', '.join(looked)}; "
        "give the folder that holds it with --audio-dir."
    )


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name that the system does not take
        return False


def _audio_among(paths: Iterable[Path], name: str, noted: PurePosixPath) -> Path | None:
    """Return the file with the noted name, else the audio file called `name`, that is the likeliest; None without."""
    ranked = []
    for path in paths:
        has_noted_name = _key(path.name) == _key(noted.name)
        has_own_name = _key(path.stem) == _key(name) and path.suffix.lower() in AUDIO_SUFFIXES
        if (has_noted_name or has_own_name) and path.is_file():
            ranked.append((not has_noted_name, -_shared_parents(path, noted), len(path.parts), path))
    return min(ranked)[-1] if ranked else None


def _shared_parents(path: Path, noted: PurePosixPath) -> int:
    pairs = zip(reversed(path.parent.parts), reversed(noted.parent.parts), strict=False)
    shared = [ours == theirs for ours, theirs in pairs]
    return [*shared, False].index(False)


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
            note_group=frozenset(config.notes.values()) | _GENERAL_MIDI[config.stem],
            edited_tempo=edited_tempo,
            edited_offset=edited_offset,
            range_s=range_s,
        )
    except InputError as error:
        raise type(error)(f"{pair.name}: {error}") from error
    warnings = [*raw.warnings, *edited.warnings]
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
        config=config,
        table=table,
        labels=labels,
        provenance=note,
        warnings=tuple(warnings),
    )


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
    if not (isinstance(note.audio, str) and isinstance(note.n_frames, int) and isinstance(note.settings, dict)):
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
    if n_jobs == 1 or len(pairs) < 2:
        results = [_attempt(pair, audio_dirs, options) for pair in pairs]
    else:
        from joblib import Parallel, delayed

        workers = Parallel(n_jobs=min(n_jobs, len(pairs)))
        results = workers(delayed(_attempt)(pair, audio_dirs, options) for pair in pairs)
    songs = tuple(result for result in results if isinstance(result, LabelledSong))
    return songs, tuple(result for result in results if isinstance(result, InputError))


def _attempt(pair: Pair, audio_dirs: tuple[Path, ...], options: dict) -> LabelledSong | InputError:
    try:
        return label_song(pair, audio_dirs, **options)
    except InputError as error:
        return error


def report_line(song: LabelledSong) -> str:
    """Return how a song's edits were understood, and how many hits of each kind they give."""
    labels, alignment = song.labels, song.labels.alignment
    if alignment is None:
        how = "no note in the edited file"
    else:
        scale = f", scale {alignment.scale:.5f}" if abs(alignment.scale - 1) > 5e-6 else ""
        how = f"{alignment.hypothesis}, offset {alignment.offset_s:+.3f} s{scale}"
    counts = {
        "matched": labels.matched,
        "kept": labels.kept,
        "removed": labels.removed,
        "re-noted": labels.renoted,
        "added with a candidate": labels.added_with_candidate,
        "added without one (missed by the detector)": labels.added_without_candidate,
        "unlabelled": labels.unlabelled,
    }
    if not labels.renoted:
        del counts["re-noted"]
    line = f"{song.name}: {how}: " + ", ".join(f"{count} {what}" for what, count in counts.items())
    return line + (f" (next best: {alignment.runner_up})" if alignment and alignment.runner_up else "")


def decisions_csv(songs: Iterable[LabelledSong]) -> str:
    """Return a row for each raw note and each added one: song, times on the raw file's line, notes, decision."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["song", *PAIR_DTYPE.names])
    for song in songs:
        for raw_s, edited_s, note, edited_note, decision in song.labels.pairs:
            times = ["" if np.isnan(time_s) else f"{time_s:.6f}" for time_s in (raw_s, edited_s)]
            numbers = ["" if number < 0 else number for number in (note, edited_note)]
            writer.writerow([song.name, *times, *numbers, decision])
    return text.getvalue()
