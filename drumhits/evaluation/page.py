"""An evaluation as one HTML page that needs nothing else: tables, charts, and each song to see and to hear."""

import base64
import inspect
import io
from pathlib import Path
from string import Template

import numpy as np
import soundfile

from drumhits import __version__
from drumhits.evaluation.charts import CHARTS, HIT_KINDS, svg
from drumhits.evaluation.comparison import Evaluation, Song, most_confident_errors, verdict
from drumhits.evaluation.judging import ScoredSong, hit_times
from drumhits.evaluation.report import VIEWS, cells, difference_cell, mistake_text, percent
from drumhits.io.audio import SAMPLE_RATE, AudioReader, waveform_envelope
from drumhits.io.text import shown

TEMPLATE = Path(__file__).with_name("page.html")
MAX_SOUND_S = 1200.0  # of all songs together: about 11 MB of page
VIEW_TITLES = {
    "candidates": "Decisions over the candidates, kept or removed against the truth",
    "notes": "Hits that come out against the truth, one to one within {:g} ms",
}


def page(evaluation: Evaluation, title: str) -> str:
    """Return the page."""
    heard = evaluation.models[0].note_scores
    charts = [(chart, svg(chart, evaluation)) for chart in CHARTS]
    seconds = sum(song.source.duration_s for song in evaluation.songs)
    template = Template(TEMPLATE.read_text(encoding="utf-8"))
    return template.substitute(
        version=shown(__version__),
        title=shown(title),
        summary=shown(
            f"{len(evaluation.songs)} songs of {evaluation.stem}, {seconds:.1f} s, {heard.n_reference} true hits, "
            f"{heard.undetected} of them missed by the detector (no candidate)."
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
        f'<th scope="col">F1 against the first row</th></tr></thead><tbody>{"".join(rows)}</tbody></table></div>'
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
    judged = first.songs[i]
    heard = judged.note_scores
    numbers = (
        f"F1 of the hits {percent(heard.f1)}: {heard.matched} right, {heard.n_estimated - heard.matched} false, "
        f"{heard.n_reference - heard.matched} missed ({heard.undetected} without a candidate)"
    )
    mistakes = "".join(
        f'<li><button type="button" data-t="{mistake.time_s:.3f}">{shown(mistake_text(mistake))}</button></li>'
        for mistake in most_confident_errors(judged, first.decider.min_confidence)
    )
    player = (
        f'<audio controls preload="auto" src="{sound(song)}"></audio>'
        if has_sound
        else '<p class="note">No sound here: the page would grow too large.</p>'
    )
    return (
        f'<section class="song"><h3>{shown(song.name)}</h3><p>{shown(numbers)}</p>'
        f'<div class="wide">{timeline(song, judged)}</div>{player}'
        f"{f'<p>Most confident mistakes:</p><ul>{mistakes}</ul>' if mistakes else ''}</section>"
    )

SOUND_RATE = 22050  # Hz
SOUND_PEAK = 0.9
PIXELS_PER_S = 44
MIN_WIDTH, HEIGHT = 1080, 170
MIDDLE, REACH = 78, 52  # of the waveform, in pixels
LANES = {"right": 14, "false": 142, "missed": 158, "undetected": 158}
SHAPES = {
    "right": '<circle r="5.5"/>',
    "false": '<path d="M-5-5L5 5M5-5L-5 5"/>',
    "missed": '<path d="M-6-5H6L0 6Z"/>',
    "undetected": '<path d="M0-6.5L6.5 0L0 6.5L-6.5 0Z"/>',
}
TICK_S = 5


def timeline(song: Song, judged: ScoredSong) -> str:
    """Return the SVG: a mark a hit, each with its time in `data-t`, drawn in colours of the page's style."""
    duration_s = max(song.source.duration_s, 0.1)
    width = max(MIN_WIDTH, round(duration_s * PIXELS_PER_S))
    scale = width / duration_s
    marks = [
        _mark(kind, time_s, time_s * scale, _described(label, time_s, judged))
        for kind, (label, *_) in HIT_KINDS.items()
        for time_s in hit_times(judged)[kind].tolist()
    ]
    ticks = [
        f'<text x="{second * scale:.0f}" y="{MIDDLE + REACH + 2}">{second}</text>'
        for second in range(0, int(duration_s) + 1, TICK_S)
    ]
    return (
        f'<svg class="timeline" width="{width}" height="{HEIGHT}" viewBox="0 0 {width} {HEIGHT}" '
        f'data-duration="{duration_s:.3f}" role="group" aria-label="Waveform with hits">'
        f'<path class="wave" d="{_wave(song, width)}"/>{"".join(ticks)}'
        f'<line class="head" y1="0" y2="{HEIGHT}" x1="-9" x2="-9"/>{"".join(marks)}</svg>'
    )


def _wave(song: Song, width: int) -> str:
    source = song.source
    lows, highs = waveform_envelope(source.path, source.n_frames, source.sample_rate, width)
    top = max(np.abs(lows).max(initial=0), highs.max(initial=0), 1e-6)
    x = np.linspace(0, width, len(lows)).round(1)
    up, down = (np.rint(MIDDLE - REACH * edge / top).astype(int) for edge in (highs, lows))
    points = zip(np.concatenate((x, x[::-1])).tolist(), np.concatenate((up, down[::-1])).tolist(), strict=True)
    return "M" + " ".join(f"{at:g},{y}" for at, y in points) + "Z"


def _mark(kind: str, time_s: float, x: float, text: str) -> str:
    return (
        f'<g class="hit {kind}" data-t="{time_s:.3f}" tabindex="0" role="button" aria-label="{text}" '
        f'transform="translate({x:.1f} {LANES[kind]})"><title>{text}</title>'
        f'<line class="stem" y1="0" y2="{MIDDLE - LANES[kind]}"/>{SHAPES[kind]}</g>'
    )


def _described(label: str, time_s: float, judged: ScoredSong) -> str:
    """Return what the tooltip says: when, what, and what was decided about the nearest candidate."""
    text = f"{time_s:.3f} s, {label}"
    if judged.confidence is None or not len(judged.table) or "detector" in label:
        return shown(text)
    nearest = int(np.argmin(np.abs(judged.table.times_s - time_s)))
    reason = f", {judged.reasons[nearest]}" if judged.reasons[nearest] else ""
    return shown(f"{text}, confidence {judged.confidence[nearest]:.0%}{reason}")


def sound(song: Song) -> str:
    """Return the song's sound as a data URI: mono, 22 kHz, MP3 (Ogg Vorbis where MP3 cannot be written)."""
    import soxr

    y = np.concatenate([*AudioReader(song.source.path).blocks(), np.zeros(1, np.float32)])
    y = soxr.resample(y, SAMPLE_RATE, SOUND_RATE)
    y *= SOUND_PEAK / max(np.abs(y).max(), 1e-6)
    data = io.BytesIO()
    if "MP3" in soundfile.available_formats():
        soundfile.write(data, y, SOUND_RATE, format="MP3", subtype="MPEG_LAYER_III", **_constant_bitrate())
        kind = "audio/mpeg"
    else:
        soundfile.write(data, y, SOUND_RATE, format="OGG", subtype="VORBIS")
        kind = "audio/ogg"
    return f"data:{kind};base64,{base64.b64encode(data.getvalue()).decode()}"


def _constant_bitrate() -> dict:
    """Return options for a constant bit rate, with which a browser finds a time exactly; older soundfile has none."""
    if "bitrate_mode" not in inspect.signature(soundfile.write).parameters:
        return {}
    return {"bitrate_mode": "CONSTANT", "compression_level": 0.7}
