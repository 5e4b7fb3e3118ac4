"""A small neural network on standardised features, as arrays, followed in NumPy as scikit-learn follows it."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from drumhits.io.plainpickle import require
from drumhits.models.base import PARAMETER_LIMIT, PlainModel
from drumhits.numeric import expit

MAX_LAYERS = 8
MAX_UNITS = 4096  # of a layer
MAX_WEIGHTS = 2_000_000
STEEPEST = 30.0  # standard deviations of a feature, beyond which it is as good as at this


@dataclass(frozen=True, eq=False)
class Perceptron(PlainModel):
    """A multilayer perceptron: rectified hidden layers, and a logistic output.

    Parameters
    ----------
    n_features : int > 0
    sizes : np.ndarray, shape (n_layers + 1,), int32
        Units of each layer, the features first, the single output last.
    mean, scale : np.ndarray, shape (n_features,), float64
        Of the features; `scale` is positive.
    weights : np.ndarray, float64
        Of each layer, shape (units before, units) in rows, one layer after the other.
    biases : np.ndarray, float64
        Of each layer, one after the other.
    """

    kind: ClassVar[str] = "perceptron"
    DTYPES: ClassVar[dict[str, str]] = {
        "sizes": "<i4",
        "mean": "<f8",
        "scale": "<f8",
        "weights": "<f8",
        "biases": "<f8",
    }

    sizes: np.ndarray
    mean: np.ndarray
    scale: np.ndarray
    weights: np.ndarray
    biases: np.ndarray

    def __post_init__(self) -> None:
        sizes = self.sizes.astype(np.int64)
        require(2 <= len(sizes) <= MAX_LAYERS + 1, f"not 1 to {MAX_LAYERS} layers")
        require(((sizes >= 1) & (sizes <= MAX_UNITS)).all(), f"a layer of not 1 to {MAX_UNITS} units")
        require(sizes[0] == self.n_features and sizes[-1] == 1, "layers that do not fit features and output")
        require(
            (sizes[:-1] * sizes[1:]).sum() == len(self.weights) <= MAX_WEIGHTS, "weights that do not fit the layers"
        )
        require(sizes[1:].sum() == len(self.biases), "biases that do not fit the layers")
        for field in ("mean", "scale"):
            require(len(getattr(self, field)) == self.n_features, f"{field} is not one number a feature")
        for field in ("mean", "scale", "weights", "biases"):
            require((np.abs(getattr(self, field)) <= PARAMETER_LIMIT).all(), f"{field} is not finite or too large")
        require((self.scale >= 1 / PARAMETER_LIMIT).all(), "a scale that is not positive")

    @classmethod
    def from_sklearn(cls, pipeline: Any) -> "Perceptron":
        """Take over a fitted `Pipeline` of a `StandardScaler` and a binary `MLPClassifier` of rectified units."""
        scaler, network = pipeline[0], pipeline[-1]
        require(network.activation == "relu" and network.out_activation_ == "logistic", "another kind of network")
        return cls.of_arrays(
            scaler.n_features_in_,
            sizes=[scaler.n_features_in_, *(len(bias) for bias in network.intercepts_)],
            mean=scaler.mean_,
            scale=scaler.scale_,
            weights=np.concatenate([weights.ravel() for weights in network.coefs_]),
            biases=np.concatenate(network.intercepts_),
        )

    def _probabilities(self, table: np.ndarray) -> np.ndarray:
        values = np.clip((table - self.mean) / self.scale, -STEEPEST, STEEPEST)
        first_weight = first_bias = 0
        n_layers = len(self.sizes) - 1
        with np.errstate(over="ignore", invalid="ignore"):
            for layer, (n_in, n_out) in enumerate(
                zip(self.sizes[:-1].tolist(), self.sizes[1:].tolist(), strict=True), 1
            ):
                weights = self.weights[first_weight : first_weight + n_in * n_out].reshape(n_in, n_out)
                values = values @ weights + self.biases[first_bias : first_bias + n_out]
                first_weight, first_bias = first_weight + n_in * n_out, first_bias + n_out
                if layer < n_layers:
                    values = np.maximum(values, 0)
        return expit(np.nan_to_num(values[:, 0], nan=0.0))
