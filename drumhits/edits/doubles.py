"""Labels of candidates of which a conversion keeps one, and a user left another."""

from dataclasses import replace

import numpy as np

from drumhits.detection.retriggers import WAIT_FRAME_LENGTH, closest_wait
from drumhits.edits.labels import KEPT, UNLABELLED, Labels


def without_doubtful(labels: Labels, samples: np.ndarray, log_odds: np.ndarray, onset_wait: int) -> Labels:
    """Return labels without those of hits of which a likelier candidate was not kept.

    Candidates less than `closest_wait` from each other are one hit, of which a conversion keeps the likeliest. Where a
    user left another one of them, that tells of a hit, and nothing of what sets the candidates apart.

    Parameters
    ----------
    labels : Labels
    samples : np.ndarray, shape (n_candidates,), int
        Of the candidates at 44.1 kHz, increasing.
    log_odds : np.ndarray, shape (n_candidates,)
        That a conversion goes by.
    onset_wait : int
        In frames of WAIT_FRAME_LENGTH.
    """
    apart = closest_wait(onset_wait) * WAIT_FRAME_LENGTH
    first, after_last = np.searchsorted(samples, samples - apart, "right"), np.searchsorted(samples, samples + apart)
    is_doubtful = np.zeros(len(samples), dtype=bool)
    for hit in np.flatnonzero(labels.labels == KEPT).tolist():
        beside = np.arange(first[hit], after_last[hit])
        likelier = beside[log_odds[beside] > log_odds[hit]]
        if len(likelier) and not (labels.labels[likelier] == KEPT).any():
            is_doubtful[[hit, *likelier]] = True
    is_doubtful &= labels.labels != UNLABELLED
    return replace(
        labels,
        labels=np.where(is_doubtful, np.int8(UNLABELLED), labels.labels),
        unlabelled=labels.unlabelled + int(is_doubtful.sum()),
    )
