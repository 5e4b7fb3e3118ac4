#!/usr/bin/env python3
"""Cost of everything the scripts do, each as a ratio to a floor measured in the same run.

The floor is one process that reads the same audio with soundfile and takes one short-time Fourier transform of it,
1024 samples every 512. Each piece of work runs in turn with its floor, after one unmeasured run of both; medians are
printed. CPU time is user and system time of the process and its children, memory the peak of the largest process.
Stems are synthesised here (the same in every run), but for those of training and evaluation, which are the bundled
ones unless folders of your own are given. Linux and macOS only.
"""

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from speed import RIVALS, Cost, run_once, synthesise

ROOT = Path(__file__).resolve().parent.parent
STEMS = ("snare", "kick", "toms", "hihat", "cymbals")
BATCH_STEMS, BATCH_S = 48, 60
FLOOR_SCRIPT = """
import sys
import numpy as np
import soundfile

window = np.hanning(1024).astype(np.float32)
for name in sys.argv[1:]:
    with soundfile.SoundFile(name) as file:
        for block in file.blocks(65536, overlap=512, dtype="float32", always_2d=True):
            mono = block.mean(axis=1) if block.shape[1] == 1 else block[:, 0] + block[:, 1]
            if len(mono) >= 1024:
                frames = np.lib.stride_tricks.sliding_window_view(mono, 1024)[::512]
                np.abs(np.fft.rfft(frames * window, axis=1))
"""


class Work(NamedTuple):
    """A command, the audio that its floor reads, and what to do before each run of it."""

    name: str
    command: list
    audio: list[Path]
    before: Callable[[], None] = lambda: None


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5, metavar="N", help="measured runs of each (default: 5)")
    parser.add_argument("--minutes", type=int, nargs="+", default=[1, 4, 15, 60], metavar="M",
                        help="lengths of a stem (default: 1 4 15 60; 240 takes 2.5 GB more)")  # fmt: skip
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="processes of the batch (default: 2)")
    parser.add_argument("--only", metavar="WORD", help="only the work whose name holds this word")
    parser.add_argument("--raw-dir", type=Path, default=ROOT / "training_data" / "raw_midi", metavar="DIR")
    parser.add_argument("--edited-dir", type=Path, default=ROOT / "training_data" / "edited_midi", metavar="DIR")
    parser.add_argument("--audio-dir", type=Path, default=ROOT / "training_data" / "audio", metavar="DIR")
    parser.add_argument("--test-dir", type=Path, default=ROOT / "test_songs", metavar="DIR")
    parser.add_argument("--stem", default="cymbals", help="what to train on and to evaluate (default: cymbals)")
    parser.add_argument("--folder", type=Path, help="where to put audio and results (default: a temporary folder)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers as JSON too")
    return parser


def script(name: str, *args: object) -> list[str]:
    return [sys.executable, str(ROOT / name), *map(str, args), "--quiet"]


def make_audio(folder: Path, minutes: list[int]) -> None:
    """Write a stem of each length, one with its song's other stems beside it, and a batch."""
    for length in {*minutes, 4}:
        synthesise(_once(folder / f"{length}min" / "song-snare.wav"), 60 * length)
    for stem in STEMS:
        shutil.copy(folder / "4min" / "song-snare.wav", _once(folder / "song" / f"song-{stem}.wav"))
    synthesise(_once(folder / "minute.wav"), BATCH_S)
    for i in range(BATCH_STEMS):
        name = f"song{i // len(STEMS)}-{STEMS[i % len(STEMS)]}.wav"
        shutil.copy(folder / "minute.wav", _once(folder / "batch" / name))


def _once(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def conversions(folder: Path, minutes: list[int]) -> Iterator[Work]:
    """Yield single stems, by thresholds and by a model, with the detectors of others beside them."""
    convert = "stems_to_midi.py", "--stem", "snare", "--force", "--output", folder / "out.mid", "--input"
    yield Work("start", script("stems_to_midi.py", "--print-config"), [])
    for length in minutes:
        audio = folder / f"{length}min" / "song-snare.wav"
        yield Work(f"convert {length} min", script(*convert, audio), [audio])
    alone, among = folder / "4min" / "song-snare.wav", folder / "song" / "song-snare.wav"
    model = "--use-ml-model", "pretrained"
    yield Work("convert 4 min, model", script(*convert, alone, *model), [alone])
    yield Work("convert 4 min, model, 4 siblings", script(*convert, among, *model), [alone])
    yield Work("librosa 4 min", RIVALS["librosa"](alone), [alone])
    if shutil.which("aubioonset"):
        yield Work("aubioonset 4 min", RIVALS["aubioonset"](alone), [alone])


def batches(folder: Path, n_jobs: int) -> Iterator[Work]:
    audio, out = sorted((folder / "batch").iterdir()), folder / "midi"
    for jobs in (1, n_jobs):
        command = script("stems_to_midi.py", "--input", folder / "batch", "--output", out, "--jobs", jobs, "--force")
        yield Work(f"batch of {BATCH_STEMS} min, --jobs {jobs}", command, audio)


def learning(folder: Path, args: argparse.Namespace) -> Iterator[Work]:
    """Yield training and evaluation, each with nothing in the cache and with everything."""
    cache, model = folder / "cache", folder / "model.pkl"
    train = script(
        "train_classifier.py", "--stem", args.stem, "--raw-dir", args.raw_dir, "--edited-dir", args.edited_dir,
        "--audio-dir", args.audio_dir, "--output-model", model, "--cache", cache, "--force",
    )  # fmt: skip
    evaluate = script(
        "evaluate_model.py", "--stem", args.stem, "--model", model, "--test-dir", args.test_dir, "--cache", cache
    )
    for name, command, audio in (("train", train, args.audio_dir), ("evaluate", evaluate, args.test_dir)):
        files = sorted(path for path in audio.rglob(f"*{args.stem}.*") if path.suffix in (".wav", ".flac"))
        yield Work(f"{name}, cache empty", command, files, lambda: shutil.rmtree(cache, ignore_errors=True))
        yield Work(f"{name}, cache full", command, files)


def measure(work: Work, runs: int) -> dict:
    """Return the medians of a piece of work and of its floor."""
    floor = [sys.executable, "-c", FLOOR_SCRIPT, *map(str, work.audio)]
    taken: tuple[list[Cost], list[Cost]] = ([], [])
    for _ in range(1 + runs):
        work.before()
        for costs, command in zip(taken, (work.command, floor), strict=True):
            costs.append(run_once(command))
    ours, least = (Cost(*map(statistics.median, zip(*costs[1:], strict=True))) for costs in taken)
    return {"work": work.name, **ours._asdict(), "floor_cpu_s": least.cpu_s, "cpu_ratio": ours.cpu_s / least.cpu_s}


def main(argv: list[str] | None = None) -> int:
    parser = get_parser()
    args = parser.parse_args(argv)
    if args.runs < 1 or args.jobs < 1 or min(args.minutes) < 1:
        parser.error("--runs, --jobs and --minutes: give 1 or more.")
    rows = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = (args.folder or Path(temporary)).absolute()
        maker = "import sys; from pathlib import Path; import costs; costs.make_audio(Path(sys.argv[1]), {})"
        command = [sys.executable, "-c", maker.format(args.minutes), str(folder)]  # its memory is not that of the runs
        subprocess.run(command, cwd=Path(__file__).parent, check=True)
        print(f"{'':<34}{'CPU s':>8}{'wall s':>8}{'MiB':>6}{'floor s':>9}{'ratio':>7}")
        for work in (*conversions(folder, args.minutes), *batches(folder, args.jobs), *learning(folder, args)):
            if args.only is None or args.only in work.name:
                rows.append(row := measure(work, args.runs))
                print("{work:<34}{cpu_s:8.2f}{wall_s:8.2f}{memory_mib:6.0f}{floor_cpu_s:9.2f}{cpu_ratio:7.2f}"
                      .format(**row), flush=True)  # fmt: skip
    if args.json:
        args.json.write_text(json.dumps({"runs": args.runs, "rows": rows}, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
