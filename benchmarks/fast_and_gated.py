"""Fast playing and gated stems, on a recorded kit that nothing is trained on.

    python benchmarks/fast_and_gated.py KITS

KITS is a folder as tools/synthesis/recorded_kits.py takes it; its held-out kits are played: Gogodze Phu Vol II, two
snares of Frankensnare, and MuldjordKit's right crash and ride. Sixteenths of kick, snare and hi-hat at 170 to 240 BPM,
and programmed parts whose stems go through gates that close 80, 120 and 250 ms after each stroke. All are mixed,
separated by masks, and converted by stems_to_midi.py with the bundled models and by the thresholds. Notes are right
within 50 ms.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import soundfile

sys.path.extend(str(Path(__file__).resolve().parents[1] / part) for part in ("", "tools/synthesis"))

from damage import gate
from kits import SOUNDS
from patterns import programmed
from recorded_kits import RecordedKit, held_out_kits
from recorded_songs import play_damped
from separation import SAMPLE_RATE, STEMS
from training_songs import SONG_S, Hit, mix_of, separate

from drumhits.io.midi import read_midi
from drumhits.matching import match_times
from drumhits.metrics import precision_recall_f1

ROOT = Path(__file__).resolve().parents[1]
TEMPOS_BPM = (170, 200, 230, 240)
FAST = {"kick": "kick", "snare": "snare", "hihat": "closed"}  # what plays the sixteenths, by stem
SLOW = {"snare": (8, 4, 110.0), "kick": (8, 0, 110.0), "closed": (4, 0, 80.0)}  # every, from, velocity: beside them
N_GATED = 12
GATES_S = (None, 0.08, 0.12, 0.25)
GATE = {"threshold_db": -30.0, "release_s": 0.02, "closed_db": -60.0}
WAYS = {"models": ("--use-ml-model", "pretrained"), "thresholds": ()}
RIGHT_S = 0.05

Strokes = Mapping[str, list[Hit]]  # by stem


def sixteenths(sound: str, bpm: int, rng: np.random.Generator) -> list[Hit]:
    """Return one drum's sixteenths, played by a human hand, and a slow beat of the others."""
    step_s, hits = 15 / bpm, []
    for i in range(int((SONG_S - 1) / step_s)):
        time_s = 0.5 + i * step_s + rng.normal(0, 0.002)
        hits.append(Hit(time_s, sound, float(np.clip(95 + 8 * (i % 4 == 0) + rng.normal(0, 6), 30, 127))))
        hits += [
            Hit(time_s, other, velocity)
            for other, (every, first, velocity) in SLOW.items()
            if other != sound and i % every == first
        ]
    return hits


def stems_of(hits: Iterable[Hit], kits: list[RecordedKit], rng: np.random.Generator) -> tuple[Strokes, np.ndarray]:
    """Return the strokes of each stem, and the stems that a separator makes of their mix."""
    strokes = {stem: sorted(hit for hit in hits if SOUNDS[hit.sound].stem == stem) for stem in STEMS}
    players = {stem: next(kit for kit in kits if kit.has(stem)).balanced(rng) for stem in STEMS}
    dry = np.stack([play_damped(strokes[stem], [players[stem]], rng) for stem in STEMS])
    return strokes, separate(mix_of(dry, rng).astype(np.float32), rng)


def converted(stems: np.ndarray, options: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Return the times of the notes, in seconds, that the converter writes for each stem."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for stem, y in zip(STEMS, stems, strict=True):
            soundfile.write(folder / f"Song-{stem}.wav", y, SAMPLE_RATE, subtype="FLOAT")
        script = ROOT / "stems_to_midi.py"
        subprocess.run([sys.executable, script, "--input", folder, "--output", folder, "--quiet", *options], check=True)
        return {stem: read_midi(folder / f"Song-{stem}.mid").notes["time_s"] for stem in STEMS}


def counts(hits: list[Hit], times_s: np.ndarray) -> np.ndarray:
    """Return how many notes are right, how many strokes there are, and how many notes."""
    played_s = np.sort([hit.time_s for hit in hits])
    return np.array([len(match_times(played_s, np.sort(times_s), RIGHT_S)), len(played_s), len(times_s)])


def percent(*shares: float | None) -> str:
    return "  ".join("    -" if share is None else f"{100 * share:4.1f}%" for share in shares)


def fast(kits: list[RecordedKit]) -> None:
    """Print precision and recall of the sixteenths."""
    print("sixteenths, precision and recall")
    print(" " * 20, "  ".join(f"{bpm:>8} BPM" for bpm in TEMPOS_BPM), "          all")
    for stem, sound in FAST.items():
        songs = []
        for bpm in TEMPOS_BPM:
            rng = np.random.default_rng((bpm, STEMS.index(stem)))
            songs.append(stems_of(sixteenths(sound, bpm, rng), kits, rng))
        for way, options in WAYS.items():
            found = [counts(strokes[stem], converted(stems, options)[stem]) for strokes, stems in songs]
            shares = [percent(*precision_recall_f1(*map(int, row))[:2]) for row in (*found, np.sum(found, axis=0))]
            print(f"{stem:8}{way:12}", "  ".join(shares), flush=True)


def gated(kits: list[RecordedKit]) -> None:
    """Print the F1 of stems behind gates."""
    names = ["no gate" if hold_s is None else f"{1000 * hold_s:.0f} ms" for hold_s in GATES_S]
    print("\ngated stems, F1:", ", ".join(names))
    songs = []
    for number in range(N_GATED):
        rng = np.random.default_rng((number, len(STEMS)))
        songs.append(stems_of([Hit(*row) for row in programmed(SONG_S, rng)], kits, rng))
    for way, options in WAYS.items():
        totals = {stem: [] for stem in STEMS}
        for hold_s in GATES_S:
            found = {stem: np.zeros(3, dtype=int) for stem in STEMS}
            for strokes, stems in songs:
                behind = stems if hold_s is None else np.stack([gate(y, hold_s=hold_s, **GATE) for y in stems])
                for stem, times_s in converted(behind, options).items():
                    found[stem] += counts(strokes[stem], times_s)
            for stem, row in found.items():
                totals[stem].append(precision_recall_f1(*map(int, row))[2])
        for stem, f1 in totals.items():
            print(f"{stem:8}{way:12}", percent(*f1), flush=True)


def main(argv: list[str] | None = None) -> None:
    """Play, convert and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kits", type=Path, metavar="KITS", help="folder of kits recorded by several microphones")
    kits = held_out_kits(parser.parse_args(argv).kits)
    fast(kits)
    gated(kits)


if __name__ == "__main__":
    main()
