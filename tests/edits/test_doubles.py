"""Of two candidates of one hit it teaches nothing which one the user left."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drumhits.alignment.align import Given
from drumhits.detection.retriggers import CLOSEST_WAIT
from drumhits.edits.doubles import without_doubtful
from drumhits.edits.labels import KEPT, REMOVED, UNLABELLED, label
from drumhits.io.audio import SAMPLE_RATE
from drumhits.io.midi import NOTE_DTYPE, Track, decode, encode


def raw_file(times_s):
    notes = np.zeros(len(times_s), NOTE_DTYPE)
    notes["time_s"], notes["number"], notes["velocity"], notes["duration_s"] = times_s, 49, 80, 0.01
    return decode(encode([Track("cymbals", notes)]))


def labels_of(raw, edited):
    return label(raw, edited, candidate_times_s=raw.notes["time_s"], given=Given(offset_s=0.0))


@pytest.mark.parametrize(
    ("kept", "expected"),
    [
        ([1, 1, 0, 0, 1], [1, 1, 0, 0, 1]),  # a flam is two hits to the user
        ([0, 1, 0, 0, 1], [0, 1, 0, 0, 1]),  # the likelier one of two
        ([1, 0, 0, 0, 1], [-1, -1, 0, 0, 1]),  # the other one: one hit all the same
        ([1, 0, 1, 1, 0], [-1, -1, 1, 1, 0]),
    ],
)
def test_which_of_two_candidates_of_one_hit_was_kept_teaches_nothing(kept, expected):
    times_s = np.array([1.0, 1.03, 2.0, 2.05, 3.0])
    log_odds = np.array([-4.0, 3.0, 1.0, 2.0, 5.0])
    raw = raw_file(times_s)
    labels = labels_of(raw, raw_file(times_s[np.array(kept, bool)]))
    told = without_doubtful(labels, np.rint(times_s * SAMPLE_RATE).astype(int), log_odds, CLOSEST_WAIT)
    np.testing.assert_array_equal(told.labels, expected)
    assert told.unlabelled == labels.unlabelled + expected.count(UNLABELLED)


@given(st.lists(st.tuples(st.integers(0, 20_000), st.sampled_from([KEPT, REMOVED, UNLABELLED]), st.integers(-9, 9))))
def test_no_label_changes_but_to_none_and_no_hit_that_is_likelier_than_all_beside_it(candidates):
    samples, given_labels, log_odds = np.array(sorted(candidates), int).reshape(-1, 3).T
    labels = replace(labels_of(raw_file([1.0]), raw_file([1.0])), labels=given_labels.astype(np.int8))
    told = without_doubtful(labels, samples, log_odds, CLOSEST_WAIT).labels
    assert (told[told != given_labels] == UNLABELLED).all()
    for i in np.flatnonzero((told != given_labels) & (given_labels == KEPT)):
        assert (log_odds[np.abs(samples - samples[i]) < 2048] > log_odds[i]).any()
