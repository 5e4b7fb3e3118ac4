"""Refinements: between their parts, unchanged by a round trip, and refused where they cannot be."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from drumhits.errors import InputError
from drumhits.io import plainpickle
from drumhits.models.base import Logistic
from drumhits.models.blend import Blend, Gated, log_opinion_pool, model_from_plain
from drumhits.models.forest import Forest
from drumhits.models.gate import Gate
from drumhits.models.partial import OfFirst, Within

N_FEATURES = 3
PROBABILITIES = st.floats(0, 1)


def make_examples(seed, n=120):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, N_FEATURES)).astype(np.float32)
    kept = X[:, 0] + 0.5 * rng.normal(size=n) > 0
    return X, kept


def blend():
    X, kept = make_examples(1)
    forest = RandomForestClassifier(5, max_depth=3, random_state=0).fit(X, kept)
    regression = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, kept)
    return Blend(N_FEATURES, Logistic.from_sklearn(regression), Forest.from_sklearn(forest), 0.25)


def refined(n):
    model = blend()
    for _ in range(n - 1):
        model = Blend(N_FEATURES, model, model.user, 0.25)
    return model


def through_file(model):
    return model_from_plain(plainpickle.loads(plainpickle.dumps(model.to_plain())), model.n_features)


def test_a_blend_survives_a_round_trip_bit_for_bit():
    X = make_examples(2)[0]
    model = blend()
    np.testing.assert_array_equal(through_file(model).predict_proba(X), model.predict_proba(X))


@given(PROBABILITIES, PROBABILITIES)
def test_the_ends_of_a_blend_are_its_parts(before, learned):
    known = [float(log_opinion_pool(np.array([before]), np.array([learned]), share)[0]) for share in (0.0, 1.0)]
    np.testing.assert_allclose(known, np.clip([before, learned], 0.001, 0.999), rtol=1e-9)


@given(PROBABILITIES, PROBABILITIES, st.floats(0, 1))
def test_a_blend_lies_between_its_parts(before, learned, share):
    found = log_opinion_pool(np.array([before]), np.array([learned]), share)[0]
    low, high = np.clip(sorted([before, learned]), 0.001, 0.999)
    assert low - 1e-12 <= found <= high + 1e-12


def gated():
    gate = Gate.of_arrays(N_FEATURES, column=[1], least=[1e-6], centre=[-0.5], slope=[4.0])
    return Gated(N_FEATURES, blend().prior, gate)


def test_a_gate_multiplies_and_survives_a_round_trip():
    X = np.abs(make_examples(2)[0])
    model = gated()
    np.testing.assert_array_equal(through_file(model).predict_proba(X), model.predict_proba(X))
    wanted = 1 / (1 + np.exp(-4 * (np.log10(np.maximum(X[:, 1].astype(float), 1e-6)) + 0.5)))
    np.testing.assert_allclose(model.predict_proba(X), model.prior.predict_proba(X) * wanted)
    assert model.user.value_at(0.5) == pytest.approx(10**-0.5)


NO_GATES = {
    "a feature out of range": {"column": np.array([3], "<i2")},
    "two centres": {"centre": np.zeros(2)},
    "a slope that is not finite": {"slope": np.array([np.inf])},
    "a negative least": {"least": np.array([-1.0])},
}


@pytest.mark.parametrize("changes", NO_GATES.values(), ids=NO_GATES)
def test_crafted_gates_are_refused(changes):
    plain = gated().to_plain()
    packed = {field: plainpickle.packed(array) for field, array in changes.items()}
    with pytest.raises(InputError, match="is damaged"):
        model_from_plain(plain | {"learned": plain["learned"] | packed}, N_FEATURES)


def test_a_gated_model_has_a_gate():
    plain = gated().to_plain() | {"learned": blend().user.to_plain()}
    with pytest.raises(InputError, match="without a gate"):
        model_from_plain(plain, N_FEATURES)


NO_BLENDS = {
    "share above 1": {"share": 1.5},
    "share not a number": {"share": float("nan")},
    "share text": {"share": "0.5"},
    "share a whole number": {"share": 1},
    "part missing": {"learned": None},
    "part of an unknown kind": {"before": {"kind": "oracle"}},
    "a refinement as what was learned": {"learned": blend().to_plain()},
    "too many refinements": {"before": refined(4).to_plain()},
    "extra part": {"more": 1},
}


@pytest.mark.parametrize("changes", NO_BLENDS.values(), ids=NO_BLENDS)
def test_crafted_blends_are_refused(changes):
    with pytest.raises(InputError, match="is damaged"):
        model_from_plain(blend().to_plain() | changes, N_FEATURES)


def within():
    return Within.about(blend(), {0: 0.5, 2: -1.0}, 0.7)


def test_a_model_about_a_part_leaves_the_rest_to_the_model_before_and_survives_a_round_trip():
    X, model = make_examples(2)[0], within()
    before, refined = model.inner.prior.predict_proba(X), model.inner.predict_proba(X)
    offered = ((X[:, 0] >= 0.5) & (X[:, 2] >= -1)) | (before >= 0.7)
    assert 0 < offered.sum() < len(X)
    np.testing.assert_array_equal(model.predict_proba(X), np.where(offered, refined, before))
    np.testing.assert_array_equal(through_file(model).predict_proba(X), model.predict_proba(X))
    on_top = Blend(N_FEATURES, model, blend().user, 0.5)
    assert (on_top.before, on_top.n_refinements) == (model, 2)
    np.testing.assert_array_equal(through_file(on_top).predict_proba(X), on_top.predict_proba(X))


def test_a_model_made_from_nothing_has_nothing_to_say_about_the_rest():
    X = make_examples(2)[0]
    model = Within.about(blend().user, {0: 0.5}, None)
    assert (model.predict_proba(X)[X[:, 0] < 0.5] == 0).all()


NOT_WITHIN = {
    "a feature out of range": {"columns": plainpickle.packed(np.array([0, 3], "<i2"))},
    "a limit too few": {"limits": plainpickle.packed(np.array([0.5]))},
    "a limit that is not finite": {"limits": plainpickle.packed(np.array([0.5, np.nan]))},
    "a confidence above 1": {"min_confidence": plainpickle.packed(np.array([1.5]))},
    "one inside another": {"inner": within().to_plain()},
    "an unknown kind inside": {"inner": {"kind": "oracle"}},
    "nothing inside": {"inner": None},
    "one part more": {"more": 1},
}


@pytest.mark.parametrize("changes", NOT_WITHIN.values(), ids=NOT_WITHIN)
def test_crafted_models_about_a_part_are_refused(changes):
    with pytest.raises(InputError, match="is damaged"):
        model_from_plain(within().to_plain() | changes, N_FEATURES)


def test_a_model_of_the_first_features_takes_those_alone_and_survives_a_round_trip():
    X = make_examples(2)[0]
    wide = np.concatenate((X, 100 * X), axis=1)
    model = OfFirst(2 * N_FEATURES, within())
    np.testing.assert_array_equal(model.predict_proba(wide), within().predict_proba(X))
    np.testing.assert_array_equal(through_file(model).predict_proba(wide), model.predict_proba(wide))
    assert model.n_refinements == 1


OF_FIRST = OfFirst(2 * N_FEATURES, blend()).to_plain()


@pytest.mark.parametrize(
    "changes", [{"n": 0}, {"n": 6}, {"n": True}, {"n": 2}, {"inner": OF_FIRST}, {"inner": None}, {"more": 1}]
)
def test_crafted_models_of_the_first_features_are_refused(changes):
    with pytest.raises(InputError, match="is damaged"):
        model_from_plain(OF_FIRST | changes, 2 * N_FEATURES)
