"""Every algorithm learns what is there to learn, gives the same for the same seed, and says what it rests on."""

import numpy as np
import pytest

from drumhits.io.plainpickle import dumps
from drumhits.learning.algorithms import AUTO, ENSEMBLE, FOREST, LOGISTIC, NETWORK, NETWORK_EXAMPLES, fits

SINGLE = (FOREST, LOGISTIC, ENSEMBLE, NETWORK)


def examples(seed=0, n=240):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 5)).astype(np.float32)
    return X, X[:, 1] + 0.3 * rng.normal(size=n) > 0, np.ones(n)


@pytest.mark.parametrize("algorithm", SINGLE)
def test_an_algorithm_learns_and_repeats_itself(algorithm):
    fit = fits(algorithm, 240, 20, 0)[algorithm]
    model, shares = fit(*examples())
    X, y, _ = examples(1)
    assert np.mean((model.predict_proba(X) >= 0.5) == y) > 0.85
    assert shares.shape == (5,)
    assert shares.sum() == pytest.approx(1)
    assert shares.argmax() == 1
    again, _ = fit(*examples())
    assert dumps(again.to_plain()) == dumps(model.to_plain())


@pytest.mark.parametrize("algorithm", SINGLE)
def test_examples_of_more_weight_count_more(algorithm):
    X, y, _ = examples()
    contradicts = np.arange(len(y)) % 2 == 0
    model, _ = fits(algorithm, 240, 20, 0)[algorithm](X, y ^ contradicts, np.where(contradicts, 0.1, 3.0))
    assert np.mean((model.predict_proba(X) >= 0.5) == y) > 0.6


def test_auto_tries_a_network_where_there_are_many_decisions():
    assert set(fits(AUTO, NETWORK_EXAMPLES - 1, 20, 0)) == {FOREST, LOGISTIC, ENSEMBLE}
    assert set(fits(AUTO, NETWORK_EXAMPLES, 20, 0)) == {FOREST, LOGISTIC, ENSEMBLE, NETWORK}


def test_an_ensemble_trusts_the_part_that_predicts_best():
    model, _ = fits(ENSEMBLE, 240, 20, 0)[ENSEMBLE](*examples())
    forest, boosted, logistic = model.weights
    assert logistic > max(forest, boosted)
