"""Aligned right, or refused with the option that decides: whatever was deleted and added, whatever the DAW rewrote."""

import daws
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drumhits.alignment.align import Given, align
from drumhits.errors import NotEnoughDataError
from drumhits.io.midi import decode

N_SESSIONS = 60

sessions = st.builds(
    daws.heavy_session,
    st.builds(np.random.default_rng, st.integers(0, 2**32 - 1)),
    deleted=st.floats(0, 0.6),
    added=st.floats(0, 1),
    on_grid=st.booleans(),
)


def rewritten(session, shift_s=0.0, start_s=0.0, end_s=np.inf, **how):
    rows = session.notes()
    rows = rows[(rows[:, 0] >= start_s) & (rows[:, 0] <= end_s)]
    return decode(daws.write(daws.shifted(rows, shift_s), **how))


def offset_or_refusal(session, edited):
    """Return the offset, None where the alignment is refused with the options that decide."""
    try:
        return align(session.raw, edited).offset_s
    except NotEnoughDataError as error:
        refusal = str(error)
    assert "--edited-offset" in refusal
    assert "--edited-tempo" in refusal
    return None


WRITTEN = st.one_of(
    st.just({"ppq": 96, "kind": 0, "tempo": False, "channel": 0}),
    st.fixed_dictionaries({"ppq": st.sampled_from([96, 120, 192, 480, 960]), "bpm": st.floats(40, 240)}),
)


@settings(max_examples=60, deadline=None)
@given(sessions, WRITTEN, st.integers(-1, 8), st.booleans())
def test_right_or_refused(session, how, bars, is_trimmed):
    """Bars of silence before the first note, or none, not even that before the first note; and a part of the song."""
    last_s = session.raw.notes["time_s"][-1]
    rows = session.notes()
    start_s, end_s = (0.2 * last_s, 0.8 * last_s) if is_trimmed else (0.0, np.inf)
    first_s = rows[rows[:, 0] >= start_s][0, 0]
    shift_s = -first_s if bars < 0 else max(bars * 4 * session.beat_s, -first_s)
    edited = rewritten(session, shift_s, start_s, end_s, **how)
    offset_s = offset_or_refusal(session, edited)
    assert offset_s is None or offset_s == pytest.approx(-shift_s, abs=0.006)


@pytest.mark.parametrize("deleted", [0, 0.6])
@pytest.mark.parametrize("added", [0.5, 1])
@pytest.mark.parametrize("ppq", [96, 960])
def test_many_added_notes_are_no_reason_to_refuse(deleted, added, ppq):
    refused = 0
    for seed in range(N_SESSIONS):
        session = daws.heavy_session(np.random.default_rng(seed), deleted, added)
        offset_s = offset_or_refusal(session, rewritten(session, ppq=ppq))
        refused += offset_s is None
        assert offset_s is None or abs(offset_s) < 0.006
    assert refused <= 0.02 * N_SESSIONS


def test_another_song_is_refused_however_many_notes_it_has():
    for seed in range(N_SESSIONS):
        one, other = (daws.heavy_session(np.random.default_rng(seed + n), 0, 1) for n in (0, 1000))
        assert offset_or_refusal(one, rewritten(other)) is None


def unstated_tempo(seed, bpm, **how):
    session = daws.heavy_session(np.random.default_rng(seed), 0.3, 0.5)
    return session, rewritten(session, ppq=96, kind=0, bpm=bpm, tempo=False, **how)


def aligned(session, edited):
    return align(session.raw, edited)


def test_a_tempo_that_the_file_does_not_state_is_found():
    found = [aligned(*unstated_tempo(seed, 97.0)) for seed in range(N_SESSIONS)]
    assert {(alignment.hypothesis, round(alignment.offset_s, 2)) for alignment in found} == {("97 BPM", 0.0)}


def test_a_tempo_and_a_shift_are_found_together():
    found = [aligned(*unstated_tempo(seed, 141.5, shift_s=4.0)) for seed in range(N_SESSIONS)]
    assert {alignment.hypothesis for alignment in found} == {"141.5 BPM"}
    assert [alignment.offset_s for alignment in found] == pytest.approx([-4.0] * N_SESSIONS, abs=0.006)


def test_an_odd_tempo_is_refused_and_the_option_decides():
    for seed in range(N_SESSIONS):
        session, edited = unstated_tempo(seed, 97.23)
        assert offset_or_refusal(session, edited) is None
        assert align(session.raw, edited, Given(tempo_bpm=97.23)).doubt == ""


def test_a_wrong_tempo_that_the_file_states_is_refused():
    for seed in range(N_SESSIONS):
        session = daws.heavy_session(np.random.default_rng(seed), 0.3, 0.5)
        data = daws.write(session.notes(), ppq=96, bpm=97.0)
        stated = data.replace(round(6e7 / 97).to_bytes(3, "big"), round(6e7 / 101).to_bytes(3, "big"))
        assert offset_or_refusal(session, decode(stated)) is None


def test_notes_added_on_the_beat_of_a_machine_do_not_move_an_unshifted_file():
    raw = daws.machine(np.arange(0, 128, 2) * 0.125)
    rows = np.column_stack((np.arange(128) * 0.125, np.full((128, 2), (49, 80))))
    alignment = align(raw, decode(daws.write(rows[np.arange(128) % 3 > 0], end_s=20)))
    assert alignment.offset_s == 0


def test_a_lone_hit_that_stays_is_enough_where_nothing_was_shifted():
    session = daws.heavy_session(np.random.default_rng(3), 0, 0)
    rows = session.notes()[20:21]
    assert align(session.raw, decode(daws.write(rows, end_s=60))).offset_s == 0
    with pytest.raises(NotEnoughDataError, match="--edited-offset"):
        align(session.raw, decode(daws.write(daws.shifted(rows, 0.7), end_s=60)))
