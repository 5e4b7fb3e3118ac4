#!/usr/bin/env python3
"""Turn separated drum stems into MIDI: detect every candidate hit, keep the real ones, write the notes."""

import argparse
import os
import sys
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # saves 50 ms at start; nothing here multiplies large matrices

from drumhits import __version__, report
from drumhits.cli import (
    EXIT_DONE,
    EXIT_SOME_FAILED,
    Console,
    require_distinct,
    require_replaceable,
    run,
    starts_with,
)
from drumhits.config import Config, describe, load_config, parse_override
from drumhits.conversion import Conversion, Job, results
from drumhits.errors import InputError, UsageError
from drumhits.files import write_whole
from drumhits.jobs import collecting, gather, output_paths, stem_of
from drumhits.midi import read_midi_bytes
from drumhits.provenance import is_untouched
from drumhits.settings import STEMS

SHIPPED_CONFIG = Path(__file__).with_name("midiconfig.yaml")
EXAMPLES = """examples:
  python stems_to_midi.py --input Song1-cymbals.wav --output Song1-cymbals.mid --stem cymbals
  python stems_to_midi.py --input separated_stems --output training_data/raw_midi --jobs 2
  python stems_to_midi.py --input Song1-snare.wav --keep-all --plot Song1-snare.png
  python stems_to_midi.py --input Song1-toms.wav --set toms.geomean_threshold=80
  python stems_to_midi.py --input new-cymbals.wav --use-ml-model models/cymbals_classifier.pkl

exit codes: 0 done, 1 some input failed, 2 wrong usage or configuration, 130 interrupted
"""


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    files = parser.add_argument_group("input and output")
    files.add_argument(
        "--input", nargs="+", type=Path, metavar="AUDIO",
        help="audio files (WAV, FLAC, AIFF, OGG, MP3; 8 to 384 kHz) or folders of them",
    )  # fmt: skip
    files.add_argument(
        "--output", type=Path, metavar="MIDI",
        help="MIDI file, or a folder for several inputs (default: beside the audio)",
    )  # fmt: skip
    files.add_argument("--stem", choices=STEMS, help="which drum it is (default: from names such as Song1-kick.wav)")
    files.add_argument("--force", action="store_true", help="replace files that are no untouched output of this script")
    deciding = parser.add_argument_group("deciding")
    deciding.add_argument(
        "--config", type=Path, metavar="YAML", help="settings (default: the midiconfig.yaml beside this script)"
    )
    deciding.add_argument(
        "--set", action="append", default=[], metavar="STEM.SETTING=VALUE",
        help="a setting that beats the file, such as cymbals.geomean_threshold=12; may be repeated",
    )  # fmt: skip
    deciding.add_argument(
        "--use-ml-model", type=Path, metavar="MODEL.pkl",
        help="let a model of train_classifier.py decide in place of the thresholds",
    )  # fmt: skip
    deciding.add_argument(
        "--min-confidence", type=_share, metavar="0..1", help="confidence from which the model's hits are kept"
    )
    deciding.add_argument(
        "--keep-all", action="store_true", help="write every candidate, the rejected ones at velocity 1"
    )
    deciding.add_argument(
        "--print-config", action="store_true", help="show each setting in force and where it came from, then stop"
    )
    reporting = parser.add_argument_group("reporting")
    reporting.add_argument("--csv", type=Path, metavar="FILE", help="every candidate as CSV (one input only)")
    reporting.add_argument("--json", type=Path, metavar="FILE", help="every candidate of every input as JSON")
    reporting.add_argument("--plot", type=Path, metavar="FILE.png", help="picture of the candidates (one input only)")
    volume = reporting.add_mutually_exclusive_group()
    volume.add_argument("--quiet", action="store_true", help="print only errors")
    volume.add_argument("-v", "--verbose", action="store_true", help="show the whole table of a long file")
    running = parser.add_argument_group("running")
    running.add_argument("--jobs", type=int, default=1, metavar="N", help="files converted at a time (default: 1)")
    return parser


def convert_all(args: argparse.Namespace, console: Console) -> int:
    """Convert every input, and report each as it comes."""
    config = load_config(args.config or SHIPPED_CONFIG, _overrides(args.set))
    if args.print_config:
        print_config(config, args.stem)
        return EXIT_DONE
    jobs, n_refused = plan(args, config, console)
    done, failed = [], []
    for job, result in results(jobs, args.jobs):
        try:
            if isinstance(result, InputError):
                raise result
            finish(result, args, console)
            done.append(result)
        except InputError as error:
            console.error(error)
            failed.append(job)
        console.progress(len(done) + len(failed), len(jobs), job.audio.name)
    if args.json:
        write_whole(args.json, report.to_json(done).encode())
    if len(jobs) + n_refused > 1:
        kept = sum(int(one.decisions.keep.sum()) for one in done)
        console.data(f"Converted {len(done)} of {len(jobs) + n_refused} inputs, {kept} notes.")
    return EXIT_SOME_FAILED if failed or n_refused else EXIT_DONE


def plan(args: argparse.Namespace, config: Config, console: Console) -> tuple[list[Job], int]:
    """Return the jobs whose output destroys nothing of the user's, and the number of inputs that were refused."""
    if not args.input:
        raise UsageError("give the audio to convert with --input, such as --input Song1-cymbals.wav.")
    if args.min_confidence is not None and not args.use_ml_model:
        raise UsageError("--min-confidence goes with --use-ml-model.")
    if args.jobs < 1:
        raise UsageError(f"--jobs {args.jobs}: give 1 or more.")
    pairs, errors = gather(args.input, args.stem)
    audio = [path for path, _ in pairs]
    if len(pairs) > 1 and (args.csv or args.plot):
        raise UsageError(f"--csv and --plot take one input, and here are {len(pairs)}; use --json for several.")
    outputs = output_paths(args.input, audio, args.output)
    model = model_name = None
    if args.use_ml_model:
        from drumhits.model import load_model, require_stem

        model, model_name = load_model(args.use_ml_model), args.use_ml_model.name
    reports = [(option, path, is_ours) for option, path, is_ours in (
        ("--csv", args.csv, starts_with(b"time_s,Str,Amp")),
        ("--json", args.json, starts_with(report.SCHEMA.encode())),
        ("--plot", args.plot, starts_with(b"Software\x00drumhits")),
    ) if path]  # fmt: skip
    require_distinct(
        [(f"the MIDI of {path}", output) for path, output in zip(audio, outputs, strict=True)]
        + [(option, path) for option, path, _ in reports]
    )
    sources = [*audio, args.config or SHIPPED_CONFIG, *([args.use_ml_model] if args.use_ml_model else [])]
    for option, path, is_ours in reports:
        require_replaceable(path, sources, is_ours, force=args.force, option=option)
    jobs = []
    for (path, stem), output in zip(pairs, outputs, strict=True):
        with collecting(errors):
            require_replaceable(output, sources, is_our_midi, force=args.force, option="--output")
            if model and not args.force:
                require_stem(model, stem, str(args.use_ml_model))
            jobs.append(Job(path, output, stem, config, args.keep_all, model, model_name, args.min_confidence))
        if args.stem is None:
            console.message(f"{path.name}: taken as {stem}, from its name.")
        elif stem_of(path.stem) not in (None, args.stem):
            console.warning(f"{path.name}: is named {stem_of(path.stem)} but converted as {stem}.")
    for error in errors:
        console.error(error)
    return jobs, len(errors)


def finish(conversion: Conversion, args: argparse.Namespace, console: Console) -> None:
    """Write what was asked for and report it."""
    job = conversion.job
    for warning in conversion.source.warnings:
        console.warning(warning)
    write_whole(job.output, conversion.midi)
    if args.csv:
        write_whole(args.csv, report.to_csv(conversion).encode())
    if args.plot:
        from drumhits.figures import candidate_figure

        write_whole(args.plot, candidate_figure(conversion))
    console.data(f"{job.audio.name} -> {job.output}")
    if len(conversion.table):
        console.data(report.candidate_table(conversion, whole=args.verbose))
    else:
        console.warning(f"{job.audio}: holds no hit (silent or empty?); the MIDI file has no notes.")
    console.data(report.summary(conversion) + "\n")


def _share(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 1 (0.7 is 70 %)")
    return value


def print_config(config: Config, stem: str | None) -> None:
    rows = [(f"{path}: {value}", origin) for path, value, origin in describe(config, stem)]
    width = max(len(setting) for setting, _ in rows)
    print("\n".join(f"{setting:<{width}}  # {origin}" for setting, origin in rows))


def is_our_midi(path: Path) -> bool:
    """Tell whether a file is a MIDI file of this script that nobody has edited."""
    return is_untouched(read_midi_bytes(path))


def _overrides(settings: list[str]) -> dict[str, dict]:
    overrides: dict[str, dict] = {}
    for text in settings:
        for section, values in parse_override(text).items():
            overrides.setdefault(section, {}).update(values)
    return overrides


def main(argv: list[str] | None = None) -> int:
    args = get_parser().parse_args(argv)
    console = Console("stems_to_midi.py", quiet=args.quiet)
    return run(lambda: convert_all(args, console), console)


if __name__ == "__main__":
    sys.exit(main())
