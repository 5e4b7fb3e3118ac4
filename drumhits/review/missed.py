"""Where a hit was likely missed: what a finer search than that for candidates finds, and the model is sure of.

What is found there are strokes that rise too little to be candidates. They are few: 31 in 110 stems of three
collections that no model here was trained on, and a third of them are hits.
"""

from dataclasses import replace

import numpy as np

from drumhits.analysis import analyze
from drumhits.detection.retriggers import closest_wait
from drumhits.matching import nearest
from drumhits.transcription.convert import Job

SENSITIVITY = 2.0  # of the finer search
MARGIN = 0.1  # of confidence, by which a place must be surer than a hit that is kept
MOST = 10  # places a stem
APART_S = 0.025  # nearer to a candidate, a place is that candidate


def likely_missed(job: Job, features: str, min_confidence: float, times_s: np.ndarray) -> list[float]:
    """Return the times in seconds of hits that were likely missed, the likeliest first.

    Parameters
    ----------
    job : Job
        With a model.
    features : str
        The set to analyse.
    min_confidence : float in 0..1
        From which on the model keeps a candidate.
    times_s : np.ndarray, shape (n,)
        Of the candidates, increasing.

    Raises
    ------
    InputError
        The audio cannot be read any more.
    """
    if job.model is None:
        raise ValueError("a review needs a model")
    config = job.stem_config
    config = replace(config, onset_delta=0.0, onset_wait=closest_wait(config.onset_wait))
    table, _ = analyze(job.audio, config, features, sensitivity=SENSITIVITY)
    confidence = job.model.confidence(table)
    _, distance_s = nearest(table.times_s, times_s)
    likely = np.flatnonzero((distance_s > APART_S) & (confidence >= min_confidence + MARGIN))
    return table.times_s[likely[np.argsort(-confidence[likely], kind="stable")]][:MOST].tolist()
