"""Bytes -> other bytes that a reader should survive; the same seed gives the same bytes."""

import random
import struct

TELLING = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 2**43, 2**63 - 1)
WORDS = {
    "midi": (
        b"MThd", b"MTrk", b"\xff\x2f\x00", b"\xff\x51\x03", b"\xff\x51\x00", b"\x8f\xff\xff\xff\x00", b"\xff\x01\x7f",
        b"\xf0\x7f", b"\xf7", b"\xff\x7f\xff\xff\xff\x7f", b"drumhits {", b'"digest":"', b'\\ud800', b"[[[[", b"1e999",
    ),
    "audio": (
        b"RIFF", b"RIFX", b"RF64", b"WAVE", b"fmt ", b"data", b"LIST", b"FORM", b"AIFC", b"COMM", b"SSND", b"OggS",
        b"\x01vorbis", b"OpusHead", b"fLaC", b"\xff\xf8", b"\xff\xfb\x90", b"ID3\x04", b"ds64", b"bext", b"PEAK",
    ),
    "models": (
        b"](", b"}(", b"e", b"u", b"N", b"B\xff\xff\xff\x7f", b"X\xff\xff\xff\x7f", b"cos\nsystem\n", b"R", b"\x93",
        b"\x94", b"h\x00", b"2", b"0", b"G\x7f\xf8\0\0\0\0\0\0", b"\x8a\xff", b"\x8e" + b"\xff" * 8,
    ),
    "configs": (
        b"&a ", b"*a", b"<<: ", b"!!python/object:os.system ", b"[", b"{", b"- ", b"? ", b": ", b"---\n", b"...\n",
        b"\t", b"\r", b"\x1b[31m", b"\xe2\x80\xae", b".nan", b"010", b"1e400", b"no: ", b"2024-01-01", b"|\n", b"'",
    ),
}  # fmt: skip


def mutated(data: bytes, others: list[bytes], kind: str, rng: random.Random) -> bytes:
    """Return `data` after 1 to 6 changes; some take a piece of the other seeds."""
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 3, 6))):
        rng.choice(_MUTATORS)(changed, others, kind, rng)
    return bytes(changed)


def _place(data: bytearray, rng: random.Random) -> int:
    """Return a place, twice as often near the start, where headers are."""
    limit = len(data) if rng.random() < 0.5 else min(len(data), 128)
    return rng.randrange(limit + 1)


def _flip_bit(data, _others, _kind, rng):
    if data:
        data[min(_place(data, rng), len(data) - 1)] ^= 1 << rng.randrange(8)


def _set_bytes(data, _others, _kind, rng):
    at, size = _place(data, rng), rng.choice((1, 1, 2, 4, 16))
    data[at : at + size] = rng.randbytes(size)


def _set_telling(data, _others, _kind, rng):
    size = rng.choice((1, 2, 4, 8))
    value = rng.choice(TELLING) & (1 << 8 * size) - 1
    at = _place(data, rng)
    data[at : at + size] = value.to_bytes(size, rng.choice(("little", "big")))


def _set_number(data, _others, _kind, rng):
    value = rng.choice((float("nan"), float("inf"), -0.0, 1e-310, 1e308, -1.0))
    layout = rng.choice(("<f", ">f", "<d", ">d"))
    with_value = struct.pack(layout, value) if layout[1] == "d" or abs(value) < 1e38 else b"\x00\x00\x80\x7f"
    at = _place(data, rng)
    data[at : at + len(with_value)] = with_value


def _remove(data, _others, _kind, rng):
    at = _place(data, rng)
    del data[at : at + rng.choice((1, 1, 2, 4, 32, 512))]


def _cut(data, _others, _kind, rng):
    del data[_place(data, rng) :]


def _insert_word(data, _others, kind, rng):
    at = _place(data, rng)
    data[at:at] = rng.choice(WORDS[kind])


def _overwrite_word(data, _others, kind, rng):
    at, word = _place(data, rng), rng.choice(WORDS[kind])
    data[at : at + len(word)] = word


def _repeat(data, _others, _kind, rng):
    at, size = _place(data, rng), rng.choice((1, 4, 16, 64))
    data[at:at] = data[at : at + size] * rng.choice((1, 2, 16, 200))


def _swap(data, _others, _kind, rng):
    one, two, size = _place(data, rng), _place(data, rng), rng.choice((1, 4, 16))
    first, second = bytes(data[one : one + size]), bytes(data[two : two + size])
    if len(first) == len(second):
        data[one : one + size], data[two : two + size] = second, first


def _splice(data, others, _kind, rng):
    other = rng.choice(others)
    data[_place(data, rng) :] = other[rng.randrange(len(other) + 1) :][:100_000]


_MUTATORS = (
    _flip_bit, _flip_bit, _set_bytes, _set_telling, _set_telling, _set_number, _remove, _cut, _insert_word,
    _overwrite_word, _repeat, _swap, _splice,
)  # fmt: skip
