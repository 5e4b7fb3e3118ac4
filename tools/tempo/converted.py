"""Play human performances on sound fonts and convert their stems as a user would: MIDI files for benchmarks/tempo.py.

    python tools/tempo/converted.py PERFORMANCES --fonts FONT ... --output FOLDER

PERFORMANCES is a folder as performances.py takes it. Each performance is played by one of the fonts, each of its stems
by another kit of that font, drawn from the performance's place in the folder, and converted by the bundled models.
FOLDER gets a file of the same name for each; those that are there already are left. Needs `fluidsynth`.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import mido
import numpy as np

sys.path.extend(str(Path(__file__).resolve().parents[2] / part) for part in ("", "tools/synthesis"))

from performances import ARTICULATION_OF, performances
from render_songs import CHANNEL, delta_track
from separation import SAMPLE_RATE

from drumhits.drums import PROFILES, STEMS

SCRIPT = Path(__file__).resolve().parents[2] / "stems_to_midi.py"
STEM_OF = {articulation: stem for stem in STEMS for articulation in PROFILES[stem].notes}
GENERAL_MIDI = {22: 42, 26: 46, 58: 43}  # edges of the hi-hat and the rim of the floor tom, which fonts lack
KITS = (8, 16, 24, 32, 40)  # programs of the drum bank in General MIDI level 2: room, power, electronic, jazz, brush
TICKS_PER_BEAT, TICKS_PER_S = 960, 1920
GAIN = 0.6


def stems_of(path: Path) -> dict[str, list[tuple[float, mido.Message]]]:
    """Return the messages of each stem that is played, with their times in seconds."""
    stems: dict[str, list[tuple[float, mido.Message]]] = {}
    now = 0.0
    for message in mido.MidiFile(path):
        now += message.time
        if message.type in ("note_on", "note_off") and message.note in ARTICULATION_OF:
            stem = stems.setdefault(STEM_OF[ARTICULATION_OF[message.note]], [])
            stem.append((now, message.copy(note=GENERAL_MIDI.get(message.note, message.note), channel=CHANNEL)))
    return stems


def write_part(messages: Iterable[tuple[float, mido.Message]], kit: int, path: Path) -> None:
    """Write the messages of a stem as a MIDI file at 120 BPM."""
    events = [(0, mido.Message("program_change", channel=CHANNEL, program=kit))]
    events += [(round(time_s * TICKS_PER_S), message) for time_s, message in messages]
    track = delta_track(events, end_tick=events[-1][0] + TICKS_PER_S)
    mido.MidiFile(ticks_per_beat=TICKS_PER_BEAT, tracks=[track]).save(path)


def convert(path: Path, font: Path, kits: Sequence[int], output: Path) -> None:
    """Play a performance of a font, convert it, and write its hits to `output`."""
    with tempfile.TemporaryDirectory() as folder:
        song = Path(folder) / output.stem
        song.mkdir()
        stems = stems_of(path)
        for stem, kit in zip(STEMS, kits, strict=True):
            if stem in stems:
                part = Path(folder) / f"{stem}.mid"
                write_part(stems[stem], kit, part)
                options = ["-o", "synth.dynamic-sample-loading=1", "-g", str(GAIN), "-r", str(SAMPLE_RATE)]
                played = ["-F", str(song / f"{stem}.wav"), str(font), str(part)]
                subprocess.run(["fluidsynth", "-ni", *options, *played], check=True, capture_output=True)
        found = Path(folder) / "found"
        options = ["--input", str(song), "--output", str(found), "--use-ml-model", "pretrained", "--merge", "--quiet"]
        subprocess.run([sys.executable, str(SCRIPT), *options], check=True)
        output.write_bytes(next(found.glob("*.mid")).read_bytes())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--fonts", type=Path, nargs="+", required=True, metavar="FONT", help="sound fonts with drums")
    parser.add_argument("--output", type=Path, required=True, metavar="FOLDER")
    args = parser.parse_args()
    args.output.mkdir(parents=True, exist_ok=True)
    songs = performances(args.folder)
    for number, song in enumerate(songs):
        output = args.output / song.name
        if not output.exists():
            kits = np.random.default_rng(number).choice(KITS, len(STEMS)).tolist()
            convert(args.folder / song.name, args.fonts[number % len(args.fonts)], kits, output)
        print(f"{number + 1}/{len(songs)} {song.name}", flush=True)


if __name__ == "__main__":
    main()
