"""--split: one MIDI file with all instruments of a drum mix that was not separated."""

import numpy as np
import pytest
from mir_eval.onset import f_measure
from running import ROOT, convert_here

from drumhits.drums import STEMS
from drumhits.io.midi import read_midi
from drumhits.transcription.jobs import gather, output_paths

SONGS = ROOT / "test_songs"
MIX = SONGS / "test1-mix.flac"


def test_a_mix_gives_every_instrument_in_one_file(tmp_path, capsys):
    process = convert_here(capsys, "--input", MIX, "--output", tmp_path / "drums.mid", "--split")
    assert process.returncode == 0, process.stderr
    assert "Converted 5 of 5 instruments" in process.stdout
    assert "pretrained for mixes" in process.stdout
    notes, f1 = read_midi(tmp_path / "drums.mid").notes, {}
    keys = {"kick": (36,), "snare": (37, 38), "toms": (43, 47, 50), "hihat": (42, 44, 46), "cymbals": (49, 51)}
    for stem in STEMS:
        truth = read_midi(SONGS / f"test1-{stem}_ground_truth.mid").notes["time_s"]
        found = notes["time_s"][np.isin(notes["number"], keys[stem])]
        f1[stem] = f_measure(np.sort(truth), np.sort(found), window=0.05)[0]
    assert np.mean(list(f1.values())) > 0.75, f1
    assert min(f1.values()) > 0.5, f1


def test_its_stems_lie_in_tracks_of_their_own_and_each_confidence_is_shown(tmp_path, capsys):
    out, table = tmp_path / "drums.mid", tmp_path / "drums.json"
    assert convert_here(capsys, "--input", MIX, "--output", out, "--split", "--json", table).returncode == 0
    assert out.read_bytes().count(b"MTrk") == 1 + len(STEMS)
    assert table.read_text(encoding="utf-8").count('"confidence"') > 100


def test_a_folder_gives_its_mixes_and_not_its_stems(tmp_path):
    for name in ("a.wav", "b drums.flac", "a-kick.wav", "notes.txt"):
        (tmp_path / name).write_bytes(b"RIFF")
    found = gather([tmp_path], None, split=True)
    assert not found.refused
    pairs = [(file.path, file.stem) for file in found.files]
    assert pairs == [(tmp_path / name, stem) for name in ("a.wav", "b drums.flac") for stem in STEMS]
    outputs = output_paths([tmp_path], found.files, tmp_path / "out", one_file_a="mix")
    assert list(dict.fromkeys(outputs)) == [tmp_path / "out" / "a.mid", tmp_path / "out" / "b drums.mid"]


def test_a_folder_of_stems_alone_is_named(tmp_path, capsys):
    (tmp_path / "a-kick.wav").write_bytes(b"RIFF")
    process = convert_here(capsys, "--input", tmp_path, "--split")
    assert process.returncode != 0
    assert "holds no audio file but stems" in process.stderr


def test_the_name_of_its_models_names_no_model_file(tmp_path, capsys):
    stem = SONGS / "test1-kick.flac"
    process = convert_here(
        capsys, "--input", stem, "--output", tmp_path / "x.mid", "--use-ml-model", "pretrained for mixes"
    )
    assert process.returncode != 0
    assert "pretrained for mixes: no such model file" in process.stderr


@pytest.mark.parametrize("option", [("--stem", "kick"), ("--merge",), ("--use-ml-model", "pretrained")])
def test_options_that_contradict_it_are_refused(option, capsys):
    process = convert_here(capsys, "--input", MIX, "--split", *option)
    assert process.returncode == 2
    assert "--split finds all instruments with its own models" in process.stderr
