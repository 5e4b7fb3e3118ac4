"""Windows of strokes against bars of every tempo."""

import numpy as np
import pytest

from drumhits.tempo.follow import BEATS, PLACES, TEMPOS_BPM, WINDOW_S, _scores
from drumhits.tempo.strokes import VOICES, Strokes
from drumhits.tempo.table import shipped_table


@pytest.mark.parametrize(("tempo", "place"), [(0, 0), (30, 17), (72, 47)])
def test_a_score_is_the_log_likelihood_of_the_strokes_around_a_window_by_the_best_way_of_playing(tempo, place):
    rng = np.random.default_rng(0)
    strokes = Strokes(np.sort(rng.uniform(0, 9, 60)), rng.integers(len(VOICES), size=60))
    bars_s = 60 * BEATS / TEMPOS_BPM
    scores = _scores(strokes, np.array([4.0]), bars_s, shipped_table())
    density = np.exp(shipped_table().bars)
    density = np.log((density[..., 0::2] + density[..., 1::2]) / 2)
    from_centre_s = strokes.times_s - 4.0
    is_near = np.abs(from_centre_s) < WINDOW_S / 2
    at = (np.rint(from_centre_s / bars_s[tempo] * PLACES).astype(int) + place) % PLACES
    weights = (0.5 + 0.5 * np.cos(2 * np.pi * from_centre_s / WINDOW_S)) * is_near
    expected = max(weights @ way[strokes.voices, at] for way in density)
    assert scores[0, tempo, place] == pytest.approx(expected, rel=1e-4)
