"""An evaluation as figures, each drawn once for the page (SVG) and for `--plots` (PNG).

Marks differ in colour (Okabe and Ito 2008, colour-blind-safe) and in shape.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from drumhits.detection.kinds import features_by_kind
from drumhits.evaluation.comparison import Evaluation, Outcome
from drumhits.evaluation.judging import ScoredSong, hit_times
from drumhits.evaluation.report import percent, short
from drumhits.evaluation.words import feature_label
from drumhits.io.audio import AudioSource, waveform_envelope
from drumhits.metrics import precision_recall_curve, reliability, roc_auc
from drumhits.transcription.figure import SOFTWARE, image, new_figure, own_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK = "#1b1c1e"
BLUE, VERMILLION, PURPLE, GREEN, GREY = "#0072b2", "#d55e00", "#cc79a7", "#009e73", "#8a8a8a"
RIGHT, FALSE, MISSED = (BLUE, "o"), (VERMILLION, "x"), (PURPLE, "v")
SERIES = ((BLUE, "-", "o"), (VERMILLION, "--", "s"), (GREEN, "-.", "^"), (PURPLE, ":", "D"))
MOST_SERIES = len(SERIES)
MOST_BARS = 12
CONFUSION = "confusion"  # which the page has as tables
TIMING_STEP_MS = 2.5
FEWEST_IN_BIN = 10  # candidates: the share of hits among fewer jumps


@dataclass(frozen=True)
class Chart:
    """A figure: `draw` fills it, or returns False where the evaluation has nothing for it."""

    name: str
    title: str
    caption: str
    draw: "Callable[[Figure, Evaluation], bool]"


def _confusion(figure: "Figure", evaluation: Evaluation) -> bool:
    shown = [*evaluation.models[:MOST_SERIES], evaluation.baselines[0]]
    figure.set_size_inches(3.1 * len(shown), 2.6)
    for axes, outcome in zip(np.ravel(figure.subplots(1, len(shown))), shown, strict=True):
        score = outcome.candidate_scores
        counts = np.array([[score.true_kept, score.false_removed], [score.false_kept, score.true_removed]])
        for row, col in np.ndindex(2, 2):
            total = counts[row].sum()
            share = counts[row, col] / total if total else None
            colour = BLUE if row == col else VERMILLION
            axes.add_patch(_square(col, row, colour, 0.08 + 0.35 * (share or 0)))
            axes.text(col + 0.5, row + 0.5, f"{percent(share)}\n{counts[row, col]}", ha="center", va="center")
        axes.set(xlim=(0, 2), ylim=(2, 0), xticks=(0.5, 1.5), yticks=(0.5, 1.5), xticklabels=("kept", "removed"))
        axes.set_yticklabels(("hit", "no hit"), rotation=90, va="center")
        axes.set_title(short(outcome.decider.name), fontsize=9, parse_math=False)
    return True


def _square(x: float, y: float, colour: str, alpha: float):
    from matplotlib.patches import Rectangle

    return Rectangle((x + 0.02, y + 0.02), 0.96, 0.96, facecolor=colour, alpha=alpha, linewidth=0)


def _precision_recall(figure: "Figure", evaluation: Evaluation) -> bool:
    axes: Any = figure.subplots()
    if evaluation.models[0].candidate_scores.average_precision is None:
        return False
    for outcome, (colour, line, marker) in zip(evaluation.models, SERIES, strict=False):
        if outcome.confidence is None or outcome.candidate_scores.average_precision is None:
            continue
        _, precision, recall = precision_recall_curve(outcome.is_hit, outcome.confidence)
        axes.plot(np.append(0, recall), np.append(precision[0], precision), line, color=colour, linewidth=1.4)
        label = f"{_label(outcome)}, from {outcome.decider.min_confidence:.0%}"
        point = outcome.candidate_scores
        axes.plot(point.recall, point.precision, marker, color=colour, markersize=8, label=label)
    for outcome, marker in zip(evaluation.baselines, ("*", "P"), strict=True):
        point = outcome.candidate_scores
        if point.f1 is not None:
            axes.plot(point.recall, point.precision, marker, color=GREY, markersize=9, label=outcome.decider.name)
    axes.set(xlabel="recall", ylabel="precision", xlim=(0, 1.02), ylim=(0, 1.05))
    _legend(axes, "lower left")
    return True


def _reliability(figure: "Figure", evaluation: Evaluation) -> bool:
    axes = figure.subplots()
    if not evaluation.models[0].candidate_scores.n:
        return False
    axes.plot((0, 1), (0, 1), ":", color=GREY, linewidth=1, label="perfectly reliable")
    for outcome, (colour, line, marker) in zip(evaluation.models, SERIES, strict=False):
        if outcome.confidence is None:
            continue
        mean, share, count = reliability(outcome.is_hit, outcome.confidence, fewest=FEWEST_IN_BIN).T
        axes.plot(mean, share, line, color=colour, linewidth=1.2, label=_label(outcome))
        axes.scatter(mean, share, s=16 + 120 * count / count.sum(), marker=marker, color=colour)
    axes.set(xlabel="confidence", ylabel="share of hits", xlim=(-0.02, 1.02), ylim=(-0.03, 1.05))
    _legend(axes, "upper left")
    return True


def _importance(figure: "Figure", evaluation: Evaluation) -> bool:
    shown = evaluation.models[0].decider.importance[:MOST_BARS]
    if not shown:
        return False
    axes = figure.subplots()
    names = [short(name) for name, _ in shown]
    axes.barh(range(len(shown)), [100 * share for _, share in shown], color=BLUE, height=0.7)
    axes.set_yticks(range(len(shown)), names, parse_math=False)
    axes.invert_yaxis()
    axes.set(xlabel="share of the importance, %")
    return True


def _scatter(figure: "Figure", evaluation: Evaluation) -> bool:
    outcome = evaluation.models[0]
    chosen = two_features(outcome)
    if len(chosen) < 2:
        return False
    axes = figure.subplots()
    x, y = (outcome.column(name) for name in chosen)
    hit, kept = outcome.is_hit, outcome.keep
    groups = (
        ("rightly removed", ~hit & ~kept, GREY, "."),
        ("rightly kept", hit & kept, *RIGHT),
        ("kept, but no hit", ~hit & kept, *FALSE),
        ("removed, but a hit", hit & ~kept, *MISSED),
    )
    for name, rows, colour, marker in groups:
        axes.plot(x[rows], y[rows], marker, color=colour, markersize=5, alpha=0.8, label=f"{name} ({rows.sum()})")
    axes.set(xlabel=feature_label(chosen[0]), ylabel=feature_label(chosen[1]))
    for name, values, scale in ((chosen[0], x, axes.set_xscale), (chosen[1], y, axes.set_yscale)):
        if name in ("BodyE", "BrillE", "Total", "GeoMean", "Amp") and (values > 0).all():
            scale("log")
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, frameon=False, fontsize=8)
    return True


def two_features(outcome: Outcome) -> list[str]:
    """Outcome -> the two features that tell hits apart best, of the two most important kinds where that is known."""
    hit = outcome.is_hit
    names = outcome.songs[0].table.without_articulation_scores().names
    if not hit.any() or hit.all():
        return []
    power = {name: abs(roc_auc(hit, outcome.column(name)) - 0.5) for name in names}
    members = features_by_kind(names)
    known = [name for name, _ in outcome.decider.importance if name in members]
    ranked = known or sorted(members, key=lambda kind: -max(power[names[i]] for i in members[kind]))
    return [max((names[i] for i in members[kind]), key=power.__getitem__) for kind in ranked[:2]]


def _timing(figure: "Figure", evaluation: Evaluation) -> bool:
    errors_ms = 1000 * evaluation.models[0].errors_s
    if not len(errors_ms):
        return False
    axes: Any = figure.subplots()
    reach = max(np.abs(errors_ms).max(), 10)
    steps = int(np.ceil(reach / TIMING_STEP_MS))
    axes.hist(errors_ms, bins=np.arange(-steps, steps + 1) * TIMING_STEP_MS, color=BLUE, alpha=0.85)
    axes.axvline(0, color=INK, linewidth=1)
    axes.axvline(np.median(errors_ms), color=VERMILLION, linestyle="--", label=f"median {np.median(errors_ms):+.1f} ms")
    axes.set(xlabel="note minus true hit, ms (right: late)", ylabel="hits")
    _legend(axes, "upper right")
    return True


def _label(outcome: Outcome) -> str:
    """Return a name for a legend, in which "$" would start a formula and a leading "_" would hide it."""
    name = short(outcome.decider.name).replace("$", r"\$")
    return f" {name}" if name.startswith("_") else name


def _legend(axes: "Axes", place: str) -> None:
    axes.legend(loc=place, frameon=False, fontsize=8)


CHARTS = (
    Chart(CONFUSION, "Confusion matrix",
          "Candidates by the truth (rows) and by the decision (columns); shares of the row.",
          _confusion),
    Chart("precision-recall", "Precision and recall",
          "What another confidence threshold would give. The mark on a line is the threshold in use; the star and the "
          "cross are the thresholds of midiconfig.yaml and all candidates.", _precision_recall),
    Chart("reliability", "Reliability of the confidence",
          "Of the candidates given 80 %, four in five should be hits: points on the dotted line. Larger marks stand "
          f"for more candidates, {FEWEST_IN_BIN} at least.", _reliability),
    Chart("importance", "Importance of the features",
          "The first model's features by kind, each with its share.", _importance),
    Chart("features", "The two most important features",
          "Each candidate by two features of the most important kinds, with the mistakes.", _scatter),
    Chart("timing", "Timing", "How far the notes lie from the true hits.", _timing),
)  # fmt: skip

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
    return [*(f"{chart.name}.png" for chart in CHARTS), *(_song_file(name) for name in songs)]


def _song_file(name: str) -> str:
    return f"song-{name.replace('/', '-')}.png"


def pngs(evaluation: Evaluation) -> Iterator[tuple[str, bytes]]:
    """Yield the name and the content of a PNG file for each chart and each song."""
    for chart in CHARTS:
        if (figure := _drawn(chart, evaluation)) is not None:
            yield f"{chart.name}.png", _saved(figure, "png", dpi=PNG_DPI, metadata={"Software": SOFTWARE})
    for song, scored in zip(evaluation.songs, evaluation.models[0].songs, strict=True):
        figure = _song_figure(song.name, song.source, scored)
        yield _song_file(song.name), _saved(figure, "png", dpi=PNG_DPI, metadata={"Software": SOFTWARE})


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


def _drawn(chart: Chart, evaluation: Evaluation) -> "Figure | None":
    with own_style(STYLE):
        figure = new_figure(*SIZE_INCHES)
        return figure if chart.draw(figure, evaluation) else None


def _saved(figure: "Figure", kind: str, **options) -> bytes:
    with own_style(STYLE):
        return image(figure, kind, **options)


def _song_figure(name: str, source: AudioSource, scored: ScoredSong) -> "Figure":
    """Return the waveform with right, false and missed hits."""
    with own_style(STYLE):
        figure = new_figure(min(40, max(9, source.duration_s / 2.5)), 3)
        axes = figure.subplots()
        lows, highs = waveform_envelope(source.path, source.n_frames, source.sample_rate)
        top = max(np.abs(lows).max(initial=0), highs.max(initial=0), 1e-3)
        at = np.linspace(0, source.duration_s, len(lows))
        axes.fill_between(at, lows / top, highs / top, color=GREY, alpha=0.6, linewidth=0)
        for kind, (label, (colour, marker), height) in HIT_KINDS.items():
            times_s = hit_times(scored)[kind]
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
