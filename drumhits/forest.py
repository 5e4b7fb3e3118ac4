"""Two ways to learn from examples with trees: a random forest, the mean of its trees, and boosting, their sum."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from .errors import NotEnoughDataError
from .plainmodel import logistic, require
from .trees import Trees, tree_arrays

VALUE_LIMIT = 1e30  # of a boosted leaf: no sum of them overflows


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


@dataclass(frozen=True, eq=False)
class Boosted(Trees):
    """Gradient boosting for two classes (Friedman 2001, "Greedy function approximation").

    p = 1 / (1 + exp(-(start + sum of the values at the leaves))); for the arrays of its trees see `Trees`.

    Parameters
    ----------
    start : np.ndarray, shape (1,), float64
        Log odds before the first tree.
    value : np.ndarray, shape (n_nodes,), float64
        What the node adds to the log odds, learning rate included.
    """

    kind: ClassVar[str] = "boosted"
    DTYPES: ClassVar[dict[str, str]] = Trees.DTYPES | {"value": "<f8", "start": "<f8"}
    NOT_BY_NODE: ClassVar[set[str]] = Trees.NOT_BY_NODE | {"start"}

    value: np.ndarray
    start: np.ndarray

    def __post_init__(self):
        super().__post_init__()
        require(len(self.start) == 1, "not one start")
        for field in ("value", "start"):
            require((np.abs(getattr(self, field)) <= VALUE_LIMIT).all(), f"{field} is not finite or too large")

    def _probabilities(self, table: np.ndarray) -> np.ndarray:
        return logistic(self.start[0] + self.sum_of_leaves(table, self.value))


def _positive_share(value: np.ndarray) -> np.ndarray:
    """Return the second class's share of `tree_.value`: shares since scikit-learn 1.3, before that counts."""
    total = value.sum(axis=1)
    if not np.allclose(total, 1.0):
        value = value / np.where(total == 0.0, 1.0, total)[:, None]
    return value[:, 1]
