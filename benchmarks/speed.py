#!/usr/bin/env python3
"""Cost of converting a stem: CPU time and peak memory of whole processes, beside what else does such work.

Each comparison runs stems_to_midi.py and its rival in turn, A B A B, after one unmeasured run of each, on stems
synthesised here (the same in every run). Medians and their ratios are printed. Seconds depend on the machine and on
its load; ratios much less. CPU time is user and system time of the process and its children. Linux and macOS only.
"""

import argparse
import json
import multiprocessing
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

CONVERTER = Path(__file__).resolve().parent.parent / "stems_to_midi.py"
SAMPLE_RATE = 44100
PART_S = 3  # stems are synthesised in parts of this length
LENGTHS_S = {"3s": 3, "4min": 240, "1h": 3600}
LIBROSA_SCRIPT = """
import sys, librosa
y, sr = librosa.load(sys.argv[1])
print(librosa.onset.onset_detect(y=y, sr=sr, units="time"))
"""
RIVALS = {
    "import numpy": lambda stem: [sys.executable, "-c", "import numpy"],
    "aubioonset": lambda stem: ["aubioonset", str(stem)],
    "librosa": lambda stem: [sys.executable, "-c", LIBROSA_SCRIPT, str(stem)],
}


class Comparison(NamedTuple):
    """A stem of LENGTHS_S, a rival of RIVALS, and the highest ratio of CPU time and highest peak (MiB) we allow."""

    length: str
    rival: str
    cpu_goal: float
    memory_goal_mib: float | None = None


COMPARISONS = (
    Comparison("3s", "import numpy", 2.0),
    Comparison("4min", "aubioonset", 1.0),
    Comparison("4min", "librosa", 0.15),
    Comparison("1h", "aubioonset", 0.6, 150.0),
)
COLUMNS = (
    ("stem", "length", "{:<6}"), ("rival", "rival", "{:<13}"), ("CPU s", "cpu_s", "{:8.2f}"),
    ("rival", "rival_cpu_s", "{:8.2f}"), ("ratio", "cpu_ratio", "{:7.2f}"), ("goal", "cpu_goal", "{:6.2f}"),
    ("MiB", "memory_mib", "{:8.0f}"), ("rival", "rival_memory_mib", "{:8.0f}"), ("goal", "memory_goal_mib", "{:6.0f}"),
)  # fmt: skip


class Cost(NamedTuple):
    """What one process took."""

    cpu_s: float
    memory_mib: float
    wall_s: float


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5, metavar="N", help="measured runs of each (default: 5)")
    parser.add_argument("--skip-hour", action="store_true", help="leave out the stem of one hour")
    parser.add_argument("--only", choices=LENGTHS_S, help="measure only the stem of this length")
    parser.add_argument("--folder", type=Path, help="where to put the stems, 670 MB (default: a temporary folder)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers as JSON too")
    return parser


def synthesise(path: Path, duration_s: int) -> None:
    """Write a stereo 16-bit WAV file: four decaying strokes a second at uneven times, over faint noise."""
    import numpy as np
    import soundfile

    rng = np.random.default_rng(1)
    n_part = PART_S * SAMPLE_RATE
    ring = np.arange(SAMPLE_RATE // 4) / SAMPLE_RATE
    with soundfile.SoundFile(path, "w", SAMPLE_RATE, 2, "PCM_16") as file:
        for _ in range(0, duration_s, PART_S):
            part = 0.001 * rng.standard_normal((n_part, 2))
            for onset in rng.integers(0, n_part - len(ring), 4 * PART_S):
                stroke = np.sin(2 * np.pi * rng.uniform(80, 300) * ring) + rng.standard_normal(len(ring))
                stroke *= rng.uniform(0.02, 0.2) * np.exp(-ring / rng.uniform(0.02, 0.08))
                part[onset : onset + len(ring)] += np.outer(stroke, rng.uniform(0.5, 1.0, 2))
            file.write(np.clip(part, -1, 1))


def run_once(command: Sequence[str]) -> Cost:
    """Run a command to its end, output discarded.

    Raises
    ------
    subprocess.CalledProcessError
        It failed.
    """
    start_s = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    unit = 1 if sys.platform == "darwin" else 1024  # bytes in ru_maxrss
    return Cost(usage.ru_utime + usage.ru_stime, usage.ru_maxrss * unit / 2**20, time.monotonic() - start_s)


def compare(comparison: Comparison, stem: Path, runs: int) -> dict:
    """Return the medians of both sides and the ratio of their CPU times."""
    midi = stem.with_suffix(".mid")
    commands = (
        [sys.executable, str(CONVERTER), "--input", str(stem), "--output", str(midi), "--stem", "snare"],
        RIVALS[comparison.rival](stem),
    )
    costs: tuple[list[Cost], list[Cost]] = ([], [])
    for _ in range(1 + runs):
        midi.unlink(missing_ok=True)
        for taken, command in zip(costs, commands, strict=True):
            taken.append(run_once(command))
    ours, rivals = (Cost(*map(statistics.median, zip(*taken[1:], strict=True))) for taken in costs)
    return {
        **comparison._asdict(),
        "cpu_s": ours.cpu_s,
        "rival_cpu_s": rivals.cpu_s,
        "cpu_ratio": ours.cpu_s / rivals.cpu_s,
        "memory_mib": ours.memory_mib,
        "rival_memory_mib": rivals.memory_mib,
    }


def make_stems(folder: Path, lengths: set[str]) -> dict[str, Path]:
    """Write the stems, in processes of their own: a child's peak memory counts from that of its parent, kept small."""
    stems = {}
    for length in sorted(lengths):
        stems[length] = folder / f"{length}.wav"
        maker = multiprocessing.get_context("spawn").Process(
            target=synthesise, args=(stems[length], LENGTHS_S[length])
        )
        maker.start()
        maker.join()
        if maker.exitcode:
            raise RuntimeError(f"{stems[length]}: could not be written; see above.")
    return stems


def line(row: dict) -> str:
    return "".join(
        form.format(row[key]) if row[key] is not None else " " * len(form.format(0)) for _, key, form in COLUMNS
    ).rstrip()


def heading() -> str:
    widths = (len(form.format("" if "<" in form else 0)) for _, _, form in COLUMNS)
    return "".join(
        f"{name:{'<' if '<' in form else '>'}{width}}"
        for (name, _, form), width in zip(COLUMNS, widths, strict=True)
    )


def chosen(only: str | None, skip_hour: bool) -> list[Comparison]:
    """Return the comparisons that were asked for and whose rival is there."""
    asked = [one for one in COMPARISONS if only in (None, one.length) and not (skip_hour and one.length == "1h")]
    if shutil.which("aubioonset") is None:
        print("aubioonset is not installed (Debian: aubio-tools); comparisons with it are left out.", file=sys.stderr)
        return [one for one in asked if one.rival != "aubioonset"]
    return asked


def main(argv: list[str] | None = None) -> int:
    parser = get_parser()
    args = parser.parse_args(argv)
    if args.runs < 1:
        parser.error(f"--runs {args.runs}: give 1 or more.")
    comparisons = chosen(args.only, args.skip_hour)
    rows = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = args.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        stems = make_stems(folder, {one.length for one in comparisons})
        print(heading())
        for comparison in comparisons:
            rows.append(compare(comparison, stems[comparison.length], args.runs))
            print(line(rows[-1]), flush=True)
    if args.json:
        args.json.write_text(json.dumps({"runs": args.runs, "comparisons": rows}, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
