"""The table of the tempo tracker: which of its arrays are fitted to which songs."""

import numpy as np
import pytest
from fit import fit
from styles import _song, read_styles


@pytest.fixture(scope="module")
def songs():
    rng = np.random.default_rng(0)
    return [_song(style, rng) for style in read_styles()[:7]]


def test_songs_that_are_only_ranked_change_the_weights_and_no_bars(songs):
    alone, with_others = fit(songs[:5]), fit(songs[:5], songs[5:])
    np.testing.assert_array_equal(with_others.bars, alone.bars)
    np.testing.assert_array_equal(with_others.downbeat, alone.downbeat)
    assert not np.allclose(with_others.weights, alone.weights)
    assert not np.allclose(with_others.followed, alone.followed)
