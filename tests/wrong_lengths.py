"""Audio files of 3 s whose headers announce less, or as much in an odd way: name -> (bytes, announced s, suffix)."""

import io
import struct

import numpy as np
import soundfile
from signals import bursts

from drumhits.io.audio import SAMPLE_RATE

HITS_S = (0.3, 0.9, 1.4, 2.2, 2.7)
HELD_S = 3.0
ANNOUNCED_S = 1.0
N_ANNOUNCED = int(ANNOUNCED_S * SAMPLE_RATE)
Y = bursts(HITS_S, HELD_S)
HALVES = bursts(HITS_S[:3], HELD_S / 2), np.ascontiguousarray(Y[len(Y) // 2 :])


def encoded(container: str, subtype: str, y: np.ndarray = Y, sample_rate: int = SAMPLE_RATE) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, y, sample_rate, format=container, subtype=subtype)
    return file.getvalue()


def patched(data: bytes, after: bytes, offset: int, layout: str, value: int) -> bytes:
    """Return the bytes with a number written at an offset from the end of the first `after`."""
    changed = bytearray(data)
    struct.pack_into(layout, changed, data.index(after) + len(after) + offset, value)
    return bytes(changed)


def large(magic: bytes, announced_bytes: int) -> bytes:
    """Return an RF64 file, or a BW64 one, whose 64-bit size of the sound is `announced_bytes`."""
    wav = encoded("WAV", "PCM_16")
    sizes = struct.pack("<QQQI", len(wav), announced_bytes, 0, 0)
    chunks = b"ds64" + struct.pack("<I", len(sizes)) + sizes + wav[12:36] + b"data\xff\xff\xff\xff" + wav[44:]
    return magic + b"\xff\xff\xff\xffWAVE" + chunks


def with_flac_frames(n_frames: int) -> bytes:
    flac = bytearray(encoded("FLAC", "PCM_16"))
    flac[21:26] = ((flac[21] >> 4 << 36) | n_frames).to_bytes(5, "big")
    return bytes(flac)


WAV, AIFF, AU = (encoded(container, "PCM_16") for container in ("WAV", "AIFF", "AU"))
CAF, W64 = (encoded(container, "PCM_16") for container in ("CAF", "W64"))
W64_SOUND = b"data\xf3\xac\xd3\x11\x8c\xd1\x00\xc0\x4f\x8e\xdb\x8a"
MP3, OGG = (("MP3", "MPEG_LAYER_III"), ("OGG", "VORBIS"))
SOUND_BYTES = 2 * len(Y)

GOES_ON = {
    "WAV that was not closed": (patched(patched(WAV, b"data", 0, "<I", 0), b"RIFF", 0, "<I", 0), 0.0, "wav"),
    "WAV with a size of 0": (patched(WAV, b"data", 0, "<I", 0), 0.0, "wav"),
    "WAV whose size was written earlier": (patched(WAV, b"data", 0, "<I", 2 * N_ANNOUNCED), ANNOUNCED_S, "wav"),
    "RF64 whose size was written earlier": (large(b"RF64", 2 * N_ANNOUNCED), ANNOUNCED_S, "rf64"),
    "BW64 with a size of 0": (large(b"BW64", 0), 0.0, "wav"),
    "AIFF with a size of 8": (patched(AIFF, b"SSND", 0, ">I", 8), 0.0, "aiff"),
    "AIFF whose size was written earlier": (patched(AIFF, b"SSND", 0, ">I", 2 * N_ANNOUNCED + 8), ANNOUNCED_S, "aif"),
    "AU with a size of 0": (patched(AU, b".snd", 4, ">I", 0), 0.0, "au"),
    "AU whose size was written earlier": (patched(AU, b".snd", 4, ">I", 2 * N_ANNOUNCED), ANNOUNCED_S, "au"),
    "CAF with a size of 0": (patched(CAF, b"data", 0, ">q", 0), 0.0, "caf"),
    "CAF whose size was written earlier": (patched(CAF, b"data", 0, ">q", 2 * N_ANNOUNCED + 4), ANNOUNCED_S, "caf"),
    "W64 whose size was written earlier": (patched(W64, W64_SOUND, 0, "<Q", 2 * N_ANNOUNCED + 24), ANNOUNCED_S, "w64"),
    "FLAC that counts a third of its frames": (with_flac_frames(N_ANNOUNCED), ANNOUNCED_S, "flac"),
    "two MP3 in one": (b"".join(encoded(*MP3, half) for half in HALVES), HELD_S / 2, "mp3"),
    "two Ogg Vorbis in one": (b"".join(encoded(*OGG, half) for half in HALVES), HELD_S / 2, "ogg"),
    "two Opus in one": (
        b"".join(encoded("OGG", "OPUS", half, 48_000) for half in (Y[:72_000], Y[72_000:])), 1.5, "opus"
    ),
}  # fmt: skip

AS_ANNOUNCED = {
    "mono WAV of 24 bits and an odd number of frames": (encoded("WAV", "PCM_24", Y[:-1]), "wav"),
    "the same without its last, empty byte": (encoded("WAV", "PCM_24", Y[:-1])[:-1], "wav"),
    "the same as WAVEX": (encoded("WAVEX", "PCM_24", Y[:-1]), "wav"),
    "mono WAV of 8 bits and an odd number of frames": (encoded("WAV", "PCM_U8", Y[:-1]), "wav"),
    "AIFF of 24 bits and an odd number of frames": (encoded("AIFF", "PCM_24", Y[:-1]), "aiff"),
    "WAV with chunks after its sound": (WAV + b"LIST" + struct.pack("<I", 1000) + b"INFO" + b"\x9a" * 996, "wav"),
    "WAV with an ID3 tag after its sound": (WAV + b"ID3\x04\0\0\0\0\x07\x76" + b"\x9a" * 1014, "wav"),
    "WAV with zeros after its sound": (WAV + bytes(5000), "wav"),
    "WAV with a few bytes after its sound": (WAV + b"\x9a" * 99, "wav"),
    "FLAC with an ID3 tag after its sound": (encoded("FLAC", "PCM_16") + b"TAG" + b"\x9a" * 125, "flac"),
    "MP3 with an ID3 tag after its sound": (encoded(*MP3) + b"TAG" + b"x" * 125, "mp3"),
    "MP3 with an APE tag of 8 KiB after its sound": (encoded(*MP3) + b"APETAGEX" + b"x" * 8192, "mp3"),
    "RF64": (large(b"RF64", SOUND_BYTES), "rf64"),
    "BW64": (large(b"BW64", SOUND_BYTES), "bw64"),
    "CAF that goes on to the end of the file": (patched(CAF, b"data", 0, ">q", -1), "caf"),
    "AU that goes on to the end of the file": (patched(AU, b".snd", 4, ">I", 0xFFFFFFFF), "au"),
}
