"""How the answers of a user come about: some hypotheses, and what each believes of a stem under the answers so far.

The user wants the true hits, and the model errs in this song here and there; or the user has a taste, which goes
against confident decisions of the model, most likely by loudness, as one of several features measures it. Under each
the log odds that the user keeps a candidate are those of the model plus a Gaussian process over the features, which
Laplace's approximation fits to the answers (Rasmussen and Williams 2006, "Gaussian processes for machine learning",
algorithms 3.1 and 3.2). The constants were chosen on six rendered songs that no figure is reported of; which measures
of loudness to try, with the others in view.
"""

from dataclasses import dataclass

import numpy as np

from drumhits.detection.features import FILE_AMP
from drumhits.numeric import clipped_log_odds, expit

VELOCITY = "velocity"  # of the note that a candidate is where it is kept
LOWEST = 1e-4  # of the model's probabilities; they are clipped to it and to its complement
NEWTON_STEPS, CONVERGED = 30, 1e-4
LEAST_CURVATURE = 1e-6


@dataclass(frozen=True)
class Hypothesis:
    """How the answers come about: variances are of log odds, features have a standard deviation of 1.

    Attributes
    ----------
    weight : float in 0..1
        Before any answer.
    trust : float in 0..1
        By which the model's log odds are multiplied.
    most_log_odds : float > 0
        Those of the model are clipped to, on either side of its limit.
    bias : float
        Variance of what all hits have in common.
    linear, local : float
        Variance of what is proportional to a feature, and of what only hits share that are alike in all features.
    reach : float
        How unlike, as a root mean square over the features.
    confidence : float
        Variance of a factor of the model's log odds.
    measure : str
        The feature that stands for loudness, or VELOCITY.
    loudness, loudness_step, loudness_reach : float
        Variance of what is proportional to loudness, and of a function of it that changes over `loudness_reach`.
    """

    weight: float
    trust: float
    most_log_odds: float
    bias: float
    linear: float
    local: float
    reach: float
    confidence: float = 0.0
    measure: str = FILE_AMP
    loudness: float = 0.0
    loudness_step: float = 0.0
    loudness_reach: float = 1.0


def _taste(measure: str, weight: float) -> Hypothesis:
    return Hypothesis(
        weight=weight, trust=0.5, most_log_odds=2.5, bias=0.3, linear=0.5, local=1.0, reach=1.2, confidence=0.05,
        measure=measure, loudness=3.0, loudness_step=4.0, loudness_reach=0.5,
    )  # fmt: skip


HYPOTHESES = (
    Hypothesis(weight=0.7, trust=1.0, most_log_odds=6.0, bias=1.0, linear=0.5, local=1.0, reach=1.0),
    _taste(VELOCITY, weight=0.15),  # no soft ones
    _taste(FILE_AMP, weight=0.075),  # none that are soft in this stem
    _taste("OverAll", weight=0.075),  # none that the other stems drown
)


class Process:
    """The Gaussian process of a hypothesis; 0 is the log odds from which a candidate is kept.

    Parameters
    ----------
    says : Hypothesis
    model : np.ndarray, shape (n,)
        Log odds that the model gives each candidate.
    limit : float
        Those from which on it keeps a candidate.
    alike : np.ndarray, shape (n, n_features)
        What makes candidates alike: a linear kernel of a typical candidate with itself is 1.
    loudness : np.ndarray, shape (n,)
        The measure of the hypothesis, of standard deviation 1.

    Attributes
    ----------
    mean : np.ndarray, shape (n,)
        Log odds that the user keeps each candidate.
    evidence : float
        Log of the probability of the answers.
    """

    def __init__(self, says: Hypothesis, model: np.ndarray, limit: float, alike: np.ndarray, loudness: np.ndarray):
        self._says, self._alike, self._loudness = says, alike, loudness
        self._confidence = np.clip(model - limit, -says.most_log_odds, says.most_log_odds)
        self._prior = says.trust * self._confidence
        self._square = np.square(alike).sum(axis=1)
        self._rows, self._covariance = np.zeros(0, int), np.zeros((0, len(model)))
        self._weights = np.zeros(0)
        self.mean, self.evidence = self._prior, 0.0

    def _kernel(self, rows: np.ndarray, columns: np.ndarray | slice = slice(None)) -> np.ndarray:
        """Return the prior covariance of some candidates with others, shape (len(rows), len(columns))."""
        says, loudness = self._says, self._loudness
        product = self._alike[rows] @ self._alike[columns].T
        distance = self._square[rows, None] + self._square[columns] - 2 * product
        covariance = says.bias + says.linear * product
        covariance += says.local * np.exp(-np.maximum(distance, 0) / (2 * says.reach**2))
        if says.confidence:
            covariance += says.confidence * np.outer(self._confidence[rows], self._confidence[columns])
        if says.loudness:
            covariance += says.loudness * np.outer(loudness[rows], loudness[columns])
        if says.loudness_step:
            louder = loudness[rows, None] - loudness[columns]
            covariance += says.loudness_step * np.exp(-np.square(louder) / (2 * says.loudness_reach**2))
        return covariance

    def _variance(self, rows: np.ndarray) -> np.ndarray:
        """Return the prior variance of some candidates."""
        says = self._says
        variance = says.bias + says.linear * self._square[rows] + says.local + says.loudness_step
        return variance + says.confidence * self._confidence[rows] ** 2 + says.loudness * self._loudness[rows] ** 2

    def fit(self, rows: np.ndarray, y: np.ndarray) -> None:
        """Find the most likely log odds under the answers `y`, 0 or 1, about the candidates `rows`."""
        n_same = len(self._rows) if np.array_equal(self._rows, rows[: len(self._rows)]) else 0
        self._covariance = np.concatenate((self._covariance[:n_same], self._kernel(rows[n_same:])))
        self._weights = np.concatenate((self._weights[:n_same], np.zeros(len(rows) - n_same)))
        self._rows = rows
        own, prior = self._covariance[:, rows], self._prior[rows]
        for _ in range(NEWTON_STEPS):
            p, root = _curvature(prior + own @ self._weights)
            target = root**2 * (own @ self._weights) + y - p
            moved = target - root * np.linalg.solve(_inner(own, root), root * (own @ target))
            change = np.abs(moved - self._weights).max(initial=0)
            self._weights = moved
            if change < CONVERGED:
                break
        added = own @ self._weights
        _, self._root = _curvature(prior + added)
        self._cholesky = np.linalg.cholesky(_inner(own, self._root))
        self.mean = self._prior + self._weights @ self._covariance
        misfit = np.logaddexp(0, np.where(y > 0, -1, 1) * (prior + added)).sum()
        self.evidence = float(-misfit - self._weights @ added / 2 - np.log(np.diag(self._cholesky)).sum())

    def foresee(self, weighed: np.ndarray, others: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
        """Return the probability that each of `weighed` is kept, and those of `others` after each answer, 0 and 1."""
        covariance, variance = self._kernel(weighed, others), self._variance(weighed)
        if len(self._rows):
            known = self._root[:, None] * self._covariance
            solved = np.linalg.solve(self._cholesky, known[:, weighed])
            covariance -= np.linalg.solve(self._cholesky.T, solved).T @ known[:, others]
            variance = variance - np.square(solved).sum(axis=0)
        p = expit(self.mean[weighed] / np.sqrt(1 + np.pi / 8 * np.maximum(variance, 0)))
        curvature = np.maximum(p * (1 - p), 1e-3)
        gain = covariance / (1 + variance * curvature)[:, None]
        return p, [expit(self.mean[others] + gain * (answer - p)[:, None]) for answer in (0, 1)]


def _curvature(log_odds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return probabilities, and the roots of the curvature of their log likelihood."""
    p = expit(log_odds)
    return p, np.sqrt(np.maximum(p * (1 - p), LEAST_CURVATURE))


def _inner(own: np.ndarray, root: np.ndarray) -> np.ndarray:
    """Return the matrix B of algorithm 3.1."""
    return np.eye(len(own)) + root[:, None] * own * root


def log_odds(probability: np.ndarray) -> np.ndarray:
    """Return log odds of probabilities clipped to LOWEST and its complement."""
    return clipped_log_odds(probability, LOWEST)
