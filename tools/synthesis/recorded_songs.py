"""More songs to train on: recorded kits through their microphones, programmed parts beside human ones, and what
productions and separators do to stems. Every song is drawn from its number alone.

Conventions: as in `training_songs`.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from damage import clipped, gated, lossy, music
from kits import LEAD, SOUNDS, Kit
from patterns import fast, programmed
from recorded_kits import RecordedKit
from separation import SAMPLE_RATE, STEMS
from training_songs import (
    LAYERED,
    SONG_S,
    TAIL_S,
    TREBLE_DB,
    Hit,
    TrainingSong,
    at_the_drummers_force,
    excerpt,
    master,
    mix_of,
    peak_of,
    separate,
    separate_blindly,
    tuned,
)

ALL_FAST = range(25_000, 26_000)  # songs of these numbers play sixteenths throughout
SPLIT_BY_UNET = range(30_000, 39_000)  # songs of these numbers are separated by a trained network,
HELD_OUT_BY_UNET = range(40_100, 40_200)  # as are these, on kits that are held out;
MIXES_TO_SPLIT = range(39_000, 39_150)  # mixes of these are what it is trained on
TUNING = (0.85, 1.18)  # ratios of frequency, lowest and highest,
ANY_TUNING = {"toms": (0.6, 1.6), "snare": (0.75, 1.35), "kick": (0.75, 1.35)}  # and where a network separates them
CLICKING = TREBLE_DB | {"kick": (-8.0, 14.0), "snare": (-8.0, 12.0)}  # treble in such songs,
WITHOUT = {"toms": 0.1, "hihat": 0.1, "cymbals": 0.1}  # share of them that lack such a stem,
APART = 0.25  # and whose hi-hat and cymbals leave out strokes that fall together with those of kick and snare:
LEFT_OUT = (0.5, 1.0)  # such a share of them
TOGETHER_S = 0.03
PROGRAMMED = 0.45  # share of the songs whose part is a programmed one
RECORDED = 0.65  # share of the songs whose usual kit is a recorded one,
ANOTHER = 0.3  # and of their stems that another kit plays
BLIND, BY_MICS = 0.2, 0.15  # share of the songs that are factored, and that are stems of microphones
WITH_MUSIC = 0.3  # share of the mixes that music has been separated from
DAMAGED = {gated: 0.12, clipped: 0.08, lossy: 0.12}  # share of the stems
QUIET = 0.15  # share of the songs that are quieter than most
CRASH_CHOKED = 0.06


class Played(NamedTuple):
    """A song before it is separated.

    Attributes
    ----------
    mixed, dry : np.ndarray, shape (len(STEMS), n_samples), float32
        The stems as they are in the mix, and as they were played.
    hits_of : dict of str to list of Hit
    kit_of : dict of str to list of Kit
    seeds : dict of str to int, with which `play_damped` played each stem
    """

    mixed: np.ndarray
    dry: np.ndarray
    hits_of: dict[str, list[Hit]]
    kit_of: dict[str, list[Kit]]
    seeds: dict[str, int]


def is_split_by_unet(number: int) -> bool:
    """Tell whether the song of that number is separated by a trained network."""
    return number in SPLIT_BY_UNET or number in HELD_OUT_BY_UNET


def play_song(
    number: int,
    performances: Sequence[list[Hit]],
    kits: Sequence[Kit],
    recorded: Sequence[RecordedKit],
    rng: np.random.Generator,
) -> Played:
    """Play and mix the song of that number."""
    is_fast = number in ALL_FAST
    is_programmed = is_fast or rng.random() < PROGRAMMED
    part = fast if is_fast else programmed
    hits = [Hit(*row) for row in part(SONG_S, rng)] if is_programmed else excerpt(performances, rng)
    if is_split_by_unet(number):
        hits = thinned(hits, rng)
    kit_of = _choose_kits(kits, recorded, rng)
    hits_of = {stem: [hit for hit in hits if SOUNDS[hit.sound].stem == stem] for stem in STEMS}
    if not is_programmed:
        hits_of = {stem: at_the_drummers_force(some, rng) for stem, some in hits_of.items()}
    seeds = {stem: int(rng.integers(1 << 30)) for stem in STEMS}
    tuning = ANY_TUNING if is_split_by_unet(number) or number in MIXES_TO_SPLIT else {}
    dry = np.stack([
        play_damped(hits_of[stem], kit_of[stem], np.random.default_rng(seeds[stem]), tuning.get(stem, TUNING))
        for stem in STEMS
    ])  # fmt: skip
    mixed = mix_of(dry, rng, CLICKING if is_split_by_unet(number) else TREBLE_DB)
    return Played(mixed.astype(np.float32), dry, hits_of, kit_of, seeds)


def thinned(hits: list[Hit], rng: np.random.Generator) -> list[Hit]:
    """Return strokes without some stems, or without strokes that fall together: a kick's click is no hi-hat."""
    without = [stem for stem, share in WITHOUT.items() if rng.random() < share]
    hits = [hit for hit in hits if SOUNDS[hit.sound].stem not in without]
    if rng.random() >= APART:
        return hits
    drums_s = np.array([hit.time_s for hit in hits if SOUNDS[hit.sound].stem in ("kick", "snare")])
    share = rng.choice(LEFT_OUT)
    return [
        hit
        for hit in hits
        if SOUNDS[hit.sound].stem not in ("hihat", "cymbals")
        or np.abs(drums_s - hit.time_s).min(initial=np.inf) > TOGETHER_S
        or rng.random() >= share
    ]


def make_recorded_song(
    number: int,
    performances: Sequence[list[Hit]],
    kits: Sequence[Kit],
    recorded: Sequence[RecordedKit],
    split_by_unet: Callable[[np.ndarray, np.random.Generator], np.ndarray] | None = None,
) -> TrainingSong:
    """Play, mix and separate the song of that number; some need what splits them (`is_split_by_unet`)."""
    rng = np.random.default_rng(number)
    played = play_song(number, performances, kits, recorded, rng)
    way = rng.random()
    if is_split_by_unet(number):
        stems = split_by_unet(played.mixed, rng)
    elif way < BLIND:
        stems = separate_blindly(played.mixed, rng)
    elif way < BLIND + BY_MICS:
        stems = _by_microphones(played, rng)
    else:
        stems = separate(played.mixed, rng)
    mix, stems = _with_leaks(played.mixed.sum(axis=0), stems.astype(np.float32), rng)
    is_quiet = rng.random() < QUIET
    gain_db = rng.uniform(-45, -14) if is_quiet else rng.uniform(-14, 8)
    gains_db = gain_db + (rng.random() < 0.3) * rng.uniform(-15, 10, len(STEMS))
    return TrainingSong(
        mix=master(_damaged(mix, rng), gain_db, rng),
        stems={
            stem: master(_damaged(y, rng), of_stem_db, rng) if y.any() else master(y, of_stem_db, rng)
            for stem, y, of_stem_db in zip(STEMS, stems, gains_db, strict=True)
        },
        hits=played.hits_of,
        left_out=tuple(stem for stem, y in zip(STEMS, stems, strict=True) if not y.any()),
        kits=tuple(" + ".join(kit.name for kit in played.kit_of[stem]) for stem in STEMS),
    )


def _choose_kits(
    kits: Sequence[Kit], recorded: Sequence[RecordedKit], rng: np.random.Generator
) -> dict[str, list[Kit]]:
    """Return the kits of each stem, the recorded ones through microphones of one balance."""
    balanced: list[Kit] = [kit.balanced(rng) for kit in recorded]
    everything = [*balanced, *kits]
    usual_from = balanced if not kits or rng.random() < RECORDED else list(kits)
    usual = usual_from[rng.integers(len(usual_from))]
    chosen = {}
    for stem in STEMS:
        able = [kit for kit in everything if kit.has(stem)]
        near = [kit for kit in usual_from if kit.has(stem)]
        first = usual if usual.has(stem) else near[rng.integers(len(near))]
        if rng.random() < ANOTHER:
            first = able[rng.integers(len(able))]
        layers = [able[rng.integers(len(able))]] if rng.random() < LAYERED / 2 else []
        chosen[stem] = [first, *layers]
    return chosen


def play_damped(
    hits: list[Hit], kits: list[Kit], rng: np.random.Generator, tuning: tuple[float, float] = TUNING
) -> np.ndarray:
    """Return the strokes of a stem on its kits; a stroke damps what rings of the one before on the same drum.

    Each of its sounds is tuned to some ratio between the two of `tuning`. The first of them peaks at 1 when it is
    played at full force.
    """
    y = np.zeros(int((SONG_S + TAIL_S) * SAMPLE_RATE), dtype=np.float32)
    layers = [(kit, {sound: rng.uniform(*tuning) for sound in SOUNDS}, rng.uniform(0.3, 1.0)) for kit in kits]
    damping_s = rng.uniform(0.1, 2.0) if rng.random() < 0.4 else None
    wobble = 0.005 * (rng.random() < 0.7)
    fade_s, left = rng.uniform(0.005, 0.06), rng.choice([0.0, 0.1, 0.3, 1.0])
    starts = [round(hit.time_s * SAMPLE_RATE) - LEAD for hit in hits]
    for i, (hit, start) in enumerate(zip(hits, starts, strict=True)):
        parts = [
            gain * tuned(kit.play(hit.sound, hit.velocity), ratios[hit.sound] * rng.uniform(1 - wobble, 1 + wobble))
            for kit, ratios, gain in layers
        ]
        stroke = np.zeros(max(map(len, parts)), dtype=np.float32)
        for part in parts:
            stroke[: len(part)] += part
        if damping_s:
            stroke *= np.exp(-np.arange(len(stroke), dtype=np.float32) / np.float32(damping_s * SAMPLE_RATE))
        if (end := _end_of_ringing(hits, starts, i, rng)) is not None:
            is_hihat = SOUNDS[hit.sound].stem == "hihat"
            stroke = _damped(stroke, end - start + LEAD, 0.02 if is_hihat else fade_s, 0.0 if is_hihat else left)
        skipped = max(-start, 0)
        stroke = stroke[skipped : skipped + len(y) - max(start, 0)]
        y[max(start, 0) : max(start, 0) + len(stroke)] += stroke
    return y / max(sum(gain * peak_of(kit, hits) for kit, _, gain in layers), 1e-3)


def _end_of_ringing(hits: list[Hit], starts: list[int], i: int, rng: np.random.Generator) -> int | None:
    """Return the sample from which a stroke is damped: by the next on the same drum, or by the drummer's hand."""
    hit, is_hihat = hits[i], SOUNDS[hits[i].sound].stem == "hihat"
    if hit.sound in ("crash", "splash") and rng.random() < CRASH_CHOKED:
        return starts[i] + int(rng.uniform(0.08, 0.6) * SAMPLE_RATE)
    for other, start in zip(hits[i + 1 :], starts[i + 1 :], strict=True):
        if is_hihat or other.sound == hit.sound:
            return start
    return None


def _damped(y: np.ndarray, length: int, fade_s: float, left: float) -> np.ndarray:
    """Return a stroke that fades to a share of itself after some samples."""
    if length >= len(y):
        return y
    fade = min(int(fade_s * SAMPLE_RATE) + 1, len(y) - length)
    y[length : length + fade] *= np.linspace(1, left, fade, dtype=np.float32)
    if not left:
        return y[: length + fade]
    y[length + fade :] *= np.float32(left)
    return y


def _by_microphones(played: Played, rng: np.random.Generator) -> np.ndarray:
    """Return stems as microphones give them: each the stem as mixed, and all others as its microphones heard them."""
    mixed, dry = played.mixed, played.dry
    stems = mixed.copy()
    for i, stem in enumerate(STEMS):
        for j, other in enumerate(STEMS):
            level = np.abs(mixed[j]).max() / max(np.abs(dry[j]).max(), 1e-6)
            bleed = level * 10 ** (rng.uniform(-24, 0) / 20)
            hits, kits = played.hits_of[other], played.kit_of[other]
            if i == j or not hits:
                continue
            if not isinstance(kits[0], RecordedKit):
                stems[i] += 0.2 * bleed * mixed[j] / max(np.abs(mixed[j]).max(), 1e-6) * np.abs(dry[j]).max()
                continue
            stems[i] += bleed * _heard(hits, kits[0].heard_by(stem), kits[0], played.seeds[other])
    return stems


def _heard(hits: list[Hit], kit: RecordedKit, as_mixed: Kit, seed: int) -> np.ndarray:
    """Return the strokes of a stem as other microphones heard them, in their level to its own."""
    y = play_damped(hits, [kit], np.random.default_rng(seed))
    return y * (peak_of(kit, hits) / max(peak_of(as_mixed, hits), 1e-6))


def _with_leaks(mix: np.ndarray, stems: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return mix and stems with what a separation of drums from music left in them."""
    if rng.random() >= WITH_MUSIC:
        return mix, stems
    y = music(len(mix), rng) * np.abs(mix).max()
    left = 10 ** (rng.uniform(-50, -16) / 20) * y
    shares = 10 ** (rng.uniform(-20, 0, (len(STEMS), 1)) / 20)
    return mix + left.astype(np.float32), stems + (shares * left * stems.any(axis=1, keepdims=True)).astype(np.float32)


def _damaged(y: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    for way, share in DAMAGED.items():
        if rng.random() < share and y.any():
            y = way(y, rng)
    return y
