"""midiconfig.yaml: strict reading, precedence, origins, and editing that leaves comments alone."""

import os
import pickle
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from running import ROOT

from drumhits.config import yamltree
from drumhits.config.edit import with_values
from drumhits.config.load import FrozenMapping, default_config, describe, load_config, parse_override
from drumhits.config.schema import SETTINGS, value_text
from drumhits.drums import STEMS
from drumhits.errors import UsageError

SHIPPED = ROOT / "midiconfig.yaml"
modest = settings(max_examples=50, deadline=None, database=None)

LINES = "onset_wait: must be a whole number from 0 to 1000 frames of 11.6 ms, not"
STRENGTH = "onset_threshold: must be a number from 0 to 1, not"
BAND = "body_band_hz: must be [low, high], two numbers from 0 to 22050 Hz with low below high, not"
STEM_NAMES = (
    "geomean_threshold, level_reference, min_sustain_ms, min_centroid_hz, min_rise_db, min_over_drum_db, "
    "onset_threshold, onset_gap, onset_delta, onset_wait, body_band_hz, brilliance_band_hz, articulation, "
    "timing_offset, velocity_reference, velocity_floor, velocity_ceiling, velocity_curve, note_duration_ms, notes"
)

KICK_ERRORS = {
    "unknown": ("onset_wiat: 3", "onset_wiat: unknown setting; did you mean onset_wait?"),
    "unknown, none near": ("colour: 3", f"colour: unknown setting; known here: {STEM_NAMES}"),
    "other section": ("channel: 9", "channel: unknown setting; did you mean midi.channel?"),
    "dotted": ("notes.kick: 36", "notes.kick: unknown setting; did you mean notes?"),
    "control character": (r'"a\x07\u202e": 3', rf"a\x07\u202e: unknown setting; known here: {STEM_NAMES}"),
    "note name": ("notes: {kik: 36}", "notes.kik: unknown setting; did you mean kick?"),
    "note range": ("notes: {kick: 128}", "notes.kick: must be a whole number from 0 to 127, not 128"),
    "notes not a mapping": ("notes: 36", "notes: must hold names and values, such as 'kick: ...', not 36"),
    "no value": ("onset_wait:", "onset_wait: has no value; must be a whole number from 0 to 1000 frames of 11.6 ms"),
    "word": ("onset_wait: yes", f"{LINES} yes"),
    "true": ("onset_threshold: true", f"{STRENGTH} true"),
    "null not allowed": ("onset_wait: null", f"{LINES} null"),
    "fraction": ("onset_wait: 3.5", f"{LINES} 3.5"),
    "underscore": ("onset_wait: 1_0", f"{LINES} 1_0; write the digits without _"),
    "octal": ("onset_wait: 010", f"{LINES} 010; write it in decimal, without leading zeros"),
    "hexadecimal": ("onset_wait: 0x10", f"{LINES} 0x10; write it in decimal, without leading zeros"),
    "sexagesimal": ("onset_wait: 1:30", f"{LINES} 1:30"),
    "date": ("onset_wait: 2024-01-01", f"{LINES} 2024-01-01"),
    "quotes": ("onset_wait: '12'", f"{LINES} '12'; remove the quotes"),
    "many digits": (f"onset_wait: {'1' * 9000}", f"{LINES} {'1' * 60}..."),
    "list": ("onset_wait: [3]", f"{LINES} [3]"),
    "mapping": ("onset_wait: {a: 3}", f"{LINES} a mapping"),
    "comma": ("onset_threshold: 0,5", f"{STRENGTH} 0,5; write a decimal point, not a comma"),
    "nan": ("onset_threshold: .nan", f"{STRENGTH} .nan"),
    "infinity": ("onset_threshold: -.inf", f"{STRENGTH} -.inf"),
    "overflow": ("onset_threshold: 1e400", f"{STRENGTH} 1e400"),
    "too high": ("min_sustain_ms: 250", "min_sustain_ms: must be a number from 0 to 200 ms, or null, not 250"),
    "too low": ("min_sustain_ms: -1", "min_sustain_ms: must be a number from 0 to 200 ms, or null, not -1"),
    "unit": (
        "note_duration_ms: 60 ms",
        "note_duration_ms: must be a number from 1 to 5000 ms, not 60 ms; write the number alone, without a unit",
    ),
    "none": (
        "geomean_threshold: None",
        "geomean_threshold: must be a number from 0 to 100000, or null, not None; "
        "write null to switch the test off",
    ),
    "milliseconds": (
        "timing_offset: 30",
        "timing_offset: must be a number from -1 to 1 s (seconds, not ms), not 30",
    ),
    "reference": ("level_reference: song", "level_reference: must be stem or absolute, not song"),
    "reference as number": ("velocity_reference: 3", "velocity_reference: must be stem or absolute, not 3"),
    "switch": ("articulation: 1", "articulation: must be on or off, not 1"),
    "band reversed": ("body_band_hz: [80, 40]", f"{BAND} [80, 40]"),
    "band empty": ("body_band_hz: [40, 40]", f"{BAND} [40, 40]"),
    "band of three": ("body_band_hz: [40, 80, 120]", f"{BAND} [40, 80, 120]"),
    "band nested": ("body_band_hz: [[40], 80]", f"{BAND} a list"),
    "band as text": ("body_band_hz: 40-80", f"{BAND} 40-80"),
    "band over range": ("body_band_hz: [40, 30000]", f"{BAND} [40, 30000]"),
    "floor over default ceiling": (
        "velocity_ceiling: 10",
        "velocity_floor: 20 (default) is above velocity_ceiling 10 (midiconfig.yaml:3); "
        "lower the one or raise the other",
    ),
}

FILE_ERRORS = {
    "unknown section": ("cymbal: {}", ":1: cymbal: unknown setting; did you mean cymbals?"),
    "setting without section": (
        "onset_wait: 3",
        ":1: onset_wait: unknown setting; did you mean kick.onset_wait?",
    ),
    "number as key": ("1: {}", ":1: 1: unknown setting; known here: kick, snare, toms, hihat, cymbals, midi"),
    "empty key": ('"": {}', ":1: '': unknown setting; known here: kick, snare, toms, hihat, cymbals, midi"),
    "list as key": ("? [kick]\n: {}", ":1: the name of a setting must be a word, not [kick]"),
    "merge key": ("kick:\n  <<: {}", ":2: kick: merge keys (<<) are not supported; write the settings out"),
    "duplicate": (
        "kick:\n  onset_wait: 1\n  onset_delta: 0.1\n  onset_wait: 1\n",
        ":4: kick.onset_wait: set twice, first at midiconfig.yaml:2; remove one of them",
    ),
    "duplicate section": (
        "kick: {}\nkick: {}\n",
        ":2: kick: set twice, first at midiconfig.yaml:1; remove one of them",
    ),
    "floor over ceiling": (
        "kick:\n  velocity_floor: 100\n  velocity_ceiling: 90\n",
        ":2: kick.velocity_floor: 100 (midiconfig.yaml:2) is above velocity_ceiling 90 (midiconfig.yaml:3); "
        "lower the one or raise the other",
    ),
    "section not a mapping": (
        "kick: 5",
        ":1: kick: must hold names and values, such as 'geomean_threshold: ...', not 5",
    ),
    "list": ("- kick\n", ":1: must hold names and values, such as 'kick: ...', not [kick]"),
    "word": ("kick", ":1: must hold names and values, such as 'kick: ...', not kick"),
    "empty": ("", ": is empty; write a section such as 'cymbals:', or leave the file out"),
    "comments only": ("# kick\n", ": is empty; write a section such as 'cymbals:', or leave the file out"),
    "anchor": ("kick: &a {}", ":1: anchors (&) and aliases (*) are not supported; write the value itself"),
    "alias": ("kick:\n  *a", ":2: anchors (&) and aliases (*) are not supported; write the value itself"),
    "tag": ("kick: !!map {}", ":1: tags (!) are not supported; remove tag:yaml.org,2002:map"),
    "tab": ("kick:\n\tonset_wait: 3", ":2: is indented by a tab; YAML wants spaces"),
    "second document": ("kick: {}\n---\n", ":2: holds a second document; remove the line ---"),
    "bell": ("kick: {}\n# \x07\n", ":2: holds the character \\x07, which is not text; remove it"),
    "deep list": ("[" * 10_000, ":1: is nested too deeply; settings are at most three levels deep"),
    "deep mapping": ("{a: " * 10_000, ":1: is nested too deeply; settings are at most three levels deep"),
    "deep block": ("- " * 10_000, ":1: is nested too deeply; settings are at most three levels deep"),
    "flood": (f"[{'1,' * 40_000}]", ":1: holds thousands of values; is this a configuration file?"),
}

NOT_YAML = {
    "unclosed brace": ("kick: {onset_wait: 3\n", "[12]"),
    "unclosed quote": ("kick:\n  onset_wait: '3\n", "3"),
    "dedent": ("kick:\n  onset_wait: 3\n bad\n", "3"),
    "two colons": ("kick:\n  onset_wait: 3: 4\n", "2"),
    "backtick": ("kick: `", "1"),
}


@pytest.fixture(params=sorted({"CSafeLoader", "SafeLoader"} & set(dir(yaml))))
def yaml_loader(request, monkeypatch):
    """Run a test with the C parser and with the Python one."""
    monkeypatch.setattr(yamltree, "_LOADER", getattr(yaml, request.param))


@pytest.fixture
def written(tmp_path):
    """Write a configuration file, of text or bytes, and return its path."""

    def write(content):
        path = tmp_path / "midiconfig.yaml"
        path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
        return path

    return write


def exactly(message):
    return f"^{re.escape(message)}$"


def as_yaml(values):
    """Lay out {dotted path: value} as the YAML text of a configuration file."""
    tree = {}
    for path, value in values.items():
        section, _, key = path.partition(".")
        tree.setdefault(section, []).append((key, value_text(value)))
    text = ""
    for section, rows in tree.items():
        plain = [f"  {key}: {value}\n" for key, value in rows if "." not in key]
        notes = [f"    {key.partition('.')[2]}: {value}\n" for key, value in rows if "." in key]
        text += "".join([f"{section}:\n", *plain, *(["  notes:\n"] if notes else []), *notes])
    return text


def test_defaults_equal_the_shipped_file():
    shipped = load_config(SHIPPED)
    assert [row[:2] for row in describe(shipped)] == [row[:2] for row in describe(default_config())]
    assert set(shipped.origins) == set(SETTINGS)
    written = {path: origin for path, origin in shipped.origins.items() if ".notes." not in path}
    assert all(origin.startswith("midiconfig.yaml:") for origin in written.values())
    assert SHIPPED.read_text(encoding="utf-8").count("# notes:") == 5  # so that the drum map holds


def test_shipped_file_explains_every_setting():
    header = SHIPPED.read_text(encoding="utf-8").partition("\nkick:")[0]
    explained = {path.split(".")[1] for path in SETTINGS}
    assert [key for key in sorted(explained) if not re.search(rf"^(# |  ){key}\b", header, re.MULTILINE)] == []


def test_cymbals_keep_the_published_thresholds():
    cymbals = default_config().stems["cymbals"]
    assert (cymbals.geomean_threshold, cymbals.min_sustain_ms) == (10.0, 100.0)
    assert (cymbals.onset_threshold, cymbals.onset_delta, cymbals.onset_wait) == (0.15, 0.02, 10)
    assert (cymbals.body_band_hz, cymbals.brilliance_band_hz) == ((1000.0, 4000.0), (4000.0, 10000.0))


def test_default_notes_are_general_midi():
    assert {stem: dict(config.notes) for stem, config in default_config().stems.items()} == {
        "kick": {"kick": 36},
        "snare": {"head": 38, "cross_stick": 37},
        "toms": {"high": 50, "mid": 47, "low": 43},
        "hihat": {"closed": 42, "open": 46, "pedal": 44},
        "cymbals": {"crash": 49, "ride": 51},
    }
    assert [config.default_note for config in default_config().stems.values()] == [36, 38, 50, 42, 49]


def test_first_note_stays_the_default_note_in_any_order(written):
    hihat = load_config(written("hihat:\n  notes:\n    open: 26\n    closed: 22\n")).stems["hihat"]
    assert list(hihat.notes.items()) == [("closed", 22), ("open", 26), ("pedal", 44)]


def test_a_setting_goes_by_its_former_name(written):
    path = written("midi:\n  tempo_bpm: 90\n")
    assert load_config(path).tempo_bpm == load_config(path).midi.tempo == 90
    assert parse_override("midi.tempo_bpm=140") == {"midi": {"tempo": 140}}
    assert load_config(path, parse_override("midi.tempo_bpm=140")).tempo_bpm == 140
    both = written("midi:\n  tempo_bpm: 90\n  tempo: 100\n")
    with pytest.raises(UsageError, match=r"midi\.tempo: set twice"):
        load_config(both)


def test_command_line_beats_file_beats_default(written):
    path = written("kick:\n  onset_wait: 4\n  onset_delta: 0.5\nmidi:\n  channel: 3\n")
    config = load_config(path, {"kick": {"onset_wait": 5}, "midi": {"tempo": 90}})
    kick = config.stems["kick"]
    assert (kick.onset_wait, kick.onset_delta, config.tempo_bpm, config.channel) == (5, 0.5, 90.0, 3)
    assert config.origin("kick", "onset_wait") == "command line"
    assert config.origin("kick", "onset_delta") == "midiconfig.yaml:3"
    assert config.origin("kick", "notes.kick") == "default"
    assert config.origin("midi", "channel") == "midiconfig.yaml:5"


def test_overrides_take_values_text_and_notes():
    overrides = {
        "toms": {"notes": {"high": 48}, "notes.low": "41", "body_band_hz": (50, 90.5), "geomean_threshold": "~"},
        "kick": {"articulation": False, "geomean_threshold": None, "brilliance_band_hz": "[1e2, 200]"},
    }
    stems = load_config(None, overrides).stems
    assert dict(stems["toms"].notes) == {"high": 48, "mid": 47, "low": 41}
    assert (stems["toms"].body_band_hz, stems["toms"].geomean_threshold) == ((50.0, 90.5), None)
    assert (stems["kick"].articulation, stems["kick"].geomean_threshold) == (False, None)
    assert stems["kick"].brilliance_band_hz == (100.0, 200.0)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), True, "yes", "", -1, (1, 2), "1\n---\n2"])
def test_overrides_are_read_as_strictly_as_the_file(value):
    with pytest.raises(UsageError, match=r"^command line: "):
        load_config(None, {"kick": {"onset_threshold": value}})


def test_floor_on_the_command_line_is_checked_against_the_file(written):
    message = (
        "command line: kick.velocity_floor: 100 (command line) is above velocity_ceiling 90 (midiconfig.yaml:2); "
        "lower the one or raise the other"
    )
    with pytest.raises(UsageError, match=exactly(message)):
        load_config(written("kick:\n  velocity_ceiling: 90\n"), {"kick": {"velocity_floor": 100}})


VALUES_OF_KIND = {
    "number": lambda row: st.floats(row.low, row.high).map(lambda value: value + 0.0),
    "whole": lambda row: st.integers(row.low, row.high),
    "switch": lambda row: st.booleans(),
    "reference": lambda row: st.sampled_from(["stem", "absolute"]),
    "step": lambda row: st.sampled_from(["1/4", "1/16", "1/8T"]),
    "swing": lambda row: st.floats(row.low, row.high) | st.just("auto"),
    "map": lambda row: st.just(row.default),
    "tempo": lambda row: st.floats(row.low, row.high) | st.sampled_from(["auto", "song 1.mid", "A.MIDI"]),
    "signature": lambda row: st.sampled_from(["auto", "4/4", "6/8", "12/8"]),
    "band": lambda row: st.tuples(st.floats(row.low, row.high), st.floats(row.low, row.high))
    .filter(lambda ends: ends[0] != ends[1])
    .map(lambda ends: tuple(sorted(ends))),
}


def valid_values(path):
    row = SETTINGS[path]
    if path.endswith("velocity_floor"):
        row = row._replace(high=60)
    elif path.endswith("velocity_ceiling"):
        row = row._replace(low=60)
    values = VALUES_OF_KIND[row.kind](row)
    return st.none() | values if row.nullable else values


subsets = st.lists(st.sampled_from(list(SETTINGS)), min_size=1, max_size=20, unique=True).flatmap(
    lambda paths: st.fixed_dictionaries({path: valid_values(path) for path in paths})
)


@modest
@given(values=subsets)
def test_any_valid_values_win_over_defaults(tmp_path_factory, values):
    path = tmp_path_factory.getbasetemp() / "midiconfig.yaml"
    path.write_text(as_yaml(values), encoding="utf-8")
    config = load_config(path)
    expected = {name: (value_text(row.default), "default") for name, row in SETTINGS.items()}
    lines = as_yaml(values).splitlines()
    for name, text, origin in describe(config):
        if name in values:
            key = name.split(".")[-1]
            assert lines[int(origin.split(":")[1]) - 1].strip() == f"{key}: {value_text(values[name])}"
            assert text == value_text(values[name])
        else:
            assert (text, origin) == expected[name]
    overrides = {}
    for name, value in values.items():
        section, _, key = name.partition(".")
        overrides.setdefault(section, {})[key] = value
    assert load_config(None, overrides).stems == config.stems


@modest
@given(values=subsets)
def test_described_values_can_be_set_again(values):
    for path, value in values.items():
        section, _, key = path.partition(".")
        assert parse_override(f"{path}={value_text(value)}") == {section: {key: value}}


@modest
@given(text=st.text(alphabet="kick:midsnare_ont{}[],&*!'\"#-?|> \n\t\r0123.\x07é\u2028", max_size=80))
def test_any_text_loads_or_is_refused_in_one_line(tmp_path_factory, text):
    path = tmp_path_factory.getbasetemp() / "midiconfig.yaml"
    path.write_bytes(text.encode("utf-8"))
    message = "midiconfig.yaml"
    try:
        load_config(path)
    except UsageError as error:
        message = str(error)
    assert message.startswith("midiconfig.yaml")
    assert message.isprintable()


@pytest.mark.parametrize(
    ("text", "value"), [("1e-3", 0.001), ("+.5", 0.5), ("1.", 1.0), ("0", 0.0), ("-0.0", 0.0), ("5E-1", 0.5)]
)
def test_forms_of_numbers(written, text, value):
    onset_threshold = load_config(written(f"kick:\n  onset_threshold: {text}\n")).stems["kick"].onset_threshold
    assert str(onset_threshold) == str(value)


@pytest.mark.parametrize(
    ("text", "value"), [("on", True), ("OFF", False), ("true", True), ("False", False), ("no", False)]
)
def test_forms_of_switches(written, text, value):
    assert load_config(written(f"kick:\n  articulation: {text}\n")).stems["kick"].articulation is value


@pytest.mark.parametrize("text", ["null", "~", "Null", "NULL"])
def test_forms_of_null(written, text):
    cymbals = load_config(written(f"cymbals:\n  geomean_threshold: {text}\n")).stems["cymbals"]
    assert cymbals.geomean_threshold is None


@pytest.mark.parametrize("text", ["kick:\n", "kick: {}\n", "---\nkick:\n...\n", "kick:\n  notes:\n"])
def test_a_section_may_be_empty(written, text):
    assert load_config(written(text)) == default_config()


@pytest.mark.usefixtures("yaml_loader")
@pytest.mark.parametrize(("line", "message"), KICK_ERRORS.values(), ids=KICK_ERRORS)
def test_wrong_setting_is_named_with_its_line(written, line, message):
    with pytest.raises(UsageError, match=exactly(f"midiconfig.yaml:3: kick.{message}")):
        load_config(written(f"# comment\nkick:\n  {line}\n"))


@pytest.mark.usefixtures("yaml_loader")
@pytest.mark.parametrize(("text", "message"), FILE_ERRORS.values(), ids=FILE_ERRORS)
def test_wrong_file_is_refused(written, text, message):
    with pytest.raises(UsageError, match=exactly(f"midiconfig.yaml{message}")):
        load_config(written(text))


@pytest.mark.usefixtures("yaml_loader")
@pytest.mark.parametrize(("text", "line"), NOT_YAML.values(), ids=NOT_YAML)
def test_broken_yaml_is_refused_with_its_line(written, text, line):
    pattern = rf"^midiconfig\.yaml:{line}: is not valid YAML \(.+\); check colons, brackets, quotes and indentation"
    with pytest.raises(UsageError, match=pattern):
        load_config(written(text))


def test_misspelt_setting_in_line_12(written):
    message = "midiconfig.yaml:12: cymbals.geomean_treshold: unknown setting; did you mean geomean_threshold?"
    with pytest.raises(UsageError, match=exactly(message)) as caught:
        load_config(written("#\n" * 10 + "cymbals:\n  geomean_treshold: 10\n"))
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"kick: {}\n# caf\xe9\n", ":2: is not UTF-8 text (byte 0xe9); save the file as UTF-8 in your editor"),
        ("kick: {}".encode("utf-16"), ":1: is not UTF-8 text (byte 0xff); save the file as UTF-8 in your editor"),
        (b"kick: {}\0", ":1: holds the character \\x00, which is not text; remove it"),
        (b"#" * 1_000_001, ": is over 1 MB; a configuration is a few KB, so is this the right file?"),
    ],
    ids=["latin-1", "utf-16", "nul", "over 1 MB"],
)
def test_wrong_bytes_are_refused(written, data, message):
    with pytest.raises(UsageError, match=re.escape(f"midiconfig.yaml{message}") + "$"):
        load_config(written(data))


def test_byte_order_mark_and_windows_line_ends_are_taken(written):
    config = load_config(written(b"\xef\xbb\xbfkick:\r\n  # caf\xc3\xa9\r\n  onset_wait: 7\r\n"))
    assert (config.stems["kick"].onset_wait, config.origin("kick", "onset_wait")) == (7, "midiconfig.yaml:3")


def test_missing_file_is_refused(tmp_path):
    path = tmp_path / "my\nconfig.yaml"
    with pytest.raises(UsageError, match=r"my\\nconfig\.yaml: no such file; check the name"):
        load_config(path)


def test_folder_is_refused(tmp_path):
    message = f"{tmp_path}: is not a file; name a YAML file such as midiconfig.yaml"
    with pytest.raises(UsageError, match=exactly(message)):
        load_config(tmp_path)


def test_impossible_name_is_refused():
    with pytest.raises(UsageError, match=r"^a\\x00b: (cannot be read|no such file)"):
        load_config(Path("a\0b"))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_fifo_is_refused_at_once(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    message = f"{path}: is not a file; name a YAML file such as midiconfig.yaml"
    with pytest.raises(UsageError, match=exactly(message)):
        load_config(path)


@pytest.mark.parametrize(
    ("text", "overrides"),
    [
        ("cymbals.geomean_threshold=12", {"cymbals": {"geomean_threshold": 12.0}}),
        ("cymbals.geomean_threshold = null", {"cymbals": {"geomean_threshold": None}}),
        ("kick.body_band_hz=[40, 90]", {"kick": {"body_band_hz": (40.0, 90.0)}}),
        ("toms.notes.high=48", {"toms": {"notes.high": 48}}),
        ("toms.notes={high: 48, low: 41}", {"toms": {"notes.high": 48, "notes.low": 41}}),
        ("midi.channel=1", {"midi": {"channel": 1}}),
    ],
)
def test_parse_override(text, overrides):
    assert parse_override(text) == overrides
    assert "command line" in load_config(None, overrides).origins.values()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cymbals.geomean_treshold=1", "cymbals.geomean_treshold: unknown setting; did you mean geomean_threshold?"),
        ("kick.onset_wait=yes", f"kick.{LINES} yes"),
        ("kick.onset_wait.x=1", "kick.onset_wait.x: unknown setting; kick.onset_wait is a single value"),
        ("kick=3", "kick: must hold names and values, such as 'geomean_threshold: ...', not 3"),
        ("kick", "kick: write SECTION.SETTING=VALUE, such as cymbals.geomean_threshold=12"),
        ("kick.onset_wait=", "kick.onset_wait=: write SECTION.SETTING=VALUE, such as cymbals.geomean_threshold=12"),
        ("." * 20_000 + "=1", "'': unknown setting; known here: kick, snare, toms, hihat, cymbals, midi"),
        ("kick.onset_wait=\udcff", r"holds the character \udcff, which is not text; remove it"),
    ],
)
def test_wrong_override_is_refused(text, message):
    with pytest.raises(UsageError, match=exactly(f"--set: {message}")):
        parse_override(text)


def test_describe_of_one_stem_has_its_settings_and_midi():
    rows = describe(load_config(None, {"snare": {"articulation": "off"}}), "snare")
    assert {path.split(".")[0] for path, _, _ in rows} == {"snare", "midi"}
    assert ("snare.articulation", "off", "command line") in rows
    assert ("snare.body_band_hz", "[150.0, 400.0]", "default") in rows
    assert ("snare.notes.cross_stick", "37", "default") in rows


def test_config_is_frozen_hashable_and_picklable():
    config = default_config()
    assert pickle.loads(pickle.dumps(config)) == config
    assert hash(config) == hash(default_config())
    with pytest.raises(TypeError):
        config.stems["kick"].notes["kick"] = 35
    with pytest.raises(AttributeError):
        config.stems["kick"].onset_wait = 5
    assert FrozenMapping() == {}


def test_origin_of_an_unknown_setting_is_a_programming_error():
    with pytest.raises(KeyError):
        default_config().origin("kick", "onset_wiat")


def test_reading_a_configuration_imports_no_numpy():
    code = "import sys, drumhits.config.load, drumhits.config.edit; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


thresholds = st.fixed_dictionaries(
    {},
    optional={
        path.partition(".")[2]: valid_values(path)
        for path in ("kick.geomean_threshold", "kick.min_sustain_ms", "kick.onset_threshold", "kick.onset_wait")
    },
)


@modest
@given(stem=st.sampled_from(STEMS), values=thresholds)
def test_with_values_changes_nothing_else(stem, values):
    text = SHIPPED.read_text(encoding="utf-8")
    edited = with_values(text, stem, values)
    originals = {key: getattr(default_config().stems[stem], key) for key in values}
    assert with_values(edited, stem, originals) == text
    before, after = text.splitlines(), edited.splitlines()
    changed = [new for old, new in zip(before, after, strict=True) if old != new]
    assert len(changed) <= len(values)
    assert all(line.strip().partition(":")[0] in values for line in changed)


@pytest.mark.parametrize(
    ("text", "edited"),
    [
        ("kick:\n  onset_wait: 3   # why\n", "kick:\n  onset_wait: 9   # why\n"),
        ("kick: {onset_wait: 3, onset_delta: 1}", "kick: {onset_wait: 9, onset_delta: 1}"),
        ('"kick": {"onset_wait": 3}', '"kick": {"onset_wait": 9}'),
        ("kick:\n  onset_wait: '3'\n", "kick:\n  onset_wait: 9\n"),
        ("kick:\n  onset_wait:  # why\n", "kick:\n  onset_wait: 9  # why\n"),
        ("kick:\n  # why\n  onset_delta: 1\n", "kick:\n  onset_wait: 9\n  # why\n  onset_delta: 1\n"),
        ("kick:  # why\nsnare:\n", "kick:  # why\n  onset_wait: 9\nsnare:\n"),
        ("kick:", "kick:\n  onset_wait: 9\n"),
        ("kick: {}\n", "kick: {onset_wait: 9}\n"),
        ("kick: {onset_delta: 1}\n", "kick: {onset_wait: 9, onset_delta: 1}\n"),
        ("# é\r\nsnare: {}\r\n", "# é\r\nsnare: {}\r\nkick:\r\n  onset_wait: 9\r\n"),
        ("snare: {}\n# end\n...\n", "snare: {}\n# end\nkick:\n  onset_wait: 9\n...\n"),
        ("  snare: {}", "  snare: {}\n  kick:\n    onset_wait: 9\n"),
        ("{snare: {}}", "{kick: {onset_wait: 9}, snare: {}}"),
        ("\ufeffkick:\n    onset_delta: 1", "\ufeffkick:\n    onset_wait: 9\n    onset_delta: 1"),
        ("# nothing yet", "# nothing yet\nkick:\n  onset_wait: 9\n"),
        ("", "kick:\n  onset_wait: 9\n"),
    ],
)
@pytest.mark.usefixtures("yaml_loader")
def test_with_values_keeps_layout(text, edited):
    assert with_values(text, "kick", {"onset_wait": 9}) == edited
    assert with_values(text, "kick", {}) == text


def test_with_values_adds_several_in_order():
    values = {"onset_wait": 9, "onset_delta": 0.5, "min_sustain_ms": None}
    edited = with_values("kick:\n  onset_delta: 1\n", "kick", values)
    assert edited == "kick:\n  onset_wait: 9\n  min_sustain_ms: null\n  onset_delta: 0.5\n"


@pytest.mark.parametrize(
    ("text", "values", "message"),
    [
        ("kick: {}", {"onset_wait": 0.5}, f"midiconfig.yaml:1: kick.{LINES} 0.5"),
        ("kick: {}", {"onset_threshold": float("nan")}, f"midiconfig.yaml:1: kick.{STRENGTH} nan"),
        (
            "kick: {}",
            {"onset_wiat": 3},
            "midiconfig.yaml:1: kick.onset_wiat: unknown setting; did you mean onset_wait?",
        ),
        ("kik: {}", {"onset_wait": 3}, "midiconfig.yaml:1: kik: unknown setting; did you mean kick?"),
    ],
)
def test_with_values_refuses_what_would_not_load(text, values, message):
    with pytest.raises(UsageError, match=exactly(message)):
        with_values(text, "kick", values)
