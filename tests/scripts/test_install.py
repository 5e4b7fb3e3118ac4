"""`pip install .`: from any folder, the three commands and the Python API work with what ships inside the package."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from running import ROOT

TIMEOUT_S = 300
SONGS = ROOT / "test_songs"
EDITS = ROOT / "training_data"


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """Return a folder that holds the package as pip installs its wheel, and nothing else."""
    folder = tmp_path_factory.mktemp("installed")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    offline = ["--no-deps", "--no-index", "--no-build-isolation"]
    run([*pip, "wheel", *offline, "--wheel-dir", folder / "wheel", ROOT], cwd=folder)
    (wheel,) = (folder / "wheel").glob("drumhits-*.whl")
    run([*pip, "install", *offline, "--target", folder / "site", wheel], cwd=folder)
    return folder / "site"


def run(command, cwd, site=None):
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    if site:
        environment["PYTHONPATH"] = str(site)
    done = subprocess.run(
        list(map(str, command)), cwd=cwd, env=environment, capture_output=True, encoding="utf-8", check=False,
        timeout=TIMEOUT_S,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def command(site: Path, name: str) -> Path:
    folder = site / ("Scripts" if sys.platform == "win32" else "bin")
    return folder / (f"{name}.exe" if sys.platform == "win32" else name)


def test_the_three_commands_work_from_another_folder(installed, tmp_path):
    convert, train, evaluate = (command(installed, name) for name in (
        "stems-to-midi", "train-classifier", "evaluate-model"))  # fmt: skip
    audio = SONGS / "test1-kick.flac"
    for options in ((), ("--use-ml-model", "pretrained")):
        run([convert, "--input", audio, "--output", "kick.mid", *options], tmp_path, installed)
        assert (tmp_path / "kick.mid").stat().st_size > 0
    folders = ("--raw-dir", EDITS / "raw_midi", "--edited-dir", EDITS / "edited_midi")
    run([train, "--stem", "cymbals", *folders, "--output-model", "m.pkl", "--n-estimators", "10"], tmp_path, installed)
    page = ("--report", "page.html")
    said = run([evaluate, "--model", "m.pkl", "--test-dir", SONGS, "--stem", "cymbals", *page], tmp_path, installed)
    assert "m.pkl" in said
    assert (tmp_path / "page.html").stat().st_size > 0


def test_the_pages_are_installed(installed, tmp_path):
    for folder in ("page", "review/web/page", "evaluation/pages"):
        files = {path.name for path in (ROOT / "drumhits" / folder).iterdir() if path.is_file()}
        assert files <= {path.name for path in (installed / "drumhits" / folder).iterdir()}
    options = ("--output", "midi", "--review", "--no-browser", "--idle-minutes", "0.001")
    convert = command(installed, "stems-to-midi")
    said = run([convert, "--input", SONGS / "test1-kick.flac", *options], tmp_path, installed)
    assert "Review page: http://127.0.0.1:" in said


def test_the_python_api_works_from_another_folder(installed, tmp_path):
    code = (
        "import drumhits, sys; assert 'numpy' not in sys.modules\n"
        f"hits = drumhits.transcribe({str(SONGS / 'test1-snare.flac')!r})\n"
        "hits.write('snare.mid'); print(len(hits), drumhits.__file__)"
    )
    n_hits, path = run([sys.executable, "-c", code], tmp_path, installed).split(maxsplit=1)
    assert int(n_hits) > 10
    assert Path(path.strip()).is_relative_to(installed)
    assert (tmp_path / "snare.mid").exists()
