"""A small neural network that judges all candidates of a stem together, as arrays, and followed in NumPy.

Each candidate is described by a vector x and goes through the same layers (relu(v) = max(v, 0)):

    h = relu(W2 relu(W1 (x - mean) / scale))      what it is like by itself
    c = relu(Wc [sum_i softmax_i(q_k . h_i) h_i]) what the stem is like: K weighted means over all candidates
    l = relu(Wl [e_j relu(Wu h_j), e_j])          what lies next to it: REACH candidates on either side,
                                                  where e_j = exp(-distance / NEAR_S)
    y = Wo relu(Wz2 relu(Wz1 [h, c, l]))          log odds that it is a hit

Biases are left out here. The weighted means are attention pooling (Ilse et al. 2018, "Attention-based deep multiple
instance learning"): through them a network knows the drum, the room and the bleed that it is listening to.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from drumhits.plainmodel import packed, require, unpacked

SELF, STEM, POOLS, NEIGHBOUR, NEAR, LAST, WIDE, SINGLE = 64, 48, 8, 24, 64, 48, 160, 96
REACH = 6  # candidates on either side
NEAR_S = 0.3  # distance at which a neighbour counts 1/e
INPUT_LIMIT = 5.0  # standard deviations
WEIGHT_LIMIT = 100.0  # keeps every sum within float32
ROWS_AT_ONCE = 512


def layer_sizes(n_inputs: int) -> dict[str, tuple[int, int]]:
    """Return (inputs, outputs) of each layer, by name."""
    return {
        "alone1": (n_inputs, WIDE),
        "alone2": (WIDE, SELF),
        "query": (SELF, POOLS),
        "stem": (POOLS * SELF, STEM),
        "neighbour": (SELF, NEIGHBOUR),
        "near": (2 * REACH * (NEIGHBOUR + 1), NEAR),
        "together1": (SELF + STEM + NEAR, SINGLE),
        "together2": (SINGLE, LAST),
        "output": (LAST, 1),
    }


@dataclass(frozen=True, eq=False)
class Network:
    """The network's numbers.

    Attributes
    ----------
    mean, scale : np.ndarray, shape (n_inputs,), float32
        Of the inputs; `scale` is positive.
    weights : mapping of layer name to np.ndarray, shape (inputs + 1, outputs), float32
        See `layer_sizes`; the last row is the bias.
    """

    mean: np.ndarray
    scale: np.ndarray
    weights: Mapping[str, np.ndarray]

    def with_last_inputs_at(self, value: float, n_inputs: int) -> "Network":
        """Return the network of the first `n_inputs`, for where all others have one value: it answers sooner."""
        last = np.clip((value - self.mean[n_inputs:]) / self.scale[n_inputs:], -INPUT_LIMIT, INPUT_LIMIT)
        weights = self.weights["alone1"]
        bias = weights[-1] + last @ weights[n_inputs:-1]
        first = {"alone1": np.concatenate((weights[:n_inputs], bias[None]))}
        return Network(self.mean[:n_inputs], self.scale[:n_inputs], {**self.weights, **first})

    def __call__(self, x: np.ndarray, times_s: np.ndarray) -> np.ndarray:
        """Return the log odds of all candidates of a stem, shape (n,), float32.

        Parameters
        ----------
        x : np.ndarray, shape (n, n_inputs), float32
        times_s : np.ndarray, shape (n,)
            Increasing.
        """
        return self.together(self.alone(x), times_s)

    def alone(self, x: np.ndarray) -> np.ndarray:
        """Return what each candidate is like by itself, shape (n, SELF): h of the formula."""
        standardised = np.clip((x - self.mean) / self.scale, -INPUT_LIMIT, INPUT_LIMIT)
        return _relu(self._layer("alone2", _relu(self._layer("alone1", standardised))))

    def together(self, alone: np.ndarray, times_s: np.ndarray) -> np.ndarray:
        """Return the log odds of all candidates of a stem, shape (n,), from what each is like by itself."""
        n = len(alone)
        if not n:
            return np.zeros(0, dtype=np.float32)
        query = self._layer("query", alone)
        attention = np.exp(query - query.max(axis=0))
        attention /= attention.sum(axis=0)
        stem = _relu(self._layer("stem", (attention.T @ alone).reshape(1, -1)))
        said = np.zeros((n + 2 * REACH, NEIGHBOUR), dtype=np.float32)
        said[REACH : REACH + n] = _relu(self._layer("neighbour", alone))
        at_s = np.pad(times_s, REACH, constant_values=np.inf)
        log_odds = np.empty(n, dtype=np.float32)
        for first in range(0, n, ROWS_AT_ONCE):
            rows = slice(first, min(first + ROWS_AT_ONCE, n))
            near = self._near(said[first : rows.stop + 2 * REACH], at_s[first : rows.stop + 2 * REACH])
            single = np.concatenate((alone[rows], np.broadcast_to(stem, (len(near), STEM)), near), axis=1)
            single = _relu(self._layer("together2", _relu(self._layer("together1", single))))
            log_odds[rows] = self._layer("output", single)[:, 0]
        return log_odds

    def _near(self, said: np.ndarray, at_s: np.ndarray) -> np.ndarray:
        """Return what the neighbours say, shape (n, NEAR), from what n + 2 * REACH candidates say and when."""
        n = len(said) - 2 * REACH
        own_s = at_s[REACH : REACH + n]
        near = np.empty((n, 2 * REACH, NEIGHBOUR + 1), dtype=np.float32)
        for i, step in enumerate([*range(-REACH, 0), *range(1, REACH + 1)]):
            beside = slice(REACH + step, REACH + step + n)
            nearness = np.exp(-np.abs(own_s - at_s[beside]) / NEAR_S).astype(np.float32)[:, None]
            near[:, i, :NEIGHBOUR] = said[beside] * nearness
            near[:, i, NEIGHBOUR:] = nearness
        return _relu(self._layer("near", near.reshape(n, -1)))

    def _layer(self, name: str, v: np.ndarray) -> np.ndarray:
        weights = self.weights[name]
        return v @ weights[:-1] + weights[-1]

    def to_plain(self) -> dict:
        """Return the network as plain data, fit for `safepickle.dumps`; weights are rounded to float16."""
        layers = {name: packed(weights.astype("<f2").ravel()) for name, weights in self.weights.items()}
        return {"mean": packed(self.mean.astype("<f4")), "scale": packed(self.scale.astype("<f4")), "layers": layers}

    @classmethod
    def from_plain(cls, plain: dict, n_inputs: int) -> "Network":
        """Return the network that `to_plain` described.

        Raises
        ------
        ValueError
            It is not of that shape, or holds numbers that cannot be.
        """
        mean, scale = (unpacked(plain[name], "<f4") for name in ("mean", "scale"))
        require(len(mean) == len(scale) == n_inputs, "a network of another number of inputs")
        require(np.isfinite(mean).all() and (scale > 0).all() and np.isfinite(scale).all(), "inputs without a scale")
        weights = {}
        for name, (inputs, outputs) in layer_sizes(n_inputs).items():
            flat = unpacked(plain["layers"][name], "<f2").astype(np.float32)
            require(len(flat) == (inputs + 1) * outputs, "a layer of another size")
            require((np.abs(flat) <= WEIGHT_LIMIT).all(), "a weight that is not finite or too large")
            weights[name] = flat.reshape(inputs + 1, outputs)
        return cls(mean, scale, weights)


def _relu(v: np.ndarray) -> np.ndarray:
    return np.maximum(v, 0, out=v)
