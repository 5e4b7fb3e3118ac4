import io

import numpy as np
import pytest
import soundfile

from drumhits.drums import PROFILES
from drumhits.io.audio import SAMPLE_RATE
from drumhits.tempo.strokes import Part
from drumhits.transcription.sonify import SOUNDS, sonified


@pytest.fixture
def stem(tmp_path):
    path = tmp_path / "a-snare.wav"
    soundfile.write(path, 0.2 * np.sin(np.arange(2 * SAMPLE_RATE) / 20), SAMPLE_RATE)
    return path


def part(*times_s, velocity=100):
    return Part(np.array(times_s), np.full(len(times_s), velocity), np.full(len(times_s), "head", dtype=object))


def heard(data):
    samples, rate = soundfile.read(io.BytesIO(data))
    assert rate == SAMPLE_RATE
    return samples


def test_hits_sound_on_the_right_where_they_are(stem):
    left, right = heard(sonified([stem], [part(0.5, 1.25)])).T
    sounding = np.flatnonzero(np.abs(right) > 0.05)
    assert sounding[0] == pytest.approx(0.5 * SAMPLE_RATE, abs=2)
    assert np.abs(right[SAMPLE_RATE : int(1.2499 * SAMPLE_RATE)]).max() < 0.05
    assert np.abs(right[round(1.25 * SAMPLE_RATE) :]).max() > 0.3
    assert np.abs(left).max() == pytest.approx(0.7, abs=0.01)
    assert len(left) == 2 * SAMPLE_RATE


def test_mixed_is_one_channel_of_both(stem):
    stereo, mono = heard(sonified([stem], [part(0.5)])), heard(sonified([stem], [part(0.5)], mixed=True))
    assert mono == pytest.approx(stereo.mean(axis=1), abs=1e-4)


def test_louder_hits_are_louder(stem):
    soft = part(0.2, velocity=20)
    loud = part(1.2, velocity=120)
    right = heard(sonified([stem], [soft, loud]))[:, 1]
    assert np.abs(right[:SAMPLE_RATE]).max() < 0.5 * np.abs(right[SAMPLE_RATE:]).max()


def test_every_articulation_has_a_sound():
    assert set(SOUNDS) == {name for profile in PROFILES.values() for name in profile.notes}


def test_a_hit_at_the_end_is_cut_off(stem):
    assert len(heard(sonified([stem], [part(1.999)]))) == 2 * SAMPLE_RATE
