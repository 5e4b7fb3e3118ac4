from dataclasses import replace

import mido
import numpy as np
import pytest

from drumhits.config.load import default_config
from drumhits.io.midi import NOTE_DTYPE, decode, encode
from drumhits.transcription.expression import played_track

MIDI = default_config().midi


def notes_of(*rows):
    notes = np.zeros(len(rows), NOTE_DTYPE)
    for note, (time_s, number, velocity) in zip(notes, rows, strict=True):
        note["time_s"], note["number"], note["velocity"], note["duration_s"] = time_s, number, velocity, 0.06
    return notes


def messages(track, tmp_path):
    path = tmp_path / "a.mid"
    path.write_bytes(encode([track]))
    return [(round(message.time, 4), message) for message in mido.MidiFile(path) if not message.is_meta]


def test_a_flam_becomes_its_main_stroke():
    notes = notes_of((1.0, 38, 40), (1.03, 38, 100), (2.0, 38, 100), (2.02, 38, 30), (2.1, 38, 90), (2.11, 38, 1))
    heads = np.full(6, "head", dtype=object)
    track = played_track("snare", notes, heads, np.zeros(6), replace(MIDI, merge_flams=35.0))
    assert track.notes["time_s"].tolist() == [1.03, 2.0, 2.1, 2.11]  # rejected candidates stay
    untouched = played_track("snare", notes, heads, np.zeros(6), MIDI)
    assert untouched.notes["velocity"].tolist() == [40, 100, 100, 30, 90, 1]


def test_the_pedal_comes_before_the_stroke_that_it_holds_for(tmp_path):
    notes = notes_of((1.0, 42, 90), (2.0, 46, 90), (3.0, 44, 80))
    kinds = np.array(["closed", "open", "pedal"], dtype=object)
    track = played_track("hihat", notes, kinds, np.array([50.0, 200.0, 40.0]), replace(MIDI, hihat_cc4=True))
    played = [message for _, message in messages(track, tmp_path) if message.type != "note_off"]
    assert [message.type for message in played] == ["control_change", "note_on"] * 3
    assert [(one.control, one.value) for one in played[::2]] == [(4, 127), (4, 0), (4, 127)]
    assert decode(encode([track])).notes["time_s"] == pytest.approx([1, 2, 3])


@pytest.mark.parametrize(("drum_map", "expected"), [
    ("addictive-drums-2", [(77, 1.0), (78, 1.12), (77, 3.0)]),
    ("general-midi", [(77, 1.0), (77, 3.0)]),
    ("roland-td", [(77, 1.0), (77, 3.0)]),
])  # fmt: skip
def test_a_crash_that_stops_short_is_choked_as_the_map_wants(drum_map, expected, tmp_path):
    notes = notes_of((1.0, 77, 90), (3.0, 77, 90))
    crashes = np.full(2, "crash", dtype=object)
    config = replace(MIDI, chokes=True, drum_map=drum_map)
    track = played_track("cymbals", notes, crashes, np.array([120.0, 200.0]), config)
    content = decode(encode([track]))
    found = list(zip(content.notes["number"].tolist(), content.notes["time_s"].round(3).tolist(), strict=True))
    assert found == expected
    touches = [message.value for _, message in messages(track, tmp_path) if message.type == "polytouch"]
    assert touches == ([127, 0] if drum_map == "roland-td" else [])
    if drum_map == "general-midi":
        assert content.notes["duration_s"] == pytest.approx([0.12, 0.06], abs=0.001)
