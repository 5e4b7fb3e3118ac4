#!/usr/bin/env python3
"""Accuracy on stems with a truth: F1 of this toolkit's thresholds and models beside librosa's and aubio's onsets.

Takes folders of NAME-STEM.wav (.flac ...) with NAME-STEM_ground_truth.mid. Hits are pooled over the songs and matched
one to one within 50 ms and within 20 ms. librosa and aubio (Debian's aubio-tools) hear onsets of any kind, with their
default settings; they stand here for what people use on stems without a tool made for drums.
"""

import argparse
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from drumhits.config.load import Config, default_config
from drumhits.drums import STEMS
from drumhits.errors import InputError, NotEnoughDataError
from drumhits.evaluation.truth import TruthPair, find_test_songs, read_truth
from drumhits.io.midi import decode
from drumhits.matching import match_times
from drumhits.metrics import precision_recall_f1
from drumhits.models.modelfile import TrainedModel, load_model, pretrained_path
from drumhits.transcription.convert import Job, convert

WINDOWS_S = (0.05, 0.02)
EXAMPLES = """examples:
  python benchmarks/accuracy.py test_songs
  python benchmarks/accuracy.py corpus1 corpus2 --stems kick snare --json accuracy.json
"""
Detector = Callable[[Path], np.ndarray]


def our_times(audio: Path, stem: str, config: Config, model: TrainedModel | None = None) -> np.ndarray:
    """Return the times of the notes that a conversion writes."""
    return decode(convert(Job(audio, audio.with_suffix(".mid"), stem, config, model=model)).midi).notes["time_s"]


def librosa_times(audio: Path) -> np.ndarray:
    import librosa

    y, sample_rate = librosa.load(audio, sr=None)
    return librosa.onset.onset_detect(y=y, sr=sample_rate, units="time")


def aubio_times(audio: Path) -> np.ndarray:
    done = subprocess.run(["aubioonset", str(audio)], capture_output=True, text=True, check=True)
    return np.array([float(line) for line in done.stdout.split()])


def detectors(stem: str, config: Config) -> dict[str, Detector]:
    """Return what is scored on a stem, by name; aubio where it is installed."""
    found: dict[str, Detector] = {
        "thresholds": partial(our_times, stem=stem, config=config),
        "pretrained": partial(our_times, stem=stem, config=config, model=load_model(pretrained_path(stem))),
        "librosa": librosa_times,
    }
    return found | ({"aubio": aubio_times} if shutil.which("aubioonset") else {})


def f1_scores(songs: Sequence[TruthPair], stem: str, config: Config, detector: Detector) -> list[float]:
    """Return the F1 of a detector over all songs, for each of WINDOWS_S."""
    counts = np.zeros((len(WINDOWS_S), 3), dtype=int)
    for song in songs:
        true_s = read_truth(song.truth, config.stems[stem])[0]["time_s"]
        found_s = np.sort(detector(song.audio))
        for row, window_s in zip(counts, WINDOWS_S, strict=True):
            row += len(match_times(true_s, found_s, window_s)), len(true_s), len(found_s)
    return [precision_recall_f1(*map(int, row))[2] or 0.0 for row in counts]


def songs_with_truth(folder: Path, stem: str) -> list[TruthPair]:
    """Return the songs of a stem in a folder; none where it has none."""
    try:
        return find_test_songs(folder, stem)[0]
    except NotEnoughDataError:
        return []


def candidates_of(true_s: np.ndarray, times_s: np.ndarray, is_likely: np.ndarray) -> np.ndarray:
    """Return the candidate of each true hit, one to one, -1 where there is none: a likely one before another.

    Of two candidates beside a true hit a user leaves the one that is there already.
    """
    found = np.full(len(true_s), -1)
    for candidates in (np.flatnonzero(is_likely), np.flatnonzero(~is_likely)):
        without = np.flatnonzero(found < 0)
        matched = match_times(true_s[without], times_s[candidates], WINDOWS_S[0])
        found[without[matched[:, 0]]] = candidates[matched[:, 1]]
    return found


def table(scores: dict[str, dict[str, list[float]]]) -> str:
    """Return a row for each stem and their mean, with F1 at both windows for each detector."""
    names = list(next(iter(scores.values())))
    mean = {name: np.mean([row[name] for row in scores.values()], axis=0).tolist() for name in names}
    lines = [f"{'F1 at 50 / 20 ms':<18}" + "".join(f"{name:>17}" for name in names)]
    for label, row in [*scores.items(), ("mean of the stems", mean)]:
        lines.append(f"{label:<18}" + "".join(f"{row[name][0]:>9.3f} / {row[name][1]:.3f}" for name in names))
    return "\n".join(lines)


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER", help="stems with their truth")
    parser.add_argument("--stems", nargs="+", choices=STEMS, default=STEMS, help="which stems (default: all)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers as JSON too")
    return parser


def main(argv: list[str] | None = None) -> int:
    args = get_parser().parse_args(argv)
    config = default_config()
    try:
        songs = {
            stem: [song for folder in args.folders for song in songs_with_truth(folder, stem)] for stem in args.stems
        }
    except InputError as error:
        print(f"accuracy.py: error: {error}", file=sys.stderr)
        return error.exit_code
    songs = {stem: found for stem, found in songs.items() if found}
    if not songs:
        print("accuracy.py: error: no NAME-STEM.wav with its NAME-STEM_ground_truth.mid there.", file=sys.stderr)
        return NotEnoughDataError.exit_code
    scores = {
        stem: {name: f1_scores(found, stem, config, detector) for name, detector in detectors(stem, config).items()}
        for stem, found in songs.items()
    }
    print(table(scores))
    if args.json:
        numbers = {"windows_s": WINDOWS_S, "songs": {stem: len(found) for stem, found in songs.items()}, "f1": scores}
        args.json.write_text(json.dumps(numbers, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
