"""A random forest: the mean of its trees."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from .errors import NotEnoughDataError
from .plainmodel import require
from .trees import Trees, tree_arrays


@dataclass(frozen=True, eq=False)
class Forest(Trees):
    """A random forest (Breiman 2001, "Random forests"); for the arrays of its trees see `Trees`.

    Parameters
    ----------
    probability : np.ndarray, shape (n_nodes,), float64
        Share of the positive class at the node.
    """

    kind: ClassVar[str] = "forest"
    DTYPES: ClassVar[dict[str, str]] = Trees.DTYPES | {"probability": "<f8"}

    probability: np.ndarray

    def __post_init__(self):
        super().__post_init__()
        require(((self.probability >= 0) & (self.probability <= 1)).all(), "a probability outside 0 to 1")

    @classmethod
    def from_sklearn(cls, model) -> "Forest":
        """Take over a fitted binary `RandomForestClassifier` of scikit-learn 1.2 or later.

        The positive class is the last of `classes_`.

        Raises
        ------
        NotEnoughDataError
            If the forest has seen one class only.
        ValueError
            If it has more than two classes, was fitted on missing values, or exceeds `MAX_TREES`, `MAX_NODES`
            or `MAX_DEPTH`.
        """
        if model.n_classes_ == 1:
            raise NotEnoughDataError(
                "the examples are all kept or all removed, so there is nothing to tell apart; "
                "edit songs in which some detections are kept and some deleted"
            )
        require(model.n_classes_ == 2, f"expected two classes, got {model.n_classes_}")
        trees = [estimator.tree_ for estimator in model.estimators_]
        nodes = ("children_left", "children_right", "feature", "threshold")
        arrays = tree_arrays(*([getattr(tree, name) for tree in trees] for name in nodes))
        value = np.concatenate([tree.value for tree in trees])
        return cls.of_arrays(model.n_features_in_, **arrays, probability=_positive_share(value[:, 0, :]))

    def _probabilities(self, table: np.ndarray) -> np.ndarray:
        return self.sum_of_leaves(table, self.probability) / len(self.tree_sizes)


def _positive_share(value: np.ndarray) -> np.ndarray:
    """Return the second class's share of `tree_.value`: shares since scikit-learn 1.3, before that counts."""
    total = value.sum(axis=1)
    if not np.allclose(total, 1.0):
        value = value / np.where(total == 0.0, 1.0, total)[:, None]
    return value[:, 1]
