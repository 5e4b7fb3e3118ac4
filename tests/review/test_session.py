"""Steps of a review: each can be taken back, and none that does not fit changes anything."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drumhits.review.session import ADD, DELETE, DONE, KEEP, MOVE, NAME, SKIP, UNDO, Session, Step, StepError

CANDIDATES, NAMES, DURATION_S = (100, 2000, 30000), ("closed", "open"), 10.0

hits = st.sampled_from((*CANDIDATES, -1, -2))
times = st.floats(0, DURATION_S)
steps = st.one_of(
    st.builds(Step, st.sampled_from((KEEP, DELETE, SKIP)), hit=hits),
    st.builds(Step, st.just(ADD), time_s=times, velocity=st.integers(1, 127), name=st.sampled_from(("", *NAMES))),
    st.builds(Step, st.just(MOVE), hit=hits, time_s=times),
    st.builds(Step, st.just(NAME), hit=hits, name=st.sampled_from(NAMES)),
    st.builds(Step, st.sampled_from((UNDO, DONE))),
)


def session(taken=()):
    made = Session(CANDIDATES, NAMES, DURATION_S)
    made.take_all(taken)
    return made


@given(st.lists(steps, max_size=40))
def test_undo_takes_back_everything_and_a_journal_gives_the_same_again(some):
    reviewed, written = session(), []
    for step in some:
        before = reviewed.decided
        try:
            reviewed.take(step)
            written.append(json.loads(json.dumps(step.to_plain())))
        except StepError:
            assert reviewed.decided is before
    again = session(map(Step.from_plain, written))
    assert (again.decided, again.revision, again.is_done) == (reviewed.decided, reviewed.revision, reviewed.is_done)
    while reviewed.steps:
        reviewed.take(Step(UNDO))
    assert reviewed.decided == session().decided


@given(st.lists(steps, min_size=1, max_size=20), steps)
def test_undo_is_the_state_before(some, last):
    before, after = session(some), session(some)
    try:
        after.take(last)
    except StepError:
        return
    if last.do not in (UNDO, DONE):
        after.take(Step(UNDO))
        assert after.decided == before.decided


def test_what_steps_come_to():
    decided = session((
        Step(SKIP, hit=100), Step(KEEP, hit=100), Step(DELETE, hit=2000), Step(SKIP, hit=30000),
        Step(ADD, time_s=1.5, velocity=90, name="open"), Step(ADD, time_s=2.5, velocity=80, name=""),
        Step(DELETE, hit=-2), Step(MOVE, hit=2000, time_s=0.25), Step(NAME, hit=100, name="closed"),
    )).decided  # fmt: skip
    assert decided.kept == {-1: True, -2: False, 2000: True, 100: True}
    assert list(decided.kept)[-1] == 100
    assert decided.skipped == [30000]
    assert decided.added == {-1: 90, -2: 80}
    assert decided.times_s == {-1: 1.5, -2: 2.5, 2000: 0.25}
    assert decided.names == {-1: "open", 100: "closed"}


@pytest.mark.parametrize(
    "plain",
    [
        None, [], {}, {"do": "explode"}, {"do": "keep"}, {"do": "keep", "hit": "100"}, {"do": "keep", "hit": True},
        {"do": "keep", "hit": 1.5}, {"do": "keep", "hit": 100, "time_s": 1.0}, {"do": "undo", "hit": 100},
        {"do": "move", "hit": 100, "time_s": float("nan")}, {"do": "move", "hit": 100, "time_s": -1},
        {"do": "add", "time_s": 1.0, "velocity": 128, "name": ""}, {"do": "name", "hit": 100, "name": "x" * 1000},
        {"do": "keep", "hit": 100, "__class__": "x"},
    ],
)  # fmt: skip
def test_what_is_no_step_is_refused(plain):
    with pytest.raises(StepError):
        Step.from_plain(plain)


@pytest.mark.parametrize(
    "step",
    [
        Step(KEEP, hit=101), Step(KEEP, hit=-1), Step(MOVE, hit=100, time_s=DURATION_S + 1), Step(UNDO),
        Step(NAME, hit=100, name="crash"),
    ],
)  # fmt: skip
def test_a_step_that_does_not_fit_is_refused(step):
    reviewed = session()
    with pytest.raises(StepError):
        reviewed.take(step)
    assert reviewed.revision == 0
