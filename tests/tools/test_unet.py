"""The separator of training songs: masks of a mix, that share it."""

import numpy as np
import pytest
from separation import SAMPLE_RATE, STEMS

torch = pytest.importorskip("torch", reason="only the tools that train the bundled networks need it")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    from unet import train_unet

    rng = np.random.default_rng(0)
    low = np.sin(2 * np.pi * 60 * np.arange(4 * SAMPLE_RATE) / SAMPLE_RATE)
    song = np.zeros((len(STEMS), len(low)), dtype=np.float32)
    song[STEMS.index("kick")], song[STEMS.index("hihat")] = 0.1 * low, 0.01 * np.diff(rng.normal(size=len(low) + 1))
    folder = tmp_path_factory.mktemp("unet")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("unet.CLIPS_AT_ONCE", 1)
        train_unet([song], 30, folder)
    return folder


def test_a_separator_is_trained_once_its_last_state_is_there(folder, tmp_path):
    from unet import is_trained

    assert is_trained(folder)
    assert not is_trained(tmp_path)


@pytest.mark.parametrize("seed", range(4))
def test_parts_are_as_long_as_the_mix_and_hold_no_more_than_it(folder, seed):
    from unet import split_by_unet

    stems = np.random.default_rng(seed).normal(0, 0.1, (len(STEMS), 3 * SAMPLE_RATE)).astype(np.float32)
    parts, again = (split_by_unet(stems, np.random.default_rng(seed), folder) for _ in range(2))
    assert parts.shape == stems.shape
    np.testing.assert_array_equal(parts, again)
    mix, whole = stems.sum(axis=0), parts.sum(axis=0)
    assert np.isfinite(parts).all()
    assert np.square(whole).sum() <= 1.01 * np.square(mix).sum()
    assert (whole * mix).sum() > 0.2 * np.square(mix).sum()
