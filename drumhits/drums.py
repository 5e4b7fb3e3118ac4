"""The drums of a kit: the five stems, their articulations and General MIDI notes, and what names call them."""

from typing import NamedTuple

Band = tuple[float, float]

REJECTED_VELOCITY = 1  # of the candidates that --keep-all writes although rejected


class StemProfile(NamedTuple):
    """What is particular to a stem.

    Attributes
    ----------
    notes : dict of str to int
        Articulation to General MIDI note number; the first is the stem's default.
    general_midi : frozenset of int
        All notes of General MIDI that belong to it: a hit that gets one stays in its stem.
    strength_band_hz : (low, high)
        Bands whose rise in loudness is the onset strength.
    dynamics_band_hz : (low, high)
        Bands in which a harder stroke is louder, and little bleeds in.
    flux_band_hz : (low, high), or None
        Bands in whose spectral flux candidates are looked for; None: the flux of what is low, as one band.
    attack_power : str
        How the power around an attack is measured, a key of `onsets.ATTACK_POWERS`.
    closest_wait : float
        How far apart two candidates are at least, in frames of `onset_wait`; kicks that come fast are found so late or
        early that a true one may lie near a false one.
    candidate_strength : float in 0..1
        Share of a stronger neighbour's strength from which an onset is a candidate of its own.
    stroke_strength : float in 0..1
        The same from which thresholds keep it as a stroke of its own; toms and cymbals ring.
    articulation_rule : str
        How articulations are told apart, a key of `notes.ARTICULATION_RULES`; by pitch, over all hits together.
    articulation_features : tuple of str
        Features beside the guide's that the rule needs.
    velocity_source : str
        Feature that velocity follows, a key of `notes.LEVELS_DB`.
    share_of_sum : float in 0..1
        What the network for mixes says of a stroke in the sum of all stems has this share in the log odds; toms in a
        mix it hardly tells from other drums.
    level_share_of_sum : float in 0..1
        Share of the level in that sum in what velocity follows: a separation spoils the levels of a stem, other drums
        those in the sum.
    loud_db : float
        What loud hits of the stem in a loud mix have of it, in dB.
    usual_geomean : float > 0
        GeoMean of the loud hits of a stem at the usual level: that of the bundled songs. See `detection.loudness`.
    usual_geomean_in_mix : float > 0
        The same where candidates are looked for in the whole mix.
    rise_feature : str
        Feature that `min_rise_db` is the limit of: where a stroke rises above what still rings.
    bleeding_drum : str
        The stem that bleeds into this one most.
    plays_seldom : bool
        Few songs have the drum: what a separator writes as its stem is often no more than what it left of the others.
    is_replaced : bool
        Another drum takes its part in whole songs, as the ride does that of the hi-hat, and bleeds into its stem alike.
    """

    notes: dict[str, int]
    general_midi: frozenset[int]
    strength_band_hz: Band
    dynamics_band_hz: Band
    flux_band_hz: Band | None
    attack_power: str
    closest_wait: float
    candidate_strength: float
    stroke_strength: float
    articulation_rule: str
    articulation_features: tuple[str, ...]
    velocity_source: str
    share_of_sum: float
    level_share_of_sum: float
    loud_db: float
    usual_geomean: float
    usual_geomean_in_mix: float
    rise_feature: str
    bleeding_drum: str
    plays_seldom: bool = False
    is_replaced: bool = False

    @property
    def articulations(self) -> tuple[str, ...]:
        """The articulations that are told apart; none where there is one only."""
        return tuple(self.notes) if len(self.notes) > 1 else ()

    @property
    def over_feature(self) -> str:
        """Feature that `min_over_drum_db` is the limit of."""
        return f"OverTreble{self.bleeding_drum.capitalize()}"


PROFILES = {
    "kick": StemProfile(
        notes={"kick": 36},
        general_midi=frozenset({35, 36}),
        strength_band_hz=(40, 300),
        dynamics_band_hz=(40, 16_000),
        flux_band_hz=None,
        attack_power="low",
        closest_wait=2.5,
        candidate_strength=0.05,
        stroke_strength=0.05,
        articulation_rule="single",
        articulation_features=(),
        velocity_source="StrokeDb and BrillE",
        share_of_sum=0.5,
        level_share_of_sum=0.5,
        loud_db=32.0,
        usual_geomean=126.0,
        usual_geomean_in_mix=150.0,
        rise_feature="RiseAll",
        bleeding_drum="snare",
    ),
    "snare": StemProfile(
        notes={"head": 38, "cross_stick": 37},
        general_midi=frozenset({37, 38, 39, 40}),
        strength_band_hz=(40, 16_000),
        dynamics_band_hz=(300, 16_000),
        flux_band_hz=(40, 16_000),
        attack_power="high",
        closest_wait=4.0,
        candidate_strength=0.05,
        stroke_strength=0.1,
        articulation_rule="rim",
        articulation_features=(),
        velocity_source="StrokeDb",
        share_of_sum=0.3,
        level_share_of_sum=0.5,
        loud_db=22.0,
        usual_geomean=263.0,
        usual_geomean_in_mix=339.0,
        rise_feature="RiseAll",
        bleeding_drum="kick",
    ),
    "toms": StemProfile(
        notes={"high": 50, "mid": 47, "low": 43},
        general_midi=frozenset({41, 43, 45, 47, 48, 50}),
        strength_band_hz=(40, 16_000),
        dynamics_band_hz=(200, 16_000),
        flux_band_hz=(120, 16_000),
        attack_power="high",
        closest_wait=4.0,
        candidate_strength=0.3,
        stroke_strength=0.3,
        articulation_rule="pitch",
        articulation_features=("PitchHz",),
        velocity_source="StrokeDb",
        share_of_sum=0.0,
        level_share_of_sum=0.5,
        loud_db=18.0,
        usual_geomean=91.0,
        usual_geomean_in_mix=158.0,
        rise_feature="Rise1493",
        bleeding_drum="snare",
        plays_seldom=True,
    ),
    "hihat": StemProfile(
        notes={"closed": 42, "open": 46, "pedal": 44},
        general_midi=frozenset({42, 44, 46}),
        strength_band_hz=(5_000, 16_000),
        dynamics_band_hz=(5_000, 16_000),
        flux_band_hz=(400, 16_000),
        attack_power="high",
        closest_wait=4.0,
        candidate_strength=0.05,
        stroke_strength=0.1,
        articulation_rule="pedal",
        articulation_features=("TailDb",),
        velocity_source="StrokeDb",
        share_of_sum=0.3,
        level_share_of_sum=0.15,
        loud_db=10.0,
        usual_geomean=57.0,
        usual_geomean_in_mix=260.0,
        rise_feature="Rise7235",
        bleeding_drum="snare",
        is_replaced=True,
    ),
    "cymbals": StemProfile(
        notes={"crash": 49, "ride": 51},
        general_midi=frozenset({49, 51, 52, 53, 55, 57, 59}),
        strength_band_hz=(5_000, 16_000),
        dynamics_band_hz=(40, 16_000),
        flux_band_hz=(200, 16_000),
        attack_power="high",
        closest_wait=4.0,
        candidate_strength=0.1,
        stroke_strength=0.3,
        articulation_rule="crash",
        articulation_features=("TailDb",),
        velocity_source="StrokeDb",
        share_of_sum=0.5,
        level_share_of_sum=0.5,
        loud_db=20.0,
        usual_geomean=292.0,
        usual_geomean_in_mix=412.0,
        rise_feature="Rise7235",
        bleeding_drum="hihat",
    ),
}

STEMS = tuple(PROFILES)
ARTICULATIONS = {stem: profile.articulations for stem, profile in PROFILES.items()}
DRUM_NOTES = frozenset(range(35, 60)) - {54, 56, 58}  # General MIDI: kick, snare, toms, hihat and cymbals

NAMES: dict[tuple[str, str | None], tuple[str, ...]] = {
    # (stem, articulation where it holds no other): what file and folder names call it, in lower case; a space stands
    # for a space, a hyphen, an underscore, a dot or nothing
    ("kick", None): ("kick", "kicks", "kick drum", "kick drums", "bass drum", "bass drums", "bd", "bombo"),
    ("snare", None): ("snare", "snares", "snare drum", "snare drums", "sd", "redoblante"),
    ("toms", None): ("tom", "toms", "tom tom", "tom toms"),
    ("hihat", None): ("hi hat", "hi hats", "high hat", "high hats", "hh", "hat", "hats"),
    ("cymbals", None): ("cymbal", "cymbals", "cym", "cyms", "platillos"),
    ("cymbals", "ride"): ("ride", "rides", "ride cymbal", "ride cymbals"),
    ("cymbals", "crash"): ("crash", "crashes", "crash cymbal", "crash cymbals"),
}
STEM_OF_PART = {articulation or stem: stem for stem, articulation in NAMES}  # "ride" is a part of the cymbals
TITLE_WORDS = frozenset({"ride", "rides", "crash", "crashes", "hat", "hats"})  # common in the titles of songs, too
MIX_NAMES = ("drums", "drum", "drum mix", "drums mix", "drum kit", "drums kit", "mix", "full mix", "mixdown", "mixture")
OTHER_NAMES = (
    "vocals", "vocal", "vox", "voice", "bass", "other", "others", "guitar", "guitars", "piano", "keys", "synth",
    "strings", "instrumental", "accompaniment", "residual", "drumless", "no drum", "no drums", "no vocals", "no bass",
    "no other", "no kick", "no snare", "no toms", "no hihat", "no hh", "no cymbals", "no ride", "no crash",
)  # fmt: skip
