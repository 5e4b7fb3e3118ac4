"""What ships beside the code: where it lies, and the digest of it all.

In a checkout, the configuration and the models lie beside the package; in an installed package, inside it.
"""

from functools import cache
from pathlib import Path

from drumhits import __version__

PRETRAINED = "pretrained"  # in place of a file name: the bundled model of the stem

_PACKAGE = Path(__file__).parent
_ROOT = _PACKAGE / "shipped" if (_PACKAGE / "shipped").is_dir() else _PACKAGE.parent
SHIPPED_CONFIG = _ROOT / "midiconfig.yaml"
PRETRAINED_DIR = _ROOT / "models" / PRETRAINED
NETWORKS_DIR = PRETRAINED_DIR / "networks"


def is_bundled(model: object) -> bool:
    """Tell whether models that ship are meant, by the words "pretrained" and "pretrained:GENRE", and no file."""
    return str(model).split(":")[0] == PRETRAINED


def shipped_files() -> list[Path]:
    """Return the configuration and every file of the bundled models."""
    return [SHIPPED_CONFIG, *(path for path in PRETRAINED_DIR.rglob("*") if path.is_file())]


@cache
def package_digest() -> str:
    """Return the digest of the version, of every module and of the networks, as 16 hexadecimal digits."""
    import hashlib  # 4 ms of every start, for what few runs need

    state = hashlib.sha256(__version__.encode())
    for folder, pattern in ((_PACKAGE, "*.py"), (NETWORKS_DIR, "*.pkl")):
        for path in sorted(folder.rglob(pattern)):
            name = path.relative_to(folder).as_posix()
            state.update(name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return state.hexdigest()[:16]
