"""Notes <-> MIDI: round trips, mido as the oracle, and every kind of damage by hand-made bytes."""

import io
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import mido
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from midi_bytes import END, NOTE, header, midi, riff, tempo, text, track

from drumhits.errors import InputError, UsageError
from drumhits.io import smf
from drumhits.io.grid import TempoMap
from drumhits.io.midi import MAX_FILE_BYTES, NOTE_DTYPE, PPQ, Track, decode, encode, read_midi

SNARE_AT_0_AND_1 = [(0.0, 38, 100), (0.5, 38, 100)]


def notes_of(rows):
    notes = np.zeros(len(rows), dtype=NOTE_DTYPE)
    for name, column in zip(("time_s", "number", "velocity", "duration_s"), zip(*rows, strict=True), strict=False):
        notes[name] = column
    return notes


def hits(content):
    return [(round(float(n["time_s"]), 9), int(n["number"]), int(n["velocity"])) for n in content.notes]


def read_with_mido(data):
    """Return (seconds, number, velocity) of each note-on, sorted, as mido reads them."""
    now, found = 0.0, []
    for message in mido.MidiFile(file=io.BytesIO(data)):
        now += message.time
        if message.type == "note_on" and message.velocity:
            found.append((now, message.note, message.velocity))
    return sorted(found)


def assert_same_hits(content, expected):
    columns = ("time_s", "number", "velocity")
    found = np.sort(np.array([[n[c] for c in columns] for n in content.notes]).reshape(-1, 3).round(7), axis=0)
    np.testing.assert_allclose(found, np.sort(np.array(expected).reshape(-1, 3).round(7), axis=0), atol=2e-6)


note_rows = st.lists(
    st.tuples(st.floats(0, 600), st.integers(0, 127), st.integers(1, 127), st.floats(0, 2)), max_size=40
)


@settings(max_examples=60, deadline=None)
@given(note_rows, st.floats(30, 300), st.integers(1, 16))
def test_round_trip_within_one_tick(rows, tempo_bpm, channel):
    rows = list({row[1]: row for row in rows}.values())  # one note per number: nothing overlaps
    content = decode(encode([Track("hits", notes_of(rows))], tempo_bpm=tempo_bpm, channel=channel))
    tick_s = 60 / tempo_bpm / PPQ
    expected = {number: (time_s, velocity, duration_s) for time_s, number, velocity, duration_s in rows}
    assert len(content.notes) == len(rows)
    assert content.warnings == ()
    for note in content.notes:
        time_s, velocity, duration_s = expected[int(note["number"])]
        assert abs(note["time_s"] - time_s) <= tick_s
        assert note["velocity"] == velocity
        assert tick_s * 0.99 <= note["duration_s"]
        assert abs(note["duration_s"] - duration_s) <= 1.01 * tick_s


@settings(max_examples=40, deadline=None)
@given(st.lists(note_rows, max_size=3), st.floats(30, 300))
def test_mido_reads_the_same_notes_and_none_overlap(tracks, tempo_bpm):
    data = encode([Track(f"track {i}", notes_of(rows)) for i, rows in enumerate(tracks)], tempo_bpm=tempo_bpm)
    assert_same_hits(decode(data), read_with_mido(data))
    file = mido.MidiFile(file=io.BytesIO(data))
    assert (file.type, file.ticks_per_beat, len(file.tracks)) == (1, PPQ, 1 + len(tracks))
    for notes in file.tracks[1:]:
        sounding = set()
        for message in notes:
            if message.type == "note_on":
                assert message.note not in sounding
                sounding.add(message.note)
            elif message.type == "note_off":
                sounding.remove(message.note)
        assert not sounding
        assert notes[-1].type == "end_of_track"


def mido_messages():
    def note(kind):
        numbers, velocities = st.integers(0, 127), st.integers(0, 127)
        return st.builds(mido.Message, st.just(kind), note=numbers, velocity=velocities, channel=st.integers(0, 15))

    return st.one_of(
        note("note_on"),
        note("note_off"),
        st.builds(mido.Message, st.just("control_change"), control=st.just(4), value=st.integers(0, 127)),
        st.builds(mido.Message, st.just("sysex"), data=st.lists(st.integers(0, 127), max_size=5)),
        st.builds(mido.MetaMessage, st.just("set_tempo"), tempo=st.integers(1, 2**24 - 1)),
        st.builds(mido.MetaMessage, st.just("lyrics"), text=st.just("la")),
    )


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.lists(st.tuples(mido_messages(), st.integers(0, 20_000)), max_size=12), min_size=1, max_size=3),
    st.sampled_from([24, 96, 480, 960, 32767]),
)
def test_reads_what_mido_writes(tracks, ppq):
    file = mido.MidiFile(type=min(1, len(tracks) - 1), ticks_per_beat=ppq)
    for messages in tracks:
        file.tracks.append(mido.MidiTrack(message.copy(time=delta) for message, delta in messages))
    buffer = io.BytesIO()
    file.save(file=buffer)
    content = decode(buffer.getvalue())
    assert_same_hits(content, read_with_mido(buffer.getvalue()))
    np.testing.assert_allclose(content.tempo.seconds(content.notes["tick"] / ppq), content.notes["time_s"])


def test_written_file_is_plain_and_complete():
    rows = [(-0.1, 38, 90, 0.1), (1.0, 38, 0, 0.0), (2.0, 49, 200, 0.5)]
    data = encode([Track("Schläge", notes_of(rows))], tempo_bpm=100, texts=("audio: ドラム.wav", "stem: snare"))
    file = mido.MidiFile(file=io.BytesIO(data), charset="utf-8")
    conductor, drums = file.tracks
    assert [(m.type, m.time) for m in conductor] == [
        ("set_tempo", 0),
        ("text", 0),
        ("text", 0),
        ("end_of_track", 0),
    ]
    assert drums.name == "Schläge"
    assert {m.channel for m in drums if not m.is_meta} == {9}
    content = decode(data)
    assert hits(content) == [(0.0, 38, 90), (1.0, 38, 1), (2.0, 49, 127)]
    assert content.notes["duration_s"] == pytest.approx([0.1, 0.6 / PPQ, 0.5], abs=0.6 / PPQ)
    assert content.texts == ("audio: ドラム.wav", "stem: snare")
    assert content.end_s == pytest.approx(2.5)


def test_no_tracks_and_empty_tracks_are_valid():
    for tracks in ([], [Track("cymbals", notes_of([]))]):
        data = encode(tracks)
        assert read_with_mido(data) == []
        content = decode(data)
        assert (len(content.notes), content.end_s, content.warnings) == (0, 0.0, ())


def test_equal_pitches_never_overlap():
    content = decode(encode([Track("", notes_of([(0, 38, 50, 9), (1, 38, 60, 9), (1, 38, 99, 2), (1, 36, 70, 9)]))]))
    assert hits(content) == [(0.0, 38, 50), (1.0, 36, 70), (1.0, 38, 99)]
    assert content.notes["duration_s"].tolist() == pytest.approx([1, 9, 2])


@pytest.mark.parametrize("options", [{"tempo_bpm": 3}, {"tempo_bpm": float("nan")}, {"channel": 0}, {"channel": 17}])
def test_settings_that_midi_cannot_hold(options):
    with pytest.raises(UsageError, match="give"):
        encode([], **options)


@pytest.mark.parametrize("row", [(float("nan"), 38, 1, 1), (0, 38, 1, float("inf")), (1e6, 38, 1, 1), (0, 128, 1, 1)])
def test_notes_that_midi_cannot_hold(row):
    with pytest.raises(ValueError, match="note"):
        encode([Track("", notes_of([row]))])


def test_text_that_utf8_cannot_hold():
    assert decode(encode([], texts=("caf\udce9.wav",))).texts == ("caf?.wav",)


def test_tempo_map_and_its_inverse():
    tempo_map = TempoMap(beats=np.array([0.0, 4.0, 6.0]), us_per_beat=np.array([500e3, 1000e3, 250e3]))
    beats = np.array([-2, 0, 3, 4, 5, 6, 10])
    seconds = np.array([-1, 0, 1.5, 2, 3, 4, 5])
    np.testing.assert_allclose(tempo_map.seconds(beats), seconds)
    np.testing.assert_allclose(tempo_map.beats_at(seconds), beats)


RUNNING = b"\x00\x99\x26\x64" + b"\x30\x26\x00"  # note-on of velocity 0 ends the note
TOLERATED = {
    "type 0": midi(NOTE * 2, kind=0),
    "type 0 with two tracks": midi(NOTE, b"\x60" + NOTE[1:], kind=0),
    "unknown type": midi(NOTE * 2, kind=7),
    "another PPQ": midi((b"\x00\x99\x26\x64" + b"\x18\x89\x26\x00") * 2, division=24),
    "running status": midi(RUNNING + b"\x30\x26\x64"),
    "running status across a meta event": midi(RUNNING + text(b"x") + b"\x30\x26\x64"),
    "running status across a system exclusive": midi(RUNNING + b"\x00\xf0\x02\x01\xf7" + b"\x30\x26\x64"),
    "no note-offs": midi(b"\x00\x99\x26\x64" + b"\x60\x99\x26\x64"),
    "notes on other channels": midi(b"\x00\x90\x26\x64" + b"\x60\x9f\x26\x64"),
    "no end of track": header() + track(NOTE * 2, end=b""),
    "trailing bytes": midi(NOTE * 2) + b"\x00\xffMThd and then some",
    "zeros after the end": header() + track(NOTE * 2 + END + bytes(9), end=b""),
    "half a note after the end": header() + track(NOTE * 2 + END + NOTE[:6], end=b""),
    "a chunk after the end": header() + track(NOTE * 2, length=len(NOTE * 2 + END) + 8) + b"MTrk\x00\x00\x00\x00",
    "end in the middle": header() + track(NOTE + END + NOTE),
    "end in the middle, none at the end": header() + track(NOTE + END + NOTE, end=b""),
    "alien chunks": header() + b"JUNK\x00\x00\x00\x03abc" + track(NOTE * 2) + b"XFIH\x00\x00\x00\x01x",
    "bytes between chunks": header() + b"\x00\x00" + track(NOTE * 2),
    "RIFF wrapper": riff(midi(NOTE * 2)),
    "MacBinary header": bytes(128) + midi(NOTE * 2),
    "long header": midi(NOTE * 2, extra=b"12"),
    "absurd header length": midi(NOTE * 2).replace(b"MThd\x00\x00\x00\x06", b"MThd\xff\xff\xff\xff"),
    "65,535 tracks announced": header(tracks=65_535) + track(NOTE * 2),
    "no track announced": header(tracks=0) + track(NOTE * 2),
    "track longer than the file": header() + track(NOTE * 2, length=2**32 - 1),
    "track longer than itself": header(tracks=2) + track(NOTE, length=10**6) + track(b"\x60" + NOTE[1:]),
    "recording never closed": header() + track(NOTE * 2, length=0),
    "cut in a note": midi(NOTE * 3)[: -len(END) - 6],
    "cut in a meta event": midi(NOTE * 2 + b"\x00\xff\x01\x84\x80\x00abc"),
    "data before any status": midi(NOTE * 2) + track(b"\x00\x26\x64"),
    "undefined statuses": midi(b"\x00\xf4" + b"\x00\xf1\x05" + b"\x00\xfe" + NOTE * 2),
    "other channel messages": midi(b"\x00\xc9\x00" + b"\x00\xe9\x00\x40" + b"\x00\xb9\x04\x40" + NOTE * 2),
    "tempo of 0": midi(tempo(0) + NOTE * 2),
    "tempo without a value": midi(b"\x00\xff\x51\x00" + NOTE * 2),
    "padded delta": midi(b"\x80\x80\x80\x80\x80\x80" + NOTE + NOTE),
    "wrapped first delta": midi(b"\x8f\xff\xff\xff\x00" + NOTE[1:] + NOTE),
}
MENDED = {
    "end in the middle": "end of track before 1 of its note(s)",
    "end in the middle, none at the end": "end of track before 1 of its note(s)",
    "no end of track": "1 track(s) without an end",
    "65,535 tracks announced": "announces 65534 track(s) more",
    "cut in a note": "1 track(s) without an end",
    "cut in a meta event": "1 track(s) without an end",
    "data before any status": "1 track(s) without an end",
    "tempo of 0": "1 tempo event(s) without a tempo",
    "tempo without a value": "1 tempo event(s) without a tempo",
    "wrapped first delta": "begins 128 tick(s) before time 0",
}


@pytest.mark.parametrize("kind", TOLERATED)
def test_tolerated(kind):
    content = decode(TOLERATED[kind], name="song.mid")
    assert hits(content) == SNARE_AT_0_AND_1
    assert len(content.warnings) == (kind in MENDED)
    for warning in content.warnings:
        assert warning.startswith("song.mid ")
        assert warning.endswith(".")
        assert MENDED[kind] in warning


@pytest.mark.parametrize("size", range(1, len(midi(NOTE * 2))))
def test_truncated_anywhere(size):
    data = midi(NOTE * 2)[:size]
    if size < 14:
        with pytest.raises(InputError):
            decode(data)
        return
    content = decode(data)
    assert hits(content) == SNARE_AT_0_AND_1[: len(content.notes)]
    assert "may be cut off" in content.warnings[0]


def test_values_over_127_are_lowered():
    content = decode(midi(b"\x00\x99\x26\xff" + b"\x60\x99\xc8\x64"))
    assert hits(content) == [(0.0, 38, 127), (0.5, 127, 100)]
    assert "2 note(s) with a value over 127" in content.warnings[0]


def test_a_note_ends_at_the_next_event_of_its_number_else_with_its_track():
    on = b"\x99\x26\x64"
    content = decode(midi(b"\x00" + on + b"\x30" + on + b"\x30\x89\x26\x00" + b"\x30" + on + b"\x60\x89\x24\x00"))
    assert content.notes["duration_s"].tolist() == [0.25, 0.25, 0.5]
    assert content.end_s == 1.25


def test_tempo_changes_of_all_tracks_form_one_map():
    content = decode(midi(NOTE * 4, tempo(1_000_000, delta=b"\x60"), tempo(250_000, delta=b"\x81\x40"), division=96))
    assert content.notes["time_s"].tolist() == [0.0, 0.5, 1.5, 1.75]
    assert content.tempo.beats.tolist() == [0, 1, 2]
    assert content.tempo.us_per_beat.tolist() == [500e3, 1000e3, 250e3]


def test_no_tempo_means_120_bpm():
    content = decode(midi(NOTE))
    assert content.tempo.us_per_beat.tolist() == [500_000]
    assert not content.has_tempo
    assert decode(midi(tempo(500_000) + NOTE)).has_tempo


@pytest.mark.parametrize(
    ("division", "ticks_per_s"),
    [(0xE728, 1000), (0xE850, 24 * 80), (0xE250, 30 * 80), (0xE350, 30_000 / 1001 * 80)],
)
def test_smpte_ticks_are_parts_of_a_second_whatever_the_tempo(division, ticks_per_s):
    content = decode(midi(tempo(250_000) + NOTE * 3, division=division))
    np.testing.assert_allclose(content.notes["time_s"], np.arange(3) * 96 / ticks_per_s)
    np.testing.assert_allclose(content.end_s, 3 * 96 / ticks_per_s)
    np.testing.assert_allclose(content.tempo.seconds(content.notes["tick"] / content.ppq), content.notes["time_s"])
    assert (content.has_tempo, content.warnings) == (True, ())


def test_the_one_song_of_a_type_2_file_is_read_at_its_own_tempo():
    unused = tempo(100_000) + text(b"empty") + b"\x87\x7f\x89\x26\x00"
    content = decode(midi(unused, tempo(1_000_000) + NOTE * 2, unused, kind=2))
    assert hits(content) == [(0.0, 38, 100), (1.0, 38, 100)]
    assert (content.end_s, content.warnings) == (2.0, ())


def test_negative_start_keeps_all_tracks_aligned():
    early = b"\x8f\xff\xff\xff\x00" + NOTE[1:]  # 4294967168: 128 ticks before 0
    content = decode(midi(early, NOTE, tempo(1_000_000, delta=b"\x60")))
    assert content.notes["tick"].tolist() == [0, 128]
    assert content.tempo.beats.tolist() == [0, (128 + 96) / 96]
    assert "begins 128 tick(s) before time 0" in content.warnings[0]


@pytest.mark.parametrize("delta", [b"\xff\xff\xff\x7f", b"\x87\xff\xff\xff\x7f", b"\x8f\x80\x80\x80\x00"])
def test_absurd_ticks_stay_finite(delta):
    content = decode(midi(tempo(2**24 - 1) + (delta + NOTE[1:]) * 50, division=1))
    assert len(content.notes) == 50
    assert_sane(content)


@pytest.mark.parametrize(
    ("words", "encoding"),
    [("plain", "ascii"), ("Schläge ドラム", "utf-8"), ("Schläge für Café", "latin-1"), ("ドラム 01", "shift_jis")],
)
def test_texts_and_names_in_any_encoding(words, encoding):
    payload = words.encode(encoding)
    assert decode(midi(text(payload) + text(payload, kind=3) + NOTE)).texts == (words,)


REFUSED = {
    "is empty": b"",
    "not a MIDI file": b"RIFF\x00\x00\x00\x00WAVEfmt ",
    "ends within its MIDI header": header()[:10],
    "type 2 MIDI file with 2 independent patterns": midi(NOTE, NOTE, kind=2),
    "SMPTE frames, 26 a second": midi(NOTE, division=0xE628),
    "0 ticks per quarter note or frame": midi(NOTE, division=0xE700),
    "0 ticks per quarter note": midi(NOTE, division=0),
    "over 32 MB": bytes(MAX_FILE_BYTES + 1),
}


@pytest.mark.parametrize("why", REFUSED)
def test_refused_with_one_sentence(why):
    with pytest.raises(InputError, match=why) as error:
        decode(REFUSED[why], name="song.mid")
    assert str(error.value).startswith("song.mid ")
    assert str(error.value).count(". ") == 0


def test_too_many_events(monkeypatch):
    monkeypatch.setattr(smf, "MAX_EVENTS", 100)
    assert len(decode(midi(NOTE * 40)).notes) == 40
    for data in (midi(NOTE * 60), header() + track(b"") * 60, header() + b"JUNK\x00\x00\x00\x01x" * 200):
        with pytest.raises(InputError, match="over 100 events"):
            decode(data)


def test_read_midi(tmp_path):
    path = tmp_path / "Lied für 太鼓.mid"
    path.write_bytes(midi(NOTE * 2))
    assert hits(read_midi(path)) == hits(read_midi(str(path))) == SNARE_AT_0_AND_1
    path.write_bytes(b"")
    with pytest.raises(InputError, match=r"太鼓\.mid is empty"):
        read_midi(path)


def test_read_midi_of_what_is_no_file(tmp_path):
    for path, why in ((tmp_path / "none.mid", "cannot be read"), (tmp_path, "not a file"), ("a\0b.mid", "cannot be")):
        with pytest.raises(InputError, match=why):
            read_midi(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs here")
def test_read_midi_does_not_wait_for_a_fifo(tmp_path):
    os.mkfifo(tmp_path / "pipe.mid")
    with pytest.raises(InputError, match="not a file"):
        read_midi(tmp_path / "pipe.mid")


def test_read_midi_without_permission(tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    path = tmp_path / "secret.mid"
    path.write_bytes(midi(NOTE))
    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(InputError, match=r"Permission denied\); check the name and the permissions"):
        read_midi(path)


def test_read_midi_refuses_a_large_file(tmp_path):
    path = tmp_path / "large.mid"
    with path.open("wb") as file:
        file.truncate(MAX_FILE_BYTES + 1)
    with pytest.raises(InputError, match="over 32 MB"):
        read_midi(path)


TELLING = (b"\xff", b"\x80", b"\x00", b"MTrk", b"\xff\x2f\x00", b"\xff\x51\x03", b"\x8f\xff\xff\xff\x00")


def mutate(data, rng):
    """Return data with a few bytes changed, removed, repeated or replaced by telling values."""
    data = bytearray(data)
    for _ in range(rng.randint(1, 6)):
        at = rng.randrange(len(data) + 1)
        size = rng.choice((0, 1, 1, 4, 20))
        data[at : at + size] = rng.choice((rng.choice(TELLING), rng.randbytes(size), data[at : at + size] * 2))
    return bytes(data)


def test_mutated_files_are_read_or_refused():
    rng = random.Random(20)
    rows = [(rng.uniform(0, 60), rng.randint(30, 60), rng.randint(1, 127), 0.1) for _ in range(60)]
    seeds = [*TOLERATED.values(), encode([Track("a", notes_of(rows)), Track("b", notes_of(rows))], texts=["x"])]
    for i in range(2500):
        try:
            content = decode(mutate(seeds[i % len(seeds)], rng))
        except InputError:
            continue
        assert_sane(content)


def assert_sane(content):
    notes = content.notes
    assert np.all(np.isfinite(notes["time_s"]))
    assert np.all(np.diff(notes["time_s"], prepend=0) >= 0)
    assert np.all(notes["duration_s"] >= 0)
    assert notes["time_s"].max(initial=0) <= content.end_s < np.inf
    assert np.all((notes["number"] >= 0) & (notes["number"] <= 127))
    assert np.all((notes["velocity"] >= 1) & (notes["velocity"] <= 127))


@pytest.mark.parametrize(
    "body",
    [
        b"\x01\x99\x26\x64",
        b"\x00\xff\x01\x00",
        b"\xff",
        b"MTrk\xff\xff\xff\xff\x00\xff\x2f\x00",
        b"MTrk\x00\x00\x00\x00",
    ],
)
def test_crafted_file_takes_linear_time(body):
    start = time.process_time()
    assert_sane(decode(header() + track(body * (2**19 // len(body)))))
    assert time.process_time() - start < 5  # quadratic work would take minutes


def test_reader_and_writer_do_without_mido():
    code = "import sys, drumhits.io.midi; sys.exit('mido' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
