"""Rows that come a few at a time: the same rows as if they had come at once, however many."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from drumhits.detection import frames as growing
from drumhits.detection.frames import RowBuffer


@given(st.lists(st.integers(0, 40), max_size=8), st.integers(1, 100))
def test_rows_are_kept_in_their_order_whatever_their_number(lengths, first_bytes):
    rows = np.arange(3 * sum(lengths), dtype=np.float16).reshape(-1, 3)
    before, growing.FIRST_BYTES = growing.FIRST_BYTES, first_bytes
    try:
        grown = RowBuffer(rows[:0])
    finally:
        growing.FIRST_BYTES = before
    for part in np.split(rows, np.cumsum(lengths)):
        grown.add(part)
    which = np.arange(len(rows))[::-2]
    np.testing.assert_array_equal(grown[which], rows[which])
    assert grown[which].dtype == np.float16
