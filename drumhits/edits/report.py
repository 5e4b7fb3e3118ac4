"""Labelled songs -> how their edits were read: a line each, and a row for each note as CSV."""

import csv
import io
from collections.abc import Iterable

import numpy as np

from drumhits.edits.labels import DECISIONS, IS_MISSED, PAIR_DTYPE
from drumhits.edits.songs import LabelledSong
from drumhits.io.text import clock

MISSED_SHOWN = 8  # times in a line


def report_line(song: LabelledSong) -> str:
    """Return a line: how a song's edited MIDI was aligned, and how many hits of each label it gives."""
    labels, alignment = song.labels, song.labels.alignment
    if alignment is None:
        how = "no note in the edited file"
    else:
        scale = f", scale {alignment.scale:.5f}" if abs(alignment.scale - 1) > 5e-6 else ""
        how = f"{alignment.hypothesis}, offset {alignment.offset_s:+.3f} s{scale}"
    numbers: dict[str, int] = {
        "matched": labels.matched,
        "kept": labels.kept,
        "removed": labels.removed,
        "re-noted": labels.renoted,
        "added with a candidate": labels.added_with_candidate,
        "added without one (missed by the detector)": labels.added_without_candidate,
        "unlabelled": labels.unlabelled,
    }
    if not labels.renoted:
        del numbers["re-noted"]
    line = f"{song.name}: {how}: " + ", ".join(f"{count} {what}" for what, count in numbers.items())
    return line + (f" (next best: {alignment.runner_up})" if alignment and alignment.runner_up else "")


def missed_line(song: LabelledSong) -> str:
    """Return a line with the times of the added notes that no candidate lies at; "" where there is none."""
    pairs = song.labels.pairs
    times_s = pairs["edited_s"][pairs["decision"] == DECISIONS[IS_MISSED]]
    if not len(times_s):
        return ""
    shown = ", ".join(clock(time_s) for time_s in times_s[:MISSED_SHOWN])
    more = f" and {len(times_s) - MISSED_SHOWN} more" if len(times_s) > MISSED_SHOWN else ""
    return f"  added where the detector finds nothing, and not learned from: {shown}{more}"


def decisions_csv(songs: Iterable[LabelledSong]) -> str:
    """Return the decisions about the notes of songs as CSV.

    A row for each raw note and each added one: song, times in seconds on the raw file's line, notes, decision.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["song", *(PAIR_DTYPE.names or ())])
    for song in songs:
        for raw_s, edited_s, note, edited_note, decision in song.labels.pairs:
            times = ["" if np.isnan(time_s) else f"{time_s:.6f}" for time_s in (raw_s, edited_s)]
            numbers = ["" if number < 0 else number for number in (note, edited_note)]
            writer.writerow([song.name, *times, *numbers, decision])
    return text.getvalue()
