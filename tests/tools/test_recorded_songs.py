"""Songs on recorded kits: what each microphone heard, programmed parts, and what happens to stems."""

import numpy as np
import pytest
import recorded_songs
import soundfile as sf
from damage import clipped, gate, gated, lossy, music
from kits import LEAD, SOUNDS, synthetic_kit
from patterns import LEAST_S, programmed
from recorded_kits import HELD_OUT_CYMBALS, MULDJORD_KITS, frankensnare_kit, gogodze_kit, muldjord_kit
from recorded_songs import (
    HELD_OUT_BY_UNET,
    MIXES_TO_SPLIT,
    SPLIT_BY_UNET,
    is_split_by_unet,
    make_recorded_song,
    thinned,
)
from rendered_songs import FIRST_HELD_OUT
from training_songs import Hit

from drumhits.drums import STEMS
from drumhits.io.audio import SAMPLE_RATE

SHORT_S = 6.0
BAR = ("kick", "closed", "snare", "open", "tom_low", "pedal", "crash", "ride")


def stroke(level, hz=200.0):
    t = np.arange(SAMPLE_RATE // 8) / SAMPLE_RATE
    return level * np.cos(2 * np.pi * hz * t) * np.exp(-t / 0.02)


def write_muldjord(folder, instruments):
    for name in instruments:
        (folder / name).mkdir()
        for number, level in ((1, 0.1), (2, 0.4)):
            for mic, share in (("OHL", 0.5), ("OHR", 0.25), ("KdrumL", 1.0), ("Snare_top", 0.1), ("Hihat", 0.05)):
                sf.write(folder / name / f"{number}-{name}-{mic}.flac", stroke(level * share), SAMPLE_RATE)


@pytest.fixture(scope="module")
def kit(tmp_path_factory):
    folder = tmp_path_factory.mktemp("muldjord")
    write_muldjord(folder, MULDJORD_KITS["left"])
    return muldjord_kit(folder, "left", MULDJORD_KITS["left"])


def test_a_stroke_holds_what_each_microphone_heard(kit):
    soft, hard = kit.strokes["kick"]
    assert soft.velocity < hard.velocity
    assert len(kit.mics) == len(hard.y) == 5
    peaks = np.abs(hard.y).max(axis=1)
    np.testing.assert_allclose(peaks / peaks[kit.mics.index("KdrumL")], [0.5, 0.25, 1.0, 0.1, 0.05], atol=0.01)
    assert np.argmax(np.abs(hard.y[0]) > 0.1) == LEAD


def test_the_microphones_of_a_stem_hear_their_own_drum_loudest(kit):
    as_mixed = kit.balanced(np.random.default_rng(0))
    assert np.abs(kit.heard_by("kick").play("kick", 127)).max() > np.abs(kit.heard_by("snare").play("kick", 127)).max()
    gains = as_mixed.gains["kick"]
    assert gains[kit.mics.index("KdrumL")] > gains[kit.mics.index("Hihat")]
    assert np.abs(as_mixed.play("kick", 20)).max() < np.abs(as_mixed.play("kick", 120)).max()


def test_kits_by_strength_and_take_are_read_softest_first(tmp_path):
    for mic in ("kick_mic", "snare_mic", "oh_mic"):
        (tmp_path / mic).mkdir()
        for prefix in ("ks", "sc", "hc"):
            for strength in (2, 10):
                sf.write(tmp_path / mic / f"{prefix}_vl{strength}_rr1.flac", stroke(0.05 * strength), SAMPLE_RATE)
    kit = gogodze_kit(tmp_path)
    assert not kit.has("cymbals")
    assert np.abs(kit.strokes["kick"][0].y).max() < np.abs(kit.strokes["kick"][1].y).max()
    snare = tmp_path / "14_basic"
    for mic in ("top", "oh"):
        (snare / mic).mkdir(parents=True)
        sf.write(snare / mic / "sn_vl1_rr1.flac", stroke(0.3), SAMPLE_RATE)
    kit = frankensnare_kit(snare)
    assert [stem for stem in STEMS if kit.has(stem)] == ["snare"]


def test_what_is_held_out_is_not_trained_on():
    assert not set(HELD_OUT_CYMBALS) & {part for parts in MULDJORD_KITS.values() for part in parts}


def test_songs_split_by_a_network_are_on_kits_held_out_where_their_numbers_say_so():
    assert all(is_split_by_unet(number) for some in (SPLIT_BY_UNET, HELD_OUT_BY_UNET) for number in some)
    assert min(HELD_OUT_BY_UNET) >= FIRST_HELD_OUT > max(*SPLIT_BY_UNET, *MIXES_TO_SPLIT)
    assert not any(is_split_by_unet(number) for number in (*MIXES_TO_SPLIT, FIRST_HELD_OUT))


def test_programmed_parts_are_playable_and_reach_the_speed_of_blast_beats():
    fastest_s = 1.0
    for seed in range(40):
        part = programmed(10.0, np.random.default_rng(seed))
        assert part == sorted(part)
        assert all(0 < time_s < 10 and sound in SOUNDS and 1 <= velocity <= 127 for time_s, sound, velocity in part)
        kicks = np.array([time_s for time_s, sound, _ in part if sound == "kick"])
        gaps = np.diff(kicks)
        assert not len(gaps) or gaps.min() > LEAST_S["kick"] - 0.04
        fastest_s = min([fastest_s, *(np.median(gaps[i : i + 8]) for i in range(len(gaps) - 8))])
    assert fastest_s < 0.075, "sixteenths at 200 BPM or faster"


def bursts():
    y = np.random.default_rng(0).normal(0, 1e-3, 2 * SAMPLE_RATE).astype(np.float32)
    for start in (10_000, 50_000):
        y[start : start + len(stroke(1.0))] += stroke(0.9).astype(np.float32)
    return y


def test_a_gate_is_open_at_strokes_and_closed_between_them():
    y = bursts()
    for seed in range(5):
        out = gated(y, np.random.default_rng(seed))
        np.testing.assert_allclose(out[10_064:10_800], y[10_064:10_800], atol=1e-3)
        assert np.abs(out[42_000:48_000]).max() < 0.2 * np.abs(y[42_000:48_000]).max()


def test_clipping_and_codecs_damage_a_sound_and_keep_its_length():
    y, rng = bursts(), np.random.default_rng(0)
    assert np.abs(clipped(y, rng)).max() < 0.85
    out = lossy(y, rng)
    assert len(out) == len(y)
    spectrum, before = (np.abs(np.fft.rfft(sound)) for sound in (out, y))
    assert spectrum[-5000:].sum() < 0.1 * before[-5000:].sum()
    assert np.abs(music(SAMPLE_RATE, rng)).max() == pytest.approx(1)


@pytest.fixture
def short(monkeypatch, kit):
    groove = [Hit(i / 4, BAR[i % len(BAR)], 90) for i in range(120)]
    monkeypatch.setattr("training_songs.SONG_S", SHORT_S)
    monkeypatch.setattr(recorded_songs, "SONG_S", SHORT_S)
    return lambda number: make_recorded_song(number, [groove], [synthetic_kit(0)], [kit])


def test_songs_of_every_way_to_get_stems_are_sound_and_the_same_again(monkeypatch, short):
    for blind, by_mics in ((1.0, 0.0), (0.0, 1.0), (0.0, 0.0)):
        monkeypatch.setattr(recorded_songs, "BLIND", blind)
        monkeypatch.setattr(recorded_songs, "BY_MICS", by_mics)
        song, again = short(3), short(3)
        assert song.hits == again.hits
        for stem in STEMS:
            assert np.isfinite(song.stems[stem]).all()
            np.testing.assert_array_equal(song.stems[stem], again.stems[stem])
            assert all(SOUNDS[hit.sound].stem == stem for hit in song.hits[stem])


def test_parts_are_thinned_by_whole_stems_or_by_what_falls_together_with_kick_and_snare():
    on_beats = [Hit(float(beat), sound, 100) for beat in range(8) for sound in ("kick", "closed", "ride", "tom_low")]
    beside = [Hit(beat + 0.5, "closed", 100) for beat in range(8)]
    parts = [thinned(on_beats + beside, np.random.default_rng(seed)) for seed in range(100)]
    counts = [{stem: sum(SOUNDS[hit.sound].stem == stem for hit in part) for stem in STEMS} for part in parts]
    assert all(count["kick"] == 8 and count["toms"] in (0, 8) for count in counts)
    assert {count["hihat"] for count in counts} >= {0, 8, 16}
    whole, apart = ([count for count in counts if count["hihat"] == n] for n in (16, 8))
    assert len(whole) > 50
    assert apart
    assert all(count["cymbals"] == 0 for count in apart)


def test_stems_of_microphones_hold_the_other_drums(monkeypatch, short):
    for name, value in (("BLIND", 0.0), ("BY_MICS", 1.0), ("PROGRAMMED", 0.0), ("RECORDED", 1.0), ("ANOTHER", 0.0)):
        monkeypatch.setattr(recorded_songs, name, value)
    monkeypatch.setattr(recorded_songs, "DAMAGED", {})
    song = short(5)
    snares = [int(hit.time_s * SAMPLE_RATE) for hit in song.hits["snare"]]
    kick = song.stems["kick"]
    heard = np.median([np.abs(kick[at : at + 500]).max() for at in snares])
    before = np.median([np.abs(kick[at - 1500 : at - 1000]).max() for at in snares])
    assert heard > 3 * before


def test_a_gate_lets_a_stroke_through_and_shuts_after_its_hold():
    y = np.full(SAMPLE_RATE, 0.001, dtype=np.float32)
    y[10_000:10_010] = 1.0
    out = gate(y, threshold_db=-30.0, hold_s=0.1, release_s=0.01, closed_db=-60.0)
    np.testing.assert_array_equal(out[10_000:14_000], y[10_000:14_000])
    np.testing.assert_allclose(out[[5_000, 20_000]], 1e-6, rtol=1e-3)
