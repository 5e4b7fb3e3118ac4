"""Songs to train the bundled models on: human performances on many kits, mixed and split again in many ways.

Every song is drawn from its number alone: which performance, which kits, how they are tuned, mixed, compressed and
separated, so that the same performances and kits give the same songs.

Conventions: times in seconds; mono audio at 44.1 kHz; stems stacked as (len(STEMS), n_samples).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import mido
import numpy as np
from kits import LEAD, SOUNDS, Kit
from scipy.ndimage import uniform_filter1d
from scipy.signal import butter, fftconvolve, sosfilt
from separation import CONFUSION, SAMPLE_RATE, STEMS, Separator, add_room, split_again, split_blindly

SONG_S = 20.0
TAIL_S = 1.0
LONG_S = 15.0  # performances from here on are grooves of which a part is taken; shorter ones are fills, put in a row
FEWEST_HITS = 20
BLIND_EVERY = 4  # one song in so many is split by a factorisation,
ALL_BLIND = range(1_400, 10_000)  # and every song of these numbers
LAYERED = 0.25  # share of the stems in which every stroke is one of two kits at once
SATURATED = 0.2  # share of the mixes that are driven into saturation
ONE_BY_ONE = 0.2  # share of the songs whose stems do not keep the level that they have in the mix
FULL_FORCE = 110.0  # velocity
TREBLE_DB = dict.fromkeys(STEMS, (-8.0, 6.0))  # how much the treble of a stem is raised in a mix, least and most

# Keys of the electronic kit on which the performances were played.
SOUND_OF_KEY = {
    36: "kick", 35: "kick", 38: "snare", 40: "rimshot", 37: "cross_stick", 48: "tom_high", 50: "tom_high",
    45: "tom_mid", 47: "tom_mid", 43: "tom_low", 58: "tom_low", 41: "tom_low", 42: "closed", 22: "closed", 46: "open",
    26: "open", 44: "pedal", 49: "crash", 57: "crash", 55: "splash", 52: "splash", 51: "ride", 59: "ride", 53: "bell",
}  # fmt: skip


class Hit(NamedTuple):
    """One stroke: when its attack sounds, what is hit, how hard (1..127)."""

    time_s: float
    sound: str
    velocity: float


@dataclass(frozen=True)
class TrainingSong:
    """A song as it is heard.

    Attributes
    ----------
    mix : np.ndarray, float32
    stems : dict of str to np.ndarray, float32, what the mix was separated into
    hits : dict of str to list of Hit, the strokes of each stem that are in the mix
    left_out : tuple of str, stems that the separation did not give: their files hold noise
    kits : tuple of str, names
    """

    mix: np.ndarray
    stems: dict[str, np.ndarray]
    hits: dict[str, list[Hit]]
    left_out: tuple[str, ...]
    kits: tuple[str, ...]


def read_performance(path: Path) -> list[Hit]:
    """Return the strokes of a MIDI file, in time order."""
    now, hits = 0.0, []
    for message in mido.MidiFile(path):
        now += message.time
        if message.type == "note_on" and message.velocity and message.note in SOUND_OF_KEY:
            hits.append(Hit(now, SOUND_OF_KEY[message.note], message.velocity))
    return hits


def make_song(number: int, performances: Sequence[list[Hit]], kits: Sequence[Kit]) -> TrainingSong:
    """Play, mix and separate the song of that number."""
    rng = np.random.default_rng(number)
    hits = excerpt(performances, rng)
    kit_of = choose_kits(kits, rng)
    hits_of = {
        stem: at_the_drummers_force([hit for hit in hits if SOUNDS[hit.sound].stem == stem], rng) for stem in STEMS
    }
    dry = np.stack([play(hits_of[stem], kit_of[stem], rng) for stem in STEMS])
    mixed = mix_of(dry, rng)
    is_blind = number % BLIND_EVERY == 0 or number in ALL_BLIND
    stems = separate_blindly(mixed, rng) if is_blind else separate(mixed, rng)
    gains_db = np.full(len(STEMS), rng.uniform(-14, 8)) + (rng.random() < ONE_BY_ONE) * rng.uniform(-8, 8, len(STEMS))
    return TrainingSong(
        mix=master(mixed.sum(axis=0), rng.uniform(-14, 8), rng),
        stems={stem: master(y, gain_db, rng) for stem, y, gain_db in zip(STEMS, stems, gains_db, strict=True)},
        hits=hits_of,
        left_out=tuple(stem for stem, y in zip(STEMS, stems, strict=True) if not y.any()),
        kits=tuple(" + ".join(kit.name for kit in kit_of[stem]) for stem in STEMS),
    )


def excerpt(performances: Sequence[list[Hit]], rng: np.random.Generator) -> list[Hit]:
    """Return SONG_S seconds of a groove, or of fills in a row, a little faster or slower than it was played."""
    grooves = [one for one in performances if one and one[-1].time_s >= LONG_S]
    fills = [one for one in performances if one and one[-1].time_s < LONG_S]
    speed = rng.uniform(0.85, 1.2)
    hits: list[Hit] = []
    while len(hits) < FEWEST_HITS:
        if fills and (not grooves or rng.random() < 0.35):
            start, source = 0.3, []
            while start < SONG_S * speed:
                fill = fills[rng.integers(len(fills))]
                source += [hit._replace(time_s=hit.time_s + start) for hit in fill]
                start = source[-1].time_s + rng.uniform(0.15, 0.8)
            start = 0.0
        else:
            source = grooves[rng.integers(len(grooves))]
            start = rng.uniform(0, max(source[-1].time_s - SONG_S * speed, 0.1))
        hits = [hit._replace(time_s=(hit.time_s - start) / speed) for hit in source]
        hits = [hit for hit in hits if 0.05 <= hit.time_s < SONG_S]
    return hits


def choose_kits(kits: Sequence[Kit], rng: np.random.Generator) -> dict[str, list[Kit]]:
    """Return the kits of each stem: mostly one and the same for all, else any mixture of kits that have the stem."""
    usual = kits[rng.integers(len(kits))]
    is_mixture = rng.random() < 0.4
    chosen = {}
    for stem in STEMS:
        able = [kit for kit in kits if kit.has(stem)]
        other, layer = (able[rng.integers(len(able))] for _ in range(2))
        first = other if is_mixture or not usual.has(stem) else usual
        chosen[stem] = [first, layer] if rng.random() < LAYERED else [first]
    return chosen


def at_the_drummers_force(hits: list[Hit], rng: np.random.Generator) -> list[Hit]:
    """Return the strokes with more or less dynamics than they were played with."""
    reach = rng.uniform(0.7, 1.3)
    return [
        hit._replace(velocity=float(np.clip(80 + reach * (hit.velocity - 80) + rng.normal(0, 3), 4, 127)))
        for hit in hits
    ]


def play(hits: list[Hit], kits: list[Kit], rng: np.random.Generator) -> np.ndarray:
    """Return the strokes of a stem on its kits, tuned and damped at random; a hi-hat stroke chokes the one before.

    The first of the stem's sounds peaks at 1 when it is played at full force.
    """
    y = np.zeros(int((SONG_S + TAIL_S) * SAMPLE_RATE), dtype=np.float32)
    layers = [(kit, {sound: rng.uniform(0.85, 1.18) for sound in SOUNDS}, rng.uniform(0.3, 1.0)) for kit in kits]
    damping_s = rng.uniform(0.15, 2.0) if rng.random() < 0.4 else None
    starts = [round(hit.time_s * SAMPLE_RATE) - LEAD for hit in hits]
    for i, (hit, start) in enumerate(zip(hits, starts, strict=True)):
        stroke = np.zeros(0, dtype=np.float32)
        for kit, tuning, gain in layers:
            layer = gain * tuned(kit.play(hit.sound, hit.velocity), tuning[hit.sound] * rng.uniform(0.995, 1.005))
            short, long = sorted((stroke, layer.astype(np.float32)), key=len)
            stroke = long
            stroke[: len(short)] += short
        if damping_s:
            stroke = stroke * np.exp(-np.arange(len(stroke), dtype=np.float32) / np.float32(damping_s * SAMPLE_RATE))
        if SOUNDS[hit.sound].stem == "hihat" and i + 1 < len(hits):
            stroke = choked(stroke, starts[i + 1] + LEAD - start)
        skipped = max(-start, 0)
        stroke = stroke[skipped : skipped + len(y) - max(start, 0)]
        y[max(start, 0) : max(start, 0) + len(stroke)] += stroke
    return y / max(sum(gain * peak_of(kit, hits) for kit, _, gain in layers), 1e-3)


def peak_of(kit: Kit, hits: list[Hit]) -> float:
    """Return the peak of a stem's first sound at full force; of a stem without strokes 1."""
    if not hits:
        return 1.0
    stem = SOUNDS[hits[0].sound].stem
    return float(np.abs(kit.play(next(name for name, row in SOUNDS.items() if row.stem == stem), FULL_FORCE)).max())


def tuned(y: np.ndarray, speed: float) -> np.ndarray:
    """Return a stroke played faster or slower, its attack where it was."""
    positions = LEAD + (np.arange(int((len(y) - LEAD) / speed) + LEAD) - LEAD) * speed
    return np.interp(positions, np.arange(len(y)), y, left=0.0).astype(np.float32)


def choked(y: np.ndarray, length: int, fade: int = SAMPLE_RATE // 50) -> np.ndarray:
    if length + fade >= len(y):
        return y
    y = y[: length + fade].copy()
    y[length:] *= np.linspace(1, 0, fade, dtype=np.float32)
    return y


def mix_of(
    dry: np.ndarray, rng: np.random.Generator, treble_db: Mapping[str, tuple[float, float]] = TREBLE_DB
) -> np.ndarray:
    """Return the stems balanced, equalised and compressed as a mix of them would be, its peak at 0.4."""
    balance_db = rng.normal([[0.0], [0.0], [0.0], [-7.0], [-4.0]], 4.0)
    levelled = dry * (10 ** (balance_db / 20)).astype(dry.dtype)
    levelled = np.stack([_equalised(y, rng, treble_db[stem]) for stem, y in zip(STEMS, levelled, strict=True)])
    if rng.random() < 0.85:
        levelled = add_room(
            levelled,
            rng,
            reverb_s=float(np.exp(rng.uniform(np.log(0.1), np.log(1.5)))),
            delay_s=rng.uniform(0.002, 0.03),
            wet_db=rng.uniform(-28, -8),
        )
    if rng.random() < 0.5:
        levelled = levelled * _bus_gain(levelled.sum(axis=0), rng)
    if rng.random() < SATURATED:
        levelled = levelled * _saturation_gain(levelled.sum(axis=0), rng)
    return 0.4 * levelled / (np.abs(levelled.sum(axis=0)).max() + 1e-9)


def _equalised(y: np.ndarray, rng: np.random.Generator, treble_db: tuple[float, float]) -> np.ndarray:
    """Return a stem with its treble above some frequency raised or lowered."""
    above_hz = np.exp(rng.uniform(np.log(500), np.log(8000)))
    treble = sosfilt(butter(1, above_hz, "highpass", fs=SAMPLE_RATE, output="sos"), y)
    return y + treble * (10 ** (rng.uniform(*treble_db) / 20) - 1)


def _bus_gain(mix: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the gain, shape (n_samples,), of a compressor that hears the mix."""
    release = int(rng.uniform(0.02, 0.15) * SAMPLE_RATE)
    level_db = 10 * np.log10(uniform_filter1d(np.square(mix, dtype=np.float64), release) + 1e-9)
    threshold_db = level_db.max() - rng.uniform(6, 25)
    gain = 10 ** (-np.maximum(level_db - threshold_db, 0) * rng.uniform(0.3, 0.8) / 20)
    return gain.astype(mix.dtype)


def _saturation_gain(mix: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the gain, shape (n_samples,), that bends the mix as an overdriven amplifier does."""
    driven = mix * (rng.uniform(1.0, 4.0) / (np.abs(mix).max() + 1e-9))
    return np.where(np.abs(driven) > 1e-6, np.tanh(driven) / np.where(driven == 0, 1, driven), 1.0)


def separate(stems: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Split the mix by masks, mild to severe; or give each stem the bleed of microphones in one room."""
    if rng.random() < 0.15:
        bleed = CONFUSION * (1 - np.eye(len(STEMS))) * 10 ** (rng.uniform(-12, 6) / 20)
        delay = np.zeros(int(rng.uniform(0.001, 0.006) * SAMPLE_RATE) + 1)
        delay[-1] = 1
        heard = bleed.astype(stems.dtype) @ stems
        return stems + fftconvolve(heard, delay[None].astype(stems.dtype), axes=1)[:, : stems.shape[1]]
    severity = rng.uniform(0, 1) ** 2
    separator = Separator(
        exponent=rng.uniform(1.0, 2.0) - 0.2 * severity,
        bleed_db=rng.uniform(-6, 3) + 12 * severity,
        drift_db=rng.uniform(3, 7),
        error_db=rng.uniform(2, 6),
        blur_bins=rng.uniform(1, 3) + 10 * severity,
        strays=rng.uniform(0, 0.004),
    )
    return split_again(stems, rng, separator)


def separate_blindly(stems: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Split the mix by a factorisation, into all stems or into kick, snare and hi-hat alone."""
    wanted = STEMS if rng.random() < 0.5 else ("kick", "snare", "hihat")
    return split_blindly(stems, rng, n_components=int(rng.integers(6, 25)), wanted=wanted)


def master(y: np.ndarray, gain_db: float, rng: np.random.Generator) -> np.ndarray:
    """Return a sound at some level, in some noise, sometimes without its highest octave as from a lossy file."""
    if rng.random() < 0.2:
        y = sosfilt(butter(6, rng.uniform(9_000, 17_000), fs=SAMPLE_RATE, output="sos"), y)
    y = y * 10 ** (gain_db / 20)
    return (y + rng.normal(size=len(y)) * 10 ** (rng.uniform(-110, -65) / 20)).astype(np.float32)
