"""Strokes -> log odds that a frame is a beat, by a small network of dilated convolutions over time.

    h = relu(first * x)                      x: strokes of each voice in each frame, * a convolution of KERNEL frames
    h = h + mix (relu(dilated * h))          for each of DILATIONS
    o = out relu(h)                          log odds of a beat, and of a downbeat

Biases are left out here. The network takes 40 s on either side of a frame into account. Reference: M. E. P. Davies and
S. Boeck, "Temporal convolutional networks for musical audio beat tracking", EUSIPCO 2019. Its weights were trained by
tools/tempo/train.py on human performances whose beats are known.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import numpy as np

from drumhits.tempo.strokes import VOICES, Strokes

FRAMES_PER_S = 50
CHANNELS, KERNEL = 40, 5
DILATIONS = tuple(2**n for n in range(10))
OUTPUTS = ("beat", "downbeat")  # the second is trained along, and not used
WEIGHTS = Path(__file__).with_name("beats.npz")

Weights = Mapping[str, np.ndarray]


def layer_shapes() -> dict[str, tuple[int, ...]]:
    """Return the shape of each array in the file of weights: (KERNEL, inputs, outputs), or that of a bias."""
    shapes: dict[str, tuple[int, ...]] = {"first": (KERNEL, len(VOICES), CHANNELS), "out": (1, CHANNELS, len(OUTPUTS))}
    for n in range(len(DILATIONS)):
        shapes |= {f"dilated{n}": (KERNEL, CHANNELS, CHANNELS), f"mix{n}": (1, CHANNELS, CHANNELS)}
    return shapes | {f"{name}_bias": shape[-1:] for name, shape in shapes.items()}


def read_weights(path: Path) -> Weights:
    """Return the weights that tools/tempo/train.py wrote, as float32."""
    with np.load(path) as arrays:
        return {name: arrays[name].astype(np.float32) for name in layer_shapes()}


@cache
def shipped_weights() -> Weights:
    """Return the weights that ship with the toolkit."""
    return read_weights(WEIGHTS)


def frames_of(strokes: Strokes, start_s: float, n_frames: int) -> np.ndarray:
    """Return the strokes of each voice in each frame, shape (n_frames, len(VOICES)), float32 in 0..1.

    A stroke between two frames is shared by both.
    """
    place = (strokes.times_s - start_s) * FRAMES_PER_S
    below, share = np.floor(place).astype(int), place % 1
    frames = np.zeros((n_frames + 1, len(VOICES)), np.float32)
    is_inside = (below >= 0) & (below < n_frames)
    for frame, weight in ((below, 1 - share), (below + 1, share)):
        np.add.at(frames, (frame[is_inside], strokes.voices[is_inside]), weight[is_inside])
    return np.minimum(frames[:n_frames], 1.0)


def beat_log_odds(frames: np.ndarray, weights: Weights) -> np.ndarray:
    """Return the log odds of a beat and of a downbeat in each frame, shape (n_frames, len(OUTPUTS)), float32."""
    hidden = np.maximum(_convolved(frames, weights, "first"), 0)
    for n, dilation in enumerate(DILATIONS):
        inner = np.maximum(_convolved(hidden, weights, f"dilated{n}", dilation), 0)
        hidden += _convolved(inner, weights, f"mix{n}")
    return _convolved(np.maximum(hidden, 0), weights, "out")


def _convolved(frames: np.ndarray, weights: Weights, name: str, dilation: int = 1) -> np.ndarray:
    """Return the convolution of frames with a layer, as long as they are: beyond both ends everything is 0."""
    kernel, n = weights[name], len(frames)
    result = np.repeat(weights[f"{name}_bias"][None], n, axis=0)
    for tap, matrix in enumerate(kernel):
        shift = (tap - len(kernel) // 2) * dilation
        if abs(shift) < n:
            result[max(-shift, 0) : n - max(shift, 0)] += frames[max(shift, 0) : n - max(-shift, 0)] @ matrix
    return result
