"""--algorithm network: fitted to the bundled networks' embeddings and the features, beside a start that lacks them."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
from tables import table

from drumhits.analysis import ALL, EMBEDDED, FEATURE_SETS, GUIDE
from drumhits.config.load import default_config
from drumhits.edits.labels import KEPT, REMOVED
from drumhits.learning.fit import train_model
from drumhits.learning.options import TrainingOptions
from drumhits.learning.report import advice_on
from drumhits.models.modelfile import decode_model
from drumhits.models.partial import OfFirst

SNARE = default_config().stems["snare"]
NETWORK = TrainingOptions(algorithm="network")


def song(seed, is_unwanted, n=80):
    """Return a song of which the bundled model knows the hits; the user removes those that `is_unwanted` tells."""
    rng = np.random.default_rng(seed)
    is_hit = rng.random(n) < 0.7
    columns = dict.fromkeys(FEATURE_SETS[EMBEDDED], 1.0)
    columns |= {"Heard": np.where(is_hit, 4.0, -4.0), "Hidden3": rng.random(n), "Hidden60": rng.random(n)}
    rows = table(times_s=np.arange(n) / 4, **columns)
    labels = np.where(is_hit & ~is_unwanted(rows), KEPT, REMOVED).astype(np.int8)
    return SimpleNamespace(
        name=f"Song{seed}", config=SNARE, table=rows, warnings=(),
        source=SimpleNamespace(fingerprint=str(seed), siblings=()),
        labels=SimpleNamespace(labels=labels, offered=np.ones(n, bool), added_without_candidate=0),
        provenance=SimpleNamespace(keep_all=True, model=None),
    )  # fmt: skip


def sounds_odd(rows):
    return rows["Hidden3"] + rows["Hidden60"] > 1.1


def train(is_unwanted, options=NETWORK):
    return train_model([song(seed, is_unwanted) for seed in range(6)], options=options)


def test_what_only_the_embeddings_tell_is_learned():
    training = train(sounds_odd)
    model = decode_model(training.model.to_bytes(), "m.pkl")
    assert (model.feature_set, model.features) == (EMBEDDED, FEATURE_SETS[EMBEDDED])
    assert isinstance(model.classifier.prior, OfFirst)
    other = song(99, sounds_odd, 300)
    right = model.decide(other.table, SNARE).keep == (other.labels.labels == KEPT)
    start = model.classifier.prior.predict_proba(np.stack([other.table[name] for name in model.features], axis=1)) > 0.4
    assert right.mean() > 0.85 > (start == (other.labels.labels == KEPT)).mean()
    assert any("A network learns little from 480 decisions" in sentence for sentence in advice_on(training))


def test_a_start_that_is_not_bettered_is_saved_as_it_was():
    model = train(lambda rows: np.zeros(len(rows), bool)).model
    assert model.features == FEATURE_SETS[ALL]
    assert model.offered == ()
    assert decode_model(model.to_bytes(), "m.pkl").classifier.kind == "logistic"


def test_other_algorithms_and_the_guides_features_take_no_embeddings(tmp_path):
    assert NETWORK.feature_set == EMBEDDED
    assert replace(NETWORK, features=GUIDE).feature_set == GUIDE
    assert TrainingOptions().feature_set == ALL


def test_what_refines_a_network_takes_them_too(tmp_path):
    path = tmp_path / "m.pkl"
    path.write_bytes(train(sounds_odd).model.to_bytes())
    options = TrainingOptions(algorithm="logistic", start_from=str(path))
    assert options.feature_set == EMBEDDED
    assert train(sounds_odd, options).model.features == FEATURE_SETS[EMBEDDED]
