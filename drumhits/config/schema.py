"""Every setting of midiconfig.yaml: type, range, unit and default (defaults live nowhere else).

A setting is known by its dotted path: "cymbals.geomean_threshold", "toms.notes.high", "midi.tempo".
"""

import re
from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

from drumhits.config.yamltree import MAX_DEPTH, Node, pairs, parse, too_deep
from drumhits.drum_maps import DRUM_MAPS, GENERAL_MIDI
from drumhits.drums import PROFILES, STEMS, Band
from drumhits.errors import UsageError
from drumhits.io.text import one_line

Value = float | int | bool | str | Band | None
STEM_REFERENCE, ABSOLUTE_REFERENCE = "stem", "absolute"  # what levels are relative to: loud hits, or full scale
OF_OLDER_FILES: dict[str, Value] = {  # settings of a stem that MIDI and model files lack that are older than they
    "level_reference": ABSOLUTE_REFERENCE, "velocity_reference": ABSOLUTE_REFERENCE, "min_centroid_hz": None,
    "min_rise_db": None, "min_over_drum_db": None, "onset_gap": False,
}  # fmt: skip
AUTO = "auto"  # in place of a value: what is found in the music
STEPS = {"1/4": 1.0, "1/8": 1 / 2, "1/8T": 1 / 3, "1/16": 1 / 4, "1/16T": 1 / 6, "1/32": 1 / 8}  # in quarter notes

_FORMS = {
    "number": "a number {limits}",
    "whole": "a whole number {limits}",
    "switch": "on or off",
    "band": "[low, high], two numbers {limits} with low below high",
    "reference": f"{STEM_REFERENCE} or {ABSOLUTE_REFERENCE}",
    "tempo": f"a number {{limits}}, {AUTO}, or the name of a MIDI file",
    "signature": f"a time signature such as 4/4, 3/4 or 6/8, or {AUTO}",
    "step": f"one of {', '.join(STEPS)}",
    "swing": f"a number {{limits}}, or {AUTO}",
    "map": "one of the names that --list-drum-maps shows",
}


class Setting(NamedTuple):
    """The kind of value a setting takes: `low` and `high` are the ends of its range, both allowed."""

    kind: str
    low: float
    high: float
    unit: str
    default: Value = None
    nullable: bool = False

    @property
    def expected(self) -> str:
        """What a value must be, to follow "must be" in a message."""
        limits = f"from {self.low:g} to {self.high:g}{self.unit and ' ' + self.unit}"
        form = _FORMS[self.kind].format(limits=limits)
        return f"{form}, or null" if self.nullable else form


_MIDI_SETTINGS = {
    "tempo": Setting("tempo", 10, 1000, "BPM", 120.0),  # of the grid of the MIDI file
    "first_bar": Setting("number", 0, 14_400, "s (seconds)", nullable=True),  # where bar 1 begins
    "time_signature": Setting("signature", 1, 32, "", AUTO),  # of the bars
    "channel": Setting("whole", 1, 16, "", 10),  # of all notes; 10 is drums
    "quantize": Setting("step", 0, 1, "", nullable=True),  # grid that notes are moved to
    "strength": Setting("number", 0, 100, "%", 100.0),  # of the way there
    "swing": Setting("swing", 50, 75, "%", nullable=True),  # of a pair of steps that its first takes
    "merge_flams": Setting("number", 0, 100, "ms", nullable=True),  # strokes that near become one
    "hihat_cc4": Setting("switch", 0, 1, "", False),  # openness of the hi-hat as controller 4
    "chokes": Setting("switch", 0, 1, "", False),  # stop cymbals where their sound stops short
    "drum_map": Setting("map", 0, 0, "", GENERAL_MIDI),  # the notes of all stems that `notes` does not say
}

FORMER_NAMES = {"midi.tempo_bpm": "tempo"}  # of settings, which old files go on using

_STEM_SETTINGS = {
    "geomean_threshold": Setting("number", 0, 100_000, "", nullable=True),  # keep hits whose GeoMean is above it
    "level_reference": Setting("reference", 0, 1, "", STEM_REFERENCE),  # what geomean_threshold is relative to
    "min_sustain_ms": Setting("number", 0, 200, "ms", nullable=True),  # keep hits that ring at least this long
    "min_centroid_hz": Setting("number", 0, 22_050, "Hz", nullable=True),  # keep hits that sound at least this bright
    "min_rise_db": Setting("number", 0, 100, "dB", nullable=True),  # keep hits at which the level rises so far
    "min_over_drum_db": Setting("number", -60, 60, "dB", nullable=True),  # keep hits so far above what bleeds in
    "onset_threshold": Setting("number", 0, 1, ""),  # weakest onset strength kept, relative to loud hits
    "onset_gap": Setting("switch", 0, 1, "", False),  # move onset_threshold to where few candidates lie
    "onset_delta": Setting("number", 0, 1, ""),  # how far an onset must stand out from its surroundings
    "onset_wait": Setting("whole", 0, 1000, "frames of 11.6 ms"),  # in which a softer onset is an echo
    "body_band_hz": Setting("band", 0, 22_050, "Hz"),  # the drum's body, for BodyE
    "brilliance_band_hz": Setting("band", 0, 22_050, "Hz"),  # its attack or shimmer, for BrillE
    "articulation": Setting("switch", 0, 1, "", True),  # tell articulations apart; off: one note for all
    "timing_offset": Setting("number", -1, 1, "s (seconds, not ms)", 0.0),  # shift of written notes; positive is later
    "velocity_reference": Setting("reference", 0, 1, "", STEM_REFERENCE),  # what velocity is relative to
    "velocity_floor": Setting("whole", 2, 127, "", 20),  # of the softest hits; 1 means rejected
    "velocity_ceiling": Setting("whole", 2, 127, "", 127),  # of the loudest hits
    "velocity_curve": Setting("number", 0.1, 10, "", 1.0),  # 1 is linear; above 1, soft hits get softer
    "note_duration_ms": Setting("number", 1, 5000, "ms", 60.0),  # length of the written notes
}

_NOTE = Setting("whole", 0, 127, "")  # MIDI note number

# fmt: off
_STEM_COLUMNS = (
    "geomean_threshold", "min_sustain_ms", "min_centroid_hz", "min_rise_db", "min_over_drum_db", "onset_threshold",
    "onset_gap", "onset_delta", "onset_wait", "body_band_hz", "brilliance_band_hz",
)
_STEM_ROWS: dict[str, tuple[Value, ...]] = {
    "kick":    (15.0, None,  None,   None, None,  0.35, True,  0.02,  6, (40.0, 80.0),     (80.0, 150.0)),
    "snare":   (15.0, None,  None,   2.0,  -12.0, 0.12, True,  0.02,  5, (150.0, 400.0),   (2000.0, 8000.0)),
    "toms":    (28.0, None,  None,   5.0,  -12.0, 0.35, False, 0.02,  8, (60.0, 150.0),    (150.0, 400.0)),
    "hihat":   (3.2,  None,  4000.0, 3.0,  None,  0.2,  True,  0.02,  6, (500.0, 2000.0),  (6000.0, 12000.0)),
    "cymbals": (10.0, 100.0, None,   None, None,  0.15, False, 0.02, 10, (1000.0, 4000.0), (4000.0, 10000.0)),
}
# fmt: on


def _stem_settings(stem: str) -> dict[str, Setting]:
    own = dict(zip(_STEM_COLUMNS, _STEM_ROWS[stem], strict=True))
    settings = {key: row._replace(default=own.get(key, row.default)) for key, row in _STEM_SETTINGS.items()}
    notes = {f"notes.{name}": _NOTE._replace(default=number) for name, number in PROFILES[stem].notes.items()}
    return settings | notes


_SECTIONS = {stem: _stem_settings(stem) for stem in STEMS} | {"midi": _MIDI_SETTINGS}
SETTINGS: dict[str, Setting] = {
    f"{section}.{key}": row for section, rows in _SECTIONS.items() for key, row in rows.items()
}


@cache
def children_of(path: str) -> tuple[str, ...]:
    """Return the names that may stand in the section `path`; "" is the whole file, a setting has none."""
    prefix = f"{path}." if path else ""
    below = (known.removeprefix(prefix).split(".")[0] for known in SETTINGS if known.startswith(prefix))
    return tuple(dict.fromkeys(below))

_NUMBER = re.compile(r"[+-]?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_WHOLE = re.compile(r"[+-]?(?:0|[1-9][0-9]{0,8})")
_SIGNATURE = re.compile(r"([1-9][0-9]?)/(2|4|8|16|32)")
MAX_NUMERATOR = 32
_NULL = ("null", "Null", "NULL", "~")
_SWITCH = {"on": True, "true": True, "yes": True, "off": False, "false": False, "no": False}
_HINTS = (
    (r"[+-]?0[0-9xobXOB][0-9a-fA-F_]*", "write it in decimal, without leading zeros"),
    (r"[+-]?[0-9]+,[0-9]+", "write a decimal point, not a comma"),
    (r"[+-]?[0-9]+_[0-9_]*", "write the digits without _"),
    (r"[+-]?[0-9][0-9.]* *[A-Za-z]+", "write the number alone, without a unit"),
)


def settings_in(node: Node, path: str = "") -> dict[str, Node]:
    """Return the nodes of all settings at or below the dotted `path`, by their own dotted paths.

    Raises
    ------
    UsageError
        An unknown name, a name given twice, or a value where a section belongs.
    """
    if path in SETTINGS:
        return {path: node}
    if node.is_empty:
        return {}
    if node.kind != "mapping":
        where = f"{node.place}: {path}" if path else node.place
        example = f"{children_of(path)[0]}: ..."
        raise UsageError(f"{where}: must hold names and values, such as '{example}', not {node}")
    found: dict[str, Node] = {}
    places: dict[str, str] = {}
    for key, value in pairs(node):
        name = _known_name(key, path)
        if name in places:
            where = f"{key.place}: {_below(path, name)}"
            raise UsageError(f"{where}: set twice, first at {places[name]}; remove one of them")
        places[name] = key.place
        found |= settings_in(value, _below(path, name))
    return found


def known_path(path: str, place: str) -> str:
    """Return the dotted path of a setting or a section as it is called now.

    Raises
    ------
    UsageError
        There is none of this name; points at `place`.
    """
    known = ""
    for part in path.split("."):
        name = _current_name(part, known)
        if name not in children_of(known):
            raise _unknown(name, known, place)
        known = _below(known, name)
    return known


def read_value(path: str, node: Node) -> Value:
    """Read the value of one setting.

    Raises
    ------
    UsageError
        Another type than the setting's, or outside its range.
    """
    setting = SETTINGS[path]
    if node.is_empty:
        raise UsageError(f"{node.place}: {path}: has no value; must be {setting.expected}")
    if setting.nullable and _is_plain(node) and node.text in _NULL:
        return None
    value = _READERS[setting.kind](node)
    refusal = f"{node.place}: {path}: must be {setting.expected}, not {node}"
    if value is None:
        raise UsageError(refusal + _hint(node, setting))
    ends = value if isinstance(value, tuple) else (value,)
    if not all(isinstance(end, str) or setting.low <= end <= setting.high for end in ends):
        raise UsageError(refusal)
    return value


def value_text(value: object) -> str:
    """Write a value as it stands in midiconfig.yaml."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(value_text, value))}]"
    return str(value)


def to_node(value: object, place: str, depth: int = 1) -> Node:
    """Make a node of a Python value or of YAML text, so that options are read as strictly as the file."""
    if depth > MAX_DEPTH:
        raise too_deep(place)
    if isinstance(value, str):
        return parse(value, lambda _: place) or Node("scalar", place)
    if isinstance(value, Mapping):
        children = [to_node(part, place, depth + 1) for pair in value.items() for part in pair]
        return Node("mapping", place, children=children)
    if isinstance(value, tuple | list):
        return Node("list", place, children=[to_node(part, place, depth + 1) for part in value])
    return Node("scalar", place, text=value_text(value))


def _below(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _known_name(key: Node, path: str) -> str:
    where = f"{key.place}: {path}" if path else key.place
    if key.kind != "scalar":
        raise UsageError(f"{where}: the name of a setting must be a word, not {key}")
    if key.text == "<<":
        raise UsageError(f"{where}: merge keys (<<) are not supported; write the settings out")
    name = _current_name(key.text, path)
    if name not in children_of(path):
        raise _unknown(name, path, key.place)
    return name


def _current_name(name: str, parent: str) -> str:
    return FORMER_NAMES.get(_below(parent, name), name)


def _unknown(name: str, parent: str, place: str) -> UsageError:
    import difflib  # only for an error: it costs every start 2 ms

    known = children_of(parent)
    nearest = difflib.get_close_matches(name[:60].lower(), known, n=1)
    elsewhere = [path for path in SETTINGS if path.endswith(f".{name}")]
    hint = f"known here: {', '.join(known)}" if known else f"{parent} is a single value"
    if nearest or elsewhere:
        hint = f"did you mean {(nearest or elsewhere)[0]}?"
    return UsageError(f"{place}: {_below(parent, one_line(name) or repr(name))}: unknown setting; {hint}")


def _is_plain(node: Node) -> bool:
    return node.kind == "scalar" and not node.quoted


def _number(node: Node) -> float | None:
    # Adding 0.0 makes -0.0 0.0.
    return float(node.text) + 0.0 if _is_plain(node) and _NUMBER.fullmatch(node.text) else None


def _whole(node: Node) -> int | None:
    return int(node.text) if _is_plain(node) and _WHOLE.fullmatch(node.text) else None


def _switch(node: Node) -> bool | None:
    return _SWITCH.get(node.text.lower()) if _is_plain(node) else None


def _reference(node: Node) -> str | None:
    return node.text if _is_plain(node) and node.text in (STEM_REFERENCE, ABSOLUTE_REFERENCE) else None


def _band(node: Node) -> Band | None:
    ends = [end for child in node.children if (end := _number(child)) is not None]
    if node.kind != "list" or len(node.children) != 2 or len(ends) != 2:
        return None
    low, high = ends
    return (low, high) if low < high else None


def _tempo(node: Node) -> float | str | None:
    number = _number(node)
    if number is not None:
        return number
    is_name = node.kind == "scalar" and (node.text == AUTO or node.text.lower().endswith((".mid", ".midi")))
    return node.text if is_name else None


def _signature(node: Node) -> str | None:
    if node.kind != "scalar":
        return None
    found = _SIGNATURE.fullmatch(node.text)
    return node.text if node.text == AUTO or (found and int(found[1]) <= MAX_NUMERATOR) else None


def _step(node: Node) -> str | None:
    return node.text if node.kind == "scalar" and node.text in STEPS else None


def _swing(node: Node) -> float | str | None:
    return AUTO if node.kind == "scalar" and node.text == AUTO else _number(node)


def _map(node: Node) -> str | None:
    return node.text if node.kind == "scalar" and node.text in DRUM_MAPS else None


_READERS = {"number": _number, "whole": _whole, "switch": _switch, "band": _band, "reference": _reference}
_READERS |= {"tempo": _tempo, "signature": _signature, "map": _map, "step": _step, "swing": _swing}


def _hint(node: Node, setting: Setting) -> str:
    """Guess why the text was not read, to end a message."""
    if node.quoted:
        return "; remove the quotes"
    if setting.nullable and node.text.lower() in ("none", "off", "no", "false"):
        return "; write null to switch the test off"
    return next((f"; {hint}" for pattern, hint in _HINTS if re.fullmatch(pattern, node.text)), "")
