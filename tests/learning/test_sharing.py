"""Files of labelled examples: what is written comes back, what is wrong is said with its line, and what they train."""

import csv
import json
import os
import re
import tracemalloc

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from running import ROOT

import train_classifier
from drumhits.analysis import FEATURE_SETS, GUIDE
from drumhits.config.load import default_config, load_config
from drumhits.detection.features import GUIDE_FEATURES
from drumhits.errors import InputError, NotEnoughDataError
from drumhits.learning.dataset import Dataset
from drumhits.learning.fit import train_model
from drumhits.learning.options import TrainingOptions
from drumhits.learning.sharing import MAX_BYTES, decode_examples, merge_datasets, read_examples, to_csv
from drumhits.models.modelfile import detection_of, load_model, networks_of

CYMBALS = default_config().stems["cymbals"]
EXAMPLE = ROOT / "training_data"
FOLDERS = ("--raw-dir", EXAMPLE / "raw_midi", "--edited-dir", EXAMPLE / "edited_midi")
FINITE = st.floats(width=32, allow_nan=False, allow_infinity=False)


@st.composite
def any_examples(draw):
    n = draw(st.integers(1, 12))
    songs = np.unique(draw(arrays(int, n, elements=st.integers(0, 3))), return_inverse=True)[1]
    X = draw(arrays(np.float32, (n, len(GUIDE_FEATURES)), elements=FINITE))
    return Dataset(X, draw(arrays(bool, n)), songs, GUIDE_FEATURES)


def some_examples(n=12, n_songs=3):
    X = np.random.default_rng(0).normal(size=(n, len(GUIDE_FEATURES))).astype(np.float32)
    return Dataset(X, np.arange(n) % 2 == 0, np.arange(n) % n_songs, GUIDE_FEATURES)


TEXT = to_csv(CYMBALS, True, some_examples())


def decode(text, stem="cymbals", features=GUIDE_FEATURES):
    return decode_examples(text if isinstance(text, bytes) else text.encode(), "friend.csv", stem, features)


def rows(examples):
    """Return the examples in any order."""
    columns = zip(examples.groups.tolist(), examples.y.tolist(), map(np.ndarray.tolist, examples.X), strict=True)
    return sorted(columns)


@given(any_examples(), st.booleans())
@settings(max_examples=60, deadline=None)
def test_what_is_written_comes_back(examples, after_thresholds):
    text = to_csv(CYMBALS, after_thresholds, examples)
    found = decode(text)
    assert rows(found.dataset) == rows(examples)
    assert (found.after_thresholds, found.config.stem) == (after_thresholds, "cymbals")
    assert detection_of(found.config) == detection_of(CYMBALS)
    assert to_csv(found.config, after_thresholds, found.dataset) == text
    assert rows(decode(text.replace("\n", "\r\n")).dataset) == rows(examples)


@given(any_examples(), st.randoms())
@settings(max_examples=30, deadline=None)
def test_the_order_of_a_songs_hits_is_not_told(examples, random):
    order = np.array(random.sample(range(len(examples.y)), len(examples.y)))
    shuffled = Dataset(examples.X[order], examples.y[order], examples.groups[order], examples.features)
    assert to_csv(CYMBALS, False, shuffled) == to_csv(CYMBALS, False, examples)


@given(st.integers(0, len(TEXT) - 1), st.binary(max_size=6), st.integers(0, 9))
@example(0, b"", 9)
@settings(max_examples=300, deadline=None)
def test_a_damaged_file_is_read_as_numbers_or_refused_in_a_sentence(at, new, n_cut):
    data = TEXT.encode()[:at] + new + TEXT.encode()[at + n_cut :]
    found, refusal = None, "friend.csv."
    try:
        found = decode(data).dataset
    except InputError as error:
        refusal = str(error)
    assert re.fullmatch(r"friend\.csv.*\.", refusal)
    if found:
        assert np.isfinite(found.X).all()
        assert len(found.y) == len(found.X) == len(found.groups) > 0


def with_line(number, text):
    lines = TEXT.split("\n")
    lines[number - 1] = text
    return "\n".join(lines)


def with_cell(number, column, text):
    cells = TEXT.split("\n")[number - 1].split(",")
    cells[column] = text
    return with_line(number, ",".join(cells))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is not a file of examples"),
        ("PK\x03\x04", "is not a file of examples"),
        (with_cell(1, 0, "drumhits/examples/2"), "line 1: was made by a newer version"),
        (with_cell(1, 0, "drumhits/examples/x"), "line 1: should be drumhits/examples/1,cymbals"),
        (with_cell(1, 1, "kick"), "line 1: holds examples of kick, not of cymbals"),
        (with_line(2, "detection"), "line 2: its detection settings"),
        (with_line(2, 'detection,"{""onset_wait"":1}"'), "line 2: its detection settings"),
        (TEXT.replace('""onset_wait"":10', '""onset_wait"":-1'), "line 2: its detection settings"),
        (TEXT.replace('""onset_wait"":10', '""onset_wait"":NaN'), "line 2: its detection settings"),
        (TEXT.replace('""onset_wait"":10', '""onset_wait"":' + "[" * 5000), "line 2: its detection settings"),
        (with_line(3, "after_thresholds,yes"), "line 3: should be after_thresholds,0 or after_thresholds,1"),
        (TEXT.replace("GeoMean", "Loud"), r"line 4: its 9 columns are not the 9 of this training \(Loud"),
        (TEXT.split("\nsong")[0], "line 3: the file ends within its header"),
        ("\n".join(TEXT.split("\n")[:4]), "line 4: no example follows"),
        (with_line(9, "1,0,2.5"), "line 9: holds 3 values, not 9"),
        (with_line(9, ""), "line 9: holds 1 values, not 9"),
        (with_cell(7, 0, "0"), "line 7: its song is '0', not a number from 1 to 10000"),
        (with_cell(7, 0, "99999"), "line 7: its song is '99999'"),
        (with_cell(7, 1, "True"), "line 7: its kept is 'True', not 0 or 1"),
        (with_cell(8, 2, "nan"), "line 8: its Str is 'nan', not a number"),
        (with_cell(8, 3, "inf"), "line 8: its Amp is 'inf', not a number"),
        (with_cell(8, 3, "1_0"), "line 8: its Amp is '1_0', not a number"),
        (with_cell(8, 3, "=1+1"), "line 8: its Amp is '=1\\+1', not a number"),
        (with_cell(8, 4, "1e300"), "line 8: its BodyE is beyond what a feature can be"),
        (with_cell(8, 4, "1\xff"), "line 8: holds the byte 0xc3, and only ASCII"),
        ("drumhits/examples/1," + "x" * MAX_BYTES, "is larger than 64 MiB"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(text, message):
    with pytest.raises(InputError, match=message):
        decode(text)


def test_other_features_are_refused():
    with pytest.raises(InputError, match=r"line 4: its 9 columns are not the \d+ of this training"):
        decode(TEXT, features=FEATURE_SETS["all"])


def test_a_file_that_is_not_there_is_said(tmp_path):
    with pytest.raises(InputError, match=r"cannot be read .*--examples"):
        read_examples(tmp_path / "none.csv", "cymbals", GUIDE_FEATURES)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_and_a_folder_are_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "friend.csv")
    for path in (tmp_path / "friend.csv", tmp_path):
        with pytest.raises(InputError, match="is a folder, a pipe or a device; give the file itself to --examples"):
            read_examples(path, "cymbals", GUIDE_FEATURES)


HEADER = "\n".join(TEXT.splitlines()[:4]).encode()


@pytest.mark.parametrize(
    ("start", "filling", "said"),
    [(HEADER, b"\n", "line 5: holds 1 values"), (HEADER, b"\r\n", "line 5: holds 1 values"),
     (HEADER + b"\n", b",", "line 5: holds"), (HEADER.splitlines()[0], b"\n", "line 2: its detection settings"),
     (HEADER + b"\n" + TEXT.splitlines()[4].encode(), b"\n", "line 6: holds 1 values")],
)  # fmt: skip
def test_millions_of_line_ends_or_commas_take_little_memory(start, filling, said):
    n_bytes = 8 * 2**20
    data = start + filling * (n_bytes // len(filling))
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match=said):
            decode(data)
        assert tracemalloc.get_traced_memory()[1] < 5 * n_bytes
    finally:
        tracemalloc.stop()


def test_lines_may_end_as_windows_ends_them():
    assert rows(decode(TEXT.replace("\n", "\r\n")).dataset) == rows(decode(TEXT).dataset)


def test_songs_of_all_origins_are_groups_of_their_own():
    merged = merge_datasets(some_examples(4, 2), CYMBALS, [decode(TEXT)])
    assert len(np.unique(merged.dataset.groups)) == 2 + 3
    np.testing.assert_array_equal(merged.dataset.groups[:4], [0, 1, 0, 1])
    assert merged.dataset.groups[4:].min() == 2


def test_a_song_that_is_there_already_is_left_out():
    own = some_examples()
    own = Dataset(own.X[own.groups == 1], own.y[own.groups == 1], np.zeros(4, int), own.features)
    merged = merge_datasets(own, CYMBALS, [decode(TEXT), decode(TEXT)])
    assert len(merged.dataset.y) == 12
    assert len(np.unique(merged.dataset.groups)) == 3
    assert [len(file.song_rows()) for file in merged.files] == [2]
    assert merged.repeats[0] == "friend.csv: song 2 is among the others already, and is left out."
    assert len(merged.repeats) == 4


def test_too_few_examples_are_refused_with_the_songs_that_were_left_out():
    with pytest.raises(NotEnoughDataError, match=r"^only 12 labelled .* friend.csv: song 1 is among the others"):
        train_model((), [decode(TEXT), decode(TEXT)], TrainingOptions(features=GUIDE))


def test_examples_made_with_other_settings_are_refused():
    other = load_config(None, {"cymbals": {"onset_wait": 3}}).stems["cymbals"]
    with pytest.raises(InputError, match=r"friend.csv: was made with onset_wait 10, and your raw MIDI with 3"):
        merge_datasets(some_examples(), other, [decode(TEXT)])


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """Return the examples of the bundled songs, as train_classifier.py exports them."""
    path = tmp_path_factory.mktemp("exported") / "examples.csv"
    args = ("--stem", "cymbals", *FOLDERS, "--export-examples", path)
    assert train_classifier.main([*map(str, args)]) == 0
    return path


@pytest.fixture
def train(capsys, tmp_path):
    def run_here(*args, stem="cymbals"):
        code = train_classifier.main(["--stem", stem, "--n-estimators", "10", *map(str, args)])
        return code, *capsys.readouterr()

    return run_here


def test_an_export_holds_features_and_labels_alone(exported):
    text = exported.read_text("ascii")
    table = list(csv.reader(text.splitlines()))
    networks = networks_of("cymbals", FEATURE_SETS["all"])
    assert table[3] == ["song", "kept", *FEATURE_SETS["all"][:-1], f"Heard@{networks}"]
    assert len(table) - 4 == 206
    assert sum(row[1] == "1" for row in table[4:]) == 119
    assert not any(word in text for word in ("Song", ".mid", ".flac", str(EXAMPLE)))


def test_examples_alone_give_the_scores_of_the_songs_they_come_from(train, exported, tmp_path):
    code, out, err = train(
        "--examples", exported, "--output-model", tmp_path / "m.pkl", "--json", tmp_path / "m.json"
    )
    assert (code, err) == (0, "")
    assert f"  {exported}, 4 songs: 119 kept, 87 removed\n" in out
    assert "Loaded 206 total detections across 4 songs:" in out
    assert "Cross-Validation Results (4-fold):" in out
    model = load_model(tmp_path / "m.pkl")
    assert model.summary() == "119 kept and 87 removed hits of 4 songs"
    assert (model.offered == ()) == ("this file, which decides as it does" in out)
    assert model.detection == detection_of(CYMBALS)
    scores = json.loads((tmp_path / "m.json").read_text("utf-8"))["cross_validation"]
    assert scores["f1"] > 0.9 > scores["majority_baseline"]


def test_own_songs_and_others_are_trained_on_together(train, exported, tmp_path):
    n_features = len(FEATURE_SETS["all"])
    X = np.random.default_rng(3).normal(size=(40, n_features)).astype(np.float32)
    friend = Dataset(X, X[:, 5] > 0, np.repeat([0, 1], 20), FEATURE_SETS["all"])
    (tmp_path / "friend.csv").write_text(to_csv(CYMBALS, True, friend), encoding="ascii")
    page = tmp_path / "page.html"
    code, out, err = train(
        *FOLDERS, "--examples", tmp_path / "friend.csv", exported, "--output-model", tmp_path / "m.pkl",
        "--report", page,
    )  # fmt: skip
    assert code == 0
    assert "Loaded 246 total detections across 6 songs:" in out
    assert "Cross-Validation Results (5-fold):" in out
    assert err.count("is among the others already") == 4
    assert "Song4-cymbals" in page.read_text("utf-8")
    songs = load_model(tmp_path / "m.pkl").training["songs"]
    assert [song["kept"] + song["removed"] for song in songs][4:] == [20, 20]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ((), "give your songs with --raw-dir and --edited-dir"),
        (("--raw-dir", "x", "--examples", "y"), "give your songs with --raw-dir and --edited-dir, both of them"),
        (("--examples", "y", "--export-examples", "z"), "--export-examples is about your own songs"),
        (("--examples", "y", "--learn-thresholds", "z"), "--learn-thresholds is about your own songs"),
        (("--examples", "y", "--output-model", "m", "--report", "z"), "--report is about your own songs"),
        (("--examples", "y"), "say where the model goes"),
    ],
)
def test_wrong_usage_is_said(train, monkeypatch, tmp_path, args, message):
    monkeypatch.chdir(tmp_path)
    code, _, err = train(*args)
    assert code == 2
    assert message in err
    assert not list(tmp_path.iterdir())


def test_an_input_is_not_overwritten(train, exported):
    before = exported.read_bytes()
    code, _, err = train(*FOLDERS, "--examples", exported, "--export-examples", exported, "--force")
    assert code == 2
    assert "same file as the input" in err
    assert exported.read_bytes() == before
