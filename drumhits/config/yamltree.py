"""YAML text -> a tree in which every node knows its place, for configuration files that people write by hand.

Only the plain part of YAML is taken: mappings, lists and scalars. The text of a scalar stays as it was written, so that
no value becomes a date, an octal number or a boolean unasked. Anchors, aliases, tags and several documents are refused,
and so is what would cost much time or depth: one pass over the events of the parser comes before the tree.
"""

import re
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from drumhits.errors import UsageError
from drumhits.io.text import one_line

MAX_BYTES = 1_000_000
MAX_DEPTH = 8
MAX_EVENTS = 10_000  # midiconfig.yaml has about 250
BYTE_ORDER_MARK = "\ufeff"

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NOT_TEXT = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_TAB_INDENT = re.compile(r"^ *\t[ \t]*[^\s#]", re.MULTILINE)


@dataclass
class Node:
    """A scalar, list or mapping; `children` of a mapping are key, value, key, value.

    `place` is where a message points ("midiconfig.yaml:12"); `start`, `end` and `column` count characters.
    """

    kind: str
    place: str
    text: str = ""
    quoted: bool = False
    flow: bool = False
    start: int = 0
    end: int = 0
    column: int = 0
    children: list["Node"] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        """Nothing was written after the colon."""
        return self.kind == "scalar" and not self.text and not self.quoted

    def __str__(self) -> str:
        if self.kind == "list" and all(child.kind == "scalar" for child in self.children):
            return one_line(f"[{', '.join(child.text for child in self.children)}]")
        if self.kind != "scalar":
            return f"a {self.kind}"
        return f"'{one_line(self.text)}'" if self.quoted else one_line(self.text)


def read_text(path: Path) -> str:
    """Read a configuration file, with line ends as they are and without a byte order mark.

    Raises
    ------
    UsageError
        Missing or unreadable, not a regular file (a FIFO is not waited for), over `MAX_BYTES`, or not UTF-8.
    """
    name = one_line(str(path), limit=200)
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise UsageError(f"{name}: is not a file; name a YAML file such as midiconfig.yaml")
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise UsageError(f"{name}: no such file; check the name of the configuration file") from None
    except (OSError, ValueError) as error:
        reason = one_line(getattr(error, "strerror", None) or str(error))
        raise UsageError(f"{name}: cannot be read ({reason}); check the name and the permissions") from None
    if len(data) > MAX_BYTES:
        raise UsageError(f"{name}: is over 1 MB; a configuration is a few KB, so is this the right file?")
    try:
        return data.decode("utf-8").removeprefix(BYTE_ORDER_MARK)
    except UnicodeDecodeError as error:
        line = 1 + data.count(b"\n", 0, error.start)
        raise UsageError(
            f"{one_line(path.name)}:{line}: is not UTF-8 text (byte 0x{data[error.start]:02x}); "
            "save the file as UTF-8 in your editor"
        ) from None


def parse(text: str, place: Callable[[int], str]) -> Node | None:
    """Build the tree of one YAML document; None when it holds nothing but comments.

    Parameters
    ----------
    text : str
        YAML text, without a byte order mark.
    place : callable
        Turns a line number, from 1, into the place that messages name.

    Raises
    ------
    UsageError
        Not YAML, or more of YAML than a configuration file needs.
    """
    _refuse(_NOT_TEXT.search(text), text, place, "holds the character {}, which is not text; remove it")
    _refuse(_TAB_INDENT.search(text), text, place, "is indented by a tab; YAML wants spaces")
    try:
        _require_plain(yaml.parse(text, Loader=_LOADER), place)
        root = yaml.compose(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        problem, line = str(error.problem), error.problem_mark.line + 1 if error.problem_mark else 1
        if "nesting" in problem:  # libyaml has a limit of its own and looks ahead
            raise too_deep(place(line)) from None
        raise UsageError(
            f"{place(line)}: is not valid YAML ({one_line(problem)}); "
            "check colons, brackets, quotes and indentation here and above"
        ) from None
    except yaml.YAMLError as error:
        raise UsageError(f"{place(1)}: is not valid YAML ({one_line(str(error))})") from None
    tree = None if root is None else _tree(root, place)
    return None if tree is None or tree.is_empty else tree


def pairs(mapping: Node) -> Iterator[tuple[Node, Node]]:
    """Yield the keys and values of a mapping node, in file order."""
    return zip(mapping.children[::2], mapping.children[1::2], strict=True)


def too_deep(place: str) -> UsageError:
    return UsageError(f"{place}: is nested too deeply; settings are at most three levels deep")


def _refuse(match: re.Match[str] | None, text: str, place: Callable[[int], str], problem: str) -> None:
    if match:
        line = 1 + text.count("\n", 0, match.start())
        raise UsageError(f"{place(line)}: {problem.format(one_line(match.group()))}")


def _require_plain(events: Iterable[yaml.Event], place: Callable[[int], str]) -> None:
    """Refuse what a configuration file does not need, before a tree is built of it."""
    depth = documents = 0
    for count, event in enumerate(events):
        if count > MAX_EVENTS:
            raise UsageError(f"{place(1)}: holds thousands of values; is this a configuration file?")
        here = place(event.start_mark.line + 1) if event.start_mark else place(1)
        documents += isinstance(event, yaml.DocumentStartEvent)
        if documents > 1:
            raise UsageError(f"{here}: holds a second document; remove the line ---")
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise UsageError(f"{here}: anchors (&) and aliases (*) are not supported; write the value itself")
        if tag := getattr(event, "tag", None):
            raise UsageError(f"{here}: tags (!) are not supported; remove {one_line(tag)}")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth >= MAX_DEPTH:
            raise too_deep(here)


def _tree(node: yaml.Node, place: Callable[[int], str]) -> Node:
    """Return a node of PyYAML, and all below it, as our own."""
    start, end = node.start_mark, node.end_mark
    here = place(start.line + 1)
    if isinstance(node, yaml.ScalarNode):
        tree = Node("scalar", here, text=node.value, quoted=bool(node.style))
    else:
        is_mapping = isinstance(node, yaml.MappingNode)
        children = [part for pair in node.value for part in pair] if is_mapping else node.value
        tree = Node("mapping" if is_mapping else "list", here, flow=bool(getattr(node, "flow_style", False)))
        tree.children = [_tree(child, place) for child in children]
    tree.start, tree.end, tree.column = start.index, end.index, start.column
    return tree
