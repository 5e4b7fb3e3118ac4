"""Text that strangers wrote (file names, names in files, settings), made fit for a terminal or a page."""

import re


def escape_controls(text: str) -> str:
    """Return text as one line of letters and signs: what controls a terminal or turns its direction is escaped."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def one_line(text: str, limit: int = 60) -> str:
    """Return text fit for one line of a message: control characters escaped, cut at `limit` characters."""
    return escape_controls(text if len(text) <= limit else text[:limit] + "...")


def without_numbers(text: str) -> str:
    """Return text with a sign in place of each number: what sentences of one kind have in common."""
    return re.sub(r"\d+(\.\d+)?", "#", text)


def clock(seconds: float) -> str:
    """Return a moment or a duration in the manner of a clock, to a millisecond: "0:07.250", "1:02:03.004"."""
    minutes, milliseconds = divmod(round(1000 * seconds), 60_000)
    hours, minutes = divmod(minutes, 60)
    ending = f"{milliseconds // 1000:02d}.{milliseconds % 1000:03d}"
    return f"{hours}:{minutes:02d}:{ending}" if hours else f"{minutes}:{ending}"
