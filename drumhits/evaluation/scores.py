"""Masks, confidences and matched pairs -> scores. Times in seconds, increasing; scores in 0..1; None where 0 of 0.

Hits are matched by `matching.match_times`, which finds as many pairs as mir_eval (Raffel et al. 2014, "mir_eval: a
transparent implementation of common MIR metrics") and, among as many, the nearest.
"""

from dataclasses import dataclass

import numpy as np

from drumhits.metrics import average_precision, precision_recall_f1, roc_auc


class _Counted:
    """Precision, recall and F1 of what has `counts`."""

    @property
    def counts(self) -> tuple[int, int, int]:
        """Matched, n_reference, n_estimated: what `precision_recall_f1` takes."""
        raise NotImplementedError

    @property
    def precision(self) -> float | None:
        return precision_recall_f1(*self.counts)[0]

    @property
    def recall(self) -> float | None:
        return precision_recall_f1(*self.counts)[1]

    @property
    def f1(self) -> float | None:
        return precision_recall_f1(*self.counts)[2]


@dataclass(frozen=True)
class CandidateScores(_Counted):
    """Scores of decisions about candidates.

    Attributes
    ----------
    true_kept, false_kept, true_removed, false_removed : int
        Candidates kept that are hits, kept that are none, removed that are none, removed that are hits.
    roc_auc, average_precision : float or None
        Of the confidence; None without one, and where all candidates are hits or none is.
    brier : float or None
        Mean squared error of the confidence, 0 is best; None without one.
    """

    true_kept: int
    false_kept: int
    true_removed: int
    false_removed: int
    roc_auc: float | None
    average_precision: float | None
    brier: float | None

    @property
    def n(self) -> int:
        return self.true_kept + self.false_kept + self.true_removed + self.false_removed

    @property
    def n_kept(self) -> int:
        return self.true_kept + self.false_kept

    @property
    def accuracy(self) -> float | None:
        return (self.true_kept + self.true_removed) / self.n if self.n else None

    @property
    def counts(self) -> tuple[int, int, int]:
        return self.true_kept, self.true_kept + self.false_removed, self.n_kept


@dataclass(frozen=True)
class NoteScores(_Counted):
    """Scores of the notes that come out.

    Attributes
    ----------
    matched, n_reference, n_estimated : int
        Pairs, true hits, notes.
    undetected : int
        True hits without a candidate.
    timing_ms : (float, float, float), or None
        Mean, median and 90th percentile of the absolute timing error; None without a pair.
    late_ms : float or None
        Mean of the signed timing error: above 0 where the notes come late.
    velocity : float or None
        Mean absolute difference of the velocities, 0..127; None without a pair, or where the reference has none.
    """

    matched: int
    n_reference: int
    n_estimated: int
    undetected: int
    timing_ms: tuple[float, float, float] | None
    late_ms: float | None
    velocity: float | None

    @property
    def false(self) -> int:
        """Notes without a true hit."""
        return self.n_estimated - self.matched

    @property
    def missed(self) -> int:
        """True hits without a note."""
        return self.n_reference - self.matched

    @property
    def counts(self) -> tuple[int, int, int]:
        return self.matched, self.n_reference, self.n_estimated


def score_candidates(is_hit: np.ndarray, keep: np.ndarray, confidence: np.ndarray | None) -> CandidateScores:
    """Masks of the hits and of the kept among the candidates, and the confidence in them -> scores.

    Parameters
    ----------
    is_hit, keep : np.ndarray, shape (n,), bool
    confidence : np.ndarray, shape (n,), 0..1, or None
    """
    hits, kept = is_hit.astype(bool), keep.astype(bool)
    has_both = bool(hits.any() and not hits.all())
    ranked = confidence if has_both else None
    return CandidateScores(
        true_kept=int(np.count_nonzero(hits & kept)),
        false_kept=int(np.count_nonzero(~hits & kept)),
        true_removed=int(np.count_nonzero(~hits & ~kept)),
        false_removed=int(np.count_nonzero(hits & ~kept)),
        roc_auc=None if ranked is None else roc_auc(hits, ranked),
        average_precision=None if ranked is None else average_precision(hits, ranked),
        brier=float(np.mean((confidence - hits) ** 2)) if confidence is not None and len(hits) else None,
    )


def score_notes(
    counts: tuple[int, int, int], undetected: int, errors_s: np.ndarray, velocity_errors: np.ndarray
) -> NoteScores:
    """Counts of matched notes and the errors of the pairs -> scores.

    Parameters
    ----------
    counts : (matched, n_reference, n_estimated)
    undetected : int
        True hits without a candidate.
    errors_s : np.ndarray, shape (matched,)
        Estimated minus true time of each pair.
    velocity_errors : np.ndarray
        Estimated minus true velocity of each pair; empty where not known.
    """
    distance_ms = 1000 * np.abs(errors_s)
    timing_ms = None
    if len(errors_s):
        median, percentile_90 = np.percentile(distance_ms, (50, 90))
        timing_ms = float(np.mean(distance_ms)), float(median), float(percentile_90)
    return NoteScores(
        *counts,
        undetected=undetected,
        timing_ms=timing_ms,
        late_ms=float(1000 * np.mean(errors_s)) if len(errors_s) else None,
        velocity=float(np.mean(np.abs(velocity_errors))) if len(velocity_errors) else None,
    )
