"""Hits and a grid -> what is to be read: bars, beats, and what each hand and foot plays on their subdivisions.

Positions are quarter notes, as fractions from the start of the bar. Nothing here changes the MIDI.
"""

from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from drumhits.io.grid import Grid, Signature
from drumhits.tempo.strokes import Part

DIVISIONS = (4, 3)  # of a beat: 16ths, triplets
TRIPLET_GAIN = 0.6  # of the distance to 16ths that is left for triplets to be read
FAR_S = 0.045  # a mean distance of the hits of a bar from what is read, beyond which it is doubtful
FEET = frozenset({"kick", "pedal"})


class Stroke(NamedTuple):
    """A stroke as it is read."""

    articulation: str
    is_ghost: bool


class Event(NamedTuple):
    """What one voice does from `start` on for `length`; without strokes, a rest."""

    start: Fraction
    length: Fraction
    strokes: tuple[Stroke, ...] = ()


class Bar(NamedTuple):
    """A bar.

    Attributes
    ----------
    signature : Signature
    start_s : float
    bpm : float
        Quarter notes a minute at its start.
    hands, feet : tuple of Event
        The two voices, each from the start to the end of the bar.
    is_doubtful : bool
        Whether hits lie far from where they are read, or two strokes of a drum on one place.
    """

    signature: Signature
    start_s: float
    bpm: float
    hands: tuple[Event, ...]
    feet: tuple[Event, ...]
    is_doubtful: bool


class _Hits(NamedTuple):
    beats: np.ndarray
    times_s: np.ndarray
    articulations: np.ndarray
    is_ghost: np.ndarray

    def rows(self, which: np.ndarray) -> "_Hits":
        return _Hits(*(column[which] for column in self))


def read_bars(parts: Sequence[Part], grid: Grid) -> list[Bar]:
    """Return the bars of a song, from that of its first hit to that of its last one."""
    hits = _all_hits(parts, grid)
    if not len(hits.beats):
        return []
    lines = grid.bar_lines(float(hits.times_s.max()) + 1e-3)
    bars = [_bar(grid, float(line), hits) for line in lines]
    played = [number for number, bar in enumerate(bars) if any(one.strokes for one in (*bar.hands, *bar.feet))]
    return bars[played[0] : played[-1] + 1]


def _all_hits(parts: Sequence[Part], grid: Grid) -> _Hits:
    times_s = np.concatenate([np.zeros(0), *(part.times_s for part in parts)])
    kinds = np.concatenate([np.zeros(0, object), *(part.articulations for part in parts)])
    ghosts = np.concatenate([np.zeros(0, bool), *(_ghosts(part) for part in parts)])
    in_time = np.argsort(times_s, kind="stable")
    return _Hits(grid.tempo.beats_at(times_s), times_s, kinds, ghosts).rows(in_time)


def _ghosts(part: Part) -> np.ndarray:
    heads = part.articulations == "head"
    loud = np.sort(part.velocities[heads])[int(0.9 * (heads.sum() - 1))] if heads.any() else 0
    return heads & (part.velocities < loud / 2)


def _signature_at(grid: Grid, beat: float) -> Signature:
    held = [one for one in grid.signatures if one.beat <= beat + 1e-6]
    return held[-1] if held else Signature(0.0, 4, 4)


def _bar(grid: Grid, line: float, hits: _Hits) -> Bar:
    signature = _signature_at(grid, line)
    length = Fraction(4 * signature.numerator, signature.denominator)
    earliest = line - 1 / 32  # what is a little early still belongs to the bar
    inside = hits.rows((hits.beats >= earliest) & (hits.beats < line + float(length) - 1 / 32))
    start_s, next_s = grid.tempo.seconds(np.array([line, line + 1.0]))
    voices, distances, is_crowded = [], [], False
    for is_foot in (False, True):
        voice = inside.rows(np.array([(name in FEET) == is_foot for name in inside.articulations], bool))
        events, far, crowded = _voice(voice, line, length, signature, float(next_s - start_s))
        voices.append(tuple(events))
        distances += far
        is_crowded |= crowded
    is_far = bool(distances) and float(np.mean(distances)) > FAR_S
    return Bar(signature, float(start_s), 60 / float(next_s - start_s), voices[0], voices[1], is_far or is_crowded)


def _voice(
    hits: _Hits, line: float, length: Fraction, signature: Signature, quarter_s: float
) -> tuple[list[Event], list[float], bool]:
    """Return the events of a voice, how far each hit is from where it is read in seconds, and whether two collide."""
    events: list[Event] = []
    distances: list[float] = []
    is_crowded = False
    for start, span in _beats(length, signature):
        last = start + span >= length
        end = float(start + span) - (1 / 32 if last else 0)
        place = hits.beats - line
        begin = float(start) if start else -1.0
        inside = hits.rows((place >= begin - 1e-9) & (place < end - 1e-9))
        division = _division((inside.beats - line - float(start)) / float(span), span)
        steps = np.rint((inside.beats - line - float(start)) / float(span) * division).astype(int)
        steps = np.clip(steps, 0, division - 1)
        read = line + float(start) + steps / division * float(span)
        distances += (np.abs(inside.beats - read) * quarter_s).tolist()
        played = {step: _strokes(inside.rows(steps == step)) for step in sorted({*steps.tolist()})}
        is_crowded |= sum(map(len, played.values())) < len(steps)
        events += _events(played, start, span, division)
    if not any(event.strokes for event in events):
        events = [Event(Fraction(0), length)]
    return events, distances, is_crowded


def _beats(length: Fraction, signature: Signature) -> list[tuple[Fraction, Fraction]]:
    """Return start and length of each beat of a bar: quarters, dotted quarters where eighths are counted in threes."""
    is_compound = signature.denominator == 8 and signature.numerator % 3 == 0
    beat = Fraction(3, 2) if is_compound else Fraction(1)
    starts = [beat * k for k in range(-(-length // beat))]
    return [(start, min(beat, length - start)) for start in starts]


def _division(places: np.ndarray, span: Fraction) -> int:
    """Return into how many parts a beat is read: 16ths, or triplets where the hits lie much nearer to them."""
    if span != 1:
        return int(span * 4)
    off = [np.abs(places * division - np.rint(places * division)).sum() / division for division in DIVISIONS]
    return DIVISIONS[1] if off[1] < TRIPLET_GAIN * off[0] and off[0] > 0.02 * len(places) else DIVISIONS[0]


def _strokes(hits: _Hits) -> tuple[Stroke, ...]:
    """Return the strokes on one place, each articulation once."""
    found = dict(zip(hits.articulations.tolist(), hits.is_ghost.tolist(), strict=True))
    return tuple(Stroke(name, is_ghost) for name, is_ghost in found.items())


def _events(
    played: dict[int, tuple[Stroke, ...]], start: Fraction, span: Fraction, division: int
) -> list[Event]:
    """Return the events of a beat: each stroke lasts until the next one, a rest comes before the first."""
    steps = sorted({0, *played})
    step = span / division
    ends = [*steps[1:], division]
    return [
        Event(start + at * step, (end - at) * step, played.get(at, ())) for at, end in zip(steps, ends, strict=True)
    ]
