"""ML_TRAINING_GUIDE.md says what is so: its commands run in order, its output looks like the real one, and the
messages, settings and options that it names exist."""

import ast
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
GUIDE = (ROOT / "ML_TRAINING_GUIDE.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^ *```(\w+)\n(.*?)^ *```$", GUIDE, flags=re.MULTILINE | re.DOTALL)
COMMANDS = [line.strip() for language, block in BLOCKS if language == "sh" for line in block.splitlines()]
MESSAGES = re.findall(r"^\| `(.+?)` \|", GUIDE.partition("## Troubleshooting")[2], flags=re.MULTILINE)
SCRIPTS = ("stems_to_midi.py", "train_classifier.py")
FOLDERS = ("drumhits", "test_songs", "training_data")
FIELD = "…"
TIMEOUT_S = 120


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Return the finished process of each command, all run in order in one copy of the project."""
    folder = tmp_path_factory.mktemp("guide")
    for name in (*SCRIPTS, "midiconfig.yaml"):
        shutil.copy(ROOT / name, folder)
    for name in FOLDERS:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    return {command: run(command, folder) for command in COMMANDS}


def run(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *shlex.split(command)[1:]],
        cwd=folder, capture_output=True, encoding="utf-8", timeout=TIMEOUT_S, check=False,
    )  # fmt: skip


def shown_outputs() -> dict[str, str]:
    """Return each shown output by the command that stands before it."""
    command, shown = "", {}
    for language, block in BLOCKS:
        if language == "sh":
            command = block.strip().splitlines()[-1]
        elif language == "text":
            shown[command] = block
    return shown


def shape(output: str) -> list[str]:
    """Return the lines without their numbers, the tempo hypotheses and the rows of features as one."""
    text = re.sub(r"[+-]?\d+(\.\d+)?", "#", output)
    text = re.sub(r"(seconds|beats) kept(?=, offset)", "HYPOTHESIS", text)
    text = re.sub(r"(^  [\w#()]+( \w+\))? +# ?%( .*)?\n)+", "  FEATURES\n", text, flags=re.MULTILINE)
    return [" ".join(line.split()) for line in text.splitlines()]


def strings_of(source: Path) -> list[str]:
    """Return the string literals of a source file, `FIELD` standing for what is filled in."""
    found = []
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.append(node.value)
        elif isinstance(node, ast.JoinedStr):
            parts = (part.value if isinstance(part, ast.Constant) else FIELD for part in node.values)
            found.append("".join(map(str, parts)))
    return found


@pytest.mark.parametrize("command", COMMANDS)
def test_command_runs(command, results):
    assert command.split()[:2] in [["python", script] for script in SCRIPTS]
    assert results[command].returncode == 0, results[command].stderr


def test_training_output_has_the_form_of_the_real_one(results):
    ((command, shown),) = ((c, s) for c, s in shown_outputs().items() if "train_classifier.py" in c)
    assert shape(shown) == shape(results[command].stdout)
    assert "Feature Importance: FEATURES" in " ".join(shape(shown))


def test_conversion_report_has_the_rows_of_the_real_one(results):
    ((command, shown),) = ((c, s) for c, s in shown_outputs().items() if "stems_to_midi.py" in c)
    assert set(shape(shown)) <= set(shape(results[command].stdout))


@pytest.mark.parametrize("message", MESSAGES)
def test_message_exists(message, messages):
    assert any(message in text for text in messages)


@pytest.fixture(scope="module")
def messages():
    """Return every string literal of the toolkit."""
    sources = [*(ROOT / script for script in SCRIPTS), *sorted((ROOT / "drumhits").glob("*.py"))]
    return [text for source in sources for text in strings_of(source)]


def test_troubleshooting_covers_the_usual_troubles():
    assert len(MESSAGES) >= 20


def test_options_and_scripts_exist(messages):
    assert set(re.findall(r"--[a-z][a-z-]+", GUIDE)) <= set(messages)
    assert all((ROOT / script).is_file() for script in re.findall(r"\b\w+\.py\b", GUIDE) if script != "context.py")


def test_fallback_settings_are_those_of_midiconfig():
    ((_, block),) = ((language, block) for language, block in BLOCKS if language == "yaml")
    shipped = yaml.safe_load((ROOT / "midiconfig.yaml").read_text(encoding="utf-8"))
    assert yaml.safe_load(block)["cymbals"].items() <= shipped["cymbals"].items()
