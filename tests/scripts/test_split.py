"""--split: one MIDI file with all instruments of a drum mix that was not separated."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from mir_eval.onset import f_measure
from running import ROOT, convert_here

from drumhits.analysis import ALL, analyze
from drumhits.analysis import MIX as IN_MIX
from drumhits.config.load import default_config
from drumhits.drums import STEMS
from drumhits.io.midi import read_midi
from drumhits.networks import bundled
from drumhits.transcription.jobs import gather, output_paths

SONGS = ROOT / "test_songs"
MIX = SONGS / "test1-mix.flac"
KEYS = {"kick": (36,), "snare": (37, 38), "toms": (43, 47, 50), "hihat": (42, 44, 46), "cymbals": (49, 51)}


@pytest.fixture
def mix(tmp_path):
    """Return a mix in a folder without its stems."""
    return Path(shutil.copy(MIX, tmp_path / "Song1-mix.flac"))


def put_stem(folder, stem, duration_s=None):
    """Put a stem of the song beside its mix, whole or cut off."""
    y, sample_rate = soundfile.read(SONGS / f"test1-{stem}.flac", dtype="int16")
    n_frames = None if duration_s is None else round(duration_s * sample_rate)
    soundfile.write(folder / f"Song1-{stem}.wav", y[:n_frames], sample_rate)


def f1_of(midi):
    """Return the F1 within 50 ms of each instrument."""
    notes, f1 = read_midi(midi).notes, {}
    for stem in STEMS:
        truth = read_midi(SONGS / f"test1-{stem}_ground_truth.mid").notes["time_s"]
        found = notes["time_s"][np.isin(notes["number"], KEYS[stem])]
        f1[stem] = f_measure(np.sort(truth), np.sort(found), window=0.05)[0]
    return f1


def test_a_mix_gives_every_instrument_in_one_file(mix, tmp_path, capsys):
    process = convert_here(capsys, "--input", mix, "--output", tmp_path / "drums.mid", "--split")
    assert process.returncode == 0, process.stderr
    assert "Converted 5 of 5 instruments" in process.stdout
    assert "pretrained for mixes" in process.stdout
    f1 = f1_of(tmp_path / "drums.mid")
    assert np.mean(list(f1.values())) > 0.75, f1
    assert min(f1.values()) > 0.5, f1


def test_with_its_stems_beside_it_both_are_analysed(mix, tmp_path, capsys):
    assert convert_here(capsys, "--input", mix, "--output", tmp_path / "alone.mid", "--split").returncode == 0
    for stem in STEMS:
        put_stem(tmp_path, stem)
    process = convert_here(capsys, "--input", mix, "--output", tmp_path / "both.mid", "--split")
    assert process.returncode == 0, process.stderr
    assert "Song1-mix.flac: stems lie beside, which are analysed together with the mix." in process.stderr
    assert "pretrained for mixes" not in process.stdout
    alone, both = (np.mean(list(f1_of(tmp_path / name).values())) for name in ("alone.mid", "both.mid"))
    assert both > alone


def test_the_stems_that_are_there_are_taken_and_the_mix_alone_tells_the_others(mix, tmp_path, capsys):
    put_stem(tmp_path, "kick")
    process = convert_here(capsys, "--input", mix, "--output", tmp_path / "x.mid", "--split")
    assert process.returncode == 0, process.stderr
    assert "decided by pretrained for mixes: cymbals, hihat, snare, toms; pretrained: kick." in process.stderr
    assert (tmp_path / "x.mid").read_bytes().count(b"MTrk") == 1 + len(STEMS)


def test_the_mix_stands_in_for_the_sum_of_the_stems(mix, tmp_path, monkeypatch):
    put_stem(tmp_path, "snare")
    config, views = default_config().stems["snare"], []
    monkeypatch.setattr(bundled, "with_sum", lambda log_odds, times_s, view, share: views.append(view) or log_odds)
    analyze(tmp_path / "Song1-snare.wav", config, ALL, mix=mix)
    in_mix = analyze(mix, config, IN_MIX)[0]
    np.testing.assert_array_equal(views[0].times_s, in_mix.times_s)
    np.testing.assert_array_equal(views[0].log_odds, in_mix["HeardInMix"])


@pytest.mark.parametrize("fault", ["shorter", "damaged"])
def test_a_stem_that_is_not_of_the_mix_is_left_out_with_a_word(fault, mix, tmp_path, capsys):
    assert convert_here(capsys, "--input", mix, "--output", tmp_path / "alone.mid", "--split").returncode == 0
    put_stem(tmp_path, "snare", duration_s=10.0)
    if fault == "damaged":
        (tmp_path / "Song1-snare.wav").write_bytes(b"no audio")
    process = convert_here(capsys, "--input", mix, "--output", tmp_path / "x.mid", "--split")
    assert process.returncode == 0, process.stderr
    assert "cannot be read or do not last as long as the mix" in process.stderr
    assert "Song1-snare.wav" in process.stderr
    assert f1_of(tmp_path / "x.mid") == f1_of(tmp_path / "alone.mid")


def test_of_a_damaged_mix_its_own_fault_is_told_and_not_its_stems(mix, tmp_path, capsys):
    put_stem(tmp_path, "kick")
    mix.write_bytes(b"no audio")
    process = convert_here(capsys, "--input", mix, "--output", tmp_path / "x.mid", "--split")
    assert process.returncode != 0
    assert "Song1-mix.flac: is not audio that can be read" in process.stderr
    assert "Song1-kick.wav" not in process.stderr
    assert not (tmp_path / "x.mid").exists()


def test_a_stem_of_a_mix_is_never_replaced(mix, tmp_path, capsys):
    put_stem(tmp_path, "kick")
    before = (tmp_path / "Song1-kick.wav").read_bytes()
    process = convert_here(
        capsys, "--input", mix, "--output", tmp_path / "Song1-kick.wav", "--split", "--force"
    )
    assert process.returncode != 0
    assert (tmp_path / "Song1-kick.wav").read_bytes() == before


def test_each_instrument_has_a_track_of_its_own_and_each_confidence_is_shown(tmp_path, capsys):
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
