"""The truth on the time line of the audio: aligned with the candidates, or taken as it stands, or refused."""

import daws
import numpy as np
import pytest

from drumhits.alignment.align import Given
from drumhits.config.load import default_config
from drumhits.errors import NotEnoughDataError
from drumhits.evaluation.timeline import aligned_truth
from drumhits.evaluation.truth import TruthPair

CYMBALS = default_config().stems["cymbals"]
N_SONGS = 12


class Song:
    """Strokes as a drummer played them, and candidates: most of the strokes some milliseconds late, and false ones."""

    def __init__(self, seed, late_s=0.003):
        rng = np.random.default_rng(seed)
        raw, self.beat_s = daws.performance(rng, bars=16)
        times_s = raw.notes["time_s"][raw.notes["time_s"] > 0.5]
        self.rows = np.column_stack((times_s, np.full(len(times_s), 49), raw.notes["velocity"][-len(times_s) :]))
        heard_s = times_s[rng.random(len(times_s)) < 0.95]
        false_s = rng.uniform(0, times_s[-1], len(times_s))
        self.candidates_s = np.sort(np.concatenate((heard_s + rng.normal(late_s, 0.003, len(heard_s)), false_s)))

    def truth(self, folder, data, given=None):
        path = folder / "t.mid"
        path.write_bytes(data)
        return aligned_truth(TruthPair("t", path, path, given or Given()), CYMBALS, self.candidates_s, 120.0)

    def assert_right(self, truth, rows=None, abs_s=0.006):
        expected = self.rows if rows is None else rows
        np.testing.assert_allclose(truth.notes["time_s"], expected[:, 0], atol=abs_s)


@pytest.fixture(params=range(N_SONGS))
def song(request):
    return Song(request.param)


def test_a_truth_that_fits_is_taken_as_it_stands_however_late(tmp_path):
    for late_s in (-0.02, 0.003, 0.03):
        song = Song(1, late_s)
        truth = song.truth(tmp_path, daws.write(song.rows))
        song.assert_right(truth, abs_s=0.0006)
        assert truth.warnings == ()
        assert truth.covers(np.array([-1.0, 999.0])).all()


def test_a_tempo_that_was_dropped_is_found(tmp_path, song):
    truth = song.truth(tmp_path, daws.write(song.rows, ppq=96, bpm=104, kind=0, tempo=False))
    song.assert_right(truth)
    assert "104 BPM" in truth.warnings[0]
    assert "--truth-tempo" in truth.warnings[0]


def test_an_odd_tempo_needs_the_option(tmp_path, song):
    data = daws.write(song.rows, ppq=96, bpm=91.27, kind=0, tempo=False)
    assert "--truth-tempo" in song.truth(tmp_path, data).warnings[0]
    given = song.truth(tmp_path, data, Given(tempo_bpm=91.27))
    song.assert_right(given)
    assert given.warnings == ()


def test_a_cut_start_is_found_and_nothing_is_claimed_about_what_was_cut(tmp_path, song):
    start_s = song.rows[len(song.rows) // 3, 0] - 0.1
    rest = song.rows[song.rows[:, 0] >= start_s]
    data = daws.write(daws.shifted(rest, -start_s))
    truth = song.truth(tmp_path, data)
    song.assert_right(truth, rest)
    assert "offset" in truth.warnings[0]
    assert truth.covers(np.array([start_s / 2, start_s + 1])).tolist() == [False, True]
    given = song.truth(tmp_path, data, Given(offset_s=start_s))
    song.assert_right(given, rest, abs_s=0.0006)


def test_another_song_is_no_better_than_chance(tmp_path, song):
    other = Song(1000 + len(song.rows))
    truth = song.truth(tmp_path, daws.write(other.rows))
    other.assert_right(truth, abs_s=0.0006)
    assert "hardly more than chance" in truth.warnings[0]


def test_repeated_bars_that_were_shifted_are_refused(tmp_path):
    song = Song(0)
    song.candidates_s = np.arange(64) * 0.25
    rows = np.column_stack((np.arange(16) * 0.25 + 14.1, np.full((16, 2), (49, 80))))
    with pytest.raises(NotEnoughDataError, match=r"t\.mid: fits the audio in two ways.*--truth-offset"):
        song.truth(tmp_path, daws.write(rows))


def test_the_drums_of_a_project_are_told_from_its_melody(tmp_path, song):
    melody = Song(2000 + len(song.rows)).rows
    melody[1::2, 1] = 60
    truth = song.truth(tmp_path, daws.write_tracks([melody, song.rows], channels=[0, 9]))
    song.assert_right(truth)
    assert "note(s) of other tracks are left out" in truth.warnings[0]


@pytest.mark.parametrize("rows", [np.zeros((0, 3)), np.array([[1.0, 49, 90]])])
def test_hardly_a_note(tmp_path, rows):
    assert len(Song(0).truth(tmp_path, daws.write(rows)).notes) == len(rows)
