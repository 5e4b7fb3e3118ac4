"""Onsets: known times, no dependence on gain or on how the stream is cut."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from signals import bursts, clicks, cut, distances_s, silence, tones

from drumhits.analysis import detect
from drumhits.config.load import default_config
from drumhits.detection.features import FeatureTable
from drumhits.detection.frames import CHUNK_LENGTH
from drumhits.detection.onsets import ONSET_DTYPE, normalise_to_p95
from drumhits.detection.retriggers import WAIT_FRAME_LENGTH, are_strokes, suppress_retriggers
from drumhits.drums import PROFILES, STEMS
from drumhits.io.audio import SAMPLE_RATE

CONFIGS = default_config().stems
HITS_S = (0.2, 0.7, 1.1, 1.6, 2.3, 2.8)
GROOVE = bursts(HITS_S, 3.2, amplitudes=(0.5, 0.1, 0.3, 0.5, 0.05, 0.4))
ACROSS_CHUNKS = bursts(np.arange(0.25, 13, 0.4), 13.5, amplitudes=np.resize([0.5, 0.2, 0.35], 32))


def table_of(y: np.ndarray, stem: str = "snare", **changes) -> FeatureTable:
    return detect([y], replace(CONFIGS[stem], **changes))


@pytest.mark.parametrize("stem", [stem for stem in STEMS if stem != "kick"])
def test_hits_are_found_within_three_milliseconds(stem):
    assert distances_s(table_of(GROOVE, stem).times_s, HITS_S).max() < 0.003


@pytest.mark.parametrize("frequency_hz", [45, 60, 90, 140])
def test_low_drums_are_found_within_five_milliseconds(frequency_hz):
    y = tones(HITS_S, 3.2, frequency_hz=frequency_hz, tau_s=0.08)
    assert distances_s(table_of(y, "kick").times_s, HITS_S).max() < 0.005


def test_a_soft_rebound_in_the_tail_of_a_kick_is_a_candidate():
    strokes, rebounds = np.arange(0.5, 5, 0.5), np.arange(0.5, 5, 0.5) + 0.056
    y = tones(strokes, 5.5, frequency_hz=60, tau_s=0.015) + tones(rebounds, 5.5, frequency_hz=60, tau_s=0.015) / 4
    assert distances_s(table_of(y, "kick").times_s, [*strokes, *rebounds]).max() < 0.010


def test_a_kick_that_a_loud_hi_hat_bleeds_into_is_found_where_it_was_hit():
    hats = 0.2 * bursts(np.arange(0.1, 5, 0.125), 5.5, tau_s=0.02)
    high = np.convolve(hats, [1, -3, 3, -1], "same").astype(np.float32)  # 18 dB an octave: next to nothing is low
    strokes = np.arange(0.31, 5, 0.5)
    table = table_of(high + 0.1 * tones(strokes, 5.5, frequency_hz=55, tau_s=0.06), "kick")
    assert distances_s(table.times_s, strokes).max() < 0.008
    assert len(table) < 30  # of 40 hi-hats and 10 kicks


def test_clicks_are_found_within_three_milliseconds():
    times = (0.1, 0.513, 1.0, 1.27)
    assert distances_s(table_of(clicks(times, 1.5)).times_s, times).max() < 0.003


def test_a_click_at_the_first_and_near_the_last_sample_is_found():
    y = clicks((0.0, 0.5, 0.997), 1.0)
    assert distances_s(table_of(y).times_s, (0.0, 0.5, 0.997)).max() < 0.003


@pytest.mark.parametrize("stem", STEMS)
def test_a_stem_that_begins_within_a_ring_has_no_hit_there(stem):
    frequency_hz = 60 if stem == "kick" else 300
    y = tones((0.2, 1.2), 2.0, frequency_hz=frequency_hz, tau_s=0.5) + 0.3 * bursts((0.2, 1.2), 2.0, tau_s=0.4)
    cut_off = y[int(0.35 * SAMPLE_RATE) :]
    assert table_of(cut_off, stem).times_s.min() > 0.02


@pytest.mark.parametrize("lead_s", [0.0, 0.02, 3.0])
def test_silence_before_and_after_gives_no_hit(lead_s):
    strokes = np.array((0.006, 0.5, 1.0))
    y = np.concatenate((silence(lead_s), bursts(strokes, 1.4), silence(2.0)))
    found = table_of(y).times_s
    assert distances_s(found, strokes + lead_s).max() < 0.003
    assert found.min() > lead_s
    assert found.max() < lead_s + 1.4


@pytest.mark.parametrize("position", [CHUNK_LENGTH - 700, CHUNK_LENGTH - 1, CHUNK_LENGTH, CHUNK_LENGTH + 300])
def test_a_hit_at_the_border_of_two_chunks_is_found_once(position):
    time_s = position / SAMPLE_RATE
    times = table_of(bursts([time_s], 7.5)).times_s
    near = times[np.abs(times - time_s) < 0.05]
    assert len(near) == 1
    assert near[0] == pytest.approx(time_s, abs=0.003)


@pytest.mark.parametrize("y", [silence(0), silence(1), silence(14), np.full(44100, 1e-30, np.float32)])
def test_silence_gives_nothing(y):
    assert len(table_of(y)) == 0


def test_no_blocks_at_all_give_nothing():
    assert len(detect([], CONFIGS["snare"])) == 0


@pytest.mark.parametrize("stem", STEMS)
@pytest.mark.parametrize("gain", [2.0**-12, 2.0**-5, 2.0, 2.0**6])
def test_gain_by_a_power_of_two_changes_no_time(stem, gain):
    original, scaled = table_of(GROOVE, stem), table_of(np.float32(gain) * GROOVE, stem)
    np.testing.assert_array_equal(scaled.times_s, original.times_s)
    np.testing.assert_allclose(scaled["Str"], original["Str"], rtol=1e-4, atol=1e-6)


@settings(max_examples=15, deadline=None)
@given(gain_db=st.floats(-60, 20))
def test_any_gain_changes_neither_times_nor_strengths(gain_db):
    original, scaled = table_of(GROOVE), table_of(np.float32(10 ** (gain_db / 20)) * GROOVE)
    np.testing.assert_allclose(scaled.times_s, original.times_s, atol=1e-3)
    np.testing.assert_allclose(scaled["Str"], original["Str"], atol=1e-3)


@settings(max_examples=12, deadline=None)
@given(cuts=st.lists(st.integers(0, len(ACROSS_CHUNKS)), max_size=12))
def test_blocks_give_what_the_whole_gives_bit_for_bit(cuts):
    whole, blocks = table_of(ACROSS_CHUNKS), detect(cut(ACROSS_CHUNKS, cuts), CONFIGS["snare"])
    assert blocks.times_s.tobytes() == whole.times_s.tobytes()
    assert blocks.values.tobytes() == whole.values.tobytes()


def test_later_sound_changes_no_time_or_level_before():
    short, whole = table_of(ACROSS_CHUNKS[: 2 * CHUNK_LENGTH]), table_of(ACROSS_CHUNKS)
    early = short.times_s < 5
    np.testing.assert_array_equal(short.times_s[early], whole.times_s[: early.sum()])
    np.testing.assert_array_equal(short["LevelDb"][early], whole["LevelDb"][: early.sum()])


@pytest.mark.parametrize("onset_wait", [0, 4, 12, 40])
def test_onset_wait_is_the_shortest_distance_of_echoes(onset_wait):
    rng = np.random.default_rng(3)
    noise = (0.1 * rng.standard_normal(3 * SAMPLE_RATE)).astype(np.float32)
    times = table_of(noise, onset_wait=onset_wait, onset_delta=0.0).times_s
    assert len(times)
    assert (np.diff(times) > 0).all()
    shortest = min(onset_wait, PROFILES["snare"].closest_wait) * WAIT_FRAME_LENGTH / SAMPLE_RATE
    assert np.diff(times).min() >= shortest - 1e-9


def test_a_longer_wait_merges_a_double_stroke():
    y = bursts((0.5, 0.58, 1.5, 1.58), 2.2, amplitudes=(0.4, 0.02, 0.4, 0.02), tau_s=0.015)
    assert distances_s(table_of(y, onset_wait=3).times_s, (0.5, 0.58, 1.5, 1.58)).max() < 0.004
    assert distances_s(table_of(y, onset_wait=20).times_s, (0.58, 1.58)).min() > 0.05


def test_a_higher_delta_never_adds_a_candidate():
    found = [set(table_of(GROOVE, onset_delta=delta, onset_wait=0).times_s) for delta in (0.0, 0.1, 0.3, 0.6)]
    assert all(fewer <= more for more, fewer in pairwise(found))
    assert len(found[-1]) < len(found[0])


def test_times_increase_and_strengths_lie_within_0_and_1():
    table = table_of(ACROSS_CHUNKS)
    assert (np.diff(table.times_s) > 0).all()
    assert table["Str"].min() >= 0
    assert table["Str"].max() == 1


def test_relative_to_loud_is_clipped_at_the_95th_percentile():
    values = np.arange(101.0)
    relative = normalise_to_p95(values)
    assert relative[95] == 1
    assert relative[100] == 1
    assert relative[19] == pytest.approx(0.2)
    assert normalise_to_p95(np.zeros(3)).tolist() == [0, 0, 0]


@pytest.mark.parametrize("stem", STEMS)
def test_what_thresholds_take_for_a_stroke_is_a_candidate(stem):
    rng = np.random.default_rng(STEMS.index(stem))
    onsets = np.zeros(200, dtype=ONSET_DTYPE)
    onsets["sample"] = np.cumsum(rng.integers(300, 3000, len(onsets)))
    onsets["weight"] = rng.exponential(1.0, len(onsets)) ** 2
    strokes = are_strokes(onsets["sample"], onsets["weight"], 8, stem)
    found = suppress_retriggers(onsets, 8, stem)
    assert set(np.flatnonzero(strokes)) <= set(found)
    closest = PROFILES[stem].closest_wait * WAIT_FRAME_LENGTH
    assert np.diff(onsets["sample"][found]).min() >= closest


@pytest.mark.parametrize(
    ("apart_s", "strengths", "are_single"),
    [
        (0.040, (9.0, 8.0), [True, False]), (0.040, (8.0, 9.0), [False, True]), (0.050, (9.0, 8.0), [True, True]),
        (0.050, (9.0, 2.0), [True, False]), (0.120, (9.0, 2.0), [True, True]),
    ],
)  # fmt: skip
def test_a_double_lies_close_to_a_stronger_onset(apart_s, strengths, are_single):
    samples = np.array([44_100, 44_100 + round(apart_s * 44_100)])
    assert are_strokes(samples, np.array(strengths), 8, "cymbals").tolist() == are_single
