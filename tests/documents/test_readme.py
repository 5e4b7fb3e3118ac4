"""README.md says what is so: its commands run, .ci/run runs its two, and its map has every package."""

import json
import re
import shlex
import subprocess
import sys

import pytest
import update_docs
from update_docs import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```sh\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)
SCRIPT_COMMANDS = list(
    dict.fromkeys(re.findall(r"^(?:\.venv/bin/)?python (\w+\.py .*)$", "".join(BLOCKS), flags=re.MULTILINE))
)


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """Return a folder with what the scripts need."""
    return update_docs.copy_project(tmp_path_factory.mktemp("copy"))


@pytest.fixture(scope="module")
def results(copy):
    """Return the finished process of each command, all run in order in one copy of the project."""
    return {command: run(sys.executable, *shlex.split(command), cwd=copy) for command in SCRIPT_COMMANDS}


def run(*arguments, cwd):
    return subprocess.run(arguments, cwd=cwd, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize("command", SCRIPT_COMMANDS)
def test_command_of_the_readme_runs(command, copy, results):
    assert results[command].returncode == 0, results[command].stderr
    outputs = re.findall(r"--(?:output|plot|csv) (\S+)", command)
    assert all((copy / output).exists() for output in outputs)


def test_the_python_example_runs(copy):
    (example,) = re.findall(r"^```python\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)
    done = run(sys.executable, "-c", example, cwd=copy)
    assert done.returncode == 0, done.stderr
    assert re.match(r"\d+\.\d{3} s  \d+%\n", done.stdout)
    assert (copy / "midi" / "snare.mid").exists()


@pytest.mark.usefixtures("same_versions")
def test_every_output_in_the_readme_is_the_real_one(results):
    outputs = {f"python {command}": done.stdout for command, done in results.items()}
    assert update_docs.updated(README, outputs) == README


@pytest.mark.skipif(sys.platform == "win32", reason="needs bash")
def test_ci_runs_the_two_commands_of_the_readme():
    commands = [block for block in BLOCKS if block.startswith("python3 -m venv ")]
    assert len(commands) == 2
    assert run("bash", ".ci/run", "--list", cwd=ROOT).stdout == "\n".join(commands)


def test_map_has_every_package_and_every_module_beside_them():
    package = ROOT / "drumhits"
    parts = {path.name for path in package.glob("*.py")} | {f"{path.parent.name}/" for path in package.glob("*/*.py")}
    shown = set(re.findall(r"`(\w+(?:\.py|/))`", README[README.index("| in `drumhits/`") :].split("\n\n")[0]))
    assert shown - {"drumhits/"} == parts - {"__init__.py"}


@pytest.mark.skipif(sys.platform == "win32", reason="needs wait4")
def test_benchmark_runs(copy):
    speed = ROOT / "benchmarks" / "speed.py"
    done = run(sys.executable, str(speed), "--only", "3s", "--runs", "1", "--json", "speed.json", cwd=copy)
    assert done.returncode == 0, done.stderr
    assert "import numpy" in done.stdout
    assert (copy / "speed.json").exists()


@pytest.mark.usefixtures("same_versions")
def test_accuracy_benchmark_gives_the_figures_of_the_readme(tmp_path):
    accuracy = ROOT / "benchmarks" / "accuracy.py"
    done = run(
        sys.executable, str(accuracy), str(ROOT / "test_songs"), "--stems", "toms", "--json", "a.json", cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    f1 = json.loads((tmp_path / "a.json").read_text("utf-8"))["f1"]["toms"]
    assert f1["pretrained"][0] > f1["librosa"][0] > 0
    assert f"{f1['thresholds'][0]:.3f}" in done.stdout
    ours = re.match(r"toms( +\S+ / \S+){3}", done.stdout.splitlines()[1])[0]  # aubio may not be installed
    assert ours in README
    nothing = run(sys.executable, str(accuracy), str(tmp_path), cwd=tmp_path)
    assert nothing.returncode == 3
    assert "no NAME-STEM.wav" in nothing.stderr


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="needs wait4")
def test_benchmark_of_costs_runs(copy):
    options = ("--minutes", "1", "--runs", "1", "--only", "min, model", "--json", "costs.json", "--folder", "costs")
    done = run(sys.executable, str(ROOT / "benchmarks" / "costs.py"), *options, cwd=copy)
    assert done.returncode == 0, done.stderr
    assert "convert 4 min, model, 4 siblings" in done.stdout
    assert (copy / "costs.json").exists()
