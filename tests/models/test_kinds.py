"""Boosted trees, networks and pools: as scikit-learn computes them, unchanged by a file, refused where crafted."""

import numpy as np
import pytest
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from drumhits.errors import InputError
from drumhits.io import plainpickle
from drumhits.models.blend import model_from_plain
from drumhits.models.forest import Boosted, Forest
from drumhits.models.perceptron import Perceptron
from drumhits.models.pool import Pool, log_odds

N_FEATURES = 4


def examples(seed, n=200):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, N_FEATURES)).astype(np.float32)
    return X, X[:, 0] * X[:, 1] + 0.3 * rng.normal(size=n) > 0


def fitted_boosted():
    return GradientBoostingClassifier(n_estimators=30, subsample=0.7, random_state=0).fit(*examples(1))


def fitted_network():
    network = MLPClassifier((8, 5), max_iter=2000, tol=1e-3, random_state=0)
    return make_pipeline(StandardScaler(), network).fit(*examples(1))


def pool():
    forest = Forest.from_sklearn(RandomForestClassifier(5, random_state=0).fit(*examples(1)))
    return Pool(N_FEATURES, (forest, Boosted.from_sklearn(fitted_boosted())), (0.5, 0.75), -0.25)


@pytest.mark.parametrize(
    ("fitted", "kind"), [(fitted_boosted, Boosted), (fitted_network, Perceptron)], ids=["boosted", "network"]
)
def test_probabilities_are_those_of_scikit_learn(fitted, kind):
    X, sklearn_model = examples(2)[0], fitted()
    model = kind.from_sklearn(sklearn_model)
    np.testing.assert_allclose(model.predict_proba(X), sklearn_model.predict_proba(X)[:, 1], atol=1e-5)


@pytest.mark.parametrize(
    "make",
    [lambda: Boosted.from_sklearn(fitted_boosted()), lambda: Perceptron.from_sklearn(fitted_network()), pool],
    ids=["boosted", "network", "pool"],
)
def test_a_file_changes_nothing_and_extremes_give_probabilities(make):
    model, X = make(), examples(3)[0]
    again = model_from_plain(plainpickle.loads(plainpickle.dumps(model.to_plain())), N_FEATURES)
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))
    huge = np.full((2, N_FEATURES), np.finfo(np.float32).max) * np.array([[1], [-1]])
    assert ((model.predict_proba(huge) >= 0) & (model.predict_proba(huge) <= 1)).all()


def test_a_pool_adds_log_odds():
    X, model = examples(2)[0], pool()
    odds = [log_odds(part.predict_proba(X)) for part in model.parts]
    np.testing.assert_allclose(log_odds(model.predict_proba(X)), 0.5 * odds[0] + 0.75 * odds[1] - 0.25, atol=1e-9)


def changed(plain, field, array):
    return plain | {field: plainpickle.packed(array)}


NETWORK = Perceptron.from_sklearn(fitted_network()).to_plain()
BOOSTED = Boosted.from_sklearn(fitted_boosted()).to_plain()
POOL = pool().to_plain()
CRAFTED = {
    "layers that do not fit the features": changed(NETWORK, "sizes", np.array([3, 8, 5, 1], "<i4")),
    "layers that do not fit the weights": changed(NETWORK, "sizes", np.array([4, 9, 5, 1], "<i4")),
    "huge layers": changed(NETWORK, "sizes", np.array([4, 2**30, 2**30, 1], "<i4")),
    "no layer": changed(NETWORK, "sizes", np.array([4], "<i4")),
    "a weight that is not finite": changed(NETWORK, "weights", np.full(4 * 8 + 8 * 5 + 5, np.nan)),
    "a scale of 0": changed(NETWORK, "scale", np.zeros(4)),
    "a leaf that is not finite": changed(BOOSTED, "value", np.full_like(BOOSTED["value"]["shape"][0] * [0.0], np.inf)),
    "two initial values": changed(BOOSTED, "initial", np.zeros(2)),
    "a pool without parts": POOL | {"parts": [], "weights": []},
    "a pool of too many": POOL | {"parts": POOL["parts"] * 5, "weights": POOL["weights"] * 5},
    "a weight too few": POOL | {"weights": [0.5]},
    "a weight below 0": POOL | {"weights": [0.5, -0.5]},
    "a pool in a pool": POOL | {"parts": [POOL, POOL]},
    "an intercept of text": POOL | {"intercept": "0"},
    "one part more": POOL | {"more": 1},
}


@pytest.mark.parametrize("plain", CRAFTED.values(), ids=CRAFTED)
def test_crafted_models_are_refused(plain):
    with pytest.raises(InputError, match="is damaged"):
        model_from_plain(plain, N_FEATURES)
