#!/usr/bin/env python3
"""Learn from edited MIDI which hits you keep: pairs raw and edited files, re-analyses the audio, trains a model."""

import argparse
import json
import os
import sys
from functools import partial
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from drumhits import __version__
from drumhits.cli import EXIT_DONE, EXIT_SOME_FAILED, Console, require_distinct, require_replaceable, run, starts_with
from drumhits.errors import InputError, NotEnoughDataError, UsageError
from drumhits.files import write_whole
from drumhits.pairing import find_pairs
from drumhits.pipeline import analyze
from drumhits.settings import STEMS
from drumhits.songs import LabelledSong, decisions_csv, label_songs, report_line

SHIPPED_CONFIG = Path(__file__).with_name("midiconfig.yaml")
SCHEMA = "drumhits/training/1"
EXAMPLES = """examples:
  python train_classifier.py --stem cymbals --raw-dir training_data/raw_midi --edited-dir training_data/edited_midi \\
      --output-model models/cymbals_classifier.pkl
  python train_classifier.py --stem cymbals --raw-dir training_data/raw_midi --edited-dir training_data/edited_midi \\
      --dry-run --pairs decisions.csv
  python train_classifier.py --stem cymbals --raw-dir training_data/raw_midi --edited-dir training_data/edited_midi \\
      --learn-thresholds my_config.yaml

exit codes: 0 done, 1 some song failed, 2 wrong usage, 3 not enough data or no sure alignment, 130 interrupted
"""


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    data = parser.add_argument_group("data")
    data.add_argument("--stem", choices=STEMS, required=True, help="which drum to train on")
    data.add_argument("--raw-dir", type=Path, required=True, metavar="DIR", help="MIDI as stems_to_midi.py wrote it")
    data.add_argument(
        "--edited-dir", type=Path, required=True, metavar="DIR", help="the same after your edits: NAME_edited.mid"
    )
    data.add_argument(
        "--audio-dir", type=Path, action="append", default=[], metavar="DIR",
        help="where the stems lie, may be repeated (default: the place noted in the raw MIDI, else beside it)",
    )  # fmt: skip
    aligning = parser.add_argument_group("aligning, where a message asks for it")
    aligning.add_argument("--edited-tempo", type=float, metavar="BPM", help="tempo to read the edited MIDI at")
    aligning.add_argument("--edited-offset", type=float, metavar="S", help="seconds to add to the edited MIDI's times")
    aligning.add_argument("--range", type=_range, metavar="START-END", help="seconds of the song that were edited")
    training = parser.add_argument_group("training")
    training.add_argument("--output-model", type=Path, metavar="MODEL.pkl", help="model file to write")
    training.add_argument(
        "--learn-thresholds", type=Path, metavar="FILE.yaml",
        help="write a configuration whose thresholds fit the edits, for use without a model",
    )  # fmt: skip
    training.add_argument(
        "--config", type=Path, default=SHIPPED_CONFIG, metavar="YAML",
        help="the configuration to start from (default: the midiconfig.yaml beside this script)",
    )  # fmt: skip
    training.add_argument("--algorithm", choices=("forest", "logistic"), default="forest", help="default: forest")
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
    reporting.add_argument("--quiet", action="store_true", help="print only errors")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="songs analysed at a time (default: 1)")
    return parser


def train_all(args: argparse.Namespace, console: Console) -> int:
    """Label the songs, train on them, write the model and the report."""
    check_usage(args)
    songs, errors = load_songs(args, console)
    if args.pairs:
        write_whole(args.pairs, decisions_csv(songs).encode())
    if not args.force and any(isinstance(error, NotEnoughDataError) for error in errors):
        raise NotEnoughDataError("nothing was trained, since a song could not be aligned; --force leaves it out.")
    if args.learn_thresholds and not args.dry_run:
        write_thresholds(songs, args, console)
    if args.output_model and not args.dry_run:
        train_and_save(songs, args, console)
    return EXIT_SOME_FAILED if errors else EXIT_DONE


def check_usage(args: argparse.Namespace) -> None:
    if not (args.dry_run or args.output_model or args.learn_thresholds):
        raise UsageError("say where the model goes with --output-model, such as models/cymbals_classifier.pkl.")
    if not 1 <= args.n_estimators <= 2000:
        raise UsageError(f"--n-estimators {args.n_estimators}: give 1 to 2000.")
    if not 0 <= args.seed < 2**32:
        raise UsageError(f"--seed {args.seed}: give 0 to {2**32 - 1}.")
    if args.jobs < 1:
        raise UsageError(f"--jobs {args.jobs}: give 1 or more.")
    inputs = [path for folder in (args.raw_dir, args.edited_dir) if folder.is_dir() for path in folder.iterdir()]
    outputs = [(option, path, is_ours) for option, path, is_ours in (
        ("--output-model", args.output_model, starts_with(b"drumhits model")),
        ("--learn-thresholds", args.learn_thresholds, lambda path: False),
        ("--pairs", args.pairs, starts_with(b"song,raw_s,edited_s")),
        ("--json", args.json, starts_with(SCHEMA.encode())),
    ) if path]  # fmt: skip
    require_distinct([(option, path) for option, path, _ in outputs])
    for option, path, is_ours in outputs:
        require_replaceable(path, inputs, is_ours, force=args.force, option=option)


def load_songs(args: argparse.Namespace, console: Console) -> tuple[list[LabelledSong], list[InputError]]:
    """Return the songs whose edits could be read, and what is wrong with the others."""
    pairs = find_pairs(args.raw_dir, args.edited_dir, args.stem)
    for sentence in pairs.unpaired:
        console.message(sentence)
    songs, errors = label_songs(
        pairs.pairs,
        args.audio_dir,
        n_jobs=args.jobs,
        edited_tempo=args.edited_tempo,
        edited_offset=args.edited_offset,
        range_s=args.range,
        analyse=partial(analyze, extended=args.features != "guide"),
    )
    for song in songs:
        for warning in song.warnings:
            console.warning(warning)
        console.data(report_line(song))
    if not songs:
        *errors, gravest = sorted(errors, key=lambda error: error.exit_code)
    for error in errors:
        console.error(error)
    if not songs:
        raise gravest
    return list(songs), list(errors)


def write_thresholds(songs: list[LabelledSong], args: argparse.Namespace, console: Console) -> None:
    """Write the configuration with the stem's thresholds replaced, all else and the comments unchanged."""
    from drumhits.configedit import with_values
    from drumhits.strictyaml import read_text
    from drumhits.thresholds import learn_thresholds

    learned = learn_thresholds(songs)
    text = with_values(read_text(args.config), args.stem, learned.values, name=args.config.name)
    write_whole(args.learn_thresholds, text.encode())
    values = ", ".join(f"{key} {'null' if value is None else f'{value:g}'}" for key, value in learned.values.items())
    console.data(
        f"\nThresholds for {args.stem}: {values}\n"
        f"F1 of what they keep on held-out songs: {learned.f1:.1%} (before: {learned.f1_before:.1%})\n"
        f"Configuration saved to: {args.learn_thresholds}"
    )


def train_and_save(songs: list[LabelledSong], args: argparse.Namespace, console: Console) -> None:
    from drumhits.classifier import train
    from drumhits.training import advice, counts, gather_examples, make_model, refusal, scores, training_report

    examples = gather_examples(songs, args.features)
    total = counts(examples.kept.astype(int))
    why = refusal(total)
    if why and not (args.force and total.kept and total.removed):
        raise NotEnoughDataError(why)
    fitted = train(examples, algorithm=args.algorithm, n_estimators=args.n_estimators, seed=args.seed)
    options = {"algorithm": args.algorithm, "n_estimators": args.n_estimators, "seed": args.seed}
    model = make_model(songs, examples, fitted, options)
    write_whole(args.output_model, model.to_bytes())
    console.data("\n" + training_report(songs, examples, fitted))
    console.data(f"\nModel saved to: {args.output_model}\n")
    for sentence in advice(total, len(songs), fitted.validation):
        console.data(sentence)
    console.data(
        "Recommendation: convert a new song with it, and listen:\n  python stems_to_midi.py --input NEW.wav "
        f"--stem {args.stem} --use-ml-model {args.output_model}"
    )
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
            "importance": fitted.validation.importance,
            "impurity_importance": fitted.impurity_importance,
        }
        write_whole(args.json, (json.dumps(numbers, indent=1) + "\n").encode())


def _range(text: str) -> tuple[float, float]:
    try:
        start, end = (float(part) for part in text.split("-"))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r}: write START-END in seconds, such as 10-95.5") from error
    if not 0 <= start < end:
        raise argparse.ArgumentTypeError(f"{text!r}: the start must lie before the end")
    return start, end


def main(argv: list[str] | None = None) -> int:
    args = get_parser().parse_args(argv)
    console = Console("train_classifier.py", quiet=args.quiet)
    return run(lambda: train_all(args, console), console)


if __name__ == "__main__":
    sys.exit(main())
