"""Rendered songs -> labelled candidates with what the networks take, analysed as every stem is."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from kits import SOUNDS
from rendered_songs import SONG, read_song, save_arrays
from separation import STEMS
from training_songs import Hit, TrainingSong

from drumhits.analysis import detect_with_patches
from drumhits.config.load import default_config
from drumhits.detection.levels import EnergyEnvelope
from drumhits.detection.patches import patches_at
from drumhits.drums import ARTICULATIONS
from drumhits.matching import match_times
from drumhits.networks.inputs import Inputs

MATCH_S = 0.05
PARTIAL = 0.4  # share of the stems that are heard beside some of their siblings only,
MISSING = 0.35  # and of the siblings that are missing there


@dataclass(frozen=True)
class Example:
    """The candidates of one stem of a song.

    Attributes
    ----------
    x : np.ndarray, shape (n, N_INPUTS) or of a mix (n, N_INPUTS_IN_MIX), float16
        See `networks.inputs.Inputs`; beside all siblings, or some.
    times_s : np.ndarray, shape (n,)
    below_db : float >= 0
        How far the stem's loud moments lie below those of the loudest stem heard; 0 of a mix.
    kept : np.ndarray, shape (n,), bool, whether it was played
    articulation : np.ndarray, shape (n,), int8
        What was played, a number in `ARTICULATIONS` of the stem; -1 where nothing was, or where there is no choice.
    n_played : int, strokes, found or not
    """

    x: np.ndarray
    times_s: np.ndarray
    below_db: float
    kept: np.ndarray
    articulation: np.ndarray
    n_played: int


def labelled(stem: str, inputs: Inputs, hits: list[Hit], below_db: float = 0.0) -> Example:
    """Return candidates with what was played where they lie."""
    x, times_s, hits = inputs[:], inputs.table.times_s, sorted(hits)
    pairs = match_times([hit.time_s for hit in hits], times_s, MATCH_S)
    kept, articulation = np.zeros(len(x), dtype=bool), np.full(len(x), -1, dtype=np.int8)
    kept[pairs[:, 1]] = True
    if names := ARTICULATIONS[stem]:
        articulation[pairs[:, 1]] = [names.index(SOUNDS[hits[i].sound].articulation) for i in pairs[:, 0]]
    return Example(x.astype(np.float16), times_s, below_db, kept, articulation, len(hits))


def examples_of(song: TrainingSong, number: int) -> dict[str, Example]:
    """Return the examples of each stem, under its name, and of each instrument in the mix, as "mix-kick"."""
    rng = np.random.default_rng(number)
    levels = {stem: EnergyEnvelope() for stem in STEMS}
    for stem, y in song.stems.items():
        levels[stem].add(y)
    examples = {}
    for stem, config in default_config().stems.items():
        table, patch = detect_with_patches([song.stems[stem]], config)
        heard = _heard_beside(stem, rng)
        around = {name: levels[name].around(table.times_s) for name in heard}
        loudest = max(one.loud for one in around.values())
        stem_sum = patches_at([np.sum([song.stems[name] for name in heard], axis=0)], table.times_s)
        inputs = Inputs(table, patch, around, stem_sum if len(heard) > 1 else None)
        below_db = float(10 * np.log10(loudest / around[stem].loud))
        examples[stem] = labelled(stem, inputs, [] if stem in song.left_out else song.hits[stem], below_db)
        in_mix = Inputs(*detect_with_patches([song.mix], config, in_mix=True))
        examples[f"mix-{stem}"] = labelled(stem, in_mix, song.hits[stem])
    return examples


def _heard_beside(stem: str, rng: np.random.Generator) -> list[str]:
    """Return the stems that are heard: this one and all others, or some."""
    missing = MISSING * (rng.random() < PARTIAL)
    is_there = rng.random(len(STEMS)) >= missing
    return [name for name, there in zip(STEMS, is_there, strict=True) if there or name == stem]


def analysed_song(rendered: Path, work: Path) -> Path:
    """Analyse a rendered song unless it is done already, and return the file of its examples."""
    path = work / f"examples-{rendered.stem}.npz"
    if not path.is_file():
        parts = {
            f"{name}/{field}": value
            for name, example in examples_of(read_song(rendered), int(rendered.stem.removeprefix(SONG))).items()
            for field, value in vars(example).items()
        }
        save_arrays(path, parts)
    return path


def read_example(path: Path, name: str) -> Example:
    """Return the example of that name in a file of `analysed_song`."""
    with np.load(path) as parts:
        fields = {field: parts[f"{name}/{field}"] for field in Example.__dataclass_fields__}
    return Example(**fields | {"n_played": int(fields["n_played"]), "below_db": float(fields["below_db"])})
