"""Tuned settings: what the edited MIDI holds is wanted, all else is not; nothing changes where nothing helps."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from tables import table

from drumhits.config.load import default_config
from drumhits.edits.labels import (
    DECISIONS,
    IS_ADDED,
    IS_KEPT,
    IS_MISSED,
    IS_REMOVED,
    IS_UNLABELLED,
    KEPT,
    PAIR_DTYPE,
    REMOVED,
)
from drumhits.errors import NotEnoughDataError
from drumhits.tuning import settings
from drumhits.tuning.report import settings_report
from drumhits.tuning.search import Budget
from drumhits.tuning.settings import tune_settings, wish

SNARE = replace(default_config().stems["snare"], level_reference="absolute")
TRIALS = Budget(n_trials=30)


def labelled(number, table, raw, missed_s=()):
    """Return a song of which `raw` is (time, decision) of each note in the raw MIDI."""
    pairs = np.zeros(len(raw) + len(missed_s), PAIR_DTYPE)
    for row, (time_s, decision) in zip(pairs, [*raw, *((time_s, IS_MISSED) for time_s in missed_s)], strict=True):
        is_added = decision in (IS_ADDED, IS_MISSED)
        row["raw_s"], row["edited_s"] = (np.nan, time_s) if is_added else (time_s, np.nan)
        row["decision"] = DECISIONS[decision]
    labels = np.array([KEPT if decision == IS_KEPT else REMOVED for _, decision in raw], np.int8)
    return SimpleNamespace(
        config=SNARE, table=table, provenance=SimpleNamespace(keep_all=True),
        source=SimpleNamespace(path=Path(str(number))), labels=SimpleNamespace(pairs=pairs, labels=labels),
    )  # fmt: skip


def song(number, n=40, limit=0.0):
    """Return a song whose user keeps GeoMean above a limit, and adds hits that a lower onset_delta finds."""
    rng = np.random.default_rng(number)
    times_s, geomean = np.arange(n) / 2, rng.uniform(16, 200, n)
    decisions = np.where(geomean > limit, IS_KEPT, IS_REMOVED)
    rows = table(times_s=times_s, GeoMean=geomean)
    return labelled(number, rows, list(zip(times_s, decisions, strict=True)), times_s[1:8] + 0.25)


@pytest.fixture
def candidates(monkeypatch):
    """Let the candidates be those of the songs above, and under a low onset_delta the others as well."""
    asked = []

    def found(path, config):
        asked.append((path, config.onset_delta, config.onset_wait))
        rows = song(int(str(path))).table
        if config.onset_delta > 0.015:
            return rows
        more_s = rows.times_s[1:8] + 0.25
        times_s, geomean = np.concatenate((rows.times_s, more_s)), np.append(rows["GeoMean"], np.full(7, 150.0))
        order = np.argsort(times_s)
        return table(times_s=times_s[order], GeoMean=geomean[order])

    monkeypatch.setattr(settings, "_candidates", found)
    return asked


def test_thresholds_and_detection_are_set_to_what_the_user_wants(candidates):
    tuned = tune_settings([song(number, limit=80) for number in range(6)], TRIALS, 0)
    before, after = tuned.held_out
    assert tuned.is_used
    assert after.f1 > 0.94 > before.f1
    assert tuned.learned.values["onset_delta"] <= 0.015
    assert 65 < tuned.learned.values["geomean_threshold"] < 95
    assert (tuned.learned.f1, tuned.learned.f1_before) == (after.f1, before.f1)
    assert len(candidates) == len(set(candidates))  # each way to detect is tried once
    assert "Taken." in settings_report(tuned, 0)


def test_settings_that_are_right_stay(candidates):
    songs = [song(number) for number in range(6)]
    for one in songs:
        one.labels.pairs = one.labels.pairs[:40]  # nothing is missed
    tuned = tune_settings(songs, Budget(n_trials=5), 0)
    assert not tuned.is_used
    assert tuned.learned.values == {name: getattr(SNARE, name) for name in tuned.learned.values}
    assert "The settings stay as they were" in settings_report(tuned, 0)


def test_what_the_user_wants_is_in_the_edited_file_and_what_is_open_counts_for_nothing():
    raw = [(1.0, IS_KEPT), (2.0, IS_REMOVED), (3.0, IS_UNLABELLED), (4.0, IS_ADDED), (5.0, IS_REMOVED)]
    wanted = wish(labelled(0, None, raw, [4.5]))
    np.testing.assert_allclose(wanted.wanted_s, [1, 4, 4.5])
    assert wanted.counts(np.array([1.0, 4.01, 4.5])) == (3, 3, 3)
    assert wanted.counts(np.array([1.0, 2.0])) == (1, 3, 2)  # removed: false
    assert wanted.counts(np.array([1.0, 3.01])) == (1, 3, 1)  # open
    assert wanted.counts(np.array([1.0, 3.5])) == (1, 3, 2)  # never offered, and not wanted
    assert wanted.counts(np.array([0.5, 1.0, 7.0])) == (1, 3, 1)  # outside what was edited
    assert wanted.counts(np.zeros(0)) == (0, 3, 0)


def test_notes_are_moved_by_the_timing_offset():
    moved = labelled(0, None, [(1.0, IS_KEPT)])
    moved.config = replace(SNARE, timing_offset=0.1)
    np.testing.assert_allclose(wish(moved).wanted_s, [0.9])


def test_too_few_songs_are_refused():
    with pytest.raises(NotEnoughDataError, match="needs 4 of them, not 1"):
        tune_settings([song(1)], TRIALS, 0)
