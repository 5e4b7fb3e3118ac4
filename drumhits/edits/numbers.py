"""Notes of any drum map -> General MIDI, in which raw and edited files are compared."""

from dataclasses import replace

import numpy as np

from drumhits.config.load import FrozenMapping, StemConfig
from drumhits.drum_maps import GENERAL_MIDI, to_general_midi, written_notes
from drumhits.io.midi import MidiContent

NO_DRUM = 0  # a note that is of no drum of the kit


def in_general_midi(
    raw: MidiContent, edited: MidiContent, config: StemConfig, raw_map: str, edited_map: str | None
) -> tuple[MidiContent, MidiContent, StemConfig]:
    """Return two files and the settings as if all had been written with General MIDI notes."""
    edited_map = edited_map or raw_map
    if {raw_map, edited_map} == {GENERAL_MIDI}:
        return raw, edited, config
    general = written_notes(GENERAL_MIDI)
    own = {note: general[articulation] for articulation, note in config.notes.items()}
    read = replace(config, notes=FrozenMapping({name: general[name] for name in config.notes}))
    of_edited = to_general_midi(edited_map) | (own if edited_map == raw_map else {})
    return _renumbered(raw, to_general_midi(raw_map) | own), _renumbered(edited, of_edited), read


def _renumbered(content: MidiContent, numbers: dict[int, int]) -> MidiContent:
    """Return a file with other note numbers; those that stand for no drum become one that no drum has."""
    notes = content.notes.copy()
    notes["number"] = [numbers.get(number, NO_DRUM) for number in notes["number"].tolist()]
    in_time = np.lexsort((notes["number"], notes["time_s"]))
    return replace(content, notes=notes[in_time], parts=content.parts[in_time])
