"""A review of a bundled song, as the tests open it."""

from pathlib import Path

from running import ROOT

from drumhits.bundle import PRETRAINED
from drumhits.config.load import Config, default_config
from drumhits.review.places import places
from drumhits.transcription.plan import JobRequest, plan
from drumhits.transcription.reviewed import is_ours_or_reviewed

HIHAT = ROOT / "test_songs" / "test1-hihat.flac"


def stems(folder: Path, *inputs: Path, config: Config | None = None, **options):
    """Return jobs and places, for a review whose files go to a folder."""
    return planned(folder, *inputs, config=config, **options)[0]


def planned(folder: Path, *inputs: Path, config: Config | None = None, **options):
    """Return jobs and places, and the jobs that are heard only."""
    request = JobRequest(
        inputs or (HIHAT,), config or default_config(), folder / "midi", models=(Path(PRETRAINED),),
        is_replaceable=is_ours_or_reviewed, **options,
    )  # fmt: skip
    jobs = [job for job in plan(request).jobs if not job.is_heard_only]
    heard = [job for job in plan(request).jobs if job.is_heard_only]
    return list(zip(jobs, places(jobs, [folder / "midi", *inputs], None), strict=True)), heard
