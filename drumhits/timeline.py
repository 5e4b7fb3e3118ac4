"""A song on the page: waveform with right, false and missed hits as inline SVG, and its sound. Times in seconds."""

import base64
import html
import inspect
import io

import numpy as np
import soundfile

from drumhits.audio import SAMPLE_RATE, AudioReader
from drumhits.evaluation import Song
from drumhits.figures import peaks
from drumhits.judging import Judged
from drumhits.plots import HIT_KINDS, hit_times

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


def shown(text: str) -> str:
    """Return text from a file or a name for HTML: markup escaped, what cannot be seen replaced."""
    return html.escape("".join(c if c.isprintable() else "\ufffd" for c in text))


def timeline(song: Song, judged: Judged) -> str:
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
    lows, highs = peaks(source.path, source.n_frames, source.sample_rate, width)
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


def _described(label: str, time_s: float, judged: Judged) -> str:
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
