"""The scripts as a user runs them: a process of its own each time."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import stems_to_midi

ROOT = Path(__file__).parents[1]
TIMEOUT_S = 60


def run_script(script: str, *args: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a script of the toolkit and return its exit code, stdout and stderr."""
    command = [sys.executable, str(ROOT / script), *map(str, args)]
    return subprocess.run(
        command, capture_output=True, encoding="utf-8", errors="replace", timeout=TIMEOUT_S, cwd=cwd, check=False
    )


def convert(*args: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return run_script("stems_to_midi.py", *args, cwd=cwd)


def convert_here(capsys: pytest.CaptureFixture[str], *args: object) -> subprocess.CompletedProcess[str]:
    """Run stems_to_midi.py inside this process: no start to wait for, and every warning of a library is an error."""
    capsys.readouterr()
    try:
        code = stems_to_midi.main([str(arg) for arg in args])
    except SystemExit as stop:  # argparse
        code = stop.code
    return subprocess.CompletedProcess(args, code, *capsys.readouterr())


def without_times(text: str) -> str:
    """Return a report without the seconds that each conversion took."""
    return re.sub(r", \d+\.\d s$", "", text, flags=re.MULTILINE)


def files_in(folder: Path) -> dict[str, bytes]:
    """Return the content of every regular file below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
