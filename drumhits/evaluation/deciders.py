"""What is compared: trained models, and beside them two baselines, each as a function from candidates to decisions."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from drumhits.analysis import GUIDE
from drumhits.bundle import PRETRAINED
from drumhits.config.load import StemConfig
from drumhits.detection.features import FeatureTable
from drumhits.evaluation.words import importance_by_kind
from drumhits.models.choice import model_path
from drumhits.models.decisions import Decisions, by_thresholds
from drumhits.models.modelfile import TrainedModel, load_model

THRESHOLDS, ALL_CANDIDATES = "thresholds of midiconfig.yaml", "all candidates"


@dataclass(frozen=True)
class Decider:
    """A model or a baseline: which candidates it keeps.

    Attributes
    ----------
    name : str
        In the report.
    config : StemConfig
        Settings of detection and of the notes.
    decide : callable (FeatureTable, StemConfig) -> Decisions
    min_confidence : float in 0..1, or None
        Decision threshold; None for a baseline.
    feature_set : str
        The features that it needs; see `analysis.analyze`.
    importance : tuple of (str, float)
        Share of each kind of features, greatest first; empty where not known.
    trained_on : frozenset of str
        Fingerprints of the audio it was trained on.
    """

    name: str
    config: StemConfig
    decide: Callable[[FeatureTable, StemConfig], Decisions]
    min_confidence: float | None = None
    feature_set: str = GUIDE
    importance: tuple[tuple[str, float], ...] = ()
    trained_on: frozenset[str] = frozenset()


def load_deciders(paths: Sequence[Path], stem: str, config: StemConfig, *, any_stem: bool = False) -> list[Decider]:
    """Model files -> deciders with names that tell them apart: the file's name, or its path where two share it.

    Parameters
    ----------
    paths : sequence of Path
        Model files, or the words of `choice.model_path`.
    any_stem : bool
        Whether models of another stem are accepted.

    Raises
    ------
    InputError
        A file cannot be read or is no model, or is one of another stem.
    """
    names = [path.name for path in paths]
    deciders = []
    for path, name in zip(paths, names, strict=True):
        model = load_model(model_path(str(path), stem))
        if not any_stem:
            model.require_stem(stem, str(path))
        deciders.append(model_decider(model, name if names.count(name) == 1 else str(path), config))
    return deciders


def bundled_beside(paths: Sequence[Path], stem: str, config: StemConfig) -> list[Decider]:
    """Return the bundled model of a stem, to be shown beside other models; nothing where it is one of them."""
    return [] if PRETRAINED in map(str, paths) else load_deciders([Path(PRETRAINED)], stem, config)


def model_decider(model: TrainedModel, name: str, config: StemConfig) -> Decider:
    """Trained model -> decider; detection is the model's own, the notes are those of `config`, as in a conversion."""
    songs = [song for song in model.training["songs"] if isinstance(song, dict)]
    return Decider(
        name=name,
        config=model.config(config),
        decide=model.decide,
        min_confidence=model.min_confidence,
        feature_set=model.feature_set,
        importance=importance_by_kind(model.training.get("importance")),
        trained_on=frozenset(str(song.get("fingerprint")) for song in songs),
    )


def baselines(thresholds: StemConfig, candidates: StemConfig) -> tuple[Decider, Decider]:
    """Settings -> the two baselines: the thresholds of one configuration, and all candidates of another."""
    return Decider(THRESHOLDS, thresholds, by_thresholds), Decider(ALL_CANDIDATES, candidates, _keep_all)


def _keep_all(table: FeatureTable, config: StemConfig) -> Decisions:
    return Decisions(np.ones(len(table), bool), ("",) * len(table))
