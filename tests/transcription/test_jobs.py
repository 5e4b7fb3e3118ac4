"""Command line -> jobs: stems from names, folders, output paths."""

from pathlib import Path

import pytest

from drumhits.errors import UsageError
from drumhits.io.names import read_name
from drumhits.transcription.jobs import SPLIT_HINT, StemFile, gather, output_paths


def found_in(folder: Path, stem: str | None = None) -> list[tuple[str, str]]:
    return [(file.path.relative_to(folder).as_posix(), file.stem) for file in gather([folder], stem).files]


def files(*paths: Path, root: Path | None = None) -> list[StemFile]:
    return [StemFile(path, "kick", read_name(path), root or path.parent) for path in paths]


@pytest.fixture
def folder(tmp_path):
    for name in (
        "a-kick.wav", "b/c-snare.FLAC", "b/c-snare.mid", "notes.txt", "mix.wav", "._a-kick.wav", ".hidden/x-kick.wav",
    ):  # fmt: skip
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "d-kick.wav").mkdir()
    return tmp_path


def test_a_folder_gives_its_stems_in_order_also_from_folders_below(folder):
    found = found_in(folder)
    assert ("a-kick.wav", "kick") in found
    assert ("b/c-snare.FLAC", "snare") in found
    assert found_in(folder, "snare") == [("b/c-snare.FLAC", "snare")]


def test_hidden_files_such_as_those_of_macos_are_passed_over(folder):
    assert not [name for name, _ in found_in(folder) if Path(name).name.startswith(".")]


def test_a_folder_without_fitting_audio_is_an_input_error(folder):
    found = gather([folder], "toms")
    (error,) = found.refused.values()
    assert "holds no audio file whose name or folder tells toms (3 audio files in all)" in str(error)
    assert found.files == []


def test_an_unclear_name_is_a_usage_error_that_names_the_option(tmp_path):
    path = touch(tmp_path / "song.wav")
    with pytest.raises(UsageError, match=r"song\.wav: neither its name nor its folder.*--stem kick\|snare.*--split"):
        gather([path], None)
    assert [(file.path, file.stem) for file in gather([path], "toms").files] == [(path, "toms")]


@pytest.mark.parametrize("name", ["drums.wav", "Song-mix.flac", "Song_(Drums)_htdemucs.wav", "Song drums.wav"])
def test_a_mix_is_sent_to_split(tmp_path, name):
    path = touch(tmp_path / name)
    with pytest.raises(UsageError, match="is the whole kit or song by its name; --split finds"):
        gather([path], None)
    touch(tmp_path / "Song-kick.wav")
    found = gather([tmp_path], None)
    assert [file.path.name for file in found.files] == ["Song-kick.wav"]
    (skipped,) = found.skipped
    assert skipped.sentence() == f"1 file was passed over, as the whole kit or song ({SPLIT_HINT}): {name}."


def test_a_missing_path_is_named_as_missing(tmp_path):
    for name in ("nothing.wav", "no folder"):
        (error,) = gather([tmp_path / name], None).refused.values()
        assert f"{name}: no such file or folder" in str(error)


def touch(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")
    return path


def test_what_is_passed_over_is_said_in_a_line_a_kind(tmp_path):
    for name in ("a-kick.wav", "strange1.wav", "b/strange2.wav", "a-snare.m4a", "vocals.wav", "drums.wav", "a.wav"):
        touch(tmp_path / name)
    found = gather([tmp_path], None)
    assert [file.path.name for file in found.files] == ["a-kick.wav"]
    said = {one.reason: one.sentence() for one in found.skipped}
    assert said.keys() == {"nameless", "foreign", "other", "mix"}
    assert said["nameless"].startswith("2 files were passed over, since neither name nor folder tells a drum")
    assert said["nameless"].endswith(": b/strange2.wav, strange1.wav.")
    assert "convert them to WAV or FLAC" in said["foreign"]
    assert said["mix"].endswith(": a.wav, drums.wav."), "a.wav is what a-kick.wav was separated from"


def test_a_stem_is_that_of_the_whole_folder_but_for_files_that_tell_another(tmp_path):
    for name in ("take1.wav", "deep/take2.flac", "x-kick.wav", "x-snare.wav", "x.wav", "mix.wav"):
        touch(tmp_path / name)
    found = gather([tmp_path], "kick")
    assert sorted(file.path.name for file in found.files) == ["take1.wav", "take2.flac", "x-kick.wav"]
    assert {file.stem for file in found.files} == {"kick"}
    assert {one.reason: len(one.paths) for one in found.skipped} == {"other stem": 1, "mix": 2}


def test_every_suffix_that_can_be_read_is_taken(tmp_path):
    suffixes = ("aifc", "wave", "bwf", "oga", "mp2", "bw64", "rf64", "wav", "flac", "aiff", "aif", "ogg", "mp3", "w64")
    for suffix in suffixes:
        touch(tmp_path / f"{suffix}-kick.{suffix.upper()}")
    assert len(gather([tmp_path], None).files) == len(suffixes)


def test_links_that_lead_round_in_a_circle_do_not(tmp_path):
    touch(tmp_path / "in" / "a" / "x-kick.wav")
    touch(tmp_path / "elsewhere" / "y-kick.wav")
    (tmp_path / "in" / "a" / "back").symlink_to(tmp_path / "in", target_is_directory=True)
    (tmp_path / "in" / "z").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    assert found_in(tmp_path / "in") == [("a/x-kick.wav", "kick"), ("z/y-kick.wav", "kick")]


def test_without_output_the_midi_lies_beside_the_audio(tmp_path):
    audio = [tmp_path / "a-kick.wav", tmp_path / "b" / "c.v2-snare.wav"]
    assert output_paths(audio, files(*audio), None) == [tmp_path / "a-kick.mid", tmp_path / "b" / "c.v2-snare.mid"]


def test_one_file_takes_output_as_the_file(tmp_path):
    audio = [tmp_path / "a-kick.wav"]
    assert output_paths(audio, files(*audio), tmp_path / "new" / "x.mid") == [tmp_path / "new" / "x.mid"]


@pytest.mark.parametrize("name", [".", "made_on_demand"])
def test_one_file_goes_into_output_where_that_is_a_folder(tmp_path, name):
    audio = [tmp_path / "a-kick.wav"]
    assert output_paths(audio, files(*audio), tmp_path / name) == [tmp_path / name / "a-kick.mid"]


def test_several_files_go_into_output(tmp_path):
    audio = [tmp_path / "a-kick.wav", tmp_path / "b-kick.wav"]
    given = files(*audio)
    assert output_paths(audio, given, tmp_path / "out") == [tmp_path / "out/a-kick.mid", tmp_path / "out/b-kick.mid"]
    with pytest.raises(UsageError, match="named like a file; several inputs need a folder"):
        output_paths(audio, given, tmp_path / "x.mid")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UsageError, match="is a file, and a folder is needed"):
        output_paths(audio, given, tmp_path / "file")


def outputs(inputs: list[Path], out: Path, **options: str) -> list[str]:
    found = gather(inputs, None).files
    return [path.relative_to(out).as_posix() for path in output_paths(inputs, found, out, **options)]


def test_the_tree_of_a_folder_is_found_again_in_the_output(tmp_path):
    for name in ("A/Song1/kick.wav", "B/Song1/kick.wav", "B/x-kick.wav", "kick/y.wav"):
        touch(tmp_path / "in" / name)
    given, out = [tmp_path / "in"], tmp_path / "out"
    assert outputs(given, out) == ["A/Song1/kick.mid", "B/Song1/kick.mid", "B/x-kick.mid", "kick/y.mid"]
    assert outputs(given, out, one_file_a="song") == ["A/Song1.mid", "B/Song1.mid", "B/x.mid", "y.mid"]
    assert [file.label for file in gather(given, None).files] == ["A/Song1 kick", "B/Song1 kick", "B/x kick", "y kick"]


@pytest.mark.parametrize("inputs", [["A", "B"], ["A/Song1", "B/Song1"], ["A/Song1/kick.wav", "B/Song1/kick.wav"]])
def test_songs_of_equal_names_stay_apart(tmp_path, inputs):
    for name in ("A/Song1/kick.wav", "B/Song1/kick.wav"):
        touch(tmp_path / name)
    given, out = [tmp_path / name for name in inputs], tmp_path / "out"
    assert outputs(given, out) == ["A/Song1/kick.mid", "B/Song1/kick.mid"]
    assert outputs(given, out, one_file_a="song") == ["A/Song1.mid", "B/Song1.mid"]


def test_a_lone_song_folder_merges_into_a_file_of_its_name(tmp_path):
    touch(tmp_path / "Song1" / "kick.wav")
    assert outputs([tmp_path / "Song1"], tmp_path / "out", one_file_a="song") == ["Song1.mid"]
    found = gather([tmp_path / "Song1"], None).files
    assert output_paths([], found, None, one_file_a="song") == [tmp_path / "Song1" / "Song1.mid"]
