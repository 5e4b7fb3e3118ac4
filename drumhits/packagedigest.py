"""Digest of the package's own source: it tells what this version made from what another, or an edited one, made."""

import hashlib
from functools import cache
from pathlib import Path

from drumhits import __version__


@cache
def package_digest() -> str:
    """Return the digest of the version and of every module of the package, as 16 hexadecimal digits."""
    state = hashlib.sha256(__version__.encode())
    for module in sorted(Path(__file__).parent.glob("*.py")):
        state.update(module.name.encode() + b"\0" + hashlib.sha256(module.read_bytes()).digest())
    return state.hexdigest()[:16]
