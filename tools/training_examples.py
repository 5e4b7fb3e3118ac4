"""Rendered songs -> labelled candidates with what the networks take, analysed as every stem is."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rendered_songs import read_song, save_arrays
from separation import SAMPLE_RATE, STEMS
from training_songs import Hit, TrainingSong

from drumhits.config import default_config
from drumhits.listener import Inputs
from drumhits.matching import match_times
from drumhits.pipeline import find_candidates
from drumhits.siblings import Levels

MATCH_S = 0.05


@dataclass(frozen=True)
class Example:
    """The candidates of one stem of a song.

    Attributes
    ----------
    x : np.ndarray, shape (n, N_INPUTS) or of a mix (n, N_INPUTS_IN_MIX), float16
        See `listener.Inputs`; with every sibling.
    times_s : np.ndarray, shape (n,)
    loud_db : np.ndarray, shape (len(STEMS),), of each stem's loud moments
    kept : np.ndarray, shape (n,), bool, whether it was played
    n_played : int, strokes, found or not
    """

    x: np.ndarray
    times_s: np.ndarray
    loud_db: np.ndarray
    kept: np.ndarray
    n_played: int


def labelled(x: np.ndarray, times_s: np.ndarray, loud_db: np.ndarray, hits: list[Hit]) -> Example:
    """Return candidates with what was played where they lie."""
    kept = np.zeros(len(x), dtype=bool)
    kept[match_times(sorted(hit.time_s for hit in hits), times_s, MATCH_S)[:, 1]] = True
    return Example(x.astype(np.float16), times_s, loud_db, kept, len(hits))


def examples_of(song: TrainingSong) -> dict[str, Example]:
    """Return the examples of each stem, under its name, and of each instrument in the mix, as "mix-kick"."""
    config, examples = default_config(), {}
    levels = {stem: Levels(SAMPLE_RATE) for stem in STEMS}
    for stem, y in song.stems.items():
        levels[stem].add(y)
    for stem in STEMS:
        table, patch = find_candidates([song.stems[stem]], config.stems[stem], extended=True)
        around = {name: one.around(table.times_s) for name, one in levels.items()}
        loud_db = np.array([10 * np.log10(around[name].loud) for name in STEMS])
        examples[stem] = labelled(Inputs(table, patch, around)[:], table.times_s, loud_db, song.hits[stem])
        table, patch = find_candidates([song.mix], config.stems[stem], extended=True)
        examples[f"mix-{stem}"] = labelled(Inputs(table, patch)[:], table.times_s, loud_db, song.hits[stem])
    return examples


def analysed_song(rendered: Path, work: Path) -> Path:
    """Analyse a rendered song unless it is done already, and return the file of its examples."""
    path = work / f"examples-{rendered.stem}.npz"
    if not path.is_file():
        parts = {
            f"{name}/{field}": value
            for name, example in examples_of(read_song(rendered)).items()
            for field, value in vars(example).items()
        }
        save_arrays(path, parts)
    return path


def read_example(path: Path, name: str) -> Example:
    """Return the example of that name in a file of `analysed_song`."""
    with np.load(path) as parts:
        fields = {field: parts[f"{name}/{field}"] for field in Example.__dataclass_fields__}
    return Example(**fields | {"n_played": int(fields["n_played"])})
