"""Simulated DAW exports: a human performance, a user's edits, and what each DAW makes of them, down to the bytes.

Times in seconds on the raw file's line. An `Export` says which part of that line its bytes can speak about.
"""

from dataclasses import dataclass
from itertools import chain

import numpy as np

from drumhits.io.midi import NOTE_DTYPE, Track, decode, encode
from drumhits.io.smf import quantity

RAW_TICKS_PER_S = 1920  # 960 PPQ at 120 BPM, as encode writes
NEW_NOTE = 51


@dataclass(frozen=True)
class Session:
    """A raw file and what the user did to it in the DAW."""

    raw: object  # MidiContent
    is_kept: np.ndarray  # of the raw notes
    added_s: np.ndarray
    beat_s: float  # of the performance

    def notes(self):
        """The notes left after the edits, as columns time, number, velocity."""
        kept = self.raw.notes[self.is_kept]
        old = np.column_stack((kept["time_s"], kept["number"], kept["velocity"]))
        new = np.column_stack((self.added_s, np.full((len(self.added_s), 2), (49, 100))))
        rows = np.concatenate((old, new))
        return rows[np.argsort(rows[:, 0], kind="stable")]


@dataclass(frozen=True)
class Export:
    """A DAW's file, and the part of the raw file's line that it covers; no end where the bytes do not tell it."""

    data: bytes
    start_s: float = 0.0
    end_s: float | None = None


def performance(rng, bars=None):
    """Raw file of a human playing sixteenths, with false hits and double triggers; and the beat in seconds."""
    beat_s = 60 / rng.uniform(70, 170)
    bars = bars or int(rng.integers(6, 17))
    pattern = rng.random(16) < rng.uniform(0.2, 0.5)
    grid = np.flatnonzero(np.tile(pattern, bars) ^ (rng.random(16 * bars) < 0.08))
    hits = 0.5 + grid * beat_s / 4 + rng.normal(rng.normal(0, 0.004), rng.uniform(0.006, 0.012), len(grid))
    doubles = hits[rng.random(len(hits)) < 0.08] + rng.uniform(0.028, 0.04)
    strays = rng.uniform(0, hits[-1] + 2, int(rng.uniform(0.1, 0.5) * len(hits)))
    times = np.sort(np.concatenate((hits, doubles, strays)))
    times = np.maximum(times, 0)[np.concatenate(([True], np.diff(times) > 0.02))]
    notes = np.zeros(len(times), NOTE_DTYPE)
    notes["time_s"], notes["number"], notes["duration_s"] = times, 49, 0.02
    notes["velocity"] = np.clip(rng.normal(80, 20, len(times)), 2, 127)
    return decode(encode([Track("cymbals", notes)])), beat_s


def session(rng):
    """A performance with 10 to 60 % of its notes deleted and a few added."""
    raw, beat_s = performance(rng)
    is_kept = rng.random(len(raw.notes)) >= rng.uniform(0.1, 0.6)
    is_kept[rng.integers(len(is_kept), size=8)] = True
    added = rng.uniform(0.5, raw.notes["time_s"][-1], int(rng.integers(0, 4)))
    clear = np.min(np.abs(added[:, None] - raw.notes["time_s"]), axis=1, initial=9.0) > 0.03
    return Session(raw, is_kept, np.sort(added[clear]), beat_s)


def heavy_session(rng, deleted, added, on_grid=True):
    """A performance of which a share of the notes was deleted, and as many times `added` as it had were drawn.

    The drawn notes are strokes on the grid as they were played, or anywhere; all are clear of the raw notes.
    """
    raw, beat_s = performance(rng)
    raw_s = raw.notes["time_s"]
    is_kept = rng.random(len(raw_s)) >= deleted
    is_kept[rng.integers(len(raw_s), size=8)] = True
    drawn = rng.uniform(0.5, raw_s[-1], 4 * len(raw_s))
    if on_grid:
        drawn = 0.5 + np.rint((drawn - 0.5) / (beat_s / 4)) * beat_s / 4 + rng.normal(0, 0.009, len(drawn))
    drawn = np.sort(drawn)
    clear = np.min(np.abs(drawn[:, None] - raw_s), axis=1) > 0.03
    drawn = drawn[clear & (np.diff(drawn, prepend=-1) > 0.02)]
    wanted = min(len(drawn), round(added * len(raw_s)))
    return Session(raw, is_kept, np.sort(rng.choice(drawn, wanted, replace=False)), beat_s)


def machine(times_s):
    """A raw file of a machine: all notes of one number and velocity."""
    notes = np.zeros(len(times_s), NOTE_DTYPE)
    notes["time_s"], notes["number"], notes["velocity"], notes["duration_s"] = times_s, 49, 80, 0.02
    return decode(encode([Track("cymbals", notes)]))


def write(
    rows, *, ppq=960, bpm=120.0, tempo=True, kind=1, channel=9, running=False, first_delta=None, end_s=None
):
    """Bytes of a MIDI file of rows (time, number, velocity), seconds turned into ticks at `bpm`."""
    ticks_per_s = ppq * bpm / 60
    on = np.rint(rows[:, 0] * ticks_per_s).astype(int)
    events = [(t, 1, int(n), int(v)) for t, n, v in zip(on, rows[:, 1], rows[:, 2], strict=True)]
    events += [(t + max(1, ppq // 32), 0, n, 0) for t, _, n, _ in events]
    body, now = bytearray(), 0
    tempo_event = b"\x00\xff\x51\x03" + round(6e7 / bpm).to_bytes(3, "big")
    if tempo and kind == 0:
        body += tempo_event
    if first_delta is not None:
        body += first_delta + b"\xff\x06\x01M"
    previous = None
    for tick, is_on, number, velocity in sorted(events):
        status = 0x90 + channel if is_on or running else 0x80 + channel
        body += quantity(tick - now) + (b"" if running and status == previous else bytes([status]))
        body += bytes([number, velocity])
        previous, now = status, tick
    rest = max(0, round(end_s * ticks_per_s) - now) if end_s is not None else 0
    body += quantity(rest) + b"\xff\x2f\x00"
    conductor = (tempo_event if tempo else b"") + b"\x00\xff\x2f\x00"
    tracks = [bytes(body)] if kind == 0 else [conductor, bytes(body)]
    header = b"MThd" + (6).to_bytes(4, "big")
    header += b"".join(x.to_bytes(2, "big") for x in (kind, len(tracks), ppq))
    return header + b"".join(b"MTrk" + len(track).to_bytes(4, "big") + track for track in tracks)


def write_tracks(tracks, channels, kind=1, ppq=960):
    """Bytes of a MIDI file with several tracks of rows, or with all of them in one, each on its channel."""
    events = [
        [(round(2 * ppq * row[0]), bytes((0x90 + channel, int(row[1]), int(row[2])))) for row in rows]
        for rows, channel in zip(tracks, channels, strict=True)
    ]
    bodies = [_body(sorted(track)) for track in (events if kind else [list(chain(*events))])]
    header = b"MThd" + (6).to_bytes(4, "big") + b"".join(x.to_bytes(2, "big") for x in (kind, len(bodies), ppq))
    return header + b"".join(b"MTrk" + len(body).to_bytes(4, "big") + body for body in bodies)


def _body(events):
    deltas = np.diff([tick for tick, _ in events], prepend=0).tolist()
    body = b"".join(quantity(delta) + message for delta, (_, message) in zip(deltas, events, strict=True))
    return body + b"\x00\xff\x2f\x00"


def shifted(rows, by_s):
    return rows + np.array([by_s, 0, 0])


def whole_length(rng, s):
    end_s = s.raw.notes["time_s"][-1] + rng.uniform(0.5, 4)
    return Export(write(s.notes(), end_s=end_s), end_s=end_s)


def no_tempo_type_0(rng, s):
    return Export(write(s.notes(), ppq=96, kind=0, tempo=False, channel=0))


def other_tempo_ticks_kept(rng, s):
    """The ticks of 120 BPM, stated to run at another tempo."""
    data = write(s.notes(), ppq=960, bpm=120)
    other = round(6e7 / rng.choice([120.1, 119.9, 121, 97, 140, 90.5])).to_bytes(3, "big")
    set_tempo = b"\xff\x51\x03"
    return Export(data.replace(set_tempo + (500000).to_bytes(3, "big"), set_tempo + other))


def other_tempo_seconds_kept(rng, s):
    return Export(write(s.notes(), ppq=480, bpm=round(rng.uniform(60, 200), 2)))


def later_by_bars(rng, s):
    by_s = 4 * s.beat_s * int(rng.integers(1, 9))
    return Export(write(shifted(s.notes(), by_s), ppq=480), start_s=-by_s)


def leading_silence_removed(rng, s):
    start_s = s.notes()[0, 0]
    return Export(write(shifted(s.notes(), -start_s), ppq=480), start_s=start_s)


def _crop(rng, s):
    rows, raw_s = s.notes(), s.raw.notes["time_s"]
    start_s = rng.uniform(0.1, 0.4) * raw_s[-1]
    end_s = start_s + rng.uniform(0.35, 0.55) * raw_s[-1]
    return rows[(rows[:, 0] >= start_s) & (rows[:, 0] < end_s)], start_s, end_s


def cropped(rng, s):
    """A range whose end of track is where the range ends."""
    rows, start_s, end_s = _crop(rng, s)
    return Export(write(shifted(rows, -start_s), end_s=end_s - start_s), start_s, end_s)


def cropped_end_at_last_note(rng, s):
    rows, start_s, _ = _crop(rng, s)
    return Export(write(shifted(rows, -start_s), ppq=96, kind=0, tempo=False), start_s, rows[-1, 0])


def quantised(rng, s):
    """On the sixteenths of the performance, except notes drawn later; half of the time all velocities are made one."""
    rows, step_s = s.notes(), s.beat_s / 4
    is_drawn = np.isin(rows[:, 0], s.added_s)
    on_grid = np.maximum(0, 0.5 + np.rint((rows[:, 0] - 0.5) / step_s) * step_s)
    rows[:, 0] = np.where(is_drawn, rows[:, 0], on_grid)
    rows[:, 2] = rows[:, 2] if rng.random() < 0.5 else 100
    return Export(write(rows))


def renoted(rng, s):
    rows = s.notes()
    changed = rng.random(len(rows)) < 0.4
    rows[changed, 1] = rng.choice([NEW_NOTE, 57, 22, 96], np.count_nonzero(changed))
    return Export(write(rows, ppq=480))


def channel_and_tracks(rng, s):
    return Export(write(s.notes(), channel=int(rng.integers(16)), kind=int(rng.integers(2))))


def running_status(rng, s):
    return Export(write(s.notes(), ppq=480, running=True))


def wrapped_delta(rng, s):
    """A first delta of 4294967168 (-128), written in five bytes."""
    return Export(write(s.notes(), first_delta=b"\x8f\xff\xff\xff\x00"))


def any_ppq(rng, s):
    return Export(write(s.notes(), ppq=int(rng.choice([24, 48, 96, 120, 192, 240, 384, 480, 960]))))


BEHAVIOURS = {
    f.__name__: f
    for f in (
        whole_length,
        no_tempo_type_0,
        other_tempo_ticks_kept,
        other_tempo_seconds_kept,
        later_by_bars,
        leading_silence_removed,
        cropped,
        cropped_end_at_last_note,
        quantised,
        renoted,
        channel_and_tracks,
        running_status,
        wrapped_delta,
        any_ppq,
    )
}
