"""What is played beside the notes: flams made one, the hi-hat's pedal as controller 4, cymbals that are stopped."""

import numpy as np

from drumhits.config.load import MidiConfig
from drumhits.drum_maps import DRUM_MAPS
from drumhits.drums import REJECTED_VELOCITY
from drumhits.io.midi import Track
from drumhits.io.smf import AFTERTOUCH, CONTROL_CHANGE

PEDAL_CONTROLLER, CLOSED = 4, 127  # as Roland's modules send it: 127 is closed, 0 is open
PEDAL_BEFORE_S = 0.01  # the position comes before the stroke that it holds for
TIGHT_MS, RINGING_MS = 60.0, 190.0  # how long a closed and an open hi-hat ring
OPEN_SHARE = {"closed": (0.0, 0.3), "open": (0.4, 1.0), "pedal": (0.0, 0.0)}  # from tight to ringing
CHOKED_MS = 180.0  # a crash that rings shorter was stopped; whole ones ring beyond the 200 ms that are looked at
STOP_VELOCITY = 64
PRESSED, RELEASE_S = 127, 0.05


def played_track(
    name: str, notes: np.ndarray, articulations: np.ndarray, sustain_ms: np.ndarray, config: MidiConfig
) -> Track:
    """Return the track of a stem: its notes, and what is played beside them.

    Parameters
    ----------
    notes : np.ndarray, shape (n,), `NOTE_DTYPE`
        In time order.
    articulations : np.ndarray, shape (n,), str
    sustain_ms : np.ndarray, shape (n,)
        How long each hit rings.
    """
    controls = np.zeros((0, 4))
    if config.merge_flams:
        stays = without_flams(notes, config.merge_flams / 1000)
        notes, articulations, sustain_ms = notes[stays], articulations[stays], sustain_ms[stays]
    if config.hihat_cc4 and name == "hihat":
        is_hit = notes["velocity"] > REJECTED_VELOCITY
        controls = pedal_positions(notes["time_s"][is_hit], articulations[is_hit], sustain_ms[is_hit])
    if config.chokes and "crash" in articulations:
        notes, stops = stopped_cymbals(notes, articulations, sustain_ms, config)
        controls = np.concatenate((controls, stops))
    return Track(name, notes, controls)


def without_flams(notes: np.ndarray, within_s: float) -> np.ndarray:
    """Return which notes are no grace notes: of two that near, the louder one stays; shape (n,), bool.

    Notes are in time order; rejected ones (velocity 1) are left alone.
    """
    stays = np.ones(len(notes), bool)
    last = -1
    for i in np.flatnonzero(notes["velocity"] > REJECTED_VELOCITY).tolist():
        if last >= 0 and notes["time_s"][i] - notes["time_s"][last] < within_s:
            softer = last if notes["velocity"][last] < notes["velocity"][i] else i
            stays[softer] = False
            last = i if softer == last else last
        else:
            last = i
    return stays


def pedal_positions(times_s: np.ndarray, articulations: np.ndarray, sustain_ms: np.ndarray) -> np.ndarray:
    """Return controller messages (`Track.controls`): how open the hi-hat is before each of its strokes."""
    ringing = np.clip((sustain_ms - TIGHT_MS) / (RINGING_MS - TIGHT_MS), 0.0, 1.0)
    tight, wide = np.array([OPEN_SHARE[name] for name in articulations]).reshape(-1, 2).T
    position = np.rint(CLOSED * (1 - tight - (wide - tight) * ringing))
    rows = np.zeros((len(times_s), 4))
    rows[:, 0], rows[:, 1] = times_s - PEDAL_BEFORE_S, CONTROL_CHANGE
    rows[:, 2], rows[:, 3] = PEDAL_CONTROLLER, position
    return rows


def stopped_cymbals(
    notes: np.ndarray, articulations: np.ndarray, sustain_ms: np.ndarray, config: MidiConfig
) -> tuple[np.ndarray, np.ndarray]:
    """Return notes and controller messages in which crashes end where their sound stops short, as the map wants it.

    A map with a note for it gets that note, one with aftertouch gets that; otherwise the note itself ends there.
    """
    drum_map = DRUM_MAPS[config.drum_map]
    is_stopped = (articulations == "crash") & (sustain_ms < CHOKED_MS) & (notes["velocity"] > REJECTED_VELOCITY)
    end_s = notes["time_s"] + sustain_ms / 1000
    stops = notes[is_stopped].copy()
    stops["time_s"], stops["velocity"] = end_s[is_stopped], STOP_VELOCITY
    if "crash" in drum_map.chokes:
        stops["number"] = drum_map.chokes["crash"]
        return np.concatenate((notes, stops)), np.zeros((0, 4))
    if drum_map.aftertouch:
        pressed = np.zeros((len(stops), 4))
        pressed[:, 0], pressed[:, 2] = stops["time_s"], stops["number"]
        pressed[:, 1], pressed[:, 3] = AFTERTOUCH, PRESSED
        released = pressed + np.array([RELEASE_S, 0, 0, -PRESSED])
        return notes, np.concatenate((pressed, released))
    shorter = notes.copy()
    shorter["duration_s"][is_stopped] = sustain_ms[is_stopped] / 1000
    return shorter, np.zeros((0, 4))
