"""Drum stems to MIDI: the toolkit behind stems_to_midi.py, train_classifier.py and evaluate_model.py, as a library.

Conventions throughout: times in seconds from the start of the audio file; audio as mono float32 at 44.1 kHz with full
scale 1.0; candidates as a FeatureTable and notes as a structured array, one row each, in time order.

The names below are imported when they are first asked for (PEP 562), so that `import drumhits` costs next to nothing.
"""

TYPE_CHECKING = False  # typing's own costs more than all else before a script can take Ctrl-C
if TYPE_CHECKING:
    from typing import Any

    from drumhits.analysis import analyze
    from drumhits.api import Hits, evaluate, train, transcribe
    from drumhits.config.load import load_config
    from drumhits.drums import STEMS
    from drumhits.errors import InputError
    from drumhits.models.modelfile import load_model

__version__ = "0.1.0"
__all__ = [
    "STEMS", "Hits", "InputError", "__version__", "analyze", "evaluate", "load_config", "load_model", "train",
    "transcribe",
]  # fmt: skip

_HOMES = {
    "STEMS": "drumhits.drums",
    "Hits": "drumhits.api",
    "InputError": "drumhits.errors",
    "analyze": "drumhits.analysis",
    "evaluate": "drumhits.api",
    "load_config": "drumhits.config.load",
    "load_model": "drumhits.models.modelfile",
    "train": "drumhits.api",
    "transcribe": "drumhits.api",
}


def __getattr__(name: str) -> "Any":
    if name not in _HOMES:
        raise AttributeError(f"module 'drumhits' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
