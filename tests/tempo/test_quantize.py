from dataclasses import replace

import numpy as np
import pytest

from drumhits.config.load import default_config
from drumhits.io.grid import even_grid
from drumhits.tempo.bars import constant_grid
from drumhits.tempo.quantize import quantized_times, quantized_words, swing_of

MIDI = replace(default_config().midi, quantize="1/16")


def test_full_strength_puts_notes_on_the_steps():
    times_s = np.arange(20) * 0.125 + np.random.default_rng(0).uniform(-0.05, 0.05, 20).clip(0 - 0.0)
    moved_s = quantized_times(np.maximum(times_s, 0), even_grid(120), MIDI)
    assert moved_s == pytest.approx(np.arange(20) * 0.125)


def test_strength_is_the_share_of_the_way():
    moved_s = quantized_times(np.array([0.135]), even_grid(120), replace(MIDI, strength=60.0))
    assert moved_s == pytest.approx([0.129])
    assert quantized_times(np.array([0.135]), even_grid(120), replace(MIDI, strength=0.0)) == pytest.approx([0.135])


def test_steps_are_counted_from_the_first_bar():
    grid = constant_grid(120, 0.51, (4, 4))
    assert quantized_times(np.array([0.52, 0.65]), grid, MIDI) == pytest.approx([0.51, 0.635], abs=2e-5)


@pytest.mark.parametrize("percent", [50, 58, 66.7])
def test_swing_is_found_and_kept(percent):
    steps = np.concatenate([[pair, pair + percent / 50] for pair in np.arange(0, 60, 2.0)])
    assert swing_of(steps) == pytest.approx(percent)
    times_s = steps * 0.125 + np.random.default_rng(1).normal(0, 0.004, len(steps)).clip(-0.01, 0.01)
    moved_s = quantized_times(np.maximum(times_s, 0), even_grid(120), replace(MIDI, swing="auto"))
    assert moved_s == pytest.approx(steps * 0.125, abs=0.003)
    given_s = quantized_times(np.maximum(times_s, 0), even_grid(120), replace(MIDI, swing=percent))
    assert given_s == pytest.approx(steps * 0.125)


def test_the_words_say_how():
    assert quantized_words(replace(MIDI, strength=60.0, swing="auto")) == "1/16, 60 %, swing auto"
    assert quantized_words(default_config().midi) == ""
