"""Which hit to ask about next, and what the answers so far say about the others: arrays in, order out.

How well each hypothesis of `hypotheses` foretold the answers is its weight (Bayesian model averaging). The next
question is the one after which the fewest wrong decisions are to be expected: its own, and with a lesser weight those
about the others (expected error reduction: Roy and McCallum 2001, "Toward optimal active learning through sampling
estimation of error reduction"). The constants were chosen on six rendered songs that no figure is reported of.
"""

from collections.abc import Sequence
from statistics import NormalDist

import numpy as np

from drumhits.numeric import expit
from drumhits.review.choosing.hypotheses import HYPOTHESES, Hypothesis, Process, log_odds

OTHERS_WEIGHT = 0.05  # of an expected right decision about another hit beside that about the one asked
MOST_WEIGHED = 50  # candidates whose answers are weighed
MOST_OTHERS = 1500  # candidates that an answer is weighed for
MOST_ANSWERS = 400  # the latest ones are learned from; by then the model has learned from the others


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
        columns = dict(zip(features, Z.T, strict=True))
        self._loudness = [columns.get(one.measure, np.zeros(len(Z))) for one in hypotheses]
        self._min_confidence, self._hypotheses = min_confidence, hypotheses
        self._rows, self._y = np.zeros(0, int), np.zeros(0)
        self.start_from(prior)

    def start_from(self, prior: np.ndarray) -> None:
        """Take another model's confidence of each candidate, in 0..1, and what was learned on top of it anew."""
        model, limit = log_odds(prior), float(log_odds(np.array(self._min_confidence)))
        self._processes = [
            Process(one, model, limit, self._alike, loudness)
            for one, loudness in zip(self._hypotheses, self._loudness, strict=True)
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
        by_risk = open_rows[np.argsort(-self.risk[open_rows], kind="stable")]
        weighed, others = by_risk[:MOST_WEIGHED], np.sort(by_risk[:MOST_OTHERS])
        if not len(weighed):
            return weighed
        own = self.risk[weighed]
        spared = self.risk[others].sum() - own - self._expected_errors(weighed, others)
        best_first = np.argsort(-(own + OTHERS_WEIGHT * spared), kind="stable")
        return np.concatenate((weighed[best_first], by_risk[MOST_WEIGHED:]))

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
