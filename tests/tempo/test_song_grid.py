"""What is said of a tempo that was found: half and twice of it, where they are likely too."""

import numpy as np
import pytest

from drumhits.tempo.find import Beats
from drumhits.transcription.song_grid import FAST_BPM, _rival


@pytest.mark.parametrize(
    ("bpm", "confidence", "rival_bpm", "words"),
    [
        (120, 0.7, 60, "Song1: 120.0 BPM could as well be half of it, 60.0 (sure to 70 %); --tempo 60.0 writes that."),
        (90, 0.7, 181, "Song1: 90.0 BPM could as well be twice that, 181.0 (sure to 70 %); --tempo 181.0 writes that."),
        (120, 0.8, 60, ""),
        (120, 0.7, 90, ""),
        (FAST_BPM - 1, 0.95, 82, ""),
        (180, 0.9, 240, "Song1: 180.0 BPM could as well be half of it, 90.0 (sure to 90 %); --tempo 90.0 writes that."),
    ],
)
def test_half_and_twice_the_tempo_are_named_where_they_are_likely(bpm, confidence, rival_bpm, words):
    beats = Beats(np.arange(0, 60, 60 / bpm), 4, True, confidence, rival_bpm, 4, 0.95, 0.4)
    assert _rival(beats, "Song1", 1.0) == words


def test_the_tempo_of_dotted_quarters_is_said_in_quarters():
    beats = Beats(np.arange(0.0, 60.0), 2, True, 0.7, 30.0, 6, 0.95, 0.4)
    assert "90.0 BPM could as well be half of it, 45.0" in _rival(beats, "Song1", 1.5)
