"""Bars -> MusicXML, through music21 (requirements-notation.txt): one staff with a percussion clef and two voices."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from drumhits.drum_maps import GENERAL_MIDI, written_notes
from drumhits.errors import InputError
from drumhits.io.files import NOTATION_SIGNATURE
from drumhits.notation.reading import Bar, Event, read_bars

if TYPE_CHECKING:
    from drumhits.io.grid import Grid
    from drumhits.tempo.strokes import Part

HEADER = (
    b'<?xml version="1.0" encoding="UTF-8"?>' + NOTATION_SIGNATURE + b'\n'
    b'<!DOCTYPE score-partwise PUBLIC "-//Recordare//DTD MusicXML 4.0 Partwise//EN" '
    b'"http://www.musicxml.org/dtds/partwise.dtd">\n'
)
DRUM_CHANNEL = 10
NAMED = 8  # doubtful bars that are named
TEMPO_SHOWN_BPM = 1.0  # a change of tempo from which it is written


class Place(NamedTuple):
    """Where an articulation is written: a line or space as in treble clef, the note head, and its name."""

    position: str
    head: str
    name: str


PLACES = {  # the usual ones of the kit (N. Weinberg, "Guide to Standardized Drumset Notation", 1998)
    "kick": Place("F4", "normal", "Bass drum"),
    "head": Place("C5", "normal", "Snare drum"),
    "cross_stick": Place("C5", "x", "Cross-stick"),
    "high": Place("E5", "normal", "High tom"),
    "mid": Place("D5", "normal", "Middle tom"),
    "low": Place("A4", "normal", "Floor tom"),
    "closed": Place("G5", "x", "Hi-hat, closed"),
    "open": Place("G5", "circle-x", "Hi-hat, open"),
    "pedal": Place("D4", "x", "Hi-hat, pedal"),
    "crash": Place("A5", "x", "Crash cymbal"),
    "ride": Place("F5", "x", "Ride cymbal"),
}


def require_music21() -> None:
    """Make sure that music21 is installed.

    Raises
    ------
    InputError
    """
    try:
        import music21  # noqa: F401
    except ImportError as error:
        raise InputError(
            "--musicxml needs music21; install it with: python -m pip install -r requirements-notation.txt"
        ) from error


def to_musicxml(parts: Sequence["Part"], grid: "Grid", title: str) -> tuple[bytes, str]:
    """Return a song as MusicXML, and a sentence about bars that are hard to read; "" where there is none.

    Raises
    ------
    InputError
        music21 is not installed, or there is nothing to write.
    """
    require_music21()
    bars = read_bars(parts, grid)
    if not bars:
        raise InputError(f"{title}: holds no hit, so there is nothing to write as notation.")
    return _written(bars, title), _doubtful(bars, title)


def _doubtful(bars: Iterable[Bar], title: str) -> str:
    numbers = [str(number) for number, bar in enumerate(bars, start=1) if bar.is_doubtful]
    if not numbers:
        return ""
    more = f" and {len(numbers) - NAMED} more" if len(numbers) > NAMED else ""
    return (
        f"{title}: bars {', '.join(numbers[:NAMED])}{more} of the notation cannot be read as they were played: hits "
        "lie between 16ths and triplets, or several on one of them."
    )


def _written(bars: Sequence[Bar], title: str) -> bytes:
    from music21 import clef, metadata, meter, stream, tempo
    from music21.musicxml.m21ToXml import GeneralObjectExporter

    part = stream.Part(id="Drums")
    part.partName = "Drums"
    shown = None
    for number, bar in enumerate(bars, start=1):
        measure = stream.Measure(number=number)
        if number == 1:
            measure.insert(0, clef.PercussionClef())
        if number == 1 or bar.signature != bars[number - 2].signature:
            measure.insert(0, meter.TimeSignature(str(bar.signature)))
        if shown is None or abs(bar.bpm - shown) >= TEMPO_SHOWN_BPM:
            shown = round(bar.bpm, 1)
            measure.insert(0, tempo.MetronomeMark(number=shown, referent=1.0))
        measure.insert(0, _voice(bar.hands, "up", "1"))
        measure.insert(0, _voice(bar.feet, "down", "2"))
        part.append(measure)
    for measure in part.getElementsByClass(stream.Measure):
        measure.makeBeams(inPlace=True, setStemDirections=False)
    score = stream.Score([part])
    score.metadata = metadata.Metadata(title=title, composer="")
    return _with_instruments(GeneralObjectExporter(score).parse())


def _voice(events: Sequence[Event], stem: str, name: str) -> Any:
    from music21 import stream

    voice = stream.Voice(id=name)
    for event in events:
        voice.insert(event.start, _notation(event, stem))
    return voice


def _notation(event: Event, stem: str) -> Any:
    from music21 import note, percussion

    if not event.strokes:
        rest = note.Rest(quarterLength=event.length)
        rest.style.hideObjectOnPrint = stem == "down"
        return rest
    heads = []
    for stroke in event.strokes:
        place = PLACES[stroke.articulation]
        head = note.Unpitched(displayName=place.position, quarterLength=event.length)
        head.notehead, head.noteheadParenthesis = place.head, stroke.is_ghost
        heads.append(head)
    played = heads[0] if len(heads) == 1 else percussion.PercussionChord(heads, quarterLength=event.length)
    played.stemDirection = stem
    return played


def _with_instruments(musicxml: bytes) -> bytes:
    """Return MusicXML with the drum of each note, so that it plays; music21 has one instrument for a whole chord."""
    from xml.etree import ElementTree

    root = ElementTree.fromstring(musicxml)
    score_part = next(root.iter("score-part"))
    for old in [child for child in score_part if child.tag in ("score-instrument", "midi-instrument")]:
        score_part.remove(old)
    numbers = written_notes(GENERAL_MIDI)
    for name in PLACES:
        instrument = ElementTree.SubElement(score_part, "score-instrument", id=f"drum-{numbers[name]}")
        ElementTree.SubElement(instrument, "instrument-name").text = PLACES[name].name
    for number in (numbers[name] for name in PLACES):
        instrument = ElementTree.SubElement(score_part, "midi-instrument", id=f"drum-{number}")
        ElementTree.SubElement(instrument, "midi-channel").text = str(DRUM_CHANNEL)
        ElementTree.SubElement(instrument, "midi-unpitched").text = str(number + 1)
    drum_at = {(place.position, place.head): numbers[name] for name, place in PLACES.items()}
    for note in root.iter("note"):
        if (unpitched := note.find("unpitched")) is not None:
            head = note.findtext("notehead", "normal")
            position = f"{unpitched.findtext('display-step')}{unpitched.findtext('display-octave')}"
            tag = ElementTree.Element("instrument", id=f"drum-{drum_at[position, head]}")
            note.insert([child.tag for child in note].index("voice"), tag)
    return HEADER + ElementTree.tostring(root, encoding="utf-8")
