"""A training song that is short enough for a test."""

import pytest
import training_songs
from kits import synthetic_kit
from training_songs import Hit, make_song

SHORT_S = 6.0
BAR = ("kick", "closed", "snare", "open", "tom_low", "pedal", "crash", "ride")  # a stroke every quarter of a second


def short_song(number=3):
    """Return a song, shorter than those that are trained on, of a bar that repeats, with every stem in it."""
    groove = [Hit(i / 4, BAR[i % len(BAR)], 90) for i in range(120)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training_songs, "SONG_S", SHORT_S)
        return make_song(number, [groove], [synthetic_kit(0), synthetic_kit(1)])
