"""Boosted trees of scikit-learn's histogram gradient boosting -> the arrays of a model file."""

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier

from drumhits.forest import Boosted
from drumhits.trees import tree_arrays


def boosted_of(fitted: HistGradientBoostingClassifier) -> Boosted:
    """Take over a classifier of two classes that was fitted on numbers without missing values.

    scikit-learn shows these trees to no one, so this reads its private attributes; whoever uses it should compare the
    predictions.
    """
    trees = [predictors[0].nodes for predictors in fitted._predictors]
    leaf = [tree["is_leaf"] != 0 for tree in trees]
    return Boosted.of_arrays(
        fitted.n_features_in_,
        **tree_arrays(
            [np.where(is_leaf, -1, tree["left"].astype(int)) for tree, is_leaf in zip(trees, leaf, strict=True)],
            [np.where(is_leaf, -1, tree["right"].astype(int)) for tree, is_leaf in zip(trees, leaf, strict=True)],
            [tree["feature_idx"] for tree in trees],
            [tree["num_threshold"] for tree in trees],
        ),
        value=np.concatenate([tree["value"] for tree in trees]),
        start=fitted._baseline_prediction.ravel(),
    )
