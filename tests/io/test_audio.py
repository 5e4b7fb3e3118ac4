"""Reading audio: formats, rates and channels give the same signal; the stream is continuous."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from signals import bursts, distances_s

from drumhits.analysis import analyze, identify
from drumhits.config.load import default_config
from drumhits.errors import InputError
from drumhits.io import audio
from drumhits.io.audio import SAMPLE_RATE, AudioReader
from drumhits.io.recording import BLOCK_FRAMES
from drumhits.models.decisions import by_thresholds

HITS_S = (0.3, 0.8, 1.2, 1.7)
LENGTH_S = 2.2
LOSSY_S = 0.008  # what a codec or a resampler rings ahead of an attack that comes out of digital silence
SNARE = default_config().stems["snare"]
FORMATS = (
    ("WAV", "PCM_U8", "wav"), ("WAV", "PCM_16", "wav"), ("WAV", "PCM_24", "wav"), ("WAV", "PCM_32", "wav"),
    ("WAV", "FLOAT", "wav"), ("WAV", "DOUBLE", "wav"), ("WAVEX", "PCM_24", "wav"), ("FLAC", "PCM_16", "flac"),
    ("FLAC", "PCM_24", "flac"), ("AIFF", "PCM_16", "aiff"), ("AIFF", "FLOAT", "aif"), ("OGG", "VORBIS", "ogg"),
    ("OGG", "OPUS", "opus"), ("MP3", "MPEG_LAYER_III", "mp3"),
)  # fmt: skip


def read(path: Path) -> tuple[np.ndarray, AudioReader]:
    reader = AudioReader(path)
    return np.concatenate([np.zeros(0, np.float32), *reader.blocks()]), reader


def write(path: Path, y: np.ndarray, sample_rate: int = SAMPLE_RATE, subtype: str = "PCM_16") -> Path:
    soundfile.write(path, y, sample_rate, subtype=subtype)
    return path


@pytest.mark.parametrize(("container", "subtype", "suffix"), FORMATS)
def test_every_format_gives_the_hits_of_the_signal(tmp_path, container, subtype, suffix):
    path = tmp_path / f"x.{suffix}"
    rate = 48000 if subtype == "OPUS" else SAMPLE_RATE
    soundfile.write(path, bursts(HITS_S, LENGTH_S, sample_rate=rate), rate, format=container, subtype=subtype)
    table, source = analyze(path, SNARE)
    assert distances_s(table.times_s, HITS_S).max() < LOSSY_S
    assert source.warnings == ()
    assert source.duration_s == pytest.approx(LENGTH_S, abs=0.06)


@pytest.mark.parametrize("sample_rate", [8000, 11025, 22050, 32000, 48000, 96000, 192000, 384000])
def test_every_rate_gives_the_hits_of_the_signal(tmp_path, sample_rate):
    path = write(tmp_path / "x.wav", bursts(HITS_S, LENGTH_S, sample_rate=sample_rate), sample_rate)
    table, source = analyze(path, SNARE)
    assert distances_s(table.times_s, HITS_S).max() < LOSSY_S
    assert source.duration_s == pytest.approx(LENGTH_S, abs=1e-4)


def test_resampling_keeps_length_time_and_level(tmp_path):
    t = np.arange(96000) / 96000
    tone = 0.5 * np.sin(2 * np.pi * 1000 * t)
    y, _ = read(write(tmp_path / "x.wav", tone, 96000, "FLOAT"))
    expected = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(SAMPLE_RATE) / SAMPLE_RATE)
    assert len(y) == SAMPLE_RATE
    assert np.abs(y - expected)[500:-500].max() < 1e-3


@pytest.mark.parametrize("channels", [1, 2, 3, 16])
@pytest.mark.parametrize("subtype", ["PCM_16", "FLOAT"])
def test_channels_are_averaged(tmp_path, channels, subtype):
    rng = np.random.default_rng(1)
    block = rng.integers(-16384, 16384, (5000, channels)) / 32768
    y, _ = read(write(tmp_path / "x.wav", block, subtype=subtype))
    np.testing.assert_allclose(y, block.mean(axis=1), atol=1e-6)


def test_int16_and_float_give_the_same_samples_for_the_same_values(tmp_path):
    values = np.arange(-32768, 32768, 16) / 32768
    as_int, _ = read(write(tmp_path / "i.wav", values))
    as_float, _ = read(write(tmp_path / "f.wav", values, subtype="FLOAT"))
    np.testing.assert_array_equal(as_int, as_float)


def test_a_file_longer_than_a_block_is_continuous(tmp_path):
    ramp = (np.arange(3 * BLOCK_FRAMES + 17) % 30000 - 15000) / 32768
    y, reader = read(write(tmp_path / "x.wav", ramp))
    np.testing.assert_array_equal(y, ramp.astype(np.float32))
    assert reader.n_frames == len(ramp)


def test_the_fingerprint_is_that_of_the_samples_not_of_the_file(tmp_path):
    y = np.round(32767 * bursts(HITS_S, LENGTH_S)).astype(np.int16)
    _, wav = read(write(tmp_path / "x.wav", y))
    _, flac = read(write(tmp_path / "x.flac", y))
    _, louder = read(write(tmp_path / "y.wav", y + 1))
    assert wav.fingerprint == flac.fingerprint != louder.fingerprint


def test_more_than_the_longest_length_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(audio, "MAX_HOURS", 1 / 3600)
    with pytest.raises(InputError, match=r"longer than .* hours; cut it"):
        read(write(tmp_path / "x.wav", bursts(HITS_S, LENGTH_S)))


def test_integers_stored_as_float_are_audio(tmp_path):
    loud = 32768 * bursts(HITS_S, LENGTH_S)
    table, _ = analyze(write(tmp_path / "x.wav", loud, subtype="FLOAT"), SNARE)
    assert distances_s(table.times_s, HITS_S).max() < 0.005


def test_a_streamed_flac_of_unknown_length_is_read_to_its_end(tmp_path):
    y = bursts((*HITS_S, LENGTH_S - 0.05), LENGTH_S)
    flac = bytearray(write(tmp_path / "x.flac", y).read_bytes())
    flac[21] &= 0xF0  # STREAMINFO: the number of samples, 36 bits, and the MD5 sum; 0 is unknown
    flac[22:42] = bytes(20)
    (tmp_path / "y.flac").write_bytes(flac)
    whole, _ = read(tmp_path / "x.flac")
    streamed, reader = read(tmp_path / "y.flac")
    assert reader.warnings == []
    np.testing.assert_array_equal(streamed, whole)


def test_a_damaged_flac_gives_what_comes_before(tmp_path):
    y = bursts(HITS_S, LENGTH_S)
    flac = write(tmp_path / "x.flac", y).read_bytes()
    (tmp_path / "y.flac").write_bytes(flac[: len(flac) * 6 // 10])
    whole, _ = read(tmp_path / "x.flac")
    cut, reader = read(tmp_path / "y.flac")
    assert len(reader.warnings) == 1
    assert "is damaged after" in reader.warnings[0]
    assert len(cut) > 0.4 * len(whole)
    np.testing.assert_array_equal(cut[:-4096], whole[: len(cut) - 4096])


@pytest.mark.parametrize("subtype", ["PCM_16", "FLOAT"])
@pytest.mark.parametrize("right", [-1.0, -0.9, -1.05])
def test_channels_in_opposite_phase_are_read_from_the_louder_one_and_named(tmp_path, right, subtype):
    y = bursts(HITS_S, LENGTH_S)
    soundfile.write(tmp_path / "mono.wav", y, SAMPLE_RATE, subtype=subtype)
    soundfile.write(tmp_path / "turned.wav", np.stack([y, right * y], axis=1), SAMPLE_RATE, subtype=subtype)
    expected, _ = analyze(tmp_path / "mono.wav", SNARE)
    table, source = analyze(tmp_path / "turned.wav", SNARE)
    np.testing.assert_allclose(table.times_s, expected.times_s, atol=1e-3)
    np.testing.assert_allclose(table["Amp"], max(1.0, -right) * expected["Amp"], rtol=0.01)
    (warning,) = source.warnings
    assert "its channels are in opposite phase and cancel each other out when they are added" in warning
    assert f"channel {1 + (right < -1)} alone was read" in warning
    assert identify(tmp_path / "turned.wav") == source
    lows, highs = audio.waveform_envelope(tmp_path / "turned.wav", source.n_frames, source.sample_rate)
    assert highs.max() - lows.min() > 0.3


@pytest.mark.parametrize("n_channels", [2, 6, 16])
@pytest.mark.parametrize("only_one", [False, True])
def test_unrelated_channels_and_a_single_one_are_averaged_without_a_word(tmp_path, n_channels, only_one):
    y = np.stack([bursts(HITS_S, LENGTH_S, seed=seed) for seed in range(n_channels)], axis=1)
    y[:, 1:] *= not only_one
    soundfile.write(tmp_path / "wide.wav", y, SAMPLE_RATE, subtype="FLOAT")
    samples, reader = read(tmp_path / "wide.wav")
    assert reader.loudest_channel_in_opposite_phase is None
    np.testing.assert_allclose(samples, y.mean(axis=1), atol=1e-6)


@pytest.mark.parametrize("offset", [0.2, -0.05])
def test_a_constant_offset_changes_no_hit_and_gives_none(tmp_path, offset):
    y = bursts(HITS_S, LENGTH_S)
    for name, samples in (("plain", y), ("offset", y + np.float32(offset))):
        soundfile.write(tmp_path / f"{name}.wav", samples, SAMPLE_RATE, subtype="FLOAT")
    plain, shifted = (analyze(tmp_path / f"{name}.wav", SNARE)[0] for name in ("plain", "offset"))
    kept, expected = (rows.rows(by_thresholds(rows, SNARE).keep) for rows in (shifted, plain))
    np.testing.assert_allclose(kept.times_s, expected.times_s, atol=1e-3)
    np.testing.assert_allclose(kept["SustainMs"], expected["SustainMs"], atol=2)
    assert len(kept) == len(HITS_S)
