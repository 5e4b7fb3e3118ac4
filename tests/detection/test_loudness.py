"""The level of a stem: it moves with the gain alone, and tells silence and bleed from hits."""

import numpy as np
import pytest
import soundfile as sf
from hypothesis import given
from hypothesis import strategies as st
from signals import bursts, tones
from tables import table

from drumhits.analysis import ALL, GUIDE, analyze
from drumhits.config.load import default_config
from drumhits.detection.levels import EnergyEnvelope
from drumhits.detection.loudness import SILENT_DB, StemLevel, stem_level, weighted_quantile
from drumhits.detection.siblings import is_bleed
from drumhits.drums import PROFILES, STEMS
from drumhits.io.audio import SAMPLE_RATE

HITS_S, TIMES_S = (0.5, 1.0, 1.5, 2.0), np.array((0.5, 1.0, 1.5, 2.0))
GEOMEAN = np.array([100.0, 90.0, 110.0, 2.0, 1.0, 3.0, 2.0])


def levels(y):
    envelope = EnergyEnvelope()
    envelope.add(np.asarray(y, dtype=np.float32))
    return envelope.around(TIMES_S)


@pytest.mark.parametrize("stem", STEMS)
def test_loud_hits_of_the_usual_geomean_are_at_the_usual_level(stem):
    usual = PROFILES[stem].usual_geomean
    assert stem_level(np.array([usual, usual / 30, usual / 100]), stem).relative_db == pytest.approx(0)
    assert stem_level(np.array([usual / 10]), stem).gain == pytest.approx(0.1)


@given(gain_db=st.floats(-40, 40))
def test_the_gain_of_a_file_moves_its_level_by_just_that(gain_db):
    plain, louder = stem_level(GEOMEAN, "snare"), stem_level(GEOMEAN * 10 ** (gain_db / 20), "snare")
    assert louder.relative_db - plain.relative_db == pytest.approx(gain_db)
    assert not louder.is_silent


def test_faint_bleed_and_one_very_loud_hit_do_not_move_it():
    with_bleed = np.append(GEOMEAN, np.full(500, 2.0))
    assert stem_level(with_bleed, "toms") == stem_level(GEOMEAN, "toms")
    played = np.resize([80.0, 90.0, 100.0, 110.0], 40)
    with_loud = stem_level(np.append(played, 250.0), "toms").relative_db
    assert with_loud == pytest.approx(stem_level(played, "toms").relative_db, abs=1.0)


@pytest.mark.parametrize("geomean", [np.zeros(0), np.zeros(3), np.full(3, 1e-4)])
def test_next_to_nothing_is_silent_and_counts_as_it_is(geomean):
    level = stem_level(geomean, "kick")
    assert level.is_silent
    assert level.gain == 1
    assert level.relative_db < SILENT_DB


def test_the_thresholds_of_bleed_lie_above_its_loudest_and_silence_is_not_amplified():
    assert StemLevel(-90.0, is_silent=True).gain == 1
    assert StemLevel(-30.0, is_bleed=True).gain == pytest.approx(100 * StemLevel(-30.0).gain)


def test_a_drum_that_plays_seldom_is_bleed_where_it_follows_its_siblings_loosely():
    sibling = bursts(HITS_S, 2.5, amplitudes=(0.4, 0.1, 0.3, 0.2))
    loosely = bursts(HITS_S, 2.5, amplitudes=(0.1, 0.006, 0.07, 0.02), seed=7)
    others = {"kick": levels(sibling)}
    assert not is_bleed(np.ones(4), levels(loosely), others)
    assert is_bleed(np.ones(4), levels(loosely), others, plays_seldom=True)
    own_hits = bursts(HITS_S[1::2], 2.5, amplitudes=(0.4, 0.9), seed=8)
    weights = np.array([0.1, 1, 0.1, 1])
    assert not is_bleed(weights, levels(loosely + own_hits), others, plays_seldom=True)


def test_a_weighted_quantile_is_where_that_share_of_the_weight_is_reached():
    values, weights = np.array([3.0, 1.0, 2.0]), np.array([1.0, 1.0, 2.0])
    assert [weighted_quantile(values, weights, share) for share in (0.1, 0.5, 0.8, 1.0)] == [1, 2, 3, 3]


@pytest.mark.parametrize("gain", [0.01, 0.1, 1.0])
def test_a_stem_that_only_follows_its_siblings_is_bleed_at_whatever_distance(gain):
    sibling = bursts(HITS_S, 2.5, amplitudes=(0.4, 0.1, 0.3, 0.2))
    own = 0.05 * gain * sibling
    assert is_bleed(np.ones(4), levels(own), {"kick": levels(sibling)})


def test_a_stem_with_hits_of_its_own_is_none_however_quiet():
    sibling, own = bursts(HITS_S[::2], 2.5), tones(HITS_S[1::2], 2.5, frequency_hz=200)
    for gain in (1.0, 0.1):
        mixed = gain * (own + 0.05 * sibling)
        siblings = {"kick": levels(sibling), "snare": levels(np.zeros(110_000))}
        assert not is_bleed(np.array([1.0, 100.0, 1.0, 100.0]), levels(mixed), siblings)


def test_what_lies_far_below_its_siblings_all_the_time_is_residue():
    rng = np.random.default_rng(0)
    own = 1e-4 * bursts(HITS_S, 2.5, amplitudes=rng.uniform(0.1, 1, 4), seed=5)
    assert is_bleed(np.ones(4), levels(own), {"kick": levels(bursts(HITS_S, 2.5))})


def test_a_table_at_the_usual_level_has_the_same_numbers_at_any_gain():
    plain = table(GeoMean=[100.0, 50.0], Amp=0.5, LevelDb=[10.0, -240.0], SustainMs=80)
    quiet = table(GeoMean=[10.0, 5.0], Amp=0.05, LevelDb=[-10.0, -240.0], SustainMs=80)
    for name in ("GeoMean", "Amp", "LevelDb", "SustainMs"):
        at_level = [
            type(one)(one.times_s, one.names, one.values, stem_level(one["GeoMean"], "toms")).at_usual_level(name)
            for one in (plain, quiet)
        ]
        np.testing.assert_allclose(*at_level, err_msg=name)


@pytest.mark.parametrize("gain", [0.003, 0.0003])
@pytest.mark.parametrize(("decay_s", "holds_bleed"), [(0.03, False), (None, True)])
def test_a_quiet_stem_without_siblings_is_bleed_where_the_networks_find_no_hit_in_it(
    tmp_path, gain, decay_s, holds_bleed
):
    time_s = np.arange(12 * SAMPLE_RATE) / SAMPLE_RATE
    loudness = 0.5 + 0.5 * np.sin(2 * np.pi * 1.3 * time_s) if decay_s is None else np.exp(-(time_s % 0.25) / decay_s)
    noise = np.diff(np.random.default_rng(0).standard_normal(len(time_s)), append=0.0)
    sf.write(tmp_path / "song-hihat.wav", (gain * loudness * noise).astype(np.float32), SAMPLE_RATE, subtype="FLOAT")
    for features in (GUIDE, ALL):
        level = analyze(tmp_path / "song-hihat.wav", default_config().stems["hihat"], features)[0].level
        assert level.is_quiet
        assert level.is_bleed == holds_bleed
