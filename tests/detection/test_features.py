"""Features: known answers, computed here by the formulas of the design and nothing else."""

from dataclasses import replace

import numpy as np
import pytest
from signals import bursts, clicks, silence, tones

from drumhits.analysis import detect
from drumhits.config.load import StemConfig, default_config
from drumhits.detection.features import GUIDE_FEATURES, MEASURED, FeatureTable, measure, measured_features
from drumhits.drums import STEMS
from drumhits.io.audio import SAMPLE_RATE

CONFIGS = default_config().stems
HITS_S = (0.25, 0.75, 1.25)
N_50_MS = 2205
PADDING = silence(0.25)


def band_sums(y: np.ndarray, start: int, config: StemConfig) -> tuple[float, float]:
    """Return the sums of the magnitudes in the two bands of the 50 ms from `start` on, zero-padded."""
    segment = np.zeros(N_50_MS)
    heard = y[start : start + N_50_MS]
    segment[: len(heard)] = heard
    magnitudes = np.abs(np.fft.rfft(segment))
    hz = np.arange(len(magnitudes)) * SAMPLE_RATE / N_50_MS
    bands = (config.body_band_hz, config.brilliance_band_hz)
    return tuple(magnitudes[(hz >= low) & (hz <= high)].sum() for low, high in bands)


def measured(y: np.ndarray, start: int, config: StemConfig) -> dict[str, float]:
    return dict(zip(MEASURED, measure(np.append(y, PADDING), np.array([start]), config, MEASURED)[0], strict=True))


def starts(table: FeatureTable) -> np.ndarray:
    return np.rint(table.times_s * SAMPLE_RATE).astype(int)


def test_the_seven_of_the_guide_come_first_in_the_guides_order():
    table = detect([bursts(HITS_S, 1.6)], CONFIGS["snare"])
    assert table.names[:7] == GUIDE_FEATURES == ("Str", "Amp", "BodyE", "BrillE", "Total", "GeoMean", "SustainMs")
    assert table.values.shape == (len(table), len(table.names))


def test_no_candidates_give_a_table_with_all_columns():
    table = detect([], CONFIGS["snare"])
    assert table.values.shape == (0, len(table.names))
    assert table["GeoMean"].shape == (0,)


@pytest.mark.parametrize("stem", STEMS)
def test_energies_are_those_of_the_50_ms_after_the_reported_onset(stem):
    config = CONFIGS[stem]
    y = bursts(HITS_S, 1.6) + tones(HITS_S, 1.6, frequency_hz=90, amplitude=0.4)
    table = detect([y], config)
    expected = np.array([band_sums(y, start, config) for start in starts(table)])
    np.testing.assert_allclose(table["BodyE"], expected[:, 0], rtol=1e-4)
    np.testing.assert_allclose(table["BrillE"], expected[:, 1], rtol=1e-4)
    np.testing.assert_allclose(table["Total"], expected.sum(axis=1), rtol=1e-4)
    np.testing.assert_allclose(table["GeoMean"], np.sqrt(expected.prod(axis=1)), rtol=1e-4)


def test_amp_is_the_peak_of_the_10_ms_after_the_reported_onset():
    y = bursts(HITS_S, 1.6)
    table = detect([y], CONFIGS["snare"])
    np.testing.assert_allclose(table["Amp"], [np.abs(y[i : i + 441]).max() for i in starts(table)], rtol=1e-6)


def test_a_sine_on_a_bin_has_half_its_amplitude_times_the_length_in_its_band_and_nothing_else():
    hz = 40 * SAMPLE_RATE / N_50_MS  # 800 Hz
    y = (0.5 * np.sin(2 * np.pi * hz * np.arange(SAMPLE_RATE // 2) / SAMPLE_RATE)).astype(np.float32)
    config = replace(CONFIGS["snare"], body_band_hz=(780.0, 820.0), brilliance_band_hz=(4000.0, 8000.0))
    values = measured(y, 100, config)
    assert values["BodyE"] == pytest.approx(0.5 * N_50_MS / 2, rel=1e-4)
    assert values["BrillE"] == pytest.approx(0, abs=0.1)
    assert values["Amp"] == pytest.approx(0.5, rel=1e-3)
    assert values["CentroidHz"] == pytest.approx(800, rel=1e-2)


def test_band_edges_belong_to_the_band():
    hz = 800.0
    y = np.sin(2 * np.pi * hz * np.arange(SAMPLE_RATE // 2) / SAMPLE_RATE).astype(np.float32)
    for band in ((800.0, 1000.0), (600.0, 800.0)):
        config = replace(CONFIGS["snare"], body_band_hz=band)
        assert measured(y, 0, config)["BodyE"] == pytest.approx(N_50_MS / 2, rel=1e-3)


@pytest.mark.parametrize("tau_ms", [5.0, 20.0, 40.0, 70.0])
def test_sustain_of_an_exponential_decay_is_tau_times_ln_10(tau_ms):
    t_ms = 1000 * np.arange(SAMPLE_RATE // 2) / SAMPLE_RATE
    y = (0.7 * np.cos(2 * np.pi * 5.0 * t_ms) * np.exp(-t_ms / tau_ms)).astype(np.float32)
    values = measured(y, 0, CONFIGS["cymbals"])
    assert values["SustainMs"] == pytest.approx(tau_ms * np.log(10), abs=2)


def test_sustain_is_200_ms_of_a_steady_sound_and_0_of_silence():
    steady = np.resize(np.array([0.3, -0.3], np.float32), SAMPLE_RATE)
    assert measured(steady, 0, CONFIGS["cymbals"])["SustainMs"] == 200
    assert measured(silence(1), 0, CONFIGS["cymbals"])["SustainMs"] == 0


@pytest.mark.parametrize("limit_hz", [None, 1000.0])
def test_the_centroid_is_measured_where_a_test_needs_it(limit_hz):
    config = replace(default_config().stems["kick"], min_centroid_hz=limit_hz)
    assert ("CentroidHz" in measured_features(config, extended=False)) == (limit_hz is not None)


def test_sustain_does_not_change_with_gain():
    y = bursts((0.0,), 0.5)
    assert {measured(np.float32(gain) * y, 0, CONFIGS["snare"])["SustainMs"] for gain in (1e-3, 1, 8)} == {
        measured(y, 0, CONFIGS["snare"])["SustainMs"]
    }


def test_energies_grow_with_gain_and_str_does_not():
    y = bursts(HITS_S, 1.6, amplitudes=(0.5, 0.2, 0.4))
    one, half = (detect([gain * y], CONFIGS["snare"]) for gain in (np.float32(1), np.float32(0.5)))
    for name in ("Amp", "BodyE", "BrillE", "Total", "GeoMean"):
        np.testing.assert_allclose(half[name], one[name] / 2, rtol=1e-4)
    loud = one["LevelDb"] > -100  # -120 dB stands for nothing added
    np.testing.assert_allclose(half["LevelDb"][loud], one["LevelDb"][loud] - 20 * np.log10(2), atol=0.01)
    np.testing.assert_allclose(half["Str"], one["Str"], atol=1e-4)


def test_the_end_of_the_file_is_padded_with_zeros():
    y = bursts((0.5, 1.0), 1.03)
    table = detect([y], CONFIGS["snare"])
    last = starts(table)[-1]
    assert len(y) - last < N_50_MS
    np.testing.assert_allclose(
        (table["BodyE"][-1], table["BrillE"][-1]), band_sums(y, last, CONFIGS["snare"]), rtol=1e-4
    )
    assert table["SustainMs"][-1] <= np.ceil((len(y) - last) / 44.1)


def test_the_start_of_the_file_is_measured_from_the_reported_onset():
    y = clicks((0.0, 0.5), 1.0)
    table = detect([y], CONFIGS["snare"])
    assert table.times_s[0] == 0
    np.testing.assert_allclose((table["BodyE"][0], table["BrillE"][0]), band_sums(y, 0, CONFIGS["snare"]), rtol=1e-4)


def test_timing_offset_changes_no_measurement():
    y = bursts(HITS_S, 1.6)
    plain = detect([y], CONFIGS["snare"])
    shifted = detect([y], replace(CONFIGS["snare"], timing_offset=0.25))
    assert plain.times_s.tobytes() == shifted.times_s.tobytes()
    assert plain.values.tobytes() == shifted.values.tobytes()


@pytest.mark.parametrize("hz", [70.0, 110.0, 180.0, 300.0])
def test_pitch_is_the_frequency_of_the_ring(hz):
    table = detect([tones(HITS_S, 1.6, frequency_hz=hz)], CONFIGS["toms"])
    nearest = np.abs(table.times_s[:, None] - np.array(HITS_S)).argmin(axis=0)
    np.testing.assert_allclose(table["PitchHz"][nearest], hz, rtol=0.04)


def test_each_row_is_measured_on_its_own():
    y = bursts(HITS_S, 1.6, amplitudes=(0.5, 0.2, 0.4))
    onsets = np.array([11000, 33000, 55000])
    padded = np.append(y, PADDING)
    together = measure(padded, onsets, CONFIGS["snare"], MEASURED)
    alone = np.concatenate([measure(padded, onsets[i : i + 1], CONFIGS["snare"], MEASURED) for i in range(3)])
    columns = [i for i, name in enumerate(MEASURED) if name != "PitchHz"]
    np.testing.assert_allclose(together[:, columns], alone[:, columns], rtol=1e-4)
