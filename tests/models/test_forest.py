"""Models as arrays: equal to scikit-learn, unchanged by a round trip, and refused where they cannot be a model."""

import copy
import pickle
import random
import subprocess
import sys

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from drumhits.errors import InputError, NotEnoughDataError
from drumhits.io import plainpickle
from drumhits.models import forest as trees_module
from drumhits.models.base import Logistic
from drumhits.models.blend import model_from_plain
from drumhits.models.forest import MAX_DEPTH, MAX_TREES, Forest

N_FEATURES = 4


def make_examples(rng, n_rows, n_features, scale=1.0, step=0.0):
    """Return features of a `scale`, rounded to multiples of `step`, and two noisy classes."""
    features = rng.normal(size=(n_rows, n_features))
    if step:
        features = np.round(features / step) * step
    kept = features[:, 0] + rng.normal(size=n_rows) > 0
    kept[:2] = False, True
    return features * scale, kept


def through_file(model):
    plain = plainpickle.loads(plainpickle.dumps(model.to_plain()))
    return model_from_plain(plain, model.n_features)


def random_forest_options(rng):
    return {
        "n_estimators": int(rng.choice([1, 2, 5, 17, 40, 100], p=[0.2, 0.2, 0.2, 0.2, 0.15, 0.05])),
        "max_depth": rng.choice([None, 1, 2, 5, 12, 20]),
        "min_samples_leaf": int(rng.choice([1, 1, 2, 7])),
        "class_weight": rng.choice([None, "balanced", "balanced_subsample", {False: 0.3, True: 1.7}]),
        "criterion": rng.choice(["gini", "entropy"]),
        "max_features": rng.choice(["sqrt", None, 1]),
        "max_leaf_nodes": rng.choice([None, None, 2, 10]),
        "bootstrap": bool(rng.integers(2)),
    }


@pytest.mark.parametrize("seed", range(60))
def test_forest_equals_scikit_learn_to_the_last_bit(seed):
    rng = np.random.default_rng(seed)
    n_rows, n_features = rng.choice([2, 5, 40, 200]), rng.choice([1, 2, 7, 40])
    scale, step = rng.choice([1.0, 1.0, 1e-30, 1e30]), rng.choice([0.0, 0.5])
    features, kept = make_examples(rng, n_rows, n_features, scale, step)
    fitted = RandomForestClassifier(**random_forest_options(rng), random_state=seed, n_jobs=1)
    fitted.fit(features, kept)
    unseen = np.concatenate((features, make_examples(rng, 200, n_features, scale, step)[0]))
    forest = through_file(Forest.from_sklearn(fitted))
    np.testing.assert_array_equal(forest.predict_proba(unseen), fitted.predict_proba(unseen)[:, 1], strict=True)


def test_weighted_counts_of_old_scikit_learn_give_the_same_forest():
    fitted = fit_forest(class_weight="balanced")

    class CountingTree:
        def __init__(self, tree):
            self.tree = tree

        def __getattr__(self, name):
            array = getattr(self.tree, name)
            return array * self.tree.weighted_n_node_samples[:, None, None] if name == "value" else array

    class OldForest:
        n_classes_, n_features_in_ = 2, N_FEATURES
        estimators_ = tuple(type("", (), {"tree_": CountingTree(e.tree_)})() for e in fitted.estimators_)

    table = make_examples(np.random.default_rng(1), 50, N_FEATURES)[0]
    expected = Forest.from_sklearn(fitted).predict_proba(table)
    np.testing.assert_allclose(Forest.from_sklearn(OldForest()).predict_proba(table), expected, rtol=1e-14)


def fit_forest(**options):
    features, kept = make_examples(np.random.default_rng(0), 60, N_FEATURES)
    fitted = RandomForestClassifier(**({"n_estimators": 5, "random_state": 0, "n_jobs": 1} | options))
    return fitted.fit(features, kept)


def test_a_value_on_the_threshold_goes_left_as_float32():
    stump = make_forest(threshold=[np.float32(0.1), 0, 0])
    assert list(stump.predict_proba([[0.1] * N_FEATURES, [0.1 + 1e-7] * N_FEATURES])) == [0.25, 0.75]


def test_thresholds_round_down_to_float32():
    threshold = np.array([0.1, -0.1, 1 + 2.0**-30, -1 - 2.0**-30, 0.5, 0.0, 1e-50, -1e-50, 3e38])
    rounded = trees_module._round_down(threshold)
    assert rounded.dtype == np.float32
    assert (rounded <= threshold).all()
    assert (np.nextafter(rounded, np.float32(np.inf)) > threshold).all()


@pytest.mark.parametrize("n_rows", [0, 1, 2, 9000])
def test_rows_are_independent_of_their_block(n_rows):
    forest = Forest.from_sklearn(fit_forest())
    table = make_examples(np.random.default_rng(2), max(n_rows, 2), N_FEATURES)[0][:n_rows]
    probability = forest.predict_proba(table)
    assert probability.shape == (n_rows,)
    np.testing.assert_array_equal(probability[::100], [forest.predict_proba(row[None])[0] for row in table[::100]])


def test_one_class_is_not_enough_data():
    features, _ = make_examples(np.random.default_rng(0), 10, N_FEATURES)
    fitted = RandomForestClassifier(2, n_jobs=1).fit(features, np.ones(10))
    with pytest.raises(NotEnoughDataError, match="all kept or all removed"):
        Forest.from_sklearn(fitted)


def test_three_classes_are_not_a_decision():
    features, _ = make_examples(np.random.default_rng(0), 9, N_FEATURES)
    fitted = RandomForestClassifier(2, n_jobs=1).fit(features, np.arange(9) % 3)
    with pytest.raises(ValueError, match="expected two classes, got 3"):
        Forest.from_sklearn(fitted)


def fit_logistic(n_features=N_FEATURES, scale=1.0):
    features, kept = make_examples(np.random.default_rng(3), 80, n_features, scale)
    features[:, -1] = 2.0
    return make_pipeline(StandardScaler(), LogisticRegression(class_weight="balanced")).fit(features, kept)


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
@pytest.mark.parametrize("n_features", [2, 7, 40])
def test_logistic_equals_scikit_learn(n_features, scale):
    fitted = fit_logistic(n_features, scale)
    logistic = through_file(Logistic.from_sklearn(fitted))
    table = make_examples(np.random.default_rng(4), 300, n_features, 20 * scale)[0]
    np.testing.assert_allclose(logistic.predict_proba(table), fitted.predict_proba(table)[:, 1], rtol=0, atol=1e-12)


def test_logistic_is_finite_whatever_its_parameters_and_features():
    limit = np.finfo(np.float32).max
    parameters = {"mean": [-1e30, 1e30], "scale": [1e-30, 1e30], "coef": [1e30, -1e30], "intercept": [1e30]}
    logistic = Logistic.of_arrays(2, **parameters)
    probability = logistic.predict_proba([[limit, limit], [-limit, limit], [limit, -limit], [0, 0]])
    assert ((probability >= 0) & (probability <= 1)).all()


MODELS = {
    "forest": lambda: Forest.from_sklearn(fit_forest()),
    "logistic": lambda: Logistic.from_sklearn(fit_logistic()),
}


@pytest.fixture(params=MODELS)
def model(request):
    return MODELS[request.param]()


UNFIT_TABLES = {
    "nan": [[0, 0, np.nan, 0]],
    "infinity": [[0, -np.inf, 0, 0]],
    "beyond float32": [[0, 0, 0, 1e39]],
    "too few features": [[0, 0, 0]],
    "too many features": [[0] * 5],
    "one row without its table": [0, 0, 0, 0],
}


@pytest.mark.parametrize("table", UNFIT_TABLES.values(), ids=UNFIT_TABLES)
def test_tables_that_do_not_fit_are_refused(model, table):
    with pytest.raises(ValueError, match=r"expected a table of 4 features|holds NaN, infinity or values beyond"):
        model.predict_proba(table)


def test_the_same_fit_gives_the_same_file(model):
    again = MODELS[model.kind]()
    assert plainpickle.dumps(model.to_plain()) == plainpickle.dumps(again.to_plain())
    assert pickle.loads(plainpickle.dumps(model.to_plain())) == model.to_plain()


def test_prediction_imports_no_scikit_learn():
    code = "import sys, drumhits.models.forest; sys.exit(any(m in sys.modules for m in ('sklearn', 'scipy', 'joblib')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


STUMP = {
    "tree_sizes": [3],
    "left": [1, -1, -1],
    "right": [2, -1, -1],
    "feature": [0, 0, 0],
    "threshold": [0.5, 0, 0],
    "probability": [0.5, 0.25, 0.75],
}


def make_forest(**changes):
    return Forest.of_arrays(N_FEATURES, **(STUMP | changes))


def chain(depth):
    """Return the arrays of one tree in which each right child is split again."""
    inner = np.arange(depth)
    left, right = np.full((2, 2 * depth + 1), -1)
    left[2 * inner], right[2 * inner] = 2 * inner + 1, 2 * inner + 2
    nodes = dict.fromkeys(("feature", "threshold", "probability"), np.zeros(2 * depth + 1))
    return {"tree_sizes": [2 * depth + 1], "left": left, "right": right} | nodes


def alone(n_trees):
    """Return the arrays of trees of one leaf each."""
    nodes = dict.fromkeys(("feature", "threshold", "probability"), np.zeros(n_trees))
    leaf = np.full(n_trees, -1)
    return {"tree_sizes": np.ones(n_trees), "left": leaf, "right": leaf} | nodes


def test_crafted_forests_within_the_limits_are_read():
    for changes in ({}, chain(MAX_DEPTH), alone(MAX_TREES)):
        through_file(make_forest(**changes)).predict_proba(np.zeros((3, N_FEATURES)))


TWO = {field: values * 2 for field, values in STUMP.items()}
FIVE = {"tree_sizes": [5], "feature": [0] * 5, "threshold": [0] * 5, "probability": [0] * 5}
CRAFTED_TREES = {
    "no tree": (dict.fromkeys(STUMP, ()), "not 1 to 2000 trees"),
    "too many trees": (alone(MAX_TREES + 1), "not 1 to 2000 trees"),
    "too many nodes": (alone(2_000_001) | {"tree_sizes": [2_000_001]}, "more than 2000000 nodes"),
    "too deep": (chain(MAX_DEPTH + 1), "more than 64 deep"),
    "10,000 deep": (chain(10_000), "more than 64 deep"),
    "empty tree": ({"tree_sizes": [3, 0]}, "without a node"),
    "negative tree": ({"tree_sizes": [4, -1]}, "without a node"),
    "sizes too small": ({"tree_sizes": [2]}, "do not add up"),
    "sizes too large": ({"tree_sizes": [2**31 - 1]}, "do not add up"),
    "sizes that wrap": ({"tree_sizes": [2**31 - 1, 2**31 - 1, 5]}, "do not add up"),
    "right too short": ({"right": [2, -1]}, "right is not one value a node"),
    "feature too long": ({"feature": [0] * 4}, "feature is not one value a node"),
    "threshold too short": ({"threshold": [0.5]}, "threshold is not one value a node"),
    "probability too long": ({"probability": [0.5] * 9}, "probability is not one value a node"),
    "child is itself": ({"left": [0, -1, -1]}, "before its parent"),
    "child before parent": ({"left": [1, -1, 0], "right": [2, -1, 1]}, "before its parent"),
    "child far below": ({"left": [-(2**31), -1, -1]}, "before its parent"),
    "child out of range": ({"right": [3, -1, -1]}, "outside its tree"),
    "child far out of range": ({"right": [2**31 - 1, -1, -1]}, "outside its tree"),
    "child in the next tree": (TWO | {"left": [4, -1, -1] * 2, "right": [5, -1, -1] * 2}, "outside its tree"),
    "one child": ({"left": [-1, -1, -1]}, "one child"),
    "children alike": ({"right": [1, -1, -1]}, "exactly one parent"),
    "shared child": (FIVE | {"left": [1, 3, -1, -1, -1], "right": [2, 2, -1, -1, -1]}, "exactly one parent"),
    "orphan": (FIVE | {"left": [1, -1, -1, -1, -1], "right": [2, -1, -1, -1, -1]}, "exactly one parent"),
    "feature too high": ({"feature": [N_FEATURES, 0, 0]}, "feature out of range"),
    "feature too high at a leaf": ({"feature": [0, 0, 32767]}, "feature out of range"),
    "feature negative": ({"feature": [-1, 0, 0]}, "feature out of range"),
    "threshold nan": ({"threshold": [np.nan, 0, 0]}, "threshold that is not finite"),
    "threshold infinite": ({"threshold": [0, 0, np.inf]}, "threshold that is not finite"),
    "leaf nan": ({"probability": [0, np.nan, 0]}, "outside 0 to 1"),
    "leaf infinite": ({"probability": [0, np.inf, 0]}, "outside 0 to 1"),
    "leaf negative": ({"probability": [0, -1e-300, 0]}, "outside 0 to 1"),
    "leaf above 1": ({"probability": [0, np.nextafter(1, 2), 0]}, "outside 0 to 1"),
}


def plain_forest(**changes):
    """Return a forest as plain data, checked by nobody."""
    arrays = {field: np.asarray(values, Forest.DTYPES[field]) for field, values in (STUMP | changes).items()}
    packed = {
        field: {"dtype": array.dtype.str, "shape": [len(array)], "data": array.tobytes()}
        for field, array in arrays.items()
    }
    return {"kind": "forest"} | packed


@pytest.mark.parametrize(("changes", "fault"), CRAFTED_TREES.values(), ids=CRAFTED_TREES)
def test_crafted_trees_are_refused(changes, fault):
    with pytest.raises(InputError, match=rf"^toms\.pkl is damaged \(.*{fault}.*\); copy it again or retrain"):
        model_from_plain(plain_forest(**changes), N_FEATURES, "toms.pkl")


CRAFTED_LOGISTICS = {
    "mean too short": ("mean", [0.0] * 3),
    "coef too long": ("coef", [0.0] * 5),
    "no intercept": ("intercept", []),
    "mean nan": ("mean", [0, 0, 0, np.nan]),
    "coef infinite": ("coef", [np.inf, 0, 0, 0]),
    "coef huge": ("coef", [1e300, 0, 0, 0]),
    "scale zero": ("scale", [1, 1, 0, 1]),
    "scale negative": ("scale", [1, 1, -1, 1]),
    "scale tiny": ("scale", [1, 1, 5e-324, 1]),
    "intercept nan": ("intercept", [np.nan]),
}


@pytest.mark.parametrize(("field", "values"), CRAFTED_LOGISTICS.values(), ids=CRAFTED_LOGISTICS)
def test_crafted_logistics_are_refused(field, values):
    plain = Logistic.from_sklearn(fit_logistic()).to_plain()
    plain[field] = {"dtype": "<f8", "shape": [len(values)], "data": np.array(values, "<f8").tobytes()}
    with pytest.raises(InputError, match=rf"is damaged \((no|not|{field}|a scale)"):
        model_from_plain(plain, N_FEATURES)


CRAFTED_ARRAYS = {
    "other dtype": {"dtype": "<f4"},
    "big-endian": {"dtype": ">i4"},
    "object dtype": {"dtype": "O"},
    "dtype not text": {"dtype": ["<i4"]},
    "dtype with fields": {"dtype": "i4,i4"},
    "other shape": {"shape": [4]},
    "two dimensions": {"shape": [3, 1]},
    "no dimensions": {"shape": []},
    "8 TiB": {"shape": [2**41]},
    "negative shape": {"shape": [-1]},
    "shape not a list": {"shape": 3},
    "bytes cut": {"data": b"\1\0\0\0\xff"},
    "bytes cut at an item": {"data": b"\1\0\0\0"},
    "no bytes": {"data": b""},
    "text for bytes": {"data": "abcdefghijkl"},
    "list for bytes": {"data": [1, -1, -1]},
    "unknown part": {"order": "F"},
}


@pytest.mark.parametrize("changes", CRAFTED_ARRAYS.values(), ids=CRAFTED_ARRAYS)
def test_crafted_arrays_are_refused(changes):
    plain = plain_forest()
    plain["left"] |= changes
    with pytest.raises(InputError, match=r"is damaged \((an array|buffer size)"):
        model_from_plain(plain, N_FEATURES)


NO_MODELS = {
    "not a dict": [],
    "empty": {},
    "unknown kind": plain_forest() | {"kind": "oracle"},
    "kind not text": plain_forest() | {"kind": ["forest"]},
    "other kind": plain_forest() | {"kind": "logistic"},
    "extra part": plain_forest() | {"classes": []},
    "array missing": {field: part for field, part in plain_forest().items() if field != "left"},
    "array is text": plain_forest() | {"left": "left"},
    "array is None": plain_forest() | {"left": None},
}


@pytest.mark.parametrize("plain", NO_MODELS.values(), ids=NO_MODELS)
def test_plain_data_that_is_no_model_is_refused(plain):
    with pytest.raises(InputError, match="is damaged"):
        model_from_plain(plain, N_FEATURES)


def test_a_model_of_more_features_is_refused():
    with pytest.raises(InputError, match="a feature out of range"):
        model_from_plain(Forest.from_sklearn(fit_forest()).to_plain(), N_FEATURES - 1)


def model_or_none(plain):
    try:
        return model_from_plain(plain, N_FEATURES)
    except InputError:
        return None


def plain_or_none(file):
    try:
        return plainpickle.loads(file)
    except InputError:
        return None


def mutated(plain: dict, rng: random.Random) -> dict:
    """Return a deep copy in which up to 3 places of the arrays' bytes are changed, cut out or doubled."""
    changed = copy.deepcopy(plain)
    for _ in range(rng.randint(1, 3)):
        field = rng.choice([field for field in changed if field != "kind"])
        data = bytearray(changed[field]["data"])
        start = rng.randrange(len(data) + 1)
        data[start : start + rng.choice((1, 1, 1, 8))] = rng.randbytes(rng.choice((0, 1, 1, 1, 8)))
        changed[field]["data"] = bytes(data)
        if rng.random() < 0.9:
            changed[field]["shape"] = [len(data) // np.dtype(changed[field]["dtype"]).itemsize]
    return changed


def test_mutated_models_predict_probabilities_or_are_refused(model):
    rng = random.Random(11)
    plain = model.to_plain()
    table = make_examples(np.random.default_rng(5), 20, N_FEATURES)[0]
    table[0] = np.finfo(np.float32).max
    models = [model_or_none(mutated(plain, rng)) for _ in range(2_000)]
    assert 100 < models.count(None) < 1_900
    for changed in filter(None, models):
        probability = changed.predict_proba(table)
        assert ((probability >= 0) & (probability <= 1)).all()


def test_mutated_files_are_read_or_refused(model):
    rng = random.Random(13)
    data = plainpickle.dumps(model.to_plain())
    body = data[plainpickle.HEADER_BYTES :]
    for _ in range(1_000):
        place = rng.randrange(len(body))
        changed = body[:place] + rng.randbytes(rng.choice((0, 1, 1, 4))) + body[place + rng.choice((0, 1, 4)) :]
        assert changed == body or plain_or_none(data[: plainpickle.HEADER_BYTES] + changed) is None
        model_or_none(plain_or_none(plainpickle.with_checksum(changed)))
