"""Labelled songs -> examples, refusal, advice and the report of the guide."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from tables import table

from drumhits.config.load import default_config
from drumhits.detection.features import GUIDE_FEATURES
from drumhits.edits.labels import KEPT, REMOVED, UNLABELLED
from drumhits.edits.pairing import Pair
from drumhits.edits.songs import LabelledSong
from drumhits.errors import InputError
from drumhits.io.audio import AudioSource
from drumhits.learning.dataset import Counts, counts, gather_dataset, refusal
from drumhits.learning.fit import FittedModel, Training
from drumhits.learning.record import make_model, scores
from drumhits.learning.report import advice, training_report
from drumhits.learning.validation import Validation
from drumhits.models.base import Logistic
from drumhits.models.modelfile import decode_model

CYMBALS = default_config().stems["cymbals"]
VALIDATION = Validation(
    n_folds=4,
    by_song=True,
    probability=np.zeros(0),
    accuracies=(0.9, 0.9, 0.8, 1.0),
    train_accuracies=(0.95, 0.97),
    accuracy=0.9,
    precision=0.85,
    recall=0.95,
    f1=0.897,
    baseline=0.6,
    min_confidence=0.45,
    importance={"loudness": 0.6, "level after the stroke": 0.3, "decay": 0.1},
)


def make_song(name, labels, keep_all=False, model=None, **settings):
    labels = np.array(labels, np.int8)
    return LabelledSong(
        name=name,
        pair=Pair(name, "cymbals", Path(), Path()),
        source=AudioSource(Path(), 441_000, 44_100, "f" + name, ()),
        config=replace(CYMBALS, **settings),
        table=table(GeoMean=np.arange(len(labels))),
        labels=SimpleNamespace(labels=labels, offered=np.ones(len(labels), bool), added_without_candidate=0),
        provenance=SimpleNamespace(keep_all=keep_all, model=model),
        warnings=(),
    )


def make_fitted(validation=VALIDATION):
    n = len(GUIDE_FEATURES)
    arrays = {"mean": np.zeros(n), "scale": np.ones(n), "coef": np.ones(n), "intercept": [0.0]}
    return FittedModel(Logistic.of_arrays(n, **arrays), validation, dict.fromkeys(GUIDE_FEATURES, 1 / n))


def modelled(songs, made_with=None):
    fitted = make_fitted()
    return make_model(songs, gather_dataset(songs, "guide"), fitted.classifier, fitted.validation, made_with or {})


def make_training(songs, fitted):
    dataset = gather_dataset(songs, "guide")
    model = make_model(songs, dataset, fitted.classifier, fitted.validation, {})
    return Training(model, fitted, dataset, songs, (), "none", (), (), "")


SONGS = (
    make_song("Song1", [KEPT] * 20 + [UNLABELLED] * 5 + [REMOVED] * 10),
    make_song("Song2", [REMOVED, KEPT, KEPT]),
)


def test_counts_leave_the_unlabelled_out():
    found = counts(np.array([KEPT, REMOVED, UNLABELLED, KEPT]))
    assert (found, found.total) == (Counts(2, 1), 3)


def test_examples_are_the_labelled_candidates_of_each_song():
    examples = gather_dataset(SONGS, "guide")
    assert examples.features == GUIDE_FEATURES
    assert examples.X.shape == (33, 7)
    assert examples.X.dtype == np.float32
    np.testing.assert_array_equal(examples.X[:, 5], [*range(20), *range(25, 35), 0, 1, 2])
    np.testing.assert_array_equal(examples.y, [True] * 20 + [False] * 11 + [True] * 2)
    np.testing.assert_array_equal(examples.groups, [0] * 30 + [1] * 3)


def test_a_model_of_fewer_features_takes_their_columns():
    examples = gather_dataset(SONGS, "guide")
    fewer = examples.of_features(("SustainMs", "GeoMean"))
    assert fewer.features == ("SustainMs", "GeoMean")
    np.testing.assert_array_equal(fewer.X[:, 1], examples.X[:, 5])


def test_a_song_without_labels_adds_nothing():
    examples = gather_dataset([make_song("a", [UNLABELLED] * 3), SONGS[1], make_song("c", [])], "guide")
    assert examples.groups.tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    "settings", [{"onset_wait": 3}, {"body_band_hz": (1.0, 2.0)}, {"geomean_threshold": None}, {"onset_delta": 0.3}]
)
def test_songs_with_other_detection_settings_are_refused(settings):
    (name,) = settings
    with pytest.raises(InputError, match=f"^b: its raw MIDI was made with {name} .* that of Song1 .* same settings"):
        gather_dataset([*SONGS, make_song("b", [KEPT], **settings)], "guide")


def test_songs_with_other_notes_and_velocities_go_together():
    gather_dataset([*SONGS, make_song("b", [KEPT], timing_offset=0.01, velocity_floor=5)], "guide")


@pytest.mark.parametrize(
    ("total", "why"),
    [
        (Counts(29, 0), "all 29 labelled detections are kept and none is removed"),
        (Counts(0, 300), "all 300 labelled detections are removed and none is kept"),
        (Counts(0, 0), "no labelled detections"),
        (Counts(20, 9), "only 29 labelled detections, fewer than 30"),
        (Counts(20, 10), None),
    ],
)
def test_what_teaches_nothing_is_refused(total, why):
    assert (refusal(total) or "").startswith(why or "")
    assert (refusal(total) is None) == (why is None)


@pytest.mark.parametrize(
    ("total", "n_songs", "changes", "starts"),
    [
        (Counts(60, 40), 4, {}, []),
        (Counts(30, 20), 4, {}, []),
        (Counts(29, 20), 4, {}, ["Not enough training data: 49 detections"]),
        (Counts(100, 100), 4, {}, []),
        (Counts(101, 100), 4, {}, ["Over 200 detections: returns diminish"]),
        (Counts(80, 20), 4, {}, []),
        (Counts(81, 19), 4, {}, ["Few removed hits (19 of 100)"]),
        (Counts(60, 40), 1, {}, ["One song only"]),
        (Counts(60, 40), 4, {"accuracy": 0.75}, ["Far better on its own"]),
        (Counts(60, 40), 4, {"accuracy": 0.74, "train_accuracies": (0.8,)}, ["Accuracy under 75 %"]),
        (Counts(60, 40), 4, {"accuracy": 0.74}, ["Accuracy under 75 %", "Far better on its own"]),
        (
            Counts(45, 4), 1, {"accuracy": 0.5},
            ["Not enough", "Few removed", "One song", "Accuracy under", "Far better"],
        ),
    ],
)  # fmt: skip
def test_advice_fits_the_case(total, n_songs, changes, starts):
    found = advice(total, n_songs, replace(VALIDATION, **changes))
    assert len(found) == len(starts)
    for sentence, start in zip(found, starts, strict=True):
        assert sentence.startswith(start)


def test_every_advice_names_what_to_run_next():
    few = advice(Counts(45, 4), 1, replace(VALIDATION, accuracy=0.5))
    many = advice(Counts(201, 40), 1, VALIDATION)
    for sentence in (*few, *many):
        assert "python " in sentence or "--" in sentence


def test_without_a_fold_that_is_said_and_no_score_complained_about():
    unknown = replace(VALIDATION, n_folds=0, accuracies=(), train_accuracies=(), accuracy=0.0)
    (sentence,) = advice(Counts(60, 40), 2, unknown)
    assert sentence.startswith("No cross-validation")


def test_the_report_has_the_lines_of_the_guide_in_order():
    assert training_report(make_training(SONGS, make_fitted())).split("\n") == [
        "Training cymbals classifier",
        "",
        "Loaded 33 total detections across 2 songs:",
        "  Song1: 20 kept, 10 removed",
        "  Song2: 2 kept, 1 removed",
        "  Total: 22 kept (66.7%), 11 removed (33.3%)",
        "",
        "Cross-Validation Results (4-fold):",
        "  Accuracy:  90.0% (+/- 7.1% over the folds)",
        "  Precision: 85.0%",
        "  Recall:    95.0%",
        "  F1 score:  89.7%",
        "  Baseline:  60.0% accuracy by always saying kept",
        "  Held out:  whole songs; kept from 45% confidence",
        "",
        "Feature Importance:",
        "  loudness                 60.0%  <- most important",
        "  level after the stroke   30.0%",
        "  decay                    10.0%",
    ]


def test_the_report_of_one_song_says_what_was_held_out():
    fitted = make_fitted(replace(VALIDATION, by_song=False))
    assert "Held out:  parts of the one song" in training_report(make_training(SONGS[:1], fitted))


def test_the_model_file_carries_its_training():
    model = modelled(SONGS, {"algorithm": "logistic", "seed": 3})
    again = decode_model(model.to_bytes(), "x")
    assert again.training == model.training
    assert (again.stem, again.features, again.min_confidence) == ("cymbals", GUIDE_FEATURES, 0.45)
    song = {"name": "Song1", "fingerprint": "fSong1", "siblings": [], "kept": 20, "removed": 10}
    assert again.training["songs"][0] == song
    assert again.training["scores"] == scores(VALIDATION)
    assert (again.training["algorithm"], again.training["seed"]) == ("logistic", 3)
    assert set(again.training["versions"]) == {"drumhits", "python", "numpy", "scikit-learn"}
    assert again.summary() == "22 kept and 11 removed hits of 2 songs"


@pytest.mark.parametrize(
    ("made_by", "expected"),
    [
        (((True, None), (True, "m.pkl")), ()),
        (((True, None), (False, None)), ()),
        (((False, None),), ("thresholds",)),
        (((False, "m.pkl"), (False, "pretrained")), ("model",)),
        (((False, "m.pkl"), (False, None)), ("model", "thresholds")),
    ],
)
def test_a_model_knows_what_the_raw_midi_offered(made_by, expected):
    songs = [make_song(str(i), [KEPT, REMOVED], *one) for i, one in enumerate(made_by)]
    assert modelled(songs).offered == expected


def test_a_name_that_is_no_unicode_goes_into_the_model_file():
    songs = [replace(SONGS[0], name="Gr\udcf6sse")]
    modelled(songs).to_bytes()
