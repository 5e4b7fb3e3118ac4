"""An evaluation as JSON: the numbers of the text report, unrounded."""

import json

from drumhits.evaluation import Evaluation, Outcome, verdict, worst_mistakes
from drumhits.judging import Judged
from drumhits.resampling import Difference

SCHEMA = "drumhits/evaluation/1"


def to_json(evaluation: Evaluation) -> str:
    """Return the evaluation as JSON, with a schema version."""
    numbers = {
        "schema": SCHEMA,
        "stem": evaluation.stem,
        "window_ms": 1000 * evaluation.window_s,
        "songs": [
            {"name": song.name, "audio": str(song.source.path), "duration_s": song.source.duration_s,
             "fingerprint": song.source.fingerprint}
            for song in evaluation.songs
        ],
        "warnings": list(evaluation.warnings),
        "models": [
            _outcome(evaluation, one) | {
                "min_confidence": one.decider.min_confidence,
                "verdict": verdict(evaluation, one),
                "importance": dict(one.decider.importance),
            }
            for one in evaluation.models
        ],
        "beside": [_outcome(evaluation, one) for one in evaluation.rules],
        "worst_first": [evaluation.songs[i].name for i in evaluation.worst_first],
    }  # fmt: skip
    return json.dumps(numbers, indent=1) + "\n"


def _outcome(evaluation: Evaluation, outcome: Outcome) -> dict:
    first = evaluation.models[0]
    return {
        "name": outcome.decider.name,
        **_scores(outcome),
        "f1_minus_first": {
            name: _difference(evaluation.difference(view, outcome, first))
            for name, view in (("decisions", "decided"), ("hits", "heard"))
        },
        "songs": [_song(outcome, one) for one in outcome.judged],
    }


def _song(outcome: Outcome, judged: Judged) -> dict:
    threshold = outcome.decider.min_confidence
    if threshold is None:
        return _scores(judged)
    worst = [vars(mistake) for mistake in worst_mistakes(judged, threshold)]
    return _scores(judged) | {"worst_mistakes": worst}


def _scores(scored: Outcome | Judged) -> dict:
    decided, heard = scored.decided, scored.heard
    timing = heard.timing_ms or (None, None, None)
    return {
        "decisions": {
            "candidates": decided.n,
            "true_kept": decided.true_kept,
            "false_kept": decided.false_kept,
            "true_removed": decided.true_removed,
            "false_removed": decided.false_removed,
            "accuracy": decided.accuracy,
            "precision": decided.precision,
            "recall": decided.recall,
            "f1": decided.f1,
            "roc_auc": decided.roc_auc,
            "average_precision": decided.average_precision,
            "brier": decided.brier,
        },
        "hits": {
            "true": heard.n_reference,
            "notes": heard.n_estimated,
            "matched": heard.matched,
            "never_offered": heard.undetected,
            "precision": heard.precision,
            "recall": heard.recall,
            "f1": heard.f1,
            "timing_ms": dict(zip(("mean", "median", "percentile_90"), timing, strict=True)),
            "late_ms": heard.late_ms,
            "velocity_error": heard.velocity,
        },
    }


def _difference(difference: Difference) -> dict:
    return {"value": difference.value, "interval_95": difference.interval}
