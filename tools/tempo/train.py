"""Train drumhits/tempo/beats.npz: the network that computes log odds of beats from strokes. Needs PyTorch.

    python tools/tempo/train.py PERFORMANCES [--without DRUMMER ...] [--without-part N]

PERFORMANCES is a folder as tools/tempo/performances.py takes it. In each step it is trained on parts of some
performances, bent to other tempos, in steps, smoothly, with held bars and ritardandi; strokes are left out, added,
moved a little, and taken for those of other voices, as they are where a conversion found them. It takes 20 minutes.
"""

import argparse
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from performances import N_PARTS, Performance, performances

from drumhits.tempo.activation import (
    CHANNELS,
    DILATIONS,
    FRAMES_PER_S,
    KERNEL,
    OUTPUTS,
    WEIGHTS,
    frames_of,
    layer_shapes,
)
from drumhits.tempo.strokes import CLOSED, OPEN, PEDAL, RIDE, VOICES, Strokes

PART_S = 40.0
PARTS_AT_ONCE, STEPS = 8, 3000
LEARNING_RATE, WEIGHT_DECAY, DROPOUT = 3e-3, 1e-2, 0.05
FULL_WEIGHT_BARS = 16
BESIDE = 0.5  # what a frame beside that of a beat is to be
QUARTERS = 4  # pieces of a curve in a beat
SLOWEST, FASTEST = 3.5, 0.35  # lengths of a piece, as multiples of what it is at the click
HATS = (CLOSED, OPEN, PEDAL)


class BeatNetwork(nn.Module):
    """The network of `drumhits.tempo.activation`, for parts of songs, shape (parts, voices, frames)."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv1d(len(VOICES), CHANNELS, KERNEL, padding="same")
        self.dilated = nn.ModuleList(
            nn.Conv1d(CHANNELS, CHANNELS, KERNEL, padding="same", dilation=dilation) for dilation in DILATIONS
        )
        self.mix = nn.ModuleList(nn.Conv1d(CHANNELS, CHANNELS, 1) for _ in DILATIONS)
        self.out = nn.Conv1d(CHANNELS, len(OUTPUTS), 1)

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """Return the log odds of beats and downbeats, shape (parts, 2, frames)."""
        hidden = torch.relu(self.first(frames))
        for dilated, mix in zip(self.dilated, self.mix, strict=True):
            hidden = hidden + mix(functional.dropout(torch.relu(dilated(hidden)), DROPOUT, self.training))
        return self.out(torch.relu(hidden))

    def exported(self) -> dict[str, np.ndarray]:
        """Return the weights as `drumhits.tempo.activation` takes them, float16."""
        layers = {"first": self.first, "out": self.out}
        for n, (dilated, mix) in enumerate(zip(self.dilated, self.mix, strict=True)):
            layers |= {f"dilated{n}": dilated, f"mix{n}": mix}
        arrays = {}
        for name, layer in layers.items():
            arrays[name] = layer.weight.detach().numpy().transpose(2, 1, 0).astype(np.float16)
            arrays[f"{name}_bias"] = layer.bias.detach().numpy().astype(np.float16)
        return {name: arrays[name] for name in layer_shapes()}


def curve(n_pieces: int, beat_s: float, rng: np.random.Generator) -> np.ndarray:
    """Return how long each piece of a beat is, as a multiple of what it is at the click."""
    lengths = np.full(n_pieces, np.exp(rng.uniform(-0.2, 0.2)))
    piece = np.arange(n_pieces)
    way = rng.random()
    if 0.3 <= way < 0.5:
        bar = (piece // (4 * QUARTERS)) + rng.integers(4)
        section = np.cumsum(rng.random(bar.max() + 1) < 1 / rng.integers(2, 10))[bar]
        lengths *= np.exp(rng.normal(0, 0.15, section.max() + 1))[section]
    elif 0.5 <= way < 0.8:
        knots = np.arange(0, n_pieces + 1, QUARTERS * rng.integers(4, 33))
        lengths *= np.exp(np.interp(piece, knots, rng.normal(0, rng.uniform(0.05, 0.25), len(knots))))
    if rng.random() < 0.3:
        for _ in range(rng.integers(1, 4)):
            first, n_beats = rng.integers(n_pieces) // QUARTERS * QUARTERS, rng.integers(1, 5)
            lengths[first : first + n_beats * QUARTERS] *= 1 + rng.uniform(0.3, 2.0) / beat_s / n_beats
    if rng.random() < 0.3:
        slower, first, n_beats = rng.uniform(0.2, 0.5), rng.integers(n_pieces), rng.integers(8, 32)
        lengths /= 1 - slower * np.clip((piece - first) / (n_beats * QUARTERS), 0, 1)
    return np.clip(lengths, FASTEST, SLOWEST)


def as_converted(strokes: Strokes, rng: np.random.Generator) -> Strokes:
    """Return strokes with the errors of a conversion: missing, added, moved, and taken for those of other voices."""
    times_s, voices = strokes
    is_found = rng.random(len(times_s)) >= rng.choice([0, 0, 0.05, 0.15])
    if rng.random() < 0.25:
        is_found &= voices != rng.integers(len(VOICES))
    if rng.random() < 0.1:
        is_found &= ~np.isin(voices, HATS)
    times_s, voices = times_s[is_found] + rng.normal(0, rng.uniform(0, 0.008), is_found.sum()), voices[is_found]
    other_hands = rng.random()
    if other_hands < 0.3:
        voices = np.where(np.isin(voices, HATS), RIDE, voices)
    elif other_hands < 0.5:
        voices = np.where(voices == RIDE, CLOSED, voices)
    n_false = int(len(times_s) * rng.uniform(0, 0.08)) if rng.random() < 0.4 and len(times_s) else 0
    false_s = rng.uniform(*(times_s[[0, -1]] if n_false else (0, 0)), n_false)
    times_s, voices = np.append(times_s, false_s), np.append(voices, rng.integers(len(VOICES), size=n_false))
    return Strokes.in_time_order(times_s, voices)


def part_of(song: Performance, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return frames of a part of a song, what is wanted there, and how each output of each frame counts."""
    beat_s = 60 / song.bpm
    pieces = np.arange(0, song.strokes.times_s[-1] / beat_s + 8, 1 / QUARTERS)
    lengths_s = curve(len(pieces), beat_s, rng) * beat_s / QUARTERS
    at_s = np.append(0.0, np.cumsum(lengths_s[:-1]))
    times_s = np.interp(song.strokes.times_s, pieces * beat_s, at_s)
    room_s = times_s[-1] - times_s[0] - PART_S
    start_s = times_s[0] + (rng.uniform(-1, room_s) if room_s > 0 else -rng.uniform(0, 4))
    is_inside = (times_s > start_s) & (times_s < start_s + PART_S)
    strokes = as_converted(Strokes(times_s[is_inside], song.strokes.voices[is_inside]), rng)
    n_frames = int(PART_S * FRAMES_PER_S)
    bar = 4 * QUARTERS * song.signature[0] // song.signature[1]
    wanted, counts = np.zeros((2, n_frames), np.float32), np.zeros((2, n_frames), np.float32)
    for row, lines_s in zip(wanted, (at_s[::QUARTERS], at_s[::bar]), strict=True):
        frames = np.rint((lines_s - start_s) * FRAMES_PER_S).astype(int)
        for shift, value in ((-1, BESIDE), (1, BESIDE), (0, 1.0)):
            inside = frames[(frames + shift >= 0) & (frames + shift < n_frames)] + shift
            row[inside] = np.maximum(row[inside], value)
    if len(strokes.times_s):
        first, last = np.clip((strokes.times_s[[0, -1]] - start_s) * FRAMES_PER_S, 2, n_frames - 2).astype(int)
        counts[:, first - 2 : last + 2] = 1.0
    return frames_of(strokes, start_s, n_frames).T, wanted, counts


def train(songs: list[Performance], steps: int = STEPS, seed: int = 0) -> BeatNetwork:
    """Return a network trained on songs with the AdamW optimiser and one cycle of its learning rate.

    Songs of a style and tempo that many have, and short ones, are drawn less often.
    """
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    torch.use_deterministic_algorithms(True)
    rng = np.random.default_rng(seed)
    n_like = Counter(song.style for song in songs)
    shares = np.array([min(1.0, song.n_bars / FULL_WEIGHT_BARS) / n_like[song.style] for song in songs]) ** 0.5
    network = BeatNetwork()
    optimizer = torch.optim.AdamW(network.parameters(), LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, steps, pct_start=0.15)
    for step in range(1, steps + 1):
        chosen = rng.choice(len(songs), PARTS_AT_ONCE, p=shares / shares.sum())
        parts = zip(*(part_of(songs[i], rng) for i in chosen), strict=True)
        frames, wanted, counts = (torch.from_numpy(np.stack(part)) for part in parts)
        losses = functional.binary_cross_entropy_with_logits(network(frames), wanted, reduction="none")
        loss = (losses * counts).sum() / counts.sum()
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if step % 100 == 0:
            print(f"step {step} of {steps}: loss {loss.item():.4f}", flush=True)
    return network.eval()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--without", nargs="+", default=[], metavar="DRUMMER", help="drummers that are left out")
    parser.add_argument("--without-part", type=int, choices=range(N_PARTS), help="part of the songs that is left out")
    parser.add_argument("--steps", type=int, default=STEPS, metavar="N", help=f"default: {STEPS}")
    parser.add_argument("--output", type=Path, default=WEIGHTS)
    args = parser.parse_args()
    songs = performances(args.folder, args.without, args.without_part)
    np.savez_compressed(args.output, **train(songs, args.steps).exported())
    print(f"{args.output}: trained on {len(songs)} songs")


if __name__ == "__main__":
    main()
