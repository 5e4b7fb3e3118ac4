"""Feature table -> which candidates to keep, and why the others not: by thresholds, or by a model that is handed in.

The limit of GeoMean is that of a stem at the usual level: a stem whose loud hits are 6 dB below it is judged by half.
That of Str is moved to a gap between the candidates' strengths, where `onset_gap` says so.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from drumhits.config.load import StemConfig
from drumhits.config.schema import STEM_REFERENCE
from drumhits.detection.features import FeatureTable
from drumhits.drums import PROFILES
from drumhits.models.onset_gap import limit_at_gap

LEAST_CERTAINTY = 1e-9
OCTAVE_DB = float(20 * np.log10(2))
TINY = np.finfo(float).tiny
DOUBLE = "double of a stronger hit"


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
    margins : np.ndarray, shape (n,), >= 0, or None
        How far each decision is from the other one: a share of the way from the limit to certainty, or octaves of the
        feature that decided. None where nothing was decided.
    """

    keep: np.ndarray
    reasons: tuple[str, ...]
    confidence: np.ndarray | None = None
    margins: np.ndarray | None = None


def _as_it_is(setting: float, table: FeatureTable, config: StemConfig) -> float:
    return setting


def _at_level(setting: float, table: FeatureTable, config: StemConfig) -> float:
    return setting * table.level.gain if config.level_reference == STEM_REFERENCE else setting


def _at_gap(setting: float, table: FeatureTable, config: StemConfig) -> float:
    return limit_at_gap(table["Str"], setting) if config.onset_gap else setting


@dataclass(frozen=True)
class ThresholdTest:
    """A test of the threshold rule: `passes(feature, limit)` keeps, `rejected` says how the candidate failed.

    `limit_in` says what limit a setting stands for in all candidates of a stem.
    """

    feature: str
    setting: str
    passes: Callable[[np.ndarray, float], np.ndarray]
    rejected: str  # with a place for the limit
    limit_in: Callable[[float, FeatureTable, StemConfig], float] = _as_it_is

    @property
    def is_in_db(self) -> bool:
        """Whether the feature is a level in dB."""
        return self.setting.endswith("_db")

    def octaves_above(self, values: np.ndarray, limit: float) -> np.ndarray:
        """Return how far values lie above a limit: of each doubling one, of levels 6 dB."""
        if self.is_in_db:
            return (values - limit) / OCTAVE_DB
        above: np.ndarray = np.log2(np.maximum(values, TINY)) - np.log2(max(limit, TINY))
        return above

    def least(self, limit: float) -> float:
        """Return the least value that passes a limit."""
        return limit if self.passes(np.float64(limit), limit) else float(np.nextafter(limit, np.inf))


GEOMEAN_TEST = ThresholdTest("GeoMean", "geomean_threshold", np.greater, "GeoMean <= {}", _at_level)
STRENGTH_TEST = ThresholdTest("Str", "onset_threshold", np.greater_equal, "Str < {}", _at_gap)
LEARNED_TESTS = (  # whose limits the edits can tell
    STRENGTH_TEST,
    GEOMEAN_TEST,
    ThresholdTest("SustainMs", "min_sustain_ms", np.greater_equal, "SustainMs < {}"),
)


def other_tests(stem: str) -> tuple[ThresholdTest, ...]:
    """Return the tests of a stem whose limits the edits cannot tell."""
    features = {
        "min_centroid_hz": "CentroidHz",
        "min_rise_db": PROFILES[stem].rise_feature,
        "min_over_drum_db": PROFILES[stem].over_feature,
    }
    return tuple(
        ThresholdTest(feature, setting, np.greater_equal, f"{feature} < {{}}") for setting, feature in features.items()
    )


def threshold_tests(stem: str) -> tuple[ThresholdTest, ...]:
    """Return all tests of a stem."""
    return (*LEARNED_TESTS, *other_tests(stem))


def limit_in_force(test: ThresholdTest, table: FeatureTable, config: StemConfig) -> float | None:
    """Return the limit of a test for all candidates of a stem.

    None where the test is switched off, or tells nothing: of a stem by itself, what is beside its siblings.
    """
    setting: float | None = getattr(config, test.setting) if test.feature in table.names else None
    return None if setting is None else test.limit_in(setting, table, config)


def in_force(
    tests: Iterable[ThresholdTest], table: FeatureTable, config: StemConfig
) -> Iterator[tuple[ThresholdTest, float, np.ndarray]]:
    """Yield the tests that are not switched off, each with its limit and which candidates pass, shape (n,), bool."""
    for test in tests:
        limit = limit_in_force(test, table, config)
        if limit is not None:
            yield test, limit, test.passes(table[test.feature], limit)


def limit_text(limit: float) -> str:
    """Return a limit with three digits that count, as it stands in reports."""
    return f"{float(f'{limit:.3g}'):g}"


def by_thresholds(table: FeatureTable, config: StemConfig) -> Decisions:
    """Keep a candidate that passes every test of `threshold_tests`, and is no double of a stronger candidate.

    A limit of None switches its test off.
    """
    keep = np.ones(len(table), dtype=bool)
    reasons = np.full(len(table), "", dtype=object)
    above = np.full(len(table), np.inf)  # octaves, of the test that comes nearest to rejecting
    for test, limit, passes in in_force(threshold_tests(config.stem), table, config):
        reasons[keep & ~passes] = test.rejected.format(limit_text(limit))
        keep &= passes
        above = np.minimum(above, test.octaves_above(table[test.feature], limit))
    doubles = keep & table.is_double
    keep[doubles], reasons[doubles], above[doubles] = False, DOUBLE, 0.0
    return Decisions(keep, tuple(reasons), margins=np.abs(above))


def by_confidence(confidence: np.ndarray, min_confidence: float) -> Decisions:
    """Keep a candidate whose confidence (0..1) reaches `min_confidence`."""
    keep = confidence >= min_confidence
    rejected = f"confidence < {100 * min_confidence:.0f} %"
    certainty = np.where(keep, 1 - min_confidence, min_confidence)
    margins = np.abs(confidence - min_confidence) / np.maximum(certainty, LEAST_CERTAINTY)
    return Decisions(keep, tuple(np.where(keep, "", rejected)), confidence, margins)
