"""evaluate_model.py on the bundled songs: what it says, writes, refuses, and costs."""

import json
import re
import shutil
import subprocess
import sys

import daws
import numpy as np
import pytest
from mir_eval import onset
from running import ROOT, convert_here, files_in
from sklearn import metrics

import evaluate_model
import train_classifier
from drumhits.io.midi import read_midi
from drumhits.io.text import clock

TEST_SONGS = ROOT / "test_songs"
CYMBALS = [f"test{i}-cymbals{ending}" for i in (1, 2) for ending in (".flac", "_ground_truth.mid")]
FORBIDDEN = ("sklearn", "scipy", "joblib", "matplotlib", "librosa", "mir_eval", "jinja2")


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Return a folder with two models of the worked example, v1.pkl and v2.pkl."""
    folder = tmp_path_factory.mktemp("models")
    data = ROOT / "training_data"
    for name, features in (("v1.pkl", "all"), ("v2.pkl", "guide")):
        args = ("--stem", "cymbals", "--raw-dir", data / "raw_midi", "--edited-dir", data / "edited_midi",
                "--output-model", folder / name, "--features", features, "--n-estimators", 20, "--quiet",
                "--start-from", "none")  # fmt: skip
        assert train_classifier.main([str(arg) for arg in args]) == 0
    return folder


@pytest.fixture
def evaluate(capsys, models):
    """Return a function that runs evaluate_model.py inside this process."""

    def run_here(*args, model=("v1.pkl",), songs=TEST_SONGS, stem="cymbals"):
        capsys.readouterr()
        paths = [name if name == "pretrained" else models / name for name in model]
        try:
            code = evaluate_model.main(
                [str(arg) for arg in ("--model", *paths, "--test-dir", songs, "--stem", stem, *args)]
            )
        except SystemExit as stop:  # argparse
            code = stop.code
        return subprocess.CompletedProcess(args, code, *capsys.readouterr())

    return run_here


@pytest.fixture
def songs(tmp_path):
    """Return a copy of the bundled cymbal songs."""
    folder = tmp_path / "songs"
    folder.mkdir()
    for name in CYMBALS:
        shutil.copy(TEST_SONGS / name, folder)
    return folder


def numbers(path):
    return json.loads(path.read_text("utf-8"))


def test_the_report_tells_what_the_json_tells(evaluate, tmp_path):
    process = evaluate("--json", tmp_path / "e.json")
    assert (process.returncode, process.stderr) == (0, "")
    told = numbers(tmp_path / "e.json")
    assert told["schema"] == "drumhits/evaluation/1"
    (model,) = told["models"]
    names = ["pretrained", "thresholds of midiconfig.yaml", "all candidates"]
    assert [one["name"] for one in told["beside"]] == names
    assert model["verdict"] in process.stdout
    for outcome in (model, *told["beside"]):
        for view in ("decisions", "hits"):
            shown = [f"{outcome[view][name]:.1%}" for name in ("precision", "recall", "f1")]
            assert re.search(rf"  {outcome['name']} .*" + r"\*? +".join(shown), process.stdout)
    timing = model["hits"]["timing_ms"]
    assert f"{timing['mean']:.1f}/{timing['median']:.1f}/{timing['percentile_90']:.1f}" in process.stdout
    assert f"Missed by the detector (no candidate): {model['hits']['never_offered']} of" in process.stdout
    assert [song["name"] for song in told["songs"]] == ["test1-cymbals", "test2-cymbals"]
    for name, share in list(model["importance"].items())[:3]:
        assert re.search(rf"{re.escape(name)} +{share:.1%}  #+", process.stdout)


def test_hits_are_those_of_the_converted_files(evaluate, capsys, models, tmp_path):
    evaluate("--json", tmp_path / "e.json", "--quiet")
    (model,) = numbers(tmp_path / "e.json")["models"]
    for song, scores in zip(("test1-cymbals", "test2-cymbals"), model["songs"], strict=True):
        output = tmp_path / f"{song}.mid"
        args = ("--input", TEST_SONGS / f"{song}.flac", "--output", output, "--use-ml-model", models / "v1.pkl")
        assert convert_here(capsys, *args, "--json", tmp_path / "c.json").returncode == 0
        truth = read_midi(TEST_SONGS / f"{song}_ground_truth.mid").notes["time_s"]
        f1, precision, recall = onset.f_measure(truth, read_midi(output).notes["time_s"])
        found = [scores["hits"][name] for name in ("f1", "precision", "recall")]
        assert found == pytest.approx([f1, precision, recall])
        (conversion,) = numbers(tmp_path / "c.json")["conversions"]
        decided = scores["decisions"]
        assert decided["true_kept"] + decided["false_kept"] == conversion["kept"]
        assert decided["candidates"] == conversion["detected"]


def test_decisions_score_as_in_scikit_learn(evaluate, models):
    from drumhits.config.load import default_config
    from drumhits.evaluation.comparison import evaluate_songs
    from drumhits.evaluation.deciders import model_decider
    from drumhits.evaluation.truth import find_test_songs
    from drumhits.models.modelfile import load_model

    config = default_config()
    pairs, _ = find_test_songs(TEST_SONGS, "cymbals")
    decider = model_decider(load_model(models / "v1.pkl"), "v1", config.stems["cymbals"])
    evaluation, errors = evaluate_songs(pairs, [decider], "cymbals", config, 0.05)
    assert not errors
    (outcome,) = evaluation.models
    hit, score = outcome.is_hit, outcome.candidate_scores
    assert score.f1 == pytest.approx(metrics.f1_score(hit, outcome.keep))
    assert score.roc_auc == pytest.approx(metrics.roc_auc_score(hit, outcome.confidence))
    assert score.average_precision == pytest.approx(metrics.average_precision_score(hit, outcome.confidence))
    assert score.brier == pytest.approx(metrics.brier_score_loss(hit, outcome.confidence))


def test_several_models_are_rows_with_the_best_marked_and_the_difference_to_the_first(evaluate, tmp_path):
    process = evaluate("--json", tmp_path / "e.json", model=("v1.pkl", "v2.pkl", "pretrained"))
    assert process.returncode == 0
    rows = [line for line in process.stdout.splitlines() if re.match(r"  (v1|v2|pretrained)", line)]
    assert len(rows) == 6
    assert re.search(r"[-+][\d.]+ \[[-+][\d.]+, [-+][\d.]+\]", rows[1])
    models = numbers(tmp_path / "e.json")["models"]
    accuracies = [model["decisions"]["accuracy"] for model in models]
    best = models[int(np.argmax(accuracies))]["name"]
    assert re.search(rf"  {best} .* {max(accuracies):.1%}\*", process.stdout)
    assert models[0]["f1_minus_first"]["hits"]["value"] == 0


def test_the_worst_song_comes_first_with_times_to_listen_to(evaluate, tmp_path):
    process = evaluate("--json", tmp_path / "e.json")
    told = numbers(tmp_path / "e.json")
    f1 = {song["name"]: one["hits"]["f1"] for song, one in zip(told["songs"], told["models"][0]["songs"], strict=True)}
    assert told["worst_first"] == sorted(f1, key=f1.get)
    listing = process.stdout.partition("Songs, worst first")[2]
    assert listing.index(told["worst_first"][0]) < listing.index(told["worst_first"][1])
    for song in told["models"][0]["songs"]:
        for mistake in song["worst_mistakes"]:
            assert f"at {clock(mistake['time_s']):>9}  " in listing


def test_a_song_of_the_training_is_warned_about(evaluate, songs):
    shutil.copy(ROOT / "training_data" / "audio" / "Song1-cymbals.flac", songs)
    edited = ROOT / "training_data" / "edited_midi" / "Song1-cymbals_edited.mid"
    shutil.copy(edited, songs / "Song1-cymbals_ground_truth.mid")
    process = evaluate(songs=songs)
    assert process.returncode == 0
    assert "Song1-cymbals: v1.pkl was trained on this song" in process.stderr
    assert process.stderr.count("was trained on") == 1


def test_a_window_decides_what_is_right(evaluate, tmp_path):
    f1 = []
    for window in (1, 50):
        evaluate("--window", window, "--json", tmp_path / "e.json")
        f1.append(numbers(tmp_path / "e.json")["models"][0]["hits"]["f1"])
    assert f1[0] < f1[1]
    assert "one to one within 50 ms" in evaluate().stdout


def test_no_pair_says_what_was_looked_for_and_what_is_there(evaluate, tmp_path):
    shutil.copy(TEST_SONGS / CYMBALS[0], tmp_path)
    process = evaluate(songs=tmp_path)
    assert process.returncode == 3
    assert "NAME-cymbals.wav" in process.stderr
    assert "NAME-cymbals_ground_truth.mid" in process.stderr
    assert "holds test1-cymbals.flac" in process.stderr


def test_a_song_that_cannot_be_read_is_named_and_the_others_are_done(evaluate, songs):
    (songs / "test1-cymbals.flac").write_bytes(b"no audio")
    process = evaluate(songs=songs)
    assert process.returncode == 1
    assert "test1-cymbals.flac: is not audio" in process.stderr
    assert "Evaluating on 1 song of cymbals" in process.stdout
    assert "one song says little" in process.stdout


def test_no_song_that_can_be_read_is_an_error(evaluate, songs):
    for path in songs.glob("*.flac"):
        path.write_bytes(b"no audio")
    process = evaluate(songs=songs)
    assert process.returncode == 1
    assert process.stderr.count("is not audio") == 2
    assert process.stdout == ""


def test_what_is_in_no_pair_is_said(evaluate, songs):
    shutil.copy(songs / CYMBALS[0], songs / "alone-cymbals.flac")
    shutil.copy(songs / CYMBALS[1], songs / "silent-cymbals_ground_truth.mid")
    process = evaluate(songs=songs)
    assert process.returncode == 0
    assert "looked for alone-cymbals_ground_truth.mid" in process.stderr
    assert "silent-cymbals_ground_truth.mid: has no audio" in process.stderr


def test_a_truth_of_another_time_is_warned_about(evaluate, songs):
    shutil.copy(TEST_SONGS / "test1-kick_ground_truth.mid", songs / CYMBALS[1])
    process = evaluate(songs=songs)
    assert process.returncode == 0
    assert "no note has a number of the cymbals" in process.stderr


@pytest.mark.parametrize(("limit", "code"), [("0.2", 0), ("1.0", 1)])
def test_fail_under_is_for_scripts(evaluate, limit, code):
    process = evaluate("--fail-under", limit, "--quiet")
    assert process.returncode == code
    assert ("below --fail-under 1: v1.pkl" in process.stderr) == bool(code)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("--window", "0"), "0 is not between 1 and 500 milliseconds"),
        (("--window", "nan"), "nan is not between"),
        (("--fail-under", "70"), "70 is not between 0 and 1"),
    ],
)
def test_wrong_usage_is_said(evaluate, args, message):
    process = evaluate(*args)
    assert process.returncode == 2
    assert message in process.stderr


def test_a_model_of_another_stem_is_refused_unless_forced(evaluate):
    process = evaluate(stem="snare")
    assert process.returncode == 1
    assert "was trained on cymbals, not on snare" in process.stderr
    assert evaluate("--force", stem="snare").returncode == 0


@pytest.mark.parametrize("option", ["--json", "--report"])
def test_inputs_and_other_files_are_not_replaced(evaluate, songs, option):
    precious = songs / "precious.html"
    precious.write_bytes(b"precious")
    before = files_in(songs)
    assert evaluate(option, precious, songs=songs).returncode == 1
    if option == "--json":
        process = evaluate(option, songs / CYMBALS[1], "--force", songs=songs)
        assert process.returncode == 2
        assert "same file as the input" in process.stderr
    assert files_in(songs) == before


def test_an_evaluation_imports_nothing_that_it_does_not_need(models):
    args = ["--model", str(models / "v1.pkl"), "--test-dir", str(TEST_SONGS), "--stem", "cymbals"]
    code = f"import sys, evaluate_model as e; assert e.main({args}) == 0; print([*sys.modules], file=sys.stderr)"
    process = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, encoding="utf-8", check=True)
    loaded = {name.partition(".")[0] for name in re.findall(r"'([^']+)'", process.stderr)}
    assert not loaded & set(FORBIDDEN)


def test_the_same_songs_give_the_same_bytes(evaluate, tmp_path):
    for name in ("a", "b"):
        assert evaluate("--report", tmp_path / f"{name}.html", "--json", tmp_path / name).returncode == 0
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()


def test_own_outputs_are_replaced(evaluate, tmp_path):
    options = ("--report", tmp_path, "--plots", tmp_path, "--json", tmp_path / "e.json", "--quiet")
    for _ in range(2):
        process = evaluate(*options)
        assert (process.returncode, process.stderr, process.stdout) == (0, "", "")
    assert {"report.html", "e.json", "confusion.png", "song-test1-cymbals.png"} <= files_in(tmp_path).keys()


@pytest.mark.parametrize(
    ("written", "options", "said"),
    [
        ({"ppq": 96, "bpm": 104, "kind": 0, "tempo": False}, (), "104 BPM, offset +0.000 s"),
        ({"ppq": 96, "bpm": 91.27, "kind": 0, "tempo": False}, ("--truth-tempo", "91.27"), ""),
        ({"shift_s": -0.5}, (), "seconds kept, offset +0."),
        ({"shift_s": -0.5}, ("--truth-offset", "0.5"), ""),
    ],
)
def test_a_truth_that_a_daw_rewrote_gives_the_same_scores(evaluate, songs, tmp_path, written, options, said):
    for name in CYMBALS[:2]:
        (songs / name).unlink()
    process = evaluate("--json", tmp_path / "as_played.json", model=("pretrained",), songs=songs)
    assert process.returncode == 0, process.stderr
    truth = songs / CYMBALS[3]
    notes = read_midi(truth).notes
    rows = np.column_stack([notes[column] for column in ("time_s", "number", "velocity")])
    how = dict(written)
    truth.write_bytes(daws.write(daws.shifted(rows, how.pop("shift_s", 0.0)), **how))
    process = evaluate("--json", tmp_path / "e.json", *options, model=("pretrained",), songs=songs)
    assert process.returncode == 0, process.stderr
    assert said in process.stderr
    assert bool(said) == ("--truth-tempo" in process.stderr)
    files = (tmp_path / "e.json", tmp_path / "as_played.json")
    rewritten, as_played = (numbers(path)["models"][0]["hits"]["f1"] for path in files)
    assert rewritten == pytest.approx(as_played, abs=0.01)
    assert rewritten > 0.85


@pytest.mark.parametrize(
    ("option", "value", "why"),
    [
        ("--truth-tempo", "0", "0 is not between 4 and 1000 BPM"),
        ("--truth-tempo", "nan", "nan is not between 4 and 1000 BPM"),
        ("--truth-offset", "inf", "inf is no number of seconds"),
    ],
)
def test_impossible_times_of_the_truth(evaluate, option, value, why):
    process = evaluate(option, value)
    assert process.returncode == 2
    assert why in process.stderr


def test_of_several_models_the_details_come_with_verbose(evaluate):
    models = ("v1.pkl", "pretrained")
    alone, several = evaluate("--quiet").returncode, evaluate(model=models)
    assert alone == several.returncode == 0
    assert "Confusion matrix" in evaluate().stdout
    assert "Confusion matrix" not in several.stdout
    assert "Feature importance" not in several.stdout
    verbose = evaluate("-v", model=models)
    assert verbose.stdout.count("Confusion matrix of") == len(models)
    assert verbose.stdout.count("Feature importance") == len(models)
