#!/usr/bin/env python3
"""Learn from edited MIDI which hits you keep: pairs raw and edited files, re-analyses the audio, trains a model."""

from drumhits.cli.interrupts import end_quietly

if __name__ == "__main__":
    end_quietly()

import argparse
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from drumhits.alignment.align import Given
from drumhits.cli.console import EXIT_DONE, EXIT_SOME_FAILED, Console, run
from drumhits.cli.options import page_path
from drumhits.cli.training import check_usage, get_parser
from drumhits.edits.report import decisions_csv, missed_line, report_line
from drumhits.edits.songs import LabelledSong, LoadedSongs, load_songs
from drumhits.io.files import write_whole
from drumhits.io.text import escape_controls
from drumhits.learning import report
from drumhits.learning.options import TrainingOptions

if TYPE_CHECKING:
    from drumhits.learning.fit import Training
    from drumhits.learning.sharing import ExampleFile
    from drumhits.tuning.hyperparameters import Tuning


def train(args: argparse.Namespace, console: Console) -> int:
    """Label the songs, train on them, and write what was asked for."""
    options = check_usage(args)
    examples = load_examples(args)
    loaded = load(args, options, console) if args.raw_dir else None
    songs = loaded.songs if loaded else ()
    if args.pairs:
        write_whole(args.pairs, decisions_csv(songs).encode("utf-8", "replace"))
    if args.export_examples and not args.dry_run:
        write_examples(songs, args, console)
    was_interrupted = False
    if args.learn_thresholds and not args.dry_run:
        was_interrupted = write_thresholds(songs, args, console)
    if args.output_model and not args.dry_run:
        from drumhits.learning.fit import train_model

        tuning = tune(songs, examples, options, args, console) if args.budget and not was_interrupted else None
        options = replace(options, tuned=tuning.tuned) if tuning else options
        write_model(train_model(songs, examples, options), args, console)
        was_interrupted |= bool(tuning and tuning.found.was_interrupted)
    if was_interrupted:
        raise KeyboardInterrupt  # what was found so far is written
    return EXIT_SOME_FAILED if loaded and loaded.errors else EXIT_DONE


def load_examples(args: argparse.Namespace) -> "list[ExampleFile]":
    if not args.examples:
        return []
    from drumhits.analysis import FEATURE_SETS
    from drumhits.learning.sharing import read_examples

    return [read_examples(path, args.stem, FEATURE_SETS[args.features]) for path in args.examples]


def load(args: argparse.Namespace, options: TrainingOptions, console: Console) -> LoadedSongs:
    """Return the songs whose edits could be aligned, and report on all."""
    loaded = load_songs(
        args.raw_dir,
        args.edited_dir,
        args.stem,
        audio_dirs=args.audio_dir,
        features=options.features if args.examples else options.feature_set,
        cache_dir=args.cache,
        n_jobs=args.jobs,
        given=Given(args.edited_tempo, args.edited_offset, args.range, args.edited_drum_map),
        accepted=args.accepted,
    )
    for sentence in loaded.unpaired:
        console.message(sentence)
    for song in loaded.songs:
        for warning in song.warnings:
            console.warning(warning)
        console.data(escape_controls(report_line(song)))
        if missed := missed_line(song):
            console.data(missed)
    for error in loaded.errors:
        console.error(error)
    if loaded.failure:
        raise loaded.failure
    return loaded


def write_examples(songs: Sequence[LabelledSong], args: argparse.Namespace, console: Console) -> None:
    from drumhits.learning.sharing import export_examples

    text, n_examples = export_examples(songs, args.features)
    write_whole(args.export_examples, text.encode())
    saved = escape_controls(str(args.export_examples))
    console.data(f"\n{n_examples} examples of {len(songs)} songs saved to: {saved}")


def tune(
    songs: Sequence[LabelledSong],
    examples: "Sequence[ExampleFile]",
    options: TrainingOptions,
    args: argparse.Namespace,
    console: Console,
) -> "Tuning":
    """Search for better hyperparameters, and report on it."""
    from drumhits.tuning.hyperparameters import tune_model
    from drumhits.tuning.report import tuning_report

    tuning = tune_model(songs, examples, options, args.budget, console.progress)
    console.data(f"\n{tuning_report(tuning, args.seed)}")
    return tuning


def write_thresholds(songs: Sequence[LabelledSong], args: argparse.Namespace, console: Console) -> bool:
    """Write a configuration that fits the edits; return whether a search for it was interrupted."""
    from drumhits.learning.thresholds import learn_thresholds, with_thresholds

    was_interrupted = False
    if args.budget:
        from drumhits.tuning.report import settings_report
        from drumhits.tuning.settings import tune_settings

        tuned = tune_settings(songs, args.budget, args.seed, console.progress)
        console.data(f"\n{settings_report(tuned, args.seed)}")
        learned, was_interrupted = tuned.learned, tuned.found.was_interrupted
    else:
        learned = learn_thresholds(songs)
    write_whole(args.learn_thresholds, with_thresholds(args.config, learned).encode())
    saved = escape_controls(str(args.learn_thresholds))
    console.data(f"\n{report.thresholds_report(learned)}\nConfiguration saved to: {saved}")
    return was_interrupted


def write_model(training: "Training", args: argparse.Namespace, console: Console) -> None:
    """Write the model, the report, the page and the numbers of a training."""
    for warning in training.warnings:
        console.warning(warning)
    if training.start_refusal:
        console.message(f"Starting from nothing, not from the bundled model: {training.start_refusal}.")
    write_whole(args.output_model, training.model.to_bytes())
    saved = escape_controls(str(args.output_model))
    console.data(f"\n{report.training_report(training)}\n\nModel saved to: {saved}\n")
    for sentence in report.advice_on(training):
        console.data(sentence)
    console.data(report.verdict(training))
    console.data(
        "Convert a new song with it, and listen:\n  python stems_to_midi.py --input NEW.wav "
        f"--stem {args.stem} --use-ml-model {saved}"
    )
    if args.report:
        write_page(training, args, console)
    if args.json:
        numbers = report.training_json(training, str(args.output_model))
        write_whole(args.json, (json.dumps(numbers, indent=1) + "\n").encode())


def write_page(training: "Training", args: argparse.Namespace, console: Console) -> None:
    """Write the page of evaluate_model.py about the held-out songs."""
    from drumhits.evaluation.crossval import cross_validated
    from drumhits.evaluation.pages.page import page

    path = page_path(args.report)
    evaluation = cross_validated(training.songs, training.fitted.validation, f"{args.output_model.name}, held out")
    if evaluation is None:
        console.warning(f"{path}: not written, since no song could be held out.")
        return
    write_whole(path, page(evaluation, f"Training of {args.stem}: held-out songs").encode())
    console.data(f"\nReport saved to: {path}")


def main(argv: list[str] | None = None) -> int:
    args = get_parser(__doc__).parse_args(argv)
    console = Console("train_classifier.py", quiet=args.quiet)
    return run(lambda: train(args, console), console)


if __name__ == "__main__":
    sys.exit(main())
