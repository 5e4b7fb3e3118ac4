"""Drum kits recorded by several microphones at once: a stroke holds what each of them heard, bleed and room included.

Layouts of the folders: that of DrumGizmo's MuldjordKit, and Karoryfer's Gogodze Phu Vol II and Frankensnare.

Conventions: as in `kits`; the microphones of a stroke started together.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import soundfile as sf
from kits import LEAD, SOUNDS, Kit, complete
from render_songs import attack_sample

LEVEL_DB_A_STEP = 0.35  # of velocity, where no recording is as hard
LONGEST_S = 4.0
BRIGHTEST, SOFTEST_VELOCITY = 127.0, 12.0

MULDJORD = {
    "KdrumL": "kick", "KdrumR": "kick", "Snare": "snare", "SnareRest": "rimshot", "Tom1": "tom_high",
    "Tom2": "tom_mid", "Tom3": "tom_low", "Tom4": "tom_low", "HihatClosed": "closed", "HihatOpen": "open",
    "CrashL": "crash", "CrashR": "crash", "China": "splash", "RideL": "ride", "RideR": "ride", "RideLBell": "bell",
    "RideRBell": "bell",
}  # fmt: skip
GOGODZE = {
    "ks": "kick", "sc": "snare", "se": "rimshot", "ss": "cross_stick", "th": "tom_high", "tm": "tom_mid",
    "tl": "tom_low", "hc": "closed", "ht": "closed", "hf": "pedal", "hl": "open", "hh": "open", "ho": "open",
}  # fmt: skip
CLOSE = {"kick": ("KdrumL", "kick_mic"), "snare": ("Snare_top", "snare_mic", "top"), "hihat": ("Hihat",)}
OVERHEADS = ("OHL", "OHR", "oh_mic", "oh")


@dataclass(frozen=True)
class RecordedStroke:
    """One stroke: how hard it was played, and what each microphone heard, shape (mics, n_samples), float32."""

    velocity: float
    y: np.ndarray


@dataclass(frozen=True)
class RecordedKit(Kit):
    """A kit whose strokes are `RecordedStroke`, heard through microphones of some gains.

    Attributes
    ----------
    mics : tuple of str
    gains : mapping of stem to np.ndarray, shape (mics,), float32, with which a stem's strokes are mixed
    """

    strokes: dict[str, list[RecordedStroke]]
    mics: tuple[str, ...] = ()
    gains: Mapping[str, np.ndarray] | None = None

    def play(self, sound: str, velocity: float) -> np.ndarray:
        """Return the samples of a stroke: the recording nearest in velocity, its level moved along."""
        nearest = min(self.strokes[sound], key=lambda stroke: abs(stroke.velocity - velocity))
        gains = np.ones(len(self.mics), np.float32) if self.gains is None else self.gains[SOUNDS[sound].stem]
        return gains @ nearest.y * np.float32(10 ** (LEVEL_DB_A_STEP * (velocity - nearest.velocity) / 20))

    def balanced(self, rng: np.random.Generator) -> "RecordedKit":
        """Return the kit as some mix of it has it: the overheads, and the close microphones of each stem."""
        overheads = np.array([mic in OVERHEADS for mic in self.mics]) * 10 ** (rng.uniform(-15, 3) / 20)
        sides = 10 ** (rng.normal(0, 2.0, len(self.mics)) / 20)
        gains = {}
        for stem in dict.fromkeys(sound.stem for sound in SOUNDS.values()):
            others_db = rng.uniform(-40, -6)
            close = np.array([1.0 if mic in CLOSE.get(stem, ()) else 10 ** (others_db / 20) for mic in self.mics])
            gains[stem] = (sides * np.where(overheads > 0, overheads, close)).astype(np.float32)
        return replace(self, gains=gains)

    def heard_by(self, stem: str) -> "RecordedKit":
        """Return the kit as the microphones of one stem hear all of it."""
        close = [mic in CLOSE.get(stem, OVERHEADS) for mic in self.mics]
        if not any(close):
            close = [mic in OVERHEADS for mic in self.mics]
        heard = np.array(close, dtype=np.float32)
        return replace(self, gains=dict.fromkeys(dict.fromkeys(sound.stem for sound in SOUNDS.values()), heard))


def _stroke(paths: list[Path], velocity: float) -> RecordedStroke:
    """Return a stroke from the files of its microphones, LEAD samples before its attack in all of them together."""
    heard = [sf.read(path, dtype="float32")[0][: int(LONGEST_S * 44100)] for path in paths]
    y = np.zeros((len(heard), LEAD + max(map(len, heard))), dtype=np.float32)
    for row, samples in zip(y, heard, strict=True):
        fade = min(len(samples), 256)
        samples[len(samples) - fade :] *= np.linspace(1, 0, fade, dtype=np.float32)
        row[LEAD : LEAD + len(samples)] = samples
    return RecordedStroke(velocity, y[:, max(attack_sample(y.sum(axis=0)[LEAD:]), 0) :])


def _velocities(n: int) -> np.ndarray:
    return np.linspace(SOFTEST_VELOCITY, BRIGHTEST, n)


def _kit(name: str, mics: tuple[str, ...], found: dict[str, list[list[list[Path]]]]) -> RecordedKit:
    """Return a kit of strokes, softest first, of each instrument that gives a sound."""
    strokes = {
        sound: [
            _stroke(paths, velocity)
            for instrument in instruments
            for paths, velocity in zip(instrument, _velocities(len(instrument)), strict=True)
        ]
        for sound, instruments in found.items()
    }
    return RecordedKit(name, complete(strokes), mics)


def muldjord_kit(folder: Path, name: str, instruments: tuple[str, ...]) -> RecordedKit:
    """Return MuldjordKit, or some of its instruments."""
    mics = ("OHL", "OHR", "KdrumL", "Snare_top", "Hihat")
    found: dict[str, list[list[list[Path]]]] = {}
    for one in instruments:
        numbers = sorted({int(path.name.split("-")[0]) for path in (folder / one).glob("*.flac")})
        rows = [[folder / one / f"{number}-{one}-{mic}.flac" for mic in mics] for number in numbers]
        found.setdefault(MULDJORD[one], []).append(rows)
    return _kit(f"MuldjordKit {name}", mics, found)


def _by_strength(folder: Path, mics: tuple[str, ...], prefix: str) -> list[list[Path]]:
    """Return the files of strokes named PREFIX_vlSTRENGTH_rrTAKE, softest first."""
    names = [path.name for path in (folder / mics[0]).glob(f"{prefix}_vl*.flac")]
    in_order = sorted(names, key=lambda name: [int(digits) for digits in re.findall(r"(?:vl|rr)(\d+)", name)])
    return [[folder / mic / name for mic in mics] for name in in_order]


def gogodze_kit(folder: Path) -> RecordedKit:
    """Return Gogodze Phu Vol II, which has no cymbals."""
    mics = ("kick_mic", "snare_mic", "oh_mic")
    found: dict[str, list[list[list[Path]]]] = {}
    for prefix, sound in GOGODZE.items():
        found.setdefault(sound, []).append(_by_strength(folder, mics, prefix))
    return _kit("Gogodze Phu Vol II", mics, found)


def frankensnare_kit(folder: Path) -> RecordedKit:
    """Return a snare of Frankensnare as a kit."""
    mics = ("top", "oh")
    prefix = next((folder / "top").glob("*.flac")).name.split("_")[0]
    rows = _by_strength(folder, mics, prefix)
    strokes = [_stroke(paths, velocity) for paths, velocity in zip(rows, _velocities(len(rows)), strict=True)]
    sounds = {name: strokes for name, row in SOUNDS.items() if row.stem == "snare"}
    return RecordedKit(f"Frankensnare {folder.name}", sounds, mics)


HELD_OUT_SNARES = ("14a_basic", "16_basic")
SHELLS = ("Tom1", "Tom2", "Tom3", "Tom4", "HihatClosed", "HihatOpen")
MULDJORD_KITS = {
    "left": ("KdrumL", "Snare", *SHELLS, "CrashL", "China", "RideL", "RideLBell"),
    "right": ("KdrumR", "SnareRest", *SHELLS, "CrashL", "China", "RideL", "RideLBell"),
}
HELD_OUT_CYMBALS = ("CrashR", "RideR", "RideRBell")


def training_kits(folder: Path) -> list[RecordedKit]:
    """Return the recorded kits to train on: all but those of `held_out_kits`."""
    snares = [path for path in sorted((folder / "frankensnare").iterdir()) if path.name not in HELD_OUT_SNARES]
    kits = [muldjord_kit(folder / "muldjord", name, parts) for name, parts in MULDJORD_KITS.items()]
    return [*kits, *map(frankensnare_kit, snares)]


def held_out_kits(folder: Path) -> list[RecordedKit]:
    """Return the recorded kits that nothing is trained on: Gogodze, two snares, and some cymbals of MuldjordKit."""
    return [
        gogodze_kit(folder / "gogodze"),
        *(frankensnare_kit(folder / "frankensnare" / name) for name in HELD_OUT_SNARES),
        muldjord_kit(folder / "muldjord", "cymbals", HELD_OUT_CYMBALS),
    ]
