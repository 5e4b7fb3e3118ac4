"""Run the commands of README.md and ML_TRAINING_GUIDE.md in a copy of the project, and put what they print below them.

A block ```text shows what the last command of the ```sh block before it prints: all of it, or with `head=N tail=N` its
first and last lines, with `lines=A-B` those lines, or with `pick=A|B` the lines that begin so. Commands of benchmarks/
run only where aubio is installed. docs/session.svg shows some of the commands as a terminal would. With --pictures, the
pictures are made again, too, with Chromium for the page.
"""

import argparse
import logging
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import sklearn
from review_pictures import take_review_pictures
from terminal_svg import animation

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = ("README.md", "ML_TRAINING_GUIDE.md")
SESSION = Path("docs") / "session.svg"
SESSION_COMMANDS = ("--output-model \"models/cymbals_classifier.pkl\"", "--output \"midi/cymbals.mid\" --stem cymbals "
                    "--use-ml-model \"models/cymbals_classifier.pkl\"", "--test-dir \"test_songs\"")  # fmt: skip
PICTURES = ("docs/test1-cymbals.png", "midi/plots/song-test1-cymbals.png", "midi/plots/importance.png")
NEEDED = ("*.py", "midiconfig.yaml", "drumhits", "models", "test_songs", "training_data", "benchmarks")
TIMEOUT_S = 300
BLOCK = re.compile(r"^(?P<indent> *)```(?P<kind>\w+)(?P<show>[^\n]*)\n(?P<body>.*?)^ *```$", re.MULTILINE | re.DOTALL)
ELAPSED = re.compile(r", \d+\.\d s$", re.MULTILINE)  # differs from run to run
VERSIONS = re.compile(r"NumPy \d[\w.]* and scikit-learn \d[\w.]*")


def versions() -> str:
    """Return what else the numbers depend on."""
    return f"NumPy {np.__version__} and scikit-learn {sklearn.__version__}"


def commands(document: str) -> list[str]:
    """Return the commands of a document that run a script of the project, in order, each once."""
    lines = (line.strip() for block in BLOCK.finditer(document) if block["kind"] == "sh"
             for line in block["body"].splitlines())  # fmt: skip
    return list(dict.fromkeys(line for line in lines if re.match(r"python [\w/]+\.py ", line)))


def copy_project(folder: Path) -> Path:
    """Copy what the commands need."""
    for path in (path for pattern in NEEDED for path in ROOT.glob(pattern)):
        if path.is_dir():
            shutil.copytree(path, folder / path.name, ignore=shutil.ignore_patterns("__pycache__", "*_classifier*.pkl"))
        else:
            shutil.copy(path, folder)
    return folder


def run_all(lines: Iterable[str], folder: Path) -> dict[str, subprocess.CompletedProcess[str]]:
    """Run commands in order, and return what each did."""
    return {line: run(line, folder) for line in lines}


def run(line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *shlex.split(line)[1:]],
        cwd=folder, capture_output=True, encoding="utf-8", timeout=TIMEOUT_S, check=False,
    )  # fmt: skip


def updated(document: str, outputs: Mapping[str, str]) -> str:
    """Return a document with the blocks of output as its commands print them; those of other commands are left."""
    command = ""

    def replace(block: re.Match[str]) -> str:
        nonlocal command
        if block["kind"] == "sh":
            command = block["body"].strip().splitlines()[-1].strip()
        if block["kind"] != "text" or command not in outputs:
            return block[0]
        shown = shown_lines(outputs[command].rstrip("\n").split("\n"), block["show"])
        body = "".join(f"{block['indent']}{line}".rstrip() + "\n" for line in shown)
        if ELAPSED.sub("", body) == ELAPSED.sub("", block["body"]):
            return block[0]
        return f"{block['indent']}```text{block['show']}\n{body}{block['indent']}```"

    return VERSIONS.sub(versions(), BLOCK.sub(replace, document))


def shown_lines(lines: list[str], show: str) -> list[str]:
    """Return the lines that a block's words after ```text ask for."""
    wanted = dict(word.split("=", 1) for word in show.split())
    if "pick" in wanted:
        return [line for line in lines if line.strip().startswith(tuple(wanted["pick"].split("|")))]
    if not wanted:
        return lines
    if "lines" in wanted:
        first, last = map(int, wanted["lines"].split("-"))
        return lines[first - 1 : last]
    head, tail = int(wanted["head"]), int(wanted["tail"])
    return [*lines[:head], "...", *lines[max(0, len(lines) - tail) :]]


def session(outputs: Mapping[str, str]) -> str:
    """Return the picture of a terminal session: train, use, test."""
    chosen = [next(line for line in outputs if line.endswith(end) or end in line) for end in SESSION_COMMANDS]
    return animation([(line, outputs[line]) for line in chosen])


def take_pictures(folder: Path) -> None:
    """Copy the pictures that the commands made, and photograph the page."""
    for source in (folder / name for name in PICTURES):
        if source.exists():
            shutil.copy(source, ROOT / "docs" / source.name)
    page, picture = folder / "midi" / "evaluation.html", ROOT / "docs" / "evaluation.png"
    if (folder / "midi" / "plots").exists():
        command = ["chromium", "--headless", "--no-sandbox", "--hide-scrollbars", "--window-size=1240,780"]
        subprocess.run([*command, f"--screenshot={picture}", page.as_uri()], check=True, capture_output=True)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; exit code 1 where something differs")
    parser.add_argument("--pictures", action="store_true", help="make the PNG pictures again")
    args = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    new = {}
    for name in DOCUMENTS:
        text = (ROOT / name).read_text(encoding="utf-8")
        lines = [line for line in commands(text) if shutil.which("aubioonset") or "benchmarks/" not in line]
        with tempfile.TemporaryDirectory() as folder:
            results = run_all(lines, copy_project(Path(folder)))
            if args.pictures:
                take_pictures(Path(folder))
        failed = [f"{line}\n{done.stderr}" for line, done in results.items() if done.returncode]
        if failed:
            logging.error("%s: these commands failed:\n%s", name, "\n".join(failed))
            return 1
        outputs = {line: done.stdout for line, done in results.items()}
        new[Path(name)] = updated(text, outputs)
        if name == "ML_TRAINING_GUIDE.md":
            new[SESSION] = session(outputs)
    if args.pictures:
        take_review_pictures(ROOT / "docs")
    differing = []
    for path, text in new.items():
        old = (ROOT / path).read_text(encoding="utf-8") if (ROOT / path).exists() else ""
        if old != text:
            differing.append(str(path))
            if not args.check:
                (ROOT / path).write_text(text, encoding="utf-8")
    logging.info("%s: %s", "Differing" if args.check else "Updated", ", ".join(differing) or "nothing")
    return int(args.check and bool(differing))


if __name__ == "__main__":
    sys.exit(main())
