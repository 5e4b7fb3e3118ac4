"""Tests compute in one thread, as the scripts do: sums of several threads differ in their last bits."""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
