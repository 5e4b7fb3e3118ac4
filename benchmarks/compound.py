"""How often 6/8 is told: of programmed parts in 6/8, and wrongly of human performances in other metres.

    python benchmarks/compound.py PERFORMANCES [--parts N] [--seed N]

PERFORMANCES is a folder as tools/tempo/performances.py takes it; those of 8 bars or more count, by drummer. A part is
drawn lane by lane, as tools/synthesis/patterns.py does it: a lane of 12 sixteenths is a bar, a digit a stroke, a dot a
rest.
"""

import argparse
import sys
from collections import Counter
from pathlib import Path

import numpy as np

sys.path.extend(str(Path(__file__).resolve().parents[1] / part) for part in ("", "tools/tempo"))

from performances import performances

from drumhits.tempo.find import Beats, find_beats
from drumhits.tempo.strokes import CLOSED, CRASH, GHOST, KICK, OPEN, RIDE, SNARE, TOM, Strokes

KICKS = ("9.......7...", "9...........", "9...8...9...", "9.6...7...8.", "9.....8..7..", "9.........88")
SNARES = ("......9.....", "......9...3.", "..3...9.....", "......9.3.3.", "......9.....")
FILLED = ("8.5.5.8.5.5.", "7.7.7.7.7.7.", "8.6.556.8.6.", "865656865656", "9.4.6.9.4.6.")
GAPPED = ("8...5.8...5.", "8.....7.....")  # without the second eighth, or either: told as a shuffle or as quarters
FILLS = ("8.8.8.8.8.9.", "......887766", "9..9..9..9..", "8.8.8.667788")
TIME_KEEPERS = (CLOSED, CLOSED, OPEN, RIDE)
SLOW_BPM, MIDDLE_BPM, FAST_BPM = 38.0, 80.0, 140.0  # dotted quarters
GHOST_MARK = 4  # snares up to this one are ghost notes
LEFT_OUT, LATE_S = 0.03, (0.002, 0.012)  # share of the strokes; spread of the others
RIGHT_BPM, DOWNBEAT_S = 0.01, 0.07


def part(bpm: float, times: tuple[str, ...], rng: np.random.Generator) -> tuple[Strokes, float]:
    """Return the strokes of a part in 6/8 of `bpm` dotted quarters a minute, and when its first bar begins."""
    step_s, start_s, late_s = 60 / bpm / 6, rng.uniform(0, 3), rng.uniform(*LATE_S)
    n_bars = int(np.clip(rng.integers(14, 40), 8, 90 / (12 * step_s)))
    usual, other, snare = (str(rng.choice(lanes)) for lanes in (KICKS, KICKS, SNARES))
    placed = []
    for bar in range(n_bars):
        if bar % 8 == 0:
            keeper = int(rng.choice(TIME_KEEPERS)), str(rng.choice(times))
        lanes = [(KICK, other if bar % 4 == 1 else usual), (SNARE, snare), keeper]
        if bar % 8 == 7:
            lanes = [(KICK, usual), (int(rng.choice([SNARE, TOM])), str(rng.choice(FILLS)))]
        lanes += [(CRASH, "9")] if bar % 8 == 0 else []
        placed += [(12 * bar + step, stroke) for voice, lane in lanes for step, stroke in _strokes(voice, lane)]
    placed = sorted(one for one in placed if rng.random() >= LEFT_OUT)
    times_s = start_s + np.array([step for step, _ in placed]) * step_s + rng.normal(0, late_s, len(placed))
    in_time = np.argsort(times_s)
    return Strokes(np.maximum(times_s, 0)[in_time], np.array([voice for _, voice in placed])[in_time]), start_s


def _strokes(voice: int, lane: str) -> list[tuple[int, int]]:
    """Return the steps of the strokes of a lane, and their voices."""
    return [
        (step, GHOST if voice == SNARE and int(mark) <= GHOST_MARK else voice)
        for step, mark in enumerate(lane)
        if mark != "."
    ]


def said(found: Beats | None) -> str:
    """Return the metre that is written."""
    if found is None or not found.is_sure:
        return "unsure"
    return "6/8" if found.is_compound else f"{found.beats_in_bar}/4"


def is_right(found: Beats, bpm: float, start_s: float) -> bool:
    """Tell whether the tempo is right, and the first beat a downbeat."""
    bar_s = 120 / bpm
    off_s = (found.times_s[0] - start_s + bar_s / 2) % bar_s - bar_s / 2
    return bool(abs(found.bpm / bpm - 1) < RIGHT_BPM and abs(off_s) < DOWNBEAT_S)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--parts", type=int, default=150, metavar="N", help="of each kind (default: 150)")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    rng = np.random.default_rng(args.seed)
    kinds = {
        "slow, all eighths": (SLOW_BPM, MIDDLE_BPM, FILLED),
        "slow, eighths left out": (SLOW_BPM, MIDDLE_BPM, GAPPED),
        "fast, all eighths": (MIDDLE_BPM, FAST_BPM, FILLED),
    }
    for kind, (slowest, fastest, times) in kinds.items():
        told, right = Counter[str](), 0
        for bpm in rng.uniform(slowest, fastest, args.parts):
            strokes, start_s = part(bpm, times, rng)
            found = find_beats(strokes)
            told[said(found)] += 1
            right += said(found) == "6/8" and is_right(found, bpm, start_s)
        print(f"{kind:24} told as {dict(told.most_common())}; tempo and downbeat right in {right} of {told['6/8']}")
    by_drummer: dict[str, Counter] = {}
    for song in performances(args.folder):
        metre = said(find_beats(song.strokes))
        by_drummer.setdefault(song.drummer, Counter())[metre] += 1
        if metre == "6/8":
            print(f"{song.name}: told as 6/8")
    for drummer, told in by_drummer.items():
        print(f"{drummer}: 6/8 told of {told['6/8']} of {sum(told.values())} performances, none of which is in 6/8")


if __name__ == "__main__":
    main()
