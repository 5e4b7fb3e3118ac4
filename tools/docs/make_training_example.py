"""Make the worked example in training_data/: convert its audio, then delete the false hits as a user would in a DAW.

The edited files keep the raw notes that a true hit lies near, and are written in the ways of four DAWs. The missed
hits are added to one song. Needs mido besides what the toolkit needs. The same toolkit gives the same files.
"""

import argparse
import logging
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import mido
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from drumhits.io.midi import read_midi
from drumhits.matching import match_times

STEM = "cymbals"
TOLERANCE_S = 0.05
ADDED_VELOCITY = 96
NOTE_S = 0.06


class Daw(NamedTuple):
    """How a DAW exports: SMF type, ticks per beat, tempo (None: no such event), MIDI channel, notes of each track."""

    midi_type: int
    ppq: int
    bpm: float | None
    channel: int
    tracks: dict[str, set[int]]


EVERY_NOTE = set(range(128))
EXPORTS = {
    "Song1-cymbals": Daw(1, 960, 120.0, 10, {"cymbals": EVERY_NOTE}),
    "Song2-cymbals": Daw(0, 96, None, 1, {"": EVERY_NOTE}),
    "Song3-cymbals": Daw(1, 480, 120.0, 10, {"Drum Kit (imported)": EVERY_NOTE}),
    "Song4-cymbals": Daw(1, 960, 120.0, 10, {"Crash": {49}, "Ride": EVERY_NOTE - {49}}),
}
WITH_MISSED_HITS_ADDED = {"Song4-cymbals"}
DEFAULT_BPM = 120.0  # at which ticks run where no tempo is given


def make_song(name, truth_dir, project):
    """Write the raw and the edited MIDI of one song, and log how many notes were kept, removed and added."""
    raw_path = project / "training_data" / "raw_midi" / f"{name}.mid"
    edited_path = project / "training_data" / "edited_midi" / f"{name}_edited.mid"
    audio = Path("training_data") / "audio" / f"{name}.flac"
    command = [sys.executable, "stems_to_midi.py", "--input", str(audio), "--output", str(raw_path), "--stem", STEM]
    subprocess.run([*command, "--quiet", "--force"], cwd=project, check=True)
    raw = read_midi(raw_path).notes
    truth = read_midi(truth_dir / f"{name}_ground_truth.mid").notes
    truth = truth[np.unique(truth["time_s"], return_index=True)[1]]
    matched = match_times(raw["time_s"], truth["time_s"], TOLERANCE_S)
    kept = raw[matched[:, 0]]
    is_far = np.abs(truth["time_s"][:, None] - raw["time_s"]).min(axis=1, initial=np.inf) > TOLERANCE_S
    added = truth[is_far] if name in WITH_MISSED_HITS_ADDED else truth[:0]
    added["velocity"] = ADDED_VELOCITY
    edited_path.parent.mkdir(parents=True, exist_ok=True)
    export(np.concatenate((kept, added)), EXPORTS[name]).save(edited_path)
    removed, missed = len(raw) - len(kept), len(truth) - len(kept) - len(added)
    logging.info("%s: %d kept, %d removed, %d added, %d missed", name, len(kept), removed, len(added), missed)


def export(notes, daw):
    """Return notes (`NOTE_DTYPE`) as the MIDI file that a DAW would write."""
    midi = mido.MidiFile(type=daw.midi_type, ticks_per_beat=daw.ppq)
    bpm = daw.bpm or DEFAULT_BPM
    if daw.bpm:
        midi.tracks.append(mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(bpm))]))
    for name, numbers in daw.tracks.items():
        own = notes[np.isin(notes["number"], list(numbers))]
        track = note_track(own, daw.channel - 1, ticks_per_s=daw.ppq * bpm / 60)
        if name:
            track.insert(0, mido.MetaMessage("track_name", name=name))
        midi.tracks.append(track)
    return midi


def note_track(notes, channel, ticks_per_s):
    """Return a track of notes, with delta times."""
    events = []
    for note in notes:
        fields = {"channel": channel, "note": int(note["number"])}
        events.append((note["time_s"], mido.Message("note_on", velocity=int(note["velocity"]), **fields)))
        events.append((note["time_s"] + NOTE_S, mido.Message("note_off", **fields)))
    events.sort(key=lambda event: (event[0], event[1].type == "note_on"))
    ticks = np.rint([time_s * ticks_per_s for time_s, _ in events]).astype(int)
    deltas = np.diff(ticks, prepend=0).tolist()
    return mido.MidiTrack([message.copy(time=delta) for delta, (_, message) in zip(deltas, events, strict=True)])


def get_parser():
    """Build the command line."""
    parser = argparse.ArgumentParser(
        description="Make training_data/raw_midi and training_data/edited_midi from training_data/audio.",
        epilog="example:\n  python tools/docs/make_training_example.py --truth truth --project .",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--truth", type=Path, required=True, metavar="DIR",
        help="true hits, from tools/synthesis/render_songs.py --truth-out",
    )
    parser.add_argument(
        "--project", type=Path, default=Path(), metavar="DIR", help="root of this repository (default: here)"
    )
    return parser


def main(argv=None):
    """Make every song of the example."""
    args = get_parser().parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    for name in EXPORTS:
        make_song(name, args.truth.resolve(), args.project.resolve())


if __name__ == "__main__":
    main()
