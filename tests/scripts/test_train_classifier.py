"""train_classifier.py on the worked example, and its model used by stems_to_midi.py."""

import json
import re
import shutil
import subprocess
import sys
from functools import partial

import numpy as np
import pytest
import soundfile
from running import ROOT, convert, convert_here, files_in, run_script

import train_classifier
from drumhits.analysis import ALL, analyze
from drumhits.config.load import default_config, load_config
from drumhits.detection.kinds import _KINDS
from drumhits.edits.pairing import find_pairs
from drumhits.edits.songs import label_song, load_songs
from drumhits.errors import NotEnoughDataError, UsageError
from drumhits.io.midi import read_midi
from drumhits.learning.fit import train_model
from drumhits.learning.options import TrainingOptions
from drumhits.models.modelfile import load_model
from drumhits.transcription.convert import Job
from drumhits.transcription.convert import convert as convert_job

EXAMPLE = ROOT / "training_data"
FOLDERS = ("--raw-dir", "training_data/raw_midi", "--edited-dir", "training_data/edited_midi")
MODEL = "models/cymbals_classifier.pkl"
NEW_SONG = ROOT / "test_songs" / "test1-cymbals.flac"
FORBIDDEN = ("sklearn", "scipy", "joblib", "librosa", "matplotlib")


@pytest.fixture
def train(capsys, monkeypatch):
    """Return a function that runs train_classifier.py inside this process, where scikit-learn is imported once."""

    def run_here(folder, *args, stem="cymbals"):
        monkeypatch.chdir(folder)
        capsys.readouterr()
        try:
            code = train_classifier.main([str(arg) for arg in ("--stem", stem, *FOLDERS, *args)])
        except SystemExit as stop:  # argparse
            code = stop.code
        return subprocess.CompletedProcess(args, code, *capsys.readouterr())

    return run_here


def copy_example(root, songs=(1, 2, 3, 4)):
    """Copy songs of the worked example, in this order."""
    for kind, name in (("audio", "Song{}-cymbals.flac"), ("raw_midi", "Song{}-cymbals.mid"),
                       ("edited_midi", "Song{}-cymbals_edited.mid")):  # fmt: skip
        folder = root / "training_data" / kind
        folder.mkdir(parents=True)
        for song in songs:
            shutil.copy(EXAMPLE / kind / name.format(song), folder)
    return root


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Return a folder after the guide's command, the process, and what the folder held before."""
    root = copy_example(tmp_path_factory.mktemp("example"))
    before = files_in(root)
    args = ("--stem", "cymbals", *FOLDERS, "--output-model", MODEL, "--json", "report.json", "--n-estimators", 20)
    return root, run_script("train_classifier.py", *args, cwd=root), before


@pytest.fixture
def one_song(tmp_path):
    return copy_example(tmp_path, songs=(2,))


def test_the_guides_command_gives_a_model_and_leaves_every_input_alone(trained):
    root, process, before = trained
    assert process.returncode == 0, process.stderr
    assert process.stderr == ""
    after = files_in(root)
    assert after.keys() - before.keys() == {str((root / MODEL).relative_to(root)), "report.json"}
    assert {name: after[name] for name in before} == before
    assert load_model(root / MODEL).stem == "cymbals"


def test_the_library_trains_the_model_that_the_command_trains(trained):
    root = trained[0]
    folders = root / "training_data" / "raw_midi", root / "training_data" / "edited_midi"
    loaded = load_songs(*folders, "cymbals")
    training = train_model(loaded.songs, options=TrainingOptions(n_estimators=20))
    assert (loaded.errors, loaded.unpaired, loaded.failure, training.warnings) == ((), (), None, ())
    assert training.model.to_bytes() == (root / MODEL).read_bytes()
    assert set(training.fitted.validation.importance) <= {name for name, _ in _KINDS}


@pytest.mark.parametrize(
    "options", [{"algorithm": "tree"}, {"n_estimators": 2001}, {"seed": 2**32}]
)
def test_options_out_of_range_are_wrong_usage(options):
    with pytest.raises(UsageError, match=f"^--{next(iter(options)).replace('_', '-')} "):
        TrainingOptions(**options)


def test_nothing_to_train_on_is_said():
    with pytest.raises(NotEnoughDataError, match="no song and no file of examples"):
        train_model(())


def test_the_report_tells_what_the_json_and_the_model_tell(trained):
    root, process, _ = trained
    numbers = json.loads((root / "report.json").read_text("utf-8"))
    model = load_model(root / MODEL)
    scores = numbers["cross_validation"]
    assert numbers["schema"] == "drumhits/training/1"
    assert f"Loaded {numbers['kept'] + numbers['removed']} total detections across 4 songs:" in process.stdout
    for song in numbers["songs"]:
        assert f"  {song['name']}: {song['kept']} kept, {song['removed']} removed\n" in process.stdout
    assert "Cross-Validation Results (4-fold):" in process.stdout
    assert f"F1 score:  {scores['f1']:.1%}" in process.stdout
    assert f"\nModel saved to: {MODEL}\n" in process.stdout
    assert f"--stem cymbals --use-ml-model {MODEL}" in process.stdout
    assert model.training["scores"] == scores
    assert model.training["songs"] == numbers["songs"]
    assert model.min_confidence == numbers["min_confidence"]
    assert sum(numbers["importance"].values()) == pytest.approx(1)
    assert scores["f1"] > 0.9 > scores["majority_baseline"]


def test_the_model_does_not_depend_on_the_order_in_which_files_were_made(train, trained, tmp_path):
    copy_example(tmp_path, songs=(3, 1, 4, 2))
    assert train(tmp_path, "--output-model", "m.pkl", "--n-estimators", 20, "--quiet").returncode == 0
    assert (tmp_path / "m.pkl").read_bytes() == (trained[0] / MODEL).read_bytes()


def test_a_dry_run_writes_nothing_but_the_decisions(train, trained, one_song):
    before = files_in(one_song)
    process = train(one_song, "--dry-run", "--pairs", "pairs.csv")
    assert process.returncode == 0
    assert "28 matched, 28 kept, 19 removed" in process.stdout
    assert "Accuracy" not in process.stdout
    after = files_in(one_song)
    rows = after.pop("pairs.csv").decode().splitlines()
    assert after == before
    assert rows[0] == "song,raw_s,edited_s,note,edited_note,decision"
    assert sum(row.endswith(",removed") for row in rows) == 19


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ((), "--output-model"),
        (("--dry-run", "--n-estimators", 0), "--n-estimators 0: give 1 to 2000"),
        (("--dry-run", "--seed", -1), "--seed -1"),
        (("--dry-run", "--jobs", 0), "--jobs 0"),
        (("--dry-run", "--range", "9-3"), "the start must lie before the end"),
        (("--output-model", "x", "--json", "x"), "--output-model and --json would both be written"),
        (("--dry-run", "--pairs", "training_data/raw_midi/Song2-cymbals.mid", "--force"), "same file as the input"),
    ],
)
def test_wrong_usage_is_said_and_nothing_is_written(train, one_song, args, message):
    before = files_in(one_song)
    process = train(one_song, *args)
    assert process.returncode == 2
    assert message in process.stderr
    assert "Traceback" not in process.stderr
    assert files_in(one_song) == before


def test_songs_of_another_stem_are_no_data(train, one_song):
    process = train(one_song, "--dry-run", stem="kick")
    assert process.returncode == 3
    assert "there is no song to learn from" in process.stderr


def test_edits_that_fit_nowhere_are_left_out_and_the_exit_code_tells(train, tmp_path):
    copy_example(tmp_path, songs=(1, 2))
    edited = tmp_path / "training_data" / "edited_midi"
    shutil.copy(EXAMPLE / "edited_midi" / "Song4-cymbals_edited.mid", edited / "Song1-cymbals_edited.mid")
    process = train(tmp_path, "--output-model", "m.pkl", "--pairs", "pairs.csv")
    assert process.returncode == 1
    assert "Song1-cymbals" in process.stderr
    assert [song["name"] for song in load_model(tmp_path / "m.pkl").training["songs"]] == ["Song2-cymbals"]
    assert "Song2-cymbals" in (tmp_path / "pairs.csv").read_text("utf-8")


def test_every_song_that_fails_is_named(train, tmp_path):
    copy_example(tmp_path, songs=(1, 2))
    for path in (tmp_path / "training_data" / "audio").iterdir():
        path.unlink()
    process = train(tmp_path, "--output-model", "m.pkl")
    assert process.returncode == 1
    assert "Song1-cymbals: its audio is not found" in process.stderr
    assert "Song2-cymbals: its audio is not found" in process.stderr


def test_a_song_whose_audio_changed_is_left_out_and_the_exit_code_tells(train, tmp_path):
    copy_example(tmp_path, songs=(1, 2))
    audio = tmp_path / "training_data" / "audio" / "Song1-cymbals.flac"
    y, sr = soundfile.read(audio)
    soundfile.write(audio, 0.9 * y, sr)
    process = train(tmp_path, "--output-model", "m.pkl", "--n-estimators", 10)
    assert process.returncode == 1
    assert "Song1-cymbals: the audio has changed" in process.stderr
    assert "Not enough training data: 47 detections" in process.stdout
    assert "One song only" in process.stdout
    assert len(load_model(tmp_path / "m.pkl").training["songs"]) == 1


def test_one_class_only_is_refused_even_by_force(train, one_song):
    edited = one_song / "training_data" / "edited_midi" / "Song2-cymbals_edited.mid"
    shutil.copy(EXAMPLE / "raw_midi" / "Song2-cymbals.mid", edited)
    process = train(one_song, "--output-model", "m.pkl", "--force")
    assert process.returncode == 3
    assert "the edited file is the raw one" in process.stderr
    process = train(one_song, "--output-model", "m.pkl", "--force", "--accept-unchanged")
    assert process.returncode == 3
    assert "none is removed" in process.stderr
    assert not (one_song / "m.pkl").exists()


def test_force_trains_on_too_few_hits(train, one_song):
    process = train(one_song, "--output-model", "m.pkl", "--range", "0-10", "--n-estimators", 10, "--force")
    assert process.returncode == 0
    assert "Not enough training data" in process.stdout
    assert load_model(one_song / "m.pkl").training["kept"] < 28


def test_a_file_that_is_no_model_is_not_replaced(train, one_song):
    (one_song / "m.pkl").write_bytes(b"precious")
    process = train(one_song, "--output-model", "m.pkl")
    assert process.returncode == 1
    assert "not an untouched output of this script" in process.stderr
    assert (one_song / "m.pkl").read_bytes() == b"precious"


def test_training_sees_the_features_that_conversion_sees(trained):
    root, model = trained[0], load_model(trained[0] / MODEL)
    pair = find_pairs(root / "training_data" / "raw_midi", root / "training_data" / "edited_midi", "cymbals").pairs[0]
    song = label_song(pair, analyse=partial(analyze, features=ALL))
    job = Job(song.source.path, root / "x.mid", "cymbals", default_config(), model=model, model_name="m.pkl")
    conversion = convert_job(job)
    assert conversion.table.names == song.table.names
    np.testing.assert_array_equal(conversion.table.times_s, song.table.times_s)
    np.testing.assert_array_equal(conversion.table.values, song.table.values)
    np.testing.assert_array_equal(conversion.decisions.confidence, model.confidence(song.table))


def test_a_model_decides_a_conversion_and_the_report_says_so(trained, tmp_path):
    process = convert(
        "--input", NEW_SONG, "--output", tmp_path / "x.mid", "--stem", "cymbals", "--use-ml-model", trained[0] / MODEL,
        "--json", tmp_path / "x.json", "--csv", tmp_path / "x.csv",
    )  # fmt: skip
    assert process.returncode == 0, process.stderr
    model = load_model(trained[0] / MODEL)
    assert f"Decided by cymbals_classifier.pkl, trained on {model.summary()}" in process.stdout
    assert re.search(r"Conf\.  Decision\n.* \d+ %  (KEPT|REJECTED)", process.stdout)
    (one,) = json.loads((tmp_path / "x.json").read_text("utf-8"))["conversions"]
    for candidate in one["candidates"]:
        assert 0 <= candidate["confidence"] <= 1
        assert not candidate["kept"] or candidate["confidence"] >= model.min_confidence
    truth = read_midi(ROOT / "test_songs" / "test1-cymbals_ground_truth.mid").notes["time_s"]
    found = read_midi(tmp_path / "x.mid").notes["time_s"]
    assert (np.abs(found[:, None] - truth).min(axis=0) < 0.05).mean() > 0.75
    assert (np.abs(found[:, None] - truth).min(axis=1) < 0.05).mean() > 0.75


def test_a_higher_confidence_never_adds_a_hit(capsys, trained, tmp_path):
    n_kept = {}
    for share in ("0.0", "1.0"):
        output = tmp_path / f"{share}.mid"
        args = ("--input", NEW_SONG, "--output", output, "--use-ml-model", trained[0] / MODEL)
        assert convert_here(capsys, *args, "--min-confidence", share).returncode == 0
        n_kept[share] = len(read_midi(output).notes)
    assert n_kept["1.0"] < n_kept["0.0"]


def test_a_model_of_another_stem_is_refused_unless_forced(capsys, trained, tmp_path):
    args = ("--input", NEW_SONG, "--output", tmp_path / "x.mid", "--stem", "hihat")
    args += ("--use-ml-model", trained[0] / MODEL)
    process = convert_here(capsys, *args)
    assert process.returncode == 1
    assert "was trained on cymbals, not on hihat" in process.stderr
    assert not (tmp_path / "x.mid").exists()
    assert convert_here(capsys, *args, "--force").returncode == 0


def test_converting_with_a_model_imports_nothing_heavy(trained, tmp_path):
    args = ["--input", str(NEW_SONG), "--output", str(tmp_path / "x.mid"), "--use-ml-model", str(trained[0] / MODEL)]
    code = f"import sys, stems_to_midi; assert stems_to_midi.main({args}) == 0; print([*sys.modules], file=sys.stderr)"
    process = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, encoding="utf-8", check=True)
    loaded = {name.partition(".")[0] for name in re.findall(r"'([^']+)'", process.stderr)}
    assert "numpy" in loaded
    assert not loaded & set(FORBIDDEN)


QUICK = ("--algorithm", "logistic", "--start-from", "none", "--features", "guide")


def test_tuning_says_what_it_found_and_its_number_of_trials_repeats_it(train, tmp_path):
    root, files = copy_example(tmp_path), []
    for model in ("a.pkl", "b.pkl"):
        process = train(root, "--output-model", model, "--tune-trials", 2, *QUICK)
        assert process.returncode == 0, process.stderr
        assert re.search(r"Tuned hyperparameters of logistic: 2 tried in \d+ s\.\n", process.stdout)
        assert "The same again: --tune-trials 2 --seed 0" in process.stdout
        files.append((root / model).read_bytes())
    assert files[0] == files[1]


def test_tuned_thresholds_make_a_configuration(train, tmp_path):
    process = train(copy_example(tmp_path), "--learn-thresholds", "mine.yaml", "--tune-trials", 2)
    assert process.returncode == 0, process.stderr
    assert re.search(r"Tuned settings of cymbals: 2 tried in .*\n.*\n  settings before .*\n  tuned ", process.stdout)
    assert {"onset_delta", "onset_wait"} <= {*re.findall(r"(\w+) [\d.]+", process.stdout.split("Thresholds for ")[1])}
    load_config(tmp_path / "mine.yaml")


@pytest.mark.parametrize("options", [("--learn-thresholds", "mine.yaml"), ("--output-model", "m.pkl")])
def test_ctrl_c_while_tuning_writes_the_best_so_far(train, tmp_path, monkeypatch, options):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("drumhits.tuning.search._trial", interrupted)
    process = train(copy_example(tmp_path), *options, "--tune", 1, *QUICK)
    assert process.returncode == 130
    assert "0 tried in 0 s, stopped by Ctrl-C. None was finished, so nothing is changed." in process.stdout
    assert (tmp_path / options[1]).is_file()
    assert "interrupted; what was finished is written." in process.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--tune", "0", "--output-model", "m.pkl"), "--tune 0: give the minutes to search for, above 0."),
        (("--tune-trials", "0", "--output-model", "m.pkl"), "--tune-trials 0: give 1 or more."),
        (("--tune", "5", "--dry-run"), "--tune goes with --output-model or --learn-thresholds"),
    ],
)
def test_options_of_tuning_that_cannot_be_are_said(train, one_song, options, said):
    process = train(one_song, *options)
    assert (process.returncode, said in process.stderr) == (2, True)
