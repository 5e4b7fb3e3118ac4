"""Training of the network of beats: what it is trained on, and that what it exports computes the same."""

import numpy as np
import pytest

from drumhits.tempo.activation import beat_log_odds, layer_shapes
from drumhits.tempo.strokes import CLOSED, KICK, SNARE, VOICES, Strokes

torch = pytest.importorskip("torch", reason="only the tools that train networks need it")


@pytest.fixture(scope="module")
def song():
    from performances import Performance

    beats = np.arange(160)
    voices = np.where(beats % 2 == 0, CLOSED, np.where(beats % 8 == 1, KICK, SNARE))
    return Performance("one", "rock_120", 120.0, (4, 4), Strokes(beats * 0.25, voices))


@pytest.mark.parametrize("seed", range(5))
def test_a_part_has_a_beat_at_every_beat_and_a_downbeat_at_every_fourth(song, seed, monkeypatch):
    from train import PART_S, part_of

    monkeypatch.setattr("train.curve", lambda n_pieces, beat_s, rng: np.ones(n_pieces))
    frames, wanted, counts = part_of(song, np.random.default_rng(seed))
    assert frames.shape == (len(VOICES), int(PART_S * 50))
    beats, downbeats = (np.flatnonzero(row == 1) for row in wanted)
    np.testing.assert_allclose(np.diff(beats), 25, atol=1)
    np.testing.assert_allclose(np.diff(downbeats), 100, atol=1)
    assert set(downbeats) <= set(beats)
    assert counts[:, frames.sum(axis=0) > 0].all()


@pytest.mark.parametrize("seed", range(20))
def test_curves_are_lengths_within_limits(seed):
    from train import FASTEST, SLOWEST, curve

    lengths = curve(300, 0.5, np.random.default_rng(seed))
    assert lengths.shape == (300,)
    assert ((lengths >= FASTEST) & (lengths <= SLOWEST)).all()


def test_what_is_exported_computes_the_same_and_is_the_same_again(song):
    from train import train

    networks = [train([song], steps=2) for _ in range(2)]
    exported = [network.exported() for network in networks]
    assert {name: array.shape for name, array in exported[0].items()} == layer_shapes()
    for name in layer_shapes():
        np.testing.assert_array_equal(exported[0][name], exported[1][name])
    frames = np.random.default_rng(0).random((300, len(VOICES))).astype(np.float32)
    with torch.inference_mode():
        expected = networks[0](torch.from_numpy(frames.T[None]))[0].numpy().T
    weights = {name: array.astype(np.float32) for name, array in exported[0].items()}
    np.testing.assert_allclose(beat_log_odds(frames, weights), expected, atol=5e-3)
