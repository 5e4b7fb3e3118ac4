"""The threshold rule: keep = GeoMean > limit and SustainMs >= limit and Str >= limit; null switches a test off."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tables import table

from drumhits.config.load import StemConfig, default_config
from drumhits.detection.loudness import StemLevel
from drumhits.models.decisions import by_confidence, by_thresholds

CYMBALS = replace(default_config().stems["cymbals"], geomean_threshold=10.0, min_sustain_ms=100.0, onset_threshold=0.15)
LIMITS = {"GeoMean": "geomean_threshold", "SustainMs": "min_sustain_ms", "Str": "onset_threshold"}
candidates = st.lists(st.tuples(st.floats(0, 50), st.floats(0, 200), st.floats(0, 1)), max_size=20)


def kept(rows: list[tuple[float, float, float]], config: StemConfig) -> set[int]:
    geomean, sustain_ms, strength = np.array(rows).reshape(-1, 3).T
    decisions = by_thresholds(table(GeoMean=geomean, SustainMs=sustain_ms, Str=strength), config)
    return set(np.flatnonzero(decisions.keep))


@pytest.mark.parametrize(
    ("name", "value", "is_kept"),
    [
        ("GeoMean", 10.0, False), ("GeoMean", 10.001, True), ("SustainMs", 99.0, False), ("SustainMs", 100.0, True),
        ("Str", 0.149, False), ("Str", 0.15, True),
    ],
)  # fmt: skip
def test_each_limit_is_where_the_guide_says(name, value, is_kept):
    decisions = by_thresholds(table(**{name: [value]}), CYMBALS)
    assert decisions.keep.tolist() == [is_kept]
    assert decisions.reasons[0].startswith("" if is_kept else name)
    assert bool(decisions.reasons[0]) != is_kept


def test_dark_hits_are_bleed_in_a_hihat_stem_and_nowhere_else():
    rows = table(CentroidHz=[3999.0, 4000.0])
    decisions = by_thresholds(rows, default_config().stems["hihat"])
    assert decisions.keep.tolist() == [False, True]
    assert decisions.reasons[0] == "CentroidHz < 4000"
    assert by_thresholds(rows, CYMBALS).keep.all()


def test_what_does_not_rise_goes_in_the_bands_of_the_stem():
    config = replace(default_config().stems["toms"], min_rise_db=5.0)
    decisions = by_thresholds(table(Rise1493=[4.9, 5.0, 30.0], RiseAll=[9.0, -3.0, -3.0]), config)
    assert decisions.keep.tolist() == [False, True, True]
    assert decisions.reasons[0] == "Rise1493 < 5"
    assert by_thresholds(table(Rise1493=[4.9]), replace(config, min_rise_db=None)).keep.all()


@pytest.mark.parametrize("limit_db", [-12.0, 0.0, 12.0])
def test_the_margin_of_a_level_is_the_same_wherever_its_limit_lies(limit_db):
    off = dict.fromkeys(("geomean_threshold", "min_rise_db"))
    config = replace(default_config().stems["snare"], min_over_drum_db=limit_db, onset_threshold=0.0, **off)
    decisions = by_thresholds(table(OverTrebleKick=limit_db + np.array([-12.0, 0.0, 6.0])), config)
    assert decisions.keep.tolist() == [False, True, True]
    np.testing.assert_allclose(decisions.margins, [1.993, 0.0, 0.997], atol=1e-3)


def test_a_test_of_what_was_not_measured_rejects_nothing():
    assert "OverTrebleKick" not in table().names
    assert by_thresholds(table(), replace(default_config().stems["snare"], min_over_drum_db=60.0)).keep.all()


@pytest.mark.parametrize(("name", "setting"), LIMITS.items())
def test_null_switches_a_test_off(name, setting):
    weak = table(**{name: [0.0]})
    assert not by_thresholds(weak, CYMBALS).keep[0]
    assert by_thresholds(weak, replace(CYMBALS, **{setting: None})).keep[0]


def test_a_limit_of_0_keeps_all_but_no_energy():
    config = replace(CYMBALS, geomean_threshold=0.0, min_sustain_ms=0.0, onset_threshold=0.0)
    assert by_thresholds(table(GeoMean=[0.0, 1e-9], SustainMs=0, Str=0), config).keep.tolist() == [False, True]


@given(candidates, st.sampled_from(list(LIMITS.values())), st.tuples(st.floats(0, 1), st.floats(0, 1)))
def test_a_higher_threshold_never_adds_a_hit(rows, setting, limits):
    scale = {"geomean_threshold": 50.0, "min_sustain_ms": 200.0, "onset_threshold": 1.0}[setting]
    low, high = (scale * limit for limit in sorted(limits))
    assert kept(rows, replace(CYMBALS, **{setting: high})) <= kept(rows, replace(CYMBALS, **{setting: low}))


def test_a_double_of_a_stronger_candidate_goes():
    rows = replace(table(GeoMean=[50.0, 50.0, 0.0], SustainMs=200.0, Str=0.9), is_double=np.array([False, True, True]))
    decisions = by_thresholds(rows, CYMBALS)
    assert decisions.keep.tolist() == [True, False, False]
    assert decisions.reasons[1] == "double of a stronger hit"
    assert decisions.reasons[2].startswith("GeoMean")


@given(rows=candidates)
def test_every_rejected_candidate_has_a_reason_and_no_kept_one_does(rows):
    geomean, sustain_ms, strength = np.array(rows).reshape(-1, 3).T
    decisions = by_thresholds(table(GeoMean=geomean, SustainMs=sustain_ms, Str=strength), CYMBALS)
    assert [bool(reason) for reason in decisions.reasons] == (~decisions.keep).tolist()
    assert decisions.confidence is None


@pytest.mark.parametrize(("relative_db", "kept"), [(0.0, [False, True]), (-20.0, [True, True]), (20.0, [False, False])])
def test_the_limit_of_geomean_follows_the_level_of_the_stem_unless_it_is_absolute(relative_db, kept):
    rows = replace(table(GeoMean=[5.0, 50.0]), level=StemLevel(relative_db))
    assert by_thresholds(rows, CYMBALS).keep.tolist() == kept
    assert by_thresholds(rows, replace(CYMBALS, level_reference="absolute")).keep.tolist() == [False, True]


def test_a_rejection_names_the_limit_that_held():
    rows = replace(table(GeoMean=[0.5]), level=StemLevel(-20.0))
    assert by_thresholds(rows, CYMBALS).reasons == ("GeoMean <= 1",)


def test_confidence_at_the_limit_is_kept():
    decisions = by_confidence(np.array([0.2, 0.5, 0.9]), 0.5)
    assert decisions.keep.tolist() == [False, True, True]
    assert decisions.reasons == ("confidence < 50 %", "", "")
