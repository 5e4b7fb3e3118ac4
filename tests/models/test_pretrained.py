"""The models that come with the toolkit: whole, small, of use before the first edit, and a start for one's own."""

import json
import re
from functools import partial

import numpy as np
import pytest
from mir_eval.onset import f_measure
from running import ROOT, convert_here, run_script

import train_classifier
from drumhits.analysis import ALL, FEATURE_SETS, analyze
from drumhits.bundle import NETWORKS_DIR, PRETRAINED_DIR
from drumhits.config.load import default_config
from drumhits.drums import STEMS
from drumhits.io.midi import Track, decode, encode, read_midi
from drumhits.matching import match_times
from drumhits.models.blend import Blend
from drumhits.models.choice import genres
from drumhits.models.modelfile import detection_of, load_model, pretrained_path
from drumhits.networks.bundled import networks_path
from drumhits.transcription.convert import Job
from drumhits.transcription.convert import convert as convert_job
from drumhits.transcription.provenance import read_provenance

LARGEST_BYTES = 2_000_000
BUNDLED = [path for path in PRETRAINED_DIR.glob("**/*.pkl") if path.parent != NETWORKS_DIR]
SONGS = ROOT / "test_songs"
EXAMPLE = ROOT / "training_data"
FOLDERS = ("--raw-dir", EXAMPLE / "raw_midi", "--edited-dir", EXAMPLE / "edited_midi")


@pytest.mark.parametrize("stem", STEMS)
def test_there_is_a_model_of_each_stem_for_the_usual_settings(stem):
    model = load_model(pretrained_path(stem))
    assert (model.stem, model.features, model.offered) == (stem, FEATURE_SETS["all"], ())
    assert model.detection == detection_of(default_config().stems[stem])
    assert model.training["kept"] > 1000


@pytest.mark.parametrize("name", sorted(path.relative_to(PRETRAINED_DIR).as_posix() for path in BUNDLED))
def test_a_model_is_small_with_its_networks(name):
    model, is_of_mix = PRETRAINED_DIR / name, "mix-" in name
    stem = model.stem.removeprefix("mix-")
    networks = [networks_path(stem, in_mix=in_mix) for in_mix in ((True,) if is_of_mix else (True, False))]
    assert sum(path.stat().st_size for path in (model, *networks)) <= LARGEST_BYTES


def f1_of(stem, model=None):
    audio, config = SONGS / f"test1-{stem}.flac", default_config()
    truth = read_midi(audio.with_name(f"test1-{stem}_ground_truth.mid")).notes["time_s"]
    notes = decode(convert_job(Job(audio, audio.with_suffix(".mid"), stem, config, model=model)).midi).notes
    return f_measure(np.sort(truth), notes["time_s"], window=0.05)[0]


def test_they_beat_the_thresholds_on_the_bundled_song():
    by_model = {stem: f1_of(stem, load_model(pretrained_path(stem))) for stem in STEMS}
    by_thresholds = {stem: f1_of(stem) for stem in STEMS}
    assert np.mean(list(by_model.values())) > np.mean(list(by_thresholds.values()))
    assert min(by_model.values()) > 0.8


def test_the_word_pretrained_picks_the_model_by_stem(capsys, tmp_path):
    stems = ("kick", "hihat")
    audio = [SONGS / f"test1-{stem}.flac" for stem in stems]
    process = convert_here(capsys, "--input", *audio, "--output", tmp_path, "--use-ml-model", "pretrained")
    assert process.returncode == 0, process.stderr
    assert "Decided by pretrained." in process.stdout
    for stem in stems:
        provenance = read_provenance(read_midi(tmp_path / f"test1-{stem}.mid"))
        assert (provenance.stem, provenance.model) == (stem, "pretrained")
        assert len(read_midi(tmp_path / f"test1-{stem}.mid").notes) > 10


@pytest.fixture
def train(tmp_path):
    def run_here(*args):
        output = tmp_path / "model.pkl"
        code = train_classifier.main(
            list(map(str, ("--stem", "cymbals", *FOLDERS, "--output-model", output, "--n-estimators", 20, *args)))
        )
        return code, output

    return run_here


def test_training_starts_from_the_bundled_model(train, capsys, tmp_path):
    code, output = train("--json", tmp_path / "report.json")
    assert code == 0
    model = load_model(output)
    assert model.training["start_from"] == "pretrained"
    out = capsys.readouterr().out
    assert re.search(r"bundled model +\d+\.\d% +\d+\.\d% +\d+\.\d%\n +new model", out)
    is_bundled = model.classifier.to_plain() == load_model(pretrained_path("cymbals")).classifier.to_plain()
    assert is_bundled == ("Use the bundled model, or this file, which decides as it does" in out)
    assert json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))["start_from"] == "pretrained"


def test_start_from_none_learns_from_the_edits_alone(train, capsys):
    code, output = train("--start-from", "none")
    assert code == 0
    assert not isinstance(load_model(output).classifier, Blend)
    assert "bundled model" not in capsys.readouterr().out


def test_the_guides_seven_features_start_from_nothing(train, capsys):
    code, output = train("--features", "guide")
    assert code == 0
    assert not isinstance(load_model(output).classifier, Blend)
    expected = "Starting from nothing, not from the bundled model: it was trained on all features."
    assert expected in capsys.readouterr().err


def test_a_start_that_was_asked_for_and_does_not_fit_is_refused():
    process = run_script(
        "train_classifier.py", "--stem", "cymbals", *FOLDERS, "--features", "guide", "--start-from", "pretrained",
        "--output-model", "never.pkl",
    )  # fmt: skip
    assert process.returncode == 2
    assert "--start-from pretrained: it was trained on all features" in process.stderr
    assert "Traceback" not in process.stderr


def test_other_bands_do_not_fit():
    model = load_model(pretrained_path("cymbals"))
    config = default_config().stems["cymbals"]
    fits = partial(model.misfit, FEATURE_SETS["all"])
    assert fits(config) is None
    other = type(config)(**{**config.__dict__, "body_band_hz": (900.0, 4000.0)})
    assert "body_band_hz [1000.0, 4000.0]" in fits(other)


def test_a_file_that_changes_nothing_decides_as_the_start_also_about_what_was_not_offered(capsys, tmp_path):
    bundled, model, edited = load_model(pretrained_path("cymbals")), tmp_path / "m.pkl", tmp_path / "edited"
    config = bundled.config(default_config().stems["cymbals"])
    edited.mkdir()
    for raw in (EXAMPLE / "raw_midi").glob("*.mid"):
        notes = read_midi(raw).notes
        table, _ = analyze(EXAMPLE / "audio" / f"{raw.stem}.flac", config, ALL)
        agreed = match_times(table.times_s[bundled.decide(table, config).keep], notes["time_s"], 0.01)[:, 1]
        (edited / f"{raw.stem}_edited.mid").write_bytes(encode([Track(raw.stem, notes[agreed])]))
    args = ["--stem", "cymbals", *map(str, FOLDERS[:2]), "--edited-dir", str(edited), "--output-model", str(model)]
    assert train_classifier.main(args) == 0
    assert "Use the bundled model, or this file, which decides as it does" in capsys.readouterr().out
    learned = load_model(model)
    assert learned.classifier.to_plain() == bundled.classifier.to_plain()
    assert learned.offered == ()
    table, _ = analyze(SONGS / "test1-cymbals.flac", config, ALL)
    np.testing.assert_array_equal(learned.decide(table, config).keep, bundled.decide(table, config).keep)


@pytest.mark.parametrize(("genre", "stem"), [(genre, stem) for genre, files in genres().items() for stem in files])
def test_a_model_of_a_genre_refines_what_ships_and_decides_about_its_stem(genre, stem, capsys, tmp_path):
    model = load_model(genres()[genre][stem])
    assert genres()[genre][stem].stat().st_size <= LARGEST_BYTES
    assert (model.stem, model.networks) == (stem, load_model(pretrained_path(stem)).networks)
    process = convert_here(capsys, "--input", SONGS / f"test1-{stem}.flac", "--output", tmp_path / "x.mid",
                           "--use-ml-model", f"pretrained:{genre}")  # fmt: skip
    assert process.returncode == 0, process.stderr
    assert read_provenance(read_midi(tmp_path / "x.mid")).model == f"pretrained:{genre}"
