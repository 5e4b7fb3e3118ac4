"""Tempo and bars of what stems_to_midi.py writes: the grid moves, the hits do not."""

import os
import shutil
from pathlib import Path

import mido
import numpy as np
import pytest
from running import ROOT, files_in

import stems_to_midi
import train_classifier
from drumhits.io.grid import Grid, Signature, TempoMap
from drumhits.io.midi import PPQ, encode, read_midi

SONGS = ROOT / "test_songs"
TICK_S = 60 / 120 / PPQ


def convert(*args) -> int:
    return stems_to_midi.main([*map(str, args)])


def mido_seconds(path: Path) -> np.ndarray:
    """Return the times of the notes as another reader finds them."""
    now_s, times_s = 0.0, []
    for message in mido.MidiFile(path):
        now_s += message.time
        if message.type == "note_on" and message.velocity:
            times_s.append(now_s)
    return np.array(times_s)


@pytest.fixture(scope="module")
def at_120(tmp_path_factory):
    out = tmp_path_factory.mktemp("at_120") / "kick.mid"
    assert convert("--input", SONGS / "test1-kick.flac", "--output", out, "--quiet") == 0
    return read_midi(out).notes["time_s"]


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """Return a tempo map as a DAW exports it."""
    path = tmp_path_factory.mktemp("daw") / "map.mid"
    tempo = TempoMap(np.array([0.0, 3.0, 11.0]), np.array([500_000, 461_538, 731_707]))
    path.write_bytes(encode([], grid=Grid(tempo, (Signature(0.0, 3, 4), Signature(3.0, 4, 4)))))
    return path


@pytest.mark.parametrize("options", [
    ("--tempo", "97.3"),
    ("--tempo", "140", "--first-bar", "0.51", "--time-signature", "6/8"),
    ("--tempo", "60", "--first-bar", "3.2"),
    ("--tempo", "MAP"),
    ("--tempo", "auto"),
    ("--tempo", "auto", "--first-bar", "1.0", "--time-signature", "3/4"),
], ids=" ".join)  # fmt: skip
def test_hits_keep_their_seconds(options, at_120, exported, tmp_path):
    out = tmp_path / "kick.mid"
    given = [exported if option == "MAP" else option for option in options]
    assert convert("--input", SONGS / "test1-kick.flac", "--output", out, "--quiet", *given) == 0
    tick_s = read_midi(out).tempo.us_per_beat.max() * 1e-6 / PPQ
    for times_s in (read_midi(out).notes["time_s"], mido_seconds(out)):
        assert np.abs(times_s - at_120).max() <= max(tick_s, TICK_S)


def test_the_map_of_a_file_is_written_as_it_is(exported, tmp_path):
    out = tmp_path / "kick.mid"
    assert convert("--input", SONGS / "test1-kick.flac", "--output", out, "--tempo", exported, "--quiet") == 0
    made, given = read_midi(out), read_midi(exported)
    assert made.tempo.us_per_beat.tolist() == given.tempo.us_per_beat.tolist()
    assert made.signatures == given.signatures


def test_auto_hears_the_song_s_other_stems_and_gives_all_one_grid(tmp_path, capsys):
    stems = [SONGS / f"test1-{stem}.flac" for stem in ("kick", "snare")]
    assert convert("--input", *stems, "--output", tmp_path, "--tempo", "auto") == 0
    said = capsys.readouterr().err
    assert said.count("test1: 120.0 BPM constant, 4/4, first bar at 0.50 s;") == 1
    grids = [read_midi(tmp_path / f"test1-{stem}.mid") for stem in ("kick", "snare")]
    assert [grid.tempo.us_per_beat[-1] for grid in grids] == [500_000, 500_000]
    assert grids[0].signatures == grids[1].signatures == (Signature(0.0, 4, 16), Signature(1.0, 4, 4))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["test1-kick.mid", "test1-snare.mid"]


@pytest.fixture
def song(tmp_path):
    """Return a folder with two stems of a song."""
    stems = tmp_path / "stems"
    stems.mkdir()
    for stem in ("kick", "snare"):
        shutil.copy(SONGS / f"test1-{stem}.flac", stems)
    return stems


def resumed(inputs: Path, out: Path) -> set[str]:
    """Run with --resume and return the names of the MIDI files that were written."""
    for path in out.iterdir():
        os.utime(path, ns=(1, 1))
    assert convert("--input", inputs, "--output", out, "--tempo", "auto", "--resume", "--quiet") == 0
    return {path.name for path in out.iterdir() if path.stat().st_mtime_ns != 1}


def test_a_batch_on_tempo_auto_that_goes_on_gives_what_one_in_one_go_gives(song, tmp_path):
    out = tmp_path / "out"
    assert convert("--input", song, "--output", out, "--tempo", "auto", "--quiet") == 0
    in_one_go = files_in(out)
    assert resumed(song, out) == set()
    (out / "test1-kick.mid").unlink()
    assert "test1-kick.mid" in resumed(song, out)
    assert files_in(out) == in_one_go


def test_stems_made_before_one_came_that_tells_the_tempo_are_made_again(song, tmp_path):
    out = tmp_path / "out"
    shutil.move(song / "test1-snare.flac", tmp_path)
    assert convert("--input", song, "--output", out, "--tempo", "auto", "--quiet") == 0
    shutil.move(tmp_path / "test1-snare.flac", song)
    assert resumed(song, out) == {"test1-kick.mid", "test1-snare.mid"}
    assert resumed(song / "test1-kick.flac", out) == set()
    made = files_in(out)
    assert convert("--input", song, "--output", out, "--tempo", "auto", "--quiet") == 0
    assert files_in(out) == made


def test_a_stem_whose_midi_was_edited_still_tells_the_tempo(song, tmp_path, capsys):
    out = tmp_path / "out"
    options = ("--input", song, "--output", out, "--tempo", "auto")
    assert convert(*options) == 0
    made = files_in(out)
    edited = made["test1-kick.mid"].replace(b"\x99\x24", b"\x99\x23")
    (out / "test1-kick.mid").write_bytes(edited)
    assert convert(*options, "--resume") == 1
    said = capsys.readouterr().err
    assert "test1-kick.mid: exists and is not an untouched output" in said
    assert "test1-snare.mid: is made already" in said
    assert convert(*options) == 1
    assert files_in(out) == made | {"test1-kick.mid": edited}


def test_a_stem_that_tells_no_tempo_gets_120_and_a_sentence(tmp_path, capsys):
    shutil.copy(SONGS / "test2-cymbals.flac", tmp_path / "song-cymbals.flac")
    assert convert("--input", tmp_path / "song-cymbals.flac", "--tempo", "auto") == 0
    assert "there are too few hits to tell a tempo, or none of kick and snare; 120 BPM" in capsys.readouterr().err
    made = read_midi(tmp_path / "song-cymbals.mid")
    assert (made.tempo.us_per_beat.tolist(), made.signatures) == ([500_000], ())


@pytest.mark.parametrize(("options", "said"), [
    (("--tempo", "fast"), "--tempo: midi.tempo: must be a number from 10 to 1000 BPM, auto, or the name"),
    (("--tempo", "none.mid"), "none.mid cannot be read"),
    (("--tempo", "MAP", "--first-bar", "1"), "brings its bars with it: leave out --first-bar"),
    (("--time-signature", "4/5"), "--time-signature: midi.time_signature: must be a time signature such as 4/4"),
    (("--first-bar", "-1"), "--first-bar: midi.first_bar: must be a number from 0 to 14400"),
], ids=str)  # fmt: skip
def test_what_cannot_be_is_refused(options, said, exported, tmp_path, capsys):
    given = [exported if option == "MAP" else option for option in options]
    assert convert("--input", SONGS / "test1-kick.flac", "--output", tmp_path / "k.mid", *given) != 0
    assert said in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_quantised_notes_lie_on_the_grid_and_say_so(tmp_path, capsys):
    out = tmp_path / "kick.mid"
    options = ("--tempo", "120", "--first-bar", "0.5", "--quantize", "1/16")
    assert convert("--input", SONGS / "test1-kick.flac", "--output", out, "--quiet", *options) == 0
    made = read_midi(out)
    steps = (made.notes["time_s"] - 0.5) / 0.125
    assert np.abs(steps - np.rint(steps)).max() < 0.01
    assert any('"quantized":"1/16, 100 %"' in text for text in made.texts)
    assert convert("--input", SONGS / "test1-kick.flac", "--output", out, "--keep-all", *options) == 2
    assert "--keep-all makes MIDI to be edited for training" in capsys.readouterr().err


def test_training_refuses_quantised_files(tmp_path, capsys):
    raw, edited = tmp_path / "raw", tmp_path / "edited"
    edited.mkdir()
    audio = SONGS / "test1-kick.flac"
    assert convert("--input", audio, "--output", raw / "test1-kick.mid", "--quiet", "--quantize", "1/16") == 0
    shutil.copy(raw / "test1-kick.mid", edited / "test1-kick_edited.mid")
    args = ("--stem", "kick", "--raw-dir", raw, "--edited-dir", edited, "--dry-run")
    assert train_classifier.main([*map(str, args)]) != 0
    assert "was quantised (1/16, 100 %), so its notes do not lie on the hits" in capsys.readouterr().err


def test_sonify_writes_a_sound_and_replaces_none(tmp_path, capsys):
    out = tmp_path / "heard.wav"
    options = ("--input", SONGS / "test1-kick.flac", "--output", tmp_path / "k.mid", "--sonify", out, "--quiet")
    assert convert(*options) == 0
    assert out.read_bytes()[:4] == b"RIFF"
    assert convert(*options) == 2
    assert "is an audio file, which --sonify never replaces" in capsys.readouterr().err


@pytest.mark.parametrize(("options", "said"), [
    (("--sonify-mixed",), "--sonify-mixed goes with --sonify FILE.wav"),
    (("--sonify", "a.wav", "--resume"), "--resume leaves out what is made, so it goes without"),
    (("--sonify", "a.wav"), "--musicxml and --sonify take the stems of one song, and here are 2"),
], ids=str)  # fmt: skip
def test_sounds_are_of_one_song(options, said, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert convert("--input", SONGS, "--stem", "cymbals", "--output", tmp_path, *options) == 2
    assert said in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
