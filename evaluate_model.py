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
from drumhits.bundle import shipped_files
from drumhits.cli.console import EXIT_DONE, EXIT_SOME_FAILED, Console, run
from drumhits.cli.evaluation import get_parser
from drumhits.cli.options import page_path, require_jobs
from drumhits.config.load import load_config
from drumhits.evaluation.deciders import bundled_beside, load_deciders
from drumhits.evaluation.truth import TruthPair, find_test_songs
from drumhits.io.files import PAGE_SIGNATURE, PNG_SIGNATURE, write_whole
from drumhits.io.folders import midi_below
from drumhits.io.outputs import Output, require_safe, starts_with

if TYPE_CHECKING:
    from drumhits.evaluation.comparison import Evaluation


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
        from drumhits.evaluation.pages.charts import plot_names

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
        from drumhits.evaluation.pages.charts import pngs

        for name, picture in pngs(evaluation):
            write_whole(args.plots / name, picture)
    if page_file:
        from drumhits.evaluation.pages.page import page

        write_whole(page_file, page(evaluation, f"Evaluation of {args.stem} models").encode())
        console.data(f"\nReport saved to: {page_file}")


def main(argv: list[str] | None = None) -> int:
    args = get_parser(__doc__).parse_args(argv)
    console = Console("evaluate_model.py", quiet=args.quiet)
    return run(lambda: evaluate(args, console), console)


if __name__ == "__main__":
    sys.exit(main())
