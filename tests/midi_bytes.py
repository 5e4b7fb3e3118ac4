"""Hand-made MIDI bytes for tests: what a writer should not produce, and a reader must survive."""

import struct

END = b"\x00\xff\x2f\x00"
NOTE = b"\x00\x99\x26\x64" + b"\x60\x89\x26\x00"  # a snare hit of 96 ticks


def header(kind=1, tracks=1, division=96, extra=b""):
    """Return an MThd chunk; `extra` follows the usual six bytes."""
    return b"MThd" + struct.pack(">IHHH", 6 + len(extra), kind, tracks, division) + extra


def track(events, end=END, length=None):
    """Return an MTrk chunk; `length` replaces the true length."""
    body = events + end
    return b"MTrk" + struct.pack(">I", len(body) if length is None else length) + body


def midi(*tracks, **fields):
    """Return a file of tracks, each given by its events without the end."""
    return header(tracks=len(tracks), **fields) + b"".join(track(events) for events in tracks)


def tempo(us_per_beat, delta=b"\x00"):
    """Return a tempo event."""
    return delta + b"\xff\x51\x03" + us_per_beat.to_bytes(3, "big")


def text(payload, kind=1):
    """Return a meta event of fewer than 128 bytes at delta 0."""
    return b"\x00\xff" + bytes((kind, len(payload))) + payload


def riff(data):
    """Return the RIFF (RMID) form of a MIDI file."""
    chunk = b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", 4 + len(chunk)) + b"RMID" + chunk
