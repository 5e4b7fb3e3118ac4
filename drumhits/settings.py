"""Every setting of midiconfig.yaml: type, range, unit, meaning and default (defaults live nowhere else).

A setting is known by its dotted path: "cymbals.geomean_threshold", "toms.notes.high", "midi.tempo_bpm".
"""

from functools import cache
from typing import NamedTuple

Band = tuple[float, float]
Value = float | int | bool | Band | None

_FORMS = {
    "number": "a number {limits}",
    "whole": "a whole number {limits}",
    "switch": "on or off",
    "band": "[low, high], two numbers {limits} with low below high",
}


class Setting(NamedTuple):
    """The kind of value a setting takes: `low` and `high` are the ends of its range, both allowed."""

    kind: str
    low: float
    high: float
    unit: str
    help: str
    default: Value = None
    nullable: bool = False

    @property
    def expected(self) -> str:
        """What a value must be, to follow "must be" in a message."""
        limits = f"from {self.low:g} to {self.high:g}{self.unit and ' ' + self.unit}"
        form = _FORMS[self.kind].format(limits=limits)
        return f"{form}, or null" if self.nullable else form


_MIDI_SETTINGS = {
    "tempo_bpm": Setting("number", 10, 1000, "BPM", "Tempo written into the MIDI file.", 120.0),
    "channel": Setting("whole", 1, 16, "", "MIDI channel of all notes; 10 is drums.", 10),
}

_STEM_SETTINGS = {
    "geomean_threshold": Setting(
        "number", 0, 100_000, "", "Keep hits whose GeoMean is above this; null keeps any.", nullable=True
    ),
    "min_sustain_ms": Setting(
        "number", 0, 200, "ms", "Keep hits that ring at least this long; null keeps any.", nullable=True
    ),
    "onset_threshold": Setting("number", 0, 1, "", "Weakest onset strength kept, relative to loud hits."),
    "onset_delta": Setting("number", 0, 1, "", "How far an onset must stand out from its surroundings."),
    "onset_wait": Setting("whole", 0, 1000, "frames of 11.6 ms", "Shortest distance between two onsets."),
    "body_band_hz": Setting("band", 0, 22_050, "Hz", "Band of the drum's body, for BodyE."),
    "brilliance_band_hz": Setting("band", 0, 22_050, "Hz", "Band of its attack or shimmer, for BrillE."),
    "articulation": Setting("switch", 0, 1, "", "Tell articulations apart; off: one note for all.", True),
    "timing_offset": Setting(
        "number", -1, 1, "s (seconds, not ms)", "Shift of the written notes; positive is later.", 0.0
    ),
    "velocity_floor": Setting("whole", 2, 127, "", "Velocity of the softest hits; 1 means rejected.", 20),
    "velocity_ceiling": Setting("whole", 2, 127, "", "Velocity of the loudest hits.", 127),
    "velocity_curve": Setting("number", 0.1, 10, "", "1 is linear; above 1, soft hits get softer.", 1.0),
    "note_duration_ms": Setting("number", 1, 5000, "ms", "Length of the written notes.", 60.0),
}

_NOTE = Setting("whole", 0, 127, "", "MIDI note number.")

# fmt: off
_STEM_COLUMNS = (
    "geomean_threshold", "min_sustain_ms", "onset_threshold", "onset_delta", "onset_wait", "body_band_hz",
    "brilliance_band_hz",
)
_STEM_ROWS: dict[str, tuple[Value, ...]] = {
    "kick":    (10.0, None,  0.35, 0.02,  6, (40.0, 80.0),     (80.0, 150.0)),
    "snare":   (30.0, None,  0.1,  0.02,  5, (150.0, 400.0),   (2000.0, 8000.0)),
    "toms":    (50.0, None,  0.35, 0.02,  8, (60.0, 150.0),    (150.0, 400.0)),
    "hihat":   (10.0, None,  0.2,  0.02,  6, (500.0, 2000.0),  (6000.0, 12000.0)),
    "cymbals": (10.0, 100.0, 0.15, 0.02, 10, (1000.0, 4000.0), (4000.0, 10000.0)),
}
_STEM_NOTES = {
    "kick":    {"kick": 36},
    "snare":   {"head": 38, "cross_stick": 37},
    "toms":    {"high": 50, "mid": 47, "low": 43},
    "hihat":   {"closed": 42, "open": 46, "pedal": 44},
    "cymbals": {"crash": 49, "ride": 51},
}
# fmt: on


def _stem_settings(stem: str) -> dict[str, Setting]:
    own = dict(zip(_STEM_COLUMNS, _STEM_ROWS[stem], strict=True))
    settings = {key: row._replace(default=own.get(key, row.default)) for key, row in _STEM_SETTINGS.items()}
    notes = {f"notes.{name}": _NOTE._replace(default=number) for name, number in _STEM_NOTES[stem].items()}
    return settings | notes


STEMS = tuple(_STEM_ROWS)
ARTICULATIONS = {stem: tuple(notes) if len(notes) > 1 else () for stem, notes in _STEM_NOTES.items()}
_SECTIONS = {stem: _stem_settings(stem) for stem in STEMS} | {"midi": _MIDI_SETTINGS}
SETTINGS: dict[str, Setting] = {
    f"{section}.{key}": row for section, rows in _SECTIONS.items() for key, row in rows.items()
}


@cache
def names_below(path: str) -> tuple[str, ...]:
    """Return the names that may stand in the section `path`; "" is the whole file, a setting has none."""
    prefix = f"{path}." if path else ""
    below = (known.removeprefix(prefix).split(".")[0] for known in SETTINGS if known.startswith(prefix))
    return tuple(dict.fromkeys(below))
