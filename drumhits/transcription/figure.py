"""The pictures. matplotlib is imported on use, since nothing else needs it."""

import io
import warnings

import numpy as np

from drumhits.io.audio import waveform_envelope
from drumhits.models.decisions import GEOMEAN_TEST, limit_in_force
from drumhits.transcription.convert import Conversion

KEPT_COLOUR, REJECTED_COLOUR, WAVE_COLOUR = "#0072B2", "#D55E00", "#8A8A8A"  # Okabe and Ito 2008, colour-blind-safe
ABOVE_RIGHT = {"loc": "lower right", "bbox_to_anchor": (1.0, 1.0), "borderaxespad": 0.1, "frameon": False}
SOFTWARE = "drumhits"


def candidate_figure(conversion: Conversion) -> bytes:
    """Return a PNG: the waveform with kept and rejected candidates, and their GeoMean with its threshold below."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    table, keep, source = conversion.table, conversion.decisions.keep, conversion.source
    figure = Figure(figsize=(min(40, max(10, source.duration_s / 2.5)), 6), layout="constrained")
    FigureCanvasAgg(figure)
    wave, geomean = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    lows, highs = waveform_envelope(source.path, source.n_frames, source.sample_rate)
    at = np.linspace(0, source.duration_s, len(lows))
    wave.fill_between(at, lows, highs, color=WAVE_COLOUR, linewidth=0)
    top = max(np.abs(lows).max(initial=0), highs.max(initial=0), 1e-3)
    groups = (
        ("kept", keep, KEPT_COLOUR, "v", 1.12),
        ("rejected", ~keep, REJECTED_COLOUR, "x", -1.12),
    )
    for name, group, colour, marker, height in groups:
        times = table.times_s[group]
        label = f"{name} ({len(times)})"
        wave.plot(times, np.full(len(times), height * top), marker, color=colour, markersize=5, label=label)
        geomean.plot(times, np.maximum(table["GeoMean"][group], 1e-2), marker, color=colour, markersize=5)
    wave.vlines(table.times_s[keep], -top, top, color=KEPT_COLOUR, alpha=0.35, linewidth=0.8)
    threshold = limit_in_force(GEOMEAN_TEST, table, conversion.job.stem_config)
    if threshold and conversion.decisions.confidence is None:
        label = f"geomean_threshold {conversion.job.stem_config.geomean_threshold:g}"
        geomean.axhline(threshold, color="black", linestyle="--", linewidth=1, label=label)
        geomean.legend(**ABOVE_RIGHT)
    name = source.path.name.encode("utf-8", "replace").decode()
    wave.set_title(f"{name}: {conversion.job.stem}", loc="left", parse_math=False)
    wave.set(ylabel="amplitude", ylim=(-1.3 * top, 1.3 * top))
    wave.legend(**ABOVE_RIGHT, ncols=2)
    geomean.set(xlabel="time (s)", ylabel="GeoMean", yscale="log", xlim=(0, max(source.duration_s, 0.1)))
    picture = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # a name in letters that the font lacks
        figure.savefig(picture, format="png", dpi=110, metadata={"Software": SOFTWARE})
    return picture.getvalue()
