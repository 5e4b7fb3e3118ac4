#!/usr/bin/env python3
"""Turn separated drum stems into MIDI: detect every candidate hit, keep the real ones, write the notes."""

import argparse
import os
import sys

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # saves 50 ms at start; nothing here multiplies large matrices

from drumhits.cli.interrupts import end_quietly

if __name__ == "__main__":
    end_quietly()

from drumhits.bundle import SHIPPED_CONFIG
from drumhits.cli.console import EXIT_DONE, EXIT_SOME_FAILED, Console, run
from drumhits.cli.conversion import check_usage, get_parser
from drumhits.config.load import Config, load_config, parse_overrides
from drumhits.errors import InputError
from drumhits.io.files import PNG_SIGNATURE, write_whole
from drumhits.io.outputs import Output, starts_with
from drumhits.io.text import to_ascii
from drumhits.transcription import report
from drumhits.transcription.convert import Conversion, Job, Result, UpToDate, by_output, merged, results
from drumhits.transcription.plan import JobRequest, plan

SAME_NAMES = ("output", "stem", "merge", "split", "min_confidence", "keep_all", "resume", "force")  # as options
def convert_all(args: argparse.Namespace, console: Console) -> int:
    """Convert every input, and report each as it comes."""
    config = load_config(args.config or SHIPPED_CONFIG, parse_overrides(args.set))
    if args.print_config:
        print(report.settings(config, args.stem))
        return EXIT_DONE
    check_usage(args)
    planned = plan(request(args, config))
    console.messages(planned.messages)
    console.warnings(planned.warnings)
    for error in planned.refused.values():
        console.error(error)
    jobs, failed = planned.jobs, list(planned.refused)
    n_inputs, n_finished, done = len(jobs) + len(failed), 0, []
    for song in by_output(results(jobs, args.jobs, args.dask), jobs):
        try:
            done += finish(song, args, console)
        except InputError as error:
            console.error(error)
            failed += [str(job.audio) for job, _ in song]
        n_finished += len(song)
        console.progress(n_finished, len(jobs), song[-1][0].audio.name)
    if args.json:
        write_whole(args.json, report.to_json(done).encode())
    if n_inputs > 1:
        console.data(report.batch_summary(done, n_inputs, failed, "instruments" if args.split else "inputs"))
    return EXIT_SOME_FAILED if failed else EXIT_DONE


def request(args: argparse.Namespace, config: Config) -> JobRequest:
    reports = (
        Output("--csv", args.csv, starts_with(report.CSV_SIGNATURE)),
        Output("--json", args.json, starts_with(report.SCHEMA.encode())),
        Output("--plot", args.plot, starts_with(PNG_SIGNATURE)),
    )
    return JobRequest(
        inputs=tuple(args.input), config=config, config_path=args.config, model=args.use_ml_model,
        reports=tuple(one for one in reports if one.path), **{name: getattr(args, name) for name in SAME_NAMES},
    )  # fmt: skip


def finish(song: list[tuple[Job, Result]], args: argparse.Namespace, console: Console) -> list[Conversion]:
    """Write what was made of the stems that go into one MIDI file, and report each of them.

    Raises
    ------
    InputError
        One of them could not be converted; nothing is written then.
    """
    for _, result in song:
        if isinstance(result, InputError):
            raise result
    conversions = [result for _, result in song if isinstance(result, Conversion)]
    for job, result in song:
        if isinstance(result, UpToDate):
            console.message(f"{job.output}: is made already, from the same audio in the same way.")
    if not conversions:
        return []
    console.warnings(dict.fromkeys(warning for one in conversions for warning in report.warnings(one)))
    write_whole(conversions[0].job.output, merged(conversions))
    for conversion in conversions:
        report_one(conversion, args, console)
    return conversions


def report_one(conversion: Conversion, args: argparse.Namespace, console: Console) -> None:
    """Write the reports of a conversion to their files, and its table and summary to the console."""
    job = conversion.job
    if args.csv:
        write_whole(args.csv, report.to_csv(conversion).encode())
    if args.plot:
        from drumhits.transcription.figure import candidate_figure

        write_whole(args.plot, candidate_figure(conversion))
    console.data(to_ascii(f"{job.audio.name} -> {job.output}"))
    if len(conversion.table):
        console.data(report.candidate_table(conversion, whole=args.verbose))
    console.data(report.summary(conversion) + "\n")


def main(argv: list[str] | None = None) -> int:
    args = get_parser(__doc__).parse_args(argv)
    console = Console("stems_to_midi.py", quiet=args.quiet)
    return run(lambda: convert_all(args, console), console)


if __name__ == "__main__":
    sys.exit(main())
