"""Training songs on disk: rendered once, read as often as their analysis changes."""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

import joblib
import numpy as np
from kits import Kit, hydrogen_kit, soundfont_kit, synthetic_kit
from recorded_kits import RecordedKit, held_out_kits, training_kits
from recorded_songs import MIXES_TO_SPLIT, is_split_by_unet, make_recorded_song, play_song
from separation import STEMS
from threadpoolctl import threadpool_limits
from training_songs import Hit, TrainingSong, make_song, read_performance

N_SYNTHETIC_KITS = 10
SEPARATOR_STEPS = 1000
FIRST_RECORDED, FIRST_HELD_OUT = 20_000, 40_000  # numbers of the songs on recorded kits, and on those held out
MIX, SONG = "mix", "song"
LARGEST_INT16 = 32767


@dataclass(frozen=True)
class Material:
    """What songs are made of.

    Attributes
    ----------
    performances : files of human drumming
    presets : (font, bank, program) of kits of sound fonts
    hydrogen : folders of Hydrogen's kits
    recorded : folder of the kits of `recorded_kits`
    """

    performances: tuple[Path, ...]
    presets: tuple[tuple[Path, int, int], ...]
    hydrogen: tuple[Path, ...]
    recorded: Path


def _preset(text: str) -> tuple[Path, int, int]:
    font, bank, program = text.rsplit(":", 2)
    return Path(font), int(bank), int(program)


def add_material(parser: argparse.ArgumentParser) -> None:
    """Add the options that say what songs are made of, where they are kept, and how many are made at a time."""
    folder = {"type": Path, "metavar": "DIR", "required": True}
    parser.add_argument("--performances", **folder, help="MIDI files of human drumming")
    parser.add_argument(
        "--presets", nargs="+", type=_preset, required=True, metavar="FONT:BANK:PROGRAM", help="kits of sound fonts"
    )
    parser.add_argument("--hydrogen", **folder, help="folder of Hydrogen's kits")
    parser.add_argument("--recorded", **folder, help="kits recorded by several microphones")
    parser.add_argument("--work", **folder, help="keeps what was rendered")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="processes (default: 1)")


def material_of(args: argparse.Namespace) -> Material:
    """Return what the options of `add_material` say, and make the work folder."""
    args.work.mkdir(parents=True, exist_ok=True)
    return Material(
        tuple(sorted(args.performances.glob("*.mid"))),
        tuple(args.presets),
        tuple(sorted(path.parent for path in args.hydrogen.glob("*/drumkit.xml"))),
        args.recorded,
    )


@contextmanager
def one_thread_each(n_jobs: int) -> Iterator[None]:
    """Let `joblib.Parallel` start so many processes, and each compute in one thread.

    Sums of several threads differ in their last bits, and so would what is trained on them.
    """
    with threadpool_limits(1), joblib.parallel_config("loky", n_jobs=n_jobs, inner_max_num_threads=1):
        yield


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


@lru_cache(2)
def recorded_kits_of(material: Material, *, held_out: bool) -> list[RecordedKit]:
    """Return the recorded kits to train on, or those held out."""
    return (held_out_kits if held_out else training_kits)(material.recorded)


@lru_cache(1)
def performances_of(material: Material) -> list[list[Hit]]:
    """Return the strokes of each performance."""
    return [read_performance(path) for path in material.performances]


def rendered_song(number: int, material: Material, work: Path) -> Path:
    """Render the song of that number unless it is there already, and return its file."""
    path = work / f"{SONG}{number:04d}.npz"
    if not path.is_file():
        song = _made(number, material, work)
        parts = {"kits": np.array(song.kits, dtype=str), "left_out": np.array(song.left_out, dtype=str)}
        for name, y in {**song.stems, MIX: song.mix}.items():
            peak = np.float32(max(np.abs(y).max(), 1e-9))
            parts |= {f"{name}_peak": peak, f"{name}_y": np.rint(y * (LARGEST_INT16 / peak)).astype(np.int16)}
        for stem, hits in song.hits.items():
            parts |= {f"{stem}_{field}": np.array([hit[i] for hit in hits]) for i, field in enumerate(Hit._fields)}
        save_arrays(path, parts)
    return path


def _made(number: int, material: Material, work: Path) -> TrainingSong:
    performances = performances_of(material)
    if number < FIRST_RECORDED:
        return make_song(number, performances, kits_of(material, work))
    held_out = number >= FIRST_HELD_OUT
    kits = [] if held_out else kits_of(material, work)
    recorded = recorded_kits_of(material, held_out=held_out)
    if not is_split_by_unet(number):
        return make_recorded_song(number, performances, kits, recorded)
    from unet import split_by_unet

    return make_recorded_song(number, performances, kits, recorded, partial(split_by_unet, folder=work))


def train_separator(material: Material, work: Path) -> None:
    """Train what splits the songs of `is_split_by_unet`, unless the work folder holds it: 15 minutes on two cores."""
    from unet import is_trained, train_unet

    if not is_trained(work):
        play = partial(
            play_song,
            performances=performances_of(material),
            kits=kits_of(material, work),
            recorded=recorded_kits_of(material, held_out=False),
        )
        mixes = (play(number, rng=np.random.default_rng(number)).mixed for number in MIXES_TO_SPLIT)
        train_unet([mixed.astype(np.float16) for mixed in mixes], SEPARATOR_STEPS, work)


def save_arrays(path: Path, parts: dict[str, np.ndarray]) -> None:
    """Write arrays to an .npz file, whole or not at all."""
    with path.with_suffix(".part").open("wb") as file:
        np.savez(file, **parts)
    path.with_suffix(".part").replace(path)


def read_song(path: Path) -> TrainingSong:
    """Return a rendered song."""
    with np.load(path) as parts:
        sounds = {name: parts[f"{name}_y"] * (parts[f"{name}_peak"] / LARGEST_INT16) for name in (*STEMS, MIX)}
        hits = {
            stem: [Hit(*row) for row in zip(*(parts[f"{stem}_{field}"].tolist() for field in Hit._fields), strict=True)]
            for stem in STEMS
        }
        kits, left_out = (tuple(parts[name].tolist()) for name in ("kits", "left_out"))
    mix = sounds.pop(MIX).astype(np.float32)
    return TrainingSong(mix, {stem: y.astype(np.float32) for stem, y in sounds.items()}, hits, left_out, kits)
