"""Train the networks of drumhits/network.py on labelled candidates. Needs PyTorch, which nothing else here does."""

from collections.abc import Sequence

import numpy as np
import torch
from separation import STEMS
from torch import nn
from torch.nn import functional
from training_examples import Example

from drumhits.listener import LOWEST, N_COURSES, N_INPUTS_IN_MIX, STEP_DB
from drumhits.network import INPUT_LIMIT, NEAR_S, REACH, Network, layer_sizes
from drumhits.siblings import COURSE_STEPS, MEASURES

EPOCHS = 20
SONGS_AT_ONCE = 12
SORTED_AT_ONCE = 20 * SONGS_AT_ONCE
LEARNING_RATE = 2e-3
WEIGHT_DECAY = 1e-2
DROPOUT = 0.15
SCALE_SONGS = 200  # from which mean and scale of the inputs are taken
SMALLEST_SCALE = 0.05
ALONE = 0.3  # share of the stems that are heard without any sibling, another in each epoch
COURSE = len(COURSE_STEPS) * MEASURES
FAR_S = 1e6


class TorchNetwork(nn.Module):
    """`drumhits.network.Network` for batches of songs, padded to the longest."""

    def __init__(self, n_inputs: int):
        super().__init__()
        self.layers = nn.ModuleDict({k: nn.Linear(*size) for k, size in layer_sizes(n_inputs).items()})
        self.register_buffer("mean", torch.zeros(n_inputs))
        self.register_buffer("scale", torch.ones(n_inputs))

    def forward(self, x: torch.Tensor, times_s: torch.Tensor, is_there: torch.Tensor) -> torch.Tensor:
        """Return the log odds, shape (songs, candidates)."""
        layers, n = self.layers, x.shape[1]
        x = ((x - self.mean) / self.scale).clamp(-INPUT_LIMIT, INPUT_LIMIT)
        alone = torch.relu(layers["alone1"](self._dropped(x)))
        alone = torch.relu(layers["alone2"](self._dropped(alone))) * is_there[..., None]
        attention = torch.softmax(layers["query"](alone).masked_fill(~is_there[..., None], -1e9), dim=1)
        stem = torch.relu(layers["stem"](torch.einsum("bnk,bnh->bkh", attention, alone).flatten(1)))
        said = functional.pad(torch.relu(layers["neighbour"](alone)), (0, 0, REACH, REACH))
        at_s, exists = functional.pad(times_s, (REACH, REACH), value=FAR_S), functional.pad(is_there, (REACH, REACH))
        beside = []
        for step in [*range(-REACH, 0), *range(1, REACH + 1)]:
            those = slice(REACH + step, REACH + step + n)
            nearness = (torch.exp(-(times_s - at_s[:, those]).abs() / NEAR_S) * exists[:, those])[..., None]
            beside += [said[:, those] * nearness, nearness]
        near = torch.relu(layers["near"](torch.cat(beside, dim=2)))
        together = torch.cat([alone, stem[:, None].expand(-1, n, -1), near], dim=2)
        together = torch.relu(layers["together1"](self._dropped(together)))
        return layers["output"](torch.relu(layers["together2"](self._dropped(together))))[..., 0]

    def _dropped(self, v: torch.Tensor) -> torch.Tensor:
        return functional.dropout(v, DROPOUT, self.training)

    def exported(self) -> Network:
        """Return the network as it is followed in NumPy, its weights rounded as a file rounds them."""
        weights = {
            name: torch.cat([layer.weight.T, layer.bias[None]]).detach().numpy().astype(np.float16).astype(np.float32)
            for name, layer in self.layers.items()
        }
        return Network(self.mean.numpy(), self.scale.numpy(), weights)


def without_siblings(x: np.ndarray, stem: str, below_db: float) -> np.ndarray:
    """Return the inputs of a stem as they are where none of its siblings is there.

    Parameters
    ----------
    x : np.ndarray, shape (n, N_INPUTS), float32
    below_db : float
        See `Example`.
    """
    x = x.copy()
    courses, mixture = np.split(x[:, N_INPUTS_IN_MIX:], [N_COURSES], axis=1)  # parts of x, not copies of them
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
        alone = rng.random(len(x)) < ALONE
        x = [
            without_siblings(rows, stem, one.below_db) if is_alone else rows
            for rows, one, is_alone in zip(x, examples, alone, strict=True)
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


def train_network(
    examples: Sequence[Example],
    stem: str,
    *,
    in_mix: bool = False,
    seed: int = 0,
    epochs: int | None = None,
) -> TorchNetwork:
    """Return a network of a stem, trained on songs with the AdamW optimiser and one cycle of its learning rate.

    References: Loshchilov and Hutter 2019, "Decoupled weight decay regularization"; Smith and Topin 2019,
    "Super-convergence".
    """
    torch.manual_seed(seed)
    rng, heard_as, epochs = np.random.default_rng(seed), None if in_mix else stem, epochs or EPOCHS
    examples = [one for one in examples if len(one.kept) > 1]
    x, _, is_there, *_ = _batch(examples[:SCALE_SONGS], heard_as, rng)
    network = TorchNetwork(x.shape[2])
    network.mean[:], network.scale[:] = x[is_there].mean(0), x[is_there].std(0).clamp(min=SMALLEST_SCALE)
    optimizer = torch.optim.AdamW(network.parameters(), LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    n_steps = epochs * (len(examples) // SONGS_AT_ONCE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, n_steps, pct_start=0.15)
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
