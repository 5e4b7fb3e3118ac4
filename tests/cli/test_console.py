"""What reaches the terminal: names as they are, no code that steers it, and no bar in the middle of a line."""

import io
import sys

import pytest

from drumhits.cli.console import Console

CLEAR = "\r\x1b[K"


class Terminal(io.TextIOWrapper):
    """A stream that says it is a terminal, and keeps what is written."""

    def __init__(self, encoding="utf-8"):
        super().__init__(io.BytesIO(), encoding=encoding, write_through=True)

    def isatty(self):
        return True

    @property
    def text(self):
        return self.buffer.getvalue().decode(self.encoding)


def one_terminal(monkeypatch):
    """Return the terminal that both streams are from now on."""
    both = Terminal()
    monkeypatch.setattr(sys, "stdout", both)
    monkeypatch.setattr(sys, "stderr", both)
    return both


@pytest.mark.parametrize("say", ["data", "message", "warning", "error"])
def test_the_bar_is_cleared_before_anything_is_printed(monkeypatch, say):
    terminal = one_terminal(monkeypatch)
    console = Console("x.py")
    console.progress(1, 5, "Song1 kick")
    assert terminal.text.endswith("left: Song1 kick")
    getattr(console, say)("Song1 kick: 3 hits")
    bar, _, line = terminal.text.rpartition(CLEAR)
    assert "1/5" in bar
    assert line.endswith("Song1 kick: 3 hits\n")
    assert "\n" not in bar


def test_nothing_is_cleared_where_no_bar_was_drawn(monkeypatch):
    terminal = one_terminal(monkeypatch)
    console = Console("x.py")
    console.data("a")
    console.message("b")
    console.progress(5, 5, "c")
    console.data("d")
    assert terminal.text.count("\x1b") == 2, "one for the bar, one to clear it"


@pytest.mark.parametrize(
    ("encoding", "shown"), [("utf-8", "Übung 太鼓\\u202e\\x1b"), ("ascii", "\\xdcbung \\u592a\\u9f13\\u202e\\x1b"),
                            ("latin-1", "Übung \\u592a\\u9f13\\u202e\\x1b")]
)  # fmt: skip
def test_names_are_shown_as_they_are_where_the_terminal_can(monkeypatch, encoding, shown):
    out, err = Terminal(encoding), Terminal(encoding)
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    console = Console("x.py")
    console.data("Übung 太鼓\u202e\x1b")
    console.message("Übung 太鼓\u202e\x1b")
    assert out.text == f"{shown}\n"
    assert err.text == f"x.py: {shown}\n"
