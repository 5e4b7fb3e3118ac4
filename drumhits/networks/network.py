"""A small neural network that judges all candidates of a stem together, as arrays, and followed in NumPy.

Each candidate is described by a vector x and goes through the same layers (relu(v) = max(v, 0)):

    h = relu(W2 relu(W1 (x - mean) / scale))      what it is like by itself
    c = relu(Wc [sum_i softmax_i(q_k . h_i) h_i]) what the stem is like: K weighted means over all candidates
    l = relu(Wl [e_j relu(Wu h_j), e_j])          what lies next to it: REACH candidates on either side,
                                                  where e_j = exp(-distance / NEAR_S)
    z = relu(Wz2 relu(Wz1 [h, c, l]))             all of this together
    f = Wf z                                      log odds that it is a hit, at first look
    y = f + Ws2 relu(Ws1 [h, z, r])               and at second look, where r is the rhythm of all f
                                                  (see drumhits/rhythm.py); not every network has one
    a = Wa2 relu(Wa1 [x', h])                     scores of its articulations, from its stem's own part of x as well

Biases are left out here. The weighted means are attention pooling (Ilse et al. 2018, "Attention-based deep multiple
instance learning"): through them a network knows the drum, the room and the bleed that it is listening to.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from drumhits.io.plainpickle import packed, require, unpacked
from drumhits.networks.rhythm import N_PERIODICITY, rhythm

SELF, STEM, POOLS, NEIGHBOUR, NEAR, LAST, WIDE, SINGLE, SECOND, WHICH = 64, 48, 8, 24, 64, 48, 160, 96, 144, 48
REACH = 6  # candidates on either side
NEAR_S = 0.3  # distance at which a neighbour counts 1/e
INPUT_LIMIT = 5.0  # standard deviations
WEIGHT_LIMIT = 100.0  # keeps every sum within float32
ROWS_AT_ONCE = 512


def first_stage_sizes(n_inputs: int) -> dict[str, tuple[int, int]]:
    """Return (inputs, outputs) of each layer up to the first look, by name."""
    return {
        "alone1": (n_inputs, WIDE),
        "alone2": (WIDE, SELF),
        "query": (SELF, POOLS),
        "stem": (POOLS * SELF, STEM),
        "neighbour": (SELF, NEIGHBOUR),
        "near": (2 * REACH * (NEIGHBOUR + 1), NEAR),
        "together1": (SELF + STEM + NEAR, SINGLE),
        "together2": (SINGLE, LAST),
        "first": (LAST, 1),
    }


def rescoring_sizes() -> dict[str, tuple[int, int]]:
    """Return the same of the second look."""
    return {"second1": (SELF + LAST + N_PERIODICITY, SECOND), "second2": (SECOND, 1)}


def articulation_sizes(n_own: int, n_articulations: int) -> dict[str, tuple[int, int]]:
    """Return the same of what tells articulations, from `n_own` of the inputs; nothing does where there are none."""
    return {"which1": (n_own + SELF, WHICH), "which2": (WHICH, n_articulations)} if n_articulations else {}


@dataclass(frozen=True, eq=False)
class Network:
    """The network's numbers.

    Attributes
    ----------
    mean, scale : np.ndarray, shape (n_inputs,), float32
        Of the inputs; `scale` is positive.
    weights : mapping of layer name to np.ndarray, shape (inputs + 1, outputs), float32
        See `first_stage_sizes` and those after it; the last row is the bias.
    n_own : int
        How many of the inputs, the first, are of the stem itself.
    """

    mean: np.ndarray
    scale: np.ndarray
    weights: Mapping[str, np.ndarray]
    n_own: int

    def with_last_inputs_at(self, value: float, n_inputs: int) -> "Network":
        """Return the network of the first `n_inputs`, for where all others have one value: it answers sooner."""
        last = np.clip((value - self.mean[n_inputs:]) / self.scale[n_inputs:], -INPUT_LIMIT, INPUT_LIMIT)
        weights = self.weights["alone1"]
        bias = weights[-1] + last @ weights[n_inputs:-1]
        first = {"alone1": np.concatenate((weights[:n_inputs], bias[None]))}
        return replace(self, mean=self.mean[:n_inputs], scale=self.scale[:n_inputs], weights={**self.weights, **first})

    def alone(self, x: np.ndarray) -> np.ndarray:
        """Return what each candidate is like by itself, shape (n, SELF): h of the formula."""
        return _relu(self._layer("alone2", _relu(self._layer("alone1", self._standardised(x)))))

    def together(self, alone: np.ndarray, times_s: np.ndarray) -> np.ndarray:
        """Return what each candidate is like among the others, shape (n, LAST), n > 0: z of the formula."""
        n = len(alone)
        query = self._layer("query", alone)
        attention = np.exp(query - query.max(axis=0))
        attention /= attention.sum(axis=0)
        stem = _relu(self._layer("stem", (attention.T @ alone).reshape(1, -1)))
        said = np.zeros((n + 2 * REACH, NEIGHBOUR), dtype=np.float32)
        said[REACH : REACH + n] = _relu(self._layer("neighbour", alone))
        at_s = np.pad(times_s, REACH, constant_values=np.inf)
        among = np.empty((n, LAST), dtype=np.float32)
        for first in range(0, n, ROWS_AT_ONCE):
            rows = slice(first, min(first + ROWS_AT_ONCE, n))
            near = self._near(said[first : rows.stop + 2 * REACH], at_s[first : rows.stop + 2 * REACH])
            single = np.concatenate((alone[rows], np.broadcast_to(stem, (len(near), STEM)), near), axis=1)
            among[rows] = _relu(self._layer("together2", _relu(self._layer("together1", single))))
        return among

    @property
    def has_rescoring(self) -> bool:
        return "second1" in self.weights

    def first_stage(self, among: np.ndarray) -> np.ndarray:
        """Return the log odds of all candidates, shape (n,), before their rhythm is known."""
        return self._layer("first", among)[:, 0]

    def rescore(self, alone: np.ndarray, among: np.ndarray, beat: np.ndarray) -> np.ndarray:
        """Return the log odds of all candidates, shape (n,), with their rhythm."""
        log_odds = self.first_stage(among)
        for first in range(0, len(log_odds), ROWS_AT_ONCE):
            rows = slice(first, first + ROWS_AT_ONCE)
            hidden = _relu(self._layer("second1", np.concatenate((alone[rows], among[rows], beat[rows]), axis=1)))
            log_odds[rows] += self._layer("second2", hidden)[:, 0]
        return log_odds

    def articulations(self, x: np.ndarray, alone: np.ndarray) -> np.ndarray:
        """Return the scores of the articulations, shape (n, n_articulations): logarithms of their odds to each other.

        Parameters
        ----------
        x : np.ndarray, shape (n, n_inputs), float32
        alone : np.ndarray, shape (n, SELF)
            What `alone` gave of it.
        """
        return self._layer("which2", _relu(self._layer("which1", self.own(x, alone))))

    def own(self, x: np.ndarray, alone: np.ndarray) -> np.ndarray:
        """Return what articulations are told from, shape (n, n_own + SELF); see `articulations`."""
        return np.concatenate((self._standardised(x[:, : self.n_own]), alone), axis=1)

    def _standardised(self, x: np.ndarray) -> np.ndarray:
        n = x.shape[1]
        return np.clip((x - self.mean[:n]) / self.scale[:n], -INPUT_LIMIT, INPUT_LIMIT)

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
        """Return the network as plain data, fit for `plainpickle.dumps`; weights are rounded to float16."""
        layers = {name: packed(weights.astype("<f2").ravel()) for name, weights in self.weights.items()}
        return {"mean": packed(self.mean.astype("<f4")), "scale": packed(self.scale.astype("<f4")), "layers": layers}

    @classmethod
    def from_plain(cls, plain: dict, n_inputs: int, n_own: int, n_articulations: int) -> "Network":
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
        sizes = first_stage_sizes(n_inputs) | articulation_sizes(n_own, n_articulations)
        if "second1" in plain["layers"]:
            sizes |= rescoring_sizes()
        for name, (inputs, outputs) in sizes.items():
            flat = unpacked(plain["layers"][name], "<f2").astype(np.float32)
            require(len(flat) == (inputs + 1) * outputs, "a layer of another size")
            require((np.abs(flat) <= WEIGHT_LIMIT).all(), "a weight that is not finite or too large")
            weights[name] = flat.reshape(inputs + 1, outputs)
        return cls(mean, scale, weights, n_own)


def ensemble_log_odds(networks: Sequence[Network], alone: Sequence[np.ndarray], times_s: np.ndarray) -> np.ndarray:
    """Return the log odds of the candidates of a stem as some networks give them on average, shape (n,), float32.

    They listen to one rhythm, that of their mean first look; either all of them look twice, or none.

    Parameters
    ----------
    alone : sequence of np.ndarray, shape (n, SELF), n > 0
        What each network's `alone` gave.
    times_s : np.ndarray, shape (n,)
        Increasing.
    """
    among = [network.together(rows, times_s) for network, rows in zip(networks, alone, strict=True)]
    looks = mean_first_stage(networks, among)
    if networks[0].has_rescoring:
        beat = rhythm(looks, times_s)
        rescored = [network.rescore(h, z, beat) for network, h, z in zip(networks, alone, among, strict=True)]
        looks = np.mean(rescored, axis=0)
    return looks


def mean_first_stage(networks: Sequence[Network], among: Sequence[np.ndarray]) -> np.ndarray:
    """Return the log odds of candidates at first look, shape (n,), as some networks give them on average."""
    return np.mean([network.first_stage(rows) for network, rows in zip(networks, among, strict=True)], axis=0)


def _relu(v: np.ndarray) -> np.ndarray:
    return np.maximum(v, 0, out=v)
