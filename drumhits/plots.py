"""Charts as files: PNG for `--plots`, SVG for the page."""

import io
import re
import warnings
from collections.abc import Iterator

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from drumhits.charts import BLUE, CHARTS, FALSE, GREEN, GREY, INK, MISSED, PURPLE, RIGHT, VERMILLION, Chart
from drumhits.evaluation import Evaluation
from drumhits.figures import SOFTWARE, peaks
from drumhits.judging import Judged
from drumhits.source import AudioSource

SIZE_INCHES = (5.2, 3.7)
PNG_DPI = 130
STYLE = {
    **dict.fromkeys(("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color"), INK),
    "axes.spines.top": False,
    "axes.spines.right": False,
    "font.size": 9,
    "svg.fonttype": "none",
    "svg.hashsalt": "drumhits",
}
PAGE_COLOURS = {  # so that the page's light and dark schemes choose
    INK: "currentColor", BLUE: "var(--right)", VERMILLION: "var(--false)", PURPLE: "var(--missed)",
    GREEN: "var(--other)", GREY: "var(--grey)",
}  # fmt: skip


def plot_names(songs: list[str]) -> list[str]:
    """Return the names of the files that `pngs` can give for songs of these names."""
    return [*(f"{chart.name}.png" for chart in CHARTS), *(f"song-{name}.png" for name in songs)]


def pngs(evaluation: Evaluation) -> Iterator[tuple[str, bytes]]:
    """Yield the name and the content of a PNG file for each chart and each song."""
    for chart in CHARTS:
        if (figure := _drawn(chart, evaluation)) is not None:
            yield f"{chart.name}.png", _saved(figure, "png", dpi=PNG_DPI, metadata={"Software": SOFTWARE})
    for song, judged in zip(evaluation.songs, evaluation.models[0].judged, strict=True):
        figure = _song_figure(song.name, song.source, judged)
        yield f"song-{song.name}.png", _saved(figure, "png", dpi=PNG_DPI, metadata={"Software": SOFTWARE})


def svg(chart: Chart, evaluation: Evaluation) -> str | None:
    """Return a chart as inline SVG in the page's colours; None where there is nothing to draw."""
    figure = _drawn(chart, evaluation)
    if figure is None:
        return None
    text = _saved(figure, "svg", transparent=True, metadata={"Date": None, "Creator": None}).decode()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r'<g id="[a-zA-Z0-9_.]+">', "<g>", text)
    width, height = 96 * figure.get_size_inches()  # CSS pixels
    head = rf'<svg width="{width:.0f}" height="{height:.0f}" viewBox="\1" role="img" aria-label="{chart.title}">'
    text = re.sub(r'^<svg [^>]*?viewBox="([^"]*)"[^>]*>', head, text)
    for colour, variable in PAGE_COLOURS.items():
        text = text.replace(colour, variable)
    return text


def _drawn(chart: Chart, evaluation: Evaluation) -> Figure | None:
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=SIZE_INCHES, layout="constrained")
        FigureCanvasAgg(figure)
        return figure if chart.draw(figure, evaluation) else None


def _saved(figure: Figure, kind: str, **options) -> bytes:
    picture = io.BytesIO()
    with warnings.catch_warnings(), mpl.rc_context(STYLE):
        warnings.filterwarnings("ignore", "Glyph .* missing")  # a name in letters that the font lacks
        figure.savefig(picture, format=kind, **options)
    return picture.getvalue()


def _song_figure(name: str, source: AudioSource, judged: Judged) -> Figure:
    """Return the waveform with right, false and missed hits."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(min(40, max(9, source.duration_s / 2.5)), 3), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots()
        lows, highs = peaks(source.path, source.n_frames, source.sample_rate)
        top = max(np.abs(lows).max(initial=0), highs.max(initial=0), 1e-3)
        at = np.linspace(0, source.duration_s, len(lows))
        axes.fill_between(at, lows / top, highs / top, color=GREY, alpha=0.6, linewidth=0)
        for kind, (label, (colour, marker), height) in HIT_KINDS.items():
            times_s = hit_times(judged)[kind]
            face = "none" if kind == "undetected" else colour
            heights, label = np.full(len(times_s), height), f"{label} ({len(times_s)})"
            axes.plot(times_s, heights, marker, color=colour, markerfacecolor=face, markersize=6, label=label)
        axes.set(xlabel="time (s)", yticks=(), ylim=(-1.6, 1.4), xlim=(0, max(source.duration_s, 0.1)))
        axes.set_title(name.encode("utf-8", "replace").decode(), loc="left", parse_math=False)
        axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=4, frameon=False, fontsize=8)
    return figure


HIT_KINDS = {  # label, mark, height
    "right": ("right", RIGHT, 1.2),
    "false": ("false", FALSE, -1.2),
    "missed": ("missed", MISSED, -1.42),
    "undetected": ("missed by the detector", (PURPLE, "D"), -1.42),
}


def hit_times(judged: Judged) -> dict[str, np.ndarray]:
    """Return the times in seconds of a song's hits, by kind: right, false, missed, and missed by the detector."""
    truth, notes = judged.truth["time_s"], judged.notes["time_s"]
    is_found = np.isin(np.arange(len(truth)), judged.pairs[:, 0])
    is_right = np.isin(np.arange(len(notes)), judged.pairs[:, 1])
    return {
        "right": notes[is_right],
        "false": notes[~is_right],
        "missed": truth[~is_found & judged.is_offered],
        "undetected": truth[~is_found & ~judged.is_offered],
    }
