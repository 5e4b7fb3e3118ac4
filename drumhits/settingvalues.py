"""YAML nodes <-> values of settings, strictly: what YAML guesses (dates, octal, yes for 1) is refused."""

import re
from collections.abc import Mapping

from drumhits.errors import UsageError
from drumhits.settings import SETTINGS, Band, Setting, Value, names_below
from drumhits.strictyaml import MAX_DEPTH, Node, pairs, parse, shown, too_deep

_NUMBER = re.compile(r"[+-]?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_WHOLE = re.compile(r"[+-]?(?:0|[1-9][0-9]{0,8})")
_NULL = ("null", "Null", "NULL", "~")
_SWITCH = {"on": True, "true": True, "yes": True, "off": False, "false": False, "no": False}
_HINTS = (
    (r"[+-]?0[0-9xobXOB][0-9a-fA-F_]*", "write it in decimal, without leading zeros"),
    (r"[+-]?[0-9]+,[0-9]+", "write a decimal point, not a comma"),
    (r"[+-]?[0-9]+_[0-9_]*", "write the digits without _"),
    (r"[+-]?[0-9][0-9.]* *[A-Za-z]+", "write the number alone, without a unit"),
)


def leaves(node: Node, path: str = "") -> dict[str, Node]:
    """Return the nodes of all settings at or below the dotted `path`, by their own dotted paths.

    Raises
    ------
    UsageError
        An unknown name, a name given twice, or a value where a section belongs.
    """
    if path in SETTINGS:
        return {path: node}
    if node.is_empty:
        return {}
    if node.kind != "mapping":
        where = f"{node.place}: {path}" if path else node.place
        example = f"{names_below(path)[0]}: ..."
        raise UsageError(f"{where}: must hold names and values, such as '{example}', not {node}")
    found: dict[str, Node] = {}
    places: dict[str, str] = {}
    for key, value in pairs(node):
        name = _known_name(key, path)
        if name in places:
            where = f"{key.place}: {_below(path, name)}"
            raise UsageError(f"{where}: set twice, first at {places[name]}; remove one of them")
        places[name] = key.place
        found |= leaves(value, _below(path, name))
    return found


def require_known(path: str, place: str) -> None:
    """Raise a `UsageError` that points at `place` unless the dotted `path` is a setting or a section."""
    parent = ""
    for name in path.split("."):
        if name not in names_below(parent):
            raise _unknown(name, parent, place)
        parent = _below(parent, name)


def read_value(path: str, node: Node) -> Value:
    """Read the value of one setting.

    Raises
    ------
    UsageError
        Another type than the setting's, or outside its range.
    """
    setting = SETTINGS[path]
    if node.is_empty:
        raise UsageError(f"{node.place}: {path}: has no value; must be {setting.expected}")
    if setting.nullable and _is_plain(node) and node.text in _NULL:
        return None
    value = _READERS[setting.kind](node)
    refusal = f"{node.place}: {path}: must be {setting.expected}, not {node}"
    if value is None:
        raise UsageError(refusal + _hint(node, setting))
    ends = value if isinstance(value, tuple) else (value,)
    if not all(setting.low <= end <= setting.high for end in ends):
        raise UsageError(refusal)
    return value


def value_text(value: object) -> str:
    """Write a value as it stands in midiconfig.yaml."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(value_text, value))}]"
    return str(value)


def node_of(value: object, place: str, depth: int = 1) -> Node:
    """Make a node of a Python value or of YAML text, so that options are read as strictly as the file."""
    if depth > MAX_DEPTH:
        raise too_deep(place)
    if isinstance(value, str):
        return parse(value, lambda _: place) or Node("scalar", place)
    if isinstance(value, Mapping):
        children = [node_of(part, place, depth + 1) for pair in value.items() for part in pair]
        return Node("mapping", place, children=children)
    if isinstance(value, tuple | list):
        return Node("list", place, children=[node_of(part, place, depth + 1) for part in value])
    return Node("scalar", place, text=value_text(value))


def _below(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _known_name(key: Node, path: str) -> str:
    where = f"{key.place}: {path}" if path else key.place
    if key.kind != "scalar":
        raise UsageError(f"{where}: the name of a setting must be a word, not {key}")
    if key.text == "<<":
        raise UsageError(f"{where}: merge keys (<<) are not supported; write the settings out")
    if key.text not in names_below(path):
        raise _unknown(key.text, path, key.place)
    return key.text


def _unknown(name: str, parent: str, place: str) -> UsageError:
    import difflib  # only for an error: it costs every start 2 ms

    known = names_below(parent)
    nearest = difflib.get_close_matches(name[:60].lower(), known, n=1)
    elsewhere = [path for path in SETTINGS if path.endswith(f".{name}")]
    hint = f"known here: {', '.join(known)}" if known else f"{parent} is a single value"
    if nearest or elsewhere:
        hint = f"did you mean {(nearest or elsewhere)[0]}?"
    return UsageError(f"{place}: {_below(parent, shown(name) or repr(name))}: unknown setting; {hint}")


def _is_plain(node: Node) -> bool:
    return node.kind == "scalar" and not node.quoted


def _number(node: Node) -> float | None:
    # Adding 0.0 makes -0.0 0.0.
    return float(node.text) + 0.0 if _is_plain(node) and _NUMBER.fullmatch(node.text) else None


def _whole(node: Node) -> int | None:
    return int(node.text) if _is_plain(node) and _WHOLE.fullmatch(node.text) else None


def _switch(node: Node) -> bool | None:
    return _SWITCH.get(node.text.lower()) if _is_plain(node) else None


def _band(node: Node) -> Band | None:
    ends = tuple(_number(child) for child in node.children)
    is_band = node.kind == "list" and len(ends) == 2 and None not in ends and ends[0] < ends[1]
    return ends if is_band else None


_READERS = {"number": _number, "whole": _whole, "switch": _switch, "band": _band}


def _hint(node: Node, setting: Setting) -> str:
    """Guess why the text was not read, to end a message."""
    if node.quoted:
        return "; remove the quotes"
    if setting.nullable and node.text.lower() in ("none", "off", "no", "false"):
        return "; write null to switch the test off"
    return next((f"; {hint}" for pattern, hint in _HINTS if re.fullmatch(pattern, node.text)), "")
