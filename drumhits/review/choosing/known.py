"""What beliefs about the candidates of a stem go by: the features of models, and how loud its notes would be."""

from typing import NamedTuple

import numpy as np

from drumhits.analysis import ALL, FEATURE_SETS
from drumhits.config.load import StemConfig
from drumhits.config.schema import STEM_REFERENCE
from drumhits.detection.features import FeatureTable
from drumhits.models.modelfile import feature_matrix
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


def known(table: FeatureTable, config: StemConfig) -> Known:
    """Return what is known of candidates that have the features of models."""
    features = feature_matrix(table, FEATURE_SETS[ALL], STEM_REFERENCE)
    return Known(np.column_stack((features, velocities(table, config))), (*FEATURE_SETS[ALL], VELOCITY))
