#!/usr/bin/env python3
"""Turn separated drum stems into MIDI: detect every candidate hit, keep the real ones, write the notes."""

import argparse
import os
import sys
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # saves 50 ms at start; nothing here multiplies large matrices

from drumhits.cli.interrupts import end_quietly

if __name__ == "__main__":
    end_quietly()

from drumhits.bundle import SHIPPED_CONFIG
from drumhits.cli.console import EXIT_DONE, EXIT_SOME_FAILED, Console, run
from drumhits.cli.options import add_jobs, new_parser, require_jobs, share
from drumhits.config.load import Config, config_text, load_config, parse_overrides
from drumhits.drums import STEMS
from drumhits.errors import InputError, UsageError
from drumhits.io.files import write_whole
from drumhits.io.text import to_ascii
from drumhits.transcription import report
from drumhits.transcription.convert import Conversion, Job, Result, UpToDate, by_output, conversions_of, merged, results
from drumhits.transcription.jobs import JobRequest, plan

SAME_NAMES = ("output", "stem", "min_confidence", "keep_all", "resume", "force", "csv", "json", "plot")
EXAMPLES = """examples:
  python stems_to_midi.py --input Song1-cymbals.wav --output Song1-cymbals.mid --stem cymbals
  python stems_to_midi.py --input separated_stems --output training_data/raw_midi --jobs 2
  python stems_to_midi.py --input separated_stems --output songs --merge --use-ml-model pretrained
  python stems_to_midi.py --input drums.wav --output drums.mid --split
  python stems_to_midi.py --input separated_stems --output midi --jobs 2 --resume
  python stems_to_midi.py --input /shared/stems --output midi --dask tcp://192.168.1.10:8786
  python stems_to_midi.py --input Song1-snare.wav --keep-all --plot Song1-snare.png
  python stems_to_midi.py --input Song1-toms.wav --set toms.geomean_threshold=80
  python stems_to_midi.py --input new-cymbals.wav --use-ml-model models/cymbals_classifier.pkl

exit codes: 0 done, 1 some input failed, 2 wrong usage or configuration, 130 interrupted
"""


def get_parser() -> argparse.ArgumentParser:
    parser = new_parser(__doc__, EXAMPLES)
    files = parser.add_argument_group("input and output")
    files.add_argument(
        "--input", nargs="+", type=Path, metavar="AUDIO",
        help="audio files (WAV, FLAC, AIFF, OGG, MP3; 8 to 384 kHz) or folders of them",
    )  # fmt: skip
    files.add_argument(
        "--output", type=Path, metavar="MIDI",
        help="MIDI file, or a folder for several inputs (default: beside the audio)",
    )  # fmt: skip
    files.add_argument(
        "--merge", action="store_true", help="one MIDI file a song, such as Song1.mid, with a track for each stem"
    )
    files.add_argument(
        "--split", action="store_true",
        help="the input is a whole drum mix that was not separated: write its kick, snare, toms, hi-hat and cymbals "
        "into one MIDI file, a track each, as the bundled models for mixes decide",
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
        help="let a model decide in place of the thresholds: one of train_classifier.py, or the word "
        "pretrained for those that come with the toolkit",
    )  # fmt: skip
    deciding.add_argument(
        "--min-confidence", type=share, metavar="0..1",
        help="confidence from which the model's hits are kept (default: the model's own)",
    )  # fmt: skip
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
    add_jobs(running, "files converted")
    running.add_argument(
        "--dask", metavar="ADDRESS",
        help="convert on the workers of a Dask cluster, such as tcp://192.168.1.10:8786; they find the audio under the "
        "same absolute paths",
    )  # fmt: skip
    running.add_argument(
        "--resume", action="store_true", help="leave out files that were already made from this audio in this way"
    )
    return parser


def convert_all(args: argparse.Namespace, console: Console) -> int:
    """Convert every input, and report each as it comes."""
    config = load_config(args.config or SHIPPED_CONFIG, parse_overrides(args.set))
    if args.print_config:
        print(config_text(config, args.stem))
        return EXIT_DONE
    check_usage(args)
    planned = plan(request_of(args, config))
    for sentence in planned.messages:
        console.message(sentence)
    for sentence in planned.warnings:
        console.warning(sentence)
    for error in planned.refused.values():
        console.error(error)
    failed, n_inputs, n_finished = list(planned.refused), len(planned.jobs) + len(planned.refused), 0
    done: list[Conversion] = []
    for song in by_output(results(planned.jobs, args.jobs, args.dask), planned.jobs):
        try:
            done += finish(song, args, console)
        except InputError as error:
            console.error(error)
            failed += [str(job.audio) for job, _ in song]
        n_finished += len(song)
        console.progress(n_finished, len(planned.jobs), song[-1][0].audio.name)
    if args.json:
        write_whole(args.json, report.to_json(done).encode())
    if n_inputs > 1:
        console.data(report.batch_summary(done, n_inputs, failed, "instruments" if args.split else "inputs"))
    return EXIT_SOME_FAILED if failed else EXIT_DONE


def check_usage(args: argparse.Namespace) -> None:
    if not args.input:
        raise UsageError("give the audio to convert with --input, such as --input Song1-cymbals.wav.")
    if args.min_confidence is not None and not (args.use_ml_model or args.split):
        raise UsageError("--min-confidence goes with --use-ml-model or --split.")
    if args.split and (args.stem or args.merge or args.use_ml_model):
        raise UsageError("--split finds all instruments with its own models: give it without --stem, --merge and "
                         "--use-ml-model.")  # fmt: skip
    require_jobs(args.jobs)
    if args.dask is not None and args.jobs > 1:
        raise UsageError("--dask goes without --jobs: the cluster has as many workers as were started.")
    if args.resume and (args.merge or args.split or args.csv or args.json or args.plot):
        raise UsageError(
            "--resume leaves out what is made, so it goes without --merge, --split, --csv, --json and --plot."
        )


def request_of(args: argparse.Namespace, config: Config) -> JobRequest:
    return JobRequest(
        inputs=tuple(args.input),
        config=config,
        config_path=args.config or SHIPPED_CONFIG,
        one_file_a="mix" if args.split else "song" if args.merge else "stem",
        model=args.use_ml_model,
        **{name: getattr(args, name) for name in SAME_NAMES},
    )


def finish(song: list[tuple[Job, Result]], args: argparse.Namespace, console: Console) -> list[Conversion]:
    """Write what was made of the stems that go into one MIDI file, and report each of them; raise its first error."""
    conversions = conversions_of(song)
    for job, result in song:
        if isinstance(result, UpToDate):
            console.message(f"{job.output}: is made already, from the same audio in the same way.")
    for warning in dict.fromkeys(warning for one in conversions for warning in one.source.warnings):
        console.warning(warning)
    if conversions:
        write_whole(conversions[0].job.output, merged(conversions))
    for conversion in conversions:
        report.write_reports(conversion, args.csv, args.plot)
        tell(conversion, args, console)
    return conversions


def tell(conversion: Conversion, args: argparse.Namespace, console: Console) -> None:
    job = conversion.job
    console.data(to_ascii(f"{job.audio.name} -> {job.output}"))
    if len(conversion.table):
        console.data(report.candidate_table(conversion, whole=args.verbose))
    else:
        console.warning(f"{job.audio}: holds no hit (silent or empty?); the MIDI file has no notes.")
    console.data(report.summary(conversion) + "\n")


def main(argv: list[str] | None = None) -> int:
    args = get_parser().parse_args(argv)
    console = Console("stems_to_midi.py", quiet=args.quiet)
    return run(lambda: convert_all(args, console), console)


if __name__ == "__main__":
    sys.exit(main())
