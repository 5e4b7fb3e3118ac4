"""The nearest of some times, beside a plain search through all of them."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from drumhits.matching import nearest

times = st.lists(st.floats(0, 100), max_size=30).map(np.sort)


@given(times, times.filter(len))
def test_the_nearest_is_that_of_a_plain_search(times_s, others_s):
    index, distance_s = nearest(times_s, others_s)
    expected_s = np.abs(times_s[:, None] - others_s).min(axis=1) if len(times_s) else np.zeros(0)
    np.testing.assert_array_equal(distance_s, expected_s)
    np.testing.assert_array_equal(np.abs(others_s[index] - times_s), distance_s)


def test_of_no_times_none_is_near():
    index, distance_s = nearest(np.array([1.0, 2.0]), np.zeros(0))
    assert index.tolist() == [0, 0]
    assert np.isinf(distance_s).all()
