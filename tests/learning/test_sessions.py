"""Songs of a first session, then more songs on top: each model refines the one before, whatever its raw MIDI held."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from tables import table

from drumhits.config.load import default_config
from drumhits.edits.labels import KEPT, REMOVED, UNLABELLED
from drumhits.errors import UsageError
from drumhits.learning.fit import train_model
from drumhits.learning.options import TrainingOptions
from drumhits.models.decisions import by_thresholds
from drumhits.models.modelfile import load_model

CYMBALS = replace(default_config().stems["cymbals"], geomean_threshold=20.0, min_sustain_ms=None)
FIRST = TrainingOptions(features="guide", start_from="none", n_estimators=20)


def song(seed, wanted, n=80):
    """Return a song whose raw MIDI held what passed the thresholds; the user keeps what `wanted` says of its table."""
    rng = np.random.default_rng(seed)
    columns = {"GeoMean": rng.uniform(1, 200, n), "Amp": rng.uniform(0.01, 1, n), "SustainMs": rng.uniform(10, 200, n)}
    rows = table(times_s=np.arange(n) / 4, **columns)
    offered = by_thresholds(rows, CYMBALS).keep
    labels = np.where(offered, np.where(wanted(rows), KEPT, REMOVED), UNLABELLED).astype(np.int8)
    return SimpleNamespace(
        name=f"Song{seed}", config=CYMBALS, table=rows, warnings=(),
        source=SimpleNamespace(fingerprint=str(seed), siblings=()),
        labels=SimpleNamespace(labels=labels, offered=offered, added_without_candidate=0),
        provenance=SimpleNamespace(keep_all=False, model=None),
    )  # fmt: skip


def rings(rows):
    return rows["SustainMs"] > 100


def rings_and_is_loud(rows):
    return rings(rows) & (rows["Amp"] > 0.3)


def session(path, options, wanted, seeds):
    training = train_model([song(seed, wanted) for seed in seeds], options=options)
    path.write_bytes(training.model.to_bytes())
    return load_model(path)


@pytest.fixture(scope="module")
def sessions(tmp_path_factory):
    """Return the models of two sessions and the path of the second."""
    folder = tmp_path_factory.mktemp("sessions")
    first = session(folder / "first.pkl", FIRST, rings, range(6))
    on_top = replace(FIRST, start_from=str(folder / "first.pkl"))
    return first, session(folder / "second.pkl", on_top, rings_and_is_loud, range(6, 12)), folder / "second.pkl"


def accuracy(model, wanted):
    other = song(99, wanted, 400)
    is_offered = other.labels.offered
    return np.mean(model.decide(other.table, CYMBALS).keep[is_offered] == wanted(other.table)[is_offered])


def test_a_second_session_refines_what_the_first_one_made_of_thresholded_midi(sessions):
    first, second, _ = sessions
    assert (first.offered, second.offered) == (("thresholds",), ("thresholds",))
    assert accuracy(first, rings) > 0.95
    assert accuracy(second, rings_and_is_loud) > 0.9 > accuracy(first, rings_and_is_loud)


def test_about_what_no_session_offered_the_first_start_decides(sessions):
    first, second, _ = sessions
    other = song(99, rings, 400)
    unoffered = ~other.labels.offered
    assert unoffered.any()
    np.testing.assert_array_equal(second.confidence(other.table)[unoffered], first.confidence(other.table)[unoffered])


def test_a_third_session_that_agrees_changes_nothing(sessions, tmp_path):
    _, second, path = sessions
    third = session(tmp_path / "third.pkl", replace(FIRST, start_from=str(path)), rings_and_is_loud, range(12, 18))
    other = song(99, rings, 400)
    np.testing.assert_array_equal(third.decide(other.table, CYMBALS).keep, second.decide(other.table, CYMBALS).keep)
    assert third.offered == ()


def test_more_sessions_than_a_file_can_hold_are_refused_with_a_sentence(sessions, monkeypatch):
    monkeypatch.setattr("drumhits.learning.options.MAX_REFINEMENTS", 1)
    songs = [song(seed, rings) for seed in range(4)]
    with pytest.raises(UsageError, match="was refined 1 times already, and cannot be once more"):
        train_model(songs, options=replace(FIRST, start_from=str(sessions[2])))
