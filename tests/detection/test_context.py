"""Extended features: what each says about signals with a known answer."""

from dataclasses import replace

import numpy as np
import pytest
import soundfile
from signals import bursts, cut, silence, tones

from drumhits.analysis import analyze, detect, detect_with_patches
from drumhits.config.load import default_config
from drumhits.detection.context import EXTENDED_FEATURES, FRAMES, extended_columns
from drumhits.detection.features import GUIDE_FEATURES, SHAPE_FEATURES, STROKE_LEVEL
from drumhits.detection.frames import BAND_EDGES_HZ, N_BANDS
from drumhits.io.audio import SAMPLE_RATE
from drumhits.models.decisions import by_thresholds

BANDS = [f"{edge:.0f}" for edge in BAND_EDGES_HZ[:-1]]
SNARE = default_config().stems["snare"]
HITS_S = (0.5, 1.0, 1.5, 2.0, 2.5, 3.0)
ORDER = list(FRAMES)


def hits(times_s, duration_s, **options):
    return bursts(times_s, duration_s, tau_s=0.02, **options)


def table_of(y):
    return detect_with_patches([y], SNARE)[0]


def columns(n=1, times_s=None, level_db=None, **energies):
    """Return the features of `n` hits with the given energies, 1 in all bands unless given."""
    around = np.ones((n, len(FRAMES), N_BANDS))
    for level, energy in energies.items():
        around[:, ORDER.index(level)] = energy
    times_s = np.arange(n) * 0.5 if times_s is None else np.array(times_s)
    return extended_columns(times_s, np.zeros(n) if level_db is None else np.array(level_db, float), around)


def all_bands(found, kind):
    return np.array([found[f"{kind}{band}"][0] for band in BANDS])


def test_names_are_those_of_the_columns():
    assert len(set(EXTENDED_FEATURES)) == len(EXTENDED_FEATURES)
    assert not set(EXTENDED_FEATURES) & set(GUIDE_FEATURES + SHAPE_FEATURES)
    assert set(columns(3)) == set(columns(0)) == set(EXTENDED_FEATURES)
    assert table_of(bursts(HITS_S, 3.5)).names == (
        *GUIDE_FEATURES, *SHAPE_FEATURES, STROKE_LEVEL, *EXTENDED_FEATURES
    )  # fmt: skip


def test_the_extended_table_begins_with_the_ordinary_one():
    y = bursts(HITS_S, 3.5)
    plain, extended = detect([y], SNARE), table_of(y)
    np.testing.assert_array_equal(extended.times_s, plain.times_s)
    for name in plain.names:
        np.testing.assert_array_equal(extended[name], plain[name], err_msg=name)


def test_a_tom_that_is_struck_while_a_louder_one_rings_rises_in_its_attack(tmp_path):
    times_s = (0.5, 0.65, 0.8)
    ring = tones(times_s, 2.0, frequency_hz=(90.0, 130.0, 110.0), amplitude=0.4, tau_s=0.5)
    y = ring + hits(times_s, 2.0, amplitudes=(0.1, 0.04, 0.02))
    soundfile.write(tmp_path / "A-toms.wav", y, SAMPLE_RATE, subtype="FLOAT")
    toms = default_config().stems["toms"]
    table, _ = analyze(tmp_path / "A-toms.wav", toms)
    decisions = by_thresholds(table, toms)
    assert table.times_s[decisions.keep] == pytest.approx(times_s, abs=0.005)
    assert "Rise1493" in table.names
    assert "Rise1493" not in analyze(tmp_path / "A-toms.wav", replace(toms, min_rise_db=None))[0].names


@pytest.mark.parametrize(
    ("kind", "level", "less"),
    [("Rise", "after", "before"), ("Since", "after", "past"), ("Decay", "decay", "hit"), ("Late", "late", "hit")],
)
def test_a_level_ten_times_the_other_is_10_db_in_each_band(kind, level, less):
    np.testing.assert_allclose(all_bands(columns(**{level: 1.0, less: 0.1}), kind), 10, atol=0.01)
    np.testing.assert_allclose(all_bands(columns(**{level: 0.1, less: 1.0}), kind), -10, atol=0.01)


def test_levels_over_all_bands():
    found = columns(before=0.01, decay=0.001)
    assert found["RiseAll"][0] == pytest.approx(20, abs=0.01)
    assert found["DecayAll"][0] == pytest.approx(-30, abs=0.01)


def test_after_is_relative_to_the_loud_hits():
    np.testing.assert_allclose(all_bands(columns(), "After"), -10 * np.log10(N_BANDS), atol=0.01)


def test_tilt_is_the_slope_in_db_a_band():
    found = columns(after=10 ** (0.2 * np.arange(N_BANDS) / 10 * 5))
    assert found["Tilt"][0] == pytest.approx(1.0, abs=0.01)
    assert columns()["Tilt"][0] == pytest.approx(0, abs=1e-9)


def test_loudness_and_rank_compare_with_all_hits():
    found = columns(4, level_db=[-10.0, -20.0, 0.0, -120.0])
    assert np.diff(found["Loudness"][[1, 0, 2]]) == pytest.approx([10, 10])
    assert found["Loudness"][3] == -60
    np.testing.assert_array_equal(found["Rank"], [0.5, 0.25, 0.75, 0])


def test_likeness_is_the_correlation_with_loud_hits():
    slope = 10 ** (np.arange(N_BANDS) / 10)
    found = columns(20, level_db=[0.0] * 19 + [-30.0], after=np.array([slope] * 19 + [1 / slope]))
    for kind in ("LikeRise", "LikeAfter"):
        np.testing.assert_allclose(found[kind], [1] * 19 + [-1], atol=1e-3)
    assert columns(3)["LikeRise"] == pytest.approx(0)


def test_strength_of_a_group_is_the_rise_in_its_bands_relative_to_the_loud_ones():
    only_low = np.where(np.arange(N_BANDS) < 3, 16.0, 1.0)
    found = columns(20, after=np.array([only_low] * 19 + [np.ones(N_BANDS)]))
    np.testing.assert_allclose(found["StrongLow"], [1] * 19 + [0], atol=1e-9)
    np.testing.assert_allclose(found["StrongHigh"], 0)


def test_neighbours_are_told_by_gap_and_level():
    found = columns(4, times_s=[0.0, 0.1, 1.1, 31.1], level_db=[-6.0, 0.0, -3.0, -3.0])
    np.testing.assert_allclose(found["PastGap"], [1, -1, 0, 1])
    np.testing.assert_allclose(found["NextGap"], [-1, 0, 1, 1])
    np.testing.assert_allclose(found["PastDb"], [0, 6, -3, 0], atol=1e-9)
    np.testing.assert_allclose(found["NextDb"], [-6, 3, 0, 0], atol=1e-9)
    np.testing.assert_allclose(found["Masked"], [6, 0, 0, 0], atol=1e-9)


def test_masking_reaches_over_several_neighbours_and_no_farther_than_120_ms():
    found = columns(5, times_s=[0, 0.05, 0.1, 0.15, 0.2], level_db=[0.0, -20.0, -10.0, -20.0, -20.0])
    np.testing.assert_allclose(found["Masked"], [0, 20, 10, 10, 10], atol=1e-9)


def test_masking_equals_the_definition_on_random_hits():
    rng = np.random.default_rng(0)
    times_s, level_db = np.cumsum(rng.uniform(0.01, 0.1, 200)), rng.uniform(-50, 0, 200)
    near = np.abs(times_s[:, None] - times_s) <= 0.12
    expected = np.where(near, level_db, -np.inf).max(axis=1) - level_db
    np.testing.assert_allclose(columns(200, times_s=times_s, level_db=level_db)["Masked"], expected, atol=1e-9)


def test_a_tone_is_in_its_band():
    band = 9
    found = table_of(tones(HITS_S, 3.5, frequency_hz=BAND_EDGES_HZ[band : band + 2].mean()))
    after = np.array([found[f"After{band}"] for band in BANDS])
    assert (after.argmax(axis=0) == band).all()


def test_a_long_sound_decays_less_than_a_short_one():
    short, long = (table_of(bursts(HITS_S, 3.5, tau_s=tau_s)) for tau_s in (0.02, 0.2))
    for name in ("DecayAll", f"Late{BANDS[8]}"):
        assert short[name].mean() < long[name].mean() - 5


def test_a_soft_hit_ranks_below_and_is_quieter_by_its_gain():
    amplitudes = [0.4, 0.4, 0.04, 0.4, 0.4, 0.4]
    found = table_of(hits(HITS_S, 3.5, amplitudes=amplitudes))
    assert len(found) == 6
    assert found["Rank"].argmin() == 2
    assert found["PastDb"][2] == pytest.approx(-20, abs=3)
    assert found["NextDb"][2] == pytest.approx(-20, abs=3)


@pytest.mark.parametrize("gain", [0.05, 0.5, 2.0])
def test_gain_changes_nothing(gain):
    y = hits(HITS_S, 3.5, amplitudes=[0.3, 0.1, 0.2, 0.3, 0.05, 0.4])
    plain, louder = table_of(y), table_of(np.float32(gain) * y)
    assert len(plain) == len(louder) == 6
    for name in EXTENDED_FEATURES:
        np.testing.assert_allclose(louder[name], plain[name], atol=1e-3, err_msg=name)


@pytest.mark.parametrize(
    ("y", "n"),
    [
        (silence(0), 0),
        (silence(1.0), 0),
        (hits([0.3], 1.0), 1),
        (hits([0.3, 0.6], 1.0), 2),
        (hits([0.01, 0.9], 0.95), 2),
        (hits([0.3, 0.6], 1.0, amplitudes=1e-5), 2),
    ],
    ids=["empty", "silent", "one", "two", "at-the-ends", "very-soft"],
)
def test_few_candidates_give_finite_features(y, n):
    found = table_of(y)
    assert found.values.shape == (n, len(found.names))
    assert np.isfinite(found.values).all()
    assert np.abs(found.values).max(initial=0) < 1e6


def test_extremes_of_energy_stay_finite():
    for energy in (0.0, 1e-38, 1e30):
        for values in columns(3, level_db=[-120.0] * 3, after=energy, before=energy, hit=energy).values():
            assert np.isfinite(values).all()


def test_blocks_give_the_whole_bit_for_bit():
    rng = np.random.default_rng(1)
    times_s = np.cumsum(rng.uniform(0.05, 0.5, 60))
    y = bursts(times_s, 18.0, amplitudes=rng.uniform(0.01, 0.5, 60))
    whole = table_of(y)
    assert len(whole) > 40
    for positions in ([1, 1000, 5 * SAMPLE_RATE], rng.integers(0, len(y), 40).tolist()):
        pieces = detect_with_patches(cut(y, positions), SNARE)[0]
        np.testing.assert_array_equal(pieces.times_s, whole.times_s)
        np.testing.assert_array_equal(pieces.values, whole.values)
