"""One's own examples and those of others, in one, each song once."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from drumhits.classifier import Examples
from drumhits.config import StemConfig
from drumhits.errors import InputError
from drumhits.examplefiles import ExampleFile
from drumhits.model import detection_of


@dataclass(frozen=True, eq=False)
class Pool:
    """Examples of several origins in one, and the files they come from, less what was there already.

    `repeats` has a sentence for each song that was left out.
    """

    examples: Examples
    files: tuple[ExampleFile, ...]
    repeats: tuple[str, ...]


def pool(own: Examples | None, own_config: StemConfig | None, files: Sequence[ExampleFile]) -> Pool:
    """Put examples together, one's own first, each song a group of its own.

    A song that is there already is left out: it would sit in training and in testing at once.

    Raises
    ------
    InputError
        Candidates were made with different detection settings.
    """
    _require_same_detection(own_config, files)
    seen = set() if own is None else {_song_key(own.X[own.songs == song]) for song in np.unique(own.songs)}
    left, repeats = [], []
    for file in files:
        fresh = []
        for number, rows in enumerate(file.song_rows(), start=1):
            key = _song_key(file.examples.X[rows])
            if key in seen:
                repeats.append(f"{file.name}: song {number} is among the others already, and is left out.")
            else:
                fresh.append(rows)
            seen.add(key)
        if fresh:
            left.append(replace(file, examples=_of_rows(file.examples, fresh)))
    parts = ([] if own is None else [own]) + [file.examples for file in left]
    return Pool(_joined(parts), tuple(left), tuple(repeats))


def _joined(parts: Sequence[Examples]) -> Examples:
    starts = np.cumsum([0, *(int(part.songs.max(initial=-1)) + 1 for part in parts[:-1])])
    return Examples(
        X=np.concatenate([part.X for part in parts]),
        kept=np.concatenate([part.kept for part in parts]),
        songs=np.concatenate([part.songs + start for part, start in zip(parts, starts, strict=True)]),
        features=parts[0].features,
    )


def _of_rows(examples: Examples, rows_of_songs: Sequence[np.ndarray]) -> Examples:
    rows = np.concatenate(rows_of_songs)
    songs = np.repeat(np.arange(len(rows_of_songs)), [len(one) for one in rows_of_songs])
    return replace(examples, X=examples.X[rows], kept=examples.kept[rows], songs=songs)


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
