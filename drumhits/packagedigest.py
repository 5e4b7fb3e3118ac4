"""Digest of the package's source and networks: it tells what this version made from what another did."""

import hashlib
from functools import cache
from pathlib import Path

from drumhits import __version__

NETWORKS_DIR = Path(__file__).parent.parent / "models" / "pretrained" / "networks"


@cache
def package_digest() -> str:
    """Return the digest of the version, of every module and of the networks, as 16 hexadecimal digits."""
    state = hashlib.sha256(__version__.encode())
    for path in [*sorted(Path(__file__).parent.glob("*.py")), *sorted(NETWORKS_DIR.glob("*.pkl"))]:
        state.update(path.name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return state.hexdigest()[:16]
