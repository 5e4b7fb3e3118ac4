"""The songs that the bundled models are trained on: their strokes sound where they are said to."""

import os

import joblib
import mido
import numpy as np
import pytest
import rendered_songs
import soundfile as sf
from kits import LEAD, SOUNDS, hydrogen_kit
from rendered_songs import Material, read_song, rendered_song
from short_songs import SHORT_S, short_song
from threadpoolctl import threadpool_info, threadpool_limits
from training_songs import BLIND_EVERY, FEWEST_HITS, Hit, read_performance

from drumhits.analysis import detect
from drumhits.config.load import default_config
from drumhits.drums import STEMS
from drumhits.io.audio import SAMPLE_RATE
from drumhits.matching import match_times


@pytest.fixture(scope="module")
def song():
    return short_song()


def test_strokes_are_heard_where_they_were_played(song):
    for stem in ("kick", "snare"):
        found_s = detect([song.stems[stem]], default_config().stems[stem]).times_s
        played_s = np.array([hit.time_s for hit in song.hits[stem]])
        matches = match_times(played_s, found_s, 0.02)
        assert len(matches) >= 0.9 * len(played_s)
        assert np.median(np.abs(played_s[matches[:, 0]] - found_s[matches[:, 1]])) < 0.003


def test_a_rendered_song_is_read_as_it_was_made(song, tmp_path, monkeypatch):
    monkeypatch.setattr(rendered_songs, "performances_of", lambda material: [])
    monkeypatch.setattr(rendered_songs, "kits_of", lambda material, work: [])
    monkeypatch.setattr(rendered_songs, "make_song", lambda number, performances, kits: song)
    again = read_song(rendered_song(7, Material((), (), (), tmp_path), tmp_path))
    assert (again.hits, again.left_out, again.kits) == (song.hits, song.left_out, song.kits)
    for y, made in ((again.mix, song.mix), *((again.stems[stem], song.stems[stem]) for stem in STEMS)):
        np.testing.assert_allclose(y, made, atol=np.abs(made).max() / 32767)


def test_every_stroke_is_in_its_own_stem(song):
    assert sum(map(len, song.hits.values())) >= FEWEST_HITS
    for stem in STEMS:
        assert all(SOUNDS[hit.sound].stem == stem and 0 < hit.time_s < SHORT_S for hit in song.hits[stem])
        assert np.isfinite(song.stems[stem]).all()


def test_a_song_split_blindly_names_the_stems_that_it_was_not_split_into():
    songs = [short_song(number * BLIND_EVERY) for number in range(1, 5)]
    for song in songs:
        assert all(song.hits[stem] for stem in STEMS), "they are in the mix all the same"
        for stem in STEMS:
            level = np.sqrt(np.mean(song.stems[stem] ** 2))
            assert np.isfinite(song.stems[stem]).all()
            assert level < 1e-3 or stem not in song.left_out
    assert {"toms" in song.left_out for song in songs} == {True, False}


def test_the_same_number_gives_the_same_song(song):
    again = short_song()
    assert again.hits == song.hits
    for stem in STEMS:
        np.testing.assert_array_equal(again.stems[stem], song.stems[stem])


def test_a_performance_is_read_by_what_the_electronic_kit_means(tmp_path):
    track = mido.MidiTrack()
    for note in (36, 22, 58, 99):
        track.append(mido.Message("note_on", note=note, velocity=80, time=480))
    midi = mido.MidiFile(ticks_per_beat=480)
    midi.tracks.append(track)
    midi.save(tmp_path / "beat.mid")
    assert read_performance(tmp_path / "beat.mid") == [
        Hit(0.5, "kick", 80), Hit(1.0, "closed", 80), Hit(1.5, "tom_low", 80)
    ]  # fmt: skip


def write_hydrogen_kit(folder, names):
    y = np.concatenate((np.zeros(1000), 0.5 * np.exp(-np.arange(8000) / 1000)))
    for name in names:
        sf.write(folder / f"{name}.wav", y, SAMPLE_RATE)
    instruments = "".join(
        f"<instrument><name>{name}</name><layer><max>0.5</max><gain>1</gain><filename>{name}.wav</filename></layer>"
        f"<layer><max>1</max><gain>1.5</gain><filename>{name}.wav</filename></layer></instrument>"
        for name in names
    )
    text = f'<?xml version="1.0"?><drumkit_info xmlns="http://www.hydrogen-music.org/drumkit">{instruments}</drumkit_info>'
    (folder / "drumkit.xml").write_text(text, encoding="utf-8")


def test_a_hydrogen_kit_is_known_by_its_instruments_names(tmp_path):
    write_hydrogen_kit(tmp_path, ["Kick", "Snare", "Closed HH", "Open HH", "Crash", "Floor Tom", "Cowbell"])
    kit = hydrogen_kit(tmp_path)
    assert all(kit.has(stem) for stem in STEMS)
    assert kit.strokes["ride"] is kit.strokes["crash"]
    soft, loud = kit.strokes["kick"]
    assert (soft.velocity, loud.velocity) == (63.5, 127)
    assert np.argmax(np.abs(loud.y) > 0.1) == LEAD


def test_a_folder_without_enough_drums_is_no_kit(tmp_path):
    write_hydrogen_kit(tmp_path, ["Cowbell", "Bongo", "Kick"])
    assert hydrogen_kit(tmp_path) is None


def test_this_process_and_those_it_starts_compute_in_one_thread(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "4")
    with threadpool_limits(4), rendered_songs.one_thread_each(2):
        assert {pool["num_threads"] for pool in threadpool_info()} == {1}
        assert joblib.Parallel()([joblib.delayed(os.getenv)("OMP_NUM_THREADS")] * 2) == ["1", "1"]
