"""Songs of single genres: performances of its styles or programmed parts, on kits that suit it, mixed and separated.

Training songs and unseen ones share neither a drummer's session nor, where the genre is played on recorded kits, a kit
of `recorded_kits`. Every song is drawn from genre and number alone. Conventions: as in `training_songs`.
"""

import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from kits import SOUNDS, Kit, synthetic_kit
from patterns import Style, programmed
from recorded_kits import RecordedKit, frankensnare_kit
from recorded_songs import play_damped
from render_songs import write_flac
from rendered_songs import Material, kits_of, recorded_kits_of
from separation import STEMS
from training_songs import SONG_S, Hit, at_the_drummers_force, excerpt, mix_of, read_performance, separate

from drumhits.io.midi import NOTE_DTYPE, Track, encode

TRAINING, UNSEEN = "training", "unseen"
UNSEEN_PERFORMANCES = 0.25  # at least
UNSEEN_SYNTHETIC = range(1_000, 1_008)  # seeds
STROKE_S = 0.05  # of the notes
BRUSHED_TRAINING, BRUSHED_UNSEEN = "10_brush", "14d_brush"  # snares of Frankensnare

METAL = Style(
    kicks=(
        "8888888888888888", "9898989898989898", "8888888888888888", "8.8.8.8.8.8.8.8.", "9..99..99..99..9",
        "9.9999.99.9999.9", "9999....9999....", "888888888888", "9.99.99.99.9",
    ),
    snares=(
        "....9.......9...", "....9.......9...", "........9.......", ".8.8.8.8.8.8.8.8", "8.8.8.8.8.8.8.8.",
        "..9...9...9...9.", "...9.....9..",
    ),
    times=(
        "8.6.8.6.8.6.8.6.", "8...8...8...8...", "..8...8...8...8.", "9...7...9...7...", "8888888888888888",
        "7..7..7..7..",
    ),
    keepers=("closed", "open", "ride", "ride", "bell", "crash", "crash", "splash"),
    slowest_bpm=120.0,
    fastest_bpm=230.0,
)  # fmt: skip
ELECTRONIC = Style(
    kicks=(
        "9...9...9...9...", "9...9...9...9...", "9.......9.......", "9.....7.9.......", "9..7..8...7.....",
        "9......7..8.....", "9..9..9..9..9..9", "....8..8....8..8", "9...........7...",
    ),
    snares=(
        "....9.......9...", "....9.......9...", "........9.......", "...9..9...9...9.", "....9..2.2..9...",
        "2222922222229222",
    ),
    keepers=("closed", "closed", "closed", "open", "ride"),
    slowest_bpm=80.0,
    fastest_bpm=176.0,
    exact=1.0,
)  # fmt: skip


@dataclass(frozen=True)
class Genre:
    """What the songs of a genre are made of.

    Attributes
    ----------
    name : str
    kits : str
        Regular expression: names of the kits of `rendered_songs.kits_of` that suit it.
    styles : str
        Regular expression: how the styles of its performances begin, in their file names.
    style : Style, optional
        Of its programmed parts, where there are no performances.
    layered : float in 0..1
        Share of the stems in which every stroke is one of two kits at once.
    snares : (str, str), optional
        The snares of Frankensnare for training and for unseen songs, in place of the other recorded kits' snares.
    is_recorded : bool
        Whether recorded kits suit it.
    """

    name: str
    kits: str
    styles: str = ""
    style: Style | None = None
    layered: float = 0.0
    snares: tuple[str, str] | None = None
    is_recorded: bool = True


GENRES = (
    Genre("rock", r"Rock|Pearl|ForzeeStereo|Millo|GM 16|General (10|16)", styles="rock|punk|pop"),
    Genre("jazz", r"GM (33|36|41)|Colombo", styles="jazz", snares=(BRUSHED_TRAINING, BRUSHED_UNSEEN)),
    Genre("metal", r"Rock|Pearl|GM 16|General 16", style=METAL),
    Genre("latin", r"GM (1|2|4|10|12)$|General (2|4)$|BJA|Colombo|GMRock|Millo", styles="latin|afrocuban"),
    Genre("funk", r"GM (1|4|10|11)$|Audiophob|rumpf|VariBreaks|Forzee", styles="funk|hiphop|soul|neworleans-funk"),
    Genre("electronic", r"synthetic|808|GM (24|25)|General (24|25)", style=ELECTRONIC, layered=0.5, is_recorded=False),
)


def performances_of(genre: Genre, part: str, files: Sequence[Path]) -> list[Path]:
    """Return the files of a genre's performances for TRAINING or UNSEEN songs; no session of a drummer is in both."""
    by_session: dict[str, list[Path]] = {}
    for path in files:
        if found := re.match(rf"(drummer\d+_(?:eval_)?session\d*)_\d+_(?:{genre.styles})", path.name):
            by_session.setdefault(found[1], []).append(path)
    sessions = [by_session[name] for name in sorted(by_session)]
    performances: dict[str, list[Path]] = {TRAINING: [], UNSEEN: []}
    for number in np.random.default_rng(_seed(genre)).permutation(len(sessions)):
        is_enough = len(performances[UNSEEN]) >= UNSEEN_PERFORMANCES * sum(map(len, sessions))
        performances[TRAINING if is_enough else UNSEEN] += sessions[number]
    return performances[part]


def _seed(genre: Genre) -> int:
    return zlib.crc32(genre.name.encode())


@lru_cache(1)
def _performed(genre: Genre, part: str, material: Material) -> list[list[Hit]]:
    return [read_performance(path) for path in performances_of(genre, part, material.performances)]


@lru_cache(1)
def kits_for(genre: Genre, part: str, material: Material, work: Path) -> list[Kit]:
    """Return the kits of a genre for TRAINING or UNSEEN songs."""
    is_unseen = part == UNSEEN
    suited = [] if is_unseen else [kit for kit in kits_of(material, work) if re.search(genre.kits, kit.name)]
    if not genre.is_recorded:
        return [synthetic_kit(seed) for seed in UNSEEN_SYNTHETIC] if is_unseen else suited
    recorded: list[Kit] = [*recorded_kits_of(material, held_out=is_unseen)]
    if genre.snares:
        brushed = frankensnare_kit(material.recorded / "frankensnare" / genre.snares[is_unseen])
        recorded = [kit for kit in recorded if "Frankensnare" not in kit.name] + [brushed]
    return recorded + suited


def strokes_of(genre: Genre, part: str, material: Material, rng: np.random.Generator) -> dict[str, list[Hit]]:
    """Return the strokes of a song, by stem."""
    if genre.style:
        hits = [Hit(*stroke) for stroke in programmed(SONG_S, rng, genre.style)]
    else:
        hits = at_the_drummers_force(excerpt(_performed(genre, part, material), rng), rng)
    return {stem: [hit for hit in hits if SOUNDS[hit.sound].stem == stem] for stem in STEMS}


def players(genre: Genre, kits: Sequence[Kit], rng: np.random.Generator) -> dict[str, list[Kit]]:
    """Return the kits of each stem: one of all that have it, the same where it has all; layers at random."""
    heard = [kit.balanced(rng) if isinstance(kit, RecordedKit) else kit for kit in kits]
    usual = heard[rng.integers(len(heard))]
    chosen = {}
    for stem in STEMS:
        able = [kit for kit in heard if kit.has(stem)]
        other, layer = (able[rng.integers(len(able))] for _ in range(2))
        chosen[stem] = [usual if usual.has(stem) else other] + [layer] * (rng.random() < genre.layered)
    return chosen


def write_song(genre: Genre, part: str, number: int, material: Material, work: Path) -> None:
    """Write the stems of a song with the truth of each as NAME-STEM.flac and NAME-STEM_ground_truth.mid, unless there.

    They go to a folder of the genre and the part, in the work folder.
    """
    folder, name = folder_of(genre, part, work), f"{genre.name}{number:02d}"
    if all(truth_path(folder, name, stem).is_file() for stem in STEMS):
        return
    rng = np.random.default_rng((_seed(genre), part == UNSEEN, number))
    strokes = strokes_of(genre, part, material, rng)
    kits = players(genre, kits_for(genre, part, material, work), rng)
    dry = np.stack([play_damped(strokes[stem], kits[stem], rng) for stem in STEMS])
    folder.mkdir(parents=True, exist_ok=True)
    for stem, y in zip(STEMS, separate(mix_of(dry, rng).astype(np.float32), rng), strict=True):
        write_flac(folder / f"{name}-{stem}.flac", y)
        truth_path(folder, name, stem).write_bytes(encode([Track(stem, notes_of(strokes[stem]))]))


def folder_of(genre: Genre, part: str, work: Path) -> Path:
    """Return where the songs of a genre lie."""
    return work / genre.name / part


def truth_path(folder: Path, name: str, stem: str) -> Path:
    """Return the file of a stem's truth."""
    return folder / f"{name}-{stem}_ground_truth.mid"


def notes_of(hits: Sequence[Hit]) -> np.ndarray:
    """Return strokes as notes, NOTE_DTYPE."""
    notes = np.zeros(len(hits), NOTE_DTYPE)
    notes["time_s"], notes["duration_s"] = [hit.time_s for hit in hits], STROKE_S
    notes["number"] = [SOUNDS[hit.sound].key for hit in hits]
    notes["velocity"] = [round(hit.velocity) for hit in hits]
    return notes
