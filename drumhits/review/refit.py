"""The model fitted anew while the user listens, as train_classifier.py fits it, in a process of its own."""

from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Future
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from drumhits.analysis import ALL, FEATURE_SETS, analyze
from drumhits.errors import InputError
from drumhits.models.base import PlainModel
from drumhits.models.modelfile import TrainedModel
from drumhits.parallel import BackgroundProcess
from drumhits.review.places import Places

if TYPE_CHECKING:
    from drumhits.learning.dataset import Dataset

EVERY = 5  # answers


@dataclass(frozen=True)
class Lesson:
    """What a model is fitted to: the pairs of the training folder, and what was decided about this stem so far.

    Attributes
    ----------
    stem : str
    raw_dir, edited_dir : Path
    this_raw : Path
        The raw MIDI of the stem under review, whose pair of an earlier run does not count.
    """

    stem: str
    raw_dir: Path
    edited_dir: Path
    this_raw: Path


class Refitter:
    """Fits models in the background, the latest answers only.

    Parameters
    ----------
    start : TrainedModel
        The model that decides at first, and is refined.
    places : Places
        Of the stem under review.
    process : BackgroundProcess
        Where models are fitted.
    on_fitted : callable (PlainModel)
        Called in another thread with each model that decides otherwise than `start`.
    """

    def __init__(
        self,
        start: TrainedModel,
        places: Places,
        process: BackgroundProcess,
        on_fitted: Callable[[PlainModel], None],
    ):
        self._start, self._on_fitted = start, on_fitted
        self._lesson = Lesson(start.stem, places.raw_dir, places.edited_dir, places.raw)
        self._fits = start.features == FEATURE_SETS[ALL] and not start.offered
        self._process = process
        self._running: Future | None = None
        self._n_learned = 0

    def offer(self, X: np.ndarray, y: np.ndarray) -> None:
        """Fit a model to all answers so far, in the background, where some came since the last time.

        Parameters
        ----------
        X : np.ndarray, shape (n_answers, n_features)
        y : np.ndarray, shape (n_answers,), bool
        """
        is_busy = self._running is not None and not self._running.done()
        if not self._fits or is_busy or abs(len(y) - self._n_learned) < EVERY:
            return
        self._n_learned = len(y)
        try:
            self._running = self._process.submit(fitted, self._lesson, self._start, X, y)
            self._running.add_done_callback(self._take)
        except BrokenExecutor:  # killed, for lack of memory most often: the answers go on without
            self._fits = False

    def _take(self, done: Future) -> None:
        if not done.cancelled() and not isinstance(done.exception(), BrokenExecutor):
            model = done.result()
            if model is not None:
                self._on_fitted(model)

    def train(self, model: Path) -> str:
        """Train a model on all pairs of the training folder, write it, and return what to say of it; waits for it."""
        try:
            return self._process.submit(trained, self._lesson, model).result()
        except BrokenExecutor:
            return "No model was written: the process that trains ended all of a sudden, perhaps for lack of memory."


def fitted(lesson: Lesson, start: TrainedModel, X: np.ndarray, y: np.ndarray) -> PlainModel | None:
    """Return the model refined by the pairs and the answers; None where nothing decides better than the start."""
    from drumhits.learning.dataset import Dataset
    from drumhits.learning.fit import fit_dataset

    here = Dataset(X, y, np.zeros(len(y), int), FEATURE_SETS[ALL])
    dataset = _together(_pairs(lesson), here)
    if dataset.y.all() or not dataset.y.any():
        return None
    model = fit_dataset(dataset, start=start).classifier
    return None if model is start.classifier else model


@cache
def _pairs(lesson: Lesson) -> "Dataset | None":
    """Return the examples of the other pairs of the training folder; None where there is none."""
    from drumhits.edits.pairing import find_pairs
    from drumhits.edits.songs import label_songs
    from drumhits.learning.dataset import gather_dataset

    try:
        pairs = [pair for pair in find_pairs(lesson.raw_dir, lesson.edited_dir, lesson.stem).pairs
                 if pair.raw.resolve() != lesson.this_raw.resolve()]  # fmt: skip
        songs, _ = label_songs(pairs, analyse=partial(analyze, features=ALL))
        return gather_dataset(songs, ALL) if songs else None
    except InputError:
        return None


def _together(others: "Dataset | None", here: "Dataset") -> "Dataset":
    from drumhits.learning.dataset import Dataset

    if others is None:
        return here
    return Dataset(
        X=np.concatenate((others.X, here.X)),
        y=np.concatenate((others.y, here.y)),
        groups=np.concatenate((others.groups, np.full(len(here.y), others.groups.max(initial=-1) + 1))),
        features=here.features,
        offered=np.concatenate((others.offered, here.offered)),
    )


def trained(lesson: Lesson, model: Path) -> str:
    """Train on all pairs of a folder, write the model, and return what to say of it."""
    from drumhits.edits.songs import load_songs
    from drumhits.learning.fit import train_model
    from drumhits.learning.report import verdict

    try:
        loaded = load_songs(lesson.raw_dir, lesson.edited_dir, lesson.stem)
        if loaded.failure:
            raise loaded.failure
        training = train_model(loaded.songs)
        training.write(model)
    except InputError as error:
        return f"No model was written: {error}"
    return f"{model} is written, from {len(loaded.songs)} reviewed or edited stems. {verdict(training)}"
