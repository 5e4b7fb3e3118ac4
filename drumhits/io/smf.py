"""Standard MIDI Files as bytes: a reader that takes what DAWs and strangers write, and the parts of a writer.

Time is in ticks here; `drumhits.io.midi` turns it into seconds. The reader looks at each byte once and counts
events, so its time and memory are bounded whatever the bytes say about lengths.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field

from drumhits.errors import InputError

TEXT, TRACK_NAME, END_OF_TRACK, SET_TEMPO, TIME_SIGNATURE = 0x01, 0x03, 0x2F, 0x51, 0x58  # meta events
NOTE_OFF, NOTE_ON, AFTERTOUCH, CONTROL_CHANGE = 0x80, 0x90, 0xA0, 0xB0
META, SYSEX, SYSEX_CONTINUED = 0xFF, 0xF0, 0xF7
SELF_SIZED = frozenset((META, SYSEX, SYSEX_CONTINUED))  # these carry their length

MAX_EVENTS = 400_000  # under half a second of work; four hours of 13 hits a second are 374,400
MAX_QUANTITY_BYTES = 8  # four are enough, and some writers pad them
MAX_TEXTS = 10_000
MAX_SIGNATURES = 10_000
MAX_DENOMINATOR_POWER = 6  # 64ths
CLOCKS_PER_CLICK, NOTES_32_PER_QUARTER = 24, 8  # the rest of a time signature, as all write it
FRAMES_PER_S = {24: 24.0, 25: 25.0, 29: 30_000 / 1001, 30: 30.0}  # SMPTE; 29 stands for 29.97
MAX_HEADER_OFFSET = 4096  # a RIFF wrapper or a MacBinary header comes before the MIDI data

# Data bytes by status, for all other events.
DATA_BYTES = dict.fromkeys(range(0x80, 0xF0), 2)
DATA_BYTES |= dict.fromkeys(range(0xC0, 0xE0), 1)
DATA_BYTES |= dict.fromkeys(range(0xF1, 0xFF), 0) | {0xF1: 1, 0xF2: 2, 0xF3: 1}


@dataclass
class Events:
    """Note, tempo and text events of a file, track after track.

    Where `beat_us` is given, ticks count fractions of a second: a beat lasts that many microseconds, and the file has
    no tempo.
    """

    kind: int
    ppq: int
    announced_tracks: int
    beat_us: float | None = None
    ticks: array[int] = field(default_factory=lambda: array("q"))  # of each note event
    messages: array[int] = field(default_factory=lambda: array("i"))  # its status, number, velocity as 0xSSNNVV
    tempo_ticks: array[int] = field(default_factory=lambda: array("q"))
    tempos: array[int] = field(default_factory=lambda: array("i"))  # microseconds per quarter note
    signatures: list[tuple[int, int, int]] = field(default_factory=list)  # tick, numerator, denominator
    texts: list[bytes] = field(default_factory=list)
    track_ends: list[int] = field(default_factory=list)  # ticks
    track_sizes: list[int] = field(default_factory=list)  # note events in each track
    unended_tracks: int = 0
    notes_behind_end: int = 0  # of their track
    bad_tempos: int = 0

    def add_text(self, tick: int, payload: bytes) -> None:
        if len(self.texts) < MAX_TEXTS:
            self.texts.append(payload)

    def add_tempo(self, tick: int, payload: bytes) -> None:
        us_per_beat = int.from_bytes(payload[:3], "big") if len(payload) >= 3 else 0
        if us_per_beat:
            self.tempo_ticks.append(tick)
            self.tempos.append(us_per_beat)
        else:
            self.bad_tempos += 1

    def add_signature(self, tick: int, payload: bytes) -> None:
        is_sound = len(payload) >= 2 and payload[0] > 0 and payload[1] <= MAX_DENOMINATOR_POWER
        if is_sound and len(self.signatures) < MAX_SIGNATURES:
            self.signatures.append((tick, payload[0], 2 ** payload[1]))

    def count_hits(self, start: int) -> int:
        """Return how many of the note events from `start` on begin a note."""
        return sum(message >> 16 >= NOTE_ON and message & 0xFF > 0 for message in self.messages[start:])

    def drop(self, n_notes: int, n_tempos: int) -> None:
        """Forget the note and tempo events beyond so many."""
        del self.ticks[n_notes:], self.messages[n_notes:], self.tempo_ticks[n_tempos:], self.tempos[n_tempos:]


META_READERS = {TEXT: Events.add_text, SET_TEMPO: Events.add_tempo, TIME_SIGNATURE: Events.add_signature}


def parse(data: bytes, name: str) -> Events:
    """Read every track of a Standard MIDI File, mending what can be mended.

    Of a type 2 file, whose tracks are songs of their own, the one that holds notes is read.

    Raises
    ------
    InputError
        Not MIDI, type 2 with notes in several tracks, zero or unknown time division, or more than `MAX_EVENTS` events.
    """
    events, first_chunk = _read_header(data, name)
    budget = iter(range(MAX_EVENTS))
    songs = 0
    for start, end in _track_spans(data, first_chunk, budget):
        n_notes, n_tempos = len(events.ticks), len(events.tempos)
        _read_track(data, start, end, events, budget)
        if events.kind == 2 and events.count_hits(n_notes):
            songs += 1
        elif events.kind == 2:
            events.drop(n_notes, n_tempos)
            events.track_ends[-1] = 0
        events.track_sizes.append(len(events.ticks) - n_notes)
    if next(budget, None) is None:
        raise InputError(
            f"{name} holds over {MAX_EVENTS:,} events, more than any drum part; export the drum track alone."
        )
    if songs > 1:
        raise InputError(
            f"{name} is a type 2 MIDI file with {songs} independent patterns; export it from your DAW as type 0 or 1."
        )
    return events


def _read_header(data: bytes, name: str) -> tuple[Events, int]:
    start = data.find(b"MThd", 0, MAX_HEADER_OFFSET)
    fields = data[start + 8 : start + 14]
    kind, tracks, division = (int.from_bytes(fields[i : i + 2], "big") for i in (0, 2, 4))
    frames = 256 - (division >> 8) if division & 0x8000 else None
    ppq = division if frames is None else frames * (division & 0xFF)
    refusals = (
        (not data, "is empty; export it from your DAW again."),
        (start < 0, "is not a MIDI file (no MThd header); export it from your DAW as a Standard MIDI File."),
        (len(fields) < 6, "ends within its MIDI header, so the export or copy was cut off; export it again."),
        (ppq == 0, "has 0 ticks per quarter note or frame, so its header is damaged; export it again."),
        (
            frames is not None and frames not in FRAMES_PER_S,
            f"counts time in SMPTE frames, {frames} a second, which no standard has; export it with ticks per quarter "
            "note (PPQ).",
        ),
    )
    for refused, why in refusals:
        if refused:
            raise InputError(f"{name} {why}")
    length = int.from_bytes(data[start + 4 : start + 8], "big")
    first_chunk = start + 8 + (length if 6 <= length <= len(data) else 6)
    beat_us = None if frames is None else 1e6 * frames / FRAMES_PER_S[frames]
    return Events(kind=kind, ppq=ppq, announced_tracks=tracks, beat_us=beat_us), first_chunk


def _track_spans(data: bytes, at: int, budget: Iterator[int]) -> Iterator[tuple[int, int]]:
    """Yield where each track's events start and end.

    Alien chunks are skipped by their length. Where a length is 0 (a recording that was never closed) or runs
    past the file, or no chunk begins, the next b"MTrk" is the boundary.
    """
    for _ in budget:
        if at < 0 or at + 8 > len(data):
            return
        kind, length = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "big")
        following = at + 8 + length
        if not kind.isalnum() or length == 0 or following > len(data):
            following = data.find(b"MTrk", at + 1)
        if kind == b"MTrk":
            yield at + 8, len(data) if following < 0 else following
        at = following


def _read_track(data: bytes, at: int, end: int, events: Events, budget: Iterator[int]) -> None:
    """Add the events of one track, those behind an end-of-track event too if they are whole."""
    is_ended, at, tick = _read_events(data, at, end, 0, events, budget)
    events.unended_tracks += not is_ended
    while is_ended and at < end:
        n_notes, n_tempos = len(events.ticks), len(events.tempos)
        is_ended, at, later = _read_events(data, at, end, tick, events, budget)
        n_hits = events.count_hits(n_notes)
        if not (n_hits and (is_ended or at == end)):
            events.drop(n_notes, n_tempos)
            break
        events.notes_behind_end += n_hits
        tick = later
    events.track_ends.append(tick)


def _read_events(
    data: bytes, at: int, end: int, tick: int, events: Events, budget: Iterator[int]
) -> tuple[bool, int, int]:
    """Add events up to an end-of-track event: whether it was found, the offset behind the last event, and its tick."""
    running, behind = 0, at
    ticks, messages = events.ticks, events.messages
    try:
        for _ in budget:
            behind = at
            if at >= end:
                break
            delta = data[at]
            at += 1
            if delta > 127:
                delta, at = _read_delta(data, at - 1)
            tick += delta
            status, at = (data[at], at + 1) if data[at] > 127 else (running, at)
            if 0x80 <= status < 0xA0:
                messages.append(status << 16 | data[at] << 8 | data[at + 1])
                ticks.append(tick)
                at += 2
                running = status
            elif status in SELF_SIZED:
                kind, start, at = _read_extent(data, at, status)
                if at > end:
                    break
                if kind == END_OF_TRACK:
                    return True, at, tick
                if kind in META_READERS:
                    META_READERS[kind](events, tick, data[start:at])
            elif status:
                at += DATA_BYTES[status]
                running = status if status < 0xF0 else running
            else:
                break  # data bytes before any status: nothing after them can be trusted
    except IndexError:
        pass
    return False, behind, tick


def _read_extent(data: bytes, at: int, status: int) -> tuple[int | None, int, int]:
    """Read type (None if exclusive) and length of a self-sized event: type, start and end of its payload."""
    kind = None
    if status == META:
        kind = data[at]
        at += 1
    length = data[at]
    at += 1
    if length > 127:
        length, at = _read_quantity(data, at - 1)
    return kind, at, at + length


def _read_quantity(data: bytes, at: int) -> tuple[int, int]:
    """Read a variable-length quantity, modulo 2**32: value, next offset; IndexError where it has no end."""
    value, end = 0, at + MAX_QUANTITY_BYTES
    while data[at] > 127:
        value = (value << 7 | data[at] & 0x7F) & 0xFFFFFFFF
        at += 1
        if at == end:
            raise IndexError
    return (value << 7 | data[at]) & 0xFFFFFFFF, at + 1


def _read_delta(data: bytes, at: int) -> tuple[int, int]:
    """Read a delta time; some DAWs write a start before time 0 as a negative number wrapped to 32 bits."""
    value, at = _read_quantity(data, at)
    return (value - 2**32 if value >= 2**31 else value), at


def quantity(value: int) -> bytes:
    """Return a variable-length quantity (0 <= value < 2**28)."""
    groups = [value & 0x7F]
    while value := value >> 7:
        groups.append(value & 0x7F | 0x80)
    return bytes(reversed(groups))


def meta_event(kind: int, payload: bytes = b"") -> bytes:
    """Return a meta event with a delta time of 0."""
    return bytes((0, META, kind)) + quantity(len(payload)) + payload


def signature(numerator: int, denominator: int) -> bytes:
    """Return the payload of a time signature; `denominator` is a power of 2."""
    return bytes((numerator, denominator.bit_length() - 1, CLOCKS_PER_CLICK, NOTES_32_PER_QUARTER))


def chunk(kind: bytes, payload: bytes) -> bytes:
    """Return a chunk: four letters, length, payload."""
    return kind + len(payload).to_bytes(4, "big") + payload
