"""Training songs -> labelled candidates, analysed as every stem is; what was made is kept in a work folder."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import joblib
import numpy as np
from kits import Kit, hydrogen_kit, soundfont_kit, synthetic_kit
from separation import SAMPLE_RATE, STEMS
from training_songs import TrainingSong, make_song, read_performance

from drumhits.config import default_config
from drumhits.matching import match_times
from drumhits.model import FEATURE_SETS, feature_matrix
from drumhits.pipeline import analyze_blocks
from drumhits.siblings import Levels, sibling_columns

N_SYNTHETIC_KITS = 10
MATCH_S = 0.04
ALONE = 0.3  # share of stems that are heard without any sibling
MISSING = 0.2  # share of siblings that are missing otherwise


@dataclass(frozen=True)
class Material:
    """What songs are made of: files of performances, (font, bank, program) of kits, folders of Hydrogen's kits."""

    performances: tuple[Path, ...]
    presets: tuple[tuple[Path, int, int], ...]
    hydrogen: tuple[Path, ...]


@lru_cache(1)
def kits_of(material: Material, work: Path) -> list[Kit]:
    """Return all kits, and keep them in the work folder."""
    cache = work / "kits.joblib"
    if not cache.is_file():
        kits = [soundfont_kit(font, program, bank=bank) for font, bank, program in material.presets]
        kits += [hydrogen_kit(folder) for folder in material.hydrogen]
        kits += [synthetic_kit(seed) for seed in range(N_SYNTHETIC_KITS)]
        joblib.dump([kit for kit in kits if kit], cache)
    return joblib.load(cache)


@lru_cache(1)
def performances_of(material: Material) -> list:
    return [read_performance(path) for path in material.performances]


def label_candidates(song: TrainingSong, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Return the candidates of each stem as `STEM_X` and whether each was played as `STEM_kept`.

    Some or all siblings are left out at random, so that a model does without them as well as it can.
    """
    config, parts = default_config(), {}
    for stem in STEMS:
        own, siblings = Levels(SAMPLE_RATE), {}
        table = analyze_blocks(own.listen([song.stems[stem]]), config.stems[stem], extended=True)
        alone = rng.random() < ALONE
        for other in STEMS:
            if other != stem and rng.random() >= MISSING and not alone:
                siblings[other] = Levels(SAMPLE_RATE)
                siblings[other].add(song.stems[other])
        table = table.with_columns(
            sibling_columns(
                own.around(table.times_s), {name: levels.around(table.times_s) for name, levels in siblings.items()}
            )
        )
        played_s = np.sort([hit.time_s for hit in song.hits[stem]])
        kept = np.zeros(len(table), dtype=bool)
        kept[match_times(played_s, table.times_s, MATCH_S)[:, 1]] = True
        parts |= {f"{stem}_X": feature_matrix(table, FEATURE_SETS["all"]), f"{stem}_kept": kept}
    return parts


def analyse_song(number: int, material: Material, work: Path) -> Path:
    """Render and analyse a song, and return the file of its labelled candidates."""
    path = work / f"song{number:04d}.npz"
    if path.is_file():
        return path
    song = make_song(number, performances_of(material), kits_of(material, work))
    parts = label_candidates(song, np.random.default_rng(number))
    with path.with_suffix(".part").open("wb") as file:
        np.savez(file, **parts)
    path.with_suffix(".part").replace(path)
    return path
