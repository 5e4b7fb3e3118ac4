"""midiconfig.yaml and command line -> frozen Config. Precedence: command line > YAML > default.

Sections are the five stems and `midi`; schema.py has their types, ranges and defaults.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from drumhits.config.schema import SETTINGS, Value, known_path, read_value, settings_in, to_node, value_text
from drumhits.config.yamltree import Node, parse, read_text
from drumhits.drum_maps import GENERAL_MIDI, written_notes
from drumhits.drums import STEMS, Band
from drumhits.errors import UsageError
from drumhits.io.text import one_line

COMMAND_LINE = "command line"
DEFAULT = "default"

_ORDERED_PAIRS = tuple((f"{stem}.velocity_floor", f"{stem}.velocity_ceiling") for stem in STEMS)


T = TypeVar("T")


class FrozenMapping(Mapping[str, T]):
    """A mapping in a fixed order that cannot be changed, and can be hashed and sent to another process."""

    def __init__(self, items: Mapping[str, T] | None = None):
        self._items = dict(items or {})

    def __getitem__(self, key: str) -> T:
        return self._items[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __hash__(self) -> int:
        return hash(frozenset(self._items.items()))

    def __repr__(self) -> str:
        return f"FrozenMapping({self._items!r})"


@dataclass(frozen=True)
class StemConfig:
    """All settings of one stem; a threshold of None switches that test off.

    Attributes
    ----------
    stem : str
        One of `drums.STEMS`.
    level_reference : str
        What `geomean_threshold` is relative to: "stem", the level of the stem's loud hits, or "absolute", full scale.
    geomean_threshold : float >= 0, or None
        Hits are kept above it; for "stem" it is that of a stem at the usual level.
    min_sustain_ms : float in 0..200, or None
        Milliseconds; hits are kept at or above it.
    min_centroid_hz : float in 0..22050, or None
        Hz, of the spectral centroid; hits are kept at or above it.
    min_rise_db : float in 0..100, or None
        dB, by which the sound rises at the onset (`StemProfile.rise_feature`); hits are kept at or above it.
    min_over_drum_db : float in -60..60, or None
        dB, above the drum that bleeds into the stem most (`StemProfile.bleeding_drum`), where its stem lies beside;
        hits are kept at or above it.
    onset_threshold, onset_delta : float in 0..1
        Onset strength relative to the stem's loud hits, and local prominence on the same scale.
    onset_gap : bool
        Whether `onset_threshold` is moved to a gap between the strengths near it; see `models.onset_gap`.
    onset_wait : int >= 0
        In which a softer onset is an echo; frames of 512 samples at 44.1 kHz.
    body_band_hz, brilliance_band_hz : (low, high)
        Hz, low < high.
    notes : FrozenMapping of str to int
        Articulation to MIDI note number; the first is the stem's default note.
    articulation : bool
        Whether articulations are told apart.
    timing_offset : float
        Seconds, added to the times of the written notes only.
    velocity_reference : str
        What velocity is relative to, as for `level_reference`.
    velocity_floor, velocity_ceiling : int in 2..127
        Softest and loudest velocity, floor <= ceiling.
    velocity_curve : float > 0
        Exponent from loudness to velocity.
    note_duration_ms : float > 0
        Milliseconds.
    """

    stem: str
    geomean_threshold: float | None
    level_reference: str
    min_sustain_ms: float | None
    min_centroid_hz: float | None
    min_rise_db: float | None
    min_over_drum_db: float | None
    onset_threshold: float
    onset_gap: bool
    onset_delta: float
    onset_wait: int
    body_band_hz: Band
    brilliance_band_hz: Band
    notes: FrozenMapping[int]
    articulation: bool
    timing_offset: float
    velocity_reference: str
    velocity_floor: int
    velocity_ceiling: int
    velocity_curve: float
    note_duration_ms: float

    @property
    def default_note(self) -> int:
        """MIDI note number of a hit whose articulation is not told apart."""
        return next(iter(self.notes.values()))

    def of_one(self, articulation: str) -> "StemConfig":
        """Return the settings of a stem that holds one articulation only: every hit gets its note."""
        first = {articulation: self.notes[articulation]}
        return replace(self, notes=FrozenMapping(first | dict(self.notes)), articulation=False)


@dataclass(frozen=True)
class MidiConfig:
    """The settings of the MIDI file as a whole.

    Attributes
    ----------
    tempo : float in 10..1000, or str
        BPM; "auto", as the hits tell; or the path of a MIDI file whose tempo map and time signatures are taken.
    first_bar : float >= 0, or None
        Seconds; where bar 1 begins, None: at the start, or where `tempo` tells.
    time_signature : str
        Such as "4/4"; "auto": as `tempo` tells.
    channel : int in 1..16
    quantize : str or None
        A key of `schema.STEPS`: the grid that notes are moved to.
    strength : float in 0..100
        Per cent of the way there.
    swing : float in 50..75, "auto" or None
        Per cent of a pair of steps that the first one takes; "auto": as the hits do.
    merge_flams : float in 0..100, or None
        Milliseconds; strokes of a drum that near become one.
    hihat_cc4, chokes : bool
        Whether the hi-hat's openness is written as controller 4, and chokes of cymbals.
    drum_map : str
        One of `drum_maps.DRUM_MAPS`.
    """

    tempo: float | str
    first_bar: float | None
    time_signature: str
    channel: int
    quantize: str | None
    strength: float
    swing: float | str | None
    merge_flams: float | None
    hihat_cc4: bool
    chokes: bool
    drum_map: str


@dataclass(frozen=True)
class Config:
    """The settings in force; `origins` says for each dotted path where its value came from."""

    stems: FrozenMapping[StemConfig]
    midi: MidiConfig
    origins: FrozenMapping[str]

    @property
    def tempo_bpm(self) -> float:
        """The tempo where it is a number, else the default one."""
        default = SETTINGS["midi.tempo"].default
        return next(value for value in (self.midi.tempo, default) if isinstance(value, float))

    @property
    def channel(self) -> int:
        """MIDI channel of all notes, 1 to 16."""
        return self.midi.channel

    def origin(self, section: str, key: str) -> str:
        """Return where a value came from: "command line", "midiconfig.yaml:12" or "default"."""
        return self.origins[f"{section}.{key}"]


def default_config() -> Config:
    """Return the configuration of a run without file and options."""
    return load_config(None)


def load_config(path: Path | None, overrides: Mapping[str, Mapping[str, object]] | None = None) -> Config:
    """Read a configuration file and put the command line's values over it.

    Parameters
    ----------
    path : Path or None
        YAML file; None for the defaults alone.
    overrides : mapping of section to mapping of key to value, optional
        Values given on the command line, as Python values or as YAML text. None means null, so leave out what
        was not given. A note is "notes.high", or {"notes": {"high": 48}}.

    Raises
    ------
    UsageError
        The file cannot be read; a setting is unknown, given twice, of the wrong type or out of range.
    """
    nodes = {} if path is None else _file_nodes(Path(path))
    for section, values in (overrides or {}).items():
        for key, value in values.items():
            nodes |= settings_in(to_node(value, COMMAND_LINE), known_path(f"{section}.{key}", COMMAND_LINE))
    settings: dict[str, Any] = {key: setting.default for key, setting in SETTINGS.items()}
    settings |= {key: read_value(key, node) for key, node in nodes.items()}
    origins = {key: nodes[key].place if key in nodes else DEFAULT for key in SETTINGS}
    if (drum_map := settings["midi.drum_map"]) != GENERAL_MIDI:
        mapped = {key for key in SETTINGS if ".notes." in key} - set(nodes)
        settings |= {key: written_notes(drum_map)[key.rpartition(".")[2]] for key in mapped}
        origins |= dict.fromkeys(mapped, f"drum map {drum_map}")
    _check_order(settings, origins)
    return Config(
        stems=FrozenMapping({stem: _stem_config(stem, settings) for stem in STEMS}),
        midi=MidiConfig(**_own("midi", settings)),
        origins=FrozenMapping(origins),
    )


def parse_override(text: str, option: str = "--set") -> dict[str, dict[str, Value]]:
    """Read "cymbals.geomean_threshold=12" into the overrides {"cymbals": {"geomean_threshold": 12.0}}.

    Raises
    ------
    UsageError
        As for a line of the file, with the option's name in place of file and line.
    """
    path, equals, value = (part.strip() for part in text.partition("="))
    if not (path and equals and value):
        raise UsageError(
            f"{option}: {one_line(text)}: write SECTION.SETTING=VALUE, such as cymbals.geomean_threshold=12"
        )
    path = known_path(path, option)
    overrides: dict[str, dict[str, Value]] = {}
    for leaf, node in settings_in(to_node(value, option), path).items():
        section, _, key = leaf.partition(".")
        overrides.setdefault(section, {})[key] = read_value(leaf, node)
    return overrides


def parse_overrides(texts: Iterable[str], option: str = "--set") -> dict[str, dict[str, Value]]:
    """Read several settings as `parse_override` reads one; of one setting given twice, the last one holds."""
    overrides: dict[str, dict[str, Value]] = {}
    for text in texts:
        for section, values in parse_override(text, option).items():
            overrides.setdefault(section, {}).update(values)
    return overrides


def describe(config: Config, stem: str | None = None) -> list[tuple[str, str, str]]:
    """List (dotted path, value as YAML text, origin) of every setting, or of one stem's and `midi`'s."""
    rows = []
    for path, origin in config.origins.items():
        section, key, *note = path.split(".")
        if stem in (None, section) or section == "midi":
            value = getattr(config.stems.get(section, config.midi), key)
            rows.append((path, value_text(value[note[0]] if note else value), origin))
    return rows


def _file_nodes(path: Path) -> dict[str, Node]:
    """Return the nodes of the settings that a configuration file holds, by dotted path."""
    name = one_line(path.name)
    root = parse(read_text(path), lambda line: f"{name}:{line}")
    if root is None:
        raise UsageError(f"{name}: is empty; write a section such as 'cymbals:', or leave the file out")
    return settings_in(root)


def _stem_config(stem: str, values: Mapping[str, Any]) -> StemConfig:
    own = _own(stem, values)
    notes = {key.removeprefix("notes."): own.pop(key) for key in list(own) if key.startswith("notes.")}
    return StemConfig(stem=stem, notes=FrozenMapping(notes), **own)


def _own(section: str, values: Mapping[str, Any]) -> dict[str, Any]:
    prefix = f"{section}."
    return {path.removeprefix(prefix): value for path, value in values.items() if path.startswith(prefix)}


def _check_order(values: Mapping[str, Any], origins: Mapping[str, str]) -> None:
    for low, high in _ORDERED_PAIRS:
        if values[low] > values[high]:
            place = next(origins[path] for path in (low, high) if origins[path] != DEFAULT)
            raise UsageError(
                f"{place}: {low}: {values[low]} ({origins[low]}) is above "
                f"{high.partition('.')[2]} {values[high]} ({origins[high]}); lower the one or raise the other"
            )
