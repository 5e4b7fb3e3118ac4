"""The options of train_classifier.py, and the checks that need no song."""

import argparse
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from drumhits.bundle import PRETRAINED, SHIPPED_CONFIG, is_bundled, shipped_files
from drumhits.cli.options import add_cache, add_jobs, new_parser, page_path, require_jobs, seconds, seconds_range, tempo
from drumhits.drum_maps import DRUM_MAPS
from drumhits.drums import STEMS
from drumhits.edits.mistakes import EMPTY, SHORT, UNCHANGED
from drumhits.edits.pairing import find_audio, find_pairs
from drumhits.errors import InputError, UsageError
from drumhits.io.files import PAGE_SIGNATURE
from drumhits.io.folders import midi_below
from drumhits.io.midi import read_midi
from drumhits.io.outputs import Output, require_safe, starts_with
from drumhits.learning.algorithms import ALGORITHMS, FOREST, NETWORK_EXAMPLES
from drumhits.learning.options import FROM_NOTHING, TrainingOptions
from drumhits.learning.report import SCHEMA
from drumhits.models.modelfile import KIND
from drumhits.transcription.provenance import read_provenance
from drumhits.tuning.search import Budget

EXAMPLES_SIGNATURE = b"drumhits/examples/"
EXAMPLES = """examples:
  python train_classifier.py --stem cymbals --raw-dir training_data/raw_midi --edited-dir training_data/edited_midi \\
      --output-model models/cymbals_classifier.pkl
  python train_classifier.py --stem cymbals --raw-dir training_data/raw_midi --edited-dir training_data/edited_midi \\
      --dry-run --pairs decisions.csv
  python train_classifier.py --stem cymbals --raw-dir training_data/raw_midi --edited-dir training_data/edited_midi \\
      --learn-thresholds my_config.yaml
  python train_classifier.py --stem cymbals --raw-dir training_data/raw_midi --edited-dir training_data/edited_midi \\
      --output-model models/cymbals_classifier.pkl --tune 5
  python train_classifier.py --stem cymbals --examples friend1.csv friend2.csv --output-model models/theirs.pkl

exit codes: 0 done, 1 some song failed, 2 wrong usage, 3 not enough data or no sure alignment, 130 interrupted
"""


def get_parser(description: str | None) -> argparse.ArgumentParser:
    """Return the parser of train_classifier.py."""
    parser = new_parser(description, EXAMPLES)
    _add_data(parser)
    _add_aligning(parser)
    _add_training(parser)
    _add_reporting(parser)
    running = parser.add_argument_group("running")
    add_jobs(running, "songs analysed")
    add_cache(running)
    return parser


def _add_data(parser: argparse.ArgumentParser) -> None:
    data = parser.add_argument_group("data")
    data.add_argument("--stem", choices=STEMS, required=True, help="which drum to train on")
    data.add_argument("--raw-dir", type=Path, metavar="DIR", help="MIDI as stems_to_midi.py wrote it, with all below")
    data.add_argument("--edited-dir", type=Path, metavar="DIR", help="the same after your edits: NAME_edited.mid")
    data.add_argument(
        "--audio-dir", type=Path, action="append", default=[], metavar="DIR",
        help="where the stems lie, may be repeated (default: the place noted in the raw MIDI, else beside it)",
    )  # fmt: skip
    data.add_argument(
        "--examples", type=Path, nargs="+", default=[], metavar="FILE.csv",
        help="labelled examples of others, beside your own songs, or alone without --raw-dir and --edited-dir",
    )  # fmt: skip


def _add_aligning(parser: argparse.ArgumentParser) -> None:
    aligning = parser.add_argument_group("aligning, where a message asks for it")
    aligning.add_argument("--edited-tempo", type=tempo, metavar="BPM", help="tempo to read the edited MIDI at")
    aligning.add_argument(
        "--edited-offset", type=seconds, metavar="S", help="seconds to add to the edited MIDI's times"
    )
    aligning.add_argument(
        "--edited-drum-map", choices=DRUM_MAPS, metavar="NAME",
        help="whose notes the edited MIDI has, where they are not those of the raw MIDI; stems_to_midi.py "
        "--list-drum-maps shows all",
    )  # fmt: skip
    aligning.add_argument(
        "--range", type=seconds_range, metavar="START-END", help="seconds of the song that were edited"
    )
    for option, what, means in (
        ("--accept-empty", EMPTY, "edited files without a note mean that every hit is false"),
        ("--accept-unchanged", UNCHANGED, "edited files equal to the raw ones mean that every hit in them is right"),
        ("--accept-short", SHORT, "edited files that end far before the raw ones were edited so far"),
    ):
        aligning.add_argument(
            option, dest="accepted", action="append_const", const=what, default=[],
            help=f"{means} (otherwise they are taken for a mistake and left out)",
        )  # fmt: skip


def _add_training(parser: argparse.ArgumentParser) -> None:
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
    training.add_argument(
        "--algorithm", choices=ALGORITHMS, default=FOREST,
        help="what learns from the edits: forest (default), logistic (simple), ensemble (forest, boosted trees and "
        f"logistic, weighed by what they do out of fold), network (from {NETWORK_EXAMPLES} decisions on; it takes the "
        "bundled networks' last hidden layer, too), or auto, "
        "which takes what decides best on songs held out",
    )  # fmt: skip
    training.add_argument(
        "--start-from", metavar=f"{PRETRAINED}|MODEL.pkl|{FROM_NOTHING}",
        help="let your edits refine the model that comes with the toolkit, or another one, or start from nothing "
        f"(default: {PRETRAINED} where it fits: --features all, the usual bands)",
    )  # fmt: skip
    training.add_argument("--n-estimators", type=int, default=200, metavar="N", help="trees (default: 200)")
    training.add_argument(
        "--features", choices=("all", "guide"), default="all",
        help="all, or the guide's seven alone (default: all)",
    )  # fmt: skip
    training.add_argument(
        "--tune", type=float, metavar="MINUTES",
        help="search so long for better hyperparameters of the algorithm, and with --learn-thresholds for better "
        "thresholds and detection settings; needs requirements-tuning.txt",
    )  # fmt: skip
    training.add_argument(
        "--tune-trials", type=int, metavar="N",
        help="search until so many were tried, or both: what comes first; the same number gives the same file",
    )  # fmt: skip
    training.add_argument("--seed", type=int, default=0, help="same data, same seed: same file (default: 0)")
    training.add_argument("--force", action="store_true", help="train on very few hits, and replace files not our own")


def _add_reporting(parser: argparse.ArgumentParser) -> None:
    reporting = parser.add_argument_group("reporting")
    reporting.add_argument("--dry-run", action="store_true", help="only pair, align and count; train nothing")
    reporting.add_argument("--pairs", type=Path, metavar="FILE.csv", help="write what became of every note")
    reporting.add_argument("--json", type=Path, metavar="FILE", help="the numbers of the report")
    reporting.add_argument(
        "--report", type=Path, metavar="FILE.html",
        help="a page with pictures and sound of the held-out songs (a folder gets report.html)",
    )  # fmt: skip
    reporting.add_argument("--quiet", action="store_true", help="print only errors")


def check_usage(args: argparse.Namespace) -> TrainingOptions:
    """Return the options of the training; the others are checked, as far as that needs no song.

    Raises
    ------
    UsageError
        Options contradict each other, or a value is out of range.
    InputError
        An output would replace a file that is not our own.
    """
    if not (args.raw_dir and args.edited_dir):
        _check_usage_without_songs(args)
    if not (args.dry_run or args.output_model or args.learn_thresholds or args.export_examples):
        raise UsageError("say where the model goes with --output-model, such as models/cymbals_classifier.pkl.")
    options = TrainingOptions(
        args.algorithm, args.n_estimators, args.seed, args.features, args.start_from, force=args.force
    )
    args.budget = _budget(args)
    require_jobs(args.jobs)
    if args.report and (args.dry_run or not args.output_model):
        raise UsageError("--report goes with --output-model: the page shows how its model was tested.")
    require_safe(_outputs(args), _inputs(args), force=args.force)
    return options


def _budget(args: argparse.Namespace) -> Budget | None:
    """Return how long to search; None where nothing is to be tuned."""
    if args.tune is None and args.tune_trials is None:
        return None
    if args.dry_run or not (args.output_model or args.learn_thresholds):
        raise UsageError("--tune goes with --output-model or --learn-thresholds: it searches for what they write.")
    return Budget(args.tune, args.tune_trials)


def _outputs(args: argparse.Namespace) -> list[Output]:
    outputs = (
        Output("--output-model", args.output_model, starts_with(KIND.encode())),
        Output("--learn-thresholds", args.learn_thresholds, lambda path: False),
        Output("--export-examples", args.export_examples, starts_with(EXAMPLES_SIGNATURE)),
        Output("--pairs", args.pairs, starts_with(b"song,raw_s,edited_s")),
        Output("--json", args.json, starts_with(SCHEMA.encode())),
        Output("--report", args.report and page_path(args.report), starts_with(PAGE_SIGNATURE)),
    )
    return [output for output in outputs if output.path]


def _inputs(args: argparse.Namespace) -> Iterator[Path]:
    """Yield every file that a training may read, told or not."""
    yield from (args.config, *args.examples, *shipped_files())
    if args.start_from not in (None, FROM_NOTHING) and not is_bundled(args.start_from):
        yield Path(args.start_from)
    if not (args.raw_dir and args.edited_dir):
        return
    yield from (*midi_below(args.raw_dir), *midi_below(args.edited_dir))
    for pair in find_pairs(args.raw_dir, args.edited_dir, args.stem).pairs:
        with suppress(InputError):
            yield find_audio(pair, read_provenance(read_midi(pair.raw)), args.audio_dir)


def _check_usage_without_songs(args: argparse.Namespace) -> None:
    if args.raw_dir or args.edited_dir or not args.examples:
        raise UsageError("give your songs with --raw-dir and --edited-dir, both of them, or --examples FILE.csv alone.")
    for option, given in (
        ("--learn-thresholds", args.learn_thresholds), ("--export-examples", args.export_examples),
        ("--pairs", args.pairs), ("--report", args.report),
    ):  # fmt: skip
        if given:
            raise UsageError(f"{option} is about your own songs; give them with --raw-dir and --edited-dir.")
