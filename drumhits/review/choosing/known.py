"""What beliefs about the candidates of a stem go by: the features of models, and how loud its notes would be."""

from typing import NamedTuple

import numpy as np

from drumhits.analysis import ALL, FEATURE_SETS
from drumhits.config.load import StemConfig
from drumhits.detection.features import FeatureTable
from drumhits.review.choosing.hypotheses import VELOCITY
from drumhits.transcription.notes import velocities


class Known(NamedTuple):
    """What is known of some candidates.

    Attributes
    ----------
    X : np.ndarray, shape (n, n_columns)
    names : tuple of str, length n_columns
    """

    X: np.ndarray
    names: tuple[str, ...]


def known(features: np.ndarray, table: FeatureTable, config: StemConfig) -> Known:
    """Return what is known of candidates.

    Parameters
    ----------
    features : np.ndarray, shape (n, len(FEATURE_SETS[ALL]))
        As models take them.
    table : FeatureTable
    config : StemConfig
    """
    return Known(np.column_stack((features, velocities(table, config))), (*FEATURE_SETS[ALL], VELOCITY))
