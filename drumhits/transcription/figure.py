"""The pictures. matplotlib is imported on use, since nothing else needs it, and draws under settings of our own."""

import io
import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from drumhits.errors import InputError
from drumhits.io.audio import waveform_envelope
from drumhits.models.decisions import GEOMEAN_TEST, limit_in_force
from drumhits.transcription.convert import Conversion

if TYPE_CHECKING:
    from matplotlib.figure import Figure

KEPT_COLOUR, REJECTED_COLOUR, WAVE_COLOUR = "#0072B2", "#D55E00", "#8A8A8A"  # Okabe and Ito 2008, colour-blind-safe
ABOVE_RIGHT = {"loc": "lower right", "bbox_to_anchor": (1.0, 1.0), "borderaxespad": 0.1, "frameon": False}
SOFTWARE = "drumhits"


@contextmanager
def own_style(settings: Mapping[str, Any] | None = None) -> Iterator[None]:
    """Let matplotlib draw under its own defaults and these settings, whatever the user's are, and without remarks.

    Remarks are what it logs of a cache folder that cannot be written, of fonts, and of the user's settings.

    Raises
    ------
    InputError
        matplotlib does not load.
    """
    logger = logging.getLogger("matplotlib")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        mpl = _matplotlib()
        with mpl.rc_context():
            mpl.rcdefaults()
            mpl.rcParams.update(settings or {})
            yield
    finally:
        logger.setLevel(level)


def _matplotlib() -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about the user's settings
            import matplotlib as mpl
            import matplotlib.figure  # finds the fonts
    except (ImportError, OSError, ValueError) as error:
        raise InputError(
            f"the pictures cannot be drawn, since matplotlib does not load ({error}); mend its matplotlibrc or "
            "MPLBACKEND, or install it again."
        ) from error
    return mpl


def new_figure(width_inches: float, height_inches: float) -> "Figure":
    """Return an empty figure that needs no screen; to be called within `own_style`, as all that draws in it."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width_inches, height_inches), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def image(figure: "Figure", kind: str, **options: Any) -> bytes:
    """Return a figure as the bytes of a file, `kind` being "png" or "svg"; to be called within `own_style`."""
    picture = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # a name in letters that the font lacks
        figure.savefig(picture, format=kind, **options)
    return picture.getvalue()


def candidate_figure(conversion: Conversion) -> bytes:
    """Return a PNG: the waveform with kept and rejected candidates, and their GeoMean with its threshold below."""
    with own_style():
        return image(_drawn(conversion), "png", dpi=110, metadata={"Software": SOFTWARE})


def _drawn(conversion: Conversion) -> "Figure":
    table, keep, source = conversion.table, conversion.decisions.keep, conversion.source
    figure = new_figure(min(40, max(10, source.duration_s / 2.5)), 6)
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
    return figure
