"""README.md says what is so: its commands run, .ci/run runs its two, and its map has every module."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```sh\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)
SCRIPT_COMMANDS = re.findall(r"^(?:\.venv/bin/)?python (\w+\.py .*)$", "".join(BLOCKS), flags=re.MULTILINE)
USED = ("*.py", "midiconfig.yaml", "drumhits", "test_songs", "training_data")


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """Return a folder with what the scripts need."""
    folder = tmp_path_factory.mktemp("copy")
    for path in (path for pattern in USED for path in ROOT.glob(pattern)):
        if path.is_dir():
            shutil.copytree(path, folder / path.name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(path, folder)
    return folder


def run(*arguments, cwd):
    return subprocess.run(arguments, cwd=cwd, capture_output=True, text=True, timeout=120, check=False)


def shape(line: str) -> str:
    """Return a line of the report without its numbers."""
    return " ".join(re.sub(r"\d+(\.\d+)?", "#", line).split())


@pytest.mark.parametrize("command", SCRIPT_COMMANDS)
def test_command_of_the_readme_runs(command, copy):
    done = run(sys.executable, *shlex.split(command), cwd=copy)
    assert done.returncode == 0, done.stderr
    outputs = re.findall(r"--(?:output|plot|csv) (\S+)", command)
    assert all((copy / output).exists() for output in outputs)


def test_report_in_the_readme_looks_like_the_real_one(copy):
    arguments = ("--input", "test_songs/test1-cymbals.flac", "--output", "midi/report.mid", "-v")
    done = run(sys.executable, "stems_to_midi.py", *arguments, cwd=copy)
    (report,) = re.findall(r"^```text\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)
    assert {shape(line) for line in report.splitlines()} <= {shape(line) for line in done.stdout.splitlines()}


@pytest.mark.skipif(sys.platform == "win32", reason="needs bash")
def test_ci_runs_the_two_commands_of_the_readme():
    commands = [block for block in BLOCKS if block.startswith("python3 -m venv ")]
    assert len(commands) == 2
    assert run("bash", ".ci/run", "--list", cwd=ROOT).stdout == "\n".join(commands)


def test_map_has_every_module():
    modules = {path.name for path in (ROOT / "drumhits").glob("*.py")} - {"__init__.py"}
    assert modules == set(re.findall(r"`(\w+\.py)`", README)) - {path.name for path in ROOT.glob("*.py")}


@pytest.mark.skipif(sys.platform == "win32", reason="needs wait4")
def test_benchmark_runs(copy):
    speed = ROOT / "benchmarks" / "speed.py"
    done = run(sys.executable, str(speed), "--only", "3s", "--runs", "1", "--json", "speed.json", cwd=copy)
    assert done.returncode == 0, done.stderr
    assert "import numpy" in done.stdout
    assert (copy / "speed.json").exists()
