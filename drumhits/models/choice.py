"""Which model decides about which stem: what the user gives, and the bundled models beside it."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from drumhits.bundle import PRETRAINED
from drumhits.errors import InputError, UsageError
from drumhits.models.modelfile import TrainedModel, load_model, pretrained_path

PRETRAINED_FOR_MIXES = "pretrained for mixes"  # what the models of --split are called


class NamedModel(NamedTuple):
    """A model, and what it is called in reports and MIDI files: the name of its file, or "pretrained"."""

    name: str
    model: TrainedModel


def model_files(given: Iterable[Path]) -> list[Path]:
    """Return the model files of what was given: files, the word "pretrained", and folders, which stand for their *.pkl.

    Raises
    ------
    InputError
        A folder holds none.
    """
    files: list[Path] = []
    for path in given:
        inside = sorted(path.glob("*.pkl")) if str(path) != PRETRAINED and path.is_dir() else [path]
        if not inside:
            raise InputError(f"{path}: holds no model file (*.pkl); train one with train_classifier.py.")
        files += inside
    return files


def resolve(
    given: Sequence[Path], stems: Iterable[str], *, in_mix: bool = False, any_stem: bool = False
) -> dict[str, NamedModel]:
    """Return the model that decides about each stem; none where none is given.

    Each stem gets the model that was trained on it; where a model fits another of the stems, or the bundled models are
    given, too, those fill in.

    Parameters
    ----------
    given : sequence of Path
        See `model_files`.
    stems : iterable of str
    in_mix : bool
        The audio is a whole drum mix: the bundled models for mixes decide, whatever is given.
    any_stem : bool
        A single model file decides about every stem, whatever it was trained on; a folder's models do not.

    Raises
    ------
    InputError
        See `model_files` and `load_model`; or no model was trained on any of the stems.
    UsageError
        Two models were trained on the same stem.
    """
    wanted = sorted(set(stems))
    if in_mix:
        return {stem: _bundled(stem, in_mix=True) for stem in wanted}
    own: dict[str, NamedModel] = {}
    for path in (path for path in model_files(given) if str(path) != PRETRAINED):
        model = load_model(path)
        if any_stem and [*given] == [path]:
            return dict.fromkeys(wanted, NamedModel(path.name, model))
        other = own.setdefault(model.stem, NamedModel(path.name, model))
        if other.model is not model:
            raise UsageError(f"{path}: is a second model of {model.stem}, beside {other.name}; give one of them.")
    fills_in = PRETRAINED in map(str, given) or any(stem in own for stem in wanted)
    if own and not fills_in:
        for stem in wanted:
            own[min(own)].model.require_stem(stem, own[min(own)].name)
    return {stem: own.get(stem) or _bundled(stem) for stem in wanted if given}


def _bundled(stem: str, *, in_mix: bool = False) -> NamedModel:
    return NamedModel(
        PRETRAINED_FOR_MIXES if in_mix else PRETRAINED, load_model(pretrained_path(stem, in_mix=in_mix))
    )
