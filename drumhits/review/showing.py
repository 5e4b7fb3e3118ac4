"""A stem under review as the page shows it, in what JSON has."""

from typing import Any

import numpy as np

from drumhits.io.audio import SAMPLE_RATE
from drumhits.review.sound import MIX, STEM
from drumhits.review.stem import StemReview

SHOWN_AHEAD = 3  # questions whose sound the page may fetch before they are asked
MISSED_AFTER = 3  # answers, before the page asks about hits that were likely missed


def state(review: StemReview) -> dict[str, Any]:
    """Return what the page shows of a stem as things stand; see `about` for what does not change."""
    with review.lock:
        decided, queue, final, missed_s = review.session.decided, review.queue(), review.final(), review.missed_s
        velocities = dict(zip(final.hits.tolist(), final.notes["velocity"].tolist(), strict=True))
        numbers = dict(zip(final.hits.tolist(), final.notes["number"].tolist(), strict=True))
        is_time = len(decided.kept) >= MISSED_AFTER or not queue
        steps = review.session.steps
        return {
            "version": review.version,
            "revision": review.session.revision,
            "queue": queue[:SHOWN_AHEAD],
            "left": len(queue),
            "missed": missed_s,
            "askMissed": missed_s[0] if missed_s and is_time else None,
            "decided": len(decided.kept),
            "wrong": float(review.likely_wrong.sum()),
            "wrongAtFirst": review.wrong_at_first,
            "undo": steps[-1].to_plain() if steps else None,
            "done": review.session.is_done,
            "keep": "".join(map(str, review.keep.astype(int).tolist())),
            "sure": np.rint(100 * review.probability).astype(int).tolist(),
            "mine": [hit for hit in decided.kept if hit >= 0],
            "skipped": decided.skipped,
            "velocity": [velocities.get(hit, 0) for hit in review.samples],
            "number": [numbers.get(hit, 0) for hit in review.samples],
            "moved": {str(hit): time_s for hit, time_s in decided.times_s.items()},
            "added": [
                {"hit": hit, "time": decided.times_s[hit], "velocity": velocity,
                 "keep": decided.kept.get(hit, False), "number": numbers.get(hit, 0)}
                for hit, velocity in decided.added.items()
            ],
        }  # fmt: skip


def about(review: StemReview) -> dict[str, Any]:
    """Return what the page shows of a stem and does not change."""
    source, places, job = review.conversion.source, review.places, review.job
    return {
        "label": job.label or job.audio.stem,
        "stem": job.part,
        "audio": job.audio.name,
        "model": job.model_name,
        "duration": source.duration_s,
        "sampleRate": SAMPLE_RATE,
        "times": review.table.times_s.tolist(),
        "hits": review.samples,
        "names": [{"name": name, "number": number} for name, number in review.names.items()],
        "siblings": [name for name in review.sounds if name not in (STEM, MIX)],
        "hasMix": MIX in review.sounds,
        "peak": review.peak,
        "warnings": [*source.warnings, *_forgotten(review.n_forgotten)],
        "files": {name: str(path) for name, path in
                  (("output", places.output), ("raw", places.raw), ("edited", places.edited),
                   ("model", places.model(job.stem)), ("training", places.training))},
    }  # fmt: skip


def _forgotten(n: int) -> list[str]:
    return [f"Earlier answers about hits that these settings do not find do not count: {n}."] if n else []
