"""Programmed songs in the styles of styles.yaml, for the table of the tempo tracker: few performances are in them.

Of each voice one of its lanes is drawn for each section; fills and crashes fall between sections. The network of beats
is trained without them: with four songs of each style it found fewer of the beats of drummers that were left out.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import yaml
from performances import Performance

from drumhits.tempo.strokes import CLOSED, CRASH, GHOST, KICK, OPEN, PEDAL, RIDE, SNARE, TOM, VOICES, Strokes

STYLES = Path(__file__).with_name("styles.yaml")
SONGS_OF_A_STYLE, WEIGHT = 8, 0.25  # of each beside a performance: fewer songs would leave more to chance
N_BARS = (12, 48)
SECTION_BARS = (4, 8)
FILL_SHARE, CRASH_SHARE = 0.6, 0.7
JITTER_S = (0.002, 0.012)
LATE_S = 0.008  # of a voice against the others
SWING = (0.5, 0.66)  # of a pair of 16ths, the part of the first one
LEFT_OUT = 0.02  # share of the strokes of a 9
KEEPERS, OTHER_KEEPERS = (CLOSED, RIDE), (CLOSED, RIDE, OPEN)  # of the time, and who may do it for them
HANDS_CHANGED = 0.3  # share of the songs in which one of these does


class Style(NamedTuple):
    """How the songs of a style are made.

    Attributes
    ----------
    name : str
    bpm : (float, float)
        Range of their tempos.
    beats : int
        Quarters in a bar.
    may_swing : bool
        Whether some of them play 16ths unevenly.
    lanes : dict of int to list of str
        By voice, as styles.yaml has them.
    """

    name: str
    bpm: tuple[float, float]
    beats: int
    may_swing: bool
    lanes: dict[int, list[str]]


def programmed() -> list[Performance]:
    """Return SONGS_OF_A_STYLE songs of each style, always the same ones."""
    rng = np.random.default_rng(0)
    return [_song(style, rng) for style in read_styles() for _ in range(SONGS_OF_A_STYLE)]


def read_styles() -> list[Style]:
    """Return the styles of styles.yaml."""
    plain = yaml.safe_load(STYLES.read_text(encoding="utf-8"))
    return [
        Style(
            name,
            tuple(one["bpm"]),
            one.get("beats", 4),
            one.get("may_swing", False),
            {number: one[voice] for number, voice in enumerate(VOICES) if voice in one},
        )
        for name, one in plain.items()
    ]


def _song(style: Style, rng: np.random.Generator) -> Performance:
    bpm = float(np.exp(rng.uniform(*np.log(style.bpm))))
    n_bars, beat_s = int(rng.integers(*N_BARS)), 60 / bpm
    swing = rng.uniform(*SWING) if style.may_swing and rng.random() < 0.5 else 0.5
    played: list[tuple[float, int]] = []
    at = 0
    while at < n_bars:
        n = int(rng.choice(SECTION_BARS))
        chosen = {voice: str(rng.choice(lanes)) for voice, lanes in style.lanes.items()}
        section = [one for bar in range(n) for one in _bar(chosen, bar, style.beats, swing, rng)]
        if rng.random() < FILL_SHARE:
            section = _with_fill(section, n * style.beats, _is_triplets(chosen, style.beats), rng)
        if rng.random() < CRASH_SHARE:
            section += [(0.0, CRASH), (0.0, KICK)]
        played += [(at * style.beats + beat, voice) for beat, voice in section]
        at += n
    beats, voices = np.array([beat for beat, _ in played]), np.array([voice for _, voice in played], int)
    if rng.random() < HANDS_CHANGED:
        voices = np.where(np.isin(voices, KEEPERS), rng.choice(OTHER_KEEPERS), voices)
    late_s = rng.uniform(0, LATE_S, len(VOICES))[voices] + rng.normal(0, rng.uniform(*JITTER_S), len(voices))
    times_s = np.maximum(beats * beat_s + late_s, 0)
    strokes = Strokes.in_time_order(times_s, voices)
    return Performance(f"programmed_{style.name}", style.name, bpm, (style.beats, 4), strokes, WEIGHT)


def _is_triplets(lanes: dict[int, str], beats: int) -> bool:
    return any(len(lane) == 3 * beats for lane in lanes.values())


def _bar(
    lanes: dict[int, str], bar: int, beats: int, swing: float, rng: np.random.Generator
) -> list[tuple[float, int]]:
    """Return the beats and voices of the strokes of a bar of a section, from the section's beginning."""
    strokes: list[tuple[float, int]] = []
    for voice, lane in lanes.items():
        size = 3 * beats if len(lane) == 3 * beats else 4 * beats
        start = bar * size % max(len(lane), 1)
        for place, digit in enumerate(lane[start : start + size]):
            if digit != "." and rng.random() < int(digit) / 9 * (1 - LEFT_OUT):
                beat = place * beats / size
                late = (2 * swing - 1) / 4 if size == 4 * beats and place % 2 else 0.0
                strokes.append((bar * beats + beat + late, voice))
    return strokes


def _with_fill(
    strokes: list[tuple[float, int]], n_beats: int, is_triplets: bool, rng: np.random.Generator
) -> list[tuple[float, int]]:
    """Return a section whose last beats are a fill on snare and toms."""
    start, step = n_beats - int(rng.integers(1, 4)), 1 / 3 if is_triplets else rng.choice([1 / 4, 1 / 4, 1 / 2])
    beats = np.arange(start, n_beats - 1e-6, step)
    voices = rng.choice([SNARE, TOM, TOM, GHOST, KICK], len(beats))
    fill = [(float(beat), int(voice)) for beat, voice in zip(beats, voices, strict=True) if rng.random() < 0.85]
    return [one for one in strokes if one[0] < start or one[1] == PEDAL] + fill
