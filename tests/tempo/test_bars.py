import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from drumhits.errors import InputError
from drumhits.io.grid import Grid, Signature, TempoMap
from drumhits.io.midi import NOTE_DTYPE, PPQ, Track, decode, encode
from drumhits.tempo.bars import bars_grid, beats_grid, beats_of, constant_grid, file_grid
from drumhits.tempo.find import Beats

METERS = [(4, 4), (3, 4), (6, 8), (7, 8), (5, 4)]


def found(times_s, in_bar=4, is_constant=True):
    return Beats(np.asarray(times_s, float), in_bar, is_constant, 0.9, 60.0, 4, 1.0, 0.5)


def lines_s(grid, end_s=10.0):
    return grid.tempo.seconds(grid.bar_lines(end_s))


@example(86.3046875, 14.599609375, (3, 4))
@given(st.floats(40, 250), st.floats(0, 20), st.sampled_from(METERS))
def test_bar_1_begins_where_it_is_said_and_the_bars_go_on_from_there(bpm, first_s, meter):
    grid = constant_grid(bpm, first_s, meter)
    bar_s = 60 / bpm * 4 * meter[0] / meter[1]
    expected = first_s + bar_s * np.arange(4)
    found_s = lines_s(grid, first_s + 5 * bar_s)
    off_s = np.abs(found_s[:, None] - expected).min(axis=0)
    assert off_s.max() < 0.016
    assert len(grid.tempo.beats) <= 3  # the pickup, a bar that begins late, and the rest


def test_a_pickup_gets_a_bar_of_its_own():
    grid = constant_grid(120, 0.51, (4, 4))
    assert grid.signatures == (Signature(0.0, 4, 16), Signature(1.0, 4, 4))
    assert lines_s(grid, 3.0)[:3] == pytest.approx([0, 0.51, 2.51], abs=1e-5)


def test_without_a_first_bar_the_grid_is_as_it_always_was():
    assert constant_grid(140.0).signatures == ()
    assert constant_grid(140.0, meter=(3, 4)).signatures == (Signature(0.0, 3, 4),)


@pytest.mark.parametrize("meter", METERS)
def test_beats_that_change_get_a_tempo_for_each_bar(meter):
    in_bar = beats_of(meter)
    times_s = 0.3 + np.cumsum(np.linspace(0.4, 0.6, 16 * in_bar))
    grid = beats_grid(found(times_s, in_bar, is_constant=False), meter)
    at_s = lines_s(grid, times_s[-1])
    assert np.abs(at_s[:, None] - times_s[::in_bar]).min(axis=0).max() < 0.001


def test_a_beat_that_is_held_gets_a_tempo_of_its_own():
    times_s = np.cumsum([0, 0.5, 0.5, 0.5, 0.5, 0.5, 2.0, 0.5, 0.5, 0.5, 0.5, 0.5])
    grid = beats_grid(found(times_s, is_constant=False), (4, 4))
    assert grid.tempo.seconds(np.arange(12.0)) == pytest.approx(times_s, abs=0.001)


def test_a_downbeat_that_is_given_moves_the_bars_not_the_tempo():
    grid = beats_grid(found(np.arange(0.0, 20.0, 0.5)), (4, 4), first_bar_s=1.01)
    assert 1.01 in lines_s(grid).round(5)
    assert grid.tempo.us_per_beat[-1] == 500_000


GRIDS = st.builds(
    lambda bpm, first, meter: constant_grid(bpm, first, meter),
    st.floats(30, 250), st.none() | st.floats(0, 9), st.none() | st.sampled_from(METERS),
) | st.lists(st.floats(0.9, 4), min_size=2, max_size=9).map(
    lambda bars: bars_grid(np.cumsum(bars), (4, 4))
)  # fmt: skip


@given(GRIDS, st.lists(st.floats(0, 30), min_size=1, max_size=20))
def test_hits_keep_their_seconds_on_any_grid(grid, times_s):
    notes = np.zeros(len(times_s), NOTE_DTYPE)
    notes["time_s"], notes["number"], notes["velocity"], notes["duration_s"] = np.sort(times_s), 38, 90, 0.001
    content = decode(encode([Track("snare", notes)], grid=grid))
    tick_s = grid.tempo.us_per_beat.max() * 1e-6 / PPQ
    assert all(np.abs(content.notes["time_s"] - time_s).min() <= tick_s for time_s in times_s)
    assert content.tempo.us_per_beat.tolist()[-1] == grid.tempo.us_per_beat[-1]


def test_the_grid_of_a_file_is_taken_as_it_is(tmp_path):
    tempo = TempoMap(np.array([0.0, 8.0]), np.array([500_000, 400_000]))
    grid = Grid(tempo, (Signature(0.0, 7, 8), Signature(7.0, 3, 4)))
    path = tmp_path / "map.mid"
    path.write_bytes(encode([], grid=grid))
    assert repr(file_grid(str(path))) == repr(grid)


def test_a_file_without_a_tempo_is_refused(tmp_path):
    path = tmp_path / "map.mid"
    path.write_bytes(encode([]).replace(b"\xff\x51\x03", b"\xff\x7f\x03"))
    with pytest.raises(InputError, match=r"map\.mid: states no tempo; export it"):
        file_grid(str(path))
