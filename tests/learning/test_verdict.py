"""Which of thresholds, starting model and new model to use, on songs with known decisions."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from tables import table

from drumhits.config.load import default_config
from drumhits.edits.labels import KEPT, REMOVED, UNLABELLED
from drumhits.learning.dataset import Dataset
from drumhits.learning.report import verdict
from drumhits.learning.verdict import NEW, START, THRESHOLDS, held_out_scores
from drumhits.models.base import Logistic

CYMBALS = replace(
    default_config().stems["cymbals"], geomean_threshold=10.0, min_sustain_ms=None, onset_threshold=None
)
LABELS = np.array([KEPT, KEPT, REMOVED, REMOVED, UNLABELLED], np.int8)


def song(missed=0):
    labels = SimpleNamespace(labels=LABELS, added_without_candidate=missed)
    return SimpleNamespace(table=table(GeoMean=[20.0, 5.0, 20.0, 5.0, 20.0]), config=CYMBALS, labels=labels)


def dataset(n_songs=2):
    y = LABELS[:4] == KEPT
    X = np.tile(np.array([[1.0], [1.0], [-1.0], [1.0]], np.float32), (n_songs, 1))
    return Dataset(X, np.tile(y, n_songs), np.repeat(np.arange(n_songs), 4), ("Str",))


def start():
    classifier = Logistic.of_arrays(1, mean=[0.0], scale=[1.0], coef=[4.0], intercept=[0.0])
    return SimpleNamespace(classifier=classifier, min_confidence=0.5)


def validation(probability):
    return SimpleNamespace(probability=np.array(probability), min_confidence=0.5)


def test_all_three_are_scored_on_the_same_decisions():
    scores = held_out_scores([song(), song()], dataset(), start(), validation([0.9, 0.9, 0.1, 0.1] * 2))
    assert [one.name for one in scores] == [THRESHOLDS, START, NEW]
    assert [one.counts.tolist() for one in scores] == [[[1, 2, 2]] * 2, [[2, 2, 3]] * 2, [[2, 2, 2]] * 2]
    assert [one.f1 for one in scores] == pytest.approx([0.5, 0.8, 1.0])
    assert scores[2].above(scores[1]).value == pytest.approx(0.2)


def test_hits_that_the_detector_never_finds_count_against_all():
    scores = held_out_scores([song(missed=2), song()], dataset(), start(), validation([0.9, 0.9, 0.1, 0.1] * 2))
    assert [one.counts[0, 1] for one in scores] == [4, 4, 4]


def test_only_songs_that_were_held_out_count():
    scores = held_out_scores([song(), song()], dataset(), start(), validation([np.nan] * 4 + [0.9, 0.9, 0.1, 0.1]))
    assert [len(one.counts) for one in scores] == [1, 1, 1]
    assert held_out_scores([song(), song()], dataset(), start(), validation([np.nan] * 8)) == ()


def test_thresholds_are_not_scored_on_examples_of_others():
    scores = held_out_scores([song()], dataset(2), start(), validation([0.9, 0.9, 0.1, 0.1] * 2))
    assert [one.name for one in scores] == [START, NEW]


@pytest.mark.parametrize(
    ("refinement", "says"),
    [
        ({"way": None}, "Use the model own.pkl, or this file, which decides as it does"),
        ({"is_scored": True}, "Use the new model: F1 100.0% on held-out songs, +20.0 points beside the model own.pkl"),
        ({"is_scored": False}, "Use the new model: of the model own.pkl's decisions about held-out songs it mends 10 "
                               "and spoils 1. With one song less"),
    ],
)  # fmt: skip
def test_the_verdict_says_what_was_measured(refinement, says):
    scores = held_out_scores([song(), song()], dataset(), start(), validation([0.9, 0.9, 0.1, 0.1] * 2))
    taken = SimpleNamespace(**{"way": "a taste", "mended": 10, "spoiled": 1, **refinement})
    training = SimpleNamespace(held_out=scores, start_from="models/own.pkl", fitted=SimpleNamespace(refinement=taken))
    assert verdict(training).startswith(says)
