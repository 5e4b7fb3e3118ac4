"""What a user asks for -> the jobs that do it: nothing is converted before all of it is known to be safe."""

import os
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from drumhits.bundle import PRETRAINED, shipped_files
from drumhits.config.load import Config
from drumhits.config.schema import AUTO
from drumhits.errors import InputError, UsageError
from drumhits.io.folders import find_siblings, name_list
from drumhits.io.grid import Grid
from drumhits.io.names import read_name
from drumhits.io.outputs import InputFiles, Output, require_distinct, require_replaceable, require_safe
from drumhits.transcription.convert import Job
from drumhits.transcription.jobs import (
    WARNED_OF,
    Found,
    StemFile,
    collect_errors,
    gather,
    output_paths,
)
from drumhits.transcription.provenance import is_our_midi
from drumhits.transcription.song_grid import configured_grid

if TYPE_CHECKING:
    from drumhits.models.choice import NamedModel


Kind = tuple[str, bool]  # of a file: its stem, and whether it was separated from a mix that was given


class JobRequest(NamedTuple):
    """What is to be converted, and how; the fields are the options of stems_to_midi.py.

    Attributes
    ----------
    inputs : tuple of Path
        Audio files and folders, with all below them.
    output : Path or None
        MIDI file or folder; None: beside the audio.
    stem : str or None
        One of `drums.STEMS`; None: what each file's path tells; see `io.names`.
    config_path : Path or None
        The file that `config` was read from; None for the shipped one.
    merge : bool
        One MIDI file a song.
    split : bool
        The inputs are whole drum mixes.
    models : tuple of Path
        Model files, folders of them, and the word "pretrained"; none: the thresholds decide.
    min_confidence : float in 0..1, or None
    keep_all, resume, force : bool
    reports : tuple of Output
        What else the run writes.
    is_replaceable : callable (Path) -> bool
        Which MIDI files of earlier runs an output may replace.
    """

    inputs: tuple[Path, ...]
    config: Config
    output: Path | None = None
    stem: str | None = None
    config_path: Path | None = None
    merge: bool = False
    split: bool = False
    models: tuple[Path, ...] = ()
    min_confidence: float | None = None
    keep_all: bool = False
    resume: bool = False
    force: bool = False
    reports: tuple[Output, ...] = ()
    is_replaceable: Callable[[Path], bool] = is_our_midi


class Plan(NamedTuple):
    """The jobs of a run.

    Attributes
    ----------
    jobs : tuple of Job
    refused : dict of str to InputError
        What is wrong with the other inputs, by their path.
    n_skipped : int
        Audio files in folders that were passed over.
    messages, warnings : tuple of str
        How names were understood, and what was passed over.
    """

    jobs: tuple[Job, ...]
    refused: dict[str, InputError]
    n_skipped: int
    messages: tuple[str, ...]
    warnings: tuple[str, ...]


def plan(request: JobRequest) -> Plan:
    """Return the jobs of a request, whose outputs destroy nothing of the user's.

    Raises
    ------
    UsageError
        Options contradict each other, or two outputs are one file, or an output is an input.
    InputError
        The model cannot be read.
    """
    _require_consistent(request)
    found = gather(request.inputs, request.stem, split=request.split)
    stems, refused = found.files, found.refused
    single = [report.option for report in request.reports if report.option in ("--csv", "--plot")]
    if len(stems) > 1 and single:
        raise UsageError(f"--csv and --plot take one input, and here are {len(stems)}; use --json for several.")
    one_file_a = "mix" if request.split else "song" if request.merge else "stem"
    outputs = output_paths(request.inputs, stems, request.output, one_file_a=one_file_a)
    heard = _heard_only(request, stems)
    models = _models(request, [*stems, *heard])
    read = _require_own_files(request, stems, outputs)
    grid = configured_grid(request.config.midi)
    jobs = []
    for file, output in zip(stems, outputs, strict=True):
        with collect_errors(refused, file.path):
            require_replaceable(Output("--output", output, request.is_replaceable), read, force=request.force)
            jobs.append(_job(request, file, output, models.get(_kind(file)), grid))
    heard += [file for file in stems if grid is None and str(file.path) in refused]
    songs = {job.song for job in jobs}
    heard = [file for file in heard if file.named.key in songs]
    heard_jobs = [_job(request, file, file.path, models.get(_kind(file)), grid) for file in heard]
    jobs += [replace(job, is_heard_only=True) for job in heard_jobs]
    n_skipped = sum(len(one.paths) for one in found.skipped)
    messages, warnings = _remarks(request, found)
    return Plan(tuple(jobs), refused, n_skipped, (*messages, *_who_decides(models)), warnings)


def _require_consistent(request: JobRequest) -> None:
    if request.min_confidence is not None and not (request.models or request.split):
        raise UsageError("--min-confidence goes with --use-ml-model or --split.")
    if request.split and (request.stem or request.merge or request.models):
        raise UsageError(
            "--split finds all instruments with its own models: give it without --stem, --merge and --use-ml-model."
        )
    if request.resume and (request.merge or request.split or request.reports):
        raise UsageError(
            "--resume leaves out what is made, so it goes without --merge, --split, --csv, --json and --plot."
        )
    midi = request.config.midi
    if request.keep_all and midi.quantize:
        raise UsageError("--keep-all makes MIDI to be edited for training, which --quantize spoils; leave out one.")
    has_bars = midi.first_bar is not None or midi.time_signature != AUTO
    if isinstance(midi.tempo, str) and midi.tempo != AUTO and has_bars:
        raise UsageError(f"--tempo {midi.tempo} brings its bars with it: leave out --first-bar and --time-signature.")


def _kind(file: StemFile) -> Kind:
    return file.stem, file.separated is not None


def _models(request: JobRequest, files: list[StemFile]) -> "dict[Kind, NamedModel]":
    """Return the model that decides about each kind of file; none where the thresholds do."""
    if not (request.models or request.split):
        return {}
    from drumhits.models.choice import resolve

    found: dict[Kind, NamedModel] = {}
    for is_separated in (False, True):
        stems = {stem for stem, is_such in map(_kind, files) if is_such == is_separated}
        given = (Path(PRETRAINED),) if is_separated else request.models
        decided_by = resolve(given, stems, in_mix=request.split and not is_separated, any_stem=request.force)
        found |= {(stem, is_separated): model for stem, model in decided_by.items()}
    return found


def _who_decides(models: "dict[Kind, NamedModel]") -> list[str]:
    """Return which model decides about which stems, where it is not the same one for all."""
    stems_of: dict[str, list[str]] = {}
    for (stem, _), (name, _) in models.items():
        stems_of.setdefault(name, []).append(stem)
    if len(stems_of) < 2:
        return []
    return ["decided by " + "; ".join(f"{name}: {', '.join(stems)}" for name, stems in stems_of.items()) + "."]


def _heard_only(request: JobRequest, stems: list[StemFile]) -> list[StemFile]:
    """Return the other stems of the songs, where the hits of all of them tell the tempo."""
    if request.config.midi.tempo != AUTO or request.split:
        return []
    there = {os.path.realpath(file.path) for file in stems}
    found = {}
    for file in stems:
        for stem, path in find_siblings(file.path).items():
            if os.path.realpath(path) not in there:
                found[os.path.realpath(path)] = StemFile(path, stem, read_name(path), file.root)
    return list(found.values())


def _job(
    request: JobRequest, file: StemFile, output: Path, decided_by: "NamedModel | None", grid: Grid | None
) -> Job:
    return Job(
        file.separated or file.path,
        output,
        file.stem,
        request.config,
        articulation=file.articulation,
        label=file.label,
        keep_all=request.keep_all,
        model=decided_by.model if decided_by else None,
        model_name=decided_by.name if decided_by else None,
        min_confidence=request.min_confidence,
        resume=request.resume,
        song=file.named.key,
        grid=grid,
        mix=file.path if file.separated else None,
    )


def _model_files(models: tuple[Path, ...]) -> list[Path]:
    if not models:
        return []
    from drumhits.models.choice import model_files

    return model_files(models)


def _require_own_files(request: JobRequest, stems: list[StemFile], outputs: list[Path]) -> InputFiles:
    """Make sure that no two outputs are one file and that reports replace only reports; return what is read."""
    shared = request.merge or request.split
    tracks = [
        Output(
            f"the {file.part if shared else 'MIDI'} of {file.path}",
            output / file.part if shared else output,
            is_our_midi,
        )
        for file, output in zip(stems, outputs, strict=True)
    ]
    require_distinct([*tracks, *request.reports])
    read = [file.path for file in stems] + [file.separated for file in stems if file.separated] + shipped_files()
    read += [request.config_path] if request.config_path else []
    read += _model_files(request.models)
    require_safe(request.reports, [*read, *outputs], force=request.force)
    return InputFiles(read)


def _remarks(request: JobRequest, found: Found) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the messages and warnings: how names were understood, and what was passed over."""
    skipped = [(one.reason in WARNED_OF, one.sentence()) for one in found.skipped]
    messages = [sentence for is_warning, sentence in skipped if not is_warning]
    warnings = [sentence for is_warning, sentence in skipped if is_warning]
    if not request.split and request.stem is None:
        messages = [*_taken_as(found.files), *messages]
    if separated := list(dict.fromkeys(file.path for file in found.files if file.separated)):
        messages = [f"{name_list(separated)}: stems lie beside, which are analysed together with the mix.", *messages]
    if request.stem is not None:
        warnings += [
            f"{file.path.name}: is named {file.named.part} but converted as {file.stem}."
            for file in found.files
            if file.named.stem not in (None, file.stem)
        ]
    return tuple(messages), tuple(warnings)


def _taken_as(files: list[StemFile]) -> list[str]:
    """Return what the names told: of one file the file and its stem, of several how many there are of each stem."""
    if len(files) == 1:
        (file,) = files
        return [f"{file.path.name}: taken as {file.part}, from its {'folder' if file.named.by_folder else 'name'}."]
    counts = ", ".join(f"{n} {part}" for part, n in Counter(file.part for file in files).items())
    return [f"taken as {counts}, from names and folders."] if files else []
