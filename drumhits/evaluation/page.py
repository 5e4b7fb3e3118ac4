"""An evaluation as one HTML page that needs nothing else: tables, charts, and each song to see and to hear."""

import base64
import inspect
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup

from drumhits import __version__
from drumhits.evaluation.charts import CHARTS, HIT_KINDS, svg
from drumhits.evaluation.comparison import Evaluation, Song, best_of_all, most_confident_errors, verdict
from drumhits.evaluation.judging import ScoredSong, hit_times
from drumhits.evaluation.report import VIEWS, Column, View, cells, difference_cell, mistake_text, percent
from drumhits.io.audio import SAMPLE_RATE, AudioReader, waveform_envelope
from drumhits.io.text import clock

TEMPLATE = Path(__file__).with_name("page.html")
MAX_SOUND_S = 1200.0  # of all songs together: about 11 MB of page
VIEW_TITLES = {
    "candidates": "Decisions over the candidates, kept or removed against the truth",
    "notes": "Hits that come out against the truth, one to one within {:g} ms",
}


SOUND_RATE = 22050  # Hz
SOUND_PEAK = 0.9
PIXELS_PER_S = 44
MIN_WIDTH, HEIGHT = 1080, 170
MIDDLE, REACH = 78, 52  # of the waveform, in pixels
LANES = {"right": 14, "false": 142, "missed": 158, "undetected": 158}
TICK_S = 5


def page(evaluation: Evaluation, title: str) -> str:
    """Return the page of an evaluation, which needs no other file; whatever names hold is shown as text."""
    scores = evaluation.models[0].note_scores
    seconds = sum(song.source.duration_s for song in evaluation.songs)
    drawings = [(chart, svg(chart, evaluation)) for chart in CHARTS]
    return _template().render(
        version=__version__,
        title=title,
        summary=f"{len(evaluation.songs)} songs of {evaluation.stem}, {seconds:.1f} s, {scores.n_reference} true hits, "
        f"{scores.undetected} of them missed by the detector (no candidate).",
        verdicts=[*(verdict(evaluation, one) for one in evaluation.models), best_of_all(evaluation)],
        warnings=evaluation.warnings,
        tables=[_table(evaluation, view, columns) for view, columns in VIEWS],
        charts=[
            {"name": chart.name, "title": chart.title, "caption": chart.caption, "drawing": drawing}
            for chart, drawing in drawings
            if drawing
        ],
        songs=_songs(evaluation),
        height=HEIGHT,
        tick_y=MIDDLE + REACH + 2,
    )


def _template() -> Template:
    environment = Environment(autoescape=True, undefined=StrictUndefined, finalize=_visible)
    return environment.from_string(TEMPLATE.read_text(encoding="utf-8"))


def _visible(value: object) -> object:
    """Return what an expression of the template shows: in text that is not markup, what cannot be seen is replaced."""
    if isinstance(value, Markup) or not isinstance(value, str):
        return value
    return "".join(c if c.isprintable() else "\ufffd" for c in value)


def _table(evaluation: Evaluation, view: View, columns: Sequence[Column]) -> dict[str, Any]:
    rows = zip(evaluation.outcomes, cells(evaluation.outcomes, view, columns), strict=True)
    return {
        "view": view,
        "caption": VIEW_TITLES[view].format(1000 * evaluation.window_s),
        "titles": [*(column.title for column in columns), "F1 vs. first row"],
        "rows": [
            {"name": outcome.decider.name, "cells": row, "difference": difference_cell(evaluation, view, outcome)}
            for outcome, row in rows
        ],
    }


def _songs(evaluation: Evaluation) -> list[dict[str, Any]]:
    """Return each song, worst first; sound goes to the worst ones where there is too much of it."""
    songs, left_s = [], MAX_SOUND_S
    for i in evaluation.worst_first:
        duration_s = evaluation.songs[i].source.duration_s
        has_sound = duration_s <= left_s
        left_s -= duration_s if has_sound else 0
        songs.append(_song(evaluation, i) | {"sound": sound(evaluation.songs[i]) if has_sound else None})
    return songs


def _song(evaluation: Evaluation, i: int) -> dict[str, Any]:
    song, first = evaluation.songs[i], evaluation.models[0]
    scored = first.songs[i]
    scores = scored.note_scores
    duration_s = max(song.source.duration_s, 0.1)
    width = max(MIN_WIDTH, round(duration_s * PIXELS_PER_S))
    scale = width / duration_s
    return {
        "name": song.name,
        "numbers": f"F1 of the hits {percent(scores.f1)}: {scores.matched} right, "
        f"{scores.n_estimated - scores.matched} false, {scores.n_reference - scores.matched} missed "
        f"({scores.undetected} without a candidate)",
        "width": width,
        "duration": f"{duration_s:.3f}",
        "wave": _wave(song, width),
        "ticks": [(f"{second * scale:.0f}", second) for second in range(0, int(duration_s) + 1, TICK_S)],
        "marks": [
            _mark(kind, time_s, time_s * scale, _described(label, time_s, scored))
            for kind, (label, *_) in HIT_KINDS.items()
            for time_s in hit_times(scored)[kind].tolist()
        ],
        "mistakes": [
            (f"{mistake.time_s:.3f}", mistake_text(mistake))
            for mistake in most_confident_errors(scored, first.decider.min_confidence)
        ],
    }


def _wave(song: Song, width: int) -> str:
    """Return the waveform as an SVG path."""
    source = song.source
    lows, highs = waveform_envelope(source.path, source.n_frames, source.sample_rate, width)
    top = max(np.abs(lows).max(initial=0), highs.max(initial=0), 1e-6)
    x = np.linspace(0, width, len(lows)).round(1)
    up, down = (np.rint(MIDDLE - REACH * edge / top).astype(int) for edge in (highs, lows))
    points = zip(np.concatenate((x, x[::-1])).tolist(), np.concatenate((up, down[::-1])).tolist(), strict=True)
    return "M" + " ".join(f"{at:g},{y}" for at, y in points) + "Z"


def _mark(kind: str, time_s: float, x: float, text: str) -> dict[str, Any]:
    lane = LANES[kind]
    return {"kind": kind, "time": f"{time_s:.3f}", "text": text, "x": f"{x:.1f}", "y": lane, "stem": MIDDLE - lane}


def _described(label: str, time_s: float, scored: ScoredSong) -> str:
    """Return what the tooltip says: when, what, and what was decided about the nearest candidate."""
    text = f"{clock(time_s)}, {label}"
    if scored.confidence is None or not len(scored.table) or "detector" in label:
        return text
    nearest = int(np.argmin(np.abs(scored.table.times_s - time_s)))
    reason = f", {scored.reasons[nearest]}" if scored.reasons[nearest] else ""
    return f"{text}, confidence {scored.confidence[nearest]:.0%}{reason}"


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


def _constant_bitrate() -> dict[str, Any]:
    """Return options for a constant bit rate, with which a browser finds a time exactly; older soundfile has none."""
    if "bitrate_mode" not in inspect.signature(soundfile.write).parameters:
        return {}
    return {"bitrate_mode": "CONSTANT", "compression_level": 0.7}
