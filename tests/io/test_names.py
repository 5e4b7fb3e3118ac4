"""Which song and which drum the path of a file tells, and which of several words decides."""

from pathlib import Path

import pytest

from drumhits.drums import NAMES, STEMS
from drumhits.io.folders import midi_below
from drumhits.io.names import MIX, OTHER, read_name


@pytest.mark.parametrize(
    ("path", "kind", "song"),
    [
        ("x/Song1-kick.wav", "kick", "Song1"), ("x/Song1_Kick.wav", "kick", "Song1"), ("x/Song1 KICK", "kick", "Song1"),
        ("x/a_SNARES.wav", "snare", "a"), ("x/a-tom.wav", "toms", "a"), ("x/a Toms.wav", "toms", "a"),
        ("x/a-hihat.wav", "hihat", "a"), ("x/a-HiHats.wav", "hihat", "a"), ("x/a-hi-hat.wav", "hihat", "a"),
        ("x/a_hi_hat.wav", "hihat", "a"), ("x/a - Hi Hat.wav", "hihat", "a"), ("x/a.hh.wav", "hihat", "a"),
        ("x/a-hats.wav", "hihat", "a"), ("x/a-cym.wav", "cymbals", "a"), ("x/a_Cymbals.wav", "cymbals", "a"),
        ("x/a-bd.wav", "kick", "a"), ("x/a bass drum.wav", "kick", "a"), ("x/a_kick_drum.wav", "kick", "a"),
        ("x/a-BassDrum.wav", "kick", "a"), ("x/a-sd.wav", "snare", "a"), ("x/a_snare drum.wav", "snare", "a"),
        ("x/1-kick.wav", "kick", "1"), ("x/Song.v2-kick.wav", "kick", "Song.v2"), ("x/a-kick .wav", "kick", "a"),
        ("x/Song (live)-kick.wav", "kick", "Song (live)"), ("x/(I Can't)-kick.wav", "kick", "(I Can't)"),
        ("x/kick-a.wav", "kick", "a"), ("x/Kick - A b.wav", "kick", "A b"), ("x/kick_drum_a.wav", "kick", "a"),
        ("x/01_kick_a.wav", "kick", "01_a"), ("x/a-kick-2.wav", "kick", "a_2"), ("x/[Kick] a.wav", "kick", "a"),
        ("x/a_(Kick)_MODEL_v2.wav", "kick", "a"), ("x/a_(Drums)_m_(Snare)_n.wav", "snare", "a"),
        ("Song1/kick.wav", "kick", "Song1"), ("Song1/KICK.WAV", "kick", "Song1"),
        ("Song1/hi_hat.wav", "hihat", "Song1"),
        ("Song1/drums/kick.wav", "kick", "Song1"), ("Song1/Kick/Kick.wav", "kick", "Song1"),
        ("Song1/stems/drums_kick.wav", "kick", "Song1"), ("Song1/kick_stem.wav", "kick", "Song1"),
        ("kick/Song1.wav", "kick", "Song1"), ("Hi-Hat/Song1.wav", "hihat", "Song1"),
        ("kick/Song1-kick.wav", "kick", "Song1"),
        # titles with a drum in them, and several words
        ("x/Kick It-snare.wav", "snare", "Kick It"), ("Snare Song/kick.wav", "kick", "Snare Song"),
        ("x/a-kick-snare.wav", "snare", "a-kick"), ("x/Joy Ride-kick.wav", "kick", "Joy Ride"),
        ("kick/Joy Ride.wav", "kick", "Joy Ride"), ("kick/Big Snare.wav", "kick", "Big Snare"),
        ("kick/Ride-On.wav", "kick", "Ride-On"), ("snare/Song1-kick.wav", "kick", "Song1"),
        ("Crash/kick.wav", "kick", "Crash"), ("x/Song-drums-kick.wav", "kick", "Song-drums"),
        # no drum
        ("x/sidekick.wav", None, "sidekick"), ("x/phantom.wav", None, "phantom"), ("x/song.wav", None, "song"),
        ("x/Joy Ride.wav", None, "Joy Ride"), ("x/Top Hat.wav", None, "Top Hat"), ("x/Kick It.wav", None, "Kick It"),
        ("x/a-h\u0131hat.wav", None, "a-h\u0131hat"),
        # the whole, and what is none of it
        ("Song1/drums.wav", MIX, "Song1"), ("x/Song1-mix.flac", MIX, "Song1"), ("x/b drums.flac", MIX, "b"),
        ("x/Song1_(Drums)_htdemucs.wav", MIX, "Song1"), ("Song1/vocals.wav", OTHER, "Song1"),
        ("x/a-bass.wav", OTHER, "a"), ("x/a_(No Kick).wav", OTHER, "a"), ("x/a_no_drums.wav", OTHER, "a"),
        ("x/a-no-kick.wav", OTHER, "a"),
    ],
)  # fmt: skip
def test_song_and_drum(path, kind, song):
    named = read_name(Path(path))
    assert (named.kind, named.song) == (kind, song)
    assert named.stem == (kind if kind in STEMS else None)


@pytest.mark.parametrize(("path", "part"), [("a-ride.wav", "ride"), ("S/Crash.wav", "crash"), ("ride/S.wav", "ride")])
def test_ride_and_crash_are_parts_of_the_cymbals(path, part):
    named = read_name(Path(path))
    assert (named.stem, named.articulation, named.part) == ("cymbals", part, part)


@pytest.mark.parametrize(("drum", "names"), NAMES.items())
def test_every_alias_tells_its_drum_wherever_it_stands(drum, names):
    for name in names:
        for spelt in {name, name.replace(" ", ""), name.replace(" ", "-"), name.replace(" ", "_"), name.upper()}:
            for path in (f"Song1/{spelt}.wav", f"x/Song1-{spelt}.wav", f"{spelt}/Song1.wav", f"x/Song1_({spelt})_m.wav",
                         f"x/{spelt}-Song1.wav"):  # fmt: skip
                named = read_name(Path(path))
                assert ((named.stem, named.articulation), named.song) == (drum, "Song1"), path


@pytest.mark.parametrize(
    "paths",
    [
        ("x/A/kick.wav", "x/A/snare.wav"), ("x/kick/A.wav", "x/snare/A.wav"), ("x/kick/A.wav", "x/A-snare.wav"),
        ("x/A/Kick/A-kick.wav", "x/A/Snare/a-snare.flac"), ("x/A_(Kick)_m.wav", "x/A_(Snare)_m.wav"),
        ("x/Caf\u00e9-kick.wav", "x/Cafe\u0301-snare.wav"),
    ],
)  # fmt: skip
def test_files_of_one_song_have_a_key_in_common(paths):
    first, second = (read_name(Path(path)).key for path in paths)
    assert first == second


@pytest.mark.parametrize(
    "paths", [("x/A/kick.wav", "y/A/kick.wav"), ("x/A-kick.wav", "y/A-kick.wav"), ("x/kick/A.wav", "y/kick/A.wav")]
)
def test_equal_names_in_different_folders_are_different_songs(paths):
    first, second = (read_name(Path(path)).key for path in paths)
    assert first != second


def test_a_file_in_the_working_folder_belongs_to_the_song_of_that_folder(tmp_path, monkeypatch):
    (tmp_path / "Song1" / "kick").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "Song1")
    assert read_name(Path("kick.wav")).song == "Song1"
    assert read_name(Path("kick.wav")).key == read_name(tmp_path / "Song1" / "snare.wav").key
    monkeypatch.chdir("kick")
    assert read_name(Path("a.wav")).key == read_name(tmp_path / "Song1" / "snare" / "a.wav").key


def test_midi_below_follows_links_as_reading_does_and_has_hidden_files_too(tmp_path):
    for name in ("real/a.mid", "here/.hidden.MID", "here/deep/b.midi", "here/c.wav"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "here" / "linked").symlink_to(tmp_path / "real", target_is_directory=True)
    found = {path.relative_to(tmp_path / "here").as_posix() for path in midi_below(tmp_path / "here")}
    assert found == {".hidden.MID", "deep/b.midi", "linked/a.mid"}
    assert midi_below(tmp_path / "missing") == []
