#!/usr/bin/env python3
"""Score models on songs that they have not seen: their decisions, and the hits that come out, against the truth."""

from drumhits.cli.interrupts import end_quietly

if __name__ == "__main__":
    end_quietly()

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from drumhits.alignment.align import Given
from drumhits.bundle import SHIPPED_CONFIG, shipped_files
from drumhits.cli.console import EXIT_DONE, EXIT_SOME_FAILED, Console, run
from drumhits.cli.options import add_cache, add_jobs, new_parser, page_path, require_jobs, seconds, share, tempo
from drumhits.config.load import load_config
from drumhits.drums import STEMS
from drumhits.evaluation.deciders import bundled_beside, load_deciders
from drumhits.evaluation.truth import TruthPair, find_test_songs
from drumhits.io.files import PAGE_SIGNATURE, PNG_SIGNATURE, write_whole
from drumhits.io.folders import midi_below
from drumhits.io.outputs import Output, require_safe, starts_with

if TYPE_CHECKING:
    from drumhits.evaluation.comparison import Evaluation

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


def get_parser() -> argparse.ArgumentParser:
    parser = new_parser(__doc__, EXAMPLES)
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
    aligning = parser.add_argument_group("aligning, where a message asks for it")
    aligning.add_argument("--truth-tempo", type=tempo, metavar="BPM", help="tempo to read the truth at")
    aligning.add_argument("--truth-offset", type=seconds, metavar="S", help="seconds to add to the truth's times")
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
    running = parser.add_argument_group("running")
    add_jobs(running, "songs analysed")
    add_cache(running)
    running.add_argument(
        "--force", action="store_true", help="test on another stem than trained on, and replace files not our own"
    )
    return parser


def evaluate(args: argparse.Namespace, console: Console) -> int:
    """Score every song for every model, report it, and return the exit code."""
    require_jobs(args.jobs)
    config = load_config(args.config)
    models = load_deciders(args.model, args.stem, config.stems[args.stem], any_stem=args.force)
    pairs, unpaired = find_test_songs(args.test_dir, args.stem, Given(args.truth_tempo, args.truth_offset))
    page_file = page_path(args.report) if args.report else None
    require_safe_outputs(args, page_file, pairs)
    for sentence in unpaired:
        console.message(sentence)
    from drumhits.cache import open_cache
    from drumhits.evaluation.comparison import evaluate_songs

    cache = open_cache(args.cache)
    evaluation, errors = evaluate_songs(
        pairs,
        models,
        args.stem,
        config,
        args.window / 1000,
        progress=console.progress,
        beside=bundled_beside(args.model, args.stem, config.stems[args.stem]),
        n_jobs=args.jobs,
        analyse=cache,
    )
    cache.trim()
    for error in errors:
        console.error(error)
    if evaluation is None:
        return EXIT_SOME_FAILED
    for sentence in evaluation.warnings:
        console.warning(sentence)
    write_reports(evaluation, args, page_file, console)
    poor = evaluation.models_below(args.fail_under or 0)
    if poor:
        console.error(f"F1 of the hits is below --fail-under {args.fail_under:g}: {', '.join(poor)}.")
    return EXIT_SOME_FAILED if errors or poor else EXIT_DONE


def require_safe_outputs(args: argparse.Namespace, page_file: Path | None, pairs: list[TruthPair]) -> None:
    """Make sure that no output destroys anything of the user's."""
    outputs = []
    if page_file:
        outputs.append(Output("--report", page_file, starts_with(PAGE_SIGNATURE)))
    if args.json:
        from drumhits.evaluation.report import SCHEMA

        outputs.append(Output("--json", args.json, starts_with(SCHEMA.encode())))
    if args.plots:
        from drumhits.evaluation.charts import plot_names

        names = plot_names([pair.name for pair in pairs])
        outputs += [Output(f"--plots {name}", args.plots / name, starts_with(PNG_SIGNATURE)) for name in names]
    inputs = [args.config, *args.model, *shipped_files(), *midi_below(args.test_dir)]
    require_safe(outputs, inputs, force=args.force)


def write_reports(
    evaluation: "Evaluation", args: argparse.Namespace, page_file: Path | None, console: Console
) -> None:
    """Print the report, and write the files that were asked for."""
    from drumhits.evaluation.report import evaluation_report

    console.data(evaluation_report(evaluation, whole=args.verbose))
    if args.json:
        from drumhits.evaluation.report import to_json

        write_whole(args.json, to_json(evaluation).encode())
    if args.plots:
        from drumhits.evaluation.charts import pngs

        for name, picture in pngs(evaluation):
            write_whole(args.plots / name, picture)
    if page_file:
        from drumhits.evaluation.page import page

        write_whole(page_file, page(evaluation, f"Evaluation of {args.stem} models").encode())
        console.data(f"\nReport saved to: {page_file}")


def _window(text: str) -> float:
    value = float(text)
    if not 1 <= value <= MAX_WINDOW_MS:
        raise argparse.ArgumentTypeError(f"{text} is not between 1 and {MAX_WINDOW_MS} milliseconds")
    return value


def main(argv: list[str] | None = None) -> int:
    args = get_parser().parse_args(argv)
    console = Console("evaluate_model.py", quiet=args.quiet)
    return run(lambda: evaluate(args, console), console)


if __name__ == "__main__":
    sys.exit(main())
