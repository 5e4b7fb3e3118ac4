"""The pictures: the same under any settings of the user's, and nothing of matplotlib's on standard error."""

import logging
import os
import shutil
import subprocess
import sys
from pathlib import Path

import matplotlib as mpl
import pytest
from running import ROOT

from drumhits.errors import InputError
from drumhits.transcription import figure

SETTINGS = """
text.usetex: True
figure.facecolor: red
font.family: No Such Font
no.such.setting: 7
savefig.dpi: 11
"""


@pytest.fixture
def home(tmp_path) -> Path:
    """Return a folder with a file in place of a home, and a matplotlibrc that would change everything."""
    (tmp_path / "home").write_text("no folder")
    (tmp_path / "matplotlibrc").write_text(SETTINGS)
    shutil.copy(ROOT / "test_songs" / "test1-kick.flac", tmp_path / "$x_1$ & %-kick.flac")
    return tmp_path


def run(script: str, home: Path, *args: object, own: bool) -> None:
    homes = {name: str(home / "home") for name in ("HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "MPLCONFIGDIR")}
    environment = os.environ | ({"MATPLOTLIBRC": str(home / "matplotlibrc")} | homes if own else {})
    process = subprocess.run(
        [sys.executable, str(ROOT / script), *map(str, args), "--quiet"], env=environment, capture_output=True,
        text=True, timeout=120, check=False,
    )  # fmt: skip
    assert (process.returncode, process.stderr) == (0, "")


def test_a_picture_is_the_same_under_any_settings_and_without_a_home(home):
    audio = home / "$x_1$ & %-kick.flac"
    pictures = []
    for own in (False, True):
        run("stems_to_midi.py", home, "--input", audio, "--output", home / "x.mid", "--plot", home / "x.png", own=own)
        pictures.append((home / "x.png").read_bytes())
    assert pictures[0] == pictures[1]


def test_the_charts_of_an_evaluation_are_the_same_under_any_settings_and_without_a_home(home):
    (home / "test").mkdir()
    for name in ("test1-kick.flac", "test1-kick_ground_truth.mid"):
        shutil.copy(ROOT / "test_songs" / name, home / "test" / f"$x$ {name}")
    pictures = []
    for own in (False, True):
        run("evaluate_model.py", home, "--model", "pretrained", "--test-dir", home / "test", "--stem", "kick",
            "--plots", home / "plots", "--report", home / "page.html", own=own)  # fmt: skip
        pictures.append([path.read_bytes() for path in sorted((home / "plots").iterdir())])
        assert "<svg" in (home / "page.html").read_text("utf-8")
    assert len(pictures[0]) > 3
    assert pictures[0] == pictures[1]


def test_the_settings_and_the_log_of_the_caller_come_back():
    logger = logging.getLogger("matplotlib")
    logger.setLevel(logging.DEBUG)
    try:
        with mpl.rc_context({"font.size": 33}):
            with figure.own_style({"font.size": 9}):
                assert (mpl.rcParams["font.size"], logger.isEnabledFor(logging.WARNING)) == (9, False)
            assert mpl.rcParams["font.size"] == 33
        assert logger.level == logging.DEBUG
    finally:
        logger.setLevel(logging.NOTSET)


def test_matplotlib_that_does_not_load_is_a_sentence(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(InputError, match="cannot be drawn, since matplotlib does not load"), figure.own_style():
        pass
