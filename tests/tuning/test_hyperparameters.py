"""Tuned hyperparameters: taken where songs held out twice show that they help, chosen without these songs."""

from dataclasses import replace

import numpy as np
import pytest

from drumhits.errors import NotEnoughDataError
from drumhits.learning.dataset import Dataset
from drumhits.learning.fit import Prepared, fit_prepared
from drumhits.learning.options import TrainingOptions
from drumhits.tuning import hyperparameters
from drumhits.tuning.hyperparameters import OF_ALGORITHM, RANGES, outer_folds, tune_model
from drumhits.tuning.report import tuning_report
from drumhits.tuning.search import Budget

OPTIONS = TrainingOptions(algorithm="logistic")
FOREST = TrainingOptions(algorithm="forest", n_estimators=10)
TRIALS = Budget(n_trials=6)


def songs(n_songs=9, n=30, n_useless=20, noise=0.1):
    """Return songs in which one feature tells, which splits of a forest seldom get among so many others."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_songs * n, 1 + n_useless)).astype(np.float32)
    y = X[:, 0] + noise * rng.normal(size=len(X)) > 0
    return Dataset(X, y, np.repeat(np.arange(n_songs), n), tuple(f"f{i}" for i in range(1 + n_useless)))


@pytest.fixture
def tune(monkeypatch):
    def tune_dataset(dataset, options=OPTIONS, budget=TRIALS):
        monkeypatch.setattr(hyperparameters, "prepare", lambda *_: Prepared(dataset, None, "", (), ()))
        return tune_model((), (), options, budget)

    return tune_dataset


def test_what_helps_is_taken_and_the_report_of_the_training_scores_it_on_songs_held_out_twice(tune):
    dataset = songs(n_useless=200)
    tuning = tune(dataset, FOREST, Budget(n_trials=4))
    before, after = tuning.held_out
    assert after.f1 > before.f1 + 0.05
    assert tuning.tuned.hyperparameters.max_features > 0.3
    fitted = fit_prepared(Prepared(dataset, None, "", (), ()), replace(FOREST, tuned=tuning.tuned))
    np.testing.assert_array_equal(fitted.validation.probability, tuning.tuned.probability)
    report = tuning_report(tuning, 7)
    assert "Tuned hyperparameters of forest: 4 tried in" in report
    assert f"max_features {tuning.best['max_features']:g}." in report
    assert report.endswith("The same again: --tune-trials 4 --seed 7")


def test_what_does_not_help_is_not_taken(tune):
    tuning = tune(songs(n_useless=0))
    assert tuning.tuned is None
    assert "not surely better" in tuning_report(tuning, 0)


def test_what_decides_about_a_song_was_chosen_without_it(tune):
    dataset = songs()
    (_, held_out), *_ = outer_folds(dataset.groups)
    other = Dataset(dataset.X, dataset.y.copy(), dataset.groups, dataset.features)
    other.y[held_out] = ~other.y[held_out]
    first, second = tune(dataset).found, tune(other).found
    assert first.best[0] == second.best[0]
    assert first.best[1:] != second.best[1:]


def test_auto_chooses_the_algorithm_too(tune):
    options = TrainingOptions(algorithm="auto", n_estimators=5)
    tuning = tune(songs(n_songs=4, n_useless=2), options, Budget(n_trials=2))
    assert tuning.algorithm in ("forest", "logistic", "ensemble")
    assert set(tuning.best) == set(OF_ALGORITHM[tuning.algorithm])
    assert tuning.found.n_trials == 2


def test_every_algorithm_has_hyperparameters_and_every_one_is_of_an_algorithm():
    assert {name for names in OF_ALGORITHM.values() for name in names} == set(RANGES)


def test_too_few_songs_are_refused(tune):
    with pytest.raises(NotEnoughDataError, match="--tune holds songs out twice, and needs 4 of them, not 3"):
        tune(songs(n_songs=3))
