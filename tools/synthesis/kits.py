"""Drum kits as recordings of single strokes: out of sound fonts, out of Hydrogen's kits, and synthesised.

Conventions: mono audio at 44.1 kHz; a stroke's attack lies LEAD samples after its start; velocity 1..127.
"""

import re
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile as sf
import soxr
from render_songs import BLOCK, attack_sample, render_takes
from scipy.signal import butter, lfilter, sosfilt
from separation import SAMPLE_RATE

LEAD = 128  # samples: 3 ms
STROKE_S = {"kick": 1.0, "snare": 1.0, "toms": 1.5, "hihat": 2.0, "cymbals": 4.0}
FONT_VELOCITIES = (15, 35, 55, 75, 95, 115, 127)
FEWEST_SOUNDS = 6


@dataclass(frozen=True)
class Sound:
    """A way to hit a kit.

    Attributes
    ----------
    stem : str
    articulation : str
        Its name among the notes of midiconfig.yaml.
    key : int
        Of General MIDI.
    names : str
        How Hydrogen's kits name it, a regular expression.
    instead : str, optional
        The sound that stands in for it.
    """

    stem: str
    articulation: str
    key: int
    names: str
    instead: str | None = None


SOUNDS = {
    "kick": Sound("kick", "kick", 36, r"kick|bass ?drum|\bbd"),
    "snare": Sound("snare", "head", 38, r"snare(?!.*(rim|roll))", "rimshot"),
    "rimshot": Sound("snare", "head", 40, r"snare.*rim|snare rock|snare 2", "snare"),
    "cross_stick": Sound("snare", "cross_stick", 37, r"stick|rim click", "rimshot"),
    "tom_high": Sound("toms", "high", 50, r"tom.*(hi|1)", "tom_mid"),
    "tom_mid": Sound("toms", "mid", 47, r"tom.*(mid|2)|^tom$", "tom_low"),
    "tom_low": Sound("toms", "low", 43, r"floor|tom.*low|low tom", "tom_high"),
    "closed": Sound("hihat", "closed", 42, r"(closed|\bcl|^hi ?hat|^hat).*|hh closed"),
    "open": Sound("hihat", "open", 46, r"(hat|hh|hihat).*op|op.*(hat|hh)", "closed"),
    "pedal": Sound("hihat", "pedal", 44, r"pedal|foot", "closed"),
    "crash": Sound("cymbals", "crash", 49, r"crash(?!.*(ride|bell|bow))", "ride"),
    "splash": Sound("cymbals", "crash", 55, r"splash|crash.*(2|right|jazz)|china", "crash"),
    "ride": Sound("cymbals", "ride", 51, r"ride(?!.*bell)", "crash"),
    "bell": Sound("cymbals", "ride", 53, r"bell|cup", "ride"),
}


@dataclass(frozen=True)
class Stroke:
    """One recorded stroke: how hard it was played, and its samples, float32."""

    velocity: float
    y: np.ndarray


@dataclass(frozen=True)
class Kit:
    """Strokes of each sound, softest first."""

    name: str
    strokes: dict[str, list[Stroke]]

    def has(self, stem: str) -> bool:
        """Tell whether every sound of a stem can be played."""
        return all(sound in self.strokes for sound, row in SOUNDS.items() if row.stem == stem)

    def play(self, sound: str, velocity: float) -> np.ndarray:
        """Return the samples of a stroke: the recording nearest in velocity, its level moved along by 0.35 dB a step.

        A kit with one recording of a sound gets darker, too, the softer it is played.
        """
        strokes = self.strokes[sound]
        nearest = min(strokes, key=lambda stroke: abs(stroke.velocity - velocity))
        y = nearest.y * np.float32(10 ** (0.35 * (velocity - nearest.velocity) / 20))
        if len(strokes) > 1:
            return y
        softness = np.clip(0.8 * (1 - velocity / 127), 0, 0.7)
        return lfilter([1 - softness], [1, -softness], y).astype(np.float32)


def with_stand_ins(name: str, strokes: dict[str, list[Stroke]]) -> Kit | None:
    """Return a kit in which other sounds stand in for missing ones, without those that nothing stands in for."""
    return None if len(strokes) < FEWEST_SOUNDS else Kit(name, complete(strokes))


def complete(strokes: dict[str, list]) -> dict[str, list]:
    """Return strokes of all sounds that are there or that another sound stands in for."""
    filled = {}
    for sound in SOUNDS:
        found, tried = sound, set()
        while found not in strokes and found not in tried:
            tried.add(found)
            found = SOUNDS[found].instead or found
        if found in strokes:
            filled[sound] = strokes[found]
    return filled


def trimmed(y: np.ndarray, stem: str) -> np.ndarray:
    """Return a stroke that starts LEAD samples before its attack and fades out at its length."""
    start = attack_sample(y) - LEAD
    y = np.concatenate((np.zeros(max(-start, 0)), y[max(start, 0) :]))[: int(STROKE_S[stem] * SAMPLE_RATE)]
    fade = min(len(y), SAMPLE_RATE // 20)
    y[len(y) - fade :] *= np.linspace(1, 0, fade)
    return y.astype(np.float32)


def soundfont_kit(font: Path, program: int, *, bank: int = 128) -> Kit | None:
    """Return a kit of a sound font, played by fluidsynth; `bank` is 128, or 0 for fonts that hold a single kit."""
    channel = 9 if bank == 128 else 0
    lead_blocks = 20
    asked = [(sound, velocity) for sound in SOUNDS for velocity in FONT_VELOCITIES]
    takes = [[(lead_blocks, SOUNDS[sound].key, velocity)] for sound, velocity in asked]
    n_blocks = int(max(STROKE_S.values()) * SAMPLE_RATE) // BLOCK + lead_blocks
    strokes: dict[str, list[Stroke]] = {}
    for (sound, velocity), y in zip(asked, render_takes(font, program, takes, n_blocks, channel), strict=True):
        y = y[lead_blocks * BLOCK :]
        if np.abs(y).max() > 1e-4:
            strokes.setdefault(sound, []).append(Stroke(velocity, trimmed(y, SOUNDS[sound].stem)))
    return with_stand_ins(f"{font.stem} {program}", strokes)


def hydrogen_kit(folder: Path) -> Kit | None:
    """Return a kit of Hydrogen, its instruments known by their names; None where too few of them are known."""
    text = re.sub(r'\sxmlns="[^"]+"', "", (folder / "drumkit.xml").read_text(encoding="utf-8", errors="replace"))
    strokes: dict[str, list[Stroke]] = {}
    for instrument in ElementTree.fromstring(text).iter("instrument"):
        name = (instrument.findtext("name") or "").lower()
        sound = next((one for one, row in reversed(SOUNDS.items()) if re.search(row.names, name)), None)
        if sound and sound not in strokes and (found := _layers(folder, instrument, SOUNDS[sound].stem)):
            strokes[sound] = found
    return with_stand_ins(folder.name, strokes)


def _layers(folder: Path, instrument: ElementTree.Element, stem: str) -> list[Stroke]:
    layers = list(instrument.iter("layer")) or [instrument]
    strokes = []
    for layer in layers:
        path = folder / (layer.findtext("filename") or "")
        if not path.is_file() or path.name == "emptySample.flac":
            continue
        y, sr = sf.read(path, dtype="float64", always_2d=True)
        y = soxr.resample(y.mean(axis=1), sr, SAMPLE_RATE)
        if len(y) > LEAD and np.abs(y).max() > 1e-3:
            top = float(layer.findtext("max") or 1.0)
            strokes.append(Stroke(127 * top, trimmed(y * float(layer.findtext("gain") or 1.0), stem)))
    return sorted(strokes, key=lambda stroke: stroke.velocity)


def synthetic_kit(seed: int) -> Kit:
    """Return a kit in the manner of analogue drum machines: swept sines, noise, and detuned squares for metal."""
    rng = np.random.default_rng(seed)
    pick = rng.uniform
    metal = _metal(rng)
    body = pick(150, 220)
    sounds = {
        "kick": _sweep(pick(90, 250), pick(38, 60), pick(0.01, 0.05), pick(0.1, 0.6)) + _click(rng, pick(0.0, 0.3)),
        "snare": 0.6 * _sweep(1.5 * body, body, 0.01, pick(0.05, 0.12))
        + _noise(rng, 1500, pick(0.08, 0.25), pick(0.4, 1.0)),
        "cross_stick": _sweep(1800, pick(400, 1700), 0.002, pick(0.01, 0.03)) + _click(rng, 0.3),
        "tom_high": _sweep(260, pick(150, 220), 0.03, pick(0.15, 0.35)),
        "tom_mid": _sweep(200, pick(110, 150), 0.03, pick(0.2, 0.4)),
        "tom_low": _sweep(140, pick(70, 105), 0.04, pick(0.25, 0.5)),
        "closed": _shaped(metal, 7000, pick(0.02, 0.06)),
        "open": _shaped(metal, 7000, pick(0.25, 0.6)),
        "pedal": _shaped(metal, 5500, pick(0.02, 0.05)),
        "crash": 0.7 * _shaped(metal, 3500, pick(0.6, 1.4)) + _noise(rng, 4000, pick(0.5, 1.0), 0.6),
        "ride": _shaped(metal, 4500, pick(0.4, 1.0)) + 0.2 * _shaped(metal, 3000, 0.03),
    }  # fmt: skip
    lead = np.zeros(LEAD)
    strokes = {
        name: [Stroke(110.0, trimmed(0.5 * np.concatenate((lead, y / np.abs(y).max())), SOUNDS[name].stem))]
        for name, y in sounds.items()
    }
    return with_stand_ins(f"synthetic {seed}", strokes)


_T = np.arange(int(max(STROKE_S.values()) * SAMPLE_RATE)) / SAMPLE_RATE


def _sweep(from_hz, to_hz, fall_s, decay_s):
    hz = to_hz + (from_hz - to_hz) * np.exp(-_T / fall_s)
    return np.sin(2 * np.pi * np.cumsum(hz) / SAMPLE_RATE) * np.exp(-_T / decay_s)


def _click(rng, level):
    return level * rng.normal(size=len(_T)) * np.exp(-_T / 0.002)


def _noise(rng, above_hz, decay_s, level):
    return level * _shaped(rng.normal(size=len(_T)), above_hz, decay_s)


def _metal(rng):
    return sum(np.sign(np.sin(2 * np.pi * hz * _T)) for hz in rng.uniform(200, 850, 6)) + 0.5 * rng.normal(size=len(_T))


def _shaped(y, above_hz, decay_s):
    return sosfilt(butter(2, above_hz, "highpass", fs=SAMPLE_RATE, output="sos"), y) * np.exp(-_T / decay_s)
