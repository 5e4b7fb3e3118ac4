"""Feature tables with chosen values, for the tests of what comes after the features."""

import numpy as np

from drumhits.detection.features import FeatureTable

ORDINARY = {
    "Str": 0.8, "Amp": 0.3, "BodyE": 100.0, "BrillE": 100.0, "Total": 200.0, "GeoMean": 100.0, "SustainMs": 150.0,
    "StrokeDb": 10.0, "LevelDb": 10.0, "TailDb": -20.0, "CentroidHz": 3000.0, "PitchHz": 120.0,
}  # fmt: skip


def table(times_s: np.ndarray | None = None, **columns: object) -> FeatureTable:
    """Return a table in which every column but those given has its value of ORDINARY in all rows; others follow."""
    n = next((len(np.atleast_1d(values)) for values in columns.values()), 1) if times_s is None else len(times_s)
    times_s = np.arange(n) * 0.5 if times_s is None else np.asarray(times_s, dtype=float)
    names = (*ORDINARY, *(name for name in columns if name not in ORDINARY))
    values = np.column_stack([np.broadcast_to({**ORDINARY, **columns}[name], n) for name in names])
    return FeatureTable(times_s, names, values.astype(float))
