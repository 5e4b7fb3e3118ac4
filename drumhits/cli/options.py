"""Options that the scripts share, and the values that they take."""

import argparse
from math import isfinite
from pathlib import Path

from drumhits import __version__
from drumhits.cli.console import ArgumentParser
from drumhits.errors import UsageError
from drumhits.io.grid import MAX_TEMPO_BPM, MIN_TEMPO_BPM


def new_parser(description: str | None, examples: str) -> ArgumentParser:
    """Return a parser whose help ends in examples, with --version."""
    parser = ArgumentParser(
        description=description, epilog=examples, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    return parser


def add_jobs(group: argparse._ArgumentGroup, what: str) -> None:
    """Add --jobs: how many of `what`, such as "songs analysed", run at a time."""
    group.add_argument("--jobs", type=int, default=1, metavar="N", help=f"{what} at a time (default: 1)")


def require_jobs(jobs: int) -> None:
    """Make sure that --jobs is 1 or more.

    Raises
    ------
    UsageError
    """
    if jobs < 1:
        raise UsageError(f"--jobs {jobs}: give 1 or more.")


def add_cache(group: argparse._ArgumentGroup) -> None:
    """Add --cache."""
    group.add_argument(
        "--cache", type=Path, metavar="FOLDER",
        help="keep each analysis there, so that unchanged audio is analysed once; may be deleted at any time",
    )  # fmt: skip


def share(text: str) -> float:
    """Return the value of an option that takes a share in 0..1."""
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 1 (0.7 is 70 %)")
    return value


def port(text: str) -> int:
    """Return the value of an option that takes a port, 0 for a free one."""
    value = int(text)
    if not 0 <= value <= 65535:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 65535")
    return value


def tempo(text: str) -> float:
    """Return the value of an option that takes a tempo in BPM."""
    value = float(text)
    if not MIN_TEMPO_BPM <= value <= MAX_TEMPO_BPM:
        raise argparse.ArgumentTypeError(f"{text} is not between {MIN_TEMPO_BPM:g} and {MAX_TEMPO_BPM:g} BPM")
    return value


def seconds(text: str) -> float:
    """Return the value of an option that takes a time in seconds, before or after 0."""
    value = float(text)
    if not isfinite(value):
        raise argparse.ArgumentTypeError(f"{text} is no number of seconds")
    return value


def seconds_range(text: str) -> tuple[float, float]:
    """Return the value of an option that takes START-END in seconds."""
    try:
        start, end = (float(part) for part in text.split("-"))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r}: write START-END in seconds, such as 10-95.5") from error
    if not 0 <= start < end:
        raise argparse.ArgumentTypeError(f"{text!r}: the start must lie before the end")
    return start, end


def page_path(given: Path) -> Path:
    """Return the file to write: `given` itself where it is named like a page, else report.html in that folder."""
    return given if given.suffix.lower() in (".html", ".htm") and not given.is_dir() else given / "report.html"
