"""An evaluation as text: tables of both views, confusion, importance, and where each song went wrong."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from drumhits.evaluation.comparison import (
    Evaluation,
    Mistake,
    Outcome,
    View,
    best_of_all,
    mistakes,
    verdict,
)
from drumhits.evaluation.judging import ScoredSong
from drumhits.io.text import clock, escape_controls
from drumhits.metrics import Difference

NAME_WIDTH = 30
BAR_WIDTH = 30  # of the greatest importance
SONGS_SHOWN = 20
MISTAKES_SHOWN = 3  # a song
FEW_SONGS = 5
NOTHING = "-"


@dataclass(frozen=True)
class Column:
    """A column of a table: `value` reads it from a score, `best` picks the one to mark (None: no mark)."""

    title: str
    show: Callable[[Any], str]
    value: Callable[[Any], Any]
    best: Callable[[list[Any]], Any] | None = max


def percent(share: float | None) -> str:
    return NOTHING if share is None else f"{share:.1%}"


def _decimals(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.3f}"


def _timing(ms: tuple[float, float, float] | None) -> str:
    return NOTHING if ms is None else "/".join(f"{value:.1f}" for value in ms)


def _one_decimal(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.1f}"


F1_COLUMNS = (
    Column("Precision", percent, lambda score: score.precision),
    Column("Recall", percent, lambda score: score.recall),
    Column("F1", percent, lambda score: score.f1),
)
DECISION_COLUMNS = (
    Column("Kept", str, lambda score: score.n_kept, None),
    Column("Accuracy", percent, lambda score: score.accuracy),
    *F1_COLUMNS,
    Column("ROC AUC", _decimals, lambda score: score.roc_auc),
    Column("Av.prec.", _decimals, lambda score: score.average_precision),
    Column("Brier", _decimals, lambda score: score.brier, min),
)
HIT_COLUMNS = (
    Column("Notes", str, lambda score: score.n_estimated, None),
    *F1_COLUMNS,
    Column("Timing ms", _timing, lambda score: score.timing_ms, None),
    Column("Late ms", _one_decimal, lambda score: score.late_ms, None),
    Column("Velocity", _one_decimal, lambda score: score.velocity, min),
)
VIEWS: tuple[tuple[View, tuple[Column, ...]], ...] = (("candidates", DECISION_COLUMNS), ("notes", HIT_COLUMNS))


def cells(outcomes: Sequence[Outcome], view: View, columns: Sequence[Column]) -> list[list[tuple[str, bool]]]:
    """Return the text of each cell, a row an outcome, and whether it is the best of its column."""
    rows: list[list[tuple[str, bool]]] = [[] for _ in outcomes]
    for column in columns:
        values = [column.value(outcome.scores(view)) for outcome in outcomes]
        known = [value for value in values if value is not None]
        best = column.best(known) if column.best and known else None
        for row, value in zip(rows, values, strict=True):
            row.append((column.show(value), value is not None and value == best))
    return rows


def difference_cell(evaluation: Evaluation, view: View, outcome: Outcome) -> str:
    """Return the difference of F1 to the first model in points, with its interval; "" for the first itself."""
    first = evaluation.models[0]
    if outcome is first:
        return ""
    difference = evaluation.difference(view, outcome, first)
    text = f"{100 * difference.value:+.1f}"
    if difference.interval is None:
        return text
    low, high = difference.interval
    return f"{text} [{100 * low:+.1f}, {100 * high:+.1f}]{'' if difference.is_sure else ' noise?'}"


def evaluation_report(evaluation: Evaluation, *, whole: bool = False) -> str:
    """Return the report; of several models, confusion and importance of each only where it is to be `whole`."""
    first = evaluation.models[0]
    detailed = evaluation.models if whole or len(evaluation.models) == 1 else ()
    songs, seconds = evaluation.songs, sum(song.source.duration_s for song in evaluation.songs)
    notes = first.note_scores
    blocks = [
        [
            f"Evaluating on {len(songs)} {'song' if len(songs) == 1 else 'songs'} of {evaluation.stem}, "
            f"{seconds:.1f} s, {notes.n_reference} true hits",
        ],
        [
            f"Decisions over {first.candidate_scores.n} candidates, kept or removed against the truth:",
            *_table(evaluation, "candidates", DECISION_COLUMNS),
        ],
        [
            f"Hits that come out against the truth, one to one within {1000 * evaluation.window_s:g} ms:",
            *_table(evaluation, "notes", HIT_COLUMNS),
            f"  Missed by the detector (no candidate): {notes.undetected} of {notes.n_reference} true hits",
        ],
        [
            "  * best of its column. F1 vs. first row: in points, with its 95 % interval over songs.",
            "  Timing: mean/median/90th percentile distance. Late: mean, signed. Velocity: mean distance, of 127.",
        ],
        [
            *(verdict(evaluation, outcome) for outcome in evaluation.models),
            best_of_all(evaluation),
            *_few(len(songs)),
        ],
        *(_confusion(outcome) for outcome in detailed),
        *(_importance(outcome) for outcome in detailed),
        _songs(evaluation),
    ]
    return "\n\n".join("\n".join(block) for block in blocks)


def _few(n_songs: int) -> list[str]:
    return [f"Only {n_songs} songs: take the intervals as rough, and add songs."] if 1 < n_songs < FEW_SONGS else []


def _table(evaluation: Evaluation, view: View, columns: Sequence[Column]) -> list[str]:
    outcomes = evaluation.outcomes
    names = [short(outcome.decider.name) for outcome in outcomes]
    width = max(map(len, names))
    rows = [[text + ("*" if is_best else " ") for text, is_best in row] for row in cells(outcomes, view, columns)]
    by_column = zip(columns, zip(*rows, strict=True), strict=True)
    widths = [max(len(column.title) + 1, *map(len, texts)) for column, texts in by_column]
    header = "".join(f" {column.title + ' ':>{n}}" for column, n in zip(columns, widths, strict=True))
    lines = [f"  {'':{width}} {header} F1 vs. first row"]
    for name, row, outcome in zip(names, rows, outcomes, strict=True):
        body = "".join(f" {text:>{n}}" for text, n in zip(row, widths, strict=True))
        lines.append(f"  {name:{width}} {body} {difference_cell(evaluation, view, outcome)}".rstrip())
    return lines


def short(name: str) -> str:
    """Return a name as one line, its middle left out where it is long."""
    name, half = escape_controls(name), (NAME_WIDTH - 3) // 2
    return name if len(name) <= NAME_WIDTH else f"{name[:half]}...{name[-half:]}"


def _confusion(outcome: Outcome) -> list[str]:
    score = outcome.candidate_scores
    rows = (
        ("hit", score.true_kept, score.false_removed),
        ("no hit", score.false_kept, score.true_removed),
    )
    lines = [
        f"Confusion matrix of {short(outcome.decider.name)} (percentages of the row):",
        f"  {'':>13} {'kept':>14} {'removed':>14}",
    ]
    for name, kept, removed in rows:
        total = kept + removed
        shares = [percent(n / total if total else None) for n in (kept, removed)]
        lines.append(f"  {'truth: ' + name:>13} {kept:>6} {shares[0]:>7} {removed:>6} {shares[1]:>7}")
    return lines


def _importance(outcome: Outcome) -> list[str]:
    name, importance = short(outcome.decider.name), outcome.decider.importance
    if not importance:
        return [f"Feature importance: {name} carries none."]
    width, greatest = max(len(short(feature)) for feature, _ in importance), max(importance[0][1], 1e-9)
    lines = [f"Feature importance of {name}:"]
    for feature, share in importance:
        lines.append(f"  {short(feature):<{width}} {share:6.1%}  {'#' * round(BAR_WIDTH * share / greatest)}".rstrip())
    return lines


def _songs(evaluation: Evaluation) -> list[str]:
    first = evaluation.models[0]
    width = max(len(short(song.name)) for song in evaluation.songs)
    lines = [
        f"Songs, worst first, by {short(first.decider.name)}; the mistakes to listen to first:",
        f"  {'':{width}}   True   Right   False  Missed  Undetected  F1 of decisions  F1 of hits",
    ]
    for i in evaluation.worst_first[:SONGS_SHOWN]:
        one = first.songs[i]
        notes = one.note_scores
        numbers = (
            f"{notes.n_reference:6d} {notes.matched:7d} {notes.n_estimated - notes.matched:7d} "
            f"{notes.n_reference - notes.matched:7d} {notes.undetected:11d} {percent(one.candidate_scores.f1):>16} "
            f"{percent(notes.f1):>11}"
        )
        lines.append(f"  {short(evaluation.songs[i].name):{width}} {numbers}")
        lines += [f"    {mistake_text(mistake)}" for mistake in mistakes(one)[:MISTAKES_SHOWN]]
    hidden = len(evaluation.songs) - SONGS_SHOWN
    return [*lines, f"  and {hidden} better ones (--json has all)"] if hidden > 0 else lines


def mistake_text(mistake: Mistake) -> str:
    """Return when a wrong decision was made, and how it was wrong."""
    how = "kept, but no true hit is there" if mistake.kept else "removed, but a true hit is there"
    is_by_model = mistake.kept or mistake.removed_by.startswith("confidence")
    is_confidence = is_by_model and mistake.confidence is not None
    why = f"confidence {mistake.confidence:.0%}" if is_confidence else mistake.removed_by
    return f"at {clock(mistake.time_s):>9}  {how}" + (f" ({why})" if why else "")

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
        "beside": [_outcome(evaluation, one) for one in (*evaluation.bundled, *evaluation.baselines)],
        "best": best_of_all(evaluation),
        "worst_first": [evaluation.songs[i].name for i in evaluation.worst_first],
    }  # fmt: skip
    return json.dumps(numbers, indent=1) + "\n"


def _outcome(evaluation: Evaluation, outcome: Outcome) -> dict:
    first = evaluation.models[0]
    return {
        "name": outcome.decider.name,
        **_scores(outcome),
        "f1_minus_first": {
            "decisions": _difference(evaluation.difference("candidates", outcome, first)),
            "hits": _difference(evaluation.difference("notes", outcome, first)),
        },
        "songs": [_song(one) for one in outcome.songs],
    }


def _song(scored: ScoredSong) -> dict:
    if scored.margins is None:
        return _scores(scored)
    return _scores(scored) | {"worst_mistakes": [vars(mistake) for mistake in mistakes(scored)[:MISTAKES_SHOWN]]}


def _scores(scored: Outcome | ScoredSong) -> dict:
    decided, notes = scored.candidate_scores, scored.note_scores
    timing = notes.timing_ms or (None, None, None)
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
            "true": notes.n_reference,
            "notes": notes.n_estimated,
            "matched": notes.matched,
            "never_offered": notes.undetected,
            "precision": notes.precision,
            "recall": notes.recall,
            "f1": notes.f1,
            "timing_ms": dict(zip(("mean", "median", "percentile_90"), timing, strict=True)),
            "late_ms": notes.late_ms,
            "velocity_error": notes.velocity,
        },
    }


def _difference(difference: Difference) -> dict:
    return {"value": difference.value, "interval_95": difference.interval}
