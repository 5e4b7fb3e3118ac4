"""ML_TRAINING_GUIDE.md says what is so: its commands run in order, its output is the real one to the last digit, and
the messages, settings, options and pictures that it names exist."""

import ast
import re
from pathlib import Path

import pytest
import update_docs
import yaml
from update_docs import BLOCK, ROOT, SESSION, commands

GUIDE = (ROOT / "ML_TRAINING_GUIDE.md").read_text(encoding="utf-8")
BLOCKS = [(block["kind"], block["body"]) for block in BLOCK.finditer(GUIDE)]
COMMANDS = commands(GUIDE)
MESSAGES = re.findall(r"^\| `(.+?)` \|", GUIDE.partition("## Troubleshooting")[2], flags=re.MULTILINE)
SCRIPTS = ("stems_to_midi.py", "train_classifier.py", "evaluate_model.py")
FIELD = "…"
FILES_ELSEWHERE = {"kinds.py", "daws.py"}


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Return the finished process of each command, all run in order in one copy of the project."""
    return update_docs.run_all(COMMANDS, update_docs.copy_project(tmp_path_factory.mktemp("guide")))


@pytest.fixture(scope="module")
def outputs(results):
    return {command: done.stdout for command, done in results.items()}


@pytest.mark.parametrize("command", COMMANDS)
def test_command_runs(command, results):
    assert results[command].returncode == 0, results[command].stderr


def test_every_command_is_one_of_those_that_run():
    lines = [line.strip() for kind, body in BLOCKS if kind == "sh" for line in body.splitlines()]
    assert lines == COMMANDS
    assert len(COMMANDS) == len(set(COMMANDS))


@pytest.mark.usefixtures("same_versions")
def test_every_output_is_the_real_one(outputs):
    assert update_docs.updated(GUIDE, outputs) == GUIDE
    assert sum(kind == "text" for kind, _ in BLOCKS) >= 8


def test_another_output_is_noticed(outputs):
    changed = {command: re.sub(r"Accuracy: .*", "Accuracy:  1.0%", output) for command, output in outputs.items()}
    assert update_docs.updated(GUIDE, changed) != update_docs.updated(GUIDE, outputs)


@pytest.mark.usefixtures("same_versions")
def test_the_animation_shows_the_real_output(outputs):
    picture = (ROOT / SESSION).read_text(encoding="utf-8")
    assert picture == update_docs.session(outputs)
    assert len(picture) < 500_000


def test_pictures_are_there_and_small():
    pictures = {path for name in update_docs.DOCUMENTS
                for path in re.findall(r"!\[[^]]+\]\((.+?)\)", (ROOT / name).read_text(encoding="utf-8"))}  # fmt: skip
    assert {path.name for path in (ROOT / "docs").iterdir()} == {Path(path).name for path in pictures}
    assert all(0 < (ROOT / path).stat().st_size < 200_000 for path in pictures)


def test_links_lead_somewhere():
    for name in (*update_docs.DOCUMENTS, "models/README.md", "training_data/README.md", "test_songs/README.md"):
        text = (ROOT / name).read_text(encoding="utf-8")
        for target, _, heading in (link.partition("#") for link in re.findall(r"\]\((?!http)([^)]+)\)", text)):
            path = (ROOT / name).parent / target if target else ROOT / name
            assert path.exists(), f"{name}: {target}"
            headings = re.findall(r"^#+ (.*)$", path.read_text("utf-8"), re.MULTILINE) if heading else []
            anchors = {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in headings}
            assert not heading or heading in anchors, f"{name}: #{heading}"


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


@pytest.mark.parametrize("message", MESSAGES)
def test_message_exists(message, messages):
    assert any(message in text for text in messages)


@pytest.fixture(scope="module")
def messages():
    """Return every string literal of the toolkit."""
    sources = [*(ROOT / script for script in SCRIPTS), *sorted((ROOT / "drumhits").rglob("*.py"))]
    return [text for source in sources for text in strings_of(source)]


def test_troubleshooting_covers_the_usual_troubles():
    assert len(MESSAGES) >= 20


def test_options_and_scripts_exist(messages):
    assert set(re.findall(r"--[a-z][a-z-]+", GUIDE)) <= set(messages)
    scripts = set(re.findall(r"\b\w+\.py\b", GUIDE)) - FILES_ELSEWHERE
    assert all((ROOT / script).is_file() for script in scripts)


def test_fallback_settings_are_those_of_midiconfig():
    ((_, block),) = ((language, block) for language, block in BLOCKS if language == "yaml")
    shipped = yaml.safe_load((ROOT / "midiconfig.yaml").read_text(encoding="utf-8"))
    assert yaml.safe_load(block)["cymbals"].items() <= shipped["cymbals"].items()
