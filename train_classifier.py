#!/usr/bin/env python3
"""Learn from edited MIDI which hits you keep: pairs raw and edited files, re-analyses the audio, trains a model."""

import argparse
import json
import os
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from drumhits.cli.interrupts import end_quietly

if __name__ == "__main__":
    end_quietly()

from drumhits.analysis import FEATURE_SETS
from drumhits.bundle import PRETRAINED, SHIPPED_CONFIG
from drumhits.cache import open_cache
from drumhits.cli.console import EXIT_DONE, EXIT_SOME_FAILED, Console, run
from drumhits.cli.options import add_cache, add_jobs, new_parser, require_jobs, seconds_range
from drumhits.drums import STEMS
from drumhits.errors import InputError, NotEnoughDataError, UsageError
from drumhits.io.files import PAGE_SIGNATURE, write_whole
from drumhits.io.outputs import page_path, require_distinct, require_replaceable, starts_with
from drumhits.io.text import to_ascii
from drumhits.learning.pairing import find_pairs
from drumhits.learning.report import decisions_csv, report_line
from drumhits.learning.songs import LabelledSong, label_songs
from drumhits.models.modelfile import TrainedModel, load_model, pretrained_path

if TYPE_CHECKING:
    from drumhits.config.load import StemConfig
    from drumhits.learning.sharing import ExampleFile
    from drumhits.learning.validation import Validation

SCHEMA = "drumhits/training/1"
EXAMPLES_SIGNATURE = b"drumhits/examples/"
EXAMPLES = """examples:
  python train_classifier.py --stem cymbals --raw-dir training_data/raw_midi --edited-dir training_data/edited_midi \\
      --output-model models/cymbals_classifier.pkl
  python train_classifier.py --stem cymbals --raw-dir training_data/raw_midi --edited-dir training_data/edited_midi \\
      --dry-run --pairs decisions.csv
  python train_classifier.py --stem cymbals --raw-dir training_data/raw_midi --edited-dir training_data/edited_midi \\
      --learn-thresholds my_config.yaml
  python train_classifier.py --stem cymbals --examples friend1.csv friend2.csv --output-model models/theirs.pkl

exit codes: 0 done, 1 some song failed, 2 wrong usage, 3 not enough data or no sure alignment, 130 interrupted
"""


def get_parser() -> argparse.ArgumentParser:
    parser = new_parser(__doc__, EXAMPLES)
    data = parser.add_argument_group("data")
    data.add_argument("--stem", choices=STEMS, required=True, help="which drum to train on")
    data.add_argument("--raw-dir", type=Path, metavar="DIR", help="MIDI as stems_to_midi.py wrote it")
    data.add_argument("--edited-dir", type=Path, metavar="DIR", help="the same after your edits: NAME_edited.mid")
    data.add_argument(
        "--audio-dir", type=Path, action="append", default=[], metavar="DIR",
        help="where the stems lie, may be repeated (default: the place noted in the raw MIDI, else beside it)",
    )  # fmt: skip
    data.add_argument(
        "--examples", type=Path, nargs="+", default=[], metavar="FILE.csv",
        help="labelled examples of others, beside your own songs, or alone without --raw-dir and --edited-dir",
    )  # fmt: skip
    aligning = parser.add_argument_group("aligning, where a message asks for it")
    aligning.add_argument("--edited-tempo", type=float, metavar="BPM", help="tempo to read the edited MIDI at")
    aligning.add_argument("--edited-offset", type=float, metavar="S", help="seconds to add to the edited MIDI's times")
    aligning.add_argument(
        "--range", type=seconds_range, metavar="START-END", help="seconds of the song that were edited"
    )
    training = parser.add_argument_group("training")
    training.add_argument("--output-model", type=Path, metavar="MODEL.pkl", help="model file to write")
    training.add_argument(
        "--learn-thresholds", type=Path, metavar="FILE.yaml",
        help="write a configuration whose thresholds fit the edits, for use without a model",
    )  # fmt: skip
    training.add_argument(
        "--export-examples", type=Path, metavar="FILE.csv",
        help="write what your edits teach, to share: features and labels; no audio, no names, no times",
    )  # fmt: skip
    training.add_argument(
        "--config", type=Path, default=SHIPPED_CONFIG, metavar="YAML",
        help="the configuration to start from (default: the midiconfig.yaml beside this script)",
    )  # fmt: skip
    training.add_argument("--algorithm", choices=("forest", "logistic"), default="forest", help="default: forest")
    training.add_argument(
        "--start-from", choices=(PRETRAINED, "none"), metavar=f"{PRETRAINED}|none",
        help="let your edits refine the model that comes with the toolkit, or start from nothing "
        f"(default: {PRETRAINED} where it fits: --features all, the usual bands)",
    )  # fmt: skip
    training.add_argument("--n-estimators", type=int, default=200, metavar="N", help="trees (default: 200)")
    training.add_argument(
        "--features", choices=("all", "guide"), default="all",
        help="all, or the guide's seven alone (default: all)",
    )  # fmt: skip
    training.add_argument("--seed", type=int, default=0, help="same data, same seed: same file (default: 0)")
    training.add_argument("--force", action="store_true", help="train on very few hits, and replace files not our own")
    reporting = parser.add_argument_group("reporting")
    reporting.add_argument("--dry-run", action="store_true", help="only pair, align and count; train nothing")
    reporting.add_argument("--pairs", type=Path, metavar="FILE.csv", help="write what became of every note")
    reporting.add_argument("--json", type=Path, metavar="FILE", help="the numbers of the report")
    reporting.add_argument(
        "--report", type=Path, metavar="FILE.html",
        help="a page with pictures and sound of the held-out songs (a folder gets report.html)",
    )  # fmt: skip
    reporting.add_argument("--quiet", action="store_true", help="print only errors")
    running = parser.add_argument_group("running")
    add_jobs(running, "songs analysed")
    add_cache(running)
    return parser


def train_all(args: argparse.Namespace, console: Console) -> int:
    """Label the songs, train on them, write the model and the report."""
    check_usage(args)
    others = load_examples(args)
    songs, errors = load_songs(args, console) if args.raw_dir else ([], [])
    check_outputs(args, [song.audio for song in songs])
    if args.pairs:
        write_whole(args.pairs, decisions_csv(songs).encode("utf-8", "replace"))
    if not args.force and any(isinstance(error, NotEnoughDataError) for error in errors):
        raise NotEnoughDataError("nothing was trained, since a song could not be aligned; --force leaves it out.")
    if args.export_examples and not args.dry_run:
        export_examples(songs, args, console)
    if args.learn_thresholds and not args.dry_run:
        write_thresholds(songs, args, console)
    if args.output_model and not args.dry_run:
        train_and_save(songs, others, args, console)
    return EXIT_SOME_FAILED if errors else EXIT_DONE


def check_usage(args: argparse.Namespace) -> None:
    if not (args.raw_dir and args.edited_dir):
        check_usage_without_songs(args)
    if not (args.dry_run or args.output_model or args.learn_thresholds or args.export_examples):
        raise UsageError("say where the model goes with --output-model, such as models/cymbals_classifier.pkl.")
    if not 1 <= args.n_estimators <= 2000:
        raise UsageError(f"--n-estimators {args.n_estimators}: give 1 to 2000.")
    if not 0 <= args.seed < 2**32:
        raise UsageError(f"--seed {args.seed}: give 0 to {2**32 - 1}.")
    require_jobs(args.jobs)
    folders = [folder for folder in (args.raw_dir, args.edited_dir) if folder and folder.is_dir()]
    inputs = [path for folder in folders for path in folder.iterdir()] + args.examples
    if args.report and (args.dry_run or not args.output_model):
        raise UsageError("--report goes with --output-model: the page shows how its model was tested.")
    if args.report:
        args.report = page_path(args.report)
    check_outputs(args, inputs)


def check_outputs(args: argparse.Namespace, inputs: list[Path]) -> None:
    """Make sure that no output replaces one of the inputs, or another output, or a file that is not our own."""
    outputs = [(option, path, is_ours) for option, path, is_ours in (
        ("--output-model", args.output_model, starts_with(b"drumhits model")),
        ("--learn-thresholds", args.learn_thresholds, lambda path: False),
        ("--export-examples", args.export_examples, starts_with(EXAMPLES_SIGNATURE)),
        ("--pairs", args.pairs, starts_with(b"song,raw_s,edited_s")),
        ("--json", args.json, starts_with(SCHEMA.encode())),
        ("--report", args.report, starts_with(PAGE_SIGNATURE)),
    ) if path]  # fmt: skip
    require_distinct([(option, path) for option, path, _ in outputs])
    for option, path, is_ours in outputs:
        require_replaceable(path, inputs, is_ours, force=args.force, option=option)


def check_usage_without_songs(args: argparse.Namespace) -> None:
    if args.raw_dir or args.edited_dir or not args.examples:
        raise UsageError("give your songs with --raw-dir and --edited-dir, both of them, or --examples FILE.csv alone.")
    for option, given in (
        ("--learn-thresholds", args.learn_thresholds), ("--export-examples", args.export_examples),
        ("--pairs", args.pairs), ("--report", args.report),
    ):  # fmt: skip
        if given:
            raise UsageError(f"{option} is about your own songs; give them with --raw-dir and --edited-dir.")


def load_examples(args: argparse.Namespace) -> "list[ExampleFile]":
    if not args.examples:
        return []
    from drumhits.learning.sharing import read_examples

    return [read_examples(path, args.stem, FEATURE_SETS[args.features]) for path in args.examples]


def load_songs(args: argparse.Namespace, console: Console) -> tuple[list[LabelledSong], list[InputError]]:
    """Return the songs whose edits could be read, and what is wrong with the others."""
    pairs = find_pairs(args.raw_dir, args.edited_dir, args.stem)
    for sentence in pairs.unpaired:
        console.message(sentence)
    cache = open_cache(args.cache)
    songs, errors = label_songs(
        pairs.pairs,
        args.audio_dir,
        n_jobs=args.jobs,
        edited_tempo=args.edited_tempo,
        edited_offset=args.edited_offset,
        range_s=args.range,
        analyse=partial(cache, features=args.features),
    )
    cache.trim()
    for song in songs:
        for warning in song.warnings:
            console.warning(warning)
        console.data(to_ascii(report_line(song)))
    if not songs:
        *errors, gravest = sorted(errors, key=lambda error: error.exit_code)
    for error in errors:
        console.error(error)
    if not songs:
        raise gravest
    return list(songs), list(errors)


def export_examples(songs: list[LabelledSong], args: argparse.Namespace, console: Console) -> None:
    """Write the labelled candidates of the user's songs."""
    from drumhits.learning.dataset import after_thresholds, counts, gather_dataset
    from drumhits.learning.report import refusal
    from drumhits.learning.sharing import to_csv

    examples = gather_dataset(songs, args.features)
    if not len(examples.kept):
        raise NotEnoughDataError(refusal(counts(examples.kept)))
    text = to_csv(songs[0].config, after_thresholds(songs), examples)
    write_whole(args.export_examples, text.encode())
    saved = to_ascii(str(args.export_examples))
    console.data(f"\n{len(examples.kept)} examples of {len(songs)} songs saved to: {saved}")


def write_thresholds(songs: list[LabelledSong], args: argparse.Namespace, console: Console) -> None:
    """Write the configuration with the stem's thresholds replaced, all else and the comments unchanged."""
    from drumhits.config.edit import with_values
    from drumhits.config.yamltree import read_text
    from drumhits.learning.thresholds import learn_thresholds

    learned = learn_thresholds(songs)
    text = with_values(read_text(args.config), args.stem, learned.values, name=args.config.name)
    write_whole(args.learn_thresholds, text.encode())
    values = ", ".join(f"{key} {'null' if value is None else f'{value:g}'}" for key, value in learned.values.items())
    console.data(
        f"\nThresholds for {args.stem}: {values}\n"
        f"F1 of what they keep on held-out songs: {learned.f1:.1%} (before: {learned.f1_before:.1%})\n"
        f"Configuration saved to: {to_ascii(str(args.learn_thresholds))}"
    )


def train_and_save(
    songs: list[LabelledSong], others: "list[ExampleFile]", args: argparse.Namespace, console: Console
) -> None:
    from drumhits.learning.dataset import counts, gather_dataset
    from drumhits.learning.fit import make_model, scores, train
    from drumhits.learning.report import advice, refusal, training_report
    from drumhits.networks.bundled import NETWORK_LOG_ODDS

    examples = gather_dataset(songs, args.features) if songs else None
    if others:
        from drumhits.learning.sharing import pool

        pooled = pool(examples, songs[0].config if songs else None, others)
        for sentence in pooled.repeats:
            console.warning(sentence)
        examples, others = pooled.examples, pooled.files
    total = counts(examples.kept)
    why = refusal(total)
    if why and not (args.force and total.kept and total.removed):
        raise NotEnoughDataError(why)
    start = starting_model(args, songs[0].config if songs else others[0].config, console)
    if start is None:
        examples = examples.without(NETWORK_LOG_ODDS)  # it is the bundled models' knowledge
    fitted = train(
        examples,
        algorithm=args.algorithm,
        n_estimators=args.n_estimators,
        seed=args.seed,
        start_from=start and start.classifier,
        left_to_it=NETWORK_LOG_ODDS,
    )
    options = {
        "algorithm": args.algorithm,
        "n_estimators": args.n_estimators,
        "seed": args.seed,
        "start_from": PRETRAINED if start else "none",
    }
    model = make_model(songs, examples, fitted, options, others)
    write_whole(args.output_model, model.to_bytes())
    console.data("\n" + training_report(songs, examples, fitted, others))
    saved = to_ascii(str(args.output_model))
    console.data(f"\nModel saved to: {saved}\n")
    for sentence in advice(total, len(model.training["songs"]), fitted.validation):
        console.data(sentence)
    console.data(
        "Recommendation: convert a new song with it, and listen:\n  python stems_to_midi.py --input NEW.wav "
        f"--stem {args.stem} --use-ml-model {saved}"
    )
    if args.report:
        write_page(songs, fitted.validation, args, console)
    if args.json:
        numbers = {
            "schema": SCHEMA,
            "stem": args.stem,
            "model": str(args.output_model),
            "kept": total.kept,
            "removed": total.removed,
            "songs": model.training["songs"],
            "cross_validation": scores(fitted.validation),
            "min_confidence": model.min_confidence,
            "start_from": options["start_from"],
            "importance": fitted.validation.importance,
            "impurity_importance": fitted.impurity_importance,
        }
        write_whole(args.json, (json.dumps(numbers, indent=1) + "\n").encode())


def write_page(
    songs: list[LabelledSong], validation: "Validation", args: argparse.Namespace, console: Console
) -> None:
    """Write the page of evaluate_model.py, of what was held out."""
    from drumhits.evaluation.crossval import cross_validated
    from drumhits.evaluation.page import page

    evaluation = cross_validated(songs, validation, f"{args.output_model.name}, held out")
    if evaluation is None:
        console.warning(f"{args.report}: not written, since no song could be held out.")
        return
    write_whole(args.report, page(evaluation, f"Training of {args.stem}: held-out songs").encode())
    console.data(f"\nReport saved to: {args.report}")


def starting_model(args: argparse.Namespace, config: "StemConfig", console: Console) -> TrainedModel | None:
    """Return the bundled model that the edits refine; None where it was not wanted or does not fit.

    Raises
    ------
    UsageError
        It was asked for and does not fit.
    """
    if args.start_from == "none":
        return None
    model = load_model(pretrained_path(args.stem))
    misfit = model.misfit(FEATURE_SETS[args.features], config)
    if misfit and args.start_from:
        raise UsageError(f"--start-from {PRETRAINED}: {misfit}; leave the option out, or that setting as it was.")
    if misfit:
        console.message(f"Starting from nothing, not from the bundled model: {misfit}.")
    return None if misfit else model


def main(argv: list[str] | None = None) -> int:
    args = get_parser().parse_args(argv)
    console = Console("train_classifier.py", quiet=args.quiet)
    return run(lambda: train_all(args, console), console)


if __name__ == "__main__":
    sys.exit(main())
