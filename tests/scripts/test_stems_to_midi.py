"""stems_to_midi.py run as a process, on a song of this repository and on small known stems."""

import csv
import json
import os
import re
import subprocess
import sys

import numpy as np
import pytest
import soundfile
from running import ROOT, convert, convert_here, files_in, without_times
from signals import bursts, silence

from drumhits.io.audio import SAMPLE_RATE
from drumhits.io.midi import NOTE_DTYPE, Track, encode, read_midi
from drumhits.transcription.provenance import read_provenance
from stems_to_midi import BY_THRESHOLDS

SONG = ROOT / "test_songs" / "test1-cymbals.flac"
HITS_S = (0.3, 0.8, 1.3)
FORBIDDEN = ("librosa", "scipy", "sklearn", "matplotlib", "joblib", "drumhits.tempo")


@pytest.fixture(scope="session")
def stem(tmp_path_factory):
    """Return a folder with a short snare stem of three hits, a softer one and two that hold nothing."""
    folder = tmp_path_factory.mktemp("stems")
    soundfile.write(folder / "a-snare.wav", bursts(HITS_S, 1.7, amplitudes=(0.5, 0.3, 0.4)), SAMPLE_RATE)
    soundfile.write(folder / "b-snare.wav", bursts(HITS_S[:2], 1.2), SAMPLE_RATE)
    soundfile.write(folder / "silent-kick.wav", silence(1.0), SAMPLE_RATE)
    soundfile.write(folder / "empty-toms.wav", silence(0), SAMPLE_RATE)
    return folder


@pytest.fixture(scope="session")
def song(tmp_path_factory):
    """Return the folder and the process of one conversion of the song with every report."""
    out = tmp_path_factory.mktemp("song")
    reports = ("--csv", out / "x.csv", "--json", out / "x.json", "--plot", out / "x.png")
    return out, convert("--input", SONG, "--output", out / "new" / "x.mid", "--stem", "cymbals", *reports)


def test_the_main_command_converts_the_song(song):
    out, process = song
    assert process.returncode == 0
    assert process.stderr == f"stems_to_midi.py: {BY_THRESHOLDS}\n"
    content = read_midi(out / "new" / "x.mid")
    assert len(content.notes) > 10
    assert set(content.notes["number"]) <= {49, 51}
    truth = read_midi(SONG.with_name("test1-cymbals_ground_truth.mid")).notes["time_s"]
    found = np.abs(content.notes["time_s"][:, None] - truth).min(axis=0) < 0.05
    assert found.mean() > 0.8


def test_csv_json_report_and_midi_tell_the_same(song):
    out, process = song
    rows = list(csv.DictReader((out / "x.csv").read_text("utf-8").splitlines()))
    data = json.loads((out / "x.json").read_text("utf-8"))
    (one,) = data["conversions"]
    kept = [row for row in rows if row["kept"] == "1"]
    notes = read_midi(out / "new" / "x.mid").notes
    assert data["schema"] == "drumhits/conversion/1"
    assert list(rows[0])[:8] == ["time_s", "Str", "Amp", "BodyE", "BrillE", "Total", "GeoMean", "SustainMs"]
    assert one["detected"] == len(rows) == len(one["candidates"])
    assert one["kept"] == len(kept) == len(notes)
    assert one["rejected"] == len(rows) - len(kept)
    np.testing.assert_allclose([float(row["time_s"]) for row in kept], notes["time_s"], atol=0.001)
    for row, candidate in zip(rows, one["candidates"], strict=True):
        assert float(row["GeoMean"]) == pytest.approx(candidate["GeoMean"], rel=1e-4)
        assert (row["rejected_by"], row["kept"]) == (candidate["rejected_by"], str(int(candidate["kept"])))
        assert bool(row["rejected_by"]) != candidate["kept"]
    assert f"Detected {len(rows)} candidates in 22.0 s of cymbals." in process.stdout
    lows_and_highs = f"{min(float(r['GeoMean']) for r in kept):.2f} to {max(float(r['GeoMean']) for r in kept):.2f}"
    assert re.search(rf"Kept: +{len(kept)}, GeoMean {lows_and_highs}", process.stdout)


def test_the_table_of_a_long_file_is_cut_in_the_middle(song):
    n_more = int(re.search(r"\.\.\.  (\d+) more candidates \(-v shows them all\)", song[1].stdout)[1])
    lines = re.findall(r"^ +\d+\.\d{3} .*(?:KEPT|REJECTED \(.+\))$", song[1].stdout, re.MULTILINE)
    assert len(lines) == 40
    assert f"Detected {n_more + 40} candidates" in song[1].stdout


def test_an_empty_stem_and_a_name_full_of_signs_are_drawn_too(stem, tmp_path, capsys):
    odd = tmp_path / "a$b^_{$ \u9f13\udcff-toms.wav"
    odd.write_bytes((stem / "empty-toms.wav").read_bytes())
    assert convert_here(capsys, "--input", odd, "--plot", tmp_path / "x.png").returncode == 0
    assert (tmp_path / "x.png").read_bytes().startswith(b"\x89PNG")


def test_the_plot_is_a_picture(song):
    from matplotlib import image

    pixels = image.imread(song[0] / "x.png")
    assert pixels.shape[0] > 400
    assert pixels.shape[1] > 800
    assert pixels[..., :3].std() > 0.01


def test_the_midi_says_what_made_it(song):
    note = read_provenance(read_midi(song[0] / "new" / "x.mid"))
    assert (note.stem, note.keep_all, note.model) == ("cymbals", False, None)
    assert (song[0] / "new" / note.audio).resolve() == SONG.resolve()


def test_verbose_shows_every_row_and_keep_all_writes_every_candidate(song, tmp_path):
    process = convert("--input", SONG, "--output", tmp_path / "x.mid", "-v", "--keep-all")
    rows = list(csv.DictReader((song[0] / "x.csv").read_text("utf-8").splitlines()))
    table = re.findall(r"^ +\d+\.\d{3} .*(?:KEPT|REJECTED \(.+\))$", process.stdout, re.MULTILINE)
    notes = read_midi(tmp_path / "x.mid").notes
    assert len(table) == len(rows) == len(notes)
    assert [velocity > 1 for velocity in notes["velocity"]] == [row["kept"] == "1" for row in rows]
    assert "taken as cymbals" in process.stderr


def test_quiet_prints_nothing(stem, tmp_path):
    process = convert("--input", stem / "silent-kick.wav", "--output", tmp_path / "x.mid", "--quiet")
    assert (process.returncode, process.stdout, process.stderr) == (0, "", "")


@pytest.mark.parametrize("name", ["silent-kick.wav", "empty-toms.wav"])
def test_a_silent_or_empty_stem_gives_a_valid_midi_without_notes_and_a_warning(stem, tmp_path, name):
    reports = ("--csv", tmp_path / "x.csv", "--json", tmp_path / "x.json")
    process = convert("--input", stem / name, "--output", tmp_path / "x.mid", *reports)
    content = read_midi(tmp_path / "x.mid")
    assert process.returncode == 0
    assert process.stderr.count("warning: ") == 1
    assert "holds no hit" in process.stderr
    assert len(content.notes) == 0
    assert content.warnings == ()
    assert json.loads((tmp_path / "x.json").read_text("utf-8"))["conversions"][0]["detected"] == 0
    assert len((tmp_path / "x.csv").read_text("utf-8").splitlines()) == 1


def test_many_inputs_one_of_them_bad_and_jobs_give_the_same_bytes(stem, tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "bad-kick.wav").write_text("this is no audio", "utf-8")
    inputs = ("--input", tmp_path / "in", stem, tmp_path / "none-kick.wav", stem / "a-snare.wav")
    one = convert(*inputs, "--output", tmp_path / "one", "--json", tmp_path / "x.json")
    two = convert(*inputs, "--output", tmp_path / "two", "--jobs", "2")
    assert (one.returncode, two.returncode) == (1, 1)
    written = files_in(tmp_path / "one")
    assert sorted(written) == ["a-snare.mid", "b-snare.mid", "empty-toms.mid", "silent-kick.mid"]
    assert files_in(tmp_path / "two") == written
    outputs = (one.stdout.replace(f"{tmp_path / 'one'}", ""), two.stdout.replace(f"{tmp_path / 'two'}", ""))
    assert without_times(outputs[0]) == without_times(outputs[1])
    errors = [line for line in one.stderr.splitlines() if "error: " in line]
    assert len(errors) == 2
    assert "bad-kick.wav: is not audio" in errors[0]
    assert "none-kick.wav: no such file" in errors[1]
    assert "Converted 4 of 6 inputs" in one.stdout
    assert len(json.loads((tmp_path / "x.json").read_text("utf-8"))["conversions"]) == 4


def test_a_folder_that_holds_nothing_leaves_the_other_inputs_alone(stem, tmp_path):
    (tmp_path / "nothing").mkdir()
    process = convert("--input", tmp_path / "nothing", stem / "a-snare.wav", "--output", tmp_path / "out")
    assert process.returncode == 1
    assert "nothing: holds no audio file" in process.stderr
    assert list(files_in(tmp_path / "out")) == ["a-snare.mid"]


@pytest.fixture
def copy(stem, tmp_path):
    """Return a copy of the short snare stem in a folder of its own."""
    path = tmp_path / "a-snare.wav"
    path.write_bytes((stem / "a-snare.wav").read_bytes())
    return path


def test_an_output_of_ours_is_replaced_and_an_edited_one_is_not(copy, capsys):
    output = copy.with_suffix(".mid")
    assert convert("--input", copy, "--quiet").returncode == 0
    first = output.read_bytes()
    assert convert_here(capsys, "--input", copy, "--quiet", "--set", "snare.geomean_threshold=1000").returncode == 0
    assert output.read_bytes() != first
    assert convert_here(capsys, "--input", copy, "--quiet").returncode == 0
    content = read_midi(output)
    edited = encode([Track("snare", content.notes[1:])], texts=content.texts)
    output.write_bytes(edited)
    refused = convert("--input", copy)
    assert refused.returncode == 1
    assert "perhaps your edited version" in refused.stderr
    assert output.read_bytes() == edited
    assert convert_here(capsys, "--input", copy, "--quiet", "--force").returncode == 0
    assert output.read_bytes() == first
    assert sorted(files_in(copy.parent)) == ["a-snare.mid", "a-snare.wav"]


def test_one_edited_output_leaves_the_other_inputs_alone(stem, tmp_path):
    (tmp_path / "a-snare.mid").write_bytes(encode([Track("mine", np.zeros(0, NOTE_DTYPE))]))
    process = convert("--input", stem / "a-snare.wav", stem / "b-snare.wav", "--output", tmp_path)
    assert process.returncode == 1
    assert "a-snare.mid: exists and is not an untouched output" in process.stderr
    assert (tmp_path / "b-snare.mid").exists()


@pytest.mark.parametrize("option", ["--output", "--csv", "--json", "--plot"])
def test_foreign_files_and_inputs_are_never_replaced(copy, option, capsys):
    foreign = copy.with_name("diary.txt")
    foreign.write_text("mine", "utf-8")
    before = files_in(copy.parent)
    refused = convert_here(capsys, "--input", copy, option, foreign)
    assert (refused.returncode, files_in(copy.parent)) == (1, before)
    link = copy.with_name("link")
    os.link(copy, link)
    same = convert_here(capsys, "--input", copy, option, link, "--force")
    link.unlink()
    assert (same.returncode, files_in(copy.parent)) == (2, before)
    assert "is the same file as the input" in same.stderr


def test_two_reports_in_one_file_are_a_usage_error(copy):
    process = convert("--input", copy, "--output", copy.with_name("x.mid"), "--csv", copy.with_name("x.mid"))
    assert process.returncode == 2
    assert "would both be written" in process.stderr
    assert list(files_in(copy.parent)) == ["a-snare.wav"]


def test_the_command_line_beats_the_file_and_the_file_beats_the_default(tmp_path):
    (tmp_path / "my.yaml").write_text("cymbals:\n  geomean_threshold: 7\n  onset_wait: 3\n", "utf-8")
    settings = ("--config", tmp_path / "my.yaml", "--set", "cymbals.onset_wait=4")
    process = convert(*settings, "--print-config", "--stem", "cymbals")
    lines = {line.split("#")[0].strip(): line.split("#")[1].strip() for line in process.stdout.splitlines()}
    assert process.returncode == 0
    assert lines["cymbals.geomean_threshold: 7.0"] == "my.yaml:2"
    assert lines["cymbals.onset_wait: 4"] == "command line"
    assert lines["cymbals.min_sustain_ms: 100.0"] == "default"
    assert not [line for line in lines if line.startswith("kick")]


def test_settings_decide_what_is_kept(copy):
    process = convert("--input", copy, "--set", "snare.geomean_threshold=100000", "--set", "snare.articulation=off")
    assert process.returncode == 0
    assert "geomean_threshold 100000 stands for 166000 here" in process.stdout
    assert "REJECTED (GeoMean <= 166000)" in process.stdout
    assert len(read_midi(copy.with_suffix(".mid")).notes) == 0


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ((), "--input"),
        (("--input", "song.wav"), "--stem kick|snare"),
        (("--input", "a-kick.wav", "--jobs", "0"), "--jobs 0"),
        (("--input", "a-kick.wav", "b-kick.wav", "--csv", "x.csv"), "--csv and --plot take one input"),
        (("--input", "a-kick.wav", "--set", "kick.onset_wait=soon"), "kick.onset_wait"),
        (("--input", "a-kick.wav", "--stem", "cowbell"), "cowbell"),
        (("--input", "a-kick.wav", "--quiet", "-v"), "not allowed with"),
        (("--input", "a-kick.wav", "b-kick.wav", "--output", "x.mid"), "several inputs need a folder"),
    ],
)
def test_wrong_usage_is_said_with_exit_2(tmp_path, args, said, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "song.wav").write_bytes(b"RIFF")
    before = files_in(tmp_path)
    process = convert_here(capsys, *args)
    assert process.returncode == 2
    assert said in process.stderr
    assert process.stdout == ""
    assert "Traceback" not in process.stderr
    assert files_in(tmp_path) == before


def test_a_conversion_imports_nothing_heavy(stem, tmp_path):
    args = ["--input", str(stem / "a-snare.wav"), "--output", str(tmp_path / "x.mid"), "--quiet"]
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); import stems_to_midi; code = stems_to_midi.main({args!r}); "
        f"print(code, [name for name in {FORBIDDEN!r} if name in sys.modules])"
    )
    output = subprocess.check_output([sys.executable, "-c", code], encoding="utf-8", timeout=60)
    assert output.strip() == "0 []"


def with_stdout(stdout, audio) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "stems_to_midi.py"), "--input", str(audio), "--stem", "snare"]
    return subprocess.run(command, stdout=stdout, stderr=subprocess.PIPE, encoding="utf-8", check=False, timeout=60)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")  # noqa: PTH110
def test_a_full_disk_behind_stdout_is_one_sentence(copy):
    with open("/dev/full", "w", encoding="utf-8") as full:  # noqa: PTH123
        process = with_stdout(full, copy)
    assert process.returncode == 1
    assert len(process.stderr.splitlines()) == 1
    assert "disk full" in process.stderr


def test_output_to_a_closed_pipe_is_no_error_message(copy):
    reading, writing = os.pipe()
    os.close(reading)
    process = with_stdout(writing, copy)
    os.close(writing)
    assert process.stderr == ""
    assert copy.with_suffix(".mid").exists()
