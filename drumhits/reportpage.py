"""An evaluation as one HTML page that needs nothing else: tables, charts, and each song to see and to hear."""

from pathlib import Path
from string import Template

from drumhits import __version__
from drumhits.charts import CHARTS
from drumhits.evaluation import Evaluation, verdict, worst_mistakes
from drumhits.evaluationreport import VIEWS, cells, difference_cell, mistake_text, percent
from drumhits.plots import svg
from drumhits.timeline import SHAPES, shown, sound, timeline

TEMPLATE = Path(__file__).with_name("reportpage.html")
MAX_SOUND_S = 1200.0  # of all songs together: about 11 MB of page
VIEW_TITLES = {
    "decided": "Decisions over the candidates, kept or removed against the truth",
    "heard": "Hits that come out against the truth, one to one within {:g} ms (mir_eval)",
}


def page(evaluation: Evaluation, title: str) -> str:
    """Return the page."""
    heard = evaluation.models[0].heard
    charts = [(chart, svg(chart, evaluation)) for chart in CHARTS]
    seconds = sum(song.source.duration_s for song in evaluation.songs)
    template = Template(TEMPLATE.read_text(encoding="utf-8"))
    return template.substitute(
        version=shown(__version__),
        title=shown(title),
        summary=shown(
            f"{len(evaluation.songs)} songs of {evaluation.stem}, {seconds:.1f} s, {heard.n_reference} true hits, "
            f"{heard.undetected} of them never offered by the detector."
        ),
        verdicts="".join(f"<p>{shown(verdict(evaluation, one))}</p>" for one in evaluation.models),
        warnings="".join(f'<p class="warning">Warning: {shown(text)}</p>' for text in evaluation.warnings),
        tables="".join(_table(evaluation, view, columns) for view, columns in VIEWS),
        charts="".join(
            f'<figure id="{chart.name}"><h3>{shown(chart.title)}</h3>{drawing}'
            f"<figcaption>{shown(chart.caption)}</figcaption></figure>"
            for chart, drawing in charts
            if drawing
        ),
        songs=_songs(evaluation),
        **{f"shape_{kind}": shape for kind, shape in SHAPES.items()},
    )


def _table(evaluation: Evaluation, view: str, columns) -> str:
    titles = "".join(f'<th scope="col">{shown(column.title)}</th>' for column in columns)
    rows = []
    for outcome, row in zip(evaluation.outcomes, cells(evaluation.outcomes, view, columns), strict=True):
        body = "".join(
            f'<td class="best">{shown(text)}*</td>' if is_best else f"<td>{shown(text)}</td>" for text, is_best in row
        )
        difference = shown(difference_cell(evaluation, view, outcome))
        rows.append(f'<tr><th scope="row">{shown(outcome.decider.name)}</th>{body}<td>{difference}</td></tr>')
    caption = shown(VIEW_TITLES[view].format(1000 * evaluation.window_s))
    return (
        f'<div class="wide"><table id="{view}"><caption>{caption}</caption><thead><tr><td></td>{titles}'
        f'<th scope="col">F1 minus first</th></tr></thead><tbody>{"".join(rows)}</tbody></table></div>'
    )


def _songs(evaluation: Evaluation) -> str:
    """Return each song, worst first; sound goes to the worst ones where there is too much of it."""
    parts, left_s = [], MAX_SOUND_S
    for i in evaluation.worst_first:
        song = evaluation.songs[i]
        has_sound = song.source.duration_s <= left_s
        left_s -= song.source.duration_s if has_sound else 0
        parts.append(_song(evaluation, i, has_sound))
    return "".join(parts)


def _song(evaluation: Evaluation, i: int, has_sound: bool) -> str:
    song, first = evaluation.songs[i], evaluation.models[0]
    judged = first.judged[i]
    heard = judged.heard
    numbers = (
        f"F1 of the hits {percent(heard.f1)}: {heard.matched} right, {heard.n_estimated - heard.matched} false, "
        f"{heard.n_reference - heard.matched} missed ({heard.undetected} never offered by the detector)"
    )
    mistakes = "".join(
        f'<li><button type="button" data-t="{mistake.time_s:.3f}">{shown(mistake_text(mistake))}</button></li>'
        for mistake in worst_mistakes(judged, first.decider.min_confidence)
    )
    player = (
        f'<audio controls preload="auto" src="{sound(song)}"></audio>'
        if has_sound
        else '<p class="note">No sound here: the page would grow too large.</p>'
    )
    return (
        f'<section class="song"><h3>{shown(song.name)}</h3><p>{shown(numbers)}</p>'
        f'<div class="wide">{timeline(song, judged)}</div>{player}'
        f"{f'<p>Worst mistakes:</p><ul>{mistakes}</ul>' if mistakes else ''}</section>"
    )
