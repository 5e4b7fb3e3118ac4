"""Tastes along one feature: which hits a user deletes though they are hits, as a gate behind a model, and in words."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from drumhits.models.gate import Gate, scaled_feature
from drumhits.numeric import expit

RIDGE = 0.1  # on the slope for one standard deviation of the feature, at examples of a mean weight of 1
LOUD_PERCENTILE = 95
_CLIPPED = 1e-6


@dataclass(frozen=True)
class Taste:
    """A feature that a taste may follow.

    Attributes
    ----------
    feature : str
    least : float >= 0
        See `gate.Gate`.
    low, high : str
        What the removed hits are called where they lie below or above a value.
    in_words : callable (value, values of kept hits) -> str
        The value in words.
    """

    feature: str
    least: float
    low: str
    high: str
    in_words: Callable[[float, np.ndarray], str]


def _of_the_loud_ones(value: float, kept: np.ndarray) -> str:
    return f"{value / max(float(np.percentile(kept, LOUD_PERCENTILE)), _CLIPPED):.0%} of the loud ones"


def _in_ms(value: float, kept: np.ndarray) -> str:
    return f"{value:.0f} ms"


def _gap_in_ms(value: float, kept: np.ndarray) -> str:
    return f"{1000 * 10**value:.0f} ms"


def _in_hz(value: float, kept: np.ndarray) -> str:
    return f"{value:.0f} Hz"


def _in_db(value: float, kept: np.ndarray) -> str:
    return f"{value - float(np.percentile(kept, LOUD_PERCENTILE)):+.0f} dB beside the loud ones"


TASTES = (  # of those that are as good, the first is taken
    Taste("FileAmp", 1e-6, "softer than", "louder than", _of_the_loud_ones),
    Taste("Amp", 1e-6, "softer than", "louder than", _of_the_loud_ones),
    Taste("LevelDb", 0.0, "softer than", "louder than", _in_db),
    Taste("SustainMs", 1.0, "that ring for less than", "that ring for more than", _in_ms),
    Taste("CentroidHz", 1.0, "whose spectral centroid lies below", "whose spectral centroid lies above", _in_hz),
    Taste("PastGap", 0.0, "that follow another one within", "that follow another one after more than", _gap_in_ms),
    Taste("NextGap", 0.0, "that another one follows within", "that another one follows after more than", _gap_in_ms),
)


def fit_gate(
    X: np.ndarray, column: int, prior: np.ndarray, y: np.ndarray, weights: np.ndarray, *, least: float = 0.0
) -> Gate:
    """Return the gate on one feature, by which the prior's probabilities times the gate's are the most likely.

    Parameters
    ----------
    X : np.ndarray, shape (n, n_features)
    column : int
        The feature.
    prior : np.ndarray, shape (n,), 0..1
        Probability that each candidate is a hit.
    y : np.ndarray, shape (n,), bool
        Whether the user kept it.
    weights : np.ndarray, shape (n,), > 0
    least : float >= 0
        See `gate.Gate`.
    """
    scaled = scaled_feature(X[:, column].astype(np.float64), least)
    centre, spread = float(scaled.mean()), max(float(scaled.std()), 1e-9)
    x, is_hit = (scaled - centre) / spread, np.clip(prior, 0.001, 0.999)

    def loss(parameters: np.ndarray) -> tuple[float, np.ndarray]:
        intercept, slope = parameters
        wanted = expit(intercept + slope * x)
        p = np.clip(is_hit * wanted, _CLIPPED, 1 - _CLIPPED)
        by_logit = weights * np.where(y, -1 / p, 1 / (1 - p)) * is_hit * wanted * (1 - wanted)
        value = -np.sum(weights * np.where(y, np.log(p), np.log1p(-p))) + RIDGE / 2 * slope**2
        return float(value), np.array([by_logit.sum(), (by_logit * x).sum() + RIDGE * slope])

    intercept, slope = minimize(loss, np.array([2.0, 0.0]), jac=True, method="L-BFGS-B").x
    slope = slope if abs(slope) > 1e-3 else 1e-3
    return Gate.of_arrays(
        X.shape[1], column=[column], least=[least], centre=[centre - intercept / slope * spread], slope=[slope / spread]
    )


def taste_in_words(gate: Gate, feature: str, values_of_kept: np.ndarray, min_confidence: float) -> str:
    """Return what a gate removes, such as "hits softer than 40 % of the loud ones".

    Parameters
    ----------
    gate : Gate
    feature : str
        One of those of TASTES.
    values_of_kept : np.ndarray, shape (n,)
        The feature, of the hits that the user kept.
    min_confidence : float in 0..1
        Below it hits are removed.
    """
    taste = next(one for one in TASTES if one.feature == feature)
    side = taste.low if gate.slope[0] > 0 else taste.high
    return f"hits {side} {taste.in_words(gate.value_at(min_confidence), values_of_kept)}"
