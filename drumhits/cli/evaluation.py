"""The options of evaluate_model.py."""

import argparse
from pathlib import Path

from drumhits.bundle import SHIPPED_CONFIG
from drumhits.cli.options import add_cache, add_jobs, new_parser, seconds, share, tempo
from drumhits.drums import STEMS

MAX_WINDOW_MS = 500
EXAMPLES = """examples:
  python evaluate_model.py --model models/cymbals_classifier.pkl --test-dir test_songs --stem cymbals
  python evaluate_model.py --model v1.pkl v2.pkl pretrained --test-dir test_songs --stem cymbals
  python evaluate_model.py --model pretrained --test-dir test_songs --stem snare --report evaluation.html
  python evaluate_model.py --model v2.pkl --test-dir test_songs --stem cymbals --json scores.json --fail-under 0.8

A test song is its audio, NAME-STEM.wav (.flac, .mp3 ...), with its truth beside it, NAME-STEM_ground_truth.mid, in
the folder or below; also NAME/STEM.wav with STEM_ground_truth.mid, STEM/NAME.wav with NAME_ground_truth.mid.

exit codes: 0 done, however poor the model; 1 some song failed, or --fail-under; 2 wrong usage, 3 no song to test on,
130 interrupted, 143 by SIGTERM
"""


def get_parser(description: str | None) -> argparse.ArgumentParser:
    """Return the parser of evaluate_model.py."""
    parser = new_parser(description, EXAMPLES)
    _add_data(parser)
    aligning = parser.add_argument_group("aligning, where a message asks for it")
    aligning.add_argument("--truth-tempo", type=tempo, metavar="BPM", help="tempo to read the truth at")
    aligning.add_argument("--truth-offset", type=seconds, metavar="S", help="seconds to add to the truth's times")
    _add_reporting(parser)
    running = parser.add_argument_group("running")
    add_jobs(running, "songs analysed")
    add_cache(running)
    running.add_argument(
        "--force", action="store_true", help="test on another stem than trained on, and replace files not our own"
    )
    return parser


def _add_data(parser: argparse.ArgumentParser) -> None:
    data = parser.add_argument_group("data")
    data.add_argument(
        "--model", nargs="+", type=Path, required=True, metavar="MODEL.pkl",
        help="models of train_classifier.py to compare, the first with each other; the word pretrained means the one "
        "that comes with the toolkit, which is always shown beside them",
    )  # fmt: skip
    data.add_argument("--test-dir", type=Path, required=True, metavar="DIR", help="the songs and their truth")
    data.add_argument("--stem", choices=STEMS, required=True, help="which drum to test")
    data.add_argument(
        "--config", type=Path, default=SHIPPED_CONFIG, metavar="YAML",
        help="the thresholds to compare with (default: the midiconfig.yaml beside this script)",
    )  # fmt: skip
    data.add_argument(
        "--window", type=_window, default=50.0, metavar="MS",
        help="largest distance of a hit from the true one, in milliseconds (default: 50)",
    )  # fmt: skip


def _add_reporting(parser: argparse.ArgumentParser) -> None:
    reporting = parser.add_argument_group("reporting")
    reporting.add_argument(
        "--report", type=Path, metavar="FILE.html", help="a page with pictures and sound (a folder gets report.html)"
    )
    reporting.add_argument("--plots", type=Path, metavar="FOLDER", help="the pictures of that page as PNG")
    reporting.add_argument("--json", type=Path, metavar="FILE", help="the numbers of the report")
    volume = reporting.add_mutually_exclusive_group()
    volume.add_argument("--quiet", action="store_true", help="print only errors")
    volume.add_argument(
        "-v", "--verbose", action="store_true", help="of several models, show confusion and importance of each"
    )
    reporting.add_argument(
        "--fail-under", type=share, metavar="F1", help="exit with 1 where a model's F1 of the hits is below this, 0..1"
    )


def _window(text: str) -> float:
    value = float(text)
    if not 1 <= value <= MAX_WINDOW_MS:
        raise argparse.ArgumentTypeError(f"{text} is not between 1 and {MAX_WINDOW_MS} milliseconds")
    return value
