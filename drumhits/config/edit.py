"""Replace values in the text of midiconfig.yaml, and leave all else, comments included, as it is."""

from collections.abc import Mapping

from drumhits.config.schema import read_value, settings_in, value_text
from drumhits.config.yamltree import BYTE_ORDER_MARK, Node, pairs, parse
from drumhits.errors import UsageError

Edit = tuple[int, int, str]


def with_values(
    text: str, stem: str, values: Mapping[str, float | None], name: str = "midiconfig.yaml"
) -> str:
    """Return the YAML text with some single values of one stem replaced.

    A missing setting is added at the start of the stem's section, a missing section at the end of the text.

    Parameters
    ----------
    text : str
        The text of a configuration file; may be empty.
    stem : str
        The section to edit.
    values : mapping of key to float, int, bool or None
        Settings that hold one value, such as geomean_threshold.
    name : str
        What to call the text in messages.

    Raises
    ------
    UsageError
        The text is not a configuration, or a value is not one that the setting takes.
    """
    if not values:
        return text
    mark = BYTE_ORDER_MARK if text.startswith(BYTE_ORDER_MARK) else ""
    edited = text.removeprefix(mark)
    root = _checked_tree(edited, name)
    texts = {key: value_text(value) for key, value in values.items()}
    for start, end, replacement in sorted(_edits(edited, root, stem, texts), reverse=True):
        edited = edited[:start] + replacement + edited[end:]
    tree = _checked_tree(edited, name)
    nodes = settings_in(tree) if tree else {}
    for path, value in {f"{stem}.{key}": value for key, value in values.items()}.items():
        if path not in nodes or read_value(path, nodes[path]) != value:
            raise UsageError(f"{name}: {path} could not be replaced; put each setting on a line of its own")
    return mark + edited


def _checked_tree(text: str, name: str) -> Node | None:
    root = parse(text, lambda line: f"{name}:{line}")
    if root:
        settings_in(root)
    return root


def _edits(text: str, root: Node | None, section: str, values: Mapping[str, str]) -> list[Edit]:
    entries = {key.text: (key, node) for key, node in pairs(root)} if root else {}
    if section not in entries:
        return [_new_section(text, root, section, values)]
    key, node = entries[section]
    present = {child.text: value for child, value in pairs(node)}
    edits = [_replacement(present[name], values[name]) for name in values if name in present]
    missing = [f"{name}: {value}" for name, value in values.items() if name not in present]
    if missing:
        edits.append(_insertion(text, key, node, missing))
    return edits


def _replacement(scalar: Node, value: str) -> Edit:
    return scalar.start, scalar.end, f" {value}" if scalar.is_empty else value


def _insertion(text: str, key: Node, section: Node, lines: list[str]) -> Edit:
    if section.flow:
        return _flow_insertion(section, lines)
    indent = section.children[0].column if section.children else key.column + 2
    newline = text.find("\n", key.end)
    return _block_insertion(text, newline + 1 if newline >= 0 else len(text), indent, lines)


def _new_section(text: str, root: Node | None, section: str, values: Mapping[str, str]) -> Edit:
    lines = [f"{name}: {value}" for name, value in values.items()]
    if root and root.flow:
        return _flow_insertion(root, [f"{section}: {{{', '.join(lines)}}}"])
    block = [f"{section}:", *(f"  {line}" for line in lines)]
    return _block_insertion(text, root.end if root else len(text), root.column if root else 0, block)


def _flow_insertion(mapping: Node, items: list[str]) -> Edit:
    start = mapping.start + 1
    return start, start, ", ".join(items) + (", " if mapping.children else "")


def _block_insertion(text: str, start: int, indent: int, lines: list[str]) -> Edit:
    line_end = "\r\n" if "\r\n" in text else "\n"
    opening = "" if start == 0 or text[start - 1] == "\n" else line_end
    return start, start, opening + "".join(f"{' ' * indent}{line}{line_end}" for line in lines)
