"""Features by kind, in a drummer's words: what the reports show in place of single columns."""

import re
from collections.abc import Sequence

OTHER = "other"

_KINDS = (
    ("attack and onset strength", r"Str|Rise\w+|Since\w+|Strong\w+|LikeRise"),
    ("loudness", r"(?:File)?Amp|LevelDb|Loudness|Rank"),
    ("sound of the stroke", r"BodyE|BrillE|Total|GeoMean|CentroidHz|PitchHz|Tilt|LikeAfter"),
    ("level after the stroke", r"After\d+"),
    ("decay", r"SustainMs|TailDb|Decay\w+|Late\w+"),
    ("neighbouring hits", r"PastGap|NextGap|PastDb|NextDb|Masked"),
    ("other stems", r"(?:Over|Beside)\w+"),
    ("neural network", r"Heard\w*|Hidden\d+"),
)
KINDS = (*(kind for kind, _ in _KINDS), OTHER)


def kind_of(feature: str) -> str:
    """Return the kind of a feature, such as "decay" of "DecayAll"."""
    return next((kind for kind, pattern in _KINDS if re.fullmatch(pattern, feature)), OTHER)


def features_by_kind(features: Sequence[str]) -> dict[str, list[int]]:
    """Return the columns of each kind, as indices into `features`, in the order of their first column."""
    columns: dict[str, list[int]] = {}
    for column, name in enumerate(features):
        columns.setdefault(kind_of(name), []).append(column)
    return columns
