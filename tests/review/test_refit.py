"""The model that is fitted while the user listens, and the one that is trained at the end."""

import shutil

import numpy as np
import pytest
from reviewing import stems
from running import ROOT

from drumhits.analysis import ALL, FEATURE_SETS, analyze
from drumhits.config.load import default_config
from drumhits.edits.songs import load_songs
from drumhits.models.modelfile import feature_matrix, load_model, pretrained_path
from drumhits.review.refit import EVERY, Lesson, _pairs, fitted, trained
from drumhits.review.showing import state
from drumhits.review.stem import StemReview

TRAINING_DATA = ROOT / "training_data"


@pytest.fixture(scope="module")
def lesson(tmp_path_factory):
    folder = tmp_path_factory.mktemp("training")
    shutil.copytree(TRAINING_DATA, folder / "data")
    raw = folder / "data" / "raw_midi"
    return Lesson("cymbals", raw, folder / "data" / "edited_midi", raw / "Song1-cymbals.mid")


@pytest.fixture(scope="module")
def song():
    start = load_model(pretrained_path("cymbals"))
    config = start.config(default_config().stems["cymbals"])
    table, _ = analyze(TRAINING_DATA / "audio" / "Song1-cymbals.flac", config, ALL)
    return start, feature_matrix(table, FEATURE_SETS[ALL]), start.confidence(table)


def test_the_pairs_of_the_training_folder_count_but_for_that_of_the_stem_itself(lesson):
    examples = _pairs(lesson)
    songs = load_songs(lesson.raw_dir, lesson.edited_dir, "cymbals").songs[1:]
    assert len(examples.y) == sum(np.count_nonzero(one.labels.labels >= 0) for one in songs)
    assert examples.features == FEATURE_SETS[ALL]
    assert _pairs(Lesson("snare", lesson.raw_dir, lesson.edited_dir, lesson.this_raw)) is None


def test_a_taste_is_learned_and_right_answers_leave_the_model(song, tmp_path):
    start, X, confidence = song
    nothing = Lesson("cymbals", tmp_path, tmp_path, tmp_path / "x.mid")
    is_hit = confidence >= start.min_confidence
    amplitude = X[:, FEATURE_SETS[ALL].index("FileAmp")]
    loud = is_hit & (amplitude > np.median(amplitude[is_hit]))
    model = fitted(nothing, start, X, loud)
    assert model is not None
    keep = model.predict_proba(X) >= start.min_confidence
    assert np.mean(keep == loud) > 0.95
    assert fitted(nothing, start, X[is_hit], is_hit[is_hit]) is None


def test_training_writes_a_model_or_says_why_not(lesson, tmp_path):
    model = tmp_path / "models" / "cymbals.pkl"
    assert trained(lesson, model).startswith(f"{model} is written, from 4 reviewed or edited stems. Use the ")
    assert load_model(model).stem == "cymbals"
    nothing = Lesson("snare", tmp_path, tmp_path, tmp_path)
    assert trained(nothing, tmp_path / "x.pkl").startswith("No model was written: ")


def test_answers_are_learned_from_in_a_process_of_its_own(tmp_path):
    review = StemReview(*stems(tmp_path)[0])
    for i in range(EVERY):
        review.act({"do": ("keep", "delete")[i % 2], "hit": review.queue()[0]}, review.session.revision)
    review._refitter._running.result(timeout=60)
    before = state(review)
    review._take_model(review._model.classifier)
    assert review.version[1] == before["version"][1] + 1
    assert state(review)["sure"] == pytest.approx(before["sure"], abs=2)
    review.finish()
    assert review.train().startswith("No model was written: only 5 labelled detections")
    review.close()
