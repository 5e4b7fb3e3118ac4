"""Notes <-> Standard MIDI File: a strict writer and a tolerant reader.

Notes are rows of `NOTE_DTYPE`, times in seconds; positions in a tempo map are in beats (quarter notes).
"""

import re
import stat
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from drumhits.errors import InputError, UsageError
from drumhits.io import smf
from drumhits.io.grid import (
    DEFAULT_TEMPO_BPM,
    MAX_TEMPO_BPM,
    MIN_TEMPO_BPM,
    US_PER_MINUTE,
    Grid,
    Signature,
    TempoMap,
    even_grid,
)

NOTE_DTYPE = np.dtype(
    [("tick", "i8"), ("time_s", "f8"), ("number", "i2"), ("velocity", "i2"), ("duration_s", "f8")]
)
PPQ = 960
N_CHANNELS = 16
MAX_FILE_BYTES = 32 * 2**20
MAX_TICK = 2**31 - 1
MAX_DELTA = 2**28 - 1
C1_CONTROL = re.compile(rb"[\x80-\x9f]")


@dataclass(frozen=True, eq=False)
class MidiContent:
    """What a MIDI file says about hits.

    Attributes
    ----------
    notes : np.ndarray, shape (n,), `NOTE_DTYPE`
        Note-ons of all tracks and channels, sorted by time and number.
    parts : np.ndarray, shape (n,), int
        Track and channel of each note, as one number: the channel, from 0 on, is what N_CHANNELS leaves of it.
    ppq : int
        Ticks per beat; `tempo.seconds(notes["tick"] / ppq)` is `notes["time_s"]`.
    tempo : TempoMap
        One map from all tracks; 120 BPM where the file has none.
    has_tempo : bool
        Whether the file itself says how long a tick is.
    end_s : float
        End of the longest track.
    texts : tuple of str
        Text events, in file order.
    warnings : tuple of str
        What was mended while reading, as sentences for the user.
    signatures : tuple of Signature
        Time signatures of all tracks.
    """

    notes: np.ndarray
    parts: np.ndarray
    ppq: int
    tempo: TempoMap
    has_tempo: bool
    end_s: float
    texts: tuple[str, ...]
    warnings: tuple[str, ...]
    signatures: tuple[Signature, ...] = ()


@dataclass(frozen=True, eq=False)
class Track:
    """A named track to write: notes as `NOTE_DTYPE`, in any order; their ticks follow from `time_s`.

    `controls` are other messages: columns time in seconds, status without channel, and two data bytes.
    """

    name: str
    notes: np.ndarray
    controls: np.ndarray = field(default_factory=lambda: np.zeros((0, 4)))


def encode(
    tracks: Iterable[Track],
    *,
    tempo_bpm: float = DEFAULT_TEMPO_BPM,
    channel: int = 10,
    texts: Iterable[str] = (),
    grid: Grid | None = None,
) -> bytes:
    """Return a type 1 MIDI file of 960 ticks per beat: a tempo track that holds `texts`, then `tracks`.

    `grid` holds in place of `tempo_bpm`; its tempo changes and bar lines lie on ticks.

    Times before 0 become 0. A note lasts at least a tick and ends where the next one of its number begins;
    of two notes of one number at one tick, the louder one is written.

    Raises
    ------
    UsageError
        Tempo outside 4 to 1000 BPM, channel outside 1 to 16.
    ValueError
        A time that is not finite or beyond 2**28 ticks (38 hours at 120 BPM), or a number outside 0 to 127.
    """
    if not MIN_TEMPO_BPM <= tempo_bpm <= MAX_TEMPO_BPM:
        raise UsageError(
            f"tempo {tempo_bpm:g} BPM does not fit into MIDI; give {MIN_TEMPO_BPM:g} to {MAX_TEMPO_BPM:g}."
        )
    if channel not in range(1, 17):
        raise UsageError(f"MIDI channel {channel} does not exist; give 1 to 16 (drums: 10).")
    grid = grid or even_grid(tempo_bpm)
    bodies = [_encode_conductor(grid, texts), *(_encode_track(track, grid.tempo, channel) for track in tracks)]
    header = b"".join(field.to_bytes(2, "big") for field in (1, len(bodies), PPQ))
    return smf.chunk(b"MThd", header) + b"".join(
        smf.chunk(b"MTrk", body + smf.meta_event(smf.END_OF_TRACK)) for body in bodies
    )


def _encode_conductor(grid: Grid, texts: Iterable[str]) -> bytes:
    """Return the tempo track: tempos and time signatures, and the texts after those of the start."""
    events = [
        (round(beat * PPQ), smf.meta_event(smf.SET_TEMPO, int(us).to_bytes(3, "big")))
        for beat, us in zip(grid.tempo.beats.tolist(), grid.tempo.us_per_beat.tolist(), strict=True)
    ]
    events += [
        (round(one.beat * PPQ), smf.meta_event(smf.TIME_SIGNATURE, smf.signature(one.numerator, one.denominator)))
        for one in grid.signatures
    ]
    events += [(0, smf.meta_event(smf.TEXT, text.encode("utf-8", "replace"))) for text in texts]
    body, now = b"", 0
    for tick, event in sorted(events, key=lambda timed: timed[0]):
        body += smf.quantity(tick - now) + event[1:]  # in place of its delta time of 0
        now = tick
    return body


def _encode_track(track: Track, tempo: TempoMap, channel: int) -> bytes:
    notes = _without_overlaps(track.notes, tempo)
    n = len(notes)
    events = np.zeros((2 * n, 4), dtype=np.int64)  # tick, status, number, velocity
    events[:n] = np.column_stack((notes["off"], np.full(n, smf.NOTE_OFF), notes["number"], np.zeros(n, int)))
    events[n:] = np.column_stack((notes["on"], np.full(n, smf.NOTE_ON), notes["number"], notes["velocity"]))
    controls = track.controls.copy()
    controls[:, 0] = np.rint(tempo.beats_at(np.maximum(controls[:, 0], 0.0)) * PPQ)
    events = np.concatenate((events, controls.astype(np.int64)))
    events[:, 1] += channel - 1
    in_order = np.where(events[:, 1] >= smf.CONTROL_CHANGE, smf.NOTE_OFF, events[:, 1])  # a pedal before its stroke
    events = events[np.lexsort((events[:, 2], in_order, events[:, 0]))]
    deltas = np.diff(events[:, 0], prepend=0).tolist()
    messages = events[:, 1:].tolist()
    return smf.meta_event(smf.TRACK_NAME, track.name.encode("utf-8", "replace")) + b"".join(
        smf.quantity(delta) + bytes(message) for delta, message in zip(deltas, messages, strict=True)
    )


def _without_overlaps(notes: np.ndarray, tempo: TempoMap) -> np.ndarray:
    """Return notes in ticks (on, off, number, velocity), one number never sounding twice at a time."""
    start_s = np.maximum(notes["time_s"], 0.0)
    on = np.rint(tempo.beats_at(start_s) * PPQ)
    off = np.maximum(np.rint(tempo.beats_at(start_s + notes["duration_s"]) * PPQ), on + 1)
    if not np.all(off <= MAX_DELTA):
        raise ValueError("note times must be finite and below 2**28 ticks")
    if np.any((notes["number"] < 0) | (notes["number"] > 127)):
        raise ValueError("note numbers must lie between 0 and 127")
    velocity = np.clip(notes["velocity"], 1, 127)
    timed = np.rec.fromarrays([on, off, notes["number"], velocity], names="on,off,number,velocity")  # type: ignore[call-overload]
    timed = timed[np.lexsort((velocity, on, timed["number"]))]
    is_loudest = np.append((np.diff(timed["number"]) != 0) | (np.diff(timed["on"]) > 0), True)
    timed = timed[is_loudest[: len(timed)]]
    next_on = np.where(np.diff(timed["number"]) == 0, timed["on"][1:], np.inf)
    timed["off"][:-1] = np.minimum(timed["off"][:-1], next_on)
    return np.asarray(timed)


def read_midi(path: str | Path) -> MidiContent:
    """Read the notes of a MIDI file.

    Raises
    ------
    InputError
        The file cannot be read, is larger than 32 MB, or is refused by `decode`.
    """
    return decode(read_midi_bytes(path), name=str(path))


def read_midi_bytes(path: str | Path) -> bytes:
    """Return the bytes of a file, one more than `decode` takes at the most.

    Raises
    ------
    InputError
        The file cannot be read.
    """
    path = Path(path)
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise InputError(f"{path} is not a file (a folder or a device); give the MIDI file itself.")
        with path.open("rb") as file:
            return file.read(MAX_FILE_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{path} cannot be read ({reason}); check the name and the permissions.") from error


def decode(data: bytes, name: str = "MIDI data") -> MidiContent:
    """Return the notes, tempo map and texts of a MIDI file, mending what DAWs and accidents do to it.

    A note lasts until the next event of its number in its track and channel, note-off or note-on, else to the
    end of its track. `name` is what the messages call the data.

    Raises
    ------
    InputError
        Not MIDI, empty, over 32 MB, over 400,000 events, type 2 with notes in several tracks, zero or unknown time
        division.
    """
    if len(data) > MAX_FILE_BYTES:
        raise InputError(f"{name} is over 32 MB, more than any drum part; export the drum track alone.")
    events = smf.parse(data, name)
    on, off, number, velocity, parts = _note_spans(events)
    shift = -on.min(initial=0)
    tempo = _tempo_map(events, shift)
    notes = np.zeros(len(on), dtype=NOTE_DTYPE)
    notes["tick"] = on + shift
    notes["number"], notes["velocity"] = np.minimum(number, 127), np.minimum(velocity, 127)
    notes["time_s"] = tempo.seconds(notes["tick"] / events.ppq)
    notes["duration_s"] = tempo.seconds((off + shift) / events.ppq) - notes["time_s"]
    end_tick = max(off.max(initial=0), _clip(events.track_ends).max(initial=0)) + shift
    unended, missing = events.unended_tracks, max(0, events.announced_tracks - len(events.track_ends))
    clamped = np.count_nonzero(np.maximum(number, velocity) > 127)
    mended = (
        (unended, "has {} track(s) without an end, so it may be cut off; the notes before are used"),
        (missing, "announces {} track(s) more than it holds, so it may be cut off"),
        (events.notes_behind_end, "has an end of track before {} of its note(s), which are used all the same"),
        (clamped, "has {} note(s) with a value over 127, taken as 127"),
        (events.bad_tempos, "has {} tempo event(s) without a tempo, which are ignored"),
        (shift, "begins {} tick(s) before time 0 and is moved later by as much"),
    )
    in_time = np.lexsort((notes["number"], notes["time_s"]))
    return MidiContent(
        notes=notes[in_time],
        parts=parts[in_time],
        ppq=events.ppq,
        tempo=tempo,
        has_tempo=bool(events.tempos) or events.beat_us is not None,
        end_s=float(tempo.seconds(end_tick / events.ppq)),
        texts=tuple(_decode_text(text) for text in events.texts),
        warnings=tuple(f"{name} {what.format(count)}." for count, what in mended if count),
        signatures=_signatures(events, shift),
    )


def _signatures(events: smf.Events, shift: int) -> tuple[Signature, ...]:
    """Return the time signatures of all tracks, of several at one tick the last one; none where ticks are no beats."""
    if events.beat_us is not None:
        return ()
    by_tick = {tick + int(shift) if tick > 0 else 0: value for tick, *value in sorted(events.signatures)}
    return tuple(Signature(tick / events.ppq, *value) for tick, value in by_tick.items())


def _note_spans(events: smf.Events) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return the ticks of start and end, the number, the velocity and the part of each note, in file order."""
    ticks, messages = _clip(events.ticks), np.array(events.messages, dtype=np.int64)
    status, number, velocity = messages >> 16, messages >> 8 & 0xFF, messages & 0xFF
    track = np.repeat(np.arange(len(events.track_sizes)), np.array(events.track_sizes, dtype=np.int64))
    part = track * N_CHANNELS + (status & 0x0F)
    voice = part * 256 + number
    by_voice = np.argsort(voice, kind="stable")
    is_last = np.append(np.diff(voice[by_voice]) != 0, True)[: len(voice)]
    off = _clip(events.track_ends)[track]
    off[by_voice[~is_last]] = ticks[np.roll(by_voice, -1)[~is_last]]
    starts = (status >= smf.NOTE_ON) & (velocity > 0)
    return ticks[starts], np.maximum(off, ticks)[starts], number[starts], velocity[starts], part[starts]


def _tempo_map(events: smf.Events, shift: int) -> TempoMap:
    """Return the tempo events of all tracks as one map; of several at one tick, the last one holds."""
    if events.beat_us is not None:
        return TempoMap(beats=np.zeros(1), us_per_beat=np.array([events.beat_us]))
    ticks = _clip(events.tempo_ticks)
    ticks = np.append(0, np.where(ticks > 0, ticks + shift, 0))
    us_per_beat = np.append(US_PER_MINUTE / DEFAULT_TEMPO_BPM, np.array(events.tempos))
    in_time = np.argsort(ticks, kind="stable")
    is_last = np.append(np.diff(ticks[in_time]) > 0, True)
    kept = in_time[is_last]
    return TempoMap(beats=ticks[kept] / events.ppq, us_per_beat=us_per_beat[kept])


def _clip(ticks: Iterable[int]) -> np.ndarray:
    return np.clip(np.array(ticks, dtype=np.int64), -MAX_TICK, MAX_TICK)


def _decode_text(text: bytes) -> str:
    """Decode UTF-8, else Shift-JIS where Latin-1 would have control characters, else Latin-1."""
    with suppress(UnicodeDecodeError):
        return text.decode("utf-8")
    if C1_CONTROL.search(text):
        with suppress(UnicodeDecodeError):
            return text.decode("cp932")
    return text.decode("latin-1")
