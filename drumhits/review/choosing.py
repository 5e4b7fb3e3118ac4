"""Which hit to ask about next, and what the answers so far say about the others: arrays in, order out.

Two hypotheses explain the answers: the user wants the true hits, and the model errs in this song here and there; or the
user has a taste, which goes against confident decisions of the model, most likely by loudness. Under each the log
odds that the user keeps a candidate are those of the model plus a Gaussian process over the features, which Laplace's
approximation fits to the answers (Rasmussen and Williams 2006, "Gaussian processes for machine learning", algorithms
3.1 and 3.2). How well a hypothesis foretold the answers is its weight (Bayesian model averaging).

The next question is the one after which the fewest wrong decisions are to be expected: its own, and with a lesser
weight those about the others (expected error reduction: Roy and McCallum 2001, "Toward optimal active learning through
sampling estimation of error reduction"). The constants were chosen on songs that no figure is reported of.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from drumhits.detection.features import FILE_AMP
from drumhits.numeric import clipped_log_odds, expit

LOWEST = 1e-4  # of the model's probabilities; they are clipped to it and to its complement
OTHERS_WEIGHT = 0.05  # of an expected right decision about another hit beside that about the one asked
MOST_WEIGHED = 50  # candidates whose answers are weighed
MOST_OTHERS = 1500  # candidates that an answer is weighed for
MOST_ANSWERS = 400  # the latest ones are learned from; by then the model has learned from the others
DISAGREEMENT = 0.3  # of the hypotheses, beside the expected error, in what is weighed
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
    loudness: float = 0.0
    loudness_step: float = 0.0
    loudness_reach: float = 1.0


HYPOTHESES = (
    Hypothesis(weight=0.7, trust=1.0, most_log_odds=6.0, bias=1.0, linear=0.5, local=1.0, reach=1.0),
    Hypothesis(
        weight=0.3, trust=0.5, most_log_odds=2.5, bias=0.3, linear=0.5, local=1.0, reach=1.2, confidence=0.05,
        loudness=3.0, loudness_step=4.0, loudness_reach=0.5,
    ),
)  # fmt: skip


class Beliefs:
    """What is believed about the candidates of a stem.

    Parameters
    ----------
    X : np.ndarray, shape (n, n_features)
        Their features.
    features : sequence of str, length n_features
        Names of the columns.
    prior : np.ndarray, shape (n,), 0..1
        The model's confidence.
    min_confidence : float in 0..1, without the ends
        From which on the model keeps a candidate.
    hypotheses : sequence of Hypothesis

    Attributes
    ----------
    probability : np.ndarray, shape (n,), 0..1
        That the user keeps a candidate, bent so that 0.5 decides.
    """

    def __init__(
        self,
        X: np.ndarray,
        features: Sequence[str],
        prior: np.ndarray,
        min_confidence: float,
        hypotheses: Sequence[Hypothesis] = HYPOTHESES,
    ):
        Z = _rank_normal(X)
        self._alike = Z[:, Z.any(axis=0)] / np.sqrt(max(1, int(Z.any(axis=0).sum())))
        self._loudness = Z[:, list(features).index(FILE_AMP)] if FILE_AMP in features else np.zeros(len(Z))
        self._min_confidence, self._hypotheses = min_confidence, hypotheses
        self._rows, self._y = np.zeros(0, int), np.zeros(0)
        self.start_from(prior)

    def start_from(self, prior: np.ndarray) -> None:
        """Take another model's confidence of each candidate, in 0..1, and what was learned on top of it anew."""
        limit = _log_odds(np.array(self._min_confidence))
        self._processes = [
            _Process(one, _log_odds(prior), float(limit), self._alike, self._loudness) for one in self._hypotheses
        ]
        self._update()

    def learn(self, rows: np.ndarray, y: np.ndarray) -> None:
        """Take all answers so far.

        Parameters
        ----------
        rows : np.ndarray, shape (n_answers,), int
            The candidates that were decided about, the latest last.
        y : np.ndarray, shape (n_answers,), bool
            Whether they are kept.
        """
        self._rows, self._y = rows[-MOST_ANSWERS:], y[-MOST_ANSWERS:].astype(float)
        self._update()

    def _update(self) -> None:
        for process in self._processes:
            process.fit(self._rows, self._y)
        log_weights = np.log([one.weight for one in self._hypotheses])
        log_weights += np.array([one.evidence for one in self._processes])
        weights = np.exp(log_weights - log_weights.max())
        self._weights = weights / weights.sum()
        self._each = expit(np.array([process.mean for process in self._processes]))
        self.probability = self._weights @ self._each

    @property
    def confidence(self) -> np.ndarray:
        """`probability` on the scale of the model's confidence, shape (n,), 0..1."""
        return expit(_log_odds(self.probability) + _log_odds(np.array(self._min_confidence)))

    @property
    def risk(self) -> np.ndarray:
        """Probability that each candidate is decided wrongly, shape (n,), 0..0.5."""
        return np.minimum(self.probability, 1 - self.probability)

    @property
    def likely_wrong(self) -> np.ndarray:
        """Probability that each candidate is decided wrongly, by the likelier hypothesis, shape (n,), 0..1.

        What the other one leaves open would add up to many wrong ones, long before anything speaks for it.
        """
        likelier = self._each[self._weights.argmax()]
        return np.where(self.probability >= 0.5, 1 - likelier, likelier)

    def order(self, open_rows: np.ndarray) -> np.ndarray:
        """Return the candidates to ask about, the most informative first; those that are weighed come before others.

        Parameters
        ----------
        open_rows : np.ndarray, shape (n_open,), int
            Those that may be asked about, increasing.
        """
        doubt = self.risk + DISAGREEMENT * np.ptp(self._each, axis=0)
        by_doubt = open_rows[np.argsort(-doubt[open_rows], kind="stable")]
        weighed, others = by_doubt[:MOST_WEIGHED], np.sort(by_doubt[:MOST_OTHERS])
        if not len(weighed):
            return weighed
        own = self.risk[weighed]
        spared = self.risk[others].sum() - own - self._expected_errors(weighed, others)
        best_first = np.argsort(-(own + OTHERS_WEIGHT * spared), kind="stable")
        return np.concatenate((weighed[best_first], by_doubt[MOST_WEIGHED:]))

    def _expected_errors(self, weighed: np.ndarray, others: np.ndarray) -> np.ndarray:
        """Return the wrong decisions about `others` that are to be expected after an answer about each of `weighed`."""
        foreseen = [process.foresee(weighed, others) for process in self._processes]
        is_itself = others == weighed[:, None]
        expected = np.zeros(len(weighed))
        for answer in (0, 1):
            each = [p if answer else 1 - p for p, _ in foreseen]
            likely = self._weights @ each
            after = sum(
                (weight * p / likely)[:, None] * probability[answer]
                for weight, p, (_, probability) in zip(self._weights, each, foreseen, strict=True)
            )
            wrong = np.where(is_itself, 0, np.minimum(after, 1 - np.asarray(after)))
            expected += likely * wrong.sum(axis=1)
        return expected


class _Process:
    """The Gaussian process of a hypothesis; 0 is the log odds from which a candidate is kept.

    Attributes
    ----------
    mean : np.ndarray, shape (n,)
        Log odds that the user keeps each candidate.
    evidence : float
        Log of the probability of the answers.
    """

    def __init__(self, says: Hypothesis, log_odds: np.ndarray, limit: float, alike: np.ndarray, loudness: np.ndarray):
        self._says, self._alike, self._loudness = says, alike, loudness
        self._confidence = np.clip(log_odds - limit, -says.most_log_odds, says.most_log_odds)
        self._prior = says.trust * self._confidence
        self._square = np.square(alike).sum(axis=1)
        self._rows, self._covariance = np.zeros(0, int), np.zeros((0, len(log_odds)))
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


def _log_odds(probability: np.ndarray) -> np.ndarray:
    return clipped_log_odds(probability, LOWEST)


def _rank_normal(X: np.ndarray) -> np.ndarray:
    """Return each column as normal quantiles of its ranks, 0 where it is constant: outliers and scales do not count."""
    n = len(X)
    normal = NormalDist()
    quantiles = np.array([normal.inv_cdf((k + 1) / (2 * n)) for k in range(2 * n - 1)])  # of ranks in halves
    ranked = np.zeros(X.shape)
    for column, values in zip(ranked.T, np.asarray(X).T, strict=True):
        distinct, of_each, counts = np.unique(values, return_inverse=True, return_counts=True)
        if len(distinct) > 1:
            twice_rank = 2 * np.cumsum(counts) - counts - 1  # of the middle of equal values, from 0
            column[:] = quantiles[twice_rank][of_each.reshape(-1)]
    return ranked
