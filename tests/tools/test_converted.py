"""Performances as parts of sound fonts: every stroke in its stem, at its time, on a note that fonts have."""

import mido
import pytest
from converted import TICKS_PER_S, stems_of, write_part
from render_songs import CHANNEL

KEYS = {"kick": (36, 36), "snare": (38, 38), "toms": (58, 43), "hihat": (22, 42), "cymbals": (51, 51)}


@pytest.fixture
def performance(tmp_path):
    """A stroke of each stem, a beat apart, at 150 BPM."""
    track = mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=400_000)])
    for key, _ in KEYS.values():
        track.append(mido.Message("note_on", channel=CHANNEL, note=key, velocity=90, time=0))
        track.append(mido.Message("note_off", channel=CHANNEL, note=key, time=480))
    path = tmp_path / "performance.mid"
    mido.MidiFile(ticks_per_beat=480, tracks=[track]).save(path)
    return path


def test_each_stem_gets_its_strokes_on_notes_of_general_midi(performance):
    stems = stems_of(performance)
    assert {stem: messages[0][1].note for stem, messages in stems.items()} == {
        stem: note for stem, (_, note) in KEYS.items()
    }
    assert [messages[0][0] for messages in stems.values()] == pytest.approx([0.0, 0.4, 0.8, 1.2, 1.6])


def test_a_part_is_written_at_its_times_for_its_kit(performance, tmp_path):
    part = tmp_path / "part.mid"
    write_part(stems_of(performance)["hihat"], 40, part)
    times_s, now = [], 0.0
    for message in mido.MidiFile(part):
        now += message.time
        if message.type == "program_change":
            assert message.program == 40
        elif message.type == "note_on":
            times_s.append(now)
    assert times_s == pytest.approx([1.2], abs=1 / TICKS_PER_S)
