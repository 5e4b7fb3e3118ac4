"""plainpickle: plain data goes through unchanged, and everything else is refused by one sentence."""

import io
import pickle
import pickletools
import random
import struct
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drumhits.errors import InputError
from drumhits.io import plainpickle
from drumhits.io.plainpickle import MAX_BYTES, MAX_DEPTH, MAX_TOKENS, dumps, loads, with_checksum

EXAMPLE = {
    "format": 1,
    "stem": "cymbals",
    "features": ["Str", "Größe", ""],
    "settings": {"onset_delta": 0.02, "min_sustain_ms": None, "articulation": True, "off": False},
    "counts": [0, -1, 255, 65536, 2**63 - 1, -(2**63) + 1],
    "trees": bytes(range(256)),
    "nothing": [{}, [], b""],
}

plain_data = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63) + 1, 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=12,
)


@settings(max_examples=60, deadline=None)
@given(plain_data)
def test_plain_data_goes_through_unchanged_here_and_through_pickle(obj):
    data = dumps(obj)
    assert repr(loads(data)) == repr(obj)
    assert repr(pickle.loads(data)) == repr(obj)


def test_equal_objects_give_equal_bytes_and_shared_parts_are_written_out():
    shared = [1.5, "kick"]
    assert dumps({"a": shared, "b": shared}) == dumps({"a": [1.5, "kick"], "b": [1.5, "kick"]})


def test_file_is_one_pickle_of_protocol_4_that_names_nothing():
    stream = io.BytesIO(dumps(EXAMPLE))
    opcodes = {opcode.name for opcode, _, _ in pickletools.genops(stream)}
    assert stream.read() == b""
    assert opcodes == {
        "PROTO", "SHORT_BINBYTES", "POP", "NONE", "NEWTRUE", "NEWFALSE", "LONG1", "BINFLOAT", "BINUNICODE",
        "BINBYTES", "EMPTY_LIST", "EMPTY_DICT", "MARK", "APPENDS", "SETITEMS", "STOP",
    }  # fmt: skip


class Text(str):
    """Looks like plain data."""


@pytest.mark.parametrize("obj", [(1,), {1}, 1j, object(), Text("kick"), np.float64(1), np.zeros(2), {1: 2}])
def test_other_types_are_not_written(obj):
    with pytest.raises(TypeError, match=r"plain data|not text"):
        dumps([obj])


def nested(depth):
    obj = None
    for _ in range(depth):
        obj = [obj]
    return obj


def endless():
    obj = []
    obj.append(obj)
    return obj


UNWRITABLE = {
    "nan": lambda: float("nan"),
    "infinity": lambda: float("-inf"),
    "int over 64 bits": lambda: 2**63,
    "lone surrogate": lambda: "\udcff",
    "too deep": lambda: nested(MAX_DEPTH + 1),
    "contains itself": endless,
    "too many values": lambda: [None] * MAX_TOKENS,
    "too large": lambda: b"\0" * MAX_BYTES,
}


@pytest.mark.parametrize("make", UNWRITABLE.values(), ids=UNWRITABLE)
def test_values_beyond_the_limits_are_not_written(make):
    with pytest.raises(ValueError):
        dumps(make())


def test_values_at_the_limits_are_read_back():
    for obj in (nested(MAX_DEPTH), [None] * (MAX_TOKENS - 4), b"\0" * (MAX_BYTES - 100)):
        assert loads(dumps(obj)) == obj


class Hostile:
    """Creates a file when it is unpickled by `pickle`."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return open, (self.path, "w")


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("sealed", [False, True])
def test_code_in_a_pickle_is_refused_and_not_run(tmp_path, protocol, sealed):
    witness = tmp_path / "ran"
    data = pickle.dumps({"trees": Hostile(witness)}, protocol)
    if sealed:
        data = with_checksum(data)
    with pytest.raises(InputError, match=r"^cymbals\.pkl is (not a model of this toolkit|damaged) \("):
        loads(data, "cymbals.pkl")
    assert not witness.exists()


CALLS = {
    "GLOBAL": b"cos\nsystem\n",
    "STACK_GLOBAL": b"X\x02\x00\x00\x00osX\x06\x00\x00\x00system\x93",
    "INST": b"(X\x02\x00\x00\x00idios\nsystem\n",
    "OBJ": b"(cos\nsystem\nX\x02\x00\x00\x00ido",
    "REDUCE": b"](eR",
    "BUILD": b"](e](eb",
    "NEWOBJ": b"](e](e\x81",
    "NEWOBJ_EX": b"](e](e}(u\x92",
    "EXT1": b"\x82\x01",
    "EXT2": b"\x83\x01\x00",
    "EXT4": b"\x84\x01\x00\x00\x00",
    "PERSID": b"Pkick\n",
    "BINPERSID": b"X\x04\x00\x00\x00kickQ",
}


@pytest.mark.parametrize("body", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("wrap", [b"%s.", b"](%se.", b"}(X\x01\x00\x00\x00k%su."])
def test_opcodes_that_name_or_call_are_refused_even_with_a_right_checksum(body, wrap):
    with pytest.raises(InputError, match="it names Python classes, as plain scikit-learn or joblib files do"):
        loads(with_checksum(wrap.replace(b"%s", body)))


def test_the_opcode_is_refused_before_anything_is_built(monkeypatch):
    built = []
    monkeypatch.setattr(plainpickle, "_value", lambda *token: built.append(token))
    with pytest.raises(InputError, match="it names Python classes"):
        loads(with_checksum(b"](NNNNcos\nsystem\ne."))
    assert not built


def claim(opcode, size, width):
    return opcode + size.to_bytes(width, "little") + b"x."


DAMAGED = {
    "nothing but STOP": b".",
    "no body": b"",
    "no STOP": b"N",
    "two values": b"NN.",
    "bytes after STOP": b"N.N.",
    "second STOP": b"N..",
    "list without mark": b"]N.",
    "list not closed": b"](N.",
    "list closed as dict": b"](Nu.",
    "dict closed as list": b"}(e.",
    "closed twice": b"](ee.",
    "bare mark": b"(.",
    "tuple": b"(NNt.",
    "set": b"\x8f.",
    "frame of 8 TiB": claim(b"\x95", 2**43, 8),
    "bytes of 8 TiB": claim(b"\x8e", 2**43, 8),
    "text of 8 TiB": claim(b"\x8d", 2**43, 8),
    "bytearray of 8 TiB": claim(b"\x96", 2**43, 8),
    "bytes of 4 GiB": claim(b"B", 2**32 - 1, 4),
    "text of 4 GiB": claim(b"X", 2**32 - 1, 4),
    "long of 2 GiB": claim(b"\x8b", 2**31 - 1, 4),
    "length cut": b"B\x01",
    "float cut": b"G\0\0.",
    "int of 255 bytes": b"\x8a\xff" + b"\x7f" * 255 + b".",
    "int of 9 bytes": b"\x8a\x09" + b"\x7f" * 9 + b".",
    "nan": b"G" + struct.pack(">d", float("nan")) + b".",
    "infinity": b"G" + struct.pack(">d", float("inf")) + b".",
    "text not UTF-8": b"X\x01\x00\x00\x00\xff.",
    "surrogate": b"X\x03\x00\x00\x00\xed\xb3\xbf.",
    "overlong UTF-8": b"X\x02\x00\x00\x00\xc0\x80.",
    "duplicate key": b"}(X\x01\x00\x00\x00kNX\x01\x00\x00\x00kNu.",
    "key without value": b"}(X\x01\x00\x00\x00ku.",
    "key not text": b"}(NNu.",
    "key is a list": b"}(](eNu.",
    "memoised list": b"](e\x94.",
    "memo get": b"](h\x00e.",
    "memo bomb": b"](" + b"](e\x94" + b"h\x00" * 1000 + b"e.",
    "billion laughs": b"](e\x94" + b"".join(b"](" + b"h%c" % n * 9 + b"e\x94" for n in range(60)) + b".",
    "self-containing list": b"]q\x00(h\x00e.",
    "DUP bomb": b"]" + b"2" * 10_000 + b".",
    "POP": b"N0N.",
    "POP_MARK bomb": b"(1" * 10_000 + b"N.",
    "nested 33": b"](" * 33 + b"e" * 33 + b".",
    "lists nested 10,000 deep": b"](" * 10_000 + b"e" * 10_000 + b".",
    "dicts nested 10,000 deep": b"}(X\x00\x00\x00\x00" * 10_000 + b"N" + b"u" * 10_000 + b".",
    "10,000 marks": b"(" * 10_000 + b".",
    "a million lists": b"](" + b"](e" * 1_000_000 + b"e.",
    "a million Nones": b"](" + b"N" * 1_000_000 + b"e.",
    "text protocol int": b"I1\n.",
    "text protocol string": b"S'kick'\n.",
    "text protocol memo": b"(lp0\ng0\n.",
    "every opcode": bytes(range(256)),
}


@pytest.mark.parametrize("body", DAMAGED.values(), ids=DAMAGED)
def test_anything_but_our_opcodes_is_refused_even_with_a_right_checksum(body):
    with pytest.raises(InputError, match=r"^cymbals\.pkl is damaged \(.+\); copy it again or retrain it"):
        loads(with_checksum(body), "cymbals.pkl")


NOT_OURS = {
    "text": b"hello",
    "gzip": b"\x1f\x8b\x08\x00",
    "zlib": b"x\x9c\x03\x00",
    "zip": b"PK\x03\x04",
    "audio": b"RIFF\0\0\0\0WAVE",
    "pickle of plain data": pickle.dumps(EXAMPLE),
    "pickle of protocol 0": pickle.dumps(EXAMPLE, 0),
    "one byte": b"\x80",
    "protocol 255": b"\x80\xffN.",
}


@pytest.mark.parametrize("data", NOT_OURS.values(), ids=NOT_OURS)
def test_other_files_are_not_models(data):
    sentence = r"^toms\.pkl is not a model of this toolkit \(.+\); retrain it with train_classifier\.py$"
    with pytest.raises(InputError, match=sentence):
        loads(data, "toms.pkl")


def test_empty_cut_and_altered_files_are_damaged():
    data = dumps(EXAMPLE)
    altered = data[:-3] + bytes([data[-3] ^ 1]) + data[-2:]
    with pytest.raises(InputError, match=r"is damaged \(it is empty\)"):
        loads(b"")
    for broken in (data[:8], data[:11], data[:-9], altered):
        with pytest.raises(InputError, match=r"is damaged \(its checksum does not match"):
            loads(broken)


def test_too_large_files_are_refused():
    with pytest.raises(InputError, match=r"too large .* \(over 32 MB\)"):
        loads(dumps(None) + b"\0" * MAX_BYTES)


def test_memory_is_bounded_however_many_values_a_file_holds():
    data = with_checksum(b"](" + b"](e" * (MAX_BYTES // 3 - 100) + b"e.")
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match="more than 100000 values"):
            loads(data)
        assert tracemalloc.get_traced_memory()[1] < 32 * 2**20
    finally:
        tracemalloc.stop()


def loads_or_refuses(data):
    try:
        return loads(data)
    except InputError:
        return None


def mutated(data: bytes, rng: random.Random) -> bytes:
    """Return `data` with 1 to 4 places changed, cut out, repeated or set to a telling byte."""
    changed = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        start = rng.randrange(len(changed) + 1)
        stop = start + rng.choice((0, 1, 1, 1, 2, 4, 40))
        repeated = bytes(changed[start:stop]) * 2
        changed[start:stop] = rng.choice(
            (b"", rng.randbytes(1), rng.randbytes(4), b"\xff\xff\xff\x7f", b"](", b"e", b"c", repeated)
        )
    return bytes(changed)


def test_mutated_files_are_read_or_refused():
    rng = random.Random(7)
    data = dumps(EXAMPLE)
    body = data[plainpickle.HEADER_BYTES :]
    for _ in range(6_000):
        loads_or_refuses(mutated(data, rng))
        loads_or_refuses(with_checksum(mutated(body, rng)))
