"""The files of the common parts, by name, and several modules as one script for a page that is one file."""

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent
SUFFIXES = (".css", ".js")
_IMPORT = re.compile(r"^import .*?;\n", re.MULTILINE)
_EXPORT = re.compile(r"^export (?=const|class|function|async)", re.MULTILINE)


@cache
def part_files() -> dict[str, bytes]:
    """Return the content of each file by its name."""
    return {path.name: path.read_bytes() for path in FOLDER.iterdir() if path.suffix in SUFFIXES}


def as_script(modules: Iterable[str]) -> str:
    """Return modules of JavaScript as one script: those that others import first; no two may share a name.

    Parameters
    ----------
    modules : iterable of str
        Their texts.
    """
    return "\n".join(_EXPORT.sub("", _IMPORT.sub("", text)) for text in modules)
