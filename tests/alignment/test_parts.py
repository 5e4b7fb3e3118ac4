"""Of a file of the whole kit or project, the part that lies on the raw file: by number, by channel and track."""

import daws
import numpy as np
import pytest

from drumhits.alignment.align import Given, align
from drumhits.alignment.parts import align_part
from drumhits.drums import PROFILES
from drumhits.errors import NotEnoughDataError
from drumhits.io.midi import decode

CYMBALS = PROFILES["cymbals"].general_midi
N_SESSIONS = 20


@pytest.fixture(params=range(N_SESSIONS))
def rng(request):
    return np.random.default_rng(request.param)


def rows_at(times_s, number, velocity=90):
    return np.column_stack((times_s, np.full(len(times_s), number), np.full(len(times_s), velocity)))


def drum(rng, session, *numbers):
    """Strokes of other drums on the session's grid, some of which bleed into its stem."""
    rows = daws.performance(rng, bars=8)[0].notes["time_s"]
    bleed = session.raw.notes["time_s"][rng.random(len(session.raw.notes)) < 0.3]
    times_s = np.sort(np.maximum(0, np.concatenate((rows, bleed + rng.normal(0, 0.004, len(bleed))))))
    return np.concatenate([rows_at(times_s[i :: len(numbers)], number) for i, number in enumerate(numbers)])


def assert_own(session, edited, expected=None):
    expected = session.notes() if expected is None else expected
    part = align_part(session.raw, edited, CYMBALS)
    assert part.alignment.offset_s == pytest.approx(0, abs=0.002)
    assert len(part.alignment.times_s) == len(part.notes)
    np.testing.assert_allclose(np.sort(part.notes["time_s"]), np.sort(expected[:, 0]), atol=0.002)
    assert part.left_out == len(edited.notes) - len(part.notes)


def test_a_whole_kit_in_one_track(rng):
    session = daws.heavy_session(rng, 0.4, 0.5)
    kit = [drum(rng, session, *numbers) for numbers in ((36,), (38, 37), (42, 46), (54, 56, 70))]
    assert_own(session, decode(daws.write(np.concatenate((session.notes(), *kit)), end_s=60)))


def test_a_kit_with_a_track_for_each_drum(rng):
    session = daws.heavy_session(rng, 0.4, 0.5)
    kit = [drum(rng, session, *numbers) for numbers in ((36,), (38, 37), (42, 46), (54, 56, 70))]
    assert_own(session, decode(daws.write_tracks([*kit, session.notes()], channels=[9] * 5)))


@pytest.mark.parametrize("channels", [(0, 9), (9, 9), (3, 3)])
def test_pitched_tracks_with_the_same_numbers(rng, channels):
    session = daws.heavy_session(rng, 0.4, 0.5)
    melody = np.concatenate([drum(rng, session, 49), drum(rng, session, 51, 60), drum(rng, session, 57)])
    assert_own(session, decode(daws.write_tracks([melody, session.notes()], channels=channels)))


def test_a_channel_each_in_a_single_track(rng):
    session = daws.heavy_session(rng, 0.4, 0.5)
    melody = np.concatenate([drum(rng, session, 49), drum(rng, session, 51, 60)])
    assert_own(session, decode(daws.write_tracks([melody, session.notes()], channels=[0, 9], kind=0)))


def test_hits_drawn_in_a_track_of_their_own_are_read(rng):
    session = daws.heavy_session(rng, 0.2, 0)
    drawn = daws.heavy_session(rng, 0, 0.3).added_s
    added = rows_at(drawn[drawn < session.raw.notes["time_s"][-1]], 51)
    expected = np.concatenate((session.notes(), added))
    assert_own(session, decode(daws.write_tracks([session.notes(), added], channels=[9, 9])), expected)


def test_a_kit_whose_map_gives_the_stem_other_numbers(rng):
    session = daws.heavy_session(rng, 0.4, 0)
    own = session.notes()
    own[:, 1] = 22
    own[::3, 1] = 96
    kit = [drum(rng, session, 36), drum(rng, session, 38)]
    assert_own(session, decode(daws.write_tracks([*kit, own], channels=[9] * 3)), own)


def test_a_shifted_kit(rng):
    session = daws.heavy_session(rng, 0.4, 0.3)
    kit = np.concatenate((session.notes(), drum(rng, session, 36), drum(rng, session, 42)))
    edited = decode(daws.write(daws.shifted(kit, 3.0), ppq=480))
    assert align_part(session.raw, edited, CYMBALS).alignment.offset_s == pytest.approx(-3, abs=0.003)


def test_another_drum_alone_is_refused(rng):
    session = daws.heavy_session(rng, 0.4, 0.5)
    with pytest.raises(NotEnoughDataError):
        align_part(session.raw, decode(daws.write(drum(rng, session, 42))), CYMBALS)


def test_without_a_group_every_note_counts():
    session = daws.heavy_session(np.random.default_rng(0), 0.4, 0.5)
    edited = decode(daws.write(session.notes()))
    part = align_part(session.raw, edited, None)
    assert part.left_out == 0
    assert np.array_equal(part.alignment.times_s, align(session.raw, edited).times_s)


def test_bars_cut_out_of_the_middle_are_refused_and_the_range_decides(rng):
    session = daws.heavy_session(rng, 0.2, 0.1)
    rows, bar_s = session.notes(), 4 * session.beat_s
    cut_s = 0.5 * rows[-1, 0]
    kept = rows[(rows[:, 0] < cut_s) | (rows[:, 0] >= cut_s + bar_s)]
    kept[kept[:, 0] >= cut_s, 0] -= bar_s
    edited = decode(daws.write(kept))
    with pytest.raises(NotEnoughDataError, match="--range"):
        align_part(session.raw, edited, CYMBALS)
    part = align_part(session.raw, edited, CYMBALS, Given(range_s=(0, cut_s), offset_s=0))
    assert part.alignment.offset_s == 0


def test_a_part_that_was_edited_heavily_is_no_moved_one():
    for seed in range(N_SESSIONS):
        session = daws.heavy_session(np.random.default_rng(seed), 0, 1)
        middle = 0.5 * session.raw.notes["time_s"][-1]
        rows = session.notes()
        is_added = np.isin(rows[:, 0], session.added_s)
        changed = rows[np.where(rows[:, 0] > middle, is_added, ~is_added)]
        assert align_part(session.raw, decode(daws.write(changed, end_s=60)), CYMBALS).alignment.offset_s == 0
