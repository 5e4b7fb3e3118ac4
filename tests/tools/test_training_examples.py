"""Labelled candidates for the networks: one for each stroke that was played, heard with and without siblings."""

from dataclasses import replace

import numpy as np
import pytest
from short_songs import short_song
from training_examples import _heard_beside, examples_of

from drumhits.drums import ARTICULATIONS, STEMS
from drumhits.io.plainpickle import loads
from drumhits.learning.validation import USUAL
from drumhits.models.modelfile import load_model
from drumhits.networks.inputs import LOWEST, N_INPUTS, N_INPUTS_IN_MIX
from drumhits.networks.network import ensemble_log_odds


@pytest.fixture
def torch():
    return pytest.importorskip("torch", reason="only the tools that train the bundled networks need it")


@pytest.fixture(scope="module")
def examples():
    return examples_of(short_song(), 0)


def test_most_strokes_are_labelled_once(examples):
    for stem in STEMS:
        for one in (examples[stem], examples[f"mix-{stem}"]):
            assert 0.6 * one.n_played <= one.kept.sum() <= one.n_played
        assert examples[stem].x.shape == (len(examples[stem].kept), N_INPUTS)
        assert examples[f"mix-{stem}"].x.shape[1] == N_INPUTS_IN_MIX


@pytest.mark.usefixtures("torch")
@pytest.mark.parametrize("stem", STEMS)
def test_leaving_out_siblings_gives_what_is_heard_without_them(monkeypatch, stem):
    from train_networks import without_siblings

    song = short_song()
    beside_all = examples_of(song, 0)[stem]
    monkeypatch.setattr("training_examples._heard_beside", lambda stem, rng: [stem])
    embeddings = examples_of(song, 0)[stem]
    left_out = without_siblings(beside_all.x.astype(np.float32), stem, beside_all.below_db)
    was_cut = beside_all.x == LOWEST  # levels too low to come back
    np.testing.assert_allclose(np.where(was_cut, embeddings.x, left_out), embeddings.x, atol=0.02)
    assert (beside_all.x != embeddings.x).any()


def test_some_stems_are_heard_beside_some_of_their_siblings_only():
    rng = np.random.default_rng(0)
    heard = [_heard_beside("toms", rng) for _ in range(300)]
    assert all("toms" in names for names in heard)
    assert 0.4 < np.mean([names == list(STEMS) for names in heard]) < 0.9
    assert min(map(len, heard)) <= 2


def test_what_is_trained_is_what_is_followed_in_numpy(examples, torch):
    from train_networks import train_first_stage

    songs = [examples["kick"]] * 24
    trained = train_first_stage(songs, "kick", epochs=2)
    exported = trained.exported()
    one = songs[0]
    x = torch.from_numpy(one.x.astype(np.float32))[None]
    times_s, is_there = torch.from_numpy(one.times_s.astype(np.float32))[None], torch.ones(1, len(one.kept), dtype=bool)
    with torch.no_grad():
        expected = trained(x, times_s, is_there)[0].numpy()
    contextual = exported.contextualise(exported.encode(one.x.astype(np.float32)), one.times_s)
    np.testing.assert_allclose(exported.first_stage(contextual), expected, atol=0.03)
    again = train_first_stage(songs, "kick", epochs=2).exported()
    np.testing.assert_array_equal(again.weights["first"], exported.weights["first"])


@pytest.mark.usefixtures("torch")
def test_a_second_look_corrects_the_first_and_learns_the_articulations(examples):
    from train_networks import train_first_stage, with_rescoring

    songs = [examples["hihat"]] * 24
    mean_first_stage = [train_first_stage(songs, "hihat", epochs=1, seed=seed).exported() for seed in range(2)]
    wrong = [replace(one, kept=~one.kept) for one in songs]
    networks = with_rescoring(mean_first_stage, 20 * wrong, "hihat")
    for before, after in zip(mean_first_stage, networks, strict=True):
        assert all(after.weights[name] is weights for name, weights in before.weights.items())
    one = wrong[0]
    x = one.x.astype(np.float32)
    embeddings = [network.encode(x) for network in networks]
    assert np.mean((ensemble_log_odds(networks, embeddings, one.times_s) > 0) == one.kept) > 0.8
    told = one.articulation >= 0
    scores = networks[0].articulations(x, embeddings[0])
    assert np.mean(scores[told].argmax(axis=1) == one.articulation[told]) > 0.8


@pytest.mark.usefixtures("torch")
def test_a_network_trained_further_starts_where_it_was_and_is_averaged_with_it(examples):
    from train_networks import FirstLook, averaged, train_first_stage

    songs = [examples["snare"]] * 24
    before = train_first_stage(songs, "snare", epochs=1).exported()
    for name, weights in FirstLook.of(before).exported().weights.items():
        np.testing.assert_array_equal(weights, before.weights[name])
    further = train_first_stage([replace(one, kept=~one.kept) for one in songs], "snare", epochs=1, start=before)
    after = further.exported()
    np.testing.assert_array_equal(after.mean, before.mean)
    middle = averaged(before, after).weights["alone1"]
    np.testing.assert_allclose(middle, (before.weights["alone1"] + after.weights["alone1"]) / 2, atol=1e-3)
    assert (middle != before.weights["alone1"]).any()


def test_what_the_separation_left_out_was_played_in_the_mix_alone():
    song = replace(short_song(), left_out=("toms",))
    examples = examples_of(song, 0)
    assert not examples["toms"].kept.any()
    assert examples["toms"].n_played == 0
    assert examples["mix-toms"].n_played == len(song.hits["toms"]) > 0


def test_articulations_are_those_that_were_played(examples):
    for stem in STEMS:
        for one in (examples[stem], examples[f"mix-{stem}"]):
            has_choice = len(ARTICULATIONS[stem]) > 0
            np.testing.assert_array_equal(one.articulation >= 0, one.kept & has_choice)
            assert one.articulation.max(initial=-1) < max(len(ARTICULATIONS[stem]), 1)


@pytest.mark.usefixtures("torch")
def test_a_build_writes_networks_and_a_model_that_takes_their_word(examples, tmp_path, monkeypatch):
    import build_pretrained
    import train_networks

    monkeypatch.setattr(train_networks, "EPOCHS", 1)
    monkeypatch.setattr(build_pretrained, "read_example", lambda path, name: examples[name])
    monkeypatch.setattr(build_pretrained, "networks_path", lambda stem, in_mix: tmp_path / "networks" / f"{stem}.pkl")
    monkeypatch.setattr(build_pretrained, "pretrained_path", lambda stem, in_mix: tmp_path / f"{stem}.pkl")
    songs = build_pretrained.Songs(*(
        [tmp_path / f"song{i}.npz" for i in numbers]
        for numbers in (range(40), range(100, 132), range(400, 402), range(500, 501))
    ))  # fmt: skip
    row = build_pretrained.build("mix-kick", songs)
    assert row.startswith("mix-kick: ")
    plain = loads((tmp_path / "networks" / "kick.pkl").read_bytes(), "networks")
    assert len(plain["networks"]) == build_pretrained.N_NETWORKS_IN_MIX
    model = load_model(tmp_path / "kick.pkl")
    assert (model.stem, model.features, len(model.training["songs"])) == ("kick", ("HeardInMix",), 72)
    limit = np.log(USUAL / (1 - USUAL))
    np.testing.assert_allclose(model.classifier.predict_proba([[limit], [limit + 2]]), [0.5, 1 / (1 + np.exp(-2))])
    assert model.min_confidence == 0.5
