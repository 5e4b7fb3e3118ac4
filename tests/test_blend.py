"""Boosted trees and blends: equal to scikit-learn, unchanged by a round trip, and refused where they cannot be."""

import numpy as np
import pytest
from boosting import boosted_of
from hypothesis import given
from hypothesis import strategies as st
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier

from drumhits import safepickle
from drumhits.blend import Blend, model_from_plain, pooled
from drumhits.errors import InputError
from drumhits.forest import VALUE_LIMIT, Forest

N_FEATURES = 3
PROBABILITIES = st.floats(0, 1)


def make_examples(seed, n=120):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, N_FEATURES)).astype(np.float32)
    kept = X[:, 0] + 0.5 * rng.normal(size=n) > 0
    return X, kept


def boosted(seed=0, **options):
    X, kept = make_examples(seed)
    options = {"max_iter": 15, "min_samples_leaf": 5, "early_stopping": False, "random_state": seed} | options
    return HistGradientBoostingClassifier(**options).fit(X, kept)


def blend():
    X, kept = make_examples(1)
    forest = RandomForestClassifier(5, max_depth=3, random_state=0).fit(X, kept)
    return Blend(N_FEATURES, boosted_of(boosted()), Forest.from_sklearn(forest), 0.25)


def through_file(model):
    return model_from_plain(safepickle.loads(safepickle.dumps(model.to_plain())), model.n_features)


@pytest.mark.parametrize("seed", range(20))
def test_boosted_trees_equal_scikit_learn(seed):
    rng = np.random.default_rng(seed)
    fitted = boosted(
        seed,
        max_iter=int(rng.choice([1, 7, 60])),
        learning_rate=float(rng.choice([0.03, 0.5])),
        max_depth=rng.choice([None, 1, 4]),
        max_leaf_nodes=rng.choice([None, 6]),
        l2_regularization=float(rng.choice([0.0, 5.0])),
    )
    X = make_examples(seed + 100, 300)[0]
    expected = fitted.predict_proba(X)[:, 1]
    np.testing.assert_allclose(through_file(boosted_of(fitted)).predict(X), expected, rtol=0, atol=1e-14)


def test_a_blend_survives_a_round_trip_bit_for_bit():
    X = make_examples(2)[0]
    model = blend()
    np.testing.assert_array_equal(through_file(model).predict(X), model.predict(X))


@given(PROBABILITIES, PROBABILITIES)
def test_the_ends_of_a_blend_are_its_parts(before, learned):
    known = [float(pooled(np.array([before]), np.array([learned]), share)[0]) for share in (0.0, 1.0)]
    np.testing.assert_allclose(known, np.clip([before, learned], 0.001, 0.999), rtol=1e-9)


@given(PROBABILITIES, PROBABILITIES, st.floats(0, 1))
def test_a_blend_lies_between_its_parts(before, learned, share):
    found = pooled(np.array([before]), np.array([learned]), share)[0]
    low, high = np.clip(sorted([before, learned]), 0.001, 0.999)
    assert low - 1e-12 <= found <= high + 1e-12


NO_BLENDS = {
    "share above 1": {"share": 1.5},
    "share not a number": {"share": float("nan")},
    "share text": {"share": "0.5"},
    "share a whole number": {"share": 1},
    "part missing": {"learned": None},
    "part of an unknown kind": {"before": {"kind": "oracle"}},
    "blend in a blend": {"before": blend().to_plain()},
    "extra part": {"more": 1},
}


@pytest.mark.parametrize("changes", NO_BLENDS.values(), ids=NO_BLENDS)
def test_crafted_blends_are_refused(changes):
    with pytest.raises(InputError, match="is damaged"):
        model_from_plain(blend().to_plain() | changes, N_FEATURES)


@pytest.mark.parametrize("value", [np.nan, np.inf, 2 * VALUE_LIMIT])
@pytest.mark.parametrize("field", ["value", "start"])
def test_boosted_values_that_could_overflow_are_refused(field, value):
    plain = boosted_of(boosted()).to_plain()
    n = plain[field]["shape"][0]
    plain[field]["data"] = np.full(n, value).tobytes()
    with pytest.raises(InputError, match=f"{field} is not finite or too large"):
        model_from_plain(plain, N_FEATURES)
