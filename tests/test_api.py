"""The Python API does what the scripts do, through the same code."""

import subprocess
import sys

import numpy as np
import pytest
from running import ROOT, convert

import drumhits
from drumhits.io.midi import read_midi

SNARE = ROOT / "test_songs" / "test1-snare.flac"
EDITS = ROOT / "training_data"


def test_importing_the_package_imports_nothing_heavy():
    code = "import sys, drumhits; print(sorted({'numpy', 'yaml', 'soundfile'} & set(sys.modules)), drumhits.STEMS)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == f"[] {drumhits.STEMS}"


def test_every_name_of_the_facade_is_there():
    assert set(drumhits.__all__) <= set(dir(drumhits))
    assert all(getattr(drumhits, name) is not None for name in drumhits.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'transcribed'"):
        drumhits.transcribed  # noqa: B018


@pytest.mark.parametrize("model", [None, "pretrained"])
def test_transcribe_writes_what_the_script_writes(tmp_path, model):
    by_script, by_api = tmp_path / "script" / "x.mid", tmp_path / "api" / "x.mid"
    options = ("--use-ml-model", model) if model else ()
    assert convert("--input", SNARE, "--output", by_script, *options).returncode == 0
    hits = drumhits.transcribe(SNARE, model=model)
    hits.write(by_api)
    assert by_api.read_bytes() == by_script.read_bytes()
    np.testing.assert_allclose(read_midi(by_api).notes["time_s"], hits.times_s, atol=0.001)
    assert len(hits) == len(hits.times_s) == len(hits.table["GeoMean"]) == len(hits.notes) == hits.keep.sum()
    assert (hits.confidence is None) == (model is None)
    assert len(hits.candidates) == len(hits.keep) > len(hits)


def test_edited_midi_and_the_audio_are_not_overwritten(tmp_path):
    hits = drumhits.transcribe(SNARE, model=None)
    mine = tmp_path / "mine.mid"
    mine.write_bytes(b"my own")
    with pytest.raises(drumhits.InputError, match="not an untouched output"):
        hits.write(mine)
    assert mine.read_bytes() == b"my own"
    with pytest.raises(drumhits.InputError, match="same file as the input"):
        hits.write(SNARE, force=True)


def test_what_is_wrong_is_said(tmp_path):
    with pytest.raises(drumhits.InputError, match="say which stem it is"):
        drumhits.transcribe(tmp_path / "song.wav")
    with pytest.raises(drumhits.InputError, match="no such file"):
        drumhits.transcribe(tmp_path / "song-kick.wav")
    with pytest.raises(drumhits.InputError, match="no such model file"):
        drumhits.transcribe(SNARE, model=tmp_path / "none.pkl")
    with pytest.raises(drumhits.InputError, match="was trained on kick, not on snare"):
        drumhits.transcribe(SNARE, model=ROOT / "models" / "pretrained" / "kick.pkl")


def test_train_and_evaluate(tmp_path):
    path = tmp_path / "cymbals.pkl"
    training = drumhits.train("cymbals", EDITS / "raw_midi", EDITS / "edited_midi", n_estimators=10)
    training.write(path)
    assert drumhits.load_model(path).stem == "cymbals"
    assert 0.5 < training.fitted.validation.f1 <= 1
    evaluation = drumhits.evaluate([path, "pretrained"], ROOT / "test_songs", "cymbals")
    assert [song.name for song in evaluation.songs] == ["test1-cymbals", "test2-cymbals"]
    first, bundled = (outcome.note_scores.f1 for outcome in evaluation.models)
    assert min(first, bundled) > 0.7
