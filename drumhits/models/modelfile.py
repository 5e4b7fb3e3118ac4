"""The model file: a pickle of plain data that runs no code when it is read; see `plainpickle` and `base`.

It carries everything a conversion needs to decide as the user would: the stem, the names of the features, the detection
settings of the raw MIDI, the classifier, its decision threshold, and what it was trained on. Nothing here imports
scikit-learn.
"""

import zlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from drumhits.analysis import ALL, EMBEDDED, FEATURE_SETS, GUIDE, MIX
from drumhits.bundle import PRETRAINED_DIR
from drumhits.config.load import StemConfig, load_config
from drumhits.config.schema import ABSOLUTE_REFERENCE, OF_OLDER_FILES, STEM_REFERENCE, value_text
from drumhits.detection.features import FeatureTable
from drumhits.drums import STEMS
from drumhits.errors import InputError
from drumhits.io.plainpickle import MAX_BYTES, damaged, dumps, loads
from drumhits.models.base import PlainModel
from drumhits.models.blend import model_from_plain
from drumhits.models.decisions import LEARNED_TESTS, Decisions, by_confidence, by_thresholds, threshold_tests
from drumhits.models.partial import Within
from drumhits.networks.bundled import EMBEDDING_FEATURES, NETWORK_LOG_ODDS, NETWORK_LOG_ODDS_IN_MIX, networks_digest

FORMAT = 3
FORMAT_BEFORE = 2  # with "after_thresholds" in place of "offered"
BY_THRESHOLDS, BY_MODEL = "thresholds", "model"
KIND = "drumhits model"
DETECTION = (
    "onset_delta", "onset_wait", "body_band_hz", "brilliance_band_hz", "onset_threshold", "onset_gap",
    "geomean_threshold", "min_sustain_ms", "min_centroid_hz", "min_rise_db", "min_over_drum_db", "level_reference",
)  # fmt: skip
REFERENCES = (STEM_REFERENCE, ABSOLUTE_REFERENCE)


@dataclass(frozen=True)
class TrainedModel:
    """A classifier and what belongs to it.

    Attributes
    ----------
    stem : str
    features : tuple of str
        Columns of the feature table, in the order that the classifier takes them.
    detection : dict
        The settings named in `DETECTION` that the candidates were made with.
    offered : tuple of str
        What the raw MIDI offered, and the edits could decide about: what passes the thresholds (BY_THRESHOLDS), what a
        model keeps (BY_MODEL), or both; every candidate where it is empty. About others the model that a refined one
        started from decides; without one, what fails the thresholds is removed.
    min_confidence : float in 0..1
        Decision threshold: the confidence from which a candidate is kept.
    classifier : PlainModel
    training : dict
        Plain summary: songs with fingerprints and counts, scores, versions.
    networks : str
        Digest of the networks whose log odds it was trained on; "" where it uses none.
    digest : str
        Digest of the file that it was read from; "" where it was not.
    """

    stem: str
    features: tuple[str, ...]
    detection: dict[str, Any]
    offered: tuple[str, ...]
    min_confidence: float
    classifier: PlainModel
    training: dict[str, Any]
    networks: str = ""
    digest: str = ""

    @property
    def feature_set(self) -> str:
        """Name of the feature set that `analysis.analyze` has to give."""
        return next(name for name in (GUIDE, MIX, ALL, EMBEDDED) if set(self.features) <= set(FEATURE_SETS[name]))

    def summary(self) -> str:
        """Return what the model was trained on, in a few words."""
        songs = self.training.get("songs", [])
        return f"{self.training.get('kept')} kept and {self.training.get('removed')} removed hits of {len(songs)} songs"

    def config(self, config: StemConfig) -> StemConfig:
        """Return a user's configuration with the detection settings that the model was trained on."""
        return replace(config, **self.detection)

    def require_stem(self, stem: str, name: str) -> None:
        """Make sure that the model was trained on the stem that it is to decide about; InputError where it was not."""
        if stem != self.stem:
            raise InputError(
                f"{name}: was trained on {self.stem}, not on {stem}; give a model of this stem, or --force to use it "
                "all the same."
            )

    def misfit(self, features: tuple[str, ...], config: StemConfig) -> str | None:
        """Return why the model cannot judge candidates of these features and settings; None where it can."""
        if missing := set(self.features) - set(features):
            lacks_embeddings = missing <= set(EMBEDDING_FEATURES)
            return "it takes embeddings, which are not there" if lacks_embeddings else "it was trained on all features"
        is_of_edits = self.offered or self.classifier.before
        for name in ("body_band_hz", "brilliance_band_hz", *(["level_reference"] if is_of_edits else [])):
            if getattr(config, name) != self.detection[name]:
                return f"it was trained with {name} {value_text(self.detection[name])}"
        return None

    def confidence(self, table: FeatureTable) -> np.ndarray:
        """Return the probability in 0..1 that the user would keep each candidate."""
        return self.everywhere.predict_proba(feature_matrix(table, self.features, self.detection["level_reference"]))

    @property
    def everywhere(self) -> PlainModel:
        """What decides about all candidates, also about those that the raw MIDI did not offer.

        A model that was made from nothing does so itself, where another model, which it does not hold, chose for it.
        """
        is_by_model = BY_MODEL in self.offered
        tests = [
            test
            for test in threshold_tests(self.stem)
            if self.detection[test.setting] is not None and test.feature in self.features
        ]
        is_by_thresholds = BY_THRESHOLDS in self.offered
        if not self.offered or (is_by_thresholds and not tests) or (is_by_model and not self.classifier.before):
            return self.classifier
        limits = {
            self.features.index(test.feature): test.least(self.detection[test.setting])
            for test in (tests if is_by_thresholds else [])
        }
        return Within.about(self.classifier, limits, self.min_confidence if is_by_model else None)

    def decide(self, table: FeatureTable, config: StemConfig, min_confidence: float | None = None) -> Decisions:
        """Keep the candidates whose confidence reaches the threshold (the model's own unless given)."""
        decisions = by_confidence(
            self.confidence(table), self.min_confidence if min_confidence is None else min_confidence
        )
        if self.offered != (BY_THRESHOLDS,) or self.classifier.before:
            return decisions
        before = by_thresholds(table, config)
        reasons = tuple(first or second for first, second in zip(before.reasons, decisions.reasons, strict=True))
        return Decisions(before.keep & decisions.keep, reasons, decisions.confidence, decisions.margins)

    def to_bytes(self) -> bytes:
        """Return the model file."""
        return dumps(
            {
                "kind": KIND,
                "format": FORMAT,
                "stem": self.stem,
                "features": list(self.features),
                "detection": {key: list(v) if isinstance(v, tuple) else v for key, v in self.detection.items()},
                "offered": list(self.offered),
                "networks": self.networks,
                "min_confidence": self.min_confidence,
                "classifier": self.classifier.to_plain(),
                "training": self.training,
            }
        )


def feature_matrix(table: FeatureTable, names: tuple[str, ...], level_reference: str = STEM_REFERENCE) -> np.ndarray:
    """Return the named columns, shape (n, len(names)), float32, as the classifiers take them.

    Parameters
    ----------
    level_reference : str
        STEM_REFERENCE: as of a stem at the usual level; ABSOLUTE_REFERENCE: as they are.
    """
    column = table.at_usual_level if level_reference == STEM_REFERENCE else table.as_in_file
    return np.stack([column(name) for name in names], axis=1, dtype=np.float32)


def networks_of(stem: str, features: tuple[str, ...]) -> str:
    """Return the digest of the networks that these features of a stem come from, "" where from none."""
    if NETWORK_LOG_ODDS_IN_MIX in features:
        return networks_digest(stem, in_mix=True)
    is_of_networks = not {NETWORK_LOG_ODDS, *EMBEDDING_FEATURES}.isdisjoint(features)
    return networks_digest(stem) if is_of_networks else ""


def pretrained_path(stem: str, *, in_mix: bool = False) -> Path:
    """Return the file of the model that comes with the toolkit for a stem, or for an instrument in a whole mix."""
    return PRETRAINED_DIR / f"{'mix-' if in_mix else ''}{stem}.pkl"


def load_model(path: Path) -> TrainedModel:
    """Read a model file.

    Raises
    ------
    InputError
        Not a model of this toolkit, damaged, of a newer format, or with unknown features.
    """
    try:
        if not path.is_file():
            raise InputError(f"{path}: no such model file; train one with train_classifier.py.")
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check the permissions.") from error
    return decode_model(data, str(path))


def decode_model(data: bytes, name: str) -> TrainedModel:
    """Return the model in a file's bytes; see `load_model`."""
    plain = loads(data, name)
    if not isinstance(plain, dict) or plain.get("kind") != KIND:
        raise InputError(f"{name}: is not a model of this toolkit; retrain it with train_classifier.py.")
    if isinstance(plain.get("format"), int) and plain["format"] > FORMAT:
        raise InputError(f"{name}: was made by a newer version of this toolkit; update it, or retrain the model.")
    if isinstance(plain.get("format"), int) and plain["format"] < FORMAT_BEFORE:
        raise InputError(f"{name}: was made by an older version of this toolkit; retrain the model.")
    try:
        return replace(_from_plain(plain, name), digest=f"{zlib.crc32(data):08x}")
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise damaged(name, f"a part is missing or wrong: {type(error).__name__}") from error


def _from_plain(plain: dict[str, Any], name: str) -> TrainedModel:
    features = tuple(plain["features"])
    known = {feature for features in FEATURE_SETS.values() for feature in features}
    unknown = [feature for feature in features if feature not in known]
    if unknown:
        raise InputError(
            f"{name}: uses the feature {str(unknown[0])[:40]}, which this version does not know; retrain the model."
        )
    stem, threshold, offered = plain["stem"], plain["min_confidence"], _offered(plain)
    is_sound = (
        plain["format"] in (FORMAT, FORMAT_BEFORE)
        and stem in STEMS
        and 0 < len(features) == len(set(features))
        and isinstance(threshold, float)
        and 0 <= threshold <= 1
        and offered in ((), (BY_MODEL,), (BY_THRESHOLDS,), (BY_MODEL, BY_THRESHOLDS))
        and (BY_THRESHOLDS not in offered or {test.feature for test in LEARNED_TESTS} <= {*features})
        and _is_summary(plain["training"])
    )
    if not is_sound:
        raise damaged(name, "its header contradicts itself")
    if plain["networks"] != networks_of(stem, features):
        raise InputError(f"{name}: was trained beside other networks than those of this version; retrain the model.")
    return TrainedModel(
        stem=stem,
        features=features,
        detection=_checked_detection(plain["detection"], stem, name),
        offered=offered,
        min_confidence=threshold,
        classifier=model_from_plain(plain["classifier"], len(features), name),
        training=plain["training"],
        networks=plain["networks"],
    )


def _offered(plain: dict[str, Any]) -> tuple[Any, ...]:
    if plain["format"] != FORMAT_BEFORE:
        return tuple(plain["offered"])
    if not isinstance(plain["after_thresholds"], bool):
        raise TypeError("after_thresholds is no truth value")
    return (BY_THRESHOLDS,) if plain["after_thresholds"] else ()


def _is_summary(training: Any) -> bool:
    return (
        isinstance(training, dict)
        and type(training["kept"]) is int
        and type(training["removed"]) is int
        and isinstance(training["songs"], list)
    )


def _checked_detection(plain: dict[str, Any], stem: str, name: str) -> dict[str, Any]:
    """Return detection settings from a file after the checks of a configuration, in the types of a StemConfig."""
    try:
        return detection_of(plain_detection_config(plain, stem))
    except ValueError as error:
        raise damaged(name, "its detection settings are not those of this version") from error
    except InputError as error:
        raise damaged(name, "a detection setting is out of range") from error


def plain_detection_config(plain: dict[str, Any], stem: str) -> StemConfig:
    """Return the configuration with detection settings out of a file; older files lack those of OF_OLDER_FILES.

    Raises
    ------
    ValueError
        They are not the settings of this version, or of another type.
    InputError
        One of them is out of range.
    """
    plain = {name: value for name, value in OF_OLDER_FILES.items() if name in DETECTION} | plain
    numbers = [end for value in plain.values() for end in (value if isinstance(value, list) else [value])]
    of_known_types = all(type(one) in (int, float, bool, type(None)) for one in numbers if one not in REFERENCES)
    if plain.keys() != set(DETECTION) or not of_known_types:
        raise ValueError("not the settings of this version")
    return load_config(None, {stem: plain}).stems[stem]


def detection_of(config: StemConfig) -> dict[str, Any]:
    """Return the settings that make the candidates and pass them on to a model."""
    return {name: getattr(config, name) for name in DETECTION}
