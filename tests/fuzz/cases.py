"""Where cases come from: hand-made tables, files that once failed, mutated seeds."""

import importlib
from collections.abc import Callable
from pathlib import Path

REGRESSIONS = Path(__file__).parent / "regressions"


def names(kind: str, source: str, count: int) -> list[str]:
    """Return the names of the cases of a source: "hostile", "regressions", or "mutants" with a seed ("mutants 7")."""
    if source == "hostile":
        return list(_hostile(kind))
    if source == "regressions":
        return sorted(path.name for path in (REGRESSIONS / kind).glob("*"))
    return [str(index) for index in range(count)]


def case(kind: str, source: str, name: str) -> bytes:
    """Return the bytes of a case."""
    if source == "hostile":
        data = _hostile(kind)[name]
        if isinstance(data, str):
            return data.encode("utf-8", "surrogatepass")
        return data() if callable(data) else data
    if source == "regressions":
        return (REGRESSIONS / kind / name).read_bytes()
    from .seeds import mutant

    return mutant(kind, int(source.split()[1]), int(name))


def _hostile(kind: str) -> dict[str, bytes | Callable[[], bytes]]:
    table = getattr(importlib.import_module(f"hostile_{kind}"), f"HOSTILE_{kind.upper()}")
    return {name: case[0] for name, case in table.items()}
