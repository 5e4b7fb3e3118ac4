"""Decision trees as arrays: checked, and followed in NumPy as scikit-learn follows them.

All trees lie one after the other in the same arrays, and children are named by their place in those arrays.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from drumhits.errors import NotEnoughDataError
from drumhits.io.plainpickle import require
from drumhits.models.base import PARAMETER_LIMIT, PlainModel
from drumhits.numeric import expit

MAX_TREES = 2_000
MAX_NODES = 2_000_000
MAX_DEPTH = 64
PAIRS_AT_ONCE = 2**15  # (tree, row) pairs followed together: their nodes and rows stay in cache
LEVELS_AT_ONCE = 6  # between two looks at which pairs have reached their leaf


@dataclass(frozen=True, eq=False)
class Trees(PlainModel):
    """Binary decision trees; a row goes left where its feature <= threshold.

    Parameters
    ----------
    n_features : int > 0
    tree_sizes : np.ndarray, shape (n_trees,), int32
        Number of nodes of each tree; its root comes first.
    left, right : np.ndarray, shape (n_nodes,), int32
        Children, each after its parent and in the same tree; both -1 at a leaf.
    feature : np.ndarray, shape (n_nodes,), int16
        0 at a leaf.
    threshold : np.ndarray, shape (n_nodes,), float32
        0 at a leaf.
    """

    DTYPES: ClassVar[dict[str, str]] = {
        "tree_sizes": "<i4",
        "left": "<i4",
        "right": "<i4",
        "feature": "<i2",
        "threshold": "<f4",
    }
    NOT_BY_NODE: ClassVar[set[str]] = {"tree_sizes"}

    tree_sizes: np.ndarray
    left: np.ndarray
    right: np.ndarray
    feature: np.ndarray
    threshold: np.ndarray

    def __post_init__(self) -> None:
        n_nodes = len(self.left)
        require(1 <= len(self.tree_sizes) <= MAX_TREES, f"not 1 to {MAX_TREES} trees")
        require(n_nodes <= MAX_NODES, f"more than {MAX_NODES} nodes")
        require((self.tree_sizes >= 1).all(), "a tree without a node")
        for field in self.DTYPES.keys() - self.NOT_BY_NODE:
            require(len(getattr(self, field)) == n_nodes, f"{field} is not one value a node")
        require(self.tree_sizes.sum(dtype=np.int64) == n_nodes, "the trees do not add up to the nodes")
        require(((self.feature >= 0) & (self.feature < self.n_features)).all(), "a feature out of range")
        require(np.isfinite(self.threshold).all(), "a threshold that is not finite")
        self._require_trees()

    def _require_trees(self) -> None:
        inner = self.left != -1
        parent = np.flatnonzero(inner)
        tree_end = np.repeat(self.roots + self.tree_sizes, self.tree_sizes)[inner]
        require(((self.right != -1) == inner).all(), "a node with one child")
        children = np.stack((self.left, self.right))[:, inner]
        require((children > parent).all(), "a child before its parent")
        require((children < tree_end).all(), "a child outside its tree")
        n_parents = np.bincount(children.ravel(), minlength=len(inner))
        n_parents[self.roots] += 1
        require((n_parents == 1).all(), "a node without exactly one parent")
        level, depth = self.roots, 0
        while (level := level[inner[level]]).size:
            level, depth = np.concatenate((self.left[level], self.right[level])), depth + 1
            require(depth <= MAX_DEPTH, f"a tree more than {MAX_DEPTH} deep")

    @property
    def roots(self) -> np.ndarray:
        """Place of each tree's root, shape (n_trees,)."""
        return np.asarray(np.cumsum(self.tree_sizes, dtype=np.intp) - self.tree_sizes)

    def sum_of_leaves(self, table: np.ndarray, leaf_value: np.ndarray) -> np.ndarray:
        """Return for each row the sum over the trees of the value at its leaf, shape (n,), float64.

        The trees are added in their order, as scikit-learn does; np.sum would add in pairs.
        """
        rows = table.astype(np.float32)
        inner = self.left != -1
        children = np.stack((self.left, self.right), axis=1).astype(np.intp)
        children[~inner] = np.flatnonzero(~inner)[:, None]
        feature = self.feature.astype(np.intp)
        total = np.empty(len(rows))
        n_rows = max(1, PAIRS_AT_ONCE // len(self.tree_sizes))
        for start in range(0, len(rows), n_rows):
            block = slice(start, start + n_rows)
            leaves = self._leaves(rows[block], inner, children.ravel(), feature)
            total[block] = np.cumsum(leaf_value[leaves], axis=0)[-1]
        return total

    def _leaves(
        self, rows: np.ndarray, inner: np.ndarray, children: np.ndarray, feature: np.ndarray
    ) -> np.ndarray:
        """Return the leaf of each row in each tree, shape (n_trees, n_rows); a leaf is its own child."""
        n_rows = len(rows)
        values = rows.ravel()
        leaves = np.repeat(self.roots, n_rows)
        pair = np.arange(leaves.size)
        row_start = pair % n_rows * self.n_features
        node = leaves
        while pair.size:
            for _ in range(LEVELS_AT_ONCE):
                goes_right = values.take(row_start + feature.take(node)) > self.threshold.take(node)
                node = children.take(2 * node + goes_right)
            leaves[pair] = node
            unfinished = np.flatnonzero(inner.take(node))
            pair, node, row_start = (array.take(unfinished) for array in (pair, node, row_start))
        return leaves.reshape(-1, n_rows)


def _arrays_of(trees: Sequence[Any]) -> dict[str, np.ndarray]:
    """Return the arrays of `Trees` for trees of scikit-learn."""
    nodes = ("children_left", "children_right", "feature", "threshold")
    return tree_arrays(*([getattr(tree, name) for tree in trees] for name in nodes))


def tree_arrays(
    left: Sequence[np.ndarray],
    right: Sequence[np.ndarray],
    feature: Sequence[np.ndarray],
    threshold: Sequence[np.ndarray],
) -> dict[str, np.ndarray]:
    """Return the arrays of `Trees` for trees whose children are named by their place in their own tree."""
    tree_sizes = np.array([len(nodes) for nodes in left])
    root = np.repeat(np.cumsum(tree_sizes) - tree_sizes, tree_sizes)
    lefts, rights, features, thresholds = (np.concatenate(arrays) for arrays in (left, right, feature, threshold))
    leaf = lefts == -1
    return {
        "tree_sizes": tree_sizes,
        "left": np.where(leaf, -1, lefts + root),
        "right": np.where(leaf, -1, rights + root),
        "feature": np.where(leaf, 0, features),
        "threshold": _round_down(np.where(leaf, 0.0, thresholds)),
    }


def _round_down(threshold: np.ndarray) -> np.ndarray:
    """Return the largest float32 not above the threshold: every float32 is on the same side of both."""
    with np.errstate(over="ignore"):
        rounded = threshold.astype(np.float32)
        return np.where(rounded > threshold, np.nextafter(rounded, np.float32(-np.inf)), rounded)


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

    def __post_init__(self) -> None:
        super().__post_init__()
        require(((self.probability >= 0) & (self.probability <= 1)).all(), "a probability outside 0 to 1")

    @classmethod
    def from_sklearn(cls, model: Any) -> "Forest":
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
        value = np.concatenate([tree.value for tree in trees])
        return cls.of_arrays(model.n_features_in_, **_arrays_of(trees), probability=_positive_share(value[:, 0, :]))

    def _probabilities(self, table: np.ndarray) -> np.ndarray:
        return self.sum_of_leaves(table, self.probability) / len(self.tree_sizes)


@dataclass(frozen=True, eq=False)
class Boosted(Trees):
    """Boosted trees (Friedman 2001, "Greedy function approximation: a gradient boosting machine").

    Parameters
    ----------
    value : np.ndarray, shape (n_nodes,), float64
        What a leaf adds to the log odds.
    initial : np.ndarray, shape (1,), float64
        Log odds before the first tree.
    """

    kind: ClassVar[str] = "boosted"
    DTYPES: ClassVar[dict[str, str]] = Trees.DTYPES | {"value": "<f8", "initial": "<f8"}
    NOT_BY_NODE: ClassVar[set[str]] = Trees.NOT_BY_NODE | {"initial"}

    value: np.ndarray
    initial: np.ndarray

    def __post_init__(self) -> None:
        super().__post_init__()
        require(len(self.initial) == 1, "not one initial value")
        for field in ("value", "initial"):
            require((np.abs(getattr(self, field)) <= PARAMETER_LIMIT).all(), f"{field} is not finite or too large")

    @classmethod
    def from_sklearn(cls, model: Any) -> "Boosted":
        """Take over a fitted binary `GradientBoostingClassifier` with the logistic loss."""
        trees = [estimator.tree_ for estimator in model.estimators_[:, 0]]
        removed, kept = model.init_.class_prior_
        return cls.of_arrays(
            model.n_features_in_,
            **_arrays_of(trees),
            value=model.learning_rate * np.concatenate([tree.value[:, 0, 0] for tree in trees]),
            initial=[np.log(kept / removed)],
        )

    def _probabilities(self, table: np.ndarray) -> np.ndarray:
        return expit(self.initial[0] + self.sum_of_leaves(table, self.value))


def _positive_share(value: np.ndarray) -> np.ndarray:
    """Return the second class's share of `tree_.value`: shares since scikit-learn 1.3, before that counts."""
    total = value.sum(axis=1)
    if not np.allclose(total, 1.0):
        value = value / np.where(total == 0.0, 1.0, total)[:, None]
    return value[:, 1]
