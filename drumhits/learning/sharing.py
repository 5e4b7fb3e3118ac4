"""Labelled candidates <-> CSV files of features and labels, which users share without the music.

No audio, no names and no times are in them; songs are numbers, since cross-validation holds out whole songs. The rows
of a song are sorted by their values, so that their order does not tell the order of the hits either.

    drumhits/examples/1,cymbals          what it is, its version, the stem
    detection,{"onset_wait":10,...}      the settings that the candidates were made with (JSON)
    after_thresholds,1                   1 where the raw MIDI held only what passed the thresholds
    song,kept,Str,Amp,...                the names of the columns; Heard@1a2b3c4d with the digest of its networks
    1,0,0.72,0.054,...                   an example: its song, whether it was kept, its features
"""

import csv
import io
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np

from drumhits.config.load import StemConfig
from drumhits.edits.songs import LabelledSong
from drumhits.errors import InputError, NotEnoughDataError
from drumhits.learning.dataset import Dataset, after_thresholds, counts, gather_dataset, refusal
from drumhits.models.modelfile import detection_of, networks_of, plain_detection_config
from drumhits.networks.bundled import NETWORK_LOG_ODDS

FORMAT = 1
KIND = "drumhits/examples/"
MAX_BYTES = 64 * 2**20
MAX_SONGS = 10_000
HEADER_LINES = 4
REMEDY = "ask for the file again, or export it again with --export-examples"
_NUMBER = re.compile(r"-?\d{1,20}(\.\d{1,20})?([eE][+-]?\d{1,3})?")
_NOT_ASCII = re.compile(rb"[\x80-\xff]")
_SONG = re.compile(r"[1-9]\d{0,4}")


@dataclass(frozen=True, eq=False)
class ExampleFile:
    """A file of examples as it was read.

    Attributes
    ----------
    name : str
        Of the file.
    config : StemConfig
        The settings that the candidates were made with, as far as `modelfile.DETECTION` goes.
    after_thresholds : bool
        See `modelfile.TrainedModel`.
    dataset : Dataset
        Its `groups` are numbered from 0.
    """

    name: str
    config: StemConfig
    after_thresholds: bool
    dataset: Dataset

    def song_rows(self) -> list[np.ndarray]:
        """Return the rows of each song in the dataset."""
        return [np.flatnonzero(self.dataset.groups == song) for song in np.unique(self.dataset.groups)]


def export_examples(songs: Sequence[LabelledSong], feature_set: str) -> tuple[str, int]:
    """Return the text of a file with the labelled candidates of one song or more, and how many there are.

    Raises
    ------
    InputError
        The songs' candidates were made with different detection settings.
    NotEnoughDataError
        There is no labelled candidate.
    """
    dataset = gather_dataset(songs, feature_set)
    if not len(dataset.y):
        raise NotEnoughDataError(refusal(counts(dataset.y)))
    return to_csv(songs[0].config, after_thresholds(songs), dataset), len(dataset.y)


def to_csv(config: StemConfig, is_after_thresholds: bool, dataset: Dataset) -> str:
    """Return the text of a file of examples; equal examples in any order within a song give the same text.

    Parameters
    ----------
    config : StemConfig
        The settings that the candidates were made with.
    is_after_thresholds : bool
        Whether some raw MIDI held only what passed the thresholds.
    dataset : Dataset
    """
    text, X = io.StringIO(), dataset.X + 0  # no negative zeros
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([f"{KIND}{FORMAT}", config.stem])
    writer.writerow(["detection", json.dumps(detection_of(config), separators=(",", ":"))])
    writer.writerow(["after_thresholds", int(is_after_thresholds)])
    writer.writerow(_columns(config.stem, dataset.features))
    for number, song in enumerate(np.unique(dataset.groups), start=1):
        rows = np.flatnonzero(dataset.groups == song)
        columns = (*X[rows].T[::-1], dataset.y[rows])
        for row in rows[np.lexsort(columns)]:
            writer.writerow([number, int(dataset.y[row]), *map(str, X[row])])
    return text.getvalue()


def read_examples(path: Path, stem: str, features: tuple[str, ...]) -> ExampleFile:
    """Return the examples in a file.

    Parameters
    ----------
    path : Path
    stem : str
        The stem that the examples must be of.
    features : tuple of str
        The columns that they must have, in this order.

    Raises
    ------
    InputError
        The file cannot be read, is none of ours, is too large, is of another stem, version or set of features, or has
        a value that cannot be.
    """
    try:
        if path.exists() and not path.is_file():
            raise InputError(f"{path}: is a folder, a pipe or a device; give the file itself to --examples.")
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check the name given to --examples.") from error
    return decode_examples(data, str(path), stem, features)


def decode_examples(data: bytes, name: str, stem: str, features: tuple[str, ...]) -> ExampleFile:
    """Return the examples in a file's bytes; see `read_examples`."""
    if not data.startswith(KIND.encode()):
        raise InputError(f"{name}: is not a file of examples, which train_classifier.py --export-examples writes.")
    if len(data) > MAX_BYTES:
        raise InputError(f"{name}: is larger than {MAX_BYTES // 2**20} MiB; split it by songs into several files.")
    if foreign := _NOT_ASCII.search(data):
        at = foreign.start()
        line = data.count(b"\n", 0, at) + 1
        raise _wrong(name, line, f"holds the byte {data[at]:#04x}, and only ASCII is expected")
    lines = _lines(data)
    rows = [_cells(name, number, text) for number, text in enumerate(islice(lines, HEADER_LINES), start=1)]
    _check_kind(rows[0], name, stem)
    if len(rows) < HEADER_LINES:
        raise _wrong(name, len(rows), "the file ends within its header")
    config = _config(rows[1], name, stem)
    if rows[2] not in (["after_thresholds", "0"], ["after_thresholds", "1"]):
        raise _wrong(name, 3, "should be after_thresholds,0 or after_thresholds,1")
    _check_columns(rows[3], _columns(stem, features), name)
    n_most = len(data) // (2 * len(rows[3])) + 1  # a value and a comma for each column
    return ExampleFile(name, config, rows[2][1] == "1", _dataset(lines, n_most, features, name))


def _lines(data: bytes) -> Iterator[str]:
    """Yield the lines of a file without their ends, one at a time: all at once take many times the file's memory."""
    for line in io.BytesIO(data):
        yield (line[:-2] if line.endswith(b"\r\n") else line.removesuffix(b"\n")).decode("ascii")


def _wrong(name: str, line: int, what: str) -> InputError:
    return InputError(f"{name}, line {line}: {what}; {REMEDY}.")


def _cells(name: str, number: int, text: str) -> list[str]:
    try:
        (cells,) = csv.reader([text], strict=True)
    except (csv.Error, ValueError) as error:
        raise _wrong(name, number, "is no line of comma-separated values") from error
    return cells


def _check_kind(cells: list[str], name: str, stem: str) -> None:
    version = cells[0].removeprefix(KIND)
    if not re.fullmatch(r"[1-9]\d{0,3}", version) or len(cells) != 2:
        raise _wrong(name, 1, f"should be {KIND}{FORMAT},{stem}")
    if int(version) > FORMAT:
        raise InputError(f"{name}, line 1: was made by a newer version of this toolkit; update it.")
    if cells[1] != stem:
        raise InputError(f"{name}, line 1: holds examples of {cells[1][:20]}, not of {stem}; give a file of this stem.")


def _config(cells: list[str], name: str, stem: str) -> StemConfig:
    try:
        key, text = cells
        plain = json.loads(text)
        if key != "detection":
            raise ValueError("not the settings")
        return plain_detection_config(plain, stem)
    except (ValueError, TypeError, AttributeError, RecursionError, InputError) as error:
        raise _wrong(name, 2, "its detection settings cannot be used by this version") from error


def _columns(stem: str, features: tuple[str, ...]) -> list[str]:
    """Return the names of a file's columns; that of the networks' log odds has the networks' digest."""
    digest = networks_of(stem, features)
    return ["song", "kept", *(f"{name}@{digest}" if name == NETWORK_LOG_ODDS else name for name in features)]


def _check_columns(cells: list[str], expected: list[str], name: str) -> None:
    if cells != expected:
        differing = [cell for cell in cells if cell not in expected] + [one for one in expected if one not in cells]
        what = f" ({differing[0][:40]} is in one of them only)" if differing else ""
        raise _wrong(name, 4, f"its {len(cells)} columns are not the {len(expected)} of this training{what}")


def _dataset(lines: Iterator[str], n_most: int, features: tuple[str, ...], name: str) -> Dataset:
    """Return the examples in the lines after the header, of which no more than `n_most` can be whole."""
    X = np.empty((n_most, len(features)), dtype=np.float32)
    songs, y = np.empty(n_most, dtype=int), np.empty(n_most, dtype=bool)
    n_rows = 0
    for i, text in enumerate(lines):
        number = i + HEADER_LINES + 1
        n_cells = text.count(",") + 1
        if n_cells != len(features) + 2:
            raise _wrong(name, number, f"holds {n_cells} values, not {len(features) + 2}")
        song, label, *values = text.split(",")
        if not _SONG.fullmatch(song) or int(song) > MAX_SONGS:
            raise _wrong(name, number, f"its song is {song[:20]!r}, not a number from 1 to {MAX_SONGS}")
        if label not in ("0", "1"):
            raise _wrong(name, number, f"its kept is {label[:20]!r}, not 0 or 1")
        for feature, value in zip(features, values, strict=True):
            if not _NUMBER.fullmatch(value):
                raise _wrong(name, number, f"its {feature} is {value[:20]!r}, not a number")
        songs[i], y[i] = int(song), label == "1"
        with np.errstate(over="ignore"):
            X[i] = np.array([float(value) for value in values])
        if not np.isfinite(X[i]).all():
            feature = features[int(np.argmin(np.isfinite(X[i])))]
            raise _wrong(name, number, f"its {feature} is beyond what a feature can be")
        n_rows = i + 1
    if not n_rows:
        raise _wrong(name, HEADER_LINES, "no example follows")
    groups = np.unique(songs[:n_rows], return_inverse=True)[1].reshape(-1)
    return Dataset(X[:n_rows].copy(), y[:n_rows].copy(), groups, features)


@dataclass(frozen=True, eq=False)
class MergedDatasets:
    """Datasets of several origins in one.

    Attributes
    ----------
    dataset : Dataset
    files : tuple of ExampleFile
        The files that it has parts of, less the songs that were there already.
    repeats : tuple of str
        A sentence for each song that was left out.
    """

    dataset: Dataset
    files: tuple[ExampleFile, ...]
    repeats: tuple[str, ...]


def merge_datasets(
    own: Dataset | None, own_config: StemConfig | None, files: Sequence[ExampleFile]
) -> MergedDatasets:
    """Return the user's own dataset and those of files in one, the own first, each song a group of its own.

    A song that is there already is left out: it would be in training and in testing at once.

    Parameters
    ----------
    own : Dataset, optional
    own_config : StemConfig, optional
        The settings that the candidates of `own` were made with.
    files : sequence of ExampleFile
        One or more where there is no `own`.

    Raises
    ------
    InputError
        Candidates were made with different detection settings.
    """
    _require_same_detection(own_config, files)
    seen = set() if own is None else {_song_key(own.X[own.groups == song]) for song in np.unique(own.groups)}
    left, repeats = list[ExampleFile](), list[str]()
    for file in files:
        fresh = []
        for number, rows in enumerate(file.song_rows(), start=1):
            key = _song_key(file.dataset.X[rows])
            if key in seen:
                repeats.append(f"{file.name}: song {number} is among the others already, and is left out.")
            else:
                fresh.append(rows)
            seen.add(key)
        if fresh:
            left.append(replace(file, dataset=_of_rows(file.dataset, fresh)))
    parts = ([] if own is None else [own]) + [file.dataset for file in left]
    return MergedDatasets(_joined(parts), tuple(left), tuple(repeats))


def _joined(parts: Sequence[Dataset]) -> Dataset:
    starts = np.cumsum([0, *(int(part.groups.max(initial=-1)) + 1 for part in parts[:-1])])
    return Dataset(
        X=np.concatenate([part.X for part in parts]),
        y=np.concatenate([part.y for part in parts]),
        groups=np.concatenate([part.groups + start for part, start in zip(parts, starts, strict=True)]),
        features=parts[0].features,
        offered=np.concatenate([part.offered for part in parts]),
    )


def _of_rows(dataset: Dataset, rows_of_songs: Sequence[np.ndarray]) -> Dataset:
    rows = np.concatenate(rows_of_songs)
    groups = np.repeat(np.arange(len(rows_of_songs)), [len(one) for one in rows_of_songs])
    return Dataset(dataset.X[rows], dataset.y[rows], groups, dataset.features, dataset.offered[rows])


def _require_same_detection(own_config: StemConfig | None, files: Sequence[ExampleFile]) -> None:
    made = [] if own_config is None else [("your raw MIDI", own_config)]
    made += [(file.name, file.config) for file in files]
    first, expected = made[0]
    for name, config in made[1:]:
        for key, value in detection_of(config).items():
            if value != detection_of(expected)[key]:
                raise InputError(
                    f"{name}: was made with {key} {value}, and {first} with {detection_of(expected)[key]}; leave the "
                    "file out, or make all raw MIDI with the same settings."
                )


def _song_key(X: np.ndarray) -> bytes:
    return (X[np.lexsort(X.T[::-1])] + 0).tobytes()  # no negative zeros
