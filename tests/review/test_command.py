"""stems_to_midi.py --review before its page opens: what is refused, in a sentence, and touches nothing."""

import shutil
import socket
from pathlib import Path

import pytest
from reviewing import HIHAT, stems
from running import convert_here, files_in

from drumhits.cli import reviewing
from drumhits.cli.console import Console
from drumhits.review.stem import StemReview


@pytest.fixture
def song(tmp_path):
    return Path(shutil.copy(HIHAT, tmp_path / "song-hihat.flac"))


def refused(capsys, *args, code, says):
    result = convert_here(capsys, *args, "--no-browser" if "--review" in args else "--quiet")
    assert result.returncode == code
    assert "written" not in result.stdout
    assert says in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--review", "--split"], "--review asks about one stem after the other, and goes without --split"),
        (["--review", "--keep-all", "--csv", "x.csv"], "without --keep-all and --csv"),
        (["--review", "--resume"], "without --resume"),
        (["--port", "8000"], "go with --review"),
        (["--training-dir", "x"], "go with --review"),
        (["--review", "--port", "70000"], "70000 is not between 0 and 65535"),
        (["--review", "--idle-minutes", "0"], "--idle-minutes 0: give more than 0"),
        (["--review", "--idle-minutes", "nan"], "--idle-minutes nan: give more than 0"),
    ],
)
def test_options_that_contradict_each_other(capsys, song, options, says):
    refused(capsys, "--input", song, *options, code=2, says=says)
    assert files_in(song.parent).keys() == {song.name}


def test_a_missing_file(capsys, tmp_path):
    refused(capsys, "--input", tmp_path / "no-kick.wav", "--review", code=1, says="no such file or folder")


def test_a_port_that_is_taken(capsys, song):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        refused(capsys, "--input", song, "--review", "--port", port, code=2, says=f"--port {port}: cannot be used (")


def test_a_folder_that_cannot_be_written(capsys, song):
    inside_a_file = song / "x"
    refused(
        capsys, "--input", song, "--review", "--training-dir", inside_a_file, code=1,
        says="choose another --training-dir",
    )  # fmt: skip


def test_a_review_that_is_open_already(capsys, song, tmp_path):
    job, places = stems(tmp_path, song)[0]
    opened = StemReview(job, places)
    refused(
        capsys, "--input", song, "--output", tmp_path / "midi", "--review", code=1,
        says="another review of this stem is open",
    )  # fmt: skip
    opened.close()


def test_what_the_user_edited_is_not_replaced(capsys, song, tmp_path):
    output = tmp_path / "midi" / "song-hihat.mid"
    output.parent.mkdir()
    output.write_bytes(b"MThd mine")
    refused(capsys, "--input", song, "--output", output, "--review", code=1, says="perhaps your edited version")
    output.unlink()
    edited = tmp_path / "midi" / "review" / "edited_midi" / "song-hihat_edited.mid"
    edited.parent.mkdir(parents=True)
    edited.write_bytes(b"MThd mine")
    refused(capsys, "--input", song, "--output", output, "--review", code=1, says="perhaps your edited version")
    assert edited.read_bytes() == b"MThd mine"


def test_a_browser_that_is_missing_is_said(capsys, monkeypatch):
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr(reviewing.webbrowser, "open", lambda url: False)
    reviewing._open_browser("http://127.0.0.1:1/x/", Console("stems_to_midi.py"))
    assert "open the address above in one on this machine" in capsys.readouterr().err
