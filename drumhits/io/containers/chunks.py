"""Containers of chunks (WAV, RF64, BW64, AIFF, CAF, AU): how much sound the header announces, and how much is there.

A recorder that was stopped before it wrote the size of its sound leaves 0 there, or the size of an earlier moment;
libsndfile reads as much as is announced. Where neither the sound nor other chunks fill the file, the rest is sound.
"""

import struct
from typing import BinaryIO, NamedTuple

from drumhits.io.decoder import Patch

MAX_CHUNKS = 10_000
MIN_REST = 256  # bytes after the sound that no chunk explains, from which on they are sound, not padding
READ_BYTES = 1 << 16
UNKNOWN_32 = 0xFFFFFFFF  # in place of a size: see the chunk ds64, or the rest of the file
TAGS = (b"TAG", b"ID3", b"APETAGEX")  # that other programs append to any file
EXTENSIBLE = 0xFFFE
PLAIN_CODES = frozenset({1, 3, EXTENSIBLE})  # of the formats in a WAV file: integers, floats
PLAIN_KINDS = frozenset({b"NONE", b"lpcm"})


class Layout(NamedTuple):
    """How a container writes its chunks: where the first lies, how sizes are written, what the sound is called."""

    first: int
    size_format: str
    alignment: int
    sound: bytes
    sound_offset: int = 0  # from the start of the chunk's content to the samples
    sizes: bytes = b""  # the chunk of the sizes that need 64 bits
    name_bytes: int = 4
    counts_header: bool = False  # in the sizes

    @property
    def header_bytes(self) -> int:
        return self.name_bytes + struct.calcsize(self.size_format)


RIFF = Layout(12, "<I", 2, b"data")
RF64 = Layout(12, "<I", 2, b"data", sizes=b"ds64")
LAYOUTS = {
    b"RIFF": RIFF,
    b"RF64": RF64,
    b"BW64": RF64,
    b"FORM": Layout(12, ">I", 2, b"SSND", sound_offset=8),
    b"caff": Layout(8, ">q", 1, b"data", sound_offset=4),
    b"riff": Layout(40, "<Q", 8, b"data", name_bytes=16, counts_header=True),  # W64
}
CONTAINER_MAGIC = (*LAYOUTS, b".snd")
READ_AS = {b"BW64": b"RF64"}  # the successor, which libsndfile does not know, differs in nothing that matters here


class Extent(NamedTuple):
    """How much sound a header announces and the file holds.

    Attributes
    ----------
    announced, held : int >= 0
        In the same unit.
    needed : tuple of Patch
        What must read differently for libsndfile to read the file at all.
    mending : tuple of Patch
        What must read differently, too, for it to read all that the file holds; empty where it does anyway.
    """

    announced: int
    held: int
    needed: tuple[Patch, ...] = ()
    mending: tuple[Patch, ...] = ()


def extent(file: BinaryIO, length: int) -> Extent | None:
    """Return how much sound a file announces and holds; None where it is none of these containers, or damaged.

    Parameters
    ----------
    file : binary file
    length : int >= 0
        Of the file, in bytes.
    """
    file.seek(0)
    magic = file.read(4)
    if magic == b".snd":
        return _au_extent(file, length)
    layout = LAYOUTS.get(magic)
    if layout is None:
        return None
    needed = ((0, READ_AS[magic]),) if magic in READ_AS else ()
    size_at, announced, size_format, start = _sound_chunk(file, length, layout)
    if not start:
        return Extent(0, 0, needed) if needed else None
    if announced < 0:  # CAF: the rest of the file
        announced = length - start + layout.sound_offset
        needed = (*needed, (size_at, struct.pack(size_format, announced)))
    end = start - layout.sound_offset + announced
    held = min(end, length)
    if length - end >= MIN_REST and not _is_explained(file, end, length, layout):
        held = length
    held -= start
    mending: tuple[Patch, ...] = ()
    if start + held > end:
        size = held + layout.sound_offset + layout.header_bytes * layout.counts_header
        mending = ((size_at, struct.pack(size_format, min(size, UNKNOWN_32) if size_format[1] == "I" else size)),)
    return Extent(max(0, announced - layout.sound_offset), max(0, held), needed, mending)


def _sound_chunk(file: BinaryIO, length: int, layout: Layout) -> tuple[int, int, str, int]:
    """Return where the size of the sound is written, the size, how it is written, and where the samples start.

    The start is 0 where there is no such chunk.
    """
    at, wide = layout.first, None
    for _ in range(MAX_CHUNKS):
        kind, size = _chunk_at(file, at, layout)
        content = at + layout.header_bytes
        if kind == layout.sound:
            if wide and size == UNKNOWN_32:
                return wide[0], wide[1], "<Q", content
            return at + layout.name_bytes, size, layout.size_format, content + layout.sound_offset
        if kind and kind == layout.sizes:
            file.seek(content + 8)
            wide = content + 8, int.from_bytes(file.read(8), "little")
        at = _aligned(content + size, layout)
        if not kind or size < 0 or at >= length:
            break
    return 0, 0, layout.size_format, 0


def _chunk_at(file: BinaryIO, at: int, layout: Layout) -> tuple[bytes, int]:
    file.seek(at)
    header = file.read(layout.header_bytes)
    if len(header) < layout.header_bytes:
        return b"", 0
    size = struct.unpack(layout.size_format, header[layout.name_bytes :])[0]
    return header[:4], size - layout.header_bytes * layout.counts_header


def _aligned(at: int, layout: Layout) -> int:
    return -(-at // layout.alignment) * layout.alignment


def _is_explained(file: BinaryIO, end: int, length: int, layout: Layout) -> bool:
    """Tell whether the bytes after the sound are chunks to the end of the file, or a tag, or nothing but zeros."""
    at = _aligned(end, layout)
    for _ in range(MAX_CHUNKS):
        if length - at < MIN_REST:
            return True
        kind, size = _chunk_at(file, at, layout)
        after = at + layout.header_bytes + size
        if not all(32 <= letter <= 126 for letter in kind) or size < 0 or after > length:
            return _is_tag_or_padding(file, at)
        at = _aligned(after, layout)
    return True


def _is_tag_or_padding(file: BinaryIO, at: int) -> bool:
    file.seek(at)
    block = file.read(READ_BYTES)
    if block.startswith(TAGS):
        return True
    while block:
        if any(block):
            return False
        block = file.read(READ_BYTES)
    return True


def _au_extent(file: BinaryIO, length: int) -> Extent | None:
    file.seek(4)
    header = file.read(8)
    if len(header) < 8:
        return None
    start, announced = struct.unpack(">II", header)
    if announced == UNKNOWN_32 or start > length:
        return None
    held, rest = min(announced, length - start), length - start - announced
    if rest >= MIN_REST and not _is_tag_or_padding(file, start + announced):
        return Extent(announced, length - start, mending=((8, struct.pack(">I", UNKNOWN_32)),))
    return Extent(announced, held)


def foreign_kind(head: bytes, file: BinaryIO, length: int) -> str | None:
    """Return what kind of compressed sound a container holds, such as "AIFC audio of kind 'QDMC'"; None where plain.

    Parameters
    ----------
    head : bytes
        The first 12 bytes of the file.
    """
    layout, form = LAYOUTS.get(head[:4]), head[8:12]
    if layout is None:
        return None
    if head[:4] == b"caff":
        kind = _content(file, length, layout, b"desc")[8:12]
        return _named("CAF", kind) if kind not in PLAIN_KINDS else None
    if form == b"AIFC":
        kind = _content(file, length, layout, b"COMM")[18:22]
        return _named("AIFC", kind) if kind not in PLAIN_KINDS else None
    code = int.from_bytes(_content(file, length, layout, b"fmt ")[:2], "little")
    return f"WAV audio of kind 0x{code:04x}" if form == b"WAVE" and code and code not in PLAIN_CODES else None


def _named(container: str, kind: bytes) -> str | None:
    return f"{container} audio of kind {kind.decode('latin-1').strip()!r}" if len(kind) == 4 else None


def _content(file: BinaryIO, length: int, layout: Layout, wanted: bytes) -> bytes:
    """Return the first bytes of a chunk's content; none where it is missing."""
    at = layout.first
    for _ in range(MAX_CHUNKS):
        kind, size = _chunk_at(file, at, layout)
        if kind == wanted:
            file.seek(at + layout.header_bytes)
            return file.read(min(size, 64))
        at = _aligned(at + layout.header_bytes + size, layout)
        if not kind or size < 0 or at >= length:
            break
    return b""
