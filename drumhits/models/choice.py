"""Which model decides about which stem: what the user gives, and the bundled models beside it."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from drumhits.bundle import NETWORKS_DIR, PRETRAINED, PRETRAINED_DIR, is_bundled
from drumhits.drums import STEMS
from drumhits.errors import InputError, UsageError
from drumhits.models.modelfile import TrainedModel, load_model, pretrained_path

PRETRAINED_FOR_MIXES = "pretrained for mixes"  # what the models of --split are called


class NamedModel(NamedTuple):
    """A model, and what it is called in reports and MIDI files: the name of its file, or "pretrained"."""

    name: str
    model: TrainedModel


def genres() -> dict[str, dict[str, Path]]:
    """Return the files of the bundled models of each genre, by genre and stem; they lie in models/pretrained/GENRE/."""
    found: dict[str, dict[str, Path]] = {}
    for path in sorted(PRETRAINED_DIR.glob("*/*.pkl")):
        if path.stem in STEMS and path.parent != NETWORKS_DIR:
            found.setdefault(path.parent.name, {})[path.stem] = path
    return found


def models_of_genre(given: str) -> dict[str, Path] | None:
    """Return the model files that "pretrained:GENRE" stands for, by stem; None where it is another word.

    Raises
    ------
    InputError
        There are none of the genre.
    """
    word, colon, genre = given.partition(":")
    if word != PRETRAINED or not colon:
        return None
    known = genres()
    if genre not in known:
        there = f"there are those of {', '.join(known)}" if known else "there is none of any genre in this version"
        raise InputError(f"{given}: the toolkit brings no model of that genre; {there}. Give {PRETRAINED} alone.")
    return known[genre]


def model_path(given: str, stem: str) -> Path:
    """Return the file that decides about a stem, of a file, or of the words "pretrained" and "pretrained:GENRE".

    Raises
    ------
    InputError
        There is no model of that genre, or none of this stem.
    """
    of_genre = models_of_genre(given)
    if of_genre is None:
        return pretrained_path(stem) if given == PRETRAINED else Path(given)
    if stem not in of_genre:
        raise InputError(
            f"{given}: the toolkit brings no model of {stem} of that genre, but of {', '.join(of_genre)}; "
            f"for others give {PRETRAINED} alone."
        )
    return of_genre[stem]


def _name(path: Path) -> str:
    """Return what a model is called in reports: the name of its file, or the word that brings it."""
    return f"{PRETRAINED}:{path.parent.name}" if path.parent.parent == PRETRAINED_DIR else path.name


def model_files(given: Iterable[Path]) -> list[Path]:
    """Return the model files of what was given: files, and folders and genres, which stand for the models in them.

    The word "pretrained" stands for itself.

    Raises
    ------
    InputError
        A folder holds none, or there is no such genre.
    """
    files: list[Path] = []
    for path in given:
        if of_genre := models_of_genre(str(path)):
            files += of_genre.values()
            continue
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
        other = own.setdefault(model.stem, NamedModel(_name(path), model))
        if other.model is not model:
            raise UsageError(f"{path}: is a second model of {model.stem}, beside {other.name}; give one of them.")
    fills_in = any(map(is_bundled, given)) or any(stem in own for stem in wanted)
    if own and not fills_in:
        for stem in wanted:
            own[min(own)].model.require_stem(stem, own[min(own)].name)
    return {stem: own.get(stem) or _bundled(stem) for stem in wanted if given}


def _bundled(stem: str, *, in_mix: bool = False) -> NamedModel:
    return NamedModel(
        PRETRAINED_FOR_MIXES if in_mix else PRETRAINED, load_model(pretrained_path(stem, in_mix=in_mix))
    )
