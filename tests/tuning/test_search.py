"""The search: finds what is there to find, repeats itself, ends when it is to, and keeps what it has on Ctrl-C."""

import pytest

from drumhits.errors import UsageError
from drumhits.tuning import search as module
from drumhits.tuning.search import Budget, Choice, Found, Range, search

WHOLE, REAL = Range(0, 20, is_whole=True), Range(0.01, 10, is_of_proportions=True)


def space(trial):
    return {"n": WHOLE.suggest(trial, "n"), "x": REAL.suggest(trial, "x")}


def distance_to(n, x):
    return lambda params: abs(params["n"] - n) + abs(params["x"] - x)


def found(*objectives, n_trials=40, starts=(), **options) -> Found:
    return search(space, objectives, [starts] * len(objectives), Budget(n_trials=n_trials), 3, **options)


def test_each_objective_gets_what_suits_it():
    best = found(distance_to(4, 1), distance_to(17, 0.05)).best
    assert distance_to(4, 1)(best[0]) < 2
    assert distance_to(17, 0.05)(best[1]) < 2


def test_the_same_seed_and_number_of_trials_find_the_same_however_long_it_takes():
    assert found(distance_to(4, 1)).best == found(distance_to(4, 1)).best
    slow = search(space, [distance_to(4, 1)], [()], Budget(minutes=0.005), 3)
    assert slow.best == found(distance_to(4, 1), n_trials=slow.n_trials).best


def test_what_is_known_is_tried_first():
    assert found(distance_to(4, 1), n_trials=1, starts=({"n": 4, "x": 1.0},)).best == ({"n": 4, "x": 1.0},)


def test_a_name_may_have_parameters_of_its_own():
    def of_names(trial):
        name = Choice(("near", "far")).suggest(trial, "name")
        return {"name": name} | ({"n": WHOLE.suggest(trial, "n")} if name == "near" else {})

    best = search(of_names, [lambda params: params.get("n", 99)], [()], Budget(n_trials=20), 0).best[0]
    assert (best["name"], best["n"] < 3) == ("near", True)


def interrupted_at(call, error):
    calls = []

    def objective(params):
        calls.append(params)
        if len(calls) == call:
            raise error
        return distance_to(4, 1)(params)

    return objective


def test_ctrl_c_keeps_the_best_of_the_trials_that_all_objectives_finished():
    stopped = found(distance_to(4, 1), interrupted_at(8, KeyboardInterrupt))
    assert (stopped.n_trials, stopped.was_interrupted) == (7, True)
    assert stopped.best == found(distance_to(4, 1), distance_to(4, 1), n_trials=7).best


def test_ctrl_c_before_the_first_trial_ends_leaves_nothing():
    assert found(interrupted_at(1, KeyboardInterrupt)).best == ()


def test_a_process_that_is_to_end_ends():
    class Stopped(KeyboardInterrupt):
        pass

    with pytest.raises(Stopped):
        found(interrupted_at(2, Stopped))


def test_the_bar_goes_by_what_ends_the_search():
    seen = []
    found(distance_to(4, 1), n_trials=3, progress=lambda *said: seen.append(said))
    assert seen == [(n, 3, f"{n} settings tried") for n in range(4)]
    by_time = Budget(minutes=1, n_trials=1000)
    by_time.tell(lambda *said: seen.append(said), 10, 30.0)
    assert seen[-1] == (30, 60, "10 settings tried")
    assert by_time.is_spent(1000, 0.0)
    assert by_time.is_spent(10, 60.0)
    assert not by_time.is_spent(10, 59.0)
    assert not by_time.is_spent(0, 99.0)


def test_a_trial_that_not_all_objectives_have_in_time_counts_for_none(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])

    def slow(params):
        now[0] += 25.0
        return distance_to(4, 1)(params)

    cut = search(space, [slow, slow], [()] * 2, Budget(minutes=1), 3)
    assert (cut.n_trials, cut.seconds) == (1, 75.0)
    assert cut.best == found(distance_to(4, 1), distance_to(4, 1), n_trials=1).best


@pytest.mark.parametrize("budget", [{"minutes": 0}, {"minutes": -1}, {"minutes": float("inf")}, {"n_trials": 0}])
def test_no_search_without_an_end_or_a_beginning(budget):
    with pytest.raises(UsageError, match=r"--tune.*give"):
        Budget(**budget)


def test_without_optuna_a_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"python -m pip install -r requirements-tuning\.txt"):
        Budget(5)


def test_values_lie_in_the_range():
    assert (WHOLE.nearest(7.6), WHOLE.nearest(99), REAL.nearest(0.0)) == (8, 20, 0.01)
