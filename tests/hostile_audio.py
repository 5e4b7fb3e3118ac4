"""Hand-made audio files: name -> (bytes, what comes of it)."""

import struct

import numpy as np
from fuzz.seeds import audio_file
from signals import bursts

REFUSED, READ, WARNED = "refused", "read", "read with a warning"
EITHER = "whatever the decoder makes of it"
MIB = 2**20
SAMPLES = (32767 * bursts((0.05,), 0.2, tau_s=0.03)).astype("<i2").tobytes()
FLOATS = bursts((0.05,), 0.2, tau_s=0.03).astype("<f4")
FLAC = audio_file("FLAC", "PCM_16", 44100, 1)
OGG = audio_file("OGG", "VORBIS", 44100, 1)
OPUS = audio_file("OGG", "OPUS", 48000, 1)
AIFF = audio_file("AIFF", "PCM_16", 22050, 1)
MP3 = audio_file("MP3", "MPEG_LAYER_III", 44100, 1)


def fmt(code=1, channels=1, rate=44100, bits=16, align=None, byte_rate=None, extra=b""):
    align = channels * bits // 8 & 0xFFFF if align is None else align
    fields = (code, channels, rate, rate * align & 0xFFFFFFFF if byte_rate is None else byte_rate, align, bits)
    return struct.pack("<HHIIHH", *fields) + extra


def chunk(kind, data, length=None):
    return kind + struct.pack("<I", len(data) if length is None else length) + data + b"\0" * (len(data) % 2)


def wav(*chunks, length=None, kind=b"RIFF", form=b"WAVE"):
    body = form + b"".join(chunks)
    return kind + struct.pack("<I", len(body) if length is None else length) + body


def pcm(**fields):
    """Return a WAV file of sound whose format chunk has these fields."""
    return wav(chunk(b"fmt ", fmt(**fields)), chunk(b"data", SAMPLES))


def floats(at, value):
    """Return a WAV file of float samples, one of them another."""
    y = FLOATS.copy()
    y[at] = value
    return wav(chunk(b"fmt ", fmt(3, bits=32)), chunk(b"data", y.tobytes()))


def patched(data, at, value):
    return data[:at] + value + data[at + len(value) :]


def oggs(data):
    """Return the pages of an Ogg file."""
    return [b"OggS" + page for page in data.split(b"OggS")[1:]]


def aiff(*chunks, form=b"AIFF", length=None):
    body = form + b"".join(kind + struct.pack(">I", len(data)) + data for kind, data in chunks)
    return b"FORM" + struct.pack(">I", len(body) if length is None else length) + body


def comm(channels=1, frames=8820, bits=16, rate=b"\x40\x0e\xac\x44\0\0\0\0\0\0"):
    return b"COMM", struct.pack(">hIh", channels, frames, bits) + rate


SSND = b"SSND", bytes(8) + np.frombuffer(SAMPLES, "<i2").astype(">i2").tobytes()
SOUND = chunk(b"data", SAMPLES)
FMT = chunk(b"fmt ", fmt())

HOSTILE_AUDIO = {
    "no bytes": (b"", REFUSED),
    "one byte": (b"R", REFUSED),
    "text": (b"this is no audio\n" * 99, REFUSED),
    "zeros": (bytes(MIB), REFUSED),
    "0xff": (b"\xff" * MIB, REFUSED),
    "HTML of a failed download": (b"<!DOCTYPE html><html><body>404</body></html>", REFUSED),
    "MIDI": (b"MThd\0\0\0\x06\0\x01\0\x01\0\x60MTrk\0\0\0\x04\0\xff\x2f\0", REFUSED),
    "M4A": (b"\0\0\0\x20ftypM4A \0\0\0\0M4A mp42isom\0\0\0\0" + bytes(500), REFUSED),
    "zip": (b"PK\x03\x04" + bytes(500), REFUSED),
    "WAV: sound": (pcm(), READ),
    "WAV: magic alone": (b"RIFF", REFUSED),
    "WAV: without chunks": (wav(), REFUSED),
    "WAV: without a format": (wav(SOUND), REFUSED),
    "WAV: without data": (wav(FMT), REFUSED),
    "WAV: no samples": (wav(FMT, chunk(b"data", b"")), READ),
    "WAV: half a sample": (wav(FMT, chunk(b"data", b"\1")), EITHER),
    "WAV: data before the format": (wav(SOUND, FMT), REFUSED),
    "WAV: two formats": (wav(FMT, chunk(b"fmt ", fmt(channels=2)), SOUND), EITHER),
    "WAV: two data chunks": (wav(FMT, SOUND, SOUND), EITHER),
    "WAV: empty data, then sound": (wav(FMT, chunk(b"data", b""), SOUND), EITHER),
    "WAV: data of 4 GiB": (wav(FMT, chunk(b"data", SAMPLES, 0xFFFFFFFF)), WARNED),
    "WAV: data of 2 GiB": (wav(FMT, chunk(b"data", SAMPLES, 0x7FFFFFFF)), WARNED),
    "WAV: data of 0 bytes": (wav(FMT, chunk(b"data", SAMPLES, 0)), WARNED),
    "WAV: RIFF of 0 bytes": (wav(FMT, SOUND, length=0), READ),
    "WAV: RIFF of 4 GiB": (wav(FMT, SOUND, length=0xFFFFFFFF), READ),
    "WAV: format of 2 bytes": (wav(chunk(b"fmt ", b"\1\0"), SOUND), REFUSED),
    "WAV: format of 4 GiB": (wav(chunk(b"fmt ", fmt(), 0xFFFFFFFF), SOUND), REFUSED),
    "WAV: chunk of 4 GiB": (wav(chunk(b"LIST", b"INFO", 0xFFFFFFFF), FMT, SOUND), REFUSED),
    "WAV: 100,000 empty chunks": (wav(chunk(b"junk", b"") * 100_000, FMT, SOUND), EITHER),
    "WAV: 1 MiB of a broadcast chunk": (wav(chunk(b"bext", b"A" * MIB), FMT, SOUND), EITHER),
    "WAV: cues without end": (wav(chunk(b"cue ", struct.pack("<I", 0xFFFFFFFF) + bytes(240)), FMT, SOUND), READ),
    "WAV: peaks of NaN": (wav(FMT, chunk(b"PEAK", struct.pack("<IIfI", 1, 0, float("nan"), 1)), SOUND), READ),
    "WAV: tags with terminal codes": (
        wav(chunk(b"LIST", b"INFO" + chunk(b"INAM", b"\x1b[2J\x1b]0;owned\x07")), FMT, SOUND), READ,
    ),
    "WAV: 0 channels": (pcm(channels=0), REFUSED),
    "WAV: 17 channels": (pcm(channels=17), REFUSED),
    "WAV: 65,535 channels": (pcm(channels=65535), REFUSED),
    "WAV: rate 0": (pcm(rate=0), REFUSED),
    "WAV: rate 1": (pcm(rate=1), REFUSED),
    "WAV: rate 2**32 - 1": (pcm(rate=2**32 - 1, byte_rate=0), REFUSED),
    "WAV: rate 384,000": (pcm(rate=384_000), READ),
    "WAV: rate 8000": (pcm(rate=8000), READ),
    "WAV: rate 44,099": (pcm(rate=44_099), READ),
    "WAV: 0 bits": (pcm(bits=0, align=2), REFUSED),
    "WAV: 1 bit": (pcm(bits=1, align=1), EITHER),
    "WAV: 65,535 bits": (pcm(bits=65535, align=2), REFUSED),
    "WAV: frames of 0 bytes": (pcm(align=0), EITHER),
    "WAV: frames of 65,535 bytes": (pcm(align=65535), READ),
    "WAV: codec 0": (pcm(code=0), REFUSED),
    "WAV: codec 0xffff": (pcm(code=0xFFFF), REFUSED),
    "WAV: MP3 inside": (pcm(code=0x55), REFUSED),
    "WAV: ADPCM with frames of 0 bytes": (
        wav(chunk(b"fmt ", fmt(0x11, bits=4, align=0, extra=struct.pack("<HH", 2, 0))), SOUND), REFUSED,
    ),
    "WAV: ADPCM with 65,535 samples a frame": (
        wav(chunk(b"fmt ", fmt(0x11, bits=4, align=256, extra=struct.pack("<HH", 2, 65535))), SOUND), REFUSED,
    ),
    "WAV: MS ADPCM without coefficients": (
        wav(chunk(b"fmt ", fmt(2, bits=4, align=256, extra=struct.pack("<HHH", 4, 500, 0))), SOUND), EITHER,
    ),
    "WAV: GSM": (wav(chunk(b"fmt ", fmt(0x31, bits=0, align=65, extra=struct.pack("<HH", 2, 320))), SOUND), EITHER),
    "WAV: big-endian": (wav(FMT, SOUND, kind=b"RIFX"), REFUSED),
    "WAV: RF64 without its size chunk": (wav(FMT, SOUND, kind=b"RF64", length=0xFFFFFFFF), EITHER),
    "WAV: RF64 of 8 EiB": (
        wav(chunk(b"ds64", struct.pack("<QQQI", 2**63 - 1, 2**63 - 1, 2**63 - 1, 0)), FMT,
            chunk(b"data", SAMPLES, 0xFFFFFFFF), kind=b"RF64", length=0xFFFFFFFF), WARNED,
    ),
    "WAV: NaN first": (floats(0, np.nan), REFUSED),
    "WAV: NaN last": (floats(-1, np.nan), REFUSED),
    "WAV: infinity": (floats(99, np.inf), REFUSED),
    "WAV: 1e30": (floats(99, 1e30), REFUSED),
    "WAV: denormal": (floats(99, 1e-45), READ),
    "WAV: every float NaN": (wav(chunk(b"fmt ", fmt(3, bits=32)), chunk(b"data", b"\xff" * 9999)), REFUSED),
    "WAV: double NaN": (wav(chunk(b"fmt ", fmt(3, bits=64)), chunk(b"data", b"\xff" * 9992)), REFUSED),
    "WAV: silence": (wav(FMT, chunk(b"data", bytes(9998))), READ),
    "WAV: full scale": (wav(FMT, chunk(b"data", b"\xff\x7f" * 9999)), READ),
    "WAV: square wave of full scale": (wav(FMT, chunk(b"data", b"\xff\x7f\x00\x80" * 9999)), READ),
    "WAV: cut in its header": (pcm()[:40], REFUSED),
    "WAV: cut in its data": (pcm()[:-5001], WARNED),
    "FLAC: magic alone": (b"fLaC", REFUSED),
    "FLAC: without frames": (FLAC[:42], REFUSED),
    "FLAC: cut": (FLAC[: len(FLAC) // 2], WARNED),
    "FLAC: no sound, 2**36 frames promised": (patched(FLAC, 21, b"\xff\xff\xff\xff\xff")[:4000], EITHER),
    "FLAC: 2**36 frames promised": (patched(FLAC, 22, b"\xff\xff\xff\xff"), WARNED),
    "FLAC: rate 0": (patched(FLAC, 18, b"\0\0\0"), REFUSED),
    "FLAC: block size 0": (patched(FLAC, 8, b"\0\0\0\0"), EITHER),
    "FLAC: metadata of 16 MiB": (FLAC[:42] + b"\x04\xff\xff\xff" + FLAC[42:], REFUSED),
    "FLAC: metadata kind 127": (FLAC[:42].replace(b"fLaC\x80", b"fLaC\0") + b"\xff\0\0\0" + FLAC[46:], EITHER),
    "FLAC: cover that claims 4 GiB": (
        patched(FLAC[:42], 4, b"\0") + b"\x86\0\0\x20" + b"\0\0\0\x03" + b"\xff\xff\xff\xff" + bytes(24) + FLAC[42:],
        REFUSED,
    ),
    "FLAC: frames shuffled": (FLAC[:42] + FLAC[len(FLAC) // 2 :] + FLAC[42 : len(FLAC) // 2], EITHER),
    "FLAC: wrong sum of the samples": (patched(FLAC, 26, bytes(range(16))), READ),
    "Ogg: magic alone": (b"OggS", REFUSED),
    "Ogg: one page": (oggs(OGG)[0], REFUSED),
    "Ogg: without its setup": (b"".join([oggs(OGG)[0], *oggs(OGG)[2:]]), REFUSED),
    "Ogg: without its last page": (b"".join(oggs(OGG)[:-1]), WARNED),
    "Ogg: pages backwards": (b"".join(reversed(oggs(OGG))), REFUSED),
    "Ogg: two streams in turn": (
        b"".join(page for pair in zip(oggs(OGG), oggs(OPUS), strict=False) for page in pair), EITHER,
    ),
    "Ogg: twice": (OGG * 2, WARNED),
    "Ogg: wrong page sums": (OGG.replace(OGG[22:26], b"\0\0\0\0", 1), REFUSED),
    "Ogg: position 2**63 - 1": (patched(OGG, OGG.rfind(b"OggS") + 6, b"\xff" * 7 + b"\x7f"), EITHER),
    "Ogg: Vorbis rate 0": (patched(OGG, 40, b"\0\0\0\0"), REFUSED),
    "Ogg: Vorbis of 0 channels": (patched(OGG, 39, b"\0"), REFUSED),
    "Ogg: Theora": (OGG.replace(b"\x01vorbis", b"\x80theora"), REFUSED),
    "Ogg: comments of 4 GiB": (OGG.replace(b"\x03vorbis", b"\x03vorbis\xff\xff\xff\xff", 1), REFUSED),
    "Opus: 255 channels": (patched(OPUS, 37, b"\xff"), REFUSED),
    "Opus: pre-skip of 65,535": (patched(OPUS, 38, b"\xff\xff"), REFUSED),
    "AIFF: sound": (aiff(comm(), SSND), READ),
    "AIFF: without sound": (aiff(comm()), REFUSED),
    "AIFF: without a format": (aiff(SSND), REFUSED),
    "AIFF: -1 channels": (aiff(comm(channels=-1), SSND), REFUSED),
    "AIFF: 2**32 - 1 frames": (aiff(comm(frames=2**32 - 1), SSND), READ),
    "AIFF: rate NaN": (aiff(comm(rate=b"\x7f\xff" + b"\xff" * 8), SSND), REFUSED),
    "AIFF: rate 2**16000": (aiff(comm(rate=b"\x7e\x7f" + b"\x80" + bytes(7)), SSND), REFUSED),
    "AIFF: rate negative": (aiff(comm(rate=b"\xc0\x0e\xac\x44\0\0\0\0\0\0"), SSND), REFUSED),
    "AIFF: sound offset of 4 GiB": (aiff(comm(), (b"SSND", b"\xff\xff\xff\xff" + bytes(4) + SAMPLES)), EITHER),
    "AIFF: compressed by an unknown codec": (
        aiff((b"COMM", comm()[1] + b"\x1b[2J\x04name\0"), SSND, form=b"AIFC"), REFUSED,
    ),
    "MP3: sync alone": (b"\xff\xfb\x90\x00", REFUSED),
    "MP3: tag alone": (b"ID3\x04\0\0\0\0\x0f\x76" + bytes(2038), REFUSED),
    "MP3: tag of 256 MiB": (b"ID3\x04\0\0\x7f\x7f\x7f\x7f" + MP3, REFUSED),
    "MP3: tag with terminal codes": (b"ID3\x04\0\0\0\0\0\x10TIT2\0\0\0\x06\0\0\0\x1b[2J" + MP3, EITHER),
    "MP3: cut in a frame": (MP3[: len(MP3) * 2 // 3], WARNED),
    "MP3: noise between frames": (MP3[:1000] + b"\xff\xfb" * 500 + MP3[1000:], READ),
    "MP3: syncs without end": (b"\xff\xfb" * MIB, REFUSED),
    "MP3: frame count of 2**32 - 1": (MP3.replace(b"Info\0\0\0\x0f", b"Info\0\0\0\x0f\xff\xff\xff\xff"), READ),
    "CAF: magic alone": (b"caff\0\x01\0\0", REFUSED),
    "AU: data of 4 GiB": (b".snd" + struct.pack(">IIIII", 24, 0xFFFFFFFF, 3, 44100, 1) + SAMPLES, READ),
    "W64: magic alone": (b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\0\0" + bytes(24), REFUSED),
    "SVX: magic alone": (b"FORM\0\0\0\x04" + b"8SVX", REFUSED),
}  # fmt: skip
