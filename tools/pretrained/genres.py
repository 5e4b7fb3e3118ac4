"""Refine the bundled models on songs of single genres, as a user would, and keep those that decide better there.

For each genre and stem: songs of the genre are rendered, converted by `stems_to_midi.py --keep-all`, edited to what was
played, and trained on, starting from the bundled model; the refined model and the bundled one are then tested on unseen
songs of the genre. A refined model goes to models/pretrained/GENRE/STEM.pkl where its F1 there is higher by LEAST_GAIN
or more and the 95 % interval of the difference, over songs, leaves out 0; else an earlier one is removed.

The same material gives the same songs and models. What was rendered is kept in the work folder. Needs `fluidsynth`.
"""

import argparse
import logging
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import joblib
import numpy as np

sys.path.extend(str(Path(__file__).resolve().parents[2] / part) for part in ("", "tools/synthesis"))

from genre_songs import GENRES, TRAINING, UNSEEN, Genre, folder_of, truth_path, write_song
from rendered_songs import Material, add_material, kits_of, material_of, one_thread_each
from separation import STEMS

from drumhits.alignment.align import Given
from drumhits.api import evaluate
from drumhits.bundle import PRETRAINED, PRETRAINED_DIR
from drumhits.drums import REJECTED_VELOCITY
from drumhits.edits.mistakes import EMPTY, SHORT, UNCHANGED
from drumhits.edits.songs import load_songs
from drumhits.io.files import write_whole
from drumhits.io.midi import Track, encode, read_midi
from drumhits.learning.fit import train_model
from drumhits.learning.options import TrainingOptions
from drumhits.matching import match_times
from drumhits.metrics import Difference

ROOT = Path(__file__).resolve().parents[2]
N_SONGS = {TRAINING: 16, UNSEEN: 12}
RIGHT_S = 0.05
N_TREES = 25  # of a forest: with the networks that it goes with, a model is smaller than 2 MB
LEAST_GAIN = 0.01  # of F1: of 30 intervals at 95 %, one or two lie above 0 by chance
HEADER = "| genre | stem | decisions | bundled | refined | difference, 95 % | refined by | ships |\n" + "|---" * 8 + "|"


@dataclass(frozen=True)
class Row:
    """What refining a stem's model on a genre's songs brings on unseen ones.

    Attributes
    ----------
    genre, stem : str
    n_decisions : int
        Candidates of the training songs.
    bundled, refined : float or None
        F1, 0..1; None where there are no strokes.
    difference : Difference
        Of the refined model's F1 above the bundled one's.
    way : str
        How the edits refine the bundled model; "" where it stays as it is.
    """

    genre: str
    stem: str
    n_decisions: int
    bundled: float | None
    refined: float | None
    difference: Difference
    way: str

    @property
    def ships(self) -> bool:
        """Whether the refined model is better by LEAST_GAIN, and by more than chance."""
        return self.difference.value >= LEAST_GAIN and self.difference.is_sure

    def __str__(self) -> str:
        low, high = self.difference.interval or (np.nan, np.nan)
        bundled, refined = ("" if value is None else f"{value:.3f}" for value in (self.bundled, self.refined))
        difference = f"{self.difference.value:+.3f} [{low:+.3f}, {high:+.3f}]"
        cells = [refined, difference, self.way] if self.way else ["as bundled", "", ""]
        ships = "yes" if self.ships else "no"
        return "| " + " | ".join([self.genre, self.stem, f"{self.n_decisions:,}", bundled, *cells, ships]) + " |"


def edit(raw: Path, truth: Path, edited: Path) -> None:
    """Write raw MIDI as a user edits it who knows what was played: false hits deleted, the others at their velocity."""
    notes, played = read_midi(raw).notes, read_midi(truth).notes
    of_played, of_notes = match_times(played["time_s"], notes["time_s"], RIGHT_S).T
    kept = notes[of_notes]
    kept["velocity"] = np.maximum(played["velocity"][of_played], REJECTED_VELOCITY + 1)
    edited.write_bytes(encode([Track(edited.stem, kept)]))


def raw_and_edited(songs: Path) -> tuple[Path, Path]:
    """Return the folders of raw and edited MIDI, beside the folder of the training songs."""
    return songs.with_name("raw"), songs.with_name("edited")


def convert_and_edit(songs: Path) -> None:
    """Write raw and edited MIDI of the training songs."""
    raw, edited = raw_and_edited(songs)
    options = ["--input", songs, "--output", raw, "--keep-all", "--quiet"]
    subprocess.run([sys.executable, ROOT / "stems_to_midi.py", *options], check=True)
    edited.mkdir(exist_ok=True)
    for path in raw.glob("*.mid"):
        name, _, stem = path.stem.rpartition("-")
        edit(path, truth_path(songs, name, stem), edited / f"{path.stem}_edited.mid")


def refined(genre: Genre, stem: str, work: Path) -> Row:
    """Train and test the model of a stem on the songs of a genre, and ship it where it is better."""
    raw, edited = raw_and_edited(folder_of(genre, TRAINING, work))
    loaded = load_songs(raw, edited, stem, given=Given(offset_s=0.0), accepted=(EMPTY, SHORT, UNCHANGED))
    for error in loaded.errors:
        raise error
    training = train_model(loaded.songs, options=TrainingOptions(n_estimators=N_TREES))
    model = work / genre.name / f"{stem}.pkl"
    training.write(model)
    unseen = folder_of(genre, UNSEEN, work)
    evaluation = evaluate([model, PRETRAINED], unseen, stem, window_ms=1000 * RIGHT_S, truth_offset=0.0)
    ours, bundled = evaluation.models
    refinement = training.fitted.refinement
    row = Row(
        genre.name,
        stem,
        len(training.dataset.y),
        bundled.note_scores.f1,
        ours.note_scores.f1,
        evaluation.difference("notes", ours, bundled),
        way=refinement.way.user if refinement and refinement.way else "",
    )
    shipped = PRETRAINED_DIR / genre.name / model.name
    if row.ships:
        shipped.parent.mkdir(exist_ok=True)
        write_whole(shipped, model.read_bytes())
    else:
        shipped.unlink(missing_ok=True)
    return row


def rows_of(genre: Genre, material: Material, work: Path) -> Sequence[Row]:
    """Return what refining on a genre brings for each stem."""
    workers = joblib.Parallel()
    workers(
        joblib.delayed(write_song)(genre, part, number, material, work)
        for part, n_songs in N_SONGS.items()
        for number in range(n_songs)
    )
    convert_and_edit(folder_of(genre, TRAINING, work))
    return workers(joblib.delayed(refined)(genre, stem, work) for stem in STEMS)


def get_parser() -> argparse.ArgumentParser:
    """Build the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog="example:\n  python tools/pretrained/genres.py --performances groove --presets FluidR3_GM.sf2:128:16 "
        "FluidR3_GM.sf2:128:41\n      --hydrogen drumkits --recorded kits --work build --jobs 2",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_material(parser)
    names = [genre.name for genre in GENRES]
    parser.add_argument("--genres", nargs="+", choices=names, default=names, help="which genres (default: all)")
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Refine and test the models of all stems, and print a table."""
    args = get_parser().parse_args(argv)
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    material = material_of(args)
    print(HEADER)
    with one_thread_each(args.jobs):
        kits_of(material, args.work)
        for genre in (genre for genre in GENRES if genre.name in args.genres):
            for row in rows_of(genre, material, args.work):
                print(row, flush=True)


if __name__ == "__main__":
    main()
