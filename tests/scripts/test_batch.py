"""Many inputs at once: the same bytes in any number of processes, the summary, --resume and --merge."""

import os
import re
import sys

import numpy as np
import pytest
import soundfile
from running import convert, convert_here, files_in
from signals import bursts

from drumhits.io.audio import SAMPLE_RATE
from drumhits.io.midi import read_midi
from drumhits.transcription.provenance import is_untouched

STEMS = ("kick", "snare", "hihat")


@pytest.fixture
def folder(tmp_path):
    """Return a folder with three stems of two songs."""
    stems = tmp_path / "stems"
    stems.mkdir()
    for i, song in enumerate(("one", "two")):
        for j, stem in enumerate(STEMS):
            y = bursts((0.3, 0.7 + 0.1 * j, 1.2), 1.6, seed=10 * i + j)
            soundfile.write(stems / f"{song}-{stem}.wav", y, SAMPLE_RATE)
    return stems


@pytest.mark.parametrize("options", [(), ("--merge",), ("--use-ml-model", "pretrained")], ids=" ".join)
def test_processes_give_the_same_bytes_in_any_number_and_order(folder, tmp_path, options):
    files = sorted(folder.iterdir())
    made = []
    for n_jobs, inputs in ((1, [folder]), (2, [folder]), (3, files[::-1])):
        out = tmp_path / f"out{n_jobs}"
        process = convert("--input", *inputs, "--output", out, "--jobs", n_jobs, *options)
        assert process.returncode == 0, process.stderr
        made.append({name: read_midi(out / name).notes.tobytes() for name in files_in(out)})
        if n_jobs < 3:
            made[-1] = files_in(out)
    assert made[0] == made[1]
    assert made[2].keys() == made[0].keys()


def test_a_batch_says_a_line_a_stem_and_ends_with_the_failed_inputs(folder, tmp_path, capsys):
    (folder / "two-kick.wav").write_bytes(b"no audio")
    (tmp_path / "empty").mkdir()
    process = convert_here(capsys, "--input", folder, tmp_path / "empty", "--output", tmp_path / "out")
    assert process.returncode == 1
    lines = process.stdout.rstrip().split("\n")
    form = r"(\w+ \w+): (\d+) hits of \d+ candidates(?:, with \w+ other stems)?, \d+\.\d s"
    made = [re.fullmatch(form, line) for line in lines[:5]]
    assert [line[1] for line in made] == ["one hihat", "one kick", "one snare", "two hihat", "two snare"]
    n_notes = sum(len(read_midi(path).notes) for path in (tmp_path / "out").iterdir())
    assert sum(int(line[2]) for line in made) == n_notes
    assert lines[5:] == [
        f"Converted 5 of 7 inputs, {n_notes} notes.",
        "Failed 2:",
        f"  {tmp_path / 'empty'}",
        f"  {folder / 'two-kick.wav'}",
    ]


def resumed(capsys, folder, out, *options):
    """Run with --resume, and return the names of the MIDI files that were written."""
    before = {path: path.stat().st_mtime_ns for path in out.iterdir()}
    for path in before:
        os.utime(path, ns=(1, 1))
    process = convert_here(capsys, "--input", folder, "--output", out, "--resume", *options)
    assert process.returncode == 0, process.stderr
    return {path.name for path in out.iterdir() if path.stat().st_mtime_ns != 1}


def test_resume_makes_only_what_is_not_made_in_this_way_from_this_audio(folder, tmp_path, capsys):
    out = tmp_path / "out"
    everything = {f"{song}-{stem}.mid" for song in ("one", "two") for stem in STEMS}
    assert convert_here(capsys, "--input", folder, "--output", out).returncode == 0
    assert resumed(capsys, folder, out) == set()
    (out / "one-kick.mid").unlink()
    assert resumed(capsys, folder, out) == {"one-kick.mid"}
    soundfile.write(folder / "two-snare.wav", bursts((0.4,), 1.6), SAMPLE_RATE)
    assert resumed(capsys, folder, out) == {"two-snare.mid"}
    assert resumed(capsys, folder, out, "--set", "kick.geomean_threshold=0.5") == {"one-kick.mid", "two-kick.mid"}
    assert resumed(capsys, folder, out, "--set", "kick.geomean_threshold=0.5") == set()
    assert resumed(capsys, folder, out, "--use-ml-model", "pretrained") == everything
    assert resumed(capsys, folder, out, "--use-ml-model", "pretrained") == set()
    assert resumed(capsys, folder, out, "--use-ml-model", "pretrained", "--min-confidence", "0.9") == everything


def test_resume_makes_again_what_thresholds_took_a_changed_sibling_for(folder, tmp_path, capsys):
    out = tmp_path / "out"
    assert convert_here(capsys, "--input", folder, "--output", out).returncode == 0
    soundfile.write(folder / "two-kick.wav", bursts((0.4,), 1.6), SAMPLE_RATE)
    assert resumed(capsys, folder, out) == {"two-kick.mid", "two-snare.mid"}


def test_resume_makes_again_what_heard_a_sibling_that_has_changed(folder, tmp_path, capsys):
    out = tmp_path / "out"
    options = ("--use-ml-model", "pretrained")
    assert convert_here(capsys, "--input", folder, "--output", out, *options).returncode == 0
    soundfile.write(folder / "two-snare.wav", bursts((0.4,), 1.6), SAMPLE_RATE)
    assert resumed(capsys, folder, out, *options) == {f"two-{stem}.mid" for stem in STEMS}


def test_resume_does_not_overwrite_an_edited_file(folder, tmp_path, capsys):
    out = tmp_path / "out"
    convert_here(capsys, "--input", folder, "--output", out)
    edited = out / "one-kick.mid"
    edited.write_bytes(edited.read_bytes().replace(b"\x99\x24", b"\x99\x23"))
    content = edited.read_bytes()
    assert not is_untouched(content)
    process = convert_here(capsys, "--input", folder, "--output", out, "--resume")
    assert process.returncode == 1
    assert "one-kick.mid: exists and is not an untouched output" in process.stderr
    assert edited.read_bytes() == content


@pytest.mark.parametrize("option", [("--merge",), ("--csv", "x.csv"), ("--json", "x.json"), ("--plot", "x.png")])
def test_resume_goes_without_reports(folder, tmp_path, capsys, option):
    files = ("--input", folder / "one-kick.wav", "--output", tmp_path / "x.mid")
    process = convert_here(capsys, *files, "--resume", *option)
    assert process.returncode == 2
    assert "--resume leaves out what is made" in process.stderr


def test_merge_puts_the_stems_of_a_song_into_one_file(folder, tmp_path, capsys):
    out, apart = tmp_path / "out", tmp_path / "apart"
    assert convert_here(capsys, "--input", folder, "--output", out, "--merge").returncode == 0
    assert convert_here(capsys, "--input", folder, "--output", apart).returncode == 0
    assert set(files_in(out)) == {"one.mid", "two.mid"}
    for song in ("one", "two"):
        merged = read_midi(out / f"{song}.mid").notes
        parts = np.concatenate([read_midi(apart / f"{song}-{stem}.mid").notes for stem in STEMS])
        assert sorted(merged.tolist()) == sorted(parts.tolist())
        assert is_untouched((out / f"{song}.mid").read_bytes())
    again = convert_here(capsys, "--input", folder, "--output", out, "--merge")
    assert again.returncode == 0, again.stderr


def test_one_song_merges_into_a_named_file(folder, tmp_path, capsys):
    stems = [folder / f"one-{stem}.wav" for stem in STEMS]
    assert convert_here(capsys, "--input", *stems, "--output", tmp_path / "song.mid", "--merge").returncode == 0
    assert convert_here(capsys, "--input", *stems, "--output", tmp_path / "apart").returncode == 0
    parts = [read_midi(tmp_path / "apart" / f"one-{stem}.mid").notes for stem in STEMS]
    assert all(len(part) for part in parts)
    assert len(read_midi(tmp_path / "song.mid").notes) == sum(map(len, parts))


def test_a_song_with_an_unreadable_stem_is_not_written(folder, tmp_path, capsys):
    (folder / "two-kick.wav").write_bytes(b"no audio")
    process = convert_here(capsys, "--input", folder, "--output", tmp_path / "out", "--merge")
    assert process.returncode == 1
    assert set(files_in(tmp_path / "out")) == {"one.mid"}
    assert "Failed 3:" in process.stdout


def test_two_files_of_one_stem_do_not_merge(folder, tmp_path, capsys):
    soundfile.write(folder / "one-kick.flac", bursts((0.4,), 1.6), SAMPLE_RATE)
    process = convert_here(capsys, "--input", folder, "--output", tmp_path / "out", "--merge")
    assert process.returncode == 2
    assert "the kick of" in process.stderr
    assert not (tmp_path / "out").exists()


def test_the_tables_of_several_inputs_come_with_verbose(folder, tmp_path, capsys):
    lines = convert_here(capsys, "--input", folder, "--output", tmp_path / "out").stdout
    assert "Decision" not in lines
    verbose = convert_here(capsys, "--input", folder, "--output", tmp_path / "out", "-v").stdout
    assert verbose.count("Decision") == len(list(folder.iterdir()))
    alone = convert_here(capsys, "--input", folder / "one-kick.wav", "--output", tmp_path / "out").stdout
    assert "Decision" in alone
    assert alone in verbose


def test_a_ride_stem_gives_ride_notes_and_a_crash_stem_crash_notes(tmp_path, capsys):
    for part in ("ride", "crash", "kick"):
        (tmp_path / "in" / "Song1").mkdir(parents=True, exist_ok=True)
        soundfile.write(tmp_path / "in" / "Song1" / f"{part}.wav", bursts((0.3, 0.7, 1.2), 1.6, tau_s=0.2), SAMPLE_RATE)
    for options in ((), ("--use-ml-model", "pretrained"), ("--set", "cymbals.articulation=off")):
        out = tmp_path / "".join(options)
        process = convert_here(capsys, "--input", tmp_path / "in", "--output", out, "--keep-all", *options)
        assert process.returncode == 0, process.stderr
        for part, number in (("ride", 51), ("crash", 49)):
            notes = read_midi(out / "Song1" / f"{part}.mid").notes
            assert len(notes)
            assert set(notes["number"]) == {number}
    merged = tmp_path / "merged"
    assert convert_here(capsys, "--input", tmp_path / "in", "--output", merged, "--merge").returncode == 0
    assert {49, 51} <= set(read_midi(merged / "Song1.mid").notes["number"])
    own = ("--set", "cymbals.notes.ride=60", "--set", "cymbals.notes.crash=61")
    convert_here(capsys, "--input", tmp_path / "in" / "Song1" / "ride.wav", "--output", tmp_path / "x.mid", *own)
    assert set(read_midi(tmp_path / "x.mid").notes["number"]) == {60}


def test_a_broken_file_in_many_leaves_a_summary_that_fits_a_screen(tmp_path, capsys):
    (tmp_path / "in").mkdir()
    for n in range(60):
        (tmp_path / "in" / f"Song{n}-kick.wav").write_bytes(b"no audio %d" % n if n % 3 else b"")
    soundfile.write(tmp_path / "in" / "good-kick.wav", bursts((0.4,), 1.0), SAMPLE_RATE)
    process = convert_here(capsys, "--input", tmp_path / "in", "--output", tmp_path / "out")
    assert process.returncode == 1
    assert "Converted 1 of 61 inputs" in process.stdout
    assert "Failed 60:" in process.stdout
    assert "40: is not audio that can be read (Format not recognised): Song1-kick.wav, " in process.stdout
    assert "20: is empty (0 bytes): Song0-kick.wav, " in process.stdout
    assert process.stdout.count("\n") <= 24
    assert process.stderr.count("error: ") == 60


@pytest.mark.skipif(sys.platform == "win32", reason="links and pipes as on Unix")
def test_what_is_named_like_a_stem_but_no_regular_file_is_said(folder, tmp_path, capsys):
    (folder / "three-kick.wav").symlink_to(tmp_path / "nowhere.wav")
    os.mkfifo(folder / "four-kick.wav")
    process = convert_here(capsys, "--input", folder, "--output", tmp_path / "out")
    assert process.returncode == 0
    assert "2 files were passed over, which is no audio but a link that leads nowhere, or a pipe" in process.stderr
    assert "four-kick.wav, three-kick.wav" in process.stderr


def test_warnings_that_are_alike_are_counted_after_the_first_three(tmp_path, capsys):
    for n in range(6):
        soundfile.write(tmp_path / f"Song{n}-kick.wav", np.zeros(SAMPLE_RATE), SAMPLE_RATE)
    options = ("--input", tmp_path, "--output", tmp_path / "out")
    process = convert_here(capsys, *options)
    assert process.stderr.count("holds no hit (silent or empty?)") == 4
    assert "warning: 3 more like this (-v shows all): " in process.stderr
    assert convert_here(capsys, *options, "--force", "-v").stderr.count("holds no hit (silent or empty?)") == 6


def test_tempo_is_an_option_of_its_own(folder, tmp_path, capsys):
    stem, out = folder / "one-kick.wav", [tmp_path / name for name in ("a.mid", "b.mid", "c.mid")]
    for path, options in zip(out, ((), ("--tempo", "140"), ("--set", "midi.tempo=140")), strict=True):
        assert convert_here(capsys, "--input", stem, "--output", path, *options).returncode == 0
    assert out[1].read_bytes() == out[2].read_bytes() != out[0].read_bytes()
    np.testing.assert_allclose(read_midi(out[1]).notes["time_s"], read_midi(out[0]).notes["time_s"], atol=1e-3)
    assert "midi.tempo: 140.0" in convert_here(capsys, "--print-config", "--tempo", "140").stdout
    for bad in ("fast", "0", "null"):
        process = convert_here(capsys, "--input", stem, "--tempo", bad)
        assert process.returncode == 2
        assert "--tempo: midi.tempo: must be a number from 10 to 1000 BPM, auto, or" in process.stderr


def test_a_run_by_thresholds_says_what_decides_better(folder, tmp_path, capsys):
    by_thresholds = convert_here(capsys, "--input", folder, "--output", tmp_path / "a").stderr
    assert by_thresholds.splitlines()[-1].endswith("--use-ml-model pretrained")
    by_model = convert_here(capsys, "--input", folder, "--output", tmp_path / "b", "--use-ml-model", "pretrained")
    assert "thresholds" not in by_model.stderr
    assert "Decided by pretrained." in by_model.stdout
    assert "with 2 other stems" in by_model.stdout
    quiet = convert_here(capsys, "--input", folder, "--output", tmp_path / "c", "--quiet")
    assert (quiet.stdout, quiet.stderr) == ("", "")
