"""What stems_to_midi.py makes of a song as a whole: its grid, its notation, and what was found as sound."""

import argparse
from collections.abc import Sequence

from drumhits.cli.console import Console
from drumhits.errors import InputError, UsageError
from drumhits.io.files import write_whole
from drumhits.io.grid import DEFAULT_TEMPO_BPM, Grid, even_grid
from drumhits.transcription.batch import Result
from drumhits.transcription.convert import Conversion, Job
from drumhits.transcription.song_grid import found_grid

SONG_OPTIONS = ("musicxml", "sonify")


def check_song_usage(args: argparse.Namespace) -> None:
    """Make sure that the options about a song go together with the others, and that what they need is installed.

    Raises
    ------
    UsageError, InputError
    """
    wanted = [f"--{name}" for name in SONG_OPTIONS if getattr(args, name)]
    if wanted and args.resume:
        raise UsageError(f"--resume leaves out what is made, so it goes without {' and '.join(wanted)}.")
    if args.sonify_mixed and not args.sonify:
        raise UsageError("--sonify-mixed goes with --sonify FILE.wav.")
    if args.musicxml:
        from drumhits.notation.score import require_music21

        require_music21()


def tell_grid(song: Sequence[tuple[Job, Result]], console: Console) -> Grid | None:
    """Return the grid that the hits of a song tell, and say how it was found; the settings' one where they say it."""
    conversions = [result for _, result in song if isinstance(result, Conversion)]
    if song[0][0].grid or not conversions:
        return song[0][0].grid
    found = found_grid(conversions, conversions[0].job.config.midi, conversions[0].job.song_name)
    console.messages(filter(None, [found.message]))
    console.warnings(filter(None, [found.warning]))
    return found.grid


def check_songs(jobs: Sequence[Job], args: argparse.Namespace) -> None:
    """Make sure that what is made of a song is asked for of one only.

    Raises
    ------
    UsageError
    """
    n_songs = len({job.song for job in jobs})
    if n_songs > 1 and any(getattr(args, name) for name in SONG_OPTIONS):
        raise UsageError(f"--musicxml and --sonify take the stems of one song, and here are {n_songs}.")


def song_files(
    made: Sequence[Conversion], jobs: Sequence[Job], grid: Grid | None, args: argparse.Namespace, console: Console
) -> bool:
    """Write the notation and the sound of a song where they are asked for; tell whether none of that failed."""
    if not made or len(made) < sum(not job.is_heard_only for job in jobs):
        return True
    wanted = [name for name in SONG_OPTIONS if getattr(args, name)]
    failed = [name for name in wanted if not _is_written(name, made, grid, args, console)]
    return not failed


def _is_written(
    name: str, made: Sequence[Conversion], grid: Grid | None, args: argparse.Namespace, console: Console
) -> bool:
    try:
        _WRITERS[name](made, grid or even_grid(DEFAULT_TEMPO_BPM), args, console)
    except InputError as error:
        console.error(error)
        return False
    return True


def _write_notation(
    conversions: Sequence[Conversion], grid: Grid, args: argparse.Namespace, console: Console
) -> None:
    from drumhits.notation.score import to_musicxml

    notation, doubt = to_musicxml([one.part for one in conversions], grid, conversions[0].job.song_name)
    write_whole(args.musicxml, notation)
    console.warnings(filter(None, [doubt]))


def _write_sound(
    conversions: Sequence[Conversion], grid: Grid, args: argparse.Namespace, console: Console
) -> None:
    from drumhits.transcription.sonify import sonified

    audio = dict.fromkeys(one.job.recording for one in conversions)
    write_whole(args.sonify, sonified([*audio], [one.part for one in conversions], mixed=args.sonify_mixed))


_WRITERS = {"musicxml": _write_notation, "sonify": _write_sound}
