"""Fit, cross-validation, threshold and feature importance, on examples with a known answer."""

import numpy as np
import pytest

from drumhits.detection.features import GUIDE_FEATURES
from drumhits.io.plainpickle import dumps
from drumhits.learning import validation
from drumhits.learning.dataset import Dataset
from drumhits.learning.fit import fit_dataset
from drumhits.learning.validation import decision_threshold
from drumhits.models.base import Logistic
from drumhits.models.modelfile import TrainedModel

N_TREES = 10


def make_examples(n=60, n_songs=4, n_features=3, noise=0.0, seed=0):
    """Return examples whose first feature alone decides, up to `noise`, in songs that take turns."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, n_features)).astype(np.float32)
    kept = X[:, 0] + noise * rng.normal(size=n) > 0
    X[:, 0] += np.where(X[:, 0] > 0, 1, -1)
    names = GUIDE_FEATURES[:n_features] if n_features <= len(GUIDE_FEATURES) else (f"f{i}" for i in range(n_features))
    return Dataset(X, kept, np.arange(n) % n_songs, tuple(names))


def file_of(fitted):
    return dumps(fitted.classifier.to_plain())


@pytest.mark.parametrize("algorithm", ["forest", "logistic"])
def test_separable_examples_are_learnt_whole(algorithm):
    examples = make_examples(n_features=1)
    fitted = fit_dataset(examples, algorithm=algorithm, n_estimators=N_TREES)
    validation = fitted.validation
    assert (validation.f1, validation.accuracy, validation.precision, validation.recall) == (1.0, 1.0, 1.0, 1.0)
    assert 0.5 <= validation.baseline < 0.75
    assert next(iter(validation.importance)) == "Str"
    assert max(fitted.impurity_importance, key=fitted.impurity_importance.get) == "Str"
    np.testing.assert_array_equal(fitted.classifier.predict_proba(examples.X) >= 0.5, examples.y)


def test_random_labels_score_no_better_than_the_baseline():
    rng = np.random.default_rng(0)
    examples = make_examples(200)
    examples = Dataset(examples.X, rng.random(200) > 0.3, examples.groups, examples.features)
    validation = fit_dataset(examples, n_estimators=N_TREES).validation
    assert validation.baseline == pytest.approx(max(examples.y.mean(), 1 - examples.y.mean()))
    assert validation.accuracy < validation.baseline + 0.05
    assert validation.accuracy == pytest.approx(np.mean(validation.accuracies))


@pytest.mark.parametrize(("n_songs", "n_folds"), [(2, 2), (4, 4), (5, 5), (9, 5)])
def test_folds_hold_out_whole_songs(n_songs, n_folds):
    examples = make_examples(90, n_songs)
    folds, by_song = validation.split(examples, 0)
    assert by_song
    assert len(folds) == n_folds
    for training, held_out in folds:
        assert not set(examples.groups[training]) & set(examples.groups[held_out])
    np.testing.assert_array_equal(np.sort(np.concatenate([held_out for _, held_out in folds])), np.arange(90))


def test_each_candidate_is_judged_by_a_model_that_never_saw_its_song():
    examples = make_examples(40, 2, n_features=1)
    is_first = examples.groups == 0
    inverted = Dataset(examples.X, examples.y ^ is_first, examples.groups, examples.features)
    validation = fit_dataset(inverted, n_estimators=N_TREES).validation
    assert validation.by_song
    np.testing.assert_array_equal(validation.probability >= 0.5, ~inverted.y)


def test_a_single_song_is_split_with_both_classes_in_each_part():
    examples = make_examples(60, 1)
    folds, by_song = validation.split(examples, 0)
    assert not by_song
    assert len(folds) == 5
    for _, held_out in folds:
        assert 0 < examples.y[held_out].mean() < 1
    scores = fit_dataset(examples, n_estimators=N_TREES).validation
    assert (scores.by_song, scores.n_folds) == (False, 5)
    assert scores.f1 > 0.9


def test_a_song_with_a_lone_removed_hit_trains_without_cross_validation():
    X = np.arange(40, dtype=np.float32)[:, None]
    examples = Dataset(X, np.arange(40) > 0, np.zeros(40, int), ("f0",))
    fitted = fit_dataset(examples, n_estimators=N_TREES)
    assert fitted.validation.n_folds == 0
    assert fitted.validation.min_confidence == 0.5
    assert sum(fitted.validation.importance.values()) == pytest.approx(1)


def test_a_fold_whose_training_songs_know_one_class_only_is_left_out():
    X = np.arange(40, dtype=np.float32)[:, None]
    kept = np.arange(40) >= 10
    songs = (np.arange(40) >= 20).astype(int)  # the second song has kept hits only
    validation = fit_dataset(Dataset(X, kept, songs, ("f0",)), n_estimators=N_TREES).validation
    assert validation.n_folds == 1
    assert np.isnan(validation.probability[songs == 0]).all()
    assert np.isfinite(validation.probability[songs == 1]).all()


@pytest.mark.parametrize("value", [False, True])
def test_one_class_only_is_refused(value):
    examples = make_examples()
    one_class = Dataset(examples.X, np.full(60, value), examples.groups, examples.features)
    with pytest.raises(ValueError, match="both kept and removed"):
        fit_dataset(one_class, n_estimators=N_TREES)


def f1_at(probability, kept, threshold):
    decided = probability >= threshold
    return 2 * np.count_nonzero(decided & kept) / max(np.count_nonzero(decided) + np.count_nonzero(kept), 1)


@pytest.mark.parametrize("seed", range(25))
def test_the_threshold_has_the_best_f1_that_any_has(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(5, 200))
    kept = rng.random(n) < rng.uniform(0.1, 0.9)
    kept[:2] = False, True
    probability = np.clip(0.5 * kept + rng.normal(0.3, 0.3, n), 0, 1).round(2)
    best = max(np.arange(1, 100) / 100, key=lambda threshold: f1_at(probability, kept, threshold))
    few = 2 * validation.FEW_HITS / (np.sum(probability >= best) + kept.sum())
    found = decision_threshold(probability, kept)
    assert 0.01 <= found <= 0.99
    lost = f1_at(probability, kept, best) - f1_at(probability, kept, found)
    assert lost <= max(validation.PLATEAU, few) + 1e-12


@pytest.mark.parametrize(
    ("removed", "kept", "expected"), [(0.2, 0.8, validation.USUAL), (0.6, 0.9, 0.61), (0.1, 0.3, 0.3)]
)
def test_the_threshold_between_removed_and_kept_is_the_one_nearest_to_the_usual(removed, kept, expected):
    probability, is_kept = np.array([0.01, removed, kept, 0.95]), np.array([False, False, True, True])
    assert decision_threshold(np.repeat(probability, 20), np.repeat(is_kept, 20)) == pytest.approx(expected)


def test_one_or_two_hits_do_not_move_the_threshold():
    probability, kept = np.array([0.05] * 20 + [0.5, 0.55] + [0.9] * 20), np.array([False] * 22 + [True] * 20)
    assert decision_threshold(probability, kept) == validation.USUAL
    assert decision_threshold(np.tile(probability, 5), np.tile(kept, 5)) == pytest.approx(0.56)


def song_decided_at(threshold, n=40):
    """Return confidences and labels of a song in which exactly what lies above a threshold is kept."""
    probability = np.linspace(0.01, 0.99, n)
    return probability, probability > threshold


def test_songs_that_agree_move_the_threshold_and_songs_that_do_not_leave_it():
    def found(*decided_at):
        probability, kept = (np.concatenate(part) for part in zip(*map(song_decided_at, decided_at), strict=True))
        return decision_threshold(probability, kept, np.repeat(np.arange(len(decided_at)), 40))

    assert found(0.7, 0.7, 0.7, 0.7) > 0.65
    assert found(0.2, 0.2, 0.2, 0.2) < 0.25
    assert found(0.4, 0.4, 0.4, 0.9) == pytest.approx(validation.USUAL)


def known_before(examples, sign=1.0):
    """Return a model that knows the first feature, or its opposite."""
    coef = np.zeros(len(examples.features))
    coef[0] = 3.0 * sign
    n = len(coef)
    return Logistic.of_arrays(n, mean=np.zeros(n), scale=np.ones(n), coef=coef, intercept=[0.0])


def starting(examples, sign=1.0):
    """Return a starting model that knows the first feature, or its opposite."""
    return TrainedModel("cymbals", examples.features, {}, (), 0.5, known_before(examples, sign), {})


def test_a_start_that_is_right_is_left_as_it_is():
    examples = make_examples(200)
    start = starting(examples)
    fitted = fit_dataset(examples, n_estimators=N_TREES, start=start)
    assert fitted.classifier is start.classifier
    assert fitted.refinement.way is None
    assert fitted.validation.min_confidence == start.min_confidence
    assert fitted.impurity_importance == {}


def test_the_edits_win_where_they_disagree_with_what_was_known():
    examples = make_examples(300, n_features=2)
    fitted = fit_dataset(examples, n_estimators=N_TREES, start=starting(examples, sign=-1.0))
    assert fitted.classifier.weight > 0.7
    assert fitted.validation.f1 > 0.9
    assert np.mean((fitted.classifier.predict_proba(examples.X) >= 0.5) == examples.y) > 0.95


def test_random_edits_teach_nothing():
    rng = np.random.default_rng(2)
    examples = make_examples(400, n_features=2)
    noisy = Dataset(examples.X, examples.y ^ (rng.random(400) < 0.3), examples.groups, examples.features)
    assert fit_dataset(noisy, n_estimators=N_TREES, start=starting(examples)).refinement.way is None


@pytest.mark.parametrize("algorithm", ["forest", "logistic"])
def test_importances_are_shares_that_add_up(algorithm):
    examples = make_examples(noise=0.3)
    importance = fit_dataset(examples, algorithm=algorithm, n_estimators=N_TREES).validation.importance
    assert sum(importance.values()) == pytest.approx(1)
    assert min(importance.values()) >= 0
    assert set(importance) == set(examples.features)
    assert list(importance.values()) == sorted(importance.values(), reverse=True)
    assert next(iter(importance)) == "Str"


def test_like_features_are_weighed_together():
    rng = np.random.default_rng(0)
    cause = rng.normal(size=80)
    X = (cause[:, None] + 0.1 * rng.normal(size=(80, 40))).astype(np.float32)
    X[:, 39] = rng.normal(size=80)
    examples = Dataset(X, cause > 0, np.arange(80) % 4, (*(f"After{i}" for i in range(39)), "Amp"))
    importance = fit_dataset(examples, n_estimators=N_TREES).validation.importance
    assert list(importance) == ["level after the stroke", "loudness"]
    assert importance["level after the stroke"] > 0.9


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others():
    examples = make_examples(noise=0.5)
    first, again, other = (fit_dataset(examples, n_estimators=N_TREES, seed=seed) for seed in (1, 1, 2))
    assert file_of(first) == file_of(again)
    assert first.validation.importance == again.validation.importance
    assert first.validation.min_confidence == again.validation.min_confidence
    assert file_of(first) != file_of(other)


def test_the_logistic_regression_ignores_the_seed_and_survives_a_constant_feature():
    examples = make_examples(noise=0.5)
    examples.X[:, 2] = 7.0
    first, other = (fit_dataset(examples, algorithm="logistic", seed=seed) for seed in (1, 2))
    assert file_of(first) == file_of(other)
    assert first.impurity_importance[examples.features[2]] == 0.0


@pytest.mark.parametrize("algorithm", ["forest", "logistic"])
def test_features_that_tell_nothing_are_trained_on_without_a_fault(algorithm):
    examples = make_examples()
    flat = Dataset(np.ones_like(examples.X), examples.y, examples.groups, examples.features)
    fitted = fit_dataset(flat, algorithm=algorithm, n_estimators=N_TREES)
    assert sum(fitted.validation.importance.values()) == pytest.approx(1)
    assert np.isfinite(list(fitted.impurity_importance.values())).all()
