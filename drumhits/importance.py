"""How much each feature tells: what a model loses on held-out examples when the feature's values are shuffled."""

import numpy as np

from drumhits.plainmodel import PlainModel

WEIGHED = 100  # held-out examples of a fold by which features are weighed: more take time and tell little more


def losses_when_shuffled(
    model: PlainModel, X: np.ndarray, kept: np.ndarray, columns: dict[str, list[int]], seed: int
) -> list[float]:
    """Return how much worse the Brier score gets when each family of features is shuffled over the rows.

    Permutation importance (Breiman 2001, "Random forests"), on the squared error of the probability, which is
    finer than accuracy on few examples.
    """
    rng = np.random.default_rng(seed)
    some = rng.permutation(len(X))[:WEIGHED]
    X, kept = X[some], kept[some]
    order = rng.permutation(len(X))
    before = np.mean((model.predict(X) - kept) ** 2)
    losses = []
    for group in columns.values():
        shuffled = X.copy()
        shuffled[:, group] = X[order][:, group]
        losses.append(float(np.mean((model.predict(shuffled) - kept) ** 2) - before))
    return losses


def shares_of_losses(columns: dict[str, list[int]], losses: list, weights: np.ndarray) -> dict[str, float]:
    """Return the mean losses as shares that add up to 1, greatest first.

    Without any loss, the shares are those of the model's own weights.
    """
    mean = np.maximum(np.mean(losses, axis=0), 0) if losses else np.zeros(len(columns))
    if mean.sum() <= 0:
        mean = np.array([weights[group].sum() for group in columns.values()]) + 1e-12
    shares = zip(columns, (mean / mean.sum()).tolist(), strict=True)
    return dict(sorted(shares, key=lambda item: -item[1]))
