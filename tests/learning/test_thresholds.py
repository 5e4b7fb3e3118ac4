"""Learned thresholds: they separate what can be separated, never loosen without evidence, and leave the file's rest."""

import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from running import ROOT

from drumhits.config.load import default_config, load_config
from drumhits.detection.features import GUIDE_FEATURES, FeatureTable
from drumhits.edits.labels import KEPT, REMOVED, UNLABELLED
from drumhits.learning.thresholds import fitted_thresholds, learn_thresholds
from drumhits.metrics import f1_score
from drumhits.models.decisions import by_thresholds

CYMBALS = default_config().stems["cymbals"]


def song(geomean, sustain, strength, labels, *, keep_all=True, config=CYMBALS):
    values = np.zeros((len(labels), len(GUIDE_FEATURES)))
    for name, column in (("GeoMean", geomean), ("SustainMs", sustain), ("Str", strength)):
        values[:, GUIDE_FEATURES.index(name)] = column
    return SimpleNamespace(
        config=config,
        table=FeatureTable(np.arange(len(labels)) / 2, GUIDE_FEATURES, values),
        labels=SimpleNamespace(labels=np.array(labels, dtype=np.int8)),
        provenance=SimpleNamespace(keep_all=keep_all),
    )


def separable(seed, *, keep_all=True):
    rng = np.random.default_rng(seed)
    labels = np.where(rng.random(40) < 0.5, KEPT, REMOVED)
    geomean = np.where(labels == KEPT, rng.uniform(60, 300, 40), rng.uniform(15, 40, 40))
    return song(geomean, rng.uniform(100, 200, 40), rng.uniform(0.2, 1, 40), labels, keep_all=keep_all)


def test_separable_songs_are_separated_on_songs_held_out():
    learned = learn_thresholds([separable(seed) for seed in range(4)])
    assert learned.f1 > 0.97
    assert learned.f1 >= learned.f1_before
    assert 30 <= learned.values["geomean_threshold"] <= 70


def test_what_was_learned_keeps_what_the_user_kept():
    songs = [separable(seed) for seed in range(4)]
    config = replace(CYMBALS, **learn_thresholds(songs).values)
    decided = np.concatenate([by_thresholds(one.table, config).keep for one in songs])
    kept = np.concatenate([one.labels.labels == KEPT for one in songs])
    assert f1_score(np.sum(decided & kept), np.sum(kept), np.sum(decided)) > 0.97


def test_without_evidence_below_the_old_limits_none_is_lowered():
    learned = learn_thresholds([separable(seed, keep_all=False) for seed in range(3)])
    assert learned.values["geomean_threshold"] >= CYMBALS.geomean_threshold
    assert learned.values["min_sustain_ms"] >= CYMBALS.min_sustain_ms
    assert learned.values["onset_threshold"] >= CYMBALS.onset_threshold


def test_limits_that_a_gap_moves_are_learned_as_settings():
    config = replace(CYMBALS, onset_threshold=0.12, onset_gap=True, geomean_threshold=None, min_sustain_ms=None)
    strengths = [np.linspace(low, 4 * low, 20) for low in (0.02, 0.03)]
    songs = [
        song(50, 150, np.append(soft, 8 * soft), [REMOVED] * 20 + [KEPT] * 20, config=config) for soft in strengths
    ]
    learned = learn_thresholds(songs)
    decided = [by_thresholds(one.table, replace(config, **learned.values)).keep for one in songs]
    assert all(np.array_equal(keep, one.labels.labels == KEPT) for keep, one in zip(decided, songs, strict=True))
    before = [by_thresholds(one.table, config).keep for one in songs]
    kept = np.concatenate([one.labels.labels == KEPT for one in songs])
    found = np.concatenate(before)
    assert learned.f1_before == pytest.approx(f1_score(np.sum(found & kept), np.sum(kept), np.sum(found)))


def test_where_all_is_kept_every_test_that_rejected_something_is_loosest():
    learned = learn_thresholds([song([20, 5, 100], [50, 150, 10], [0.5, 0.01, 1], [KEPT] * 3)])
    assert learned.values == {"onset_threshold": 0.0, "geomean_threshold": None, "min_sustain_ms": None}
    assert learned.f1 == 1.0


def test_a_limit_that_the_edits_say_nothing_about_stays():
    geomean = CYMBALS.geomean_threshold
    songs = [song([geomean / 4, geomean * 4] * 3, 500, 0.9, [REMOVED, KEPT] * 3) for _ in range(2)]
    learned = learn_thresholds(songs)
    assert learned.values == {setting: getattr(CYMBALS, setting) for setting in learned.values}
    assert learned.f1 == learned.f1_before == 1.0


def test_limits_that_are_no_better_on_songs_held_out_are_not_taken():
    soft, loud = CYMBALS.geomean_threshold * 1.2, CYMBALS.geomean_threshold * 2
    tastes = ((20, REMOVED), (5, KEPT))  # the limit that fits both songs together loses soft ones of the second
    songs = [song(np.repeat([soft, loud], n), 500, 0.9, np.repeat([label, KEPT], n)) for n, label in tastes]
    assert fitted_thresholds(songs)["geomean_threshold"] > CYMBALS.geomean_threshold
    learned = learn_thresholds(songs)
    assert learned.values == {setting: getattr(CYMBALS, setting) for setting in learned.values}
    assert learned.f1 == learned.f1_before


def test_unlabelled_candidates_do_not_count():
    one = separable(1)
    wild = song([1e4] * 5, [0] * 5, [0] * 5, [UNLABELLED] * 5)
    assert learn_thresholds([one, separable(2)]).values == learn_thresholds([one, separable(2), wild]).values


def test_the_command_writes_a_configuration_with_all_else_unchanged(tmp_path):
    command = [sys.executable, str(ROOT / "train_classifier.py"), "--stem", "cymbals", "--features", "guide"]
    folders = ["--raw-dir", "training_data/raw_midi", "--edited-dir", "training_data/edited_midi"]
    output = tmp_path / "mine.yaml"
    options = [*command, *folders, "--learn-thresholds", str(output)]
    done = subprocess.run(options, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "Configuration saved to:" in done.stdout
    shipped = (ROOT / "midiconfig.yaml").read_text(encoding="utf-8").splitlines()
    changed = [line for line in output.read_text(encoding="utf-8").splitlines() if line not in shipped]
    assert len(output.read_text(encoding="utf-8").splitlines()) == len(shipped)
    assert 1 <= len(changed) <= 3
    before, after = default_config().stems, load_config(output).stems
    assert after["cymbals"].geomean_threshold >= before["cymbals"].geomean_threshold
    assert {stem: after[stem] for stem in before if stem != "cymbals"} == {
        stem: before[stem] for stem in before if stem != "cymbals"
    }
    again = subprocess.run(options, cwd=ROOT, capture_output=True, text=True, check=False)
    assert again.returncode == 1
    assert "--force" in again.stderr


@pytest.mark.parametrize(
    ("counts", "f1"), [((1, 1, 2), 2 / 3), ((0, 0, 0), 0.0), ((1, 1, 1), 1), ((0, 3, 0), 0)]
)
def test_f1_is_twice_the_hits_over_both(counts, f1):
    assert f1_score(*counts) == pytest.approx(f1)
