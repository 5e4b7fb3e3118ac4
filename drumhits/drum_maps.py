"""Drum maps: which MIDI note plays which articulation, in samplers, modules and notation programs.

Each row is what a public source says, named above it; a map without one is not here (BFD3, Studio Drummer and Ableton's
Drum Racks: their numbers are in the products alone, or differ from kit to kit). The first note of an articulation is
the one that is written, the others are read as it in edited files: half-open notes of a hi-hat as open, foot splashes
as its pedal. They are not written, since the sound hardly tells them. Of three recorded hi-hats with strokes that are
called half-open, two let these ring as long and as loud as open ones, and the third differs from 250 ms after the
stroke on, when the next one has mostly come; in songs of them, separated again, a classifier on all features of the
other kits ranked half-open and open strokes at 0.53 to 0.56 (area under the curve; 0.5 is chance). No free kit with a
foot splash was found.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

Notes = tuple[int, ...]


class DrumMap(NamedTuple):
    """A drum map.

    Attributes
    ----------
    title : str
        What it is for.
    notes : dict of str to tuple of int
        Articulation (`drums.PROFILES`) to its notes.
    chokes : dict of str to int
        Cymbal to the note that stops it.
    aftertouch : bool
        Whether polyphonic aftertouch on a cymbal's note stops it.
    """

    title: str
    notes: dict[str, Notes]
    chokes: Mapping[str, int] = MappingProxyType({})
    aftertouch: bool = False


def _notes(
    kick: Notes, head: Notes, cross_stick: Notes, toms: tuple[Notes, Notes, Notes], hihat: tuple[Notes, Notes, Notes],
    crash: Notes, ride: Notes,
) -> dict[str, Notes]:  # fmt: skip
    names = ("kick", "head", "cross_stick", "high", "mid", "low", "closed", "open", "pedal", "crash", "ride")
    return dict(zip(names, (kick, head, cross_stick, *toms, *hihat, crash, ride), strict=True))


GENERAL_MIDI = "general-midi"

DRUM_MAPS = {
    # General MIDI System Level 1, percussion key map (MIDI Manufacturers Association, RP-003).
    GENERAL_MIDI: DrumMap(
        "General MIDI, and samplers laid out like it",
        _notes((36, 35), (38, 40), (37, 39), ((50, 48), (47, 45), (43, 41)), ((42,), (46,), (44,)),
               (49, 57, 52, 55), (51, 59, 53)),
    ),
    # Superior Drummer 3: key list in the class DrumMapper of a public converter from Superior Drummer 3 to GGD Invasion
    # (Crash 1 Hit 55, Mute 56; Hi Hat Closed Tip 42, Open 3 26, Pedal Close Foot 21; Racktom 1 48, 2 47; Floortom 1 43;
    # Ride 1 Bow 51, Mute 83). EZdrummer and its EZX: note tables of a public drum mapping program (HiHat Closed 42,
    # Open 46, Open 1 24, Open 2 25, Open 3 26, Pedal 44, Pedal Chick 21, Foot Splash 23), which agree with it.
    "superior-drummer-3": DrumMap(
        "Superior Drummer 3, EZdrummer 3",
        _notes((36, 35), (38, 40), (37,), ((48,), (47, 45), (43, 41)),
               ((42, 22, 61, 62, 63), (26, 24, 25, 60, 17, 46), (21, 44, 23)), (55, 49, 57, 52), (51, 59, 53)),
        chokes={"crash": 56, "ride": 83},
    ),
    # XLN Audio, "Addictive Drums 2 Keymap" (PDF of 2 June 2021, support.xlnaudio.com, article 16925247222045; HH Open A
    # to D 54 to 57, Foot Splash 59).
    "addictive-drums-2": DrumMap(
        "Addictive Drums 2",
        _notes((36,), (38, 37, 39, 40, 41, 43), (42, 44), ((71, 72), (69, 70), (67, 68, 65, 66)),
               ((49, 50, 51, 52, 53), (56, 54, 55, 57, 58), (48, 59)), (77, 46, 79, 81, 89, 91, 93),
               (60, 45, 61, 62, 84, 85, 86)),
        chokes={"crash": 78, "ride": 63},
    ),
    # Steven Slate Drums 5: getSSD5Mapping() of a public sampler's source, and the note names for REAPER of a public
    # script ("hihat open tip" 71, "hihat 3/5 tip" 69, "hihat pedal" 72, "hihat footsplash" 73, "ride choke" 58,
    # "crash R edge" 57, its choke 56); they agree.
    "ssd5": DrumMap(
        "Steven Slate Drums 5 (SSD5)",
        _notes((36, 35), (38, 40, 33), (37, 39, 34), ((48,), (47,), (43, 41)),
               ((42, 60, 61, 66, 67, 22), (71, 62, 63, 64, 65, 68, 69, 70), (44, 72, 73)), (57, 55, 91, 92),
               (51, 52, 59, 53)),
        chokes={"crash": 56, "ride": 58},
    ),
    # Roland, "TD-17: Default Factory MIDI Note Map" (support.roland.com, article 360005173411); aftertouch stops
    # cymbals: TD-17 MIDI Implementation, Polyphonic Key Pressure.
    "roland-td": DrumMap(
        "Roland TD modules (TD-11, TD-17, TD-27)",
        _notes((36,), (38, 40), (37,), ((48, 50), (45, 47), (43, 58)), ((42, 22), (46, 26), (44,)),
               (49, 55, 57, 52), (51, 59, 53)),
        aftertouch=True,
    ),
    # Alesis, "Nitro Drum Module User Guide" v1.2, page 38, pad MIDI note numbers (half-open 23, splash 21). The module
    # has no cross-stick of its own: the snare's rim is 40.
    "alesis": DrumMap(
        "Alesis modules (Nitro)",
        _notes((36,), (38,), (40,), ((48, 50), (45, 47), (43, 58, 41)), ((42,), (46, 23), (44, 21)), (49, 57), (51,)),
    ),
    # MuseScore, libmscore/drumset.cpp, initDrumset().
    "musescore": DrumMap(
        "MuseScore's drumset",
        _notes((36, 35), (38, 40), (37,), ((50, 48), (47, 45), (43, 41)), ((42,), (46,), (44,)),
               (49, 57, 52, 55), (51, 59, 53)),
    ),
    # Apple, "Drum Kit Designer mappings" (support.apple.com, Logic Pro), GM Standard input mapping; the same numbers in
    # the Scripter preset "Drum Kit Designer Mapper" (hhFootClose 33, hhFootSplash 31, crashLeftStop 28, highMidTom 47,
    # lowMidTom 45).
    "drum-kit-designer": DrumMap(
        "Logic Pro's Drum Kit Designer",
        _notes((36, 35), (38, 34, 40, 32), (37,), ((48, 50), (45, 47), (41, 43)), ((42, 44), (46,), (33, 31)),
               (49, 57), (51, 59, 52, 53)),
        chokes={"crash": 28},
    ),
    # Guitar Pro 7: list of percussion articulations in alphaTab's reference (alphatab.net, percussionArticulation), and
    # its PercussionMapper: Snare (hit, rim shot, side stick) 38, 91, 37; Hi-Hat (closed, half, open) 42, 92, 46.
    "guitar-pro": DrumMap(
        "Guitar Pro",
        _notes((36, 35), (38, 40, 91, 34), (37, 31, 33), ((48,), (47,), (45, 43, 41)), ((42,), (46, 92), (44,)),
               (49, 57, 55, 52), (51, 59, 53, 93)),
    ),
}  # fmt: skip


def written_notes(name: str) -> dict[str, int]:
    """Return the note that is written for each articulation."""
    return {articulation: notes[0] for articulation, notes in DRUM_MAPS[name].notes.items()}


def to_general_midi(name: str) -> dict[int, int]:
    """Return the General MIDI note of each note of a map."""
    general = written_notes(GENERAL_MIDI)
    return {
        note: general[articulation] for articulation, notes in DRUM_MAPS[name].notes.items() for note in notes
    }


def listing() -> str:
    """Return the names of all maps, what they are for, and what they write, a line each."""
    width = max(map(len, DRUM_MAPS))
    rows = [f"{name:<{width}}  {one.title}: {_numbers(name)}" for name, one in DRUM_MAPS.items()]
    return "\n".join(rows)


def _numbers(name: str) -> str:
    return ", ".join(f"{articulation} {note}" for articulation, note in written_notes(name).items())
