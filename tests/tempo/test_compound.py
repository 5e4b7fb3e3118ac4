from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from drumhits.config.load import default_config
from drumhits.tempo.find import find_beats
from drumhits.tempo.strokes import CLOSED, CRASH, KICK, RIDE, SNARE, Part, Strokes
from drumhits.transcription.song_grid import found_grid

IN_EIGHTHS = tuple((step, CLOSED) for step in range(6))
SLOW_BALLAD = ((0, KICK), (3, SNARE), (5, KICK), *IN_EIGHTHS)
SHUFFLE = ((0, KICK), (3, SNARE), (0, CLOSED), (2, CLOSED), (3, CLOSED), (5, CLOSED))
WALTZ = ((0, KICK), (2, SNARE), (4, SNARE), *((step, RIDE) for step in range(6)))
NAMES = {KICK: "kick", SNARE: "head", CLOSED: "closed", CRASH: "crash"}


def groove(bar, bpm, n_bars=24, start_s=0.6, at=lambda beats: beats):
    """Strokes on the eighths of bars of two dotted quarters, `bpm` of them a minute; `at` bends the beats."""
    rng = np.random.default_rng(3)
    placed = [(2 * number + step / 3, voice) for number in range(n_bars) for step, voice in bar]
    placed += [(2 * number, CRASH) for number in range(0, n_bars, 8)]
    times_s = start_s + at(np.array([beat for beat, _ in placed])) * 60 / bpm + rng.normal(0, 0.004, len(placed))
    in_time = np.argsort(times_s)
    return Strokes(times_s[in_time], np.array([voice for _, voice in placed])[in_time])


@pytest.mark.parametrize("bpm", [40, 56.5, 78])
@pytest.mark.parametrize("start_s", [0.1, 2.3])
def test_a_ballad_in_6_8_is_told_with_its_tempo_and_downbeat(bpm, start_s):
    found = find_beats(groove(SLOW_BALLAD, bpm, start_s=start_s))
    assert found.is_sure
    assert found.is_compound
    assert found.is_constant
    assert found.bpm == pytest.approx(bpm, rel=2e-4)
    assert found.times_s[0] == pytest.approx(start_s, abs=0.01)
    assert found.on_grid > 0.99


def test_bars_in_6_8_are_followed_where_the_tempo_changes():
    found = find_beats(groove(SLOW_BALLAD, 66, 32, at=lambda beats: beats * (1 + 0.003 * beats)))
    assert found.is_compound
    assert not found.is_constant


@pytest.mark.parametrize(("bar", "bpm"), [
    (SHUFFLE, 72),
    (WALTZ, 60),
    (SLOW_BALLAD, 110),  # as fast, it is written as triplets in 4/4
], ids=["shuffle", "waltz", "fast triplets"])  # fmt: skip
def test_what_could_be_otherwise_is_not_told_as_6_8(bar, bpm):
    assert not find_beats(groove(bar, bpm)).is_compound


def test_fast_bars_are_found_where_6_8_is_known():
    found = find_beats(groove(SLOW_BALLAD, 110), beats_in_bar=2)
    assert found.is_compound
    assert found.bpm == pytest.approx(110, rel=2e-4)


def stems(strokes):
    """Return conversions of the strokes of each voice."""
    parts = []
    for voice, name in NAMES.items():
        times_s = strokes.times_s[strokes.voices == voice]
        parts.append(Part(times_s, np.full(len(times_s), 90), np.full(len(times_s), name, dtype=object)))
    return [SimpleNamespace(part=part) for part in parts]


@pytest.mark.parametrize("time_signature", ["auto", "6/8"])
def test_the_tempo_that_is_written_and_said_is_that_of_quarters(time_signature):
    config = replace(default_config().midi, tempo="auto", time_signature=time_signature)
    found = found_grid(stems(groove(SLOW_BALLAD, 60, start_s=0.5)), config, "Song1")
    assert found.message.startswith("Song1: 90.0 BPM (60.0 beats a minute) constant, 6/8, first bar at 0.50 s;")
    assert found.message.endswith("% of the hits within 30 ms of a 16th.")
    assert found.grid.signatures[-1][1:] == (6, 8)
    assert found.grid.tempo.us_per_beat[-1] == pytest.approx(60e6 / 90, rel=1e-3)
    lines_s = found.grid.tempo.seconds(found.grid.bar_lines(10.0))
    assert np.diff(lines_s[1:]) == pytest.approx(2.0, abs=0.002)
    assert np.abs(lines_s - 0.5).min() < 0.01
