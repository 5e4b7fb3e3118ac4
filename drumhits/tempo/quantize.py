"""Notes moved towards the steps of a grid, straight or swung. Times in seconds."""

import numpy as np

from drumhits.config.load import MidiConfig
from drumhits.config.schema import AUTO, STEPS
from drumhits.io.grid import Grid

STRAIGHT = 50.0
SWING_RANGE = (50.0, 75.0)
FEWEST_OFF_STEPS = 8
NEAR_STEP = 0.45  # steps: strokes nearer than that to an off step tell where it lies


def quantized_times(times_s: np.ndarray, grid: Grid, config: MidiConfig) -> np.ndarray:
    """Return times moved by `config.strength` per cent of the way to the steps of `config.quantize`."""
    step = STEPS[config.quantize or "1/16"]
    beats = grid.tempo.beats_at(times_s)
    origins = _bar_starts(beats, grid)
    swing = config.swing if config.swing is not None else STRAIGHT
    percent = swing_of((beats - origins) / step) if swing == AUTO else float(swing)
    target = origins + step * _nearest_step((beats - origins) / step, percent)
    return grid.tempo.seconds(np.maximum(beats + (target - beats) * config.strength / 100, 0.0))


def _bar_starts(beats: np.ndarray, grid: Grid) -> np.ndarray:
    """Return where the bars begin to be counted at each position: at the time signature in force."""
    starts = np.array([one.beat for one in grid.signatures] or [0.0])
    return starts[np.maximum(np.searchsorted(starts, beats + 1e-6, side="right") - 1, 0)]


def _nearest_step(steps: np.ndarray, percent: float) -> np.ndarray:
    """Return the nearest place of a grid in pairs of steps, the second of which comes at `percent` of the pair."""
    pair = np.floor(steps / 2) * 2
    places = pair[..., None] + np.array([0.0, percent / 50, 2.0])
    nearest = np.abs(places - steps[..., None]).argmin(axis=-1)
    return np.take_along_axis(places, nearest[..., None], axis=-1)[..., 0]


def swing_of(steps: np.ndarray) -> float:
    """Return where in a pair of steps the strokes play the second one, in per cent; 50 is straight."""
    in_pair = steps % 2
    off = in_pair[(in_pair > 1 - NEAR_STEP) & (in_pair < 1.5 + NEAR_STEP / 4)]
    return float(np.clip(50 * np.median(off), *SWING_RANGE)) if len(off) >= FEWEST_OFF_STEPS else STRAIGHT


def quantized_words(config: MidiConfig) -> str:
    """Return how notes were moved, for people: "1/16, 60 %"."""
    swing = f", swing {config.swing}" if config.swing is not None else ""
    return f"{config.quantize}, {config.strength:g} %{swing}" if config.quantize else ""
