"""Names of feature columns, and of their families in model files -> a drummer's words."""

import re

from drumhits.detection.kinds import KINDS, OTHER, kind_of

_BAND = {
    "All": "all bands", "Low": "low bands", "LowMid": "low middle bands", "HighMid": "high middle bands",
    "High": "high bands",
}  # fmt: skip
_BY_BAND = {
    "After": "level after the stroke, {}, dB",
    "Rise": "rise at the stroke, {}, dB",
    "Since": "rise over the last 0.1 s, {}, dB",
    "Decay": "decay in 0.1 s, {}, dB",
    "Late": "decay in 0.2 s, {}, dB",
    "Strong": "onset strength, {}",
}
_BY_STEM = {"Over": "level over", "Beside": "rise of"}
_ONE_OF_A_KIND = {
    "FileAmp": "Amp, as the file has it",
    "LevelDb": "level of the stroke, dB",
    "TailDb": "level of the tail, dB",
    "CentroidHz": "spectral centroid, Hz",
    "PitchHz": "pitch, Hz",
    "Tilt": "spectral tilt, dB a band",
    "Loudness": "loudness beside the loud hits, dB",
    "Rank": "rank by loudness",
    "LikeRise": "rise like that of the loud hits",
    "LikeAfter": "sound like that of the loud hits",
    "PastGap": "time since the hit before, log10 s",
    "NextGap": "time to the next hit, log10 s",
    "PastDb": "louder than the hit before, dB",
    "NextDb": "louder than the next hit, dB",
    "Masked": "louder hit nearby, dB",
}


def importance_by_kind(noted: object) -> tuple[tuple[str, float], ...]:
    """Importance as a model file notes it -> share of each kind of features, greatest first.

    Parameters
    ----------
    noted : object
        A dict of shares, 0..1, by kind, by family such as "Rise (13)", or by feature; whatever a stranger's file holds.

    Returns
    -------
    tuple of (str, float), one for each kind; empty where `noted` is nothing of the sort
    """
    if not isinstance(noted, dict) or not all(type(v) is float and 0 <= v <= 1 for v in noted.values()):
        return ()
    shares: dict[str, float] = {}
    for name, share in noted.items():
        kind = _kind_of_family(str(name))
        shares[kind] = shares.get(kind, 0.0) + share
    return tuple(sorted(shares.items(), key=lambda item: -item[1]))


def _kind_of_family(name: str) -> str:
    """Return the kind of a feature, of a family such as "Rise (13)", or of a kind itself."""
    if name in KINDS:
        return name
    family = re.sub(r" \(\d+\)$", "", name)
    kind = kind_of(family)
    return kind if kind != OTHER else kind_of(f"{family}0")  # as "Rise" is called with its band


def feature_label(feature: str) -> str:
    """Name of a feature column -> a label for an axis; the guide's own names stay, since it teaches them."""
    if found := re.fullmatch(rf"({'|'.join(_BY_BAND)})(\d+|{'|'.join(_BAND)})", feature):
        what, band = found.groups()
        return _BY_BAND[what].format(_BAND.get(band, f"{band} Hz band"))
    if found := re.fullmatch(r"(Over|Beside)(Treble)?([A-Z][a-z]+)", feature):
        what, treble, stem = found.groups()
        others = "the other stems" if stem == "All" else f"the {stem.lower()}"
        return f"{_BY_STEM[what]} {others}{', treble' if treble else ''}, dB"
    if kind_of(feature) == "neural network":
        return "neural network, log odds"
    return _ONE_OF_A_KIND.get(feature, feature)
