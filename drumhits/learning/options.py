"""The options of a training, checked as they are made."""

from dataclasses import dataclass

from drumhits.analysis import ALL
from drumhits.errors import UsageError
from drumhits.learning.algorithms import ALGORITHMS, FOREST

FROM_NOTHING = "none"
MAX_TREES = 2000
MAX_SEED = 2**32 - 1


@dataclass(frozen=True)
class TrainingOptions:
    """How a model is trained.

    Attributes
    ----------
    algorithm : str
        FOREST or LOGISTIC.
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

    def __post_init__(self) -> None:
        if self.algorithm not in ALGORITHMS:
            raise UsageError(f"--algorithm {self.algorithm}: give {' or '.join(ALGORITHMS)}.")
        if not 1 <= self.n_estimators <= MAX_TREES:
            raise UsageError(f"--n-estimators {self.n_estimators}: give 1 to {MAX_TREES}.")
        if not 0 <= self.seed <= MAX_SEED:
            raise UsageError(f"--seed {self.seed}: give 0 to {MAX_SEED}.")
