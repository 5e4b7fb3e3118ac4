"""Refinement of a starting model: what is surely better on held-out songs is taken, else the start stays as it is."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drumhits.learning import algorithms
from drumhits.learning.dataset import Dataset
from drumhits.learning.refinement import best_way, refine, song_weights
from drumhits.learning.tastes import TASTES, fit_gate, taste_in_words
from drumhits.models.base import Logistic
from drumhits.models.blend import Blend, Gated

FEATURES = ("Str", "Amp", "SustainMs", "Heard")
AMP, HEARD = 1, 3
N_FEATURES = len(FEATURES)


def start_model():
    """Return a model that takes the last feature for the log odds."""
    coef = np.eye(N_FEATURES)[HEARD]
    return Logistic.of_arrays(
        N_FEATURES, mean=np.zeros(N_FEATURES), scale=np.ones(N_FEATURES), coef=coef, intercept=[0.0]
    )


def songs(n_songs=6, n=60, softest_wanted=0.0, seed=0):
    """Return candidates of which the start knows whether they are hits; the user wants those from an amplitude on."""
    rng = np.random.default_rng(seed)
    n_all = n_songs * n
    is_hit = rng.random(n_all) < 0.6
    amp = rng.uniform(0.01, 1.0, n_all)
    X = np.stack(
        [rng.random(n_all), amp, rng.uniform(10, 200, n_all), np.where(is_hit, 3, -3) + rng.normal(size=n_all)], axis=1
    )
    wanted = is_hit & (amp >= softest_wanted)
    return Dataset(X.astype(np.float32), wanted, np.repeat(np.arange(n_songs), n), FEATURES)


def fits():
    return algorithms.fits("forest", 100, 20, 0)


def f1(keep, wanted):
    return 2 * np.count_nonzero(keep & wanted) / (np.count_nonzero(keep) + np.count_nonzero(wanted))


def test_a_start_that_decides_rightly_stays():
    start = start_model()
    found = refine(songs(), start, 0.4, fits())
    assert (found.classifier, found.way, found.mended, found.spoiled) == (start, None, 0, 0)
    np.testing.assert_array_equal(found.probability, start.predict_proba(songs().X))


@pytest.mark.parametrize("n_songs", [1, 2, 6])
def test_a_taste_for_loud_hits_becomes_a_gate_that_holds_on_other_songs(n_songs):
    found = refine(songs(n_songs, 120, softest_wanted=0.3), start_model(), 0.4, fits())
    assert isinstance(found.classifier, Gated)
    assert found.way.user == "Amp"
    assert found.mended > 5 * max(found.spoiled, 1)
    other = songs(4, softest_wanted=0.3, seed=9)
    before, after = (f1(model.predict_proba(other.X) >= 0.4, other.y) for model in (start_model(), found.classifier))
    assert after > 0.95 > before
    words = taste_in_words(found.classifier.user, "Amp", other.X[other.y, AMP], 0.4)
    percent = int(words.removeprefix("hits softer than ").split(" ")[0].rstrip("%"))
    assert percent == pytest.approx(100 * 0.3 / np.percentile(other.X[other.y, AMP], 95), abs=5)


def test_what_one_song_less_would_not_show_has_no_score_of_its_own():
    dataset = songs(4, 20, softest_wanted=0.2)
    found = refine(dataset, start_model(), 0.4, fits())
    assert (found.way.user, found.mended, found.spoiled, found.is_scored) == ("Amp", 8, 0, False)
    np.testing.assert_array_equal(found.probability, start_model().predict_proba(dataset.X))
    assert refine(songs(8, 20, softest_wanted=0.2), start_model(), 0.4, fits()).is_scored


def test_what_one_song_of_many_shows_is_not_taken():
    dataset = songs(6)
    odd = (dataset.groups == 0) & (dataset.X[:, AMP] < 0.5)
    edited = Dataset(dataset.X, dataset.y & ~odd, dataset.groups, FEATURES)
    assert refine(edited, start_model(), 0.4, fits()).way is None


def test_what_was_never_offered_speaks_for_nothing():
    dataset = songs(6, softest_wanted=0.3)
    none = Dataset(dataset.X, dataset.y, dataset.groups, FEATURES, np.zeros(len(dataset.y), bool))
    assert refine(none, start_model(), 0.4, fits()).way is None


def test_a_start_that_errs_on_what_features_tell_is_blended():
    dataset = songs(8)
    wanted = (dataset.X[:, AMP] > 0.5) ^ (dataset.X[:, 2] > 100)
    found = refine(Dataset(dataset.X, wanted, dataset.groups, FEATURES), start_model(), 0.4, fits())
    assert isinstance(found.classifier, Blend)
    other = songs(4, seed=5)
    wanted = (other.X[:, AMP] > 0.5) ^ (other.X[:, 2] > 100)
    assert f1(found.classifier.predict_proba(other.X) >= 0.4, wanted) > 0.8


@given(st.lists(st.integers(1, 40), min_size=1, max_size=8))
def test_each_song_weighs_the_same(sizes):
    groups = np.repeat(np.arange(len(sizes)), sizes)
    weights = song_weights(groups)
    totals = [weights[groups == song].sum() for song in range(len(sizes))]
    np.testing.assert_allclose(totals, len(groups) / len(sizes))
    assert weights.mean() == pytest.approx(1)


@given(st.lists(st.lists(st.sampled_from([-1, 0, 1]), min_size=24, max_size=24), min_size=1, max_size=4))
def test_no_way_is_taken_that_spoils_as_much_as_it_mends(rows):
    gains = np.array(rows)
    gains = np.concatenate((gains, -gains))
    best = best_way(gains, np.repeat(np.arange(6), 4))
    assert best is None or gains[best].sum() > 0


def test_of_ways_that_are_as_good_the_first_is_taken():
    gains = np.zeros((3, 60), int)
    gains[0, :50], gains[1, :55], gains[2, :10] = 1, 1, 1
    gains, units = gains[:, np.random.default_rng(0).permutation(60)], np.repeat(np.arange(6), 10)
    assert best_way(gains, units) == 0
    assert best_way(gains[[2, 1, 0]], units) == 1


@pytest.mark.parametrize(("better_by", "taken"), [((5, 2, 6, 1, 2, 5), 1), ((14, -6, 15, -6, 14, -6), 0)])
def test_a_later_way_is_taken_where_it_is_better_in_all_songs_and_not_in_some_alone(better_by, taken):
    gains = np.zeros((2, 240), int).reshape(2, 6, 40)
    for song, more in enumerate(better_by):
        gains[0, song, :12] = 1
        gains[1, song, : 12 + more] = 1
    assert best_way(gains.reshape(2, 240), np.repeat(np.arange(6), 40)) == taken


@pytest.mark.parametrize("taste", TASTES, ids=lambda taste: taste.feature)
@pytest.mark.parametrize("sign", [1, -1])
def test_a_gate_finds_where_a_taste_begins(taste, sign):
    rng = np.random.default_rng(1)
    values = rng.uniform(0.05, 1, 400) if taste.least else rng.normal(size=400)
    limit = np.median(values)
    wanted = sign * (values - limit) > 0
    gate = fit_gate(values[:, None], 0, np.full(400, 0.95), wanted, np.ones(400), least=min(taste.least, 0.01))
    assert np.mean((0.95 * gate.predict_proba(values[:, None]) >= 0.4) == wanted) > 0.95
    assert gate.value_at(0.5) == pytest.approx(limit, abs=0.15)
    side = taste.low if sign > 0 else taste.high
    assert taste_in_words(gate, taste.feature, values[wanted], 0.4).startswith(f"hits {side} ")
