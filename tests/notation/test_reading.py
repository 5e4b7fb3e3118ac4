from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drumhits.io.grid import Grid, Signature, even_grid
from drumhits.notation.reading import Stroke, read_bars
from drumhits.tempo.bars import constant_grid
from drumhits.tempo.strokes import Part

FOUR = even_grid(120, (Signature(0.0, 4, 4),))


def part(*hits):
    """Hits as (quarter notes, articulation) or with a velocity, at 120 BPM."""
    rows = [(beat / 2, name, rest[0] if rest else 100) for beat, name, *rest in sorted(hits)]
    times_s, names, velocities = zip(*rows, strict=True)
    return Part(np.array(times_s), np.array(velocities), np.array(names, dtype=object))


def played(events):
    return [(float(one.start), [stroke.articulation for stroke in one.strokes]) for one in events if one.strokes]


def test_hands_and_feet_are_two_voices():
    beat = part((0, "kick"), (0, "closed"), (1, "head"), (1, "closed"), (1.5, "pedal"), (2.75, "kick"), (3, "head"))
    (bar,) = read_bars([beat], FOUR)
    assert played(bar.hands) == [(0, ["closed"]), (1, ["closed", "head"]), (3, ["head"])]
    assert played(bar.feet) == [(0, ["kick"]), (1.5, ["pedal"]), (2.75, ["kick"])]
    assert not bar.is_doubtful


@given(st.lists(st.tuples(st.integers(0, 63), st.sampled_from(["kick", "head", "closed"])), min_size=1, max_size=60))
def test_every_voice_fills_its_bar_whatever_is_played(steps):
    bars = read_bars([part(*{(step / 4, name) for step, name in steps})], FOUR)
    for bar in bars:
        for voice in (bar.hands, bar.feet):
            ends = [event.start + event.length for event in voice]
            assert [event.start for event in voice] == [Fraction(0), *ends[:-1]]
            assert ends[-1] == 4
    found = sum(len(event.strokes) for bar in bars for event in (*bar.hands, *bar.feet))
    assert found == len(set(steps))


def test_triplets_are_read_as_triplets_and_jitter_is_not():
    (bar,) = read_bars([part((0, "ride"), (1 / 3, "ride"), (2 / 3, "ride"), (1.01, "ride"), (1.24, "ride"))], FOUR)
    starts = [event.start for event in bar.hands if event.strokes]
    assert starts == [0, Fraction(1, 3), Fraction(2, 3), 1, Fraction(5, 4)]


def test_a_hit_a_little_before_the_bar_line_is_its_downbeat():
    bars = read_bars([part((0, "head"), (3.98, "crash"), (3.98, "kick"))], FOUR)
    assert played(bars[1].hands) == [(0, ["crash"])]
    assert played(bars[1].feet) == [(0, ["kick"])]


def test_empty_bars_at_the_ends_are_left_out():
    grid = constant_grid(120, 2.5, (4, 4))
    bars = read_bars([part((5, "head"), (9, "head"))], grid)
    assert [bar.start_s for bar in bars] == pytest.approx([2.5, 4.5], abs=1e-4)


def test_ghost_notes_are_marked():
    (bar,) = read_bars([part((0, "head", 100), (1, "head", 30), (2, "head", 100))], FOUR)
    assert [stroke for event in bar.hands for stroke in event.strokes] == [
        Stroke("head", False), Stroke("head", True), Stroke("head", False)
    ]  # fmt: skip


def test_bars_that_are_off_every_step_or_crowded_are_doubtful():
    (free,) = read_bars([part((0.14, "head"), (1.13, "head"), (2.36, "head"), (3.12, "head"))], even_grid(60))
    assert free.is_doubtful
    (roll,) = read_bars([part((0, "head"), (0.06, "head"))], FOUR)
    assert roll.is_doubtful


def test_six_eight_has_two_beats():
    grid = Grid(FOUR.tempo, (Signature(0.0, 6, 8),))
    (bar,) = read_bars([part((0, "kick"), (1.5, "kick"), (0.5, "closed"))], grid)
    half = Fraction(3, 2)
    assert [(event.start, event.length) for event in bar.feet] == [(0, half), (half, half)]


def test_no_hits_no_bars():
    assert read_bars([], FOUR) == []
