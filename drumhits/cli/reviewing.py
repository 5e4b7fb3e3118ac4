"""--review: what stems_to_midi.py finds, decided by ear in a page of the browser."""

import argparse
import os
import sys
import webbrowser
from pathlib import Path
from threading import Thread

from drumhits.bundle import PRETRAINED
from drumhits.cli.console import EXIT_DONE, EXIT_SOME_FAILED, Console
from drumhits.errors import InputError
from drumhits.review.places import places
from drumhits.review.reviews import Reviews
from drumhits.review.web.server import ReviewServer
from drumhits.transcription.plan import JobRequest, plan
from drumhits.transcription.reviewed import is_ours_or_reviewed

SECONDS_A_MINUTE = 60


def review(args: argparse.Namespace, request: JobRequest, console: Console) -> int:
    """Open the page about all stems of a request, and serve it until the user has done.

    Raises
    ------
    InputError
        No stem can be reviewed, or something of the user's would be replaced.
    UsageError
        The port cannot be used.
    """
    if not request.models:
        request = request._replace(models=(Path(PRETRAINED),))
        console.message("the models that come with the toolkit say what is in doubt (--use-ml-model pretrained).")
    planned = plan(request._replace(is_replaceable=is_ours_or_reviewed))
    console.messages(planned.messages)
    console.warnings(planned.warnings)
    for error in planned.refused.values():
        console.error(error)
    if not planned.jobs:
        return EXIT_SOME_FAILED
    given = [folder for folder in (args.output, *args.input) if folder is not None]
    jobs = [job for job in planned.jobs if not job.is_heard_only]
    stems = list(zip(jobs, places(jobs, given, args.training_dir), strict=True))
    for job, place in stems:
        place.require_free(job.audio, force=args.force)
    reviews = Reviews(stems, [job for job in planned.jobs if job.is_heard_only])
    try:
        _serve(reviews, args, console)
    finally:
        reviews.close()
        console.messages(reviews.messages)
        console.warnings(reviews.warnings)
        for file in reviews.written:
            console.data(f"written: {file}")
    return EXIT_SOME_FAILED if planned.refused else EXIT_DONE


def _serve(reviews: Reviews, args: argparse.Namespace, console: Console) -> None:
    with ReviewServer(reviews, args.port) as server:
        console.data(f"Review page: {server.url}")
        if sys.stdout is not None:
            sys.stdout.flush()
        if not args.no_browser:
            Thread(target=_open_browser, args=(server.url, console), daemon=True).start()
        try:
            reviews.open(0)
            is_done = server.wait(args.idle_minutes * SECONDS_A_MINUTE)
        except KeyboardInterrupt:
            console.message("what you decided is saved; the same command goes on where you were.")
            raise
    if not is_done:
        console.message("nobody was there any more; what you decided is saved, and the same command goes on.")


def _open_browser(url: str, console: Console) -> None:
    """Open a browser with windows; where there is none, say what to do."""
    has_windows = sys.platform != "linux" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    try:
        if has_windows and webbrowser.open(url):
            return
    except (webbrowser.Error, OSError, InputError):
        pass
    console.message("no browser could be opened; open the address above in one on this machine.")
