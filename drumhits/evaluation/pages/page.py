"""An evaluation as one HTML page that needs nothing else: each song to see and to hear, tables, and charts."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup

from drumhits import __version__
from drumhits.evaluation.comparison import Evaluation, Outcome, best_of_all, verdict
from drumhits.evaluation.pages.charts import CHARTS, CONFUSION, svg
from drumhits.evaluation.pages.songs import COLUMN_SAMPLES, FULL_SCALE, SOUND_RATE, shown_outcomes, song_data
from drumhits.evaluation.report import VIEWS, Column, View, cells, difference_cell, percent
from drumhits.io.audio import SAMPLE_RATE
from drumhits.page.parts import as_script, part_files

FOLDER = Path(__file__).parent
MODULES = ("tiles.js", "view.js", "pointer.js", "sound.js")  # in the order in which they use each other
VIEW_TITLES = {
    "candidates": "Decisions over the candidates, kept or removed against the truth",
    "notes": "Hits that come out against the truth, one to one within {:g} ms",
}


def page(evaluation: Evaluation, title: str) -> str:
    """Return the page of an evaluation, which needs no other file; whatever names hold is shown as text."""
    scores = evaluation.models[0].note_scores
    seconds = sum(song.source.duration_s for song in evaluation.songs)
    drawings = [(chart, svg(chart, evaluation)) for chart in CHARTS if chart.name != CONFUSION]
    return _template().render(
        version=__version__,
        title=title,
        style=Markup(part_files()["song.css"].decode() + _own("page.css")),
        script=Markup(as_script([*(part_files()[name].decode() for name in MODULES), _own("page.js")])),
        summary=f"{len(evaluation.songs)} songs of {evaluation.stem}, {seconds:.1f} s, {scores.n_reference} true hits, "
        f"{scores.undetected} of them missed by the detector (no candidate).",
        best=best_of_all(evaluation),
        warnings=evaluation.warnings,
        shown=[_big(evaluation, outcome) for outcome in shown_outcomes(evaluation)],
        tables=[_table(evaluation, view, columns) for view, columns in VIEWS],
        confusions=[_confusion(outcome) for outcome in shown_outcomes(evaluation)],
        charts=[
            {"name": chart.name, "title": chart.title, "caption": chart.caption, "drawing": drawing}
            for chart, drawing in drawings
            if drawing
        ],
        songs=song_data(evaluation),
        stem=evaluation.stem,
        rates={"sound": SOUND_RATE, "samples": SAMPLE_RATE, "column": COLUMN_SAMPLES, "full": FULL_SCALE},
    )


def _own(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


def _template() -> Template:
    environment = Environment(autoescape=True, undefined=StrictUndefined, finalize=_visible)
    return environment.from_string(_own("page.html"))


def _visible(value: object) -> object:
    """Return what an expression of the template shows: in text that is not markup, what cannot be seen is replaced."""
    if isinstance(value, Markup) or not isinstance(value, str):
        return value
    return "".join(c if c.isprintable() else "\ufffd" for c in value)


def _big(evaluation: Evaluation, outcome: Outcome) -> dict[str, Any]:
    """Return what is told of an outcome in big numbers."""
    scores = outcome.note_scores
    is_model = outcome.decider.min_confidence is not None
    return {
        "name": outcome.decider.name,
        "f1": percent(scores.f1),
        "counts": {
            "right": scores.matched,
            "false": scores.n_estimated - scores.matched,
            "missed": scores.n_reference - scores.matched - scores.undetected,
            "undetected": scores.undetected,
        },
        "verdict": verdict(evaluation, outcome) if is_model else "",
    }


def _table(evaluation: Evaluation, view: View, columns: Sequence[Column]) -> dict[str, Any]:
    rows = zip(evaluation.outcomes, cells(evaluation.outcomes, view, columns), strict=True)
    titles = [*(column.title for column in columns), "F1 vs. first row"]
    return {
        "view": view,
        "caption": VIEW_TITLES[view].format(1000 * evaluation.window_s),
        "titles": titles,
        "rows": [
            {
                "name": outcome.decider.name,
                "cells": list(zip(titles, [*row, (difference_cell(evaluation, view, outcome), False)], strict=True)),
            }
            for outcome, row in rows
        ],
    }


def _confusion(outcome: Outcome) -> dict[str, Any]:
    scores = outcome.candidate_scores
    rows = {
        "hit": (scores.true_kept, scores.false_removed),
        "no hit": (scores.false_kept, scores.true_removed),
    }
    return {
        "name": outcome.decider.name,
        "rows": [
            (truth, [(n, percent(n / sum(counts) if sum(counts) else None), is_right)
                     for n, is_right in zip(counts, (truth == "hit", truth != "hit"), strict=True)])
            for truth, counts in rows.items()
        ],
    }  # fmt: skip
