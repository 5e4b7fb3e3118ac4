"""Pickles of plain data, which no reader can be made to run code from.

What is written is an ordinary pickle of protocol 4: `pickle.loads` gives back an equal object. It holds dict
(with str keys), list, str, int, float, bool, None and bytes, without memo, frames or any opcode that names a
class.

What is read is only that. The bytes are first cut into tokens, each with an opcode of the tables below and a
length that the data can hold; only then are values built, by this module and not by `pickle`. A container
ends at its own closing opcode, so nothing can be shared, repeated or left open.

A pickle begins with the CRC-32 of what follows, pushed and popped at once: it shows damage, not authorship.
"""

import math
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Any

import numpy as np

from drumhits.errors import InputError

MAX_BYTES = 32 * 2**20
MAX_TOKENS = 100_000
MAX_DEPTH = 32
INT_BYTES = 8

NONE, TRUE, FALSE, INT, FLOAT, TEXT, BYTES = b"N", b"\x88", b"\x89", b"\x8a", b"G", b"X", b"B"
LIST, DICT, MARK, APPENDS, SETITEMS, STOP = b"]", b"}", b"(", b"e", b"u", b"."
ARGUMENT_BYTES = dict.fromkeys((NONE, TRUE, FALSE, LIST, DICT, MARK, APPENDS, SETITEMS, STOP), 0) | {FLOAT: 8}
LENGTH_BYTES = {INT: 1, TEXT: 4, BYTES: 4}
CLASS_OPCODES = frozenset(bytes([opcode]) for opcode in b"cioRbPQ\x81\x82\x83\x84\x92\x93")

CHECKSUM_BYTES = 4
PROTOCOL_4, SHORT_BYTES, POP = b"\x80\x04", b"C", b"0"
PREFIX = PROTOCOL_4 + SHORT_BYTES + bytes([CHECKSUM_BYTES])
HEADER_BYTES = len(PREFIX) + CHECKSUM_BYTES + len(POP)

_Token = tuple[bytes, bytes]


def dumps(obj: object) -> bytes:
    """Pickle plain data; equal objects with their keys in the same order give the same bytes.

    Parameters
    ----------
    obj : dict, list, str, int, float, bool, None or bytes
        Keys are str, floats finite, ints below 2**63 in size, text valid Unicode; at most `MAX_DEPTH` deep.

    Raises
    ------
    TypeError
        For any other type, subclasses and NumPy scalars included.
    ValueError
        For a value outside those limits, over `MAX_TOKENS` values or over `MAX_BYTES`.
    """
    tokens = [*_encoded(obj, 0), STOP]
    data = with_checksum(b"".join(tokens))
    if len(tokens) > MAX_TOKENS or len(data) > MAX_BYTES:
        raise ValueError(f"{len(tokens)} values in {len(data)} bytes are too many for one file")
    return data


def loads(data: bytes, name: str = "the model file") -> Any:
    """Read what `dumps` wrote, in bounded time and memory whatever the bytes.

    Parameters
    ----------
    data : bytes
    name : str
        What the error sentences call the data: most often the path of the file.

    Raises
    ------
    InputError
        If the data is too large, damaged, or not of this toolkit's making.
    """
    if len(data) > MAX_BYTES:
        raise InputError(
            f"{name} is too large for a model of this toolkit (over {MAX_BYTES // 2**20} MB); "
            "retrain it with train_classifier.py, with fewer trees"
        )
    if not data:
        raise damaged(name, "it is empty")
    if not data.startswith(PREFIX):
        raise _not_ours(name, "plain scikit-learn and joblib files are not read, since they can run code")
    if data[:HEADER_BYTES] != _header(memoryview(data)[HEADER_BYTES:]):
        raise damaged(name, "its checksum does not match, so it was cut short or altered")
    try:
        tokens = iter(_tokens(data))
        obj = _value(next(tokens), tokens, 0)
        if next(tokens)[0] != STOP:
            raise ValueError("more than one value")
    except _NamesClassError as fault:
        raise _not_ours(name, "it names Python classes, as plain scikit-learn or joblib files do") from fault
    except ValueError as fault:
        raise damaged(name, str(fault)) from fault
    return obj


def with_checksum(body: bytes) -> bytes:
    """Return `body`, the opcodes of one value and STOP, with protocol and checksum before it."""
    return _header(body) + body


def damaged(name: str, fault: str) -> InputError:
    """Return the error to raise for a model file whose content cannot be right."""
    return InputError(f"{name} is damaged ({fault}); copy it again or retrain it with train_classifier.py")


class _NamesClassError(ValueError):
    """An opcode that looks something up by name, or calls it."""


def _not_ours(name: str, why: str) -> InputError:
    return InputError(f"{name} is not a model of this toolkit ({why}); retrain it with train_classifier.py")


def _header(body: bytes | memoryview) -> bytes:
    return PREFIX + zlib.crc32(body).to_bytes(CHECKSUM_BYTES, "little") + POP


def _tokens(data: bytes) -> list[_Token]:
    """Cut what follows the header into (opcode, argument): the last is STOP, and no other."""
    tokens: list[_Token] = []
    position, opcode = HEADER_BYTES, b""
    while opcode != STOP:
        opcode = data[position : position + 1]
        start = position + 1 + LENGTH_BYTES.get(opcode, 0)
        if opcode in LENGTH_BYTES:
            length = int.from_bytes(data[position + 1 : start], "little")
        elif opcode in ARGUMENT_BYTES:
            length = ARGUMENT_BYTES[opcode]
        elif opcode in CLASS_OPCODES:
            raise _NamesClassError
        else:
            raise ValueError(f"opcode 0x{opcode.hex()} is not plain data" if opcode else "it has no end")
        position = start + length
        if position > len(data):
            raise ValueError("a value is longer than the file")
        tokens.append((opcode, data[start:position]))
        if len(tokens) > MAX_TOKENS:
            raise ValueError(f"more than {MAX_TOKENS} values")
    if position != len(data):
        raise ValueError("bytes after its end")
    return tokens


def _value(token: _Token, tokens: Iterator[_Token], depth: int) -> Any:
    opcode, argument = token
    if opcode in _SCALARS:
        return _SCALARS[opcode](argument)
    if opcode in _CONTAINERS:
        build, closing = _CONTAINERS[opcode]
        return build(list(_items(tokens, closing, depth + 1)))
    raise ValueError(f"opcode 0x{opcode.hex()} out of place")


def _items(tokens: Iterator[_Token], closing: bytes, depth: int) -> Iterator[Any]:
    _check_depth(depth)
    if next(tokens)[0] != MARK:
        raise ValueError("a container without its mark")
    while (token := next(tokens))[0] != closing:
        yield _value(token, tokens, depth)


def _encoded(value: Any, depth: int) -> Iterator[bytes]:
    """Yield the tokens of `value`."""
    kind = type(value)
    if kind is list:
        yield from _encoded_items(LIST, value, APPENDS, depth + 1)
    elif kind is dict:
        if not all(type(key) is str for key in value):
            raise TypeError("a key that is not text")
        yield from _encoded_items(DICT, chain.from_iterable(value.items()), SETITEMS, depth + 1)
    elif kind in _ENCODERS:
        yield _ENCODERS[kind](value)
    else:
        raise TypeError(f"{kind.__name__} is not plain data")


def _encoded_items(opening: bytes, items: Iterable[object], closing: bytes, depth: int) -> Iterator[bytes]:
    _check_depth(depth)
    yield from (opening, MARK)
    for item in items:
        yield from _encoded(item, depth)
    yield closing


def _check_depth(depth: int) -> None:
    if depth > MAX_DEPTH:
        raise ValueError(f"nested more than {MAX_DEPTH} deep")


def _int(argument: bytes) -> int:
    if len(argument) > INT_BYTES:
        raise ValueError(f"a whole number of more than {8 * INT_BYTES} bits")
    return int.from_bytes(argument, "little", signed=True)


def _encoded_int(value: int) -> bytes:
    if value.bit_length() >= 8 * INT_BYTES:
        raise ValueError(f"a whole number of more than {8 * INT_BYTES} bits")
    return _counted(INT, value.to_bytes(INT_BYTES, "little", signed=True))


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise ValueError("a number that is not finite")
    return value


def _counted(opcode: bytes, content: bytes) -> bytes:
    return opcode + len(content).to_bytes(LENGTH_BYTES[opcode], "little") + content


def _dict(items: list[Any]) -> dict[str, Any]:
    keys, values = items[::2], items[1::2]
    if len(keys) != len(values) or not all(type(key) is str for key in keys) or len(set(keys)) < len(keys):
        raise ValueError("a dict whose keys are not distinct text")
    return dict(zip(keys, values, strict=True))


_CONTAINERS: dict[bytes, tuple[Callable[[list[Any]], Any], bytes]] = {LIST: (list, APPENDS), DICT: (_dict, SETITEMS)}
_SCALARS: dict[bytes, Callable[[bytes], Any]] = {
    NONE: lambda argument: None,
    TRUE: lambda argument: True,
    FALSE: lambda argument: False,
    INT: _int,
    FLOAT: lambda argument: _finite(*struct.unpack(">d", argument)),
    TEXT: lambda argument: str(argument, "utf-8"),
    BYTES: lambda argument: argument,
}
_ENCODERS: dict[type, Callable[[Any], bytes]] = {
    type(None): lambda value: NONE,
    bool: lambda value: TRUE if value else FALSE,
    int: _encoded_int,
    float: lambda value: FLOAT + struct.pack(">d", _finite(value)),
    str: lambda value: _counted(TEXT, value.encode("utf-8")),
    bytes: lambda value: _counted(BYTES, value),
}


def require(condition: object, fault: str) -> None:
    """Raise ValueError of `fault` unless `condition` holds."""
    if not condition:
        raise ValueError(fault)


def packed(array: np.ndarray) -> dict[str, Any]:
    """Return a 1-D array as plain data."""
    return {"dtype": array.dtype.str, "shape": list(array.shape), "data": array.tobytes()}


def unpacked(plain: Any, dtype: str) -> np.ndarray:
    """Return a read-only array; nothing is allocated, whatever shape is claimed."""
    complete = isinstance(plain, dict) and plain.keys() == {"dtype", "shape", "data"}
    require(complete, "an array without its dtype, shape or data")
    require(plain["dtype"] == dtype, "an array of another dtype")
    require(type(plain["data"]) is bytes, "an array without its bytes")
    array = np.frombuffer(plain["data"], dtype)
    require(plain["shape"] == [len(array)], "an array whose shape does not fit its bytes")
    return array
