"""The options of a training, checked as they are made, and the model that they start from."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from drumhits.analysis import ALL, EMBEDDED
from drumhits.bundle import PRETRAINED, is_bundled
from drumhits.config.load import StemConfig
from drumhits.errors import UsageError
from drumhits.learning.algorithms import ALGORITHMS, FOREST, NETWORK, USUAL, Hyperparameters
from drumhits.models.blend import MAX_REFINEMENTS
from drumhits.models.choice import model_path
from drumhits.models.modelfile import TrainedModel, load_model

FROM_NOTHING = "none"
MAX_TREES = 2000
MAX_SEED = 2**32 - 1


@dataclass(frozen=True, eq=False)
class Tuned:
    """The algorithm and the hyperparameters that a search found better than those of the options.

    Attributes
    ----------
    algorithm : str
    hyperparameters : Hyperparameters
    n_trials : int
    probability : np.ndarray, shape (n,), or None
        Of each candidate by a model that has not seen its song, tuned on others only, NaN where there is none; None
        where the cross-validation is to give it.
    """

    algorithm: str
    hyperparameters: Hyperparameters
    n_trials: int
    probability: np.ndarray | None


@dataclass(frozen=True)
class TrainingOptions:
    """How a model is trained.

    Attributes
    ----------
    algorithm : str
        One of `algorithms.ALGORITHMS`.
    n_estimators : int in 1..2000
        Trees of a forest.
    seed : int in 0..2**32 - 1
        Same examples, same seed: same model.
    features : str
        The set of features, ALL or GUIDE, that the model is trained on.
    start_from : str, optional
        "pretrained", or the path of a model file: the model that the edits refine; FROM_NOTHING: no model. By default
        the bundled model where it fits.
    force : bool
        Train on very few hits, too.
    tuned : Tuned, optional
        What `tuning` found for the same songs; beats `algorithm`.

    Raises
    ------
    UsageError
        A number is out of range.
    """

    algorithm: str = FOREST
    n_estimators: int = 200
    seed: int = 0
    features: str = ALL
    start_from: str | None = None
    force: bool = False
    tuned: Tuned | None = None

    @property
    def feature_set(self) -> str:
        """The set of features that songs are analysed with: a network takes the bundled networks' embeddings, too."""
        is_wide = self.features == ALL and (self.algorithm == NETWORK or self._starts_from_embeddings)
        return EMBEDDED if is_wide else self.features

    @property
    def _starts_from_embeddings(self) -> bool:
        given = self.start_from
        if given is None or given == FROM_NOTHING or is_bundled(given):
            return False
        return load_model(Path(given)).feature_set == EMBEDDED

    @property
    def hyperparameters(self) -> Hyperparameters:
        """The tuned ones, or the usual ones."""
        return self.tuned.hyperparameters if self.tuned else USUAL

    def __post_init__(self) -> None:
        if self.algorithm not in ALGORITHMS:
            raise UsageError(f"--algorithm {self.algorithm}: give {' or '.join(ALGORITHMS)}.")
        if not 1 <= self.n_estimators <= MAX_TREES:
            raise UsageError(f"--n-estimators {self.n_estimators}: give 1 to {MAX_TREES}.")
        if not 0 <= self.seed <= MAX_SEED:
            raise UsageError(f"--seed {self.seed}: give 0 to {MAX_SEED}.")


def starting_model(
    options: TrainingOptions, config: StemConfig, features: tuple[str, ...]
) -> tuple[TrainedModel | None, str]:
    """Return the model that the edits refine, None where none is wanted or the bundled one misfits, and why not."""
    if options.start_from == FROM_NOTHING:
        return None, ""
    given = options.start_from or PRETRAINED
    model = load_model(model_path(given, config.stem))
    model.require_stem(config.stem, given)
    misfit = model.misfit(features, config)
    if misfit and options.start_from:
        raise UsageError(f"--start-from {given}: {misfit}; leave the option out, or that setting as it was.")
    if model.classifier.n_refinements >= MAX_REFINEMENTS:
        raise UsageError(
            f"--start-from {given}: was refined {MAX_REFINEMENTS} times already, and cannot be once more; train on the "
            "songs of all these times together, without the option."
        )
    return (None, misfit) if misfit else (replace(model, classifier=model.everywhere, offered=()), "")
