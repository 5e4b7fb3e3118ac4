"""Outputs that are named like a file of the user's: what a run reads, told or not, is never replaced, nor is audio."""

import os
import shutil
from pathlib import Path

import pytest
import soundfile
from running import ROOT, files_in
from signals import bursts

import evaluate_model
import stems_to_midi
import train_classifier
from drumhits import InputError, transcribe
from drumhits.bundle import PRETRAINED_DIR, SHIPPED_CONFIG
from drumhits.io.audio import SAMPLE_RATE

SONG = "Song1"
HOWS = ("itself", "symlink_to", "hardlink_to")
AUDIO = "stems/Song1-kick.flac"  # which nothing but the model's look at the song's other stems reads


@pytest.fixture
def home(tmp_path) -> Path:
    """Return a folder with a song's stems, one of them damaged, raw and edited MIDI, truths and a configuration."""
    for kind in ("stems", "raw", "edited", "test", "others"):
        (tmp_path / kind).mkdir()
    for stem in ("kick", "cymbals"):
        soundfile.write(tmp_path / "stems" / f"{SONG}-{stem}.flac", bursts((0.2, 0.7), 1.0), SAMPLE_RATE)
    (tmp_path / "stems" / "Broken-snare.wav").write_bytes(b"this is no audio")
    soundfile.write(tmp_path / "others" / "mix.aiff", bursts((0.2,), 0.5), SAMPLE_RATE)
    training = ROOT / "training_data"
    for number in (1, 2):
        name = f"Song{number}-cymbals"
        shutil.copy(training / "raw_midi" / f"{name}.mid", tmp_path / "raw")
        shutil.copy(training / "edited_midi" / f"{name}_edited.mid", tmp_path / "edited")
    shutil.copy(training / "audio" / "Song1-cymbals.flac", tmp_path / "raw")
    (tmp_path / "raw" / "Song2-cymbals.flac").write_bytes(b"this is no audio any more")
    for stem in ("cymbals", "snare"):
        shutil.copy(ROOT / "test_songs" / f"test1-{stem}.flac", tmp_path / "test")
        shutil.copy(ROOT / "test_songs" / f"test1-{stem}_ground_truth.mid", tmp_path / "test")
    shutil.copy(SHIPPED_CONFIG, tmp_path / "my.yaml")
    return tmp_path


def run(main, *args: object) -> int:
    try:
        return main([str(arg) for arg in args])
    except SystemExit as stop:
        return int(stop.code or 0)


def named(home: Path, what: str, how: str) -> Path:
    """Return the path of a file, or of a link to it that is named like an output."""
    if how == "itself":
        return home / what
    link = home / "output.out"
    getattr(link, how)(home / what)
    return link


def require_refused(home: Path, capsys, main, *args: object) -> None:
    before = files_in(home)
    assert run(main, *args, "--force") == 2
    error = capsys.readouterr().err
    assert "give another name" in error
    assert "Traceback" not in error
    assert files_in(home) == before


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("what", [AUDIO, "stems/Broken-snare.wav", "others/mix.aiff", "my.yaml"])
@pytest.mark.parametrize("option", ["--output", "--json", "--csv", "--plot"])
def test_conversion(home, capsys, option, what, how):
    if what == "stems/Broken-snare.wav" and how == "hardlink_to":
        pytest.skip("replacing a hard link leaves the file under its other name as it is")
    elsewhere = () if option == "--output" else ("--output", home / "x.mid")
    require_refused(
        home, capsys, stems_to_midi.main, "--input", home / "stems" / f"{SONG}-cymbals.flac", "--use-ml-model",
        "pretrained", "--config", home / "my.yaml", *elsewhere, option, named(home, what, how),
    )  # fmt: skip


def test_a_batch_whose_damaged_stem_is_an_output(home, capsys):
    require_refused(
        home, capsys, stems_to_midi.main, "--input", home / "stems", "--output", home / "midi", "--json",
        home / "stems" / "Broken-snare.wav",
    )  # fmt: skip


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize(
    "what",
    ["test/test1-snare_ground_truth.mid", "test/test1-snare.flac", "test/test1-cymbals_ground_truth.mid", "my.yaml"],
)
@pytest.mark.parametrize("option", ["--json", "--report", "--plots"])
def test_evaluation(home, capsys, option, what, how):
    output = named(home, what, how)
    if option == "--plots":  # the pictures have names of their own, which links can bear
        (home / "plots").mkdir()
        (home / "plots" / "confusion.png").symlink_to(output)
        output = home / "plots"
    elif option == "--report":
        (home / "page.html").symlink_to(output)
        output = home / "page.html"
    require_refused(
        home, capsys, evaluate_model.main, "--model", "pretrained", "--test-dir", home / "test", "--stem", "cymbals",
        "--config", home / "my.yaml", option, output,
    )  # fmt: skip


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize(
    "what",
    ["my.yaml", "raw/Song2-cymbals.flac", "raw/Song1-cymbals.flac", "raw/Song1-cymbals.mid", "others/mix.aiff",
     "edited/Song2-cymbals_edited.mid"],
)  # fmt: skip
@pytest.mark.parametrize("option", ["--output-model", "--learn-thresholds", "--pairs", "--json", "--export-examples"])
def test_training(home, capsys, option, what, how):
    model = () if option == "--output-model" else ("--output-model", home / "m.pkl")
    require_refused(
        home, capsys, train_classifier.main, "--stem", "cymbals", "--raw-dir", home / "raw", "--edited-dir",
        home / "edited", "--config", home / "my.yaml", *model, option, named(home, what, how),
    )  # fmt: skip


@pytest.mark.parametrize("what", [SHIPPED_CONFIG, *sorted(PRETRAINED_DIR.rglob("*.pkl"))[:2]])
def test_what_comes_with_the_toolkit(home, capsys, what):
    before = what.read_bytes()
    require_refused(
        home, capsys, stems_to_midi.main, "--input", home / "stems", "--output", home / "midi", "--json", what
    )
    assert what.read_bytes() == before


def test_without_force_outputs_of_ours_are_replaced_and_others_are_not(home, capsys):
    args = ("--input", home / "stems" / f"{SONG}-cymbals.flac", "--output", home / "x.mid", "--json", home / "x.json")
    assert [run(stems_to_midi.main, *args) for _ in range(2)] == [0, 0]
    (home / "x.json").write_text("mine", "utf-8")
    assert run(stems_to_midi.main, *args) == 1
    assert "not an untouched output" in capsys.readouterr().err
    assert run(stems_to_midi.main, *args, "--force") == 0


def test_an_output_of_ours_that_is_named_like_audio_is_replaced(home):
    args = ("--input", home / "stems" / f"{SONG}-cymbals.flac", "--output", home / "x.wav")
    assert [run(stems_to_midi.main, *args) for _ in range(2)] == [0, 0]


def test_writing_from_python(home):
    hits = transcribe(home / "stems" / f"{SONG}-cymbals.flac", model=None)
    for what in (AUDIO, f"stems/{SONG}-cymbals.flac", "stems/Broken-snare.wav", "others/mix.aiff"):
        before = files_in(home)
        with pytest.raises(InputError, match="give another name"):
            hits.write(home / what, force=True)
        assert files_in(home) == before


@pytest.mark.skipif(os.name != "posix", reason="hard links")
def test_a_hard_link_that_is_replaced_leaves_the_file_under_its_other_name(home):
    link = home / "x.json"
    link.hardlink_to(home / "stems" / "Broken-snare.wav")
    args = ("--input", home / "stems" / f"{SONG}-cymbals.flac", "--output", home / "x.mid", "--json", link, "--force")
    assert run(stems_to_midi.main, *args) == 0
    assert (home / "stems" / "Broken-snare.wav").read_bytes() == b"this is no audio"
