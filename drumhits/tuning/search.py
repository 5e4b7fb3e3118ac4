"""Bayesian optimisation of several objectives over one space, in step: each gets as many trials as the others.

The sampler is that of Bergstra et al. 2011, "Algorithms for hyper-parameter optimization", as Optuna has it. A search
that was bounded in time is repeated to the digit by the same seed and its number of trials.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import count
from typing import TYPE_CHECKING

from drumhits.errors import UsageError

if TYPE_CHECKING:
    import optuna

Value = int | float | str
Params = dict[str, Value]
Objective = Callable[[Params], float]  # the less, the better
Progress = Callable[[int, int, str], None]  # done, total, what


@dataclass(frozen=True)
class Range:
    """The values of a parameter, ends included; as many steps up as down in proportion, where it is of proportions."""

    low: float
    high: float
    is_whole: bool = False
    is_of_proportions: bool = False

    def suggest(self, trial: "optuna.Trial", name: str) -> Value:
        """Return the value to try: whole, or of three digits that count."""
        if self.is_whole:
            return trial.suggest_int(name, int(self.low), int(self.high), log=self.is_of_proportions)
        return float(f"{trial.suggest_float(name, self.low, self.high, log=self.is_of_proportions):.3g}")

    def nearest(self, value: float) -> Value:
        """Return the value of the range next to another one."""
        within = min(max(value, self.low), self.high)
        return round(within) if self.is_whole else within


@dataclass(frozen=True)
class Choice:
    """A name among several, and the parameters that each of them has."""

    names: tuple[str, ...]

    def suggest(self, trial: "optuna.Trial", name: str) -> Value:
        """Return the name to try."""
        chosen: str = trial.suggest_categorical(name, self.names)
        return chosen


@dataclass(frozen=True)
class Budget:
    """When a search ends: after some minutes, after some trials, or whatever comes first.

    Raises
    ------
    UsageError
        A number is not above 0, or Optuna is not installed.
    """

    minutes: float | None = None
    n_trials: int | None = None

    def __post_init__(self) -> None:
        if self.minutes is not None and not 0 < self.minutes < float("inf"):
            raise UsageError(f"--tune {self.minutes:g}: give the minutes to search for, above 0.")
        if self.n_trials is not None and self.n_trials < 1:
            raise UsageError(f"--tune-trials {self.n_trials}: give 1 or more.")
        if find_spec("optuna") is None:
            raise UsageError("--tune needs Optuna: python -m pip install -r requirements-tuning.txt.")

    def is_spent(self, n_trials: int, seconds: float) -> bool:
        """Return whether so many trials in so many seconds are enough; the first one always has the time it needs."""
        out_of_time = self.minutes is not None and n_trials > 0 and seconds >= 60 * self.minutes
        return out_of_time or (self.n_trials is not None and n_trials >= self.n_trials)

    def tell(self, progress: Progress, n_trials: int, seconds: float) -> None:
        """Report how far a search is, by what bounds it."""
        budget_s = max(int(60 * (self.minutes or 0)), 1)
        bounds = [(min(int(seconds), budget_s), budget_s)] if self.minutes else []
        bounds += [(n_trials, self.n_trials)] if self.n_trials else []
        done, total = max(bounds, key=lambda bound: bound[0] / bound[1])
        progress(done, total, f"{n_trials} settings tried")


@dataclass(frozen=True)
class Found:
    """What a search found.

    Attributes
    ----------
    best : tuple of Params
        Of each objective; empty where no trial was finished.
    n_trials : int
        Of each objective.
    seconds : float
    was_interrupted : bool
        By Ctrl-C.
    """

    best: tuple[Params, ...]
    n_trials: int
    seconds: float
    was_interrupted: bool


def search(
    space: Callable[["optuna.Trial"], Params],
    objectives: Sequence[Objective],
    starts: Sequence[Sequence[Mapping[str, Value]]],
    budget: Budget,
    seed: int,
    progress: Progress = lambda done, total, what: None,
) -> Found:
    """Return the best parameters of each objective that were found within a budget, or until Ctrl-C.

    Parameters
    ----------
    space : callable (trial) -> Params
        The parameters to try, as the trial suggests them.
    objectives : sequence of callable (Params) -> float
        What is to be as small as possible.
    starts : sequence of sequence of mapping
        Of each objective the parameters to try first.
    budget : Budget
    seed : int >= 0
        Same seed, same number of trials, same objectives: the same found.
    progress : callable (done, total, what), optional
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    studies = [optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed)) for _ in objectives]
    for study, first in zip(studies, starts, strict=True):
        for params in first:
            study.enqueue_trial(dict(params))
    best: list[tuple[float, Params]] = []
    n_trials, started_s, was_interrupted = 0, time.monotonic(), False
    try:
        for n_trials in count():
            seconds = time.monotonic() - started_s
            budget.tell(progress, n_trials, seconds)
            if budget.is_spent(n_trials, seconds):
                break
            tried = []
            for study, objective in zip(studies, objectives, strict=True):
                if not budget.is_spent(n_trials, time.monotonic() - started_s):
                    tried.append(_trial(study, space, objective))
            if len(tried) < len(studies):
                break  # of a trial that not all objectives had, nothing is used
            best = [min(pair, key=lambda one: one[0]) for pair in zip(best or tried, tried, strict=True)]
    except KeyboardInterrupt as stop:
        if type(stop) is not KeyboardInterrupt:  # the process is to end
            raise
        was_interrupted = True
    return Found(tuple(params for _, params in best), n_trials, time.monotonic() - started_s, was_interrupted)


def _trial(
    study: "optuna.Study", space: Callable[["optuna.Trial"], Params], objective: Objective
) -> tuple[float, Params]:
    trial = study.ask()
    params = space(trial)
    loss = objective(params)
    study.tell(trial, loss)
    return loss, params
