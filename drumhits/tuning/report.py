"""What a search came to -> the lines that the script prints."""

from collections.abc import Mapping, Sequence
from typing import Any

from drumhits.learning.verdict import HeldOutScore
from drumhits.tuning.hyperparameters import Tuning
from drumhits.tuning.search import Found
from drumhits.tuning.settings import TunedSettings


def tuning_report(tuning: Tuning, seed: int) -> str:
    """Return what a search for hyperparameters found, what it is worth, and how to repeat it."""
    taken = f"Taken: {tuning.algorithm} with {_values(tuning.best)}" if tuning.tuned else None
    stays = f"The usual ones stay; the best were {tuning.algorithm} with {_values(tuning.best)}, not surely better"
    return _report(f"hyperparameters of {tuning.algorithm}", tuning.found, tuning.held_out, taken or stays, seed)


def settings_report(tuned: TunedSettings, seed: int) -> str:
    """Return the same of a search for settings."""
    taken = "Taken" if tuned.is_used else "The settings stay as they were; what was found is not surely better"
    return _report(f"settings of {tuned.learned.stem}", tuned.found, tuned.held_out, taken, seed)


def _report(what: str, found: Found, held_out: Sequence[HeldOutScore], taken: str, seed: int) -> str:
    stopped = ", stopped by Ctrl-C" if found.was_interrupted else ""
    head = f"Tuned {what}: {found.n_trials} tried in {found.seconds:.0f} s{stopped}."
    if not held_out:
        return f"{head} None was finished, so nothing is changed."
    before, after = held_out
    width = max(len(one.name) for one in held_out)
    return "\n".join(
        [
            head,
            "What a new song gets, by songs held out twice:",
            f"  {before.name:<{width}}  F1 {before.f1:.1%}",
            f"  {after.name:<{width}}  F1 {after.f1:.1%}{after.above(before).interval_text}",
            f"{taken}.",
            f"The same again: --tune-trials {found.n_trials} --seed {seed}",
        ]
    )


def _values(params: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value:g}" for name, value in params.items())
