"""Hand-made MIDI files that no writer should make: name -> (bytes, what comes of it: a number of notes, or "refused").

Large ones are functions, so that nothing is built before it is run.
"""

import json
from dataclasses import asdict

from midi_bytes import END, NOTE, header, midi, riff, tempo, text, track

from drumhits.config.load import default_config

REFUSED = "refused"
ON = b"\x00\x99\x26\x64"
MIB = 2**20
SNARE = asdict(default_config().stems["snare"])
SETTINGS = {name: value for name, value in SNARE.items() if name != "stem"} | {"notes": dict(SNARE["notes"])}
NOTED = {
    "format": 1, "stem": "snare", "audio": "../x-snare.wav", "n_frames": 9, "sample_rate": 44100,
    "fingerprint": "0", "settings": SETTINGS, "keep_all": False, "model": None, "digest": "00000000",
}  # fmt: skip


def noted(**changes):
    """Return a file whose note of what made it has other fields;."""
    return noted_text(json.dumps(NOTED | changes))


def noted_settings(text):
    """Return a file whose note has this JSON in place of all settings."""
    return noted_text(json.dumps(NOTED | {"settings": 7}).replace('"settings": 7', f'"settings": {{{text}}}'))


def noted_text(fields):
    payload = b"drumhits " + (fields if isinstance(fields, bytes) else fields.encode())
    return header() + track(b"\x00\xff\x01" + _length(len(payload)) + payload + NOTE)


def _length(value):
    return bytes((value >> 21 & 127 | 128, value >> 14 & 127 | 128, value >> 7 & 127 | 128, value & 127))


def filled(body, size=32 * MIB):
    """Return a function that makes a file of one track that repeats `body` up to nearly `size` bytes."""
    return lambda: header() + track(body * ((size - 64) // len(body)))


def chunks(chunk, size=32 * MIB):
    return lambda: header() + chunk * ((size - 64) // len(chunk))


HOSTILE_MIDI = {
    "no bytes": (b"", REFUSED),
    "one byte": (b"M", REFUSED),
    "magic alone": (b"MThd", REFUSED),
    "header cut in its length": (header()[:7], REFUSED),
    "header cut in its fields": (header()[:13], REFUSED),
    "header alone": (header(), 0),
    "text file": (b"not MIDI at all\n" * 99, REFUSED),
    "WAV": (b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0", REFUSED),
    "magic beyond the search": (bytes(5000) + midi(NOTE), REFUSED),
    "magic at the end of the search": (bytes(4092) + midi(NOTE), 1),
    "magic twice": (b"MThd" + midi(NOTE), 1),
    "RIFF in RIFF": (riff(riff(midi(NOTE))), 1),
    "type 2": (midi(NOTE, kind=2), 1),
    "type 2 with two songs": (midi(NOTE, NOTE, kind=2), REFUSED),
    "type 2, 65,535 songs": (lambda: header(kind=2, tracks=65535) + track(NOTE) * 65535, REFUSED),
    "type 65535": (midi(NOTE, kind=65535), 1),
    "division 0": (midi(NOTE, division=0), REFUSED),
    "division SMPTE": (midi(NOTE, division=0xE250), 1),
    "division SMPTE, no such frame rate": (midi(NOTE, division=0xFF50), REFUSED),
    "division SMPTE, 0 ticks": (midi(NOTE, division=0xE200), REFUSED),
    "division 0x8000": (midi(NOTE, division=0x8000), REFUSED),
    "division 1": (midi(NOTE, division=1), 1),
    "division 32767": (midi(NOTE, division=32767), 1),
    "header of 4 GiB": (midi(NOTE).replace(b"\0\0\0\x06", b"\xff\xff\xff\xff", 1), 1),
    "header of 0 bytes": (midi(NOTE).replace(b"\0\0\0\x06", b"\0\0\0\0", 1), 1),
    "header as long as the file": (midi(NOTE).replace(b"\0\0\0\x06", b"\0\0\0\x22", 1), 0),
    "track of 4 GiB": (header() + track(NOTE, length=2**32 - 1), 1),
    "track of 0 bytes": (header() + track(NOTE, length=0), 1),
    "track cut in its length": (header() + b"MTrk\0\0", 0),
    "65,535 empty tracks": (header(tracks=65535) + track(b"") * 65535, 0),
    "a million track heads": (chunks(b"MTrk\0\0\0\0", 8 * MIB), REFUSED),
    "track heads that claim 4 GiB": (chunks(b"MTrk\xff\xff\xff\xff"), REFUSED),
    "alien chunk of 4 GiB": (header() + b"JUNK\xff\xff\xff\xff" + track(NOTE), 1),
    "alien chunks without end": (chunks(b"JUNK\0\0\0\x01x"), REFUSED),
    "alien chunk names that are no letters": (header() + b"\0\0\0\0\0\0\0\0" * 9 + track(NOTE), 1),
    "track inside a track": (header() + track(NOTE + track(NOTE)), 1),
    "running status without a status": (midi(b"\x00\x26\x64"), 0),
    "running status after a system exclusive": (midi(ON + b"\x00\xf0\x01\xf7" + b"\x00\x26\x64"), 2),
    "data bytes over 127": (midi(b"\x00\x99\xff\xff"), 1),
    "all bytes 0xff": (header() + track(b"\xff" * 9999), 0),
    "all bytes 0x80": (header() + track(b"\x80" * 9999), 0),
    "all bytes 0": (header() + track(bytes(9999)), 0),
    "every byte": (header() + track(bytes(range(256)) * 9), 0),
    "delta of 9999 bytes": (midi(b"\xff" * 9999 + b"\x7f" + NOTE[1:]), 0),
    "delta wrapped below 0": (midi(b"\x8f\xff\xff\xff\x00" + NOTE[1:]), 1),
    "delta at -2**31": (midi(b"\x88\x80\x80\x80\x00" + NOTE[1:] + NOTE), 2),
    "delta at 2**31 - 1, a thousand times": (midi((b"\x87\xff\xff\xff\x7f" + NOTE[1:]) * 1000), 1000),
    "deltas back and forth": (midi((b"\x8f\xff\xff\xff\x00" + NOTE[1:] + b"\x81\x00" + NOTE[1:]) * 500), 1000),
    "tempo 0": (midi(tempo(0) + NOTE), 1),
    "tempo 1 microsecond": (midi(tempo(1) + NOTE), 1),
    "tempo slowest, ticks longest": (midi(tempo(2**24 - 1) + b"\x87\xff\xff\xff\x7f" + NOTE[1:], division=1), 1),
    "tempo of 2 bytes": (midi(b"\x00\xff\x51\x02\x07\xa1" + NOTE), 1),
    "tempo of 200 bytes": (midi(b"\x00\xff\x51\x81\x48" + bytes(199) + b"\x01" + NOTE), 1),
    "tempo before time 0": (midi(tempo(9, delta=b"\x8f\xff\xff\xff\x00") + NOTE), 1),
    "100,000 tempos at one tick": (midi(tempo(500_000) * 100_000 + NOTE), 1),
    "text that claims 256 MiB": (midi(b"\x00\xff\x01\xff\xff\xff\x7f" + b"x" * 99 + NOTE), 0),
    "text of an endless length": (midi(b"\x00\xff\x01" + b"\xff" * 9999), 0),
    "text of 32 MiB": (lambda: midi(b"\x00\xff\x01" + _length(0x1F00000) + b"\x81" * 0x1F00000 + NOTE), 1),
    "20,000 texts": (midi(text(b"x" * 120) * 20_000 + NOTE), 1),
    "a million empty texts": (filled(b"\x00\xff\x01\x00", 4 * MIB), REFUSED),
    "meta event cut in its kind": (header() + track(NOTE + b"\x00\xff", end=b""), 1),
    "system exclusive that never ends": (midi(NOTE + b"\x00\xf0\xff\xff\xff\x7f"), 1),
    "a million notes": (filled(b"\x01\x99\x26\x64", 4 * MIB), REFUSED),
    "as many notes as are read": (lambda: header() + track(b"\x01\x99\x26\x64" + b"\x01\x26\x64" * 399_990), 399_991),
    "as many notes as are read, all at once": (lambda: header() + track(b"\0\x99\x26\x64" * 399_990), 399_990),
    "as many notes as are read, backwards": (
        lambda: header() + track(b"\x8f\xff\xff\xff\x7f\x99\x26\x64" * 399_990), 399_990,
    ),
    "over 32 MiB": (lambda: bytes(32 * MIB + 1), REFUSED),
    "32 MiB of nothing": (lambda: bytes(32 * MIB), REFUSED),
    "32 MiB of running status": (filled(b"\x00\x26"), 0),
    "32 MiB of one delta": (filled(b"\xff"), 0),
    "note-offs alone": (midi(b"\x00\x89\x26\x00" * 99), 0),
    "every channel and number": (midi(b"".join(b"\0" + bytes((0x90 | c, n, 1)) for c in range(16) for n in range(128))),
                                 2048),
    "events after the end": (header() + track(NOTE + END + NOTE * 9), 10),
    "zeros after the end": (header() + track(NOTE + END + bytes(9999)), 1),
    "noise after the end": (header() + track(NOTE + END + b"\x00\x99\x26\x64\xff\x51", end=b""), 1),
    "a million ends": (filled(END, 4 * MIB), 0),
    "terminal codes in a text": (midi(text(b"\x1b]0;owned\x07\x1b[2J\r\n") + NOTE), 1),
    "bidi override in a text": (midi(text("\u202egnp.exe".encode()) + NOTE), 1),
    "note of what made it: not JSON": (noted_text("{"), 1),
    "note of what made it: a list": (noted_text("[]"), 1),
    "note of what made it: nested deep": (noted_text("[" * 100_000), 1),
    "note of what made it: 10,000 times nested deep": (
        lambda: header() + track((b"\x00\xff\x01" + _length(2009) + b"drumhits " + b"[" * 2000) * 10_000), 0,
    ),
    "note of what made it: more fields": (noted(extra=1), 1),
    "note of what made it: surrogate in the digest": (noted(digest="\ud800"), REFUSED),
    "note of what made it: empty digest": (noted(digest=""), REFUSED),
    "note of what made it: digest of lists": (noted(digest=[[[]]]), REFUSED),
    "note of what made it: long digest": (noted(digest="0" * 200_000), REFUSED),
    "note of what made it: length beyond a float": (
        noted(n_frames=10**4000),
        REFUSED,
    ),
    "note of what made it: a number of 30,000 digits": (noted_text(b'{"format":' + b"1" * 30_000 + b"}"), 1),
    "note of what made it: rate 0": (noted(sample_rate=0), REFUSED),
    "note of what made it: rate is text": (noted(sample_rate="\x1b[31m"), REFUSED),
    "note of what made it: length is infinite": (noted(n_frames=float("inf")), REFUSED),
    "note of what made it: stem is a list": (noted(stem=["snare"]), REFUSED),
    "note of what made it: settings nested": (noted_settings('"onset_wait": ' + "[" * 800 + "]" * 800), REFUSED),
    "note of what made it: settings mapped deep": (
        noted_settings('"notes": ' + '{"head":' * 400 + "1" + "}" * 400), REFUSED,
    ),
    "note of what made it: settings NaN": (noted(settings=SETTINGS | {"onset_threshold": float("nan")}), REFUSED),
    "note of what made it: settings of YAML": (noted(settings=SETTINGS | {"onset_threshold": "&a [*a]"}), REFUSED),
    "note of what made it: notes missing": (noted(settings={"onset_wait": 5}), REFUSED),
    "note of what made it: audio outside": (noted(audio="../../../../../../no/such/file"), REFUSED),
    "note of what made it: audio is a device": (noted(audio="/dev/zero"), REFUSED),
    "note of what made it: audio with a zero byte": (noted(audio="a\0b"), REFUSED),
    "note of what made it: audio with a surrogate": (noted(audio="\udcff\ud800"), REFUSED),
    "note of what made it: audio of 100,000 letters": (noted(audio="x" * 100_000), REFUSED),
}  # fmt: skip

