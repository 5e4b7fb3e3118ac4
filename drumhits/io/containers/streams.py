"""Streams of frames or pages (MP3, Ogg, FLAC): those that go on after what their start announces.

Recordings that were joined by appending one file to the other are several streams, of which libsndfile reads the first;
a FLAC file whose header was written too early holds more frames than it says, of which it reads as many as are
announced.
"""

import re
from functools import cache
from typing import BinaryIO, NamedTuple

from drumhits.io.containers.chunks import Extent

MAX_JUNK = 1 << 16  # bytes that are searched for the next frame
MIN_JOINED = 4096  # bytes of an MP3 stream that is worth reading; less is a frame that the encoder did not count
MAX_STREAMS, MAX_TAGS = 10_000, 16
MAX_OGG_PAGE_BYTES = 65_307
OGG_MAGIC, OGG_FIRST_PAGE, OGG_LAST_PAGE = b"OggS", 0x02, 0x04
OGG_HEADER_BYTES = 27
FLAC_MAGIC, FLAC_TAIL_BYTES = b"fLaC", 1 << 18
FLAC_STREAMINFO_BYTES = 42
FLAC_BLOCK_SIZES = {1: 192} | {2 + i: 576 << i for i in range(4)} | {8 + i: 256 << i for i in range(8)}  # by code
FLAC_SIZE_BYTES, FLAC_RATE_BYTES = {6: 1, 7: 2}, {12: 1, 13: 2, 14: 2}  # at the end of a frame header, by code
MPEG_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}  # by the version's bits
MPEG_1, LAYER_1, LAYER_3 = 3, 3, 1  # bits of the header
_LOW_RATES = (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
KBPS = {  # by MPEG 1 or later, and the layer's bits
    (True, 3): tuple(32 * i for i in range(1, 15)),
    (True, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 1): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 3): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): _LOW_RATES,
    (False, 1): _LOW_RATES,
}


class MpegFrame(NamedTuple):
    """Header of an MPEG frame: its length in bytes, what frames of one stream share, and where its side info ends."""

    length: int
    stream: tuple[int, int, int]
    info_at: int


def mpeg_frame(header: bytes) -> MpegFrame | None:
    """Return what the four bytes of an MPEG frame header say; None where they are none, or of a free format."""
    if len(header) < 4 or header[0] != 0xFF or header[1] < 0xE0:
        return None
    version, layer, is_bare = header[1] >> 3 & 3, header[1] >> 1 & 3, header[1] & 1
    kbps_at, rate_at, padding = header[2] >> 4, header[2] >> 2 & 3, header[2] >> 1 & 1
    is_mono = header[3] >> 6 == 3
    if version == 1 or not layer or not 1 <= kbps_at <= 14 or rate_at == 3:
        return None
    is_1 = version == MPEG_1
    rate, kbps = MPEG_RATES[version][rate_at], KBPS[is_1, layer][kbps_at - 1]
    if layer == LAYER_1:
        length = (12_000 * kbps // rate + padding) * 4
    else:
        length = (144_000 if is_1 or layer != LAYER_3 else 72_000) * kbps // rate + padding
    side_info = (17 if is_mono else 32) if is_1 else (9 if is_mono else 17)
    return MpegFrame(length, (version, layer, rate), 4 + side_info + (0 if is_bare else 2))


def mpeg_streams(file: BinaryIO, length: int) -> tuple[list[tuple[int, int]], bool]:
    """Return where each of the MP3 streams of a file starts and ends, and whether the first says how long it is."""
    starts, tells_length = [0], False
    while len(starts) < MAX_STREAMS:
        at = _next_mpeg_frame(file, starts[-1], length)
        if at is None:
            break
        size = _announced_bytes(file, at)
        tells_length |= size is not None and len(starts) == 1
        following = None if not size else _next_stream(file, max(at + size, starts[-1] + MIN_JOINED), length)
        if following is None:
            break
        starts.append(following)
    return list(zip(starts, [*starts[1:], length], strict=True)), tells_length


def _announced_bytes(file: BinaryIO, at: int) -> int | None:
    """Return the length of the stream that starts with a frame, as its Xing or Info tag has it: None without one.

    0 where the tag does not hold it.
    """
    file.seek(at)
    head = file.read(256)
    frame = mpeg_frame(head)
    tag = head[frame.info_at : frame.info_at + 16] if frame else b""
    if len(tag) < 16 or tag[:4] not in (b"Xing", b"Info"):
        return None
    has_frames, has_bytes = tag[7] & 1, tag[7] & 2
    return int.from_bytes(tag[8 + 4 * has_frames :][:4], "big") if has_bytes else 0


def _next_stream(file: BinaryIO, at: int, length: int) -> int | None:
    """Return where the stream after another one starts, at an ID3 tag or a frame; None where no more follow."""
    if length - at < MIN_JOINED:
        return None
    file.seek(at)
    tag = file.read(MAX_JUNK).find(b"ID3")
    frame_at = _next_mpeg_frame(file, at, length)
    if frame_at is None or length - frame_at < MIN_JOINED:
        return None
    return at + tag if 0 <= tag <= frame_at - at else frame_at


def _next_mpeg_frame(file: BinaryIO, at: int, length: int) -> int | None:
    """Return where the first frame after `at` lies that another of its kind follows; tags are passed over."""
    for _ in range(MAX_TAGS):
        file.seek(at)
        tag = file.read(10)
        if tag[:3] != b"ID3" or len(tag) < 10:
            break
        at += 10 + (tag[6] << 21 | tag[7] << 14 | tag[8] << 7 | tag[9])
    file.seek(at)
    window = file.read(MAX_JUNK)
    found = window.find(b"\xff")
    while found >= 0:
        frame = mpeg_frame(window[found : found + 4])
        if frame is not None and _follows(file, at + found + frame.length, length, frame):
            return at + found
        found = window.find(b"\xff", found + 1)
    return None


def _follows(file: BinaryIO, at: int, length: int, frame: MpegFrame) -> bool:
    if at >= length:
        return False
    file.seek(at)
    following = mpeg_frame(file.read(4))
    return following is not None and following.stream == frame.stream


def ogg_streams(file: BinaryIO, length: int) -> list[tuple[int, int]]:
    """Return where each of the streams that follow one another in an Ogg file starts and ends, in bytes."""
    starts, at, is_beginning = [0], 0, True
    while at < length and len(starts) < MAX_STREAMS:
        file.seek(at)
        header = file.read(OGG_HEADER_BYTES)
        if len(header) < OGG_HEADER_BYTES or header[:4] != OGG_MAGIC:
            break
        begins = bool(header[5] & OGG_FIRST_PAGE)
        if begins and not is_beginning:
            starts.append(at)
        is_beginning = begins
        at += OGG_HEADER_BYTES + header[26] + sum(file.read(header[26]))
    return list(zip(starts, [*starts[1:], length], strict=True))


def is_cut_ogg(file: BinaryIO, length: int) -> bool:
    """Tell whether an Ogg file ends before its last page; libsndfile passes over that in silence."""
    file.seek(max(0, length - 2 * MAX_OGG_PAGE_BYTES))
    tail = file.read()
    page = tail[tail.rfind(OGG_MAGIC) :]
    return len(page) < 6 or not page[5] & OGG_LAST_PAGE


def flac_extent(file: BinaryIO, length: int) -> Extent | None:
    """Return how many frames a FLAC file announces and holds, where it holds more or announces none; None otherwise."""
    file.seek(0)
    head = file.read(FLAC_STREAMINFO_BYTES)
    announced = int.from_bytes(head[21:26], "big") & (1 << 36) - 1
    if len(head) < FLAC_STREAMINFO_BYTES or head[4] & 0x7F:
        return None
    file.seek(max(0, length - FLAC_TAIL_BYTES))
    held = _last_sample(file.read(), int.from_bytes(head[8:10], "big"), announced)
    if not held:
        return None
    return Extent(announced or held, held, mending=((21, (head[21] >> 4 << 36 | held).to_bytes(5, "big")),))


def _last_sample(tail: bytes, block_size: int, announced: int) -> int:
    """Return how many samples the last whole FLAC frame reaches to, where that is more than `announced`; else 0."""
    starts = [found.start() for found in re.finditer(rb"\xff[\xf8\xf9]", tail)]
    reaches = [_flac_frame_reach(tail[at : at + 16], block_size) for at in starts]
    end = len(tail)
    for start, reach in zip(reversed(starts), reversed(reaches), strict=True):
        if reach > announced and not _crc(tail[start:end], 0x8005, 16):
            return reach
        if reach:
            end = start
    return 0


def _flac_frame_reach(header: bytes, block_size: int) -> int:
    """Return the number of the sample after a FLAC frame, whose header this may be; 0 where it is none."""
    if len(header) < 16 or not header[2] >> 4 or header[3] & 1:
        return 0
    is_variable, size_code, rate_code = header[1] & 1, header[2] >> 4, header[2] & 15
    n_ones = 8 - (~header[4] & 0xFF).bit_length()  # how many bytes the number has, in the manner of UTF-8
    size_at = 5 + max(0, n_ones - 1)
    number = header[4] & 0x7F >> n_ones
    for byte in header[5:size_at]:
        number = number << 6 | byte & 0x3F
    n_size_bytes = FLAC_SIZE_BYTES.get(size_code, 0)
    crc_at = size_at + n_size_bytes + FLAC_RATE_BYTES.get(rate_code, 0)
    if _crc(header[: crc_at + 1], 0x07, 8):
        return 0
    if n_size_bytes:
        size = int.from_bytes(header[size_at : size_at + n_size_bytes], "big") + 1
    else:
        size = FLAC_BLOCK_SIZES[size_code]
    return (number if is_variable else number * block_size) + size


def _crc(data: bytes, polynomial: int, n_bits: int) -> int:
    """Return a cyclic redundancy check, most significant bit first, from 0; it is 0 where the data end in it."""
    table, mask = _crc_table(polynomial, n_bits), (1 << n_bits) - 1
    state = 0
    for byte in data:
        state = (state << 8 & mask) ^ table[state >> n_bits - 8 ^ byte]
    return state


@cache
def _crc_table(polynomial: int, n_bits: int) -> list[int]:
    top, mask, table = 1 << n_bits - 1, (1 << n_bits) - 1, []
    for byte in range(256):
        value = byte << n_bits - 8
        for _ in range(8):
            value = (value << 1 ^ polynomial if value & top else value << 1) & mask
        table.append(value)
    return table
