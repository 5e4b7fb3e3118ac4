"""Which model decides about which stem, of several models, folders of them and the bundled ones."""

from dataclasses import replace
from pathlib import Path

import pytest
from running import ROOT, convert_here

from drumhits.bundle import PRETRAINED
from drumhits.errors import InputError, UsageError
from drumhits.io.midi import read_midi
from drumhits.models.choice import model_files, model_path, resolve
from drumhits.models.modelfile import load_model, pretrained_path
from drumhits.transcription.provenance import read_provenance

SONGS = ROOT / "test_songs"


@pytest.fixture
def folder(tmp_path):
    """Return a folder of a model of the kick and one of the snare, with a smaller threshold than the bundled ones."""
    for stem in ("kick", "snare"):
        model = replace(load_model(pretrained_path(stem)), min_confidence=0.05)
        (tmp_path / f"my_{stem}.pkl").write_bytes(model.to_bytes())
    return tmp_path


def names(resolved):
    return {stem: name for stem, (name, _) in resolved.items()}


def test_each_stem_gets_its_own_model_and_the_bundled_ones_fill_in(folder):
    resolved = resolve([folder], ["kick", "snare", "hihat"])
    assert names(resolved) == {"kick": "my_kick.pkl", "snare": "my_snare.pkl", "hihat": PRETRAINED}
    assert resolved["kick"].model.min_confidence == 0.05
    given = [folder / "my_snare.pkl", Path(PRETRAINED)]
    assert names(resolve(given, ["kick", "snare"])) == {"kick": PRETRAINED, "snare": "my_snare.pkl"}
    assert names(resolve([Path(PRETRAINED)], ["kick"])) == {"kick": PRETRAINED}
    assert resolve([], ["kick"]) == {}


def test_a_model_of_none_of_the_stems_is_refused_but_by_force(folder):
    given = [folder / "my_kick.pkl"]
    with pytest.raises(InputError, match=r"my_kick\.pkl: was trained on kick, not on hihat"):
        resolve(given, ["hihat"])
    assert names(resolve(given, ["hihat", "toms"], any_stem=True)) == dict.fromkeys(("hihat", "toms"), "my_kick.pkl")


def test_force_leaves_each_stem_of_a_folder_of_models_to_its_own(folder):
    expected = {"kick": "my_kick.pkl", "snare": "my_snare.pkl", "hihat": PRETRAINED}
    assert names(resolve([folder], expected, any_stem=True)) == expected
    both = [folder / "my_kick.pkl", folder / "my_snare.pkl"]
    assert names(resolve(both, expected, any_stem=True)) == expected
    (folder / "my_snare.pkl").unlink()
    assert names(resolve([folder], ["kick", "snare"], any_stem=True)) == {"kick": "my_kick.pkl", "snare": PRETRAINED}


def test_two_models_of_one_stem_are_refused(folder):
    (folder / "again.pkl").write_bytes((folder / "my_kick.pkl").read_bytes())
    with pytest.raises(UsageError, match=r"my_kick\.pkl: is a second model of kick, beside again\.pkl"):
        resolve([folder], ["kick"])


def test_a_folder_without_models_is_refused(tmp_path):
    (tmp_path / "deep").mkdir()
    with pytest.raises(InputError, match=r"deep: holds no model file"):
        model_files([tmp_path / "deep"])


def test_a_conversion_says_which_model_decided_what(folder, tmp_path, capsys):
    audio = [SONGS / f"test1-{stem}.flac" for stem in ("kick", "hihat")]
    process = convert_here(capsys, "--input", *audio, "--output", tmp_path / "out", "--use-ml-model", folder)
    assert process.returncode == 0, process.stderr
    assert "decided by pretrained: hihat; my_kick.pkl: kick." in process.stderr
    made = {path.stem: read_provenance(read_midi(path)).model for path in (tmp_path / "out").glob("*.mid")}
    assert made == {"test1-kick": "my_kick.pkl", "test1-hihat": PRETRAINED}


@pytest.fixture
def jazz(tmp_path, monkeypatch):
    """Let the toolkit bring a model of jazz, of the snare alone."""
    (tmp_path / "jazz").mkdir()
    model = replace(load_model(pretrained_path("snare")), min_confidence=0.05)
    (tmp_path / "jazz" / "snare.pkl").write_bytes(model.to_bytes())
    (tmp_path / "networks").mkdir()
    (tmp_path / "networks" / "snare.pkl").write_bytes(b"")
    monkeypatch.setattr("drumhits.models.choice.PRETRAINED_DIR", tmp_path)
    monkeypatch.setattr("drumhits.models.choice.NETWORKS_DIR", tmp_path / "networks")
    return [Path("pretrained:jazz")]


def test_a_genre_decides_about_its_stems_and_the_general_models_about_the_others(jazz, tmp_path):
    resolved = resolve(jazz, ["kick", "snare"])
    assert names(resolved) == {"kick": PRETRAINED, "snare": "pretrained:jazz"}
    assert resolved["snare"].model.min_confidence == 0.05
    assert names(resolve(jazz, ["kick"])) == {"kick": PRETRAINED}
    assert model_path("pretrained:jazz", "snare") == tmp_path / "jazz" / "snare.pkl"
    assert model_path("pretrained", "snare") == pretrained_path("snare")
    assert model_path("pretrained.pkl", "snare") == Path("pretrained.pkl")


def test_a_genre_that_is_not_there_is_said_with_those_that_are(jazz):
    with pytest.raises(InputError, match="polka: the toolkit brings no model of that genre; there are those of jazz"):
        resolve([Path("pretrained:polka")], ["snare"])
    with pytest.raises(InputError, match="jazz: the toolkit brings no model of kick of that genre, but of snare"):
        model_path("pretrained:jazz", "kick")


def test_without_any_genre_that_is_said(capsys, tmp_path):
    process = convert_here(capsys, "--input", SONGS / "test1-kick.flac", "--output", tmp_path / "x.mid",
                           "--use-ml-model", "pretrained:jazz")  # fmt: skip
    assert (process.returncode, "Traceback" in process.stderr) == (1, False)
    assert "pretrained:jazz: the toolkit brings no model of that genre" in process.stderr
