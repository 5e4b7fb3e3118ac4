"""A small neural network, as arrays computed in NumPy: all candidates of a stem -> log odds and articulation scores.

Each candidate is described by a vector x and goes through the same layers (relu(v) = max(v, 0)):

    h = relu(W2 relu(W1 (x - mean) / scale))      embedding of the candidate by itself
    c = relu(Wc [sum_i softmax_i(q_k . h_i) h_i]) context of the stem: K weighted means over all candidates
    l = relu(Wl [e_j relu(Wu h_j), e_j])          its neighbours: REACH candidates on either side,
                                                  where e_j = exp(-distance / NEAR_S)
    z = relu(Wz2 relu(Wz1 [h, c, l]))             contextual embedding
    f = Wf z                                      log odds that it is a hit, of the first stage
    y = f + Ws2 relu(Ws1 [h, z, r])               log odds after re-scoring, where r is the periodicity of all f
                                                  (see networks/rhythm.py); not every network has this stage
    a = Wa2 relu(Wa1 [x', h])                     scores of its articulations, from its stem's own part of x as well

Biases are left out here. The weighted means are attention pooling (Ilse et al. 2018, "Attention-based deep multiple
instance learning"): through them the drum, the room and the bleed of the stem enter each candidate's log odds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from drumhits.io.plainpickle import packed, require, unpacked
from drumhits.networks.rhythm import N_PERIODICITY, rhythm

EMBEDDING, CONTEXTUAL = 64, 48  # numbers that h and z have
STEM_CONTEXT, ATTENTION_POOLS = 48, 8  # numbers that c has, and weighted means that it is made of
NEIGHBOURHOOD, NEIGHBOUR_VALUES = 64, 24  # numbers that l has, and each neighbour gives
ENCODER_HIDDEN, CONTEXT_HIDDEN, RESCORING_HIDDEN, ARTICULATION_HIDDEN = 160, 96, 144, 48  # of the layers within
REACH = 6  # candidates on either side
NEAR_S = 0.3  # distance at which a neighbour counts 1/e
INPUT_LIMIT = 5.0  # standard deviations
WEIGHT_LIMIT = 100.0  # keeps every sum within float32
ROWS_AT_ONCE = 512


def first_stage_sizes(n_inputs: int) -> dict[str, tuple[int, int]]:
    """Return (inputs, outputs) of each layer of the first stage, by its name in files."""
    return {
        "alone1": (n_inputs, ENCODER_HIDDEN),
        "alone2": (ENCODER_HIDDEN, EMBEDDING),
        "query": (EMBEDDING, ATTENTION_POOLS),
        "stem": (ATTENTION_POOLS * EMBEDDING, STEM_CONTEXT),
        "neighbour": (EMBEDDING, NEIGHBOUR_VALUES),
        "near": (2 * REACH * (NEIGHBOUR_VALUES + 1), NEIGHBOURHOOD),
        "together1": (EMBEDDING + STEM_CONTEXT + NEIGHBOURHOOD, CONTEXT_HIDDEN),
        "together2": (CONTEXT_HIDDEN, CONTEXTUAL),
        "first": (CONTEXTUAL, 1),
    }


def rescoring_sizes() -> dict[str, tuple[int, int]]:
    """Return the same of the re-scoring stage."""
    return {"second1": (EMBEDDING + CONTEXTUAL + N_PERIODICITY, RESCORING_HIDDEN), "second2": (RESCORING_HIDDEN, 1)}


def articulation_sizes(n_own: int, n_articulations: int) -> dict[str, tuple[int, int]]:
    """Return the same of the articulation layers, which take `n_own` of the inputs; none without articulations."""
    if not n_articulations:
        return {}
    return {"which1": (n_own + EMBEDDING, ARTICULATION_HIDDEN), "which2": (ARTICULATION_HIDDEN, n_articulations)}


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
        """Return the network of the first `n_inputs`, for where all others have one value: fewer products."""
        last = np.clip((value - self.mean[n_inputs:]) / self.scale[n_inputs:], -INPUT_LIMIT, INPUT_LIMIT)
        weights = self.weights["alone1"]
        bias = weights[-1] + last @ weights[n_inputs:-1]
        first = {"alone1": np.concatenate((weights[:n_inputs], bias[None]))}
        return replace(self, mean=self.mean[:n_inputs], scale=self.scale[:n_inputs], weights={**self.weights, **first})

    def encode(self, x: np.ndarray) -> np.ndarray:
        """Return the embedding of each candidate by itself, shape (n, EMBEDDING): h of the formula."""
        return _relu(self._layer("alone2", _relu(self._layer("alone1", self._standardised(x)))))

    def contextualise(self, embeddings: np.ndarray, times_s: np.ndarray) -> np.ndarray:
        """Return the embeddings with the stem's and the neighbours' context, shape (n, CONTEXTUAL), n > 0: z."""
        n = len(embeddings)
        query = self._layer("query", embeddings)
        attention = np.exp(query - query.max(axis=0))
        attention /= attention.sum(axis=0)
        stem = _relu(self._layer("stem", (attention.T @ embeddings).reshape(1, -1)))
        neighbour_values = np.zeros((n + 2 * REACH, NEIGHBOUR_VALUES), dtype=np.float32)
        neighbour_values[REACH : REACH + n] = _relu(self._layer("neighbour", embeddings))
        at_s = np.pad(times_s, REACH, constant_values=np.inf)
        contextual = np.empty((n, CONTEXTUAL), dtype=np.float32)
        for first in range(0, n, ROWS_AT_ONCE):
            rows = slice(first, min(first + ROWS_AT_ONCE, n))
            reach = slice(first, rows.stop + 2 * REACH)
            neighbourhood = self._neighbourhood(neighbour_values[reach], at_s[reach])
            of_stem = np.broadcast_to(stem, (len(neighbourhood), STEM_CONTEXT))
            in_context = np.concatenate((embeddings[rows], of_stem, neighbourhood), axis=1)
            contextual[rows] = _relu(self._layer("together2", _relu(self._layer("together1", in_context))))
        return contextual

    @property
    def has_rescoring(self) -> bool:
        return "second1" in self.weights

    def first_stage(self, contextual: np.ndarray) -> np.ndarray:
        """Return the log odds of all candidates, shape (n,), before re-scoring."""
        return self._layer("first", contextual)[:, 0]

    def rescore(self, embeddings: np.ndarray, contextual: np.ndarray, periodicity: np.ndarray) -> np.ndarray:
        """Return the log odds of all candidates, shape (n,), re-scored with their periodicity."""
        log_odds = self.first_stage(contextual)
        for first in range(0, len(log_odds), ROWS_AT_ONCE):
            rows = slice(first, first + ROWS_AT_ONCE)
            inputs = np.concatenate((embeddings[rows], contextual[rows], periodicity[rows]), axis=1)
            hidden = _relu(self._layer("second1", inputs))
            log_odds[rows] += self._layer("second2", hidden)[:, 0]
        return log_odds

    def articulations(self, x: np.ndarray, embeddings: np.ndarray) -> np.ndarray:
        """Return the scores of the articulations, shape (n, n_articulations): logarithms of their odds to each other.

        Parameters
        ----------
        x : np.ndarray, shape (n, n_inputs), float32
        embeddings : np.ndarray, shape (n, EMBEDDING)
            From `encode`.
        """
        return self._layer("which2", _relu(self._layer("which1", self.articulation_inputs(x, embeddings))))

    def articulation_inputs(self, x: np.ndarray, embeddings: np.ndarray) -> np.ndarray:
        """Return the inputs of the articulation layers, shape (n, n_own + EMBEDDING); see `articulations`."""
        return np.concatenate((self._standardised(x[:, : self.n_own]), embeddings), axis=1)

    def _standardised(self, x: np.ndarray) -> np.ndarray:
        n = x.shape[1]
        return np.clip((x - self.mean[:n]) / self.scale[:n], -INPUT_LIMIT, INPUT_LIMIT)

    def _neighbourhood(self, neighbour_values: np.ndarray, at_s: np.ndarray) -> np.ndarray:
        """Return l of the formula, shape (n, NEIGHBOURHOOD), from values and times of n + 2 * REACH candidates."""
        n = len(neighbour_values) - 2 * REACH
        own_s = at_s[REACH : REACH + n]
        neighbourhood = np.empty((n, 2 * REACH, NEIGHBOUR_VALUES + 1), dtype=np.float32)
        for i, step in enumerate([*range(-REACH, 0), *range(1, REACH + 1)]):
            beside = slice(REACH + step, REACH + step + n)
            nearness = np.exp(-np.abs(own_s - at_s[beside]) / NEAR_S).astype(np.float32)[:, None]
            neighbourhood[:, i, :NEIGHBOUR_VALUES] = neighbour_values[beside] * nearness
            neighbourhood[:, i, NEIGHBOUR_VALUES:] = nearness
        return _relu(self._layer("near", neighbourhood.reshape(n, -1)))

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


def ensemble_contextual(
    networks: Sequence[Network], embeddings: Sequence[np.ndarray], times_s: np.ndarray
) -> list[np.ndarray]:
    """Return the contextual embeddings of a stem's candidates by each network; see `ensemble_log_odds`."""
    return [network.contextualise(rows, times_s) for network, rows in zip(networks, embeddings, strict=True)]


def ensemble_log_odds(
    networks: Sequence[Network],
    embeddings: Sequence[np.ndarray],
    times_s: np.ndarray,
    contextual: Sequence[np.ndarray] | None = None,
) -> np.ndarray:
    """Return the ensemble-averaged log odds of a stem's candidates, shape (n,), float32.

    Re-scoring takes the periodicity of the mean first stage; either all networks have that stage, or none.

    Parameters
    ----------
    embeddings : sequence of np.ndarray, shape (n, EMBEDDING), n > 0
        From `encode` of each network.
    times_s : np.ndarray, shape (n,)
        Increasing.
    contextual : sequence of np.ndarray, shape (n, CONTEXTUAL), optional
        From `ensemble_contextual`, where it was called before.
    """
    contextual = contextual or ensemble_contextual(networks, embeddings, times_s)
    log_odds = mean_first_stage(networks, contextual)
    if networks[0].has_rescoring:
        periodicity = rhythm(log_odds, times_s)
        parts = zip(networks, embeddings, contextual, strict=True)
        rescored = [network.rescore(h, z, periodicity) for network, h, z in parts]
        log_odds = np.mean(rescored, axis=0)
    return log_odds


def mean_first_stage(networks: Sequence[Network], contextual: Sequence[np.ndarray]) -> np.ndarray:
    """Return the ensemble-averaged log odds of the first stage, shape (n,)."""
    return np.mean([network.first_stage(rows) for network, rows in zip(networks, contextual, strict=True)], axis=0)


def _relu(v: np.ndarray) -> np.ndarray:
    return np.maximum(v, 0, out=v)
