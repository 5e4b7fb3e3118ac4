"""The folders that separators write, each converted, merged, trained on and evaluated: the song and the drum of every
file are told by its path."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from running import convert_here
from signals import bursts

import evaluate_model
import train_classifier
from drumhits.io.audio import SAMPLE_RATE
from drumhits.io.folders import find_siblings
from drumhits.io.midi import Track, encode, read_midi
from drumhits.io.names import read_name

SONGS = ("Song1", "Kick It")  # the second has a drum in its title
FIVE = {"kick": "kick", "snare": "snare", "toms": "toms", "hihat": "hihat", "cymbals": "cymbals"}
SIX = {"kick": "kick", "snare": "snare", "toms": "toms", "hh": "hihat", "ride": "ride", "crash": "crash"}
SHAPES = {  # name: (path of a drum's file, what it calls the drums)
    "a folder a song (drumsep, Ableton, most others)": ("{song}/{drum}.wav", FIVE),
    "LarsNet": ("{drum}/{song}.wav", FIVE),
    "UVR, audio-separator": ("{song}_({Drum})_MDX23C-DrumSep.wav", SIX),
    "UVR with numbers": ("1_{song}_({Drum}).flac", SIX),
    "two passes of audio-separator": ("{song}_(Drums)_htdemucs_ft_({drum})_model.wav", SIX),
    "song and stem": ("{song}-{Drum}.wav", FIVE),
    "song and stem, underscores": ("{song}_{drum}.wav", {"bd": "kick", "sd": "snare", "tom": "toms", "hi_hat": "hihat",
                                                           "cym": "cymbals"}),
    "stem and song": ("{drum}-{song}.wav", {"kick": "kick", "snare": "snare", "hi-hat": "hihat"}),
    "Moises": ("{song} - {Drum}.wav", {"kick drum": "kick", "snare drum": "snare", "toms": "toms", "hi-hat": "hihat",
                                         "cymbals": "cymbals"}),
    "Demucs' folders with drumsep in them": ("htdemucs/{song}/drums/{drum}.wav", SIX),
    "drumsep in Spanish": ("modelo_final/{song}/{drum}.wav", {"bombo": "kick", "redoblante": "snare", "toms": "toms",
                                                               "platillos": "cymbals"}),
    "albums": ("Album/{song}/{DRUM}.WAV", FIVE),
    "a folder a stem in that of the song": ("{song}/{Drum}/{song}-{drum}.wav", FIVE),
    "MVSEP": ("{song}_{drum}_mvsep.com.wav", FIVE),
    "lalal.ai": ("{song}_{drum}_split_by_lalalai.flac", FIVE),
    "brackets": ("{song} [{Drum}].aiff", SIX),
}  # fmt: skip
HITS_S = (0.2, 0.5, 0.8, 1.1, 1.4, 1.7)


class Files:
    """The files of a shape: two songs with all their drums, in a folder."""

    def __init__(self, root: Path, shape: str):
        self.root = root
        pattern, drums = SHAPES[shape]
        self.parts = tuple(drums.values())
        self.paths: dict[tuple[str, str], Path] = {}
        for i, song in enumerate(SONGS):
            for j, (drum, part) in enumerate(drums.items()):
                path = root / pattern.format(song=song, drum=drum, Drum=drum.title(), DRUM=drum.upper())
                path.parent.mkdir(parents=True, exist_ok=True)
                y = bursts(HITS_S, 2.0, seed=10 * i + j, amplitudes=np.linspace(0.2, 0.6, len(HITS_S)))
                soundfile.write(path, y, SAMPLE_RATE)
                self.paths[song, part] = path

    def midi(self, song: str, part: str, folder: Path, ending: str = "") -> Path:
        """Return the MIDI file in the same place of another folder."""
        path = self.paths[song, part]
        return folder / path.relative_to(self.root).with_name(f"{path.stem}{ending}.mid")


@pytest.fixture(scope="module", params=SHAPES)
def files(request, tmp_path_factory):
    return Files(tmp_path_factory.mktemp("shape") / "stems", request.param)


def test_each_file_tells_its_song_and_drum(files):
    for (song, part), path in files.paths.items():
        named = read_name(path)
        assert (song in named.song, named.part) == (True, part)
        others = {other: files.paths[song, other] for other in files.parts if other != part}
        assert find_siblings(path) == others


def test_a_folder_is_converted_into_the_same_tree(files, tmp_path, capsys):
    process = convert_here(capsys, "--input", files.root, "--output", tmp_path)
    assert process.returncode == 0, process.stderr
    assert set(tmp_path.rglob("*.mid")) == {files.midi(*one, tmp_path) for one in files.paths}
    lines = process.stdout.splitlines()
    for song, part in files.paths:
        assert any(song in line and f" {part}: " in line for line in lines)
    assert f"Converted {len(files.paths)} of {len(files.paths)} inputs" in process.stdout
    assert "passed over" not in process.stderr


def test_merging_gives_a_file_a_song(files, tmp_path, capsys):
    process = convert_here(capsys, "--input", files.root, "--output", tmp_path, "--merge")
    assert process.returncode == 0, process.stderr
    made = sorted(tmp_path.rglob("*.mid"))
    assert len(made) == len(SONGS)
    for song in SONGS:
        (path,) = (path for path in made if song in path.name)
        assert path.read_bytes().count(b"MTrk") == 1 + len(files.parts)
    numbers = set(read_midi(made[0]).notes["number"].tolist())
    assert {49, 51} <= numbers or "ride" not in files.parts


def test_training_and_evaluation_find_every_song(files, tmp_path, capsys):
    raw, edited = tmp_path / "raw", tmp_path / "edited"
    assert convert_here(capsys, "--input", files.root, "--output", raw).returncode == 0
    for song in SONGS:
        notes = read_midi(files.midi(song, "kick", raw)).notes
        path = files.midi(song, "kick", edited, "_edited")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode([Track("kick", np.delete(notes, [1, 3]))]))
        files.midi(song, "kick", files.root, "_ground_truth").write_bytes(encode([Track("kick", notes)]))
    stem, model = ("--stem", "kick"), tmp_path / "kick.pkl"
    quick = ("--features", "guide", "--start-from", "none", "--n-estimators", "3", "--force")
    folders = ("--raw-dir", str(raw), "--edited-dir", str(edited))
    assert train_classifier.main([*stem, *folders, *quick, "--output-model", str(model)]) == 0
    said = capsys.readouterr()
    assert "across 2 songs:" in said.out
    assert "no pair" not in said.err
    assert evaluate_model.main([*stem, "--model", str(model), "--test-dir", str(files.root), "--force"]) == 0
    said = capsys.readouterr()
    assert "Evaluating on 2 songs of kick" in said.out
    assert all(song in said.out for song in SONGS), "the tables name the songs"
