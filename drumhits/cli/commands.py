"""The commands that pip installs: the scripts, which take Ctrl-C before they load."""

from drumhits.cli.interrupts import end_quietly


def stems_to_midi() -> int:
    return _run("stems_to_midi")


def train_classifier() -> int:
    return _run("train_classifier")


def evaluate_model() -> int:
    return _run("evaluate_model")


def _run(script: str) -> int:
    end_quietly()
    from importlib import import_module

    code: int = import_module(script).main()
    return code
