"""Play the grooves below on sampled drum kits, mix them, split the mix again: the audio in this repository.

A separator leaves bleed and artefacts in every stem, so the mix is split with soft masks that are wrong on
purpose: blurred, confused between stems, and sprinkled with musical noise. The same sound fonts give the same
files. Needs the `fluidsynth` program (2.3 was used), numpy, scipy, soundfile and mido.

Conventions: times in seconds; mono audio, -1..1, at 44.1 kHz; stems stacked as (len(STEMS), n_samples).
"""

import argparse
import logging
import subprocess
import tempfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import mido
import numpy as np
import soundfile as sf
from separation import SAMPLE_RATE, STEMS, add_room, split_again

BLOCK = 64  # samples; fluidsynth starts notes only at multiples of this (1.5 ms)
CHANNEL = 9  # counted from 0: MIDI channel 10

TIMING_SD_S = 0.0035
VELOCITY_SD = 5.0
FLAM_S = 0.028  # the grace note falls this much before the main stroke
TAIL_S = 1.5
FADE_S = 0.4
MIX_PEAK = 0.4
STEM_GAIN_DB = {"kick": 0.0, "snare": -1.0, "toms": 0.0, "hihat": 3.0, "cymbals": 2.0}


class Voice(NamedTuple):
    """One way to hit the kit: its stem, the key that sounds it, and its General MIDI note in the truth."""

    stem: str
    key: int
    note: int


VOICES = {
    "K": Voice("kick", 36, 36),
    "S": Voice("snare", 38, 38),
    "X": Voice("snare", 37, 37),  # cross-stick
    "T": Voice("toms", 50, 50),
    "M": Voice("toms", 47, 47),
    "L": Voice("toms", 45, 45),
    "H": Voice("hihat", 42, 42),
    "O": Voice("hihat", 46, 46),
    "P": Voice("hihat", 44, 44),
    "C": Voice("cymbals", 49, 49),
    "D": Voice("cymbals", 57, 49),  # second crash
    "R": Voice("cymbals", 51, 51),
    "B": Voice("cymbals", 53, 51),  # bell of the ride
}
CRASHES = "CD"
HAND_BUSY_WITH_CRASH = "HORB"


@dataclass(frozen=True)
class Song:
    """A song in step notation.

    `grooves` holds named bars: pairs of a voice and its steps, which repeat until they fill the bar. A digit
    is a stroke (1 ghost note to 9 accent), `f` a flam, `.` a rest. `form` lists the bars in playing order; a
    bar with `!` after its name opens with a crash.
    """

    font: str
    program: int  # drum kit in bank 128 of the font
    bpm: float
    form: str
    grooves: str
    steps: int = 16  # per bar of four beats; 12 for triplets
    swing: float = 0.0  # delay of every second step, as a fraction of a step
    written: tuple[str, ...] = ("cymbals",)


SONGS = {
    "test1": Song(
        font="fluidr3",
        program=0,
        bpm=120.0,
        form="verse! open turn break break fill chorus! bell chorus2 fill end!",
        grooves="""
verse   H 7.5.              S ....8..2.2..8...  K 9.....7.9.6.....
open    H 7.5.7...7.5.7...  O ......6.......7.  S ....8..2.2..8..1  K 9.....7.9.6.....
turn    H 7.5.7...7.......  O ......6...7.....  S ....8..2.2..f...  K 9.....7.9.......
        T .............66.  L ...............8
break   X ....7.......7..5  P 5...              L 7..5......6..5..  T ......5.........
        K 8.......8.......
fill    S f.4.6436........  T ........7566....  M ..........7.75..  L ..............88
        K 8...8...8...8...
chorus  R 7.5.              P ....5.......5...  S ....9..1.1..9...  K 9.7....69.7.....
bell    R ..5...5...5...5.  B 7...              P ....5.......5...  S ....9..1.1..9..2
        K 9.7....69.7.....
chorus2 R 7.5.7.5...5.7.5.  D ........8.......  S ....9.......9.1.  K 9.7....69.7....7
end     K 9...............
""",
        written=STEMS,
    ),
    "test2": Song(
        font="musescore",
        program=16,
        bpm=104.0,
        form="disco! disco ride! ride2 hats fill ride! stop end!",
        grooves="""
disco   H 6...              O ..5...5...5...6.  S ....8.......8..2  K 8...
ride    R 7.4.6.45          P ....5...          S ....8..2.2..8...  K 9..7..8...7.....
ride2   R ..4...4...4.7.45  B 7...7...7.......  S ....8..2.2..8.2.  K 9..7..8...7.....
hats    H 7354              S ....8..3.2.28...  K 9.....7..76.....
fill    S 7.4f.4..........  T ......77.5......  M ..........77.6..  L ..............78
        D ........7.......  K 8...8...8...8...
stop    R 7.4.6.4.7.......  C ..........8.....  D .............9..  S ....8.....9..9..
        K 9.....7...9..9..
end     K 9...............
""",
    ),
    "Song1": Song(
        font="fluidr3",
        program=16,
        bpm=128.0,
        form="verse! verse verse lift chorus! chorus chorus! fill outro! end!",
        grooves="""
verse   H 8.5.              S ....9.......9...  K 9......7..8.....
lift    O 7...              S ....9...9...9999  K 9...9...9...9...
chorus  R 8.5.              S ....9.......9..2  K 9.7.....9.78....
fill    R 7.5.7.5.........  S ....9...88......  T ..........88....  L ............8888
        K 9.7.....9.......
outro   C ....8...8...8...  S ....9.......9...  K 9...9...9...9...
end     K 9...............
""",
    ),
    "Song2": Song(
        font="musescore",
        program=0,
        bpm=92.0,
        steps=12,
        form="hats! hats fill ride! ride roll ride! end!",
        grooves="""
hats    H 7.5               S ..1..2f.2..1      K 8....68..7..
ride    R 7.5               P ...4..            S ..1..29..1.2      K 8....7..68..
fill    H 7.57.5......      S ......77....      T ........77..      L ..........88
        K 8....6......
roll    B 7..6........      D ........8...      S ......543468      L .....7......
        K 8..8..8..8..
end     K 9...........
""",
    ),
    "Song3": Song(
        font="fluidr3",
        program=18,
        bpm=158.0,
        form="punk! punk punk! toms half! half half2 toms2 ride! ride ride2 end!",
        grooves="""
punk    O 8...6...          S ....9.......9...  K 9.9...9.9.9...9.
toms    S 9...9...........  T ......8.88......  L ............9.99  K 9...9...9...9...
half    H 7.5.              S ..2.....9....2..  K 9.....8...7.....
half2   H 7.5.7.5.7.......  D ............8...  S ..2.....9.......  K 9.....8...7.8...
toms2   L 8.6.8.6.........  S ........7.8.9.9.  K 9...9...9...9...
ride    R 8.5.7.5.          S ....9.......9...  K 9.9...9.9.9...9.
ride2   B 8...7...7.......  C ............9...  S ....9.......9.9.  K 9.9...9.9.9.9...
end     K 9...............
""",
    ),
    "Song4": Song(
        font="musescore",
        program=1,
        bpm=106.0,
        swing=0.18,
        form="linear! linear cross bell! bell linear2 bell2! end!",
        grooves="""
linear  H 7.4.54.47.4.5...  O ......5.......5.  S ....8.11.1..8.1.  K 8..6......7..6..
cross   H 6.46              X ....7.....6.....  L ............6..5  K 8..6......7.....
bell    B 7...6...          R ..45..45..4...54  P ....5...          S ....8..1.2..8..1
        K 8..6......7..6..
linear2 H 7.4.54.4........  D ..........8.....  S ....8.1f........  T ........7.......
        L ............75.7  K 8..6......8.....
bell2   B 7...6...6...6...  R ..4...45..5...45  D ..............7.  S ....8..1.2..8...
        K 8..6......7...8.
end     K 9...............
""",
    ),
}


class Hit(NamedTuple):
    """One stroke: when its attack should sound, with which voice, how hard (1..127)."""

    time_s: float
    voice: Voice
    velocity: int


def parse_grooves(text):
    """Read named bars: {name: {voice letter: steps}}."""
    bars, lanes = {}, {}
    words = iter(text.split())
    for word in words:
        if word in VOICES:
            lanes[word] = next(words)
        else:
            lanes = bars[word] = {}
    return bars


def bar_strokes(lanes, steps, opens_with_crash):
    """List (step, letter, mark) for one bar; the hand that hits a crash plays nothing else on that step."""
    lanes = dict(lanes)
    if opens_with_crash:
        lanes["C"] = "9" + lanes.get("C", "." * steps)[1:]
    strokes = [
        (step, letter, marks[step % len(marks)])
        for letter, marks in lanes.items()
        for step in range(steps)
        if marks[step % len(marks)] != "."
    ]
    crashed = {step for step, letter, _ in strokes if letter in CRASHES}
    return [s for s in strokes if not (s[0] in crashed and s[1] in HAND_BUSY_WITH_CRASH)]


def play(song, rng):
    """Humanise a song: each stroke a little early or late, softer or louder.

    The first beat is silent, so that bars stay on the beat grid and no early stroke falls before zero.

    Parameters
    ----------
    song : Song
    rng : numpy.random.Generator

    Returns
    -------
    hits : list of Hit
        Sorted by time.
    """
    beat_s = 60.0 / song.bpm
    step_s = 4 * beat_s / song.steps
    grooves = parse_grooves(song.grooves)
    hits = []
    for bar, name in enumerate(song.form.split()):
        for step, letter, mark in bar_strokes(grooves[name.rstrip("!")], song.steps, name.endswith("!")):
            late = song.swing if step % 2 else 0.0
            time_s = beat_s + (bar * song.steps + step + late) * step_s + rng.normal(0, TIMING_SD_S)
            level = 8 if mark == "f" else int(mark)
            velocity = int(np.clip(5 + 13 * level + rng.normal(0, VELOCITY_SD), 8, 127))
            hits.append(Hit(time_s, VOICES[letter], velocity))
            if mark == "f":
                hits.append(Hit(time_s - FLAM_S, VOICES[letter], velocity // 2))
    return sorted(hits)


def write_block_midi(path, program, strokes, channel):
    """Write a MIDI file that starts each (block, key, velocity) exactly at that block of fluidsynth.

    One tick is one millisecond, the step of fluidsynth's player; no two blocks begin in the same millisecond.
    """
    events = [(0, mido.Message("program_change", channel=channel, program=program))]
    for block, key, velocity in strokes:
        on_ms = block * BLOCK * 1000 // SAMPLE_RATE
        events.append((on_ms, mido.Message("note_on", channel=channel, note=key, velocity=velocity)))
        events.append((on_ms + 15, mido.Message("note_off", channel=channel, note=key)))
    midi = mido.MidiFile(type=1, ticks_per_beat=500)
    midi.tracks.append(delta_track(events, end_tick=events[-1][0] + 5000))
    midi.save(path)


def delta_track(events, end_tick):
    """Turn (tick, message) pairs into a track; at equal ticks the order of the pairs stays."""
    track = mido.MidiTrack()
    now = 0
    for tick, message in sorted(events, key=lambda event: event[0]):
        track.append(message.copy(time=tick - now))
        now = tick
    track.append(mido.MetaMessage("end_of_track", time=max(end_tick - now, 0)))
    return track


def render_takes(font, program, takes, take_blocks, channel=CHANNEL):
    """Render several takes of (block, key, velocity) strokes one after another, in one run of fluidsynth.

    Parameters
    ----------
    font : Path
        Sound font, .sf2 or .sf3.
    program : int
        Kit in bank 128; on another channel than 10, in bank 0.
    takes : list of list of (block, key, velocity)
    take_blocks : int
        Length of a take in blocks.
    channel : int in 0..15

    Returns
    -------
    audio : ndarray, shape (len(takes), take_blocks * BLOCK)
    """
    strokes = [(i * take_blocks + block, *rest) for i, take in enumerate(takes) for block, *rest in take]
    with tempfile.TemporaryDirectory() as folder:
        midi_path, wav_path = Path(folder) / "takes.mid", Path(folder) / "takes.wav"
        write_block_midi(midi_path, program, strokes, channel)
        options = ["-n", "-i", "-q", "-R", "0", "-C", "0", "-g", "0.4", "-r", str(SAMPLE_RATE), "-O", "float"]
        subprocess.run(
            ["fluidsynth", *options, "-F", wav_path, font, midi_path], check=True, stdout=subprocess.DEVNULL
        )
        stereo, _ = sf.read(wav_path, dtype="float64", always_2d=True)
    audio = np.zeros(len(takes) * take_blocks * BLOCK)
    n = min(len(audio), len(stereo))
    audio[:n] = stereo[:n].mean(axis=1)
    return audio.reshape(len(takes), -1)


def attack_sample(y):
    """Find the first sample that reaches a tenth of the peak of the first 50 ms."""
    level = np.abs(y[: SAMPLE_RATE // 20])
    return int(np.argmax(level >= 0.1 * level.max()))


def measure_latency(font, program):
    """Measure for each key how many samples its audible attack lies after the block that starts it."""
    keys = sorted({voice.key for voice in VOICES.values()})
    lead_blocks = 100
    takes = render_takes(font, program, [[(lead_blocks, key, 110)] for key in keys], take_blocks=4000)
    return {key: attack_sample(y[lead_blocks * BLOCK :]) for key, y in zip(keys, takes, strict=True)}


def snap_to_blocks(hits, latency):
    """Move each hit to the nearest time that fluidsynth can play; return these hits and their blocks."""
    blocks = [round((hit.time_s * SAMPLE_RATE - latency[hit.voice.key]) / BLOCK) for hit in hits]
    snapped = [
        hit._replace(time_s=(block * BLOCK + latency[hit.voice.key]) / SAMPLE_RATE)
        for hit, block in zip(hits, blocks, strict=True)
    ]
    return snapped, blocks


def render_stems(song, font, rng):
    """Play a song and render each stem alone.

    Parameters
    ----------
    song : Song
    font : Path
    rng : numpy.random.Generator

    Returns
    -------
    stems : ndarray, shape (len(STEMS), n_samples)
        Dry stems, gains applied.
    hits : list of Hit
        With the exact times at which the attacks sound.
    """
    hits, blocks = snap_to_blocks(play(song, rng), measure_latency(font, song.program))
    n_blocks = int((hits[-1].time_s + TAIL_S) * SAMPLE_RATE) // BLOCK
    takes = {stem: [] for stem in STEMS}
    for hit, block in zip(hits, blocks, strict=True):
        takes[hit.voice.stem].append((block, hit.voice.key, hit.velocity))
    stems = render_takes(font, song.program, list(takes.values()), n_blocks)
    gains = 10 ** (np.array([STEM_GAIN_DB[stem] for stem in STEMS]) / 20)
    return stems * gains[:, None], hits


def truth_midi(hits, bpm, name):
    """Build the ground truth: type 1, 960 PPQ, channel 10; a note lasts 60 ms, less if it is struck again."""
    midi = mido.MidiFile(type=1, ticks_per_beat=960)
    tempo = mido.bpm2tempo(bpm)
    length = mido.second2tick(0.06, midi.ticks_per_beat, tempo)
    events = [(0, mido.MetaMessage("track_name", name=name))]
    next_start = {}
    for hit in reversed(hits):
        note = {"channel": CHANNEL, "note": hit.voice.note}
        start = mido.second2tick(hit.time_s, midi.ticks_per_beat, tempo)
        end = min(start + length, next_start.get(hit.voice.note, start + length))
        next_start[hit.voice.note] = start
        events.append((end, mido.Message("note_off", **note)))
        events.append((start, mido.Message("note_on", velocity=hit.velocity, **note)))
    events.sort(key=lambda event: (event[0], event[1].type == "note_on"))
    midi.tracks.append(delta_track([(0, mido.MetaMessage("set_tempo", tempo=tempo))], end_tick=0))
    midi.tracks.append(delta_track(events, end_tick=0))
    return midi


def make_song(name, song, font, audio_dir, truth_dir):
    """Render one song and write its stems, with all of them also the mix, and truths where `truth_dir` is not None."""
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    dry, hits = render_stems(song, font, rng)
    stems = add_room(dry, rng)
    stems *= MIX_PEAK / np.abs(stems.sum(axis=0)).max()
    separated = np.vstack((split_again(stems, rng), stems.sum(axis=0)))
    n_fade = int(FADE_S * SAMPLE_RATE)
    separated[:, -n_fade:] *= np.linspace(1, 0, n_fade)
    if song.written == STEMS:
        write_flac(audio_dir / f"{name}-mix.flac", separated[-1])
    for stem in song.written:
        audio = separated[STEMS.index(stem)]
        write_flac(audio_dir / f"{name}-{stem}.flac", audio)
        own = [hit for hit in hits if hit.voice.stem == stem]
        logging.info("%s-%s: %.1f s, %d hits", name, stem, len(audio) / SAMPLE_RATE, len(own))
        if truth_dir is not None:
            truth_midi(own, song.bpm, stem).save(truth_dir / f"{name}-{stem}_ground_truth.mid")


def write_flac(path, audio):
    """Write mono audio as the bundled songs are: 44.1 kHz, 16 bit."""
    sf.write(path, audio, SAMPLE_RATE, subtype="PCM_16", compression_level=1.0)


def get_parser():
    """Build the command line."""
    parser = argparse.ArgumentParser(
        description="Render the songs that this repository ships: test_songs/ and training_data/audio/.",
        epilog="example:\n  python tools/synthesis/render_songs.py --fluidr3 FluidR3_GM.sf2 "
        "--musescore MuseScore_General.sf3 --out . --truth-out truth",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    font = {"type": Path, "required": True, "metavar": "FONT"}
    folder = {"type": Path, "metavar": "DIR"}
    parser.add_argument("--fluidr3", **font, help="FluidR3 GM sound font (.sf2)")
    parser.add_argument("--musescore", **font, help="MuseScore General sound font (.sf2 or .sf3)")
    parser.add_argument("--out", **folder, required=True, help="gets test_songs/ and training_data/audio/")
    parser.add_argument("--truth-out", **folder, help="gets the true hits of the training songs (default: none)")
    parser.add_argument("--songs", nargs="+", choices=SONGS, default=list(SONGS), help="only these (default: all)")
    return parser


def main(argv=None):
    """Render the songs that the command line asks for."""
    args = get_parser().parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    fonts = {"fluidr3": args.fluidr3, "musescore": args.musescore}
    test_dir, audio_dir = args.out / "test_songs", args.out / "training_data" / "audio"
    for folder in filter(None, (test_dir, audio_dir, args.truth_out)):
        folder.mkdir(parents=True, exist_ok=True)
    for name in args.songs:
        folders = (test_dir, test_dir) if name.startswith("test") else (audio_dir, args.truth_out)
        make_song(name, SONGS[name], fonts[SONGS[name].font], *folders)


if __name__ == "__main__":
    main()
