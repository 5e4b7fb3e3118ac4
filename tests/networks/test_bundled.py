"""What the networks are given: levels that do not depend on the gain, siblings where they are there, low spectra."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from signals import bursts, cut, tones

from drumhits.analysis import detect_with_patches
from drumhits.config.load import default_config
from drumhits.detection.features import articulation_columns
from drumhits.detection.levels import ENVELOPE_SPANS, MEASURES, EnergyEnvelope
from drumhits.detection.patches import N_PATCH, no_patches, patch_levels_db, patches_at
from drumhits.drums import STEMS
from drumhits.errors import InputError
from drumhits.io.audio import SAMPLE_RATE
from drumhits.io.plainpickle import dumps
from drumhits.networks import bundled
from drumhits.networks.bundled import (
    DOUBLE_LOG_ODDS,
    EMBEDDING_FEATURES,
    N_NETWORKS,
    NETWORK_LOG_ODDS,
    NETWORK_LOG_ODDS_IN_MIX,
    SAME_STROKE_S,
    SumView,
    level_in_sum,
    network_features,
    networks,
    networks_path,
    with_sum,
    without_doubles,
)
from drumhits.networks.inputs import LOWEST, N_INPUTS, N_INPUTS_IN_MIX, NUMBERS, Inputs

SNARE = default_config().stems["snare"]
HITS_S = tuple(np.arange(0.5, 4.5, 0.25))
COURSE = len(ENVELOPE_SPANS) * MEASURES + 1


def sum_view(times_s, log_odds):
    return SumView(no_patches(), np.array(times_s), np.array(log_odds), level_db=-np.array(log_odds))


def candidates(y):
    return detect_with_patches([y], SNARE)


def levels(y, times_s):
    found = EnergyEnvelope()
    found.add(y)
    return found.around(times_s)


def course_of(x, stem):
    first = N_INPUTS_IN_MIX + STEMS.index(stem) * COURSE
    return x[:, first : first + COURSE]


@pytest.mark.parametrize("gain_db", [-18.0, -6.0, 6.0])
def test_levels_are_relative_to_the_stems_own_loud_hits(gain_db):
    y = bursts(HITS_S, 5.0)
    x, louder = Inputs(*candidates(y))[:], Inputs(*candidates((y * 10 ** (gain_db / 20)).astype(np.float32)))[:]
    np.testing.assert_allclose(louder[:, :N_PATCH], x[:, :N_PATCH], atol=0.02)


def test_a_pitch_stands_out_in_its_low_band_after_the_onset_and_not_before():
    table, patch = candidates(tones(HITS_S, 5.0, frequency_hz=172.3, tau_s=0.05))
    assert len(table) == len(HITS_S)
    low = patch_levels_db(patch)[:, -7 * 20 :].reshape(len(table), 7, 20)
    assert (low[:, 3].argmax(axis=1) == 7).all()  # bands of 21.5 Hz from 22 Hz on: the eighth holds 172 Hz
    assert (low[:, 3, 7] - low[:, 0, 7] > 10).all()


def test_a_mix_has_no_siblings():
    table, patch = candidates(bursts(HITS_S, 5.0))
    assert Inputs(table, patch)[:].shape == (len(table), N_INPUTS_IN_MIX)
    assert N_PATCH + len(NUMBERS) == N_INPUTS_IN_MIX


def test_a_sibling_is_there_with_its_course_or_flagged_as_missing():
    y, kick = bursts(HITS_S, 5.0), bursts(HITS_S[::2], 5.0, seed=1)
    table, patch = candidates(y)
    x = Inputs(table, patch, {"snare": levels(y, table.times_s), "kick": levels(kick, table.times_s)})[:]
    assert x.shape == (len(table), N_INPUTS)
    assert (course_of(x, "kick")[:, -1] == 1).all()
    assert (course_of(x, "hihat")[:, -1] == 0).all()
    assert (course_of(x, "hihat")[:, :-1] == LOWEST).all()
    at_onset = ENVELOPE_SPANS.index(range(2, 4)) * MEASURES
    with_kick, without = (np.isclose(table.times_s[:, None], HITS_S[k::2], atol=0.01).any(axis=1) for k in (0, 1))
    assert course_of(x, "kick")[with_kick, at_onset].min() > course_of(x, "kick")[without, at_onset].max() + 1


def test_the_mixture_is_relative_to_its_own_loud_attacks_or_lowest_where_there_is_none():
    y, others = bursts(HITS_S, 5.0), bursts(HITS_S[::2], 5.0, seed=1)
    table, patch = candidates(y)
    around = {"snare": levels(y, table.times_s)}

    def mixture_of(gain):
        return Inputs(table, patch, around, patches_at([gain * (y + others)], table.times_s))[:][:, -N_PATCH:]

    quiet, loud = mixture_of(np.float32(0.1)), mixture_of(np.float32(1))
    np.testing.assert_allclose(quiet, loud, atol=0.02)
    assert (Inputs(table, patch, around)[:][:, -N_PATCH:] == LOWEST).all()
    x = Inputs(table, patch, around, patch)[:]
    np.testing.assert_array_equal(x[:, -N_PATCH:], x[:, :N_PATCH])


@settings(max_examples=10)
@given(st.lists(st.integers(0, 200_000), max_size=4))
def test_levels_at_given_times_are_those_at_candidates(positions):
    y = bursts(HITS_S, 5.0)
    table, patch = candidates(y)
    np.testing.assert_array_equal(patches_at(cut(y, positions), table.times_s), patch)


def test_after_its_end_a_sound_is_silent():
    y = bursts(HITS_S, 5.0)
    after = patches_at([y], np.array([4.0, 9.0, 3600.0]))[1:]
    assert after.shape == (2,)
    np.testing.assert_allclose(patch_levels_db(after)[1], -300, atol=0.1)


def test_rows_made_a_few_at_a_time_are_those_made_at_once():
    x = Inputs(*candidates(bursts(HITS_S, 5.0)))
    np.testing.assert_array_equal(np.concatenate([x[:5], x[5:9], x[9:]]), x[:])


@settings(max_examples=10)
@given(st.lists(st.integers(0, 200_000), max_size=4))
def test_what_the_networks_take_does_not_depend_on_how_blocks_are_cut(positions):
    y = bursts(HITS_S, 5.0)
    whole, pieces = candidates(y), detect_with_patches(cut(y, positions), SNARE)
    np.testing.assert_array_equal(Inputs(*pieces)[:], Inputs(*whole)[:])


def test_what_the_sum_says_has_its_share_where_it_has_the_same_stroke():
    view = sum_view([0.52, 1.04, 2.0], [2.0, 4.0, -6.0])
    times_s, log_odds = np.array([0.1, 0.5, 1.0, 1.98, 2.2]), np.array([1.0, 4.0, 1.0, 2.0, 3.0])
    np.testing.assert_array_equal(with_sum(log_odds, times_s, view, 0.25), [1.0, 3.5, 1.0, 0.0, 3.0])
    np.testing.assert_array_equal(with_sum(log_odds[:1], times_s[:1], view, 0.5), log_odds[:1])
    np.testing.assert_array_equal(level_in_sum(np.full(5, -10.0), times_s, view), [2.0, -2.0, 2.0, 6.0, 2.0])


@pytest.mark.parametrize(("n", "m"), [(0, 0), (0, 1), (3, 0), (3, 1)])
def test_few_candidates_or_none_in_the_sum(n, m):
    view = sum_view(np.arange(m) + 1.0, np.full(m, 5.0))
    found = with_sum(np.ones(n), np.arange(n, dtype=float), view, 0.5)
    np.testing.assert_array_equal(found, [1.0, 3.0, 1.0][:n] if m else np.ones(n))


@settings(deadline=None)
@given(st.lists(st.floats(0, 100), max_size=30), st.lists(st.floats(0, 100), max_size=30))
def test_the_nearest_candidate_of_the_sum_is_taken(times_s, in_sum):
    times_s, in_sum = np.sort(times_s), np.sort(in_sum)
    view = sum_view(in_sum, 10.0 * in_sum)
    found = with_sum(np.zeros(len(times_s)), times_s, view, 0.5)
    for time_s, log_odds in zip(times_s, found, strict=True):
        distance_s = np.abs(in_sum - time_s)
        is_same = len(in_sum) and distance_s.min() <= SAME_STROKE_S
        nearest = in_sum[distance_s == distance_s.min()] if is_same else np.zeros(1)
        assert np.isclose(log_odds, 5.0 * nearest).any()


@pytest.mark.parametrize("in_mix", [False, True])
@pytest.mark.parametrize("stem", STEMS)
def test_networks_of_every_stem_come_with_the_toolkit_and_answer(stem, in_mix):
    assert networks_path(stem, in_mix=in_mix).stat().st_size <= 2_000_000
    assert len(networks(stem, in_mix=in_mix)) >= 1
    table, patch = detect_with_patches([bursts(HITS_S, 5.0)], default_config().stems[stem])
    around = None if in_mix else {stem: levels(bursts(HITS_S, 5.0), table.times_s)}
    found = network_features(stem, Inputs(table, patch, around), in_mix=in_mix)
    assert tuple(found) == (NETWORK_LOG_ODDS_IN_MIX if in_mix else NETWORK_LOG_ODDS, *articulation_columns(stem))
    for values in found.values():
        assert values.shape == (len(table),)
        assert np.isfinite(values).all()


@pytest.fixture
def other_networks(tmp_path, monkeypatch):
    """Return the file of the snare's networks, in a folder without any."""
    monkeypatch.setattr(bundled, "NETWORKS_DIR", tmp_path)
    for remembered in (bundled.networks, bundled.networks_digest):
        remembered.cache_clear()
    yield tmp_path / "snare.pkl"
    for remembered in (bundled.networks, bundled.networks_digest):
        remembered.cache_clear()


def test_missing_networks_are_named(other_networks):
    for ask in (bundled.networks, bundled.networks_digest):
        with pytest.raises(InputError, match=r"snare\.pkl: cannot be read .*; it comes with the toolkit"):
            ask("snare")


@pytest.mark.parametrize("plain", [[], {}, {"networks": 1}, {"networks": [{}]}, {"networks": [{"mean": 1}]}])
def test_files_without_networks_are_damaged(other_networks, plain):
    other_networks.write_bytes(dumps(plain))
    with pytest.raises(InputError, match=r"snare\.pkl is damaged"):
        bundled.networks("snare")


def test_silence_is_heard_without_a_word():
    table, patch = candidates(np.zeros(SAMPLE_RATE, np.float32))
    found = network_features("snare", Inputs(table, patch), in_mix=True)
    assert tuple(found) == (NETWORK_LOG_ODDS_IN_MIX, "Heard:head", "Heard:cross_stick")
    assert [len(values) for values in found.values()] == [0, 0, 0]


def test_embeddings_are_what_the_first_log_odds_are_made_of():
    table, patch = candidates(bursts(HITS_S, 5.0))
    inputs = Inputs(table, patch, {"snare": levels(bursts(HITS_S, 5.0), table.times_s)})
    plain, wide = network_features("snare", inputs), network_features("snare", inputs, with_embeddings=True)
    assert (*wide,) == (*plain, *EMBEDDING_FEATURES)
    np.testing.assert_array_equal([wide[name] for name in plain], [*plain.values()])
    hidden = np.array([wide[name] for name in EMBEDDING_FEATURES], dtype=np.float32).T
    halves = np.split(hidden, N_NETWORKS, axis=1)
    first = np.mean([net.first_stage(half) for net, half in zip(networks("snare"), halves, strict=True)], axis=0)
    assert np.corrcoef(first, plain[NETWORK_LOG_ODDS])[0, 1] > 0.5
    assert (hidden >= 0).all()


@pytest.mark.parametrize("stem", STEMS)
def test_each_stem_has_as_many_networks_as_embeddings_are_named_for(stem):
    assert len(networks(stem)) == N_NETWORKS


def test_of_candidates_within_46_ms_the_likeliest_stays():
    samples, log_odds = np.array([1000, 2500, 4000, 9000, 10_500]), np.array([1.0, 3.0, 2.0, -8.0, -7.0])
    doubles = np.array([True, False, True, True, False])
    np.testing.assert_array_equal(
        without_doubles(log_odds, samples, onset_wait=6),
        np.where(doubles, np.minimum(log_odds, DOUBLE_LOG_ODDS), log_odds),
    )


def test_a_short_wait_lets_doubles_be():
    log_odds = np.array([1.0, 3.0])
    np.testing.assert_array_equal(without_doubles(log_odds, np.array([1000, 2500]), onset_wait=2), log_odds)
