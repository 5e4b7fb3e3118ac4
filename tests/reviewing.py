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
    request = JobRequest(
        inputs or (HIHAT,), config or default_config(), folder / "midi", models=(Path(PRETRAINED),),
        is_replaceable=is_ours_or_reviewed, **options,
    )  # fmt: skip
    jobs = plan(request).jobs
    return list(zip(jobs, places(jobs, [folder / "midi", *inputs], None), strict=True))
