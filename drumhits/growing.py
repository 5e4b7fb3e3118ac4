"""Rows that come a few at a time and are many in the end."""

import numpy as np

FIRST_BYTES = 1 << 25  # so large that the system gives it by itself, takes it back, and lends only what is written to


class GrowingRows:
    """Rows put one under another.

    Many small arrays would do the same, but leave the memory in pieces too small for what comes after them.

    Parameters
    ----------
    none : np.ndarray, shape (0, ...)
        No rows, of the shape and type that are to come.
    """

    def __init__(self, none: np.ndarray):
        self._n = 0
        bytes_a_row = none.itemsize * int(np.prod(none.shape[1:]))
        self._rows = np.empty((FIRST_BYTES // bytes_a_row + 1, *none.shape[1:]), dtype=none.dtype)

    def add(self, rows: np.ndarray) -> None:
        """Put some rows under those that are there."""
        end = self._n + len(rows)
        if end > len(self._rows):
            grown = np.empty((max(2 * len(self._rows), end), *self._rows.shape[1:]), dtype=self._rows.dtype)
            grown[: self._n] = self._rows[: self._n]
            self._rows = grown
        self._rows[self._n : end] = rows
        self._n = end

    def __getitem__(self, which: np.ndarray) -> np.ndarray:
        """Return a copy of the rows at some indices."""
        return self._rows[: self._n][which]
