#!/usr/bin/env python3
"""Turn separated drum stems into MIDI: detect every candidate hit, keep the real ones, write the notes."""

from drumhits.cli.interrupts import end_quietly

if __name__ == "__main__":
    end_quietly()

import argparse
import gc
import os
import sys

gc.disable()  # until all is imported: looking for garbage among modules costs a tenth of the time of a short file
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # saves 50 ms at start; nothing here multiplies large matrices

from drumhits import drum_maps
from drumhits.bundle import SHIPPED_CONFIG
from drumhits.cli.console import EXIT_DONE, EXIT_SOME_FAILED, Console, run
from drumhits.cli.conversion import check_usage, get_parser, overrides
from drumhits.cli.song_files import check_song_usage, check_songs, song_files, tell_grid
from drumhits.config.load import Config, load_config
from drumhits.errors import InputError
from drumhits.io.files import NOTATION_SIGNATURE, PNG_SIGNATURE, write_whole
from drumhits.io.grid import Grid
from drumhits.io.outputs import Output, starts_with
from drumhits.io.text import escape_controls
from drumhits.transcription import report
from drumhits.transcription.batch import Result, UpToDate, by_output, by_song, results
from drumhits.transcription.convert import Conversion, Job, merged
from drumhits.transcription.plan import JobRequest, plan

gc.freeze()
gc.enable()

BY_THRESHOLDS = "thresholds decided; the models that come with the toolkit decide better: --use-ml-model pretrained"
MOST_ALIKE = 3  # warnings
SAME_NAMES = ("output", "stem", "merge", "split", "min_confidence", "keep_all", "resume", "force")  # as options


def convert_all(args: argparse.Namespace, console: Console) -> int:
    """Convert every input, and report each as it comes."""
    if args.list_drum_maps:
        print(drum_maps.listing())
        return EXIT_DONE
    config = load_config(args.config or SHIPPED_CONFIG, overrides(args))
    if args.print_config:
        print(report.settings(config, args.stem))
        return EXIT_DONE
    check_usage(args)
    check_song_usage(args)
    if args.review:
        from drumhits.cli.reviewing import review

        return review(args, request(args, config), console)
    planned = plan(request(args, config))
    console.messages(planned.messages)
    console.warnings(planned.warnings)
    for error in planned.refused.values():
        console.error(error)
    jobs, failed = planned.jobs, dict(planned.refused)
    check_songs(jobs, args)
    grid = None
    n_inputs, n_finished, done = sum(not job.is_heard_only for job in jobs) + len(failed), 0, []
    for song in by_song(results(jobs, args.jobs, args.dask), jobs):
        grid = tell_grid(song, console)
        written = [(job, result) for job, result in song if not job.is_heard_only]
        for one_file in by_output(written, [job for job, _ in written]):
            done += finish(one_file, args, console, n_inputs, grid, failed)
        n_finished += len(song)
        console.progress(n_finished, len(jobs), song[-1][0].label)
    are_whole = song_files(done, jobs, grid, args, console)
    if args.json:
        write_whole(args.json, report.to_json(done).encode())
    console.count_alike()
    if n_inputs > 1:
        what = "instruments" if args.split else "inputs"
        console.data(report.batch_summary(done, n_inputs, failed, planned.n_skipped, what))
    if not all(one.job.model for one in done):
        console.message(BY_THRESHOLDS)
    return EXIT_DONE if are_whole and not failed else EXIT_SOME_FAILED


def request(args: argparse.Namespace, config: Config) -> JobRequest:
    reports = (
        Output("--csv", args.csv, starts_with(report.CSV_SIGNATURE)),
        Output("--json", args.json, starts_with(report.SCHEMA.encode())),
        Output("--plot", args.plot, starts_with(PNG_SIGNATURE)),
        Output("--musicxml", args.musicxml, starts_with(NOTATION_SIGNATURE)),
        Output("--sonify", args.sonify, lambda path: False),
    )
    return JobRequest(
        inputs=tuple(args.input), config=config, config_path=args.config, models=tuple(args.use_ml_model),
        reports=tuple(one for one in reports if one.path), **{name: getattr(args, name) for name in SAME_NAMES},
    )  # fmt: skip


def finish(
    song: list[tuple[Job, Result]], args: argparse.Namespace, console: Console, n_inputs: int, grid: Grid | None,
    failed: dict[str, InputError],
) -> list[Conversion]:  # fmt: skip
    """Return what was written of the stems that go into one MIDI file; the error that forbids it goes to `failed`."""
    try:
        return write(song, args, console, n_inputs, grid)
    except InputError as error:
        console.error(error)
        failed |= {str(job.recording): error for job, _ in song}
        return []


def write(
    song: list[tuple[Job, Result]], args: argparse.Namespace, console: Console, n_inputs: int, grid: Grid | None
) -> list[Conversion]:
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
    write_whole(conversions[0].job.output, merged(conversions, grid))
    for conversion in conversions:
        write_reports(conversion, args)
        say(conversion, console, whole=args.verbose, alone=n_inputs == 1)
    return conversions


def write_reports(conversion: Conversion, args: argparse.Namespace) -> None:
    """Write the reports of a conversion to their files."""
    if args.csv:
        write_whole(args.csv, report.to_csv(conversion).encode())
    if args.plot:
        from drumhits.transcription.figure import candidate_figure

        write_whole(args.plot, candidate_figure(conversion))


def say(conversion: Conversion, console: Console, *, whole: bool, alone: bool) -> None:
    """Report a conversion to the console: its table and summary where it is `alone` or all is asked for, or a line."""
    job = conversion.job
    if not (whole or alone):
        console.data(report.one_line(conversion))
        return
    console.data(escape_controls(f"{job.recording.name} -> {job.output}"))
    if len(conversion.table):
        console.data(report.candidate_table(conversion, whole=whole))
    console.data(report.summary(conversion) + "\n")


def main(argv: list[str] | None = None) -> int:
    args = get_parser(__doc__).parse_args(argv)
    console = Console("stems_to_midi.py", quiet=args.quiet, most_alike=sys.maxsize if args.verbose else MOST_ALIKE)
    return run(lambda: convert_all(args, console), console)


if __name__ == "__main__":
    sys.exit(main())
