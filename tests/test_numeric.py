import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from drumhits.numeric import percentile


@given(
    values=hnp.arrays(
        st.sampled_from([np.float32, np.float64]),
        st.integers(1, 300),
        elements=st.floats(-1e4, 1e4, width=32),
    ),
    percent=st.sampled_from([0, 2.5, 50, 85, 95, 99, 100]),
)
def test_a_percentile_is_that_of_numpy(values, percent):
    measured = percentile(values, percent)
    assert measured.dtype == values.dtype
    assert measured == pytest.approx(float(np.percentile(values, percent)), rel=1e-5, abs=1e-3)


def test_percentiles_with_a_known_answer():
    assert percentile(np.array([7.0]), 95) == 7.0
    assert percentile(np.array([3.0, 1.0, 2.0, 5.0, 4.0]), 50) == 3.0
    assert percentile(np.arange(101.0), 95) == 95.0
    assert percentile(np.array([0.0, 10.0]), 25) == 2.5
