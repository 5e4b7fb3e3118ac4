"""The songs of an evaluation as the page's picture takes them: waveform, sound, and the hits by each decider."""

import base64
import inspect
import io
from typing import Any

import numpy as np
import soundfile

from drumhits.evaluation.comparison import Evaluation, Outcome, Song, mistakes
from drumhits.evaluation.judging import ScoredSong, hit_times
from drumhits.evaluation.report import mistake_text, percent
from drumhits.io.audio import SAMPLE_RATE, AudioReader, waveform_envelope

MAX_SOUND_S = 1200.0  # of all songs together: about 11 MB of page
SOUND_RATE = 22050  # Hz
SOUND_PEAK = 0.9
COLUMN_SAMPLES = 256  # of the waveform, at SAMPLE_RATE: 6 ms
MOST_COLUMNS = 200_000  # 20 minutes; longer songs have longer columns
FULL_SCALE = 127


def shown_outcomes(evaluation: Evaluation) -> tuple[Outcome, ...]:
    """Return the outcomes that the page shows song by song: models, the bundled one, and the thresholds."""
    return (*evaluation.models, *evaluation.bundled, evaluation.baselines[0])


def song_data(evaluation: Evaluation) -> list[dict[str, Any]]:
    """Return each song, the first model's worst first; sound goes to the worst ones where there is too much of it."""
    songs, left_s = [], MAX_SOUND_S
    for i in evaluation.worst_first:
        song = evaluation.songs[i]
        has_sound = song.source.duration_s <= left_s
        left_s -= song.source.duration_s if has_sound else 0
        songs.append(_picture(song) | {
            "sound": sound(song) if has_sound else "",
            "by": [_scored(outcome.songs[i]) for outcome in shown_outcomes(evaluation)],
        })  # fmt: skip
    return songs


def _picture(song: Song) -> dict[str, Any]:
    source = song.source
    duration_s = max(source.duration_s, 0.1)
    n_columns = min(round(duration_s * SAMPLE_RATE / COLUMN_SAMPLES) + 1, MOST_COLUMNS)
    lows, highs = waveform_envelope(source.path, source.n_frames, source.sample_rate, n_columns)
    peak = max(np.abs(lows).max(initial=0), highs.max(initial=0), 1e-6)
    edges = np.rint(FULL_SCALE / peak * np.stack((lows, highs), axis=1)).astype(np.int8)
    return {
        "name": song.name,
        "duration": duration_s,
        "columns": base64.b64encode(edges.tobytes()).decode(),
    }


def _scored(scored: ScoredSong) -> dict[str, Any]:
    """Return the hits and the mistakes of one decider; times in milliseconds."""
    scores = scored.note_scores
    return {
        "numbers": f"F1 of the hits {percent(scores.f1)}: {scores.matched} right, "
        f"{scores.n_estimated - scores.matched} false, {scores.n_reference - scores.matched} missed "
        f"({scores.undetected} without a candidate)",
        "hits": [[kind, round(1000 * time_s), *_decided(kind, time_s, scored)]
                 for kind, times_s in hit_times(scored).items() for time_s in times_s.tolist()],
        "mistakes": [[round(1000 * mistake.time_s), mistake_text(mistake)] for mistake in mistakes(scored)],
    }  # fmt: skip


def _decided(kind: str, time_s: float, scored: ScoredSong) -> tuple[int, str]:
    """Return the velocity of a note or true hit, 0 where it is not known, and what was decided about its candidate."""
    notes = scored.notes if kind in ("right", "false") else scored.reference
    velocity = int(notes["velocity"][np.abs(notes["time_s"] - time_s).argmin()])
    if kind == "undetected" or not len(scored.table):
        return velocity, ""
    nearest = int(np.abs(scored.table.times_s - time_s).argmin())
    said = [] if scored.confidence is None else [f"confidence {scored.confidence[nearest]:.0%}"]
    return velocity, ", ".join([*said, *filter(None, [scored.reasons[nearest]])])


def sound(song: Song) -> str:
    """Return the song's sound in base64: mono, 22 kHz, MP3 (Ogg Vorbis where MP3 cannot be written)."""
    import soxr

    y = np.concatenate([*AudioReader(song.source.path).blocks(), np.zeros(1, np.float32)])
    y = soxr.resample(y, SAMPLE_RATE, SOUND_RATE)
    y *= SOUND_PEAK / max(np.abs(y).max(), 1e-6)
    data = io.BytesIO()
    if "MP3" in soundfile.available_formats():
        soundfile.write(data, y, SOUND_RATE, format="MP3", subtype="MPEG_LAYER_III", **_constant_bitrate())
    else:
        soundfile.write(data, y, SOUND_RATE, format="OGG", subtype="VORBIS")
    return base64.b64encode(data.getvalue()).decode()


def _constant_bitrate() -> dict[str, Any]:
    """Return options for a constant bit rate, with which a browser finds a time exactly; older soundfile has none."""
    if "bitrate_mode" not in inspect.signature(soundfile.write).parameters:
        return {}
    return {"bitrate_mode": "CONSTANT", "compression_level": 0.7}
