"""Dataset -> fitted model, and the model that is written."""

import platform
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
import sklearn
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from drumhits import __version__
from drumhits.detection.context import families
from drumhits.learning.dataset import Counts, Dataset, after_thresholds, counts
from drumhits.learning.sharing import ExampleFile
from drumhits.learning.songs import LabelledSong
from drumhits.learning.validation import Fold, Validation, _fit_folds, _folds, _importance, _validate
from drumhits.models.base import Logistic, PlainModel
from drumhits.models.blend import Blend, log_opinion_pool
from drumhits.models.forest import Forest
from drumhits.models.modelfile import TrainedModel, detection_of, networks_of

MIN_LEAF = 3  # examples: finer leaves fit one drum kit and err on the next
MAX_TREE_DEPTH = 16  # deeper trees cost time and gain nothing on unseen songs
USUAL_HALF = 32_000  # examples that usually teach as much as the bundled models know
SHARES = np.arange(5, 101, 5) / 100  # edits always count a little
# By what the logarithm of the held-out squared error must fall for a share that is not near the usual one, and the more
# so the farther it is; the error has something added, so that a few examples decide nothing.
DECISIVE, NEAR_USUAL, FAR, ERROR_UNSEEN = 0.4, 0.15, 0.4, 5.0


@dataclass(frozen=True)
class Algorithm:
    """How to fit: `estimator(n_estimators, seed)` is scikit-learn's, `export` makes the plain model of it."""

    estimator: Callable
    export: Callable[[object], PlainModel]
    weights: Callable[[object], np.ndarray]


def _shares_of_coefficients(magnitudes: np.ndarray) -> np.ndarray:
    return magnitudes / max(magnitudes.sum(), np.finfo(float).tiny)


ALGORITHMS = {
    "forest": Algorithm(
        lambda n_estimators, seed: RandomForestClassifier(
            n_estimators, max_depth=MAX_TREE_DEPTH, min_samples_leaf=MIN_LEAF, random_state=seed, n_jobs=1
        ),
        Forest.from_sklearn,
        lambda fitted: fitted.feature_importances_,
    ),
    "logistic": Algorithm(
        lambda n_estimators, seed: make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000)),
        Logistic.from_sklearn,
        lambda fitted: _shares_of_coefficients(np.abs(fitted[-1].coef_[0])),
    ),
}


@dataclass(frozen=True)
class FittedModel:
    """A model of all examples, and how such a model does on unseen ones."""

    classifier: PlainModel
    validation: Validation
    impurity_importance: dict[str, float]


def train(
    examples: Dataset,
    *,
    algorithm: str = "forest",
    n_estimators: int = 200,
    seed: int = 0,
    start_from: PlainModel | None = None,
    left_to_it: str | None = None,
) -> FittedModel:
    """Fit a model on all examples, after cross-validating one just like it.

    Parameters
    ----------
    start_from : PlainModel, optional
        What is known before the examples; it takes the same features. The result blends it with what they teach.
    left_to_it : str, optional
        The feature that `start_from` decides by and the examples teach nothing about: two judges who look at
        different things err less together.

    Raises
    ------
    ValueError
        Only one class among the examples.
    """
    if examples.kept.all() or not examples.kept.any():
        raise ValueError("both kept and removed examples are needed")
    method, taught = ALGORITHMS[algorithm], examples.blanked(left_to_it)
    fitted = method.estimator(n_estimators, seed).fit(taught.X, taught.kept)
    weights = method.weights(fitted)
    learned = method.export(fitted)
    splits, by_song = _folds(examples, seed)
    folds = _fit_folds(taught, splits, lambda: method.estimator(n_estimators, seed), method.export)
    columns = {name: found for name, found in families(examples.features).items() if name != left_to_it}
    importance = _importance(taught, folds, columns, weights, seed)
    if start_from is not None:
        share = _share_of_learned(examples, folds, start_from)
        learned = Blend(learned.n_features, start_from, learned, share)
        folds = [replace(fold, model=Blend(learned.n_features, start_from, fold.model, share)) for fold in folds]
    return FittedModel(
        classifier=learned,
        validation=_validate(examples, folds, by_song, importance),
        impurity_importance=dict(zip(examples.features, weights.tolist(), strict=True)),
    )


def _share_of_learned(examples: Dataset, folds: list[Fold], before: PlainModel) -> float:
    """Return the weight of what the examples taught beside what was known before.

    Mostly it is what so many examples usually deserve, or near it: that other songs than these are like them is more
    than their error can tell. But where edits contradict what was known, as a taste does, the error falls so far that
    it decides: a prior of a spike and a slab (Mitchell and Beauchamp 1988, "Bayesian variable selection in linear
    regression").
    """
    usual = len(examples.kept) / (len(examples.kept) + USUAL_HALF)
    if not folds:
        return float(max(usual, SHARES[0]))
    held_out = np.concatenate([fold.held_out for fold in folds])
    learned = np.concatenate([fold.model.predict_proba(examples.X[fold.held_out]) for fold in folds])
    known, kept = before.predict_proba(examples.X[held_out]), examples.kept[held_out]
    errors = np.array([np.sum((log_opinion_pool(known, learned, share) - kept) ** 2) for share in SHARES])
    distance = SHARES - usual
    doubt = DECISIVE * (1 - np.exp(-0.5 * (distance / NEAR_USUAL) ** 2)) + FAR * distance**2
    return float(SHARES[np.argmin(np.log(errors + ERROR_UNSEEN) + doubt)])


def make_model(
    songs: Sequence[LabelledSong],
    examples: Dataset,
    fitted: FittedModel,
    options: dict,
    others: Sequence[ExampleFile] = (),
) -> TrainedModel:
    """Return the model with everything that its file carries; `others` are files that `examples` has parts of."""
    validation = fitted.validation
    per_song = [counts(song.labels.labels) for song in songs]
    total, config = counts(examples.kept), (songs[0] if songs else others[0]).config
    return TrainedModel(
        stem=config.stem,
        features=examples.features,
        detection=detection_of(config),
        after_thresholds=after_thresholds(songs) or any(file.after_thresholds for file in others),
        min_confidence=validation.min_confidence,
        classifier=fitted.classifier,
        training={
            **options,
            "kept": total.kept,
            "removed": total.removed,
            "songs": [
                {
                    "name": _plain_name(song.name),
                    "fingerprint": song.fingerprint,
                    "siblings": list(song.siblings),
                    **asdict(one),
                }
                for song, one in zip(songs, per_song, strict=True)
            ]
            + [
                {"name": "from a file of examples", "fingerprint": "", "siblings": [], **asdict(one)}
                for file in others
                for one in _counts_by_song(file)
            ],
            "scores": scores(validation),
            "importance": validation.importance,
            "versions": {
                "drumhits": __version__,
                "python": platform.python_version(),
                "numpy": np.__version__,
                "scikit-learn": sklearn.__version__,
            },
        },
        networks=networks_of(config.stem, examples.features),
    )


def _counts_by_song(file: ExampleFile) -> list[Counts]:
    return [counts(file.examples.kept[rows]) for rows in file.song_rows()]


def scores(validation: Validation) -> dict[str, float | int | bool]:
    """Return the cross-validation's scores as plain values, all in 0..1 but the number of folds."""
    return {
        "folds": validation.n_folds,
        "by_song": validation.by_song,
        "accuracy": validation.accuracy,
        "accuracy_spread": float(np.std(validation.accuracies)) if validation.accuracies else 0.0,
        "training_accuracy": float(np.mean(validation.train_accuracies)) if validation.train_accuracies else 0.0,
        "precision": validation.precision,
        "recall": validation.recall,
        "f1": validation.f1,
        "majority_baseline": validation.baseline,
    }


def _plain_name(name: str) -> str:
    return name.encode("utf-8", "replace").decode("utf-8")
