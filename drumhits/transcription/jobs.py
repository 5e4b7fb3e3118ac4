"""What a user asks for -> jobs: which files to convert, as which stem, into which MIDI files, by which model."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from drumhits.config.load import Config
from drumhits.drums import STEMS, song_of, stem_of
from drumhits.errors import InputError, UsageError
from drumhits.io.files import PNG_SIGNATURE
from drumhits.io.folders import audio_files, is_folder
from drumhits.io.outputs import require_distinct, require_replaceable, starts_with
from drumhits.transcription.convert import Job
from drumhits.transcription.provenance import is_our_midi

SCHEMA = "drumhits/conversion/1"  # of the JSON report
PRETRAINED_FOR_MIXES = Path("pretrained for mixes")  # what the models for mixes are called

Pairs = list[tuple[Path, str]]


@dataclass(frozen=True)
class JobRequest:
    """Everything that decides what is converted, and into which files.

    Attributes
    ----------
    inputs : tuple of Path
        Audio files, or folders of them.
    config : Config
    config_path : Path
        The file that `config` was read from; no output may replace it.
    output : Path, optional
        A MIDI file or a folder; see `output_paths`.
    stem : str, optional
        Of all inputs; else each name tells it.
    one_file_a : str
        What has a MIDI file of its own: "stem", "song" or "mix"; see `output_paths`.
    model : Path, optional
        See `models.modelfile.resolve`; mixes are decided by the bundled models for them.
    min_confidence : float in 0..1, optional
        In place of the model's own threshold.
    keep_all, resume : bool
        See `Job`.
    force : bool
        Replace files that are no untouched outputs of ours, and use a model for another stem than its own.
    csv, json, plot : Path, optional
        Reports that will be written.
    """

    inputs: tuple[Path, ...]
    config: Config
    config_path: Path
    output: Path | None = None
    stem: str | None = None
    one_file_a: str = "stem"
    model: Path | None = None
    min_confidence: float | None = None
    keep_all: bool = False
    resume: bool = False
    force: bool = False
    csv: Path | None = None
    json: Path | None = None
    plot: Path | None = None

    @property
    def is_split(self) -> bool:
        """Whether the inputs are whole mixes, each converted once for each stem."""
        return self.one_file_a == "mix"


@dataclass(frozen=True)
class Plan:
    """The jobs whose output destroys nothing of the user's, and what else a request came to.

    Attributes
    ----------
    jobs : tuple of Job
    refused : dict of str to InputError
        What is wrong with the inputs that are not converted, by their names.
    messages, warnings : tuple of str
        As what stem files are taken: where their names told it, and where their names tell another one.
    """

    jobs: tuple[Job, ...]
    refused: dict[str, InputError]
    messages: tuple[str, ...]
    warnings: tuple[str, ...]


def plan(request: JobRequest) -> Plan:
    """Find the audio, decide about its stems, outputs and models, and make sure that no output destroys anything.

    Raises
    ------
    UsageError
        The request contradicts itself, or an output would replace an input.
    InputError
        A model cannot be read, or a report would replace something else.
    """
    paths = list(request.inputs)
    pairs, refused = gather_mixes(paths) if request.is_split else gather(paths, request.stem)
    if len(pairs) > 1 and (request.csv or request.plot):
        raise UsageError(f"--csv and --plot take one input, and here are {len(pairs)}; use --json for several.")
    outputs = output_paths(paths, [path for path, _ in pairs], request.output, one_file_a=request.one_file_a)
    decided_by = PRETRAINED_FOR_MIXES if request.is_split else request.model
    models = {}
    if decided_by is not None:
        from drumhits.models.modelfile import resolve  # takes time, and thresholds need none

        models = resolve(decided_by, {stem for _, stem in pairs}, in_mix=request.is_split)
    sources = _require_own_files(request, pairs, outputs)
    jobs = []
    for (path, stem), output in zip(pairs, outputs, strict=True):
        with collect_errors(refused, path):
            require_replaceable(output, sources, is_our_midi, force=request.force, option="--output")
            model = models.get(stem)
            if model and not request.force:
                model.require_stem(stem, str(request.model))
            jobs.append(
                Job(
                    path,
                    output,
                    stem,
                    request.config,
                    keep_all=request.keep_all,
                    model=model,
                    model_name=decided_by.name if decided_by and model else None,
                    min_confidence=request.min_confidence,
                    resume=request.resume,
                )
            )
    return Plan(tuple(jobs), refused, *_about_names(request, pairs))


def _about_names(request: JobRequest, pairs: Pairs) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the messages and the warnings about the stems that files are taken as."""
    if request.is_split:
        return (), ()
    if request.stem is None:
        return tuple(f"{path.name}: taken as {stem}, from its name." for path, stem in pairs), ()
    others = [(path, stem, stem_of(path.stem)) for path, stem in pairs]
    return (), tuple(
        f"{path.name}: is named {named} but converted as {stem}."
        for path, stem, named in others
        if named not in (None, stem)
    )


def _require_own_files(request: JobRequest, pairs: Pairs, outputs: list[Path]) -> list[Path]:
    """Make sure that no two outputs are one file and that reports replace only reports; return what is read."""
    reports = [(option, path, starts_with(signature)) for option, path, signature in (
        ("--csv", request.csv, b"time_s,Str,Amp"),
        ("--json", request.json, SCHEMA.encode()),
        ("--plot", request.plot, PNG_SIGNATURE),
    ) if path]  # fmt: skip
    shared = request.one_file_a != "stem"
    of_tracks = [
        (f"the {stem if shared else 'MIDI'} of {path}", output / stem if shared else output)
        for (path, stem), output in zip(pairs, outputs, strict=True)
    ]
    require_distinct([*of_tracks, *((option, path) for option, path, _ in reports)])
    sources = [path for path, _ in pairs] + [request.config_path]
    sources += [request.model] if request.model else []
    for option, path, is_ours in reports:
        require_replaceable(path, [*sources, *outputs], is_ours, force=request.force, option=option)
    return sources


def find_audio(given: Path, stem: str | None) -> Pairs:
    """Return (file, stem) of an input; a folder gives its audio files, also in folders below, sorted by name.

    A folder's files of other stems than `stem`, or whose name tells no stem where `stem` is None, are passed over; so
    are hidden files.

    Raises
    ------
    UsageError
        A file whose name tells no stem while `stem` is None.
    InputError
        A folder in which nothing fits.
    """
    return _in_folder(given, stem) if is_folder(given) else _as_file(given, stem)


def _as_file(path: Path, stem: str | None) -> Pairs:
    known = stem or stem_of(path.stem)
    if known is None:
        raise UsageError(
            f"{path}: the name does not end in a stem such as -kick; say which it is with --stem {'|'.join(STEMS)}."
        )
    return [(path, known)]


def _in_folder(folder: Path, stem: str | None) -> Pairs:
    files = audio_files(folder)
    named = [(path, stem_of(path.stem)) for path in files]
    fitting = [(path, known) for path, known in named if known and stem in (None, known)]
    if not fitting:
        wanted = f"-{stem}" if stem else " or ".join(f"-{name}" for name in STEMS)
        raise InputError(
            f"{folder}: holds no audio file whose name ends in {wanted} ({len(files)} audio files in all); "
            "rename the stems or give the files themselves."
        )
    return fitting


def output_paths(
    inputs: list[Path], audio: list[Path], output: Path | None, *, one_file_a: str = "stem"
) -> list[Path]:
    """Return the MIDI file for each audio file.

    `one_file_a` is "stem"; or "song", where stems of a song in one folder have one in common; or "mix", where the same
    audio comes several times and has one.

    Without `output` it lies beside the audio. One input that is a file takes `output` as the file to write, unless that
    is a folder, or a new name without suffix; otherwise `output` is a folder.

    Raises
    ------
    UsageError
        `output` is a file, or named like one, where a folder is needed.
    """
    names = [song_of(path.stem) if one_file_a == "song" else path.stem for path in audio]
    songs = {(path.parent, name) for path, name in zip(audio, names, strict=True)}
    is_one_song = one_file_a == "song" and len(songs) == 1
    if output is not None and not is_folder(output):
        if is_one_song and output.suffix:
            return [output for _ in audio]
        if len(inputs) == 1 and not is_folder(inputs[0]) and (output.suffix or os.path.lexists(output)):
            return [output for _ in audio]
        if os.path.lexists(output):
            raise UsageError(f"--output {output}: is a file, and a folder is needed here.")
        if output.suffix.lower() in (".mid", ".midi"):
            raise UsageError(f"--output {output}: is named like a file; several inputs need a folder.")
    return [(output or path.parent) / f"{name}.mid" for path, name in zip(audio, names, strict=True)]


def gather_mixes(inputs: list[Path]) -> tuple[Pairs, dict[str, InputError]]:
    """Return each audio file of the inputs once with every stem, and what is wrong with inputs that hold none.

    A folder gives those whose name ends in no stem.
    """
    found, refused = _each_once(inputs, lambda given: _mixes_in(given) if is_folder(given) else [(given,)])
    return [(path, stem) for (path,) in found for stem in STEMS], refused


def _mixes_in(folder: Path) -> list[tuple[Path]]:
    mixes = [(path,) for path in audio_files(folder) if stem_of(path.stem) is None]
    if not mixes:
        raise InputError(f"{folder}: holds no audio file but stems; give the mixes themselves, or leave out --split.")
    return mixes


def gather(inputs: list[Path], stem: str | None) -> tuple[Pairs, dict[str, InputError]]:
    """Return each audio file of the inputs once, with its stem, and what is wrong with inputs that hold none."""
    return _each_once(inputs, lambda given: find_audio(given, stem))


def _each_once(inputs: list[Path], find: Callable[[Path], list[tuple]]) -> tuple[list[tuple], dict[str, InputError]]:
    """Return the rows that `find` gives for the inputs, one for each file, which comes first in them."""
    found: dict[str, tuple] = {}
    refused: dict[str, InputError] = {}
    for given in inputs:
        with collect_errors(refused, given):
            for row in find(given):
                found.setdefault(os.path.realpath(row[0]), row)
    return list(found.values()), refused


@contextmanager
def collect_errors(refused: dict[str, InputError], given: Path) -> Iterator[None]:
    """Note what is wrong with one input, so that the others are done all the same; wrong usage ends the run."""
    try:
        yield
    except UsageError:
        raise
    except InputError as error:
        refused[str(given)] = error
