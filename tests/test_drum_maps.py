from dataclasses import replace

import numpy as np
import pytest
from daws import BEHAVIOURS, session

from drumhits.config.load import default_config, load_config
from drumhits.drum_maps import DRUM_MAPS, GENERAL_MIDI, listing, to_general_midi, written_notes
from drumhits.drums import PROFILES
from drumhits.edits.labels import label
from drumhits.edits.numbers import in_general_midi
from drumhits.edits.songs import note_group
from drumhits.errors import UsageError
from drumhits.io.midi import decode

ARTICULATIONS = [name for profile in PROFILES.values() for name in profile.notes]

# What the sources say, typed once more: kick, head, cross-stick, high, mid, low, closed, open, pedal, crash, ride.
WRITTEN = {
    "general-midi": (36, 38, 37, 50, 47, 43, 42, 46, 44, 49, 51),
    "superior-drummer-3": (36, 38, 37, 48, 47, 43, 42, 26, 21, 55, 51),
    "addictive-drums-2": (36, 38, 42, 71, 69, 67, 49, 56, 48, 77, 60),
    "ssd5": (36, 38, 37, 48, 47, 43, 42, 71, 44, 57, 51),
    "roland-td": (36, 38, 37, 48, 45, 43, 42, 46, 44, 49, 51),
    "alesis": (36, 38, 40, 48, 45, 43, 42, 46, 44, 49, 51),
    "musescore": (36, 38, 37, 50, 47, 43, 42, 46, 44, 49, 51),
    "drum-kit-designer": (36, 38, 37, 48, 45, 41, 42, 46, 33, 49, 51),
    "guitar-pro": (36, 38, 37, 48, 47, 45, 42, 46, 44, 49, 51),
}


@pytest.mark.parametrize("name", DRUM_MAPS)
def test_every_stem_gets_the_notes_of_the_map(name):
    config = load_config(None, {"midi": {"drum_map": name}})
    notes = {articulation: note for stem in config.stems.values() for articulation, note in stem.notes.items()}
    assert notes == dict(zip(ARTICULATIONS, WRITTEN[name], strict=True)) == written_notes(name)
    assert config.origin("toms", "notes.high") == ("default" if name == GENERAL_MIDI else f"drum map {name}")


@pytest.mark.parametrize("name", DRUM_MAPS)
def test_no_note_of_a_map_stands_for_two_articulations(name):
    notes = [note for notes in DRUM_MAPS[name].notes.values() for note in notes]
    stops = list(DRUM_MAPS[name].chokes.values())
    assert len(set(notes + stops)) == len(notes + stops)
    assert set(DRUM_MAPS[name].notes) == set(ARTICULATIONS)
    assert all(0 <= note <= 127 for note in notes + stops)


def test_general_midi_is_the_default_and_what_stems_are_described_by():
    general = {name: note for profile in PROFILES.values() for name, note in profile.notes.items()}
    assert written_notes(GENERAL_MIDI) == general
    assert default_config().midi.drum_map == GENERAL_MIDI
    for profile in PROFILES.values():
        own = {note for name in profile.notes for note in DRUM_MAPS[GENERAL_MIDI].notes[name]}
        assert profile.general_midi <= own


def test_notes_beat_the_map():
    config = load_config(None, {"midi": {"drum_map": "ssd5"}, "hihat": {"notes.open": 99}})
    assert dict(config.stems["hihat"].notes) == {"closed": 42, "open": 99, "pedal": 44}
    assert config.origin("hihat", "notes.open") == "command line"


def test_an_unknown_map_is_refused():
    with pytest.raises(UsageError, match=r"midi\.drum_map: must be one of the names that .* shows, not gm"):
        load_config(None, {"midi": {"drum_map": "gm"}})


def test_the_listing_has_a_line_for_each_map():
    assert [line.split()[0] for line in listing().splitlines()] == list(DRUM_MAPS)


def renumbered(content, numbers):
    notes = content.notes.copy()
    notes["number"] = [numbers[note] for note in notes["number"].tolist()]
    return replace(content, notes=notes)


@pytest.mark.parametrize("raw_map", ["general-midi", "addictive-drums-2", "superior-drummer-3"])
@pytest.mark.parametrize("edited_map", ["general-midi", "addictive-drums-2", "ssd5"])
def test_edits_in_any_map_give_the_same_labels(raw_map, edited_map):
    rng = np.random.default_rng(7)
    plain, general = session(rng), written_notes(GENERAL_MIDI)
    edited = decode(BEHAVIOURS["other_tempo_seconds_kept"](rng, plain).data)
    cymbals = default_config().stems["cymbals"]
    candidates_s = plain.raw.notes["time_s"]
    expected = label(plain.raw, edited, candidate_times_s=candidates_s, note_group=note_group(cymbals))

    from_general = {name: {general[one]: note for one, note in written_notes(name).items()} for name in DRUM_MAPS}
    config = load_config(None, {"midi": {"drum_map": raw_map}}).stems["cymbals"]
    raw, same, read = in_general_midi(
        renumbered(plain.raw, from_general[raw_map]), renumbered(edited, from_general[edited_map]), config, raw_map,
        edited_map,
    )  # fmt: skip
    found = label(raw, same, candidate_times_s=candidates_s, note_group=note_group(read))
    assert found.labels.tolist() == expected.labels.tolist()
    assert found.renoted == expected.renoted
    assert (expected.labels == 0).any()
    assert (expected.labels == 1).any()


@pytest.mark.parametrize(("name", "half_open", "splash"), [
    ("superior-drummer-3", 25, 23),
    ("addictive-drums-2", 55, 59),
    ("ssd5", 69, 73),
    ("alesis", 23, 21),
    ("drum-kit-designer", None, 31),
    ("guitar-pro", 92, None),
])  # fmt: skip
def test_half_open_strokes_and_foot_splashes_of_edited_files_are_hits_of_the_hihat(name, half_open, splash):
    hats = load_config(None, {"midi": {"drum_map": name}}).stems["hihat"]
    raw = session(np.random.default_rng(1)).raw
    for note, read_as in ((half_open, 46), (splash, 44)):
        if note is not None:
            played = renumbered(raw, dict.fromkeys(range(128), note))
            _, edited, read = in_general_midi(played, played, hats, name, None)
            assert set(edited.notes["number"]) == {read_as} <= note_group(read)


def test_other_drums_of_a_map_are_not_taken_for_the_stem():
    assert to_general_midi("addictive-drums-2")[49] == 42  # the closed hi-hat there, a crash in General MIDI
    config = load_config(None, {"midi": {"drum_map": "addictive-drums-2"}}).stems["cymbals"]
    rng = np.random.default_rng(1)
    raw = session(rng).raw
    hats = renumbered(raw, dict.fromkeys(range(128), 49))
    _, edited, read = in_general_midi(raw, hats, config, "addictive-drums-2", None)
    assert set(edited.notes["number"]).isdisjoint(note_group(read))
