"""The options of stems_to_midi.py, and the checks that need no audio."""

import argparse
from pathlib import Path
from typing import Any

from drumhits.cli.options import add_jobs, new_parser, port, require_jobs, share
from drumhits.config.load import parse_override, parse_overrides
from drumhits.drums import STEMS
from drumhits.errors import UsageError

EXAMPLES = """examples:
  python stems_to_midi.py --input Song1-cymbals.wav --output Song1-cymbals.mid --stem cymbals
  python stems_to_midi.py --input separated_stems --output training_data/raw_midi --jobs 2
  python stems_to_midi.py --input separated_stems --output midi --tempo 140 --use-ml-model pretrained
  python stems_to_midi.py --input separated_stems --output songs --merge --use-ml-model pretrained
  python stems_to_midi.py --input drums.wav --output drums.mid --split
  python stems_to_midi.py --input separated_stems --output midi --jobs 2 --resume
  python stems_to_midi.py --input /shared/stems --output midi --dask tcp://192.168.1.10:8786
  python stems_to_midi.py --input Song1-snare.wav --keep-all --plot Song1-snare.png
  python stems_to_midi.py --input Song1-toms.wav --set toms.geomean_threshold=80
  python stems_to_midi.py --input new-cymbals.wav --use-ml-model models/cymbals_classifier.pkl
  python stems_to_midi.py --input separated_stems --output midi --use-ml-model models
  python stems_to_midi.py --input Song1-cymbals.wav --use-ml-model pretrained --review

exit codes: 0 done, 1 some input failed, 2 wrong usage or configuration, 130 interrupted
"""

NOT_IN_REVIEW = (  # options
    "split", "merge", "keep_all", "resume", "dask", "csv", "json", "plot", "musicxml", "sonify",
)  # fmt: skip

# Each of these options is short for a setting of the section `midi`.
MIDI_OPTIONS = (
    "tempo", "first_bar", "time_signature", "drum_map", "quantize", "strength", "swing", "merge_flams",
)  # fmt: skip


def get_parser(description: str | None) -> argparse.ArgumentParser:
    """Return the parser of stems_to_midi.py."""
    parser = new_parser(description, EXAMPLES)
    adders = (
        _add_input_and_output, _add_deciding, _add_reviewing, _add_grid, _add_notes, _add_reporting, _add_running,
    )  # fmt: skip
    for add in adders:
        add(parser)
    return parser



def _add_input_and_output(parser: argparse.ArgumentParser) -> None:
    """Add the options of what is read and what is written."""
    files = parser.add_argument_group("input and output")
    files.add_argument(
        "--input", nargs="+", type=Path, metavar="AUDIO",
        help="audio files (WAV, FLAC, AIFF, OGG, MP3; 8 to 384 kHz) or folders, with all below them",
    )  # fmt: skip
    files.add_argument(
        "--output", type=Path, metavar="MIDI",
        help="MIDI file, or a folder, which gets the folders of the input (default: beside the audio)",
    )  # fmt: skip
    files.add_argument(
        "--merge", action="store_true", help="one MIDI file a song, such as Song1.mid, with a track for each stem"
    )
    files.add_argument(
        "--split", action="store_true",
        help="the input is a whole drum mix that was not separated: write its kick, snare, toms, hi-hat and cymbals "
        "into one MIDI file, a track each, as the bundled models for mixes decide; stems that were separated from it "
        "and lie beside it are taken along",
    )  # fmt: skip
    files.add_argument(
        "--stem", choices=STEMS,
        help="which drum it is, also of a whole folder whose names do not tell (default: from the names of files and "
        "folders, such as Song1-kick.wav, Song1/kick.wav, kick/Song1.wav or Song1_(Kick).wav)",
    )  # fmt: skip
    files.add_argument("--force", action="store_true", help="replace files that are no untouched output of this script")


def _add_deciding(parser: argparse.ArgumentParser) -> None:
    """Add the options of what decides about candidates."""
    deciding = parser.add_argument_group("deciding")
    deciding.add_argument(
        "--config", type=Path, metavar="YAML",
        help="settings (default: the midiconfig.yaml that comes with the toolkit)",
    )  # fmt: skip
    deciding.add_argument(
        "--set", action="append", default=[], metavar="STEM.SETTING=VALUE",
        help="a setting that beats the file, such as cymbals.geomean_threshold=12; may be repeated",
    )  # fmt: skip
    deciding.add_argument(
        "--use-ml-model", type=Path, nargs="+", default=[], metavar="MODEL.pkl",
        help="let models decide in place of the thresholds: those of train_classifier.py, each about its stem, a "
        "folder of them, or the word pretrained for those that come with the toolkit, which also decide about all "
        "other stems",
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


def _add_grid(parser: argparse.ArgumentParser) -> None:
    """Add the options of the grid of the MIDI file."""
    grid = parser.add_argument_group("tempo and bars", "hits keep their times in seconds, whatever the grid")
    grid.add_argument(
        "--tempo", metavar="BPM|auto|FILE.mid",
        help="a tempo; auto: as the hits of all the song's stems tell; or a MIDI file out of your DAW, whose tempo map "
        "and time signatures are taken (default: 120)",
    )  # fmt: skip
    grid.add_argument("--first-bar", metavar="SECONDS", help="where bar 1 begins (default: the start; auto finds it)")
    grid.add_argument(
        "--time-signature", metavar="4/4|3/4|6/8|auto",
        help="of the bars (default: auto; 4/4, 3/4 or 6/8 as the hits tell)",
    )  # fmt: skip


def _add_notes(parser: argparse.ArgumentParser) -> None:
    """Add the options of which notes are written."""
    notes = parser.add_argument_group("notes")
    notes.add_argument(
        "--drum-map", metavar="NAME", help="whose notes are written, such as superior-drummer-3 (default: general-midi)"
    )
    notes.add_argument(
        "--quantize", metavar="1/16",
        help="move notes to a grid: 1/4, 1/8, 1/8T, 1/16, 1/16T or 1/32; not for MIDI to be edited for training",
    )  # fmt: skip
    notes.add_argument("--strength", metavar="PERCENT", help="how far --quantize moves them (default: 100)")
    notes.add_argument(
        "--swing", metavar="PERCENT|auto", help="share of a pair of steps that its first one takes, 50 to 75"
    )
    notes.add_argument("--merge-flams", metavar="MS", help="make one of two strokes of a drum that lie that near")
    notes.add_argument("--list-drum-maps", action="store_true", help="show the names of all drum maps, then stop")


def _add_reviewing(parser: argparse.ArgumentParser) -> None:
    """Add the options of deciding by ear."""
    reviewing = parser.add_argument_group("reviewing")
    reviewing.add_argument(
        "--review", action="store_true",
        help="open a page in the browser that plays the hits in doubt, one after the other, learns from what you "
        "decide, and writes the MIDI when you have done; it is served on this machine alone",
    )  # fmt: skip
    reviewing.add_argument("--no-browser", action="store_true", help="only print the address of the page")
    reviewing.add_argument("--port", type=port, default=0, metavar="N", help="port of the page (default: a free one)")
    reviewing.add_argument(
        "--training-dir", type=Path, metavar="DIR",
        help="where a review keeps its answers, and the raw_midi/ and edited_midi/ to train on (default: the folder "
        "review beside the output)",
    )  # fmt: skip
    reviewing.add_argument(
        "--idle-minutes", type=float, default=60.0, metavar="N",
        help="end the review when no page has been open for so long (default: 60)",
    )  # fmt: skip


def _add_reporting(parser: argparse.ArgumentParser) -> None:
    """Add the options of what is reported, and how much of it."""
    reporting = parser.add_argument_group("reporting")
    reporting.add_argument("--csv", type=Path, metavar="FILE", help="every candidate as CSV (one input only)")
    reporting.add_argument("--json", type=Path, metavar="FILE", help="every candidate of every input as JSON")
    reporting.add_argument("--plot", type=Path, metavar="FILE.png", help="picture of the candidates (one input only)")
    reporting.add_argument(
        "--musicxml", type=Path, metavar="FILE.musicxml",
        help="the song as drum notation, quantised for reading alone (one song only; needs requirements-notation.txt)",
    )  # fmt: skip
    reporting.add_argument(
        "--sonify", type=Path, metavar="FILE.wav",
        help="a sound for each hit on the right, the stems on the left, to hear what was found (one song only)",
    )  # fmt: skip
    reporting.add_argument("--sonify-mixed", action="store_true", help="both in the middle")
    volume = reporting.add_mutually_exclusive_group()
    volume.add_argument("--quiet", action="store_true", help="print only errors")
    volume.add_argument("-v", "--verbose", action="store_true", help="show the whole table, also of several files")


def _add_running(parser: argparse.ArgumentParser) -> None:
    """Add the options of how the work is done."""
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


def overrides(args: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """Return the settings that the command line gives, with --set and with the options of `MIDI_OPTIONS`.

    Raises
    ------
    UsageError
        See `load.parse_override`.
    """
    given: dict[str, dict[str, Any]] = parse_overrides(args.set)
    for setting in MIDI_OPTIONS:
        if (value := getattr(args, setting)) is not None:
            given.setdefault("midi", {}).update(parse_override(f"midi.{setting}={value}", _option(setting))["midi"])
    return given


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def check_usage(args: argparse.Namespace) -> None:
    """Make sure that the options go together.

    Raises
    ------
    UsageError
    """
    if not args.input:
        raise UsageError("give the audio to convert with --input, such as --input Song1-cymbals.wav.")
    require_jobs(args.jobs)
    if args.dask is not None and args.jobs > 1:
        raise UsageError("--dask goes without --jobs: the cluster has as many workers as were started.")
    _check_reviewing(args)


def _check_reviewing(args: argparse.Namespace) -> None:
    if args.review and (wrong := [_option(name) for name in NOT_IN_REVIEW if getattr(args, name)]):
        raise UsageError(f"--review asks about one stem after the other, and goes without {' and '.join(wrong)}.")
    if not args.review and (args.no_browser or args.port or args.training_dir):
        raise UsageError("--no-browser, --port and --training-dir go with --review.")
    if not args.idle_minutes > 0:
        raise UsageError(f"--idle-minutes {args.idle_minutes:g}: give more than 0.")
