"""Train the networks of drumhits/networks/network.py on labelled candidates. Needs PyTorch."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from separation import STEMS
from torch import nn
from torch.nn import functional
from training_examples import Example

from drumhits.detection.levels import ENVELOPE_SPANS, MEASURES
from drumhits.drums import ARTICULATIONS
from drumhits.networks.inputs import LOWEST, N_ENVELOPES, N_INPUTS_IN_MIX, STEP_DB
from drumhits.networks.network import (
    EMBEDDING,
    INPUT_LIMIT,
    NEAR_S,
    REACH,
    Network,
    articulation_sizes,
    first_stage_sizes,
    mean_first_stage,
    rescoring_sizes,
)
from drumhits.networks.rhythm import rhythm

EPOCHS, EPOCHS_FURTHER = 20, 10
SONGS_AT_ONCE = 12
SORTED_AT_ONCE = 20 * SONGS_AT_ONCE
LEARNING_RATE = 2e-3
WEIGHT_DECAY = 1e-2
DROPOUT = 0.15
SCALE_SONGS = 200  # from which mean and scale of the inputs are taken
SMALLEST_SCALE = 0.05
CANDIDATES_AT_ONCE = 512  # of the re-scoring stage
LOOKS = 3  # that are one re-scoring stage together
BY_RHYTHM = ("hihat",)  # stems re-scored by periodicity alone: real ones sound less like the rendered than they play
ALONE = 0.3  # share of the stems that are heard without any sibling, another in each epoch
COURSE = len(ENVELOPE_SPANS) * MEASURES
FAR_S = 1e6


class FirstLook(nn.Module):
    """The first stage of `drumhits.networks.network.Network` for batches of songs, padded to the longest."""

    def __init__(self, n_inputs: int):
        super().__init__()
        self.layers = nn.ModuleDict({k: nn.Linear(*size) for k, size in first_stage_sizes(n_inputs).items()})
        self.register_buffer("mean", torch.zeros(n_inputs))
        self.register_buffer("scale", torch.ones(n_inputs))

    def forward(self, x: torch.Tensor, times_s: torch.Tensor, is_there: torch.Tensor) -> torch.Tensor:
        """Return the log odds, shape (songs, candidates)."""
        layers, n = self.layers, x.shape[1]
        x = ((x - self.mean) / self.scale).clamp(-INPUT_LIMIT, INPUT_LIMIT)
        embeddings = torch.relu(layers["alone1"](self._dropped(x)))
        embeddings = torch.relu(layers["alone2"](self._dropped(embeddings))) * is_there[..., None]
        attention = torch.softmax(layers["query"](embeddings).masked_fill(~is_there[..., None], -1e9), dim=1)
        stem = torch.relu(layers["stem"](torch.einsum("bnk,bnh->bkh", attention, embeddings).flatten(1)))
        neighbour_values = functional.pad(torch.relu(layers["neighbour"](embeddings)), (0, 0, REACH, REACH))
        at_s, exists = functional.pad(times_s, (REACH, REACH), value=FAR_S), functional.pad(is_there, (REACH, REACH))
        beside = []
        for step in [*range(-REACH, 0), *range(1, REACH + 1)]:
            those = slice(REACH + step, REACH + step + n)
            nearness = (torch.exp(-(times_s - at_s[:, those]).abs() / NEAR_S) * exists[:, those])[..., None]
            beside += [neighbour_values[:, those] * nearness, nearness]
        near = torch.relu(layers["near"](torch.cat(beside, dim=2)))
        contextualise = torch.cat([embeddings, stem[:, None].expand(-1, n, -1), near], dim=2)
        contextualise = torch.relu(layers["together1"](self._dropped(contextualise)))
        return layers["first"](torch.relu(layers["together2"](self._dropped(contextualise))))[..., 0]

    def _dropped(self, v: torch.Tensor) -> torch.Tensor:
        return functional.dropout(v, DROPOUT, self.training)

    @classmethod
    def of(cls, network: Network) -> "FirstLook":
        """Return the first stage of a network that is there, to be trained further."""
        look = cls(len(network.mean))
        look.mean[:], look.scale[:] = torch.tensor(network.mean), torch.tensor(network.scale)
        with torch.no_grad():
            for name, layer in look.layers.items():
                layer.weight[:] = torch.tensor(network.weights[name][:-1].T)
                layer.bias[:] = torch.tensor(network.weights[name][-1])
        return look

    def exported(self) -> Network:
        """Return the network as it is followed in NumPy, without a re-scoring stage."""
        return Network(self.mean.numpy(), self.scale.numpy(), _weights(self.layers), N_INPUTS_IN_MIX)


def _on_top(first_size: tuple[int, int], last_size: tuple[int, int]) -> nn.Sequential:
    """Return two layers that take what a network knows."""
    first, last = nn.Linear(*first_size), nn.Linear(*last_size)
    return nn.Sequential(nn.Dropout(DROPOUT), first, nn.ReLU(), nn.Dropout(DROPOUT), last)


def _weights(layers: Mapping[str, nn.Linear]) -> dict[str, np.ndarray]:
    """Return the weights of some layers, rounded as a file rounds them."""
    return {
        name: torch.cat([layer.weight.T, layer.bias[None]]).detach().numpy().astype(np.float16).astype(np.float32)
        for name, layer in layers.items()
    }


def averaged(one: Network, other: Network) -> Network:
    """Return the first stage whose weights are the mean of those of two, one of them the other trained further.

    It keeps more of what the first knew than the second does (Wortsman et al. 2022, "Robust fine-tuning of zero-shot
    models").
    """
    weights = {name: (one.weights[name] + weights) / 2 for name, weights in other.weights.items()}
    rounded = {name: mean.astype(np.float16).astype(np.float32) for name, mean in weights.items()}
    return replace(other, weights=rounded)


def without_siblings(x: np.ndarray, stem: str, below_db: float) -> np.ndarray:
    """Return the inputs of a stem as they are where none of its siblings is there.

    Parameters
    ----------
    x : np.ndarray, shape (n, N_INPUTS), float32
    below_db : float
        See `Example`.
    """
    x = x.copy()
    courses, mixture = np.split(x[:, N_INPUTS_IN_MIX:], [N_ENVELOPES], axis=1)  # parts of x, not copies of them
    courses = courses.reshape(len(x), len(STEMS), COURSE + 1)
    own = courses[:, STEMS.index(stem)].copy()
    own[:, :COURSE] += np.where(own[:, :COURSE] > LOWEST, np.float32(below_db / STEP_DB), 0)
    courses[:, :, :COURSE], courses[:, :, COURSE] = LOWEST, 0
    courses[:, STEMS.index(stem)] = own
    mixture[:] = LOWEST
    return x


def _batch(examples: Sequence[Example], stem: str | None, rng: np.random.Generator) -> tuple[torch.Tensor, ...]:
    """Return inputs, times, which candidates there are and which are hits, of some songs; `stem` is None in a mix."""
    n = max(len(one.kept) for one in examples)

    def padded(rows: list[np.ndarray], fill: float = 0) -> torch.Tensor:
        whole = np.full((len(rows), n, *rows[0].shape[1:]), fill, rows[0].dtype)
        for i, row in enumerate(rows):
            whole[i, : len(row)] = row
        return torch.from_numpy(whole)

    x = [one.x.astype(np.float32) for one in examples]
    if stem is not None:
        embeddings = rng.random(len(x)) < ALONE
        x = [
            without_siblings(rows, stem, one.below_db) if is_alone else rows
            for rows, one, is_alone in zip(x, examples, embeddings, strict=True)
        ]
    return (
        padded(x),
        padded([one.times_s.astype(np.float32) for one in examples], FAR_S),
        padded([np.ones(len(one.kept), bool) for one in examples]),
        padded([one.kept for one in examples]),
    )


def _batches_of_like_length(examples: Sequence[Example], rng: np.random.Generator) -> list[np.ndarray]:
    """Return the songs of each batch of an epoch, at random but with little to pad."""
    n_batches = len(examples) // SONGS_AT_ONCE
    order = rng.permutation(len(examples))[: n_batches * SONGS_AT_ONCE]
    chunks = [order[i : i + SORTED_AT_ONCE] for i in range(0, len(order), SORTED_AT_ONCE)]
    by_length = np.concatenate([chunk[np.argsort([len(examples[i].kept) for i in chunk])] for chunk in chunks])
    batches = by_length.reshape(n_batches, SONGS_AT_ONCE)
    return list(batches[rng.permutation(n_batches)])


def train_first_stage(
    examples: Sequence[Example],
    stem: str,
    *,
    in_mix: bool = False,
    seed: int = 0,
    epochs: int | None = None,
    start: Network | None = None,
) -> FirstLook:
    """Return the first stage of a stem, trained on songs with the AdamW optimiser and one cycle of its learning rate.

    Where a network is given to start from, it is trained further, at half the rate.

    References: Loshchilov and Hutter 2019, "Decoupled weight decay regularization"; Smith and Topin 2019,
    "Super-convergence".
    """
    torch.manual_seed(seed)
    rng, heard_as = np.random.default_rng(seed), None if in_mix else stem
    epochs = epochs or (EPOCHS_FURTHER if start else EPOCHS)
    examples = [one for one in examples if len(one.kept) > 1]
    x, _, is_there, *_ = _batch(examples[:SCALE_SONGS], heard_as, rng)
    if start is None:
        network, rate = FirstLook(x.shape[2]), LEARNING_RATE
        network.mean[:], network.scale[:] = x[is_there].mean(0), x[is_there].std(0).clamp(min=SMALLEST_SCALE)
    else:
        network, rate = FirstLook.of(start), LEARNING_RATE / 2
    optimizer = torch.optim.AdamW(network.parameters(), rate, weight_decay=WEIGHT_DECAY)
    n_steps = epochs * (len(examples) // SONGS_AT_ONCE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, n_steps, pct_start=0.15)
    for _ in range(epochs):
        for chosen in _batches_of_like_length(examples, rng):
            x, times_s, is_there, kept = _batch([examples[i] for i in chosen], heard_as, rng)
            log_odds = network(x, times_s, is_there)[is_there]
            optimizer.zero_grad()
            functional.binary_cross_entropy_with_logits(log_odds, kept[is_there].float()).backward()
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            schedule.step()
    return network.eval()


@dataclass(frozen=True)
class Known:
    """First stage of a network, computed for the candidates of some songs.

    Attributes
    ----------
    seen : torch.Tensor, shape (n, EMBEDDING + CONTEXTUAL + N_PERIODICITY)
        Inputs of the re-scoring stage.
    log_odds : torch.Tensor, shape (n,)
    articulation_inputs : torch.Tensor, shape (m, n_own + EMBEDDING)
        Of those that were played and have an articulation.
    """

    seen: torch.Tensor
    log_odds: torch.Tensor
    articulation_inputs: torch.Tensor


def known_by(networks: Sequence[Network], examples: Sequence[Example], stem: str | None, seed: int) -> list[Known]:
    """Return what each network knows of all songs, of which some are heard alone; `stem` is None in a mix."""
    rng = np.random.default_rng(seed)
    known: list[list[tuple]] = [[] for _ in networks]
    for one in examples:
        x = _batch([one], stem, rng)[0][0].numpy()
        embeddings = [network.encode(x) for network in networks]
        parts = zip(networks, embeddings, strict=True)
        contextual = [network.contextualise(rows, one.times_s) for network, rows in parts]
        periodicity = rhythm(mean_first_stage(networks, contextual), one.times_s)
        told = one.articulation >= 0
        for rows, network, by_itself, beside in zip(known, networks, embeddings, contextual, strict=True):
            seen = np.concatenate((by_itself, beside, periodicity), axis=1)
            rows.append((seen, network.first_stage(beside), network.articulation_inputs(x[told], by_itself[told])))
    return [Known(*(torch.from_numpy(np.concatenate(part)) for part in zip(*rows, strict=True))) for rows in known]


def with_rescoring(
    networks: Sequence[Network],
    examples: Sequence[Example],
    stem: str,
    *,
    in_mix: bool = False,
    second_look: bool = True,
) -> list[Network]:
    """Return networks with re-scoring and articulation layers, trained on songs that are new to the first stage.

    Log odds of the songs that a network was trained on are too good; re-scoring trained on those would rely on them too
    much (Wolpert 1992, "Stacked generalization"). Without a second look, articulations alone are added.
    """
    examples = [one for one in examples if len(one.kept)]
    kept = torch.from_numpy(np.concatenate([one.kept for one in examples]).astype(np.float32))
    articulation = torch.from_numpy(np.concatenate([one.articulation for one in examples]).astype(np.int64))
    articulation = articulation[articulation >= 0]
    whole = []
    for network, known in zip(networks, known_by(networks, examples, None if in_mix else stem, seed=0), strict=True):
        added = _articulations(known, articulation, stem)
        added |= _second_look(known, kept, stem) if second_look else {}
        whole.append(replace(network, weights={**network.weights, **added}))
    return whole


def _second_look(known: Known, kept: torch.Tensor, stem: str) -> dict[str, np.ndarray]:
    """Return the weights of a re-scoring stage: several small ones side by side, whose mean errs less than each."""
    if stem in BY_RHYTHM:
        known.seen[:, :EMBEDDING] = 0
    log_odds = [_narrow_look(known, kept, seed, by_rhythm=stem in BY_RHYTHM) for seed in range(LOOKS)]
    first, last = nn.Linear(*rescoring_sizes()["second1"]), nn.Linear(*rescoring_sizes()["second2"])
    with torch.no_grad():
        first.weight[:] = torch.cat([look[1].weight for look in log_odds])
        first.bias[:] = torch.cat([look[1].bias for look in log_odds])
        last.weight[:] = torch.cat([look[-1].weight for look in log_odds], dim=1) / LOOKS
        last.bias[:] = torch.stack([look[-1].bias for look in log_odds]).mean(0)
    return _weights({"second1": first, "second2": last})


def _narrow_look(known: Known, kept: torch.Tensor, seed: int, *, by_rhythm: bool) -> nn.Sequential:
    torch.manual_seed(seed)
    (n_known, width), (_, n_outputs) = rescoring_sizes().values()
    look = _on_top((n_known, width // LOOKS), (width // LOOKS, n_outputs))
    if by_rhythm:
        look[1].weight.data[:, :EMBEDDING] = 0  # and stays so, since nothing is heard there

    def loss(rows: np.ndarray) -> torch.Tensor:
        neighbour_values = known.log_odds[rows] + look(known.seen[rows])[:, 0]
        return functional.binary_cross_entropy_with_logits(neighbour_values, kept[rows])

    _train(look, loss, np.arange(len(kept)), seed)
    return look


def _articulations(known: Known, articulation: torch.Tensor, stem: str) -> dict[str, np.ndarray]:
    """Return the weights of what tells the articulations of what was played."""
    sizes = articulation_sizes(N_INPUTS_IN_MIX, len(ARTICULATIONS[stem]))
    if not sizes:
        return {}
    torch.manual_seed(0)
    which = _on_top(*sizes.values())

    def loss(rows: np.ndarray) -> torch.Tensor:
        return functional.cross_entropy(which(known.articulation_inputs[rows]), articulation[rows])

    _train(which, loss, np.arange(len(articulation)), seed=0)
    return _weights(dict(zip(sizes, (which[1], which[-1]), strict=True)))


def _train(layers: nn.Sequential, loss: Callable[[np.ndarray], torch.Tensor], rows: np.ndarray, seed: int) -> None:
    """Train on some rows, `CANDIDATES_AT_ONCE`, as the first stage is trained."""
    rng = np.random.default_rng(seed)
    optimizer = torch.optim.AdamW(layers.parameters(), LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    n_batches = max(len(rows) // CANDIDATES_AT_ONCE, 1)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, EPOCHS * n_batches, pct_start=0.15)
    for _ in range(EPOCHS):
        for some in np.array_split(rng.permutation(rows), n_batches):
            optimizer.zero_grad()
            loss(some).backward()
            optimizer.step()
            schedule.step()
    layers.eval()
