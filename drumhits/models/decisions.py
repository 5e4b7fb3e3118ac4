"""Feature table -> which candidates to keep, and why the others not: by thresholds, or by a model that is handed in."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from drumhits.config.load import StemConfig
from drumhits.detection.features import FeatureTable


@dataclass(frozen=True)
class Decisions:
    """One decision a candidate.

    Attributes
    ----------
    keep : np.ndarray, shape (n,), bool
    reasons : tuple of str, length n
        The first test that rejected the candidate; "" where it is kept.
    confidence : np.ndarray, shape (n,), 0..1, or None
        Probability that the user would keep the candidate; None where thresholds decided.
    """

    keep: np.ndarray
    reasons: tuple[str, ...]
    confidence: np.ndarray | None = None


@dataclass(frozen=True)
class ThresholdTest:
    """A test of the threshold rule: `passes(feature, limit)` keeps, `rejected` says how the candidate failed."""

    feature: str
    setting: str
    passes: Callable[[np.ndarray, float], np.ndarray]
    rejected: str


THRESHOLD_TESTS = (
    ThresholdTest("Str", "onset_threshold", np.greater_equal, "Str < {:g}"),
    ThresholdTest("GeoMean", "geomean_threshold", np.greater, "GeoMean <= {:g}"),
    ThresholdTest("SustainMs", "min_sustain_ms", np.greater_equal, "SustainMs < {:g}"),
)


def by_thresholds(table: FeatureTable, config: StemConfig) -> Decisions:
    """Keep a candidate that passes every test of `THRESHOLD_TESTS`; a limit of None switches its test off."""
    keep = np.ones(len(table), dtype=bool)
    reasons = np.full(len(table), "", dtype=object)
    for test in THRESHOLD_TESTS:
        limit = getattr(config, test.setting)
        if limit is not None:
            passes = test.passes(table[test.feature], limit)
            reasons[keep & ~passes] = test.rejected.format(limit)
            keep &= passes
    return Decisions(keep, tuple(reasons))


def by_confidence(confidence: np.ndarray, min_confidence: float) -> Decisions:
    """Keep a candidate whose confidence (0..1) reaches `min_confidence`."""
    keep = confidence >= min_confidence
    rejected = f"confidence < {100 * min_confidence:.0f} %"
    return Decisions(keep, tuple(np.where(keep, "", rejected)), confidence)
