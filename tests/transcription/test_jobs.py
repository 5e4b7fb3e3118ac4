"""Command line -> jobs: stems from names, folders, output paths."""

from pathlib import Path

import pytest

from drumhits.drums import stem_of
from drumhits.errors import InputError, UsageError
from drumhits.transcription.jobs import find_audio, output_paths


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("Song1-kick", "kick"), ("Song1_Kick", "kick"), ("Song1 KICK", "kick"), ("Song1-kicks", "kick"),
        ("kick", "kick"),
        ("a-snare", "snare"), ("a_SNARES", "snare"), ("a-tom", "toms"), ("a Toms", "toms"), ("a-hihat", "hihat"),
        ("a-HiHats", "hihat"), ("a-hi-hat", "hihat"), ("a-cymbal", "cymbals"), ("a_Cymbals", "cymbals"),
        ("a-kick-snare", "snare"), ("sidekick", None), ("a-kick-2", None), ("kick-a", None), ("phantom", None),
        ("song", None), ("", None), ("a-kick ", None),
    ],
)  # fmt: skip
def test_the_stem_is_what_a_name_ends_in(name, stem):
    assert stem_of(name) == stem


def names_in(folder: Path, stem: str | None = None) -> list[tuple[str, str]]:
    return [(path.relative_to(folder).as_posix(), known) for path, known in find_audio(folder, stem)]


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
    found = names_in(folder)
    assert ("a-kick.wav", "kick") in found
    assert ("b/c-snare.FLAC", "snare") in found
    assert names_in(folder, "snare") == [("b/c-snare.FLAC", "snare")]


def test_hidden_files_such_as_those_of_macos_are_passed_over(folder):
    assert not [name for name, _ in names_in(folder) if Path(name).name.startswith(".")]


def test_a_folder_without_fitting_audio_is_an_input_error(folder):
    with pytest.raises(InputError, match=r"holds no audio file whose name ends in -toms \(\d audio files in all\)"):
        find_audio(folder, "toms")


def test_an_unclear_name_is_a_usage_error_that_names_the_option(tmp_path):
    with pytest.raises(UsageError, match=r"song\.wav: the name does not end in a stem.*--stem kick\|snare"):
        find_audio(tmp_path / "song.wav", None)
    assert find_audio(tmp_path / "song.wav", "toms") == [(tmp_path / "song.wav", "toms")]


def test_without_output_the_midi_lies_beside_the_audio(tmp_path):
    audio = [tmp_path / "a-kick.wav", tmp_path / "b" / "c.v2-snare.wav"]
    assert output_paths(audio, audio, None) == [tmp_path / "a-kick.mid", tmp_path / "b" / "c.v2-snare.mid"]


def test_one_file_takes_output_as_the_file(tmp_path):
    audio = [tmp_path / "a-kick.wav"]
    assert output_paths(audio, audio, tmp_path / "new" / "x.mid") == [tmp_path / "new" / "x.mid"]


@pytest.mark.parametrize("name", [".", "made_on_demand"])
def test_one_file_goes_into_output_where_that_is_a_folder(tmp_path, name):
    audio = [tmp_path / "a-kick.wav"]
    assert output_paths(audio, audio, tmp_path / name) == [tmp_path / name / "a-kick.mid"]


def test_several_files_go_into_output(tmp_path):
    audio = [tmp_path / "a-kick.wav", tmp_path / "b-kick.wav"]
    assert output_paths(audio, audio, tmp_path / "out") == [tmp_path / "out/a-kick.mid", tmp_path / "out/b-kick.mid"]
    with pytest.raises(UsageError, match="named like a file; several inputs need a folder"):
        output_paths(audio, audio, tmp_path / "x.mid")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UsageError, match="is a file, and a folder is needed"):
        output_paths(audio, audio, tmp_path / "file")
