"""Decisions of known worth against the truth of a bundled song."""

from dataclasses import replace

import numpy as np
import pytest
from running import ROOT

from drumhits.config.load import default_config
from drumhits.evaluation.comparison import Outcome, best_of_all, mistakes, verdict
from drumhits.evaluation.comparison import evaluate_songs as evaluate
from drumhits.evaluation.deciders import Decider, model_decider
from drumhits.evaluation.judging import score_song
from drumhits.evaluation.truth import find_test_songs
from drumhits.io.midi import read_midi
from drumhits.matching import match_times
from drumhits.models.decisions import DOUBLE, GEOMEAN_TEST, by_confidence, by_thresholds, limit_in_force
from drumhits.models.modelfile import load_model, pretrained_path

CONFIG = default_config()
CYMBALS = CONFIG.stems["cymbals"]
PAIR = find_test_songs(ROOT / "test_songs", "cymbals")[0][0]


def knowing(confidence_of_hits: float) -> Decider:
    """Return a decider that knows the truth, and says it (1) or the opposite (0)."""

    def decide(table, config):
        found = match_times(read_midi(PAIR.truth).notes["time_s"], table.times_s, 0.05)[:, 1]
        is_hit = np.isin(np.arange(len(table)), found)
        return by_confidence(np.where(is_hit, confidence_of_hits, 1 - confidence_of_hits), 0.5)

    return Decider("oracle", CYMBALS, decide, 0.5)


@pytest.mark.parametrize("worth", [1.0, 0.0])
def test_a_perfect_model_scores_1_and_an_inverted_one_0(worth):
    evaluation, _ = evaluate([PAIR], [knowing(worth)], "cymbals", CONFIG, 0.05)
    score = evaluation.models[0].candidate_scores
    names = ("accuracy", "precision", "recall", "f1", "roc_auc")
    assert [getattr(score, name) for name in names] == [worth] * 5
    assert score.brier == 1 - worth
    heard = evaluation.models[0].note_scores
    assert heard.precision == 1 if worth else heard.precision < 0.2
    assert heard.n_reference - heard.matched == heard.undetected or not worth
    assert ("helps" in verdict(evaluation, evaluation.models[0])) == bool(worth)


def test_worst_mistakes_are_the_confident_ones():
    def decide(table, config):
        return by_confidence(np.linspace(0.4, 0.1, len(table)), 0.5)

    _, (judged,), _ = score_song(PAIR, [Decider("m", CYMBALS, decide, 0.5)], CONFIG, 0.05)
    worst = mistakes(judged)
    assert [mistake.time_s for mistake in worst] == judged.table.times_s[judged.is_hit][::-1].tolist()
    assert not any(mistake.kept for mistake in worst)


def test_worst_mistakes_of_thresholds_are_those_far_from_the_limit():
    config = replace(CYMBALS, onset_threshold=None, min_sustain_ms=None)
    _, (judged,), _ = score_song(PAIR, [Decider("thresholds", config, by_thresholds)], CONFIG, 0.05)
    limit = limit_in_force(GEOMEAN_TEST, judged.table, config)
    is_double = np.array([reason == DOUBLE for reason in judged.reasons])
    octaves = np.where(is_double, 0.0, np.abs(np.log2(judged.table["GeoMean"] / limit)))
    wrong = judged.keep != judged.is_hit
    worst = mistakes(judged)
    assert len(worst) == np.count_nonzero(wrong) > 1
    assert worst[0].time_s == judged.table.times_s[wrong][octaves[wrong].argmax()]
    assert worst[0].confidence is None
    assert judged.margins == pytest.approx(octaves)


def test_a_model_trained_after_thresholds_has_no_confidence_in_what_they_reject():
    model = replace(load_model(pretrained_path("cymbals")), offered=("thresholds",), min_confidence=0.3)
    decider = model_decider(model, "m", CYMBALS)
    _, (judged,), _ = score_song(PAIR, [decider], CONFIG, 0.05)
    by_limits = by_thresholds(replace(judged.table, is_double=np.zeros(len(judged.table), bool)), decider.config)
    assert (judged.confidence[~by_limits.keep] == 0).all()
    np.testing.assert_array_equal(judged.keep, judged.confidence >= 0.3)


def test_damaged_notes_in_a_model_file_are_no_importance():
    model = load_model(pretrained_path("cymbals"))
    for importance in ("text", {"Str": "much"}, {"Str": float("nan")}, {1: 2.0}, None):
        damaged = replace(model, training=model.training | {"importance": importance, "songs": ["x", 3]})
        assert model_decider(damaged, "m", CYMBALS).importance == ()


def test_importance_is_told_by_kind_whatever_names_a_model_file_has():
    model = load_model(pretrained_path("cymbals"))
    noted = {"Rise (14)": 0.25, "Str": 0.125, "Over (12)": 0.0625, "other stems": 0.0625, "decay": 0.375, "X": 0.125}
    named = replace(model, training=model.training | {"importance": noted})
    assert model_decider(named, "m", CYMBALS).importance == (
        ("attack and onset strength", 0.375), ("decay", 0.375), ("other stems", 0.125), ("other", 0.125),
    )  # fmt: skip


def test_pooled_scores_are_those_of_all_songs_together():
    pairs, _ = find_test_songs(ROOT / "test_songs", "cymbals")
    decider = model_decider(load_model(pretrained_path("cymbals")), "m", CYMBALS)
    evaluation, _ = evaluate(pairs, [decider], "cymbals", CONFIG, 0.05)
    outcome = evaluation.models[0]
    assert isinstance(outcome, Outcome)
    assert outcome.candidate_scores.n == sum(one.candidate_scores.n for one in outcome.songs)
    assert outcome.note_scores.matched == sum(one.note_scores.matched for one in outcome.songs)
    assert not np.isnan(outcome.candidate_scores.roc_auc)


def test_the_best_of_all_is_named():
    evaluation, _ = evaluate([PAIR], [knowing(1.0)], "cymbals", CONFIG, 0.05)
    assert best_of_all(evaluation).startswith("Best of all: oracle, F1 of the hits ")
    assert "one song says little" in best_of_all(evaluation)
    evaluation, _ = evaluate([PAIR], [knowing(0.0)], "cymbals", CONFIG, 0.05)
    assert best_of_all(evaluation).startswith("Best of all: thresholds of midiconfig.yaml, F1 of the hits ")
