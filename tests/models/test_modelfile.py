"""The model file: unchanged by a round trip, and refused with a sentence where it cannot be a model for this stem."""

import io
import pickle
import random
from dataclasses import replace

import joblib
import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from tables import table

from drumhits.analysis import ALL, FEATURE_SETS, GUIDE, MIX
from drumhits.config.load import default_config
from drumhits.detection.features import GUIDE_FEATURES, SHAPE_FEATURES
from drumhits.errors import InputError, UsageError
from drumhits.io.plainpickle import dumps, loads
from drumhits.models.base import Logistic
from drumhits.models.blend import Blend
from drumhits.models.decisions import by_thresholds
from drumhits.models.forest import Forest
from drumhits.models.modelfile import TrainedModel, decode_model, detection_of, load_model

NAME = "models/x.pkl"
FEATURES = ("GeoMean", "SustainMs")
SNARE = default_config().stems["snare"]
MISSING = object()


def forest_of(features=FEATURES):
    """Return a forest of two stumps on the first feature: 0.1 up to 50, 0.5 up to 100, 0.9 above."""
    stump = {"left": [1, -1, -1], "right": [2, -1, -1], "feature": [0, 0, 0]}
    return Forest.of_arrays(
        len(features),
        tree_sizes=[3, 3],
        left=stump["left"] + [4, -1, -1],
        right=stump["right"] + [5, -1, -1],
        feature=stump["feature"] * 2,
        threshold=[50.0, 0.0, 0.0, 100.0, 0.0, 0.0],
        probability=[0.5, 0.1, 0.9, 0.5, 0.1, 0.9],
    )


MODEL = TrainedModel(
    stem="snare",
    features=FEATURES,
    detection=detection_of(replace(SNARE, onset_wait=7, body_band_hz=(120.0, 380.0), geomean_threshold=None)),
    offered=(),
    min_confidence=0.4,
    classifier=forest_of(),
    training={"kept": 20, "removed": 15, "songs": [{"name": "Größe", "fingerprint": "0", "kept": 20, "removed": 15}]},
)
PLAIN = loads(MODEL.to_bytes())


def altered(**fields):
    """Return the file of MODEL with parts of its header replaced, or left out where MISSING."""
    return dumps({key: value for key, value in (PLAIN | fields).items() if value is not MISSING})


def test_a_model_survives_its_file(tmp_path):
    path = tmp_path / "Größe.pkl"
    path.write_bytes(MODEL.to_bytes())
    again = load_model(path)
    for field in ("stem", "features", "detection", "offered", "min_confidence", "training"):
        assert getattr(again, field) == getattr(MODEL, field)
    assert again.to_bytes() == MODEL.to_bytes()
    rows = table(GeoMean=[20, 50, 51, 100, 101])
    np.testing.assert_array_equal(again.confidence(rows), MODEL.confidence(rows))
    np.testing.assert_allclose(again.confidence(rows), [0.1, 0.1, 0.5, 0.5, 0.9])


def test_the_file_is_a_pickle_of_plain_data():
    assert repr(pickle.loads(MODEL.to_bytes())) == repr(PLAIN)


def test_the_candidates_are_made_with_the_settings_of_training_and_all_else_is_the_users():
    own = replace(SNARE, onset_wait=3, timing_offset=0.01, velocity_floor=9)
    config = MODEL.config(own)
    assert (config.onset_wait, config.body_band_hz, config.geomean_threshold) == (7, (120.0, 380.0), None)
    assert config == replace(own, **MODEL.detection)


@pytest.mark.parametrize(
    ("min_confidence", "keep"), [(None, [0, 1, 1]), (0.0, [1, 1, 1]), (0.6, [0, 0, 1]), (1.0, [0, 0, 0])]
)
def test_candidates_are_kept_from_the_threshold_on(min_confidence, keep):
    decisions = MODEL.decide(table(GeoMean=[20.0, 70.0, 200.0]), SNARE, min_confidence)
    assert decisions.keep.tolist() == [bool(one) for one in keep]
    np.testing.assert_allclose(decisions.confidence, [0.1, 0.5, 0.9])
    assert [bool(reason) for reason in decisions.reasons] == [not one for one in keep]


def test_what_training_never_saw_is_left_to_the_thresholds():
    rows = table(GeoMean=[20.0, 70.0, 200.0, 200.0], SustainMs=[150.0, 150.0, 150.0, 1.0])
    config = replace(SNARE, geomean_threshold=80.0, min_sustain_ms=50.0)
    features = (*FEATURES, "Str")
    made_with = {"features": features, "classifier": forest_of(features), "detection": detection_of(config)}
    decisions = replace(MODEL, **made_with, offered=("thresholds",)).decide(rows, config, 0.4)
    assert decisions.keep.tolist() == [False, False, True, False]
    assert decisions.reasons[:2] == by_thresholds(rows, config).reasons[:2]
    assert decisions.reasons[3] == "SustainMs < 50"
    np.testing.assert_allclose(decisions.confidence, [0.0, 0.0, 0.9, 0.0])


def test_no_candidates_give_no_decisions():
    decisions = MODEL.decide(table(times_s=np.zeros(0)), SNARE)
    assert (len(decisions.keep), decisions.reasons, len(decisions.confidence)) == (0, (), 0)


@pytest.mark.parametrize(
    ("features", "wanted"),
    [
        (GUIDE_FEATURES, GUIDE),
        (SHAPE_FEATURES, ALL),
        (FEATURE_SETS[ALL], ALL),
        (("Heard",), ALL),
        (("HeardInMix",), MIX),
    ],
)
def test_only_the_features_that_a_model_needs_are_computed(features, wanted):
    assert replace(MODEL, features=features).feature_set == wanted


def test_a_model_trained_beside_other_networks_is_refused():
    data = altered(networks="1a2b3c4d")
    with pytest.raises(InputError, match=r"^models/x\.pkl: was trained beside other networks .*; retrain the model"):
        decode_model(data, NAME)


def test_a_model_of_an_older_version_is_refused():
    with pytest.raises(InputError, match=r"^models/x\.pkl: was made by an older version .*; retrain the model"):
        decode_model(altered(format=1), NAME)


def test_the_summary_says_what_it_was_trained_on():
    assert MODEL.summary() == "20 kept and 15 removed hits of 1 songs"


def test_a_model_of_another_stem_is_refused():
    MODEL.require_stem("snare", NAME)
    with pytest.raises(InputError, match=r"^models/x\.pkl: was trained on snare, not on kick; .*--force"):
        MODEL.require_stem("kick", NAME)


def sklearn_pickle(dump):
    file = io.BytesIO()
    dump(RandomForestClassifier(2, random_state=0).fit([[0.0], [1.0]], [0, 1]), file)
    return file.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        sklearn_pickle(pickle.dump),
        sklearn_pickle(joblib.dump),
        dumps({"kind": "another model"}),
        dumps([1, 2]),
        dumps({}),
        b"MThd\x00\x00\x00\x06",
    ],
    ids=["sklearn", "joblib", "other-kind", "list", "no-kind", "midi"],
)
def test_what_is_no_model_of_this_toolkit_is_said_to_be_none(data):
    with pytest.raises(InputError, match=r"models/x\.pkl.*\bnot a model of this toolkit\b.*retrain"):
        decode_model(data, NAME)


def test_a_newer_format_says_to_update():
    with pytest.raises(InputError, match=r"^models/x\.pkl: was made by a newer version .*update it"):
        decode_model(altered(format=4, features=["Unheard"]), NAME)


def test_an_unknown_feature_is_named():
    with pytest.raises(InputError, match=r"^models/x\.pkl: uses the feature Unheard, which .*retrain"):
        decode_model(altered(features=["GeoMean", "Unheard"]), NAME)


def detection_with(**settings):
    return {"detection": {key: v for key, v in (PLAIN["detection"] | settings).items() if v is not MISSING}}


def wide_feature():
    return {"dtype": "<i2", "shape": [6], "data": np.full(6, len(FEATURES), "<i2").tobytes()}


CONTRADICTIONS = {
    "old-format": {"format": 0},
    "format-text": {"format": "1"},
    "stem": {"stem": "cowbell"},
    "stem-list": {"stem": ["snare"]},
    "no-features": {"features": []},
    "features-number": {"features": 7},
    "features-text": {"features": "Str"},
    "features-nested": {"features": [["GeoMean"]]},
    "twice": {"features": ["GeoMean", "GeoMean"]},
    "feature-out-of-range": {"classifier": PLAIN["classifier"] | {"feature": wide_feature()}},
    "threshold-high": {"min_confidence": 1.5},
    "threshold-low": {"min_confidence": -0.1},
    "threshold-int": {"min_confidence": 1},
    "offered": {"offered": ["hearsay"]},
    "training": {"training": []},
    "no-training": {"training": MISSING},
    "songs": {"training": {"kept": 1, "removed": 1, "songs": 5}},
    "songs-missing": {"training": {"kept": 1, "removed": 1}},
    "kept": {"training": {"kept": "\x1b[2J", "removed": 1, "songs": []}},
    "no-detection": {"detection": MISSING},
    "detection-list": {"detection": [1]},
    "classifier": {"classifier": {"kind": "svm"}},
    "classifier-none": {"classifier": None},
    "unknown-setting": detection_with(velocity_floor=9),
    "setting-missing": detection_with(onset_wait=MISSING),
    "setting-text": detection_with(onset_wait="10"),
    "setting-float": detection_with(onset_wait=1.5),
    "setting-negative": detection_with(onset_wait=-1),
    "setting-range": detection_with(onset_delta=1e9),
    "setting-null": detection_with(onset_delta=None),
    "setting-bool": detection_with(geomean_threshold=True),
    "setting-dict": detection_with(onset_delta={"a": 1}),
    "setting-empty": detection_with(onset_delta={}),
    "setting-bytes": detection_with(onset_delta=b"1"),
    "band-order": detection_with(body_band_hz=[400.0, 100.0]),
    "band-short": detection_with(body_band_hz=[400.0]),
    "band-text": detection_with(body_band_hz="[100, 200]"),
    "band-nested": detection_with(body_band_hz=[[100.0], "200"]),
}


@pytest.mark.parametrize("fields", CONTRADICTIONS.values(), ids=CONTRADICTIONS)
def test_a_header_that_cannot_be_is_one_sentence_about_the_model(fields):
    with pytest.raises(InputError) as caught:
        decode_model(altered(**fields), NAME)
    assert not isinstance(caught.value, UsageError)
    assert str(caught.value).startswith(NAME)
    assert "retrain" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "command line" not in str(caught.value)


def test_mutated_bytes_are_refused():
    rng, whole = random.Random(0), MODEL.to_bytes()
    for _ in range(150):
        data = bytearray(whole)
        for _ in range(rng.randint(1, 4)):
            place = rng.randrange(len(data))
            data[place] = (data[place] + rng.randint(1, 255)) % 256
        with pytest.raises(InputError, match=r"models/x\.pkl"):
            decode_model(bytes(data), NAME)
    for end in (0, 1, 10, len(whole) // 2, len(whole) - 1):
        with pytest.raises(InputError, match=r"models/x\.pkl"):
            decode_model(whole[:end], NAME)


def test_mutated_values_behind_a_right_checksum_are_refused_or_make_a_model():
    rng = random.Random(1)
    values = [None, True, -1, 2**40, 1e300, "", "\x1b", [], {}, b"", ["GeoMean"], {"kind": "forest"}]
    refusals = []
    for _ in range(300):
        plain = loads(MODEL.to_bytes())
        part = plain
        while True:
            key = rng.choice(list(part))
            if not isinstance(part[key], dict) or not part[key] or rng.random() < 0.2:
                break
            part = part[key]
        part[key] = rng.choice(values)
        try:
            model = decode_model(dumps(plain), NAME)
        except InputError as error:
            refusals.append(error)
        else:
            model.summary()
            model.decide(table(GeoMean=[20.0, 200.0]), SNARE)
    assert len(refusals) > 100
    assert all(str(error).startswith(NAME) and not isinstance(error, UsageError) for error in refusals)


def test_a_path_that_holds_no_file_is_said(tmp_path):
    for path in (tmp_path / "none.pkl", tmp_path):
        with pytest.raises(InputError, match=r"no such model file; train one with train_classifier\.py"):
            load_model(path)


def refined(offered):
    """Return a model that starts from a forest and keeps nothing of what was offered."""
    features, nothing = ("GeoMean", "SustainMs", "Str"), np.zeros(3)
    never = Logistic.of_arrays(3, mean=nothing, scale=np.ones(3), coef=nothing, intercept=[-50.0])
    classifier = Blend(3, forest_of(features), never, 1.0)
    detection = detection_of(replace(SNARE, geomean_threshold=80.0))
    return replace(MODEL, features=features, offered=offered, classifier=classifier, detection=detection)


def test_about_what_was_not_offered_the_starting_model_decides():
    rows, config = table(GeoMean=[20.0, 70.0, 80.0, 200.0]), replace(SNARE, geomean_threshold=80.0)
    assert refined(()).decide(rows, config).keep.tolist() == [False, False, False, False]
    assert refined(("thresholds",)).decide(rows, config).keep.tolist() == [False, True, True, False]
    assert refined(("model",)).decide(rows, config).keep.tolist() == [False, False, False, False]
    np.testing.assert_allclose(refined(("thresholds",)).confidence(rows)[:2], [0.1, 0.5])
    np.testing.assert_allclose(refined(("model",)).confidence(rows)[0], 0.1)


def test_a_model_made_from_nothing_of_what_another_model_offered_decides_by_itself():
    rows = table(GeoMean=[20.0, 70.0, 200.0])
    assert replace(MODEL, offered=("model",)).decide(rows, SNARE).keep.tolist() == [False, True, True]


@pytest.mark.parametrize("offered", [("thresholds",), ("model",), ("model", "thresholds")])
def test_what_decides_everywhere_survives_a_file(offered):
    rows, model = table(GeoMean=[20.0, 70.0, 80.0, 200.0]), refined(offered)
    again = decode_model(replace(model, classifier=model.everywhere, offered=()).to_bytes(), NAME)
    np.testing.assert_array_equal(again.confidence(rows), model.confidence(rows))
    assert again.classifier.n_refinements == 1


def test_a_file_that_lacks_the_features_of_its_thresholds_is_refused():
    with pytest.raises(InputError, match="contradicts itself"):
        decode_model(altered(offered=["thresholds"]), NAME)


def test_a_file_of_the_format_before_loads():
    plain = {key: value for key, value in loads(refined(()).to_bytes()).items() if key != "offered"}
    for after, offered in ((False, ()), (True, ("thresholds",))):
        assert decode_model(dumps(plain | {"format": 2, "after_thresholds": after}), NAME).offered == offered
    with pytest.raises(InputError, match="damaged"):
        decode_model(dumps(plain | {"format": 2, "after_thresholds": 1}), NAME)
