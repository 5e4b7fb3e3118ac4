"""Bad input: one clear sentence on stderr, the right exit code, nothing written, no traceback."""

import errno
import io
import os
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from running import convert, convert_here, files_in
from signals import bursts, distances_s

from drumhits.errors import InputError, UsageError
from drumhits.io import files, outputs
from drumhits.io.audio import SAMPLE_RATE
from drumhits.io.files import write_whole
from drumhits.io.midi import read_midi

HITS_S = (0.3, 0.8, 1.3)
GOOD = bursts(HITS_S, 1.7)


def wav(y: np.ndarray = GOOD, sample_rate: int = SAMPLE_RATE, subtype: str = "PCM_16") -> bytearray:
    file = io.BytesIO()
    soundfile.write(file, y, sample_rate, format="WAV", subtype=subtype)
    return bytearray(file.getvalue())


def patched(position: int, layout: str, value: int) -> bytearray:
    data = wav()
    struct.pack_into(layout, data, position, value)
    return data


def with_sample(value: float) -> bytearray:
    y = np.stack([GOOD, GOOD], axis=1)
    y[50_000, 1] = value
    return wav(y, subtype="FLOAT")


M4A = b"\0\0\0\x20ftypM4A \0\0\0\0M4A mp42isom\0\0\0\0" + bytes(500)
REFUSED = {
    "text": (b"this is no audio\n" * 9, "is not audio that can be read"),
    "no_bytes": (b"", "is empty (0 bytes)"),
    "header_cut_early": (wav()[:20], "is not audio that can be read"),
    "header_cut_late": (wav()[:36], "is not audio that can be read"),
    "zero_channels": (patched(22, "<H", 0), "is not audio that can be read (Channel count is zero)"),
    "17_channels": (wav(np.zeros((99, 17))), "has 17 channels, more than 16"),
    "nan": (with_sample(np.nan), "NaN, infinite or beyond"),
    "infinite": (with_sample(np.inf), "NaN, infinite or beyond"),
    "absurdly_loud": (with_sample(1e30), "NaN, infinite or beyond"),
    "rate_0": (patched(24, "<I", 0), "is not audio that can be read"),
    "rate_1": (patched(24, "<I", 1), "the sample rate is 1 Hz, outside 8000 to 384000 Hz"),
    "rate_7999": (patched(24, "<I", 7999), "the sample rate is 7999 Hz"),
    "rate_384001": (patched(24, "<I", 384_001), "the sample rate is 384001 Hz"),
    "m4a_named_wav": (M4A, "M4A audio cannot be read; convert it first, for example with ffmpeg"),
}


def one_error(process: subprocess.CompletedProcess[str]) -> str:
    """Return the only error of a run that printed no traceback and no report."""
    assert "Traceback" not in process.stderr
    assert process.stdout == ""
    (line,) = [line for line in process.stderr.splitlines() if "taken as" not in line]
    assert line.startswith("stems_to_midi.py: error: ")
    return line


@pytest.fixture
def stem(tmp_path) -> Path:
    path = tmp_path / "x-snare.wav"
    path.write_bytes(wav())
    return path


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_usable_audio_is_refused(tmp_path, capsys, name):
    data, said = REFUSED[name]
    path = tmp_path / "x-snare.wav"
    path.write_bytes(data)
    process = convert_here(capsys, "--input", path)
    error = one_error(process)
    assert process.returncode == 1
    assert f"{path}: " in error
    assert said in error
    assert list(files_in(tmp_path)) == ["x-snare.wav"]


def test_a_refusal_as_a_process_has_no_traceback_and_leaves_an_old_output_alone(tmp_path, stem):
    assert convert("--input", stem, "--quiet").returncode == 0
    stem.write_bytes(REFUSED["nan"][0])
    before = files_in(tmp_path)
    process = convert("--input", stem, "--csv", tmp_path / "x.csv")
    assert process.returncode == 1
    assert "NaN" in one_error(process)
    assert files_in(tmp_path) == before


@pytest.mark.parametrize("suffix", ["m4a", "M4A", "aac", "wma"])
def test_formats_to_convert_first_name_the_converter(tmp_path, capsys, suffix):
    path = tmp_path / f"my song-snare.{suffix}"
    path.write_bytes(M4A)
    error = one_error(convert_here(capsys, "--input", path))
    assert f'ffmpeg -i "my song-snare.{suffix}" "my song-snare.wav"' in error


def test_a_missing_file_is_said(tmp_path, capsys):
    for name in ("none-snare.wav", "none-snare.m4a", "no_folder/none-snare.wav"):
        process = convert_here(capsys, "--input", tmp_path / name)
        assert (process.returncode, list(tmp_path.iterdir())) == (1, [])
        assert "no such file" in one_error(process)


def test_a_folder_in_place_of_a_file_is_said(tmp_path, capsys):
    (tmp_path / "x-snare.wav").mkdir()
    process = convert_here(capsys, "--input", tmp_path / "x-snare.wav")
    assert process.returncode == 1
    assert "holds no audio file" in one_error(process)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_does_not_hang(tmp_path):
    os.mkfifo(tmp_path / "x-snare.wav")
    process = convert("--input", tmp_path / "x-snare.wav")
    assert process.returncode == 1
    assert "is a pipe or a device" in one_error(process)


def test_a_name_that_is_too_long_is_said(tmp_path, capsys, stem):
    long_name = tmp_path / f"{'a' * 300}-snare"
    for args in (("--input", long_name), ("--input", stem, "--output", long_name)):
        process = convert_here(capsys, *args, "--stem", "snare")
        assert process.returncode == 1
        one_error(process)
    assert list(files_in(tmp_path)) == ["x-snare.wav"]


def test_audio_without_permission_is_said(stem, capsys, monkeypatch):
    opened = Path.open

    def denied(path, *args, **kwargs):
        if path == stem:
            raise PermissionError(errno.EACCES, "Permission denied")
        return opened(path, *args, **kwargs)

    monkeypatch.setattr(Path, "open", denied)
    process = convert_here(capsys, "--input", stem)
    assert process.returncode == 1
    assert "cannot be read (Permission denied)" in one_error(process)


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="file names are Unicode there")
def test_a_name_that_is_not_utf8_works_and_cannot_steer_the_terminal(tmp_path, stem):
    name = os.fsdecode(b"\xff\x1b[31m\n-snare.wav")
    stem.rename(tmp_path / name)
    process = convert("--input", tmp_path / name, "--csv", tmp_path / "x.csv", "--json", tmp_path / "x.json")
    assert process.returncode == 0
    assert "Traceback" not in process.stderr
    assert process.stderr.count("\n") == 2
    assert (process.stdout + process.stderr).replace("\n", "").isprintable()
    assert len(read_midi((tmp_path / name).with_suffix(".mid")).notes) >= len(HITS_S)


def cut(suffix: str, tmp_path: Path) -> Path:
    whole = tmp_path / f"whole.{suffix}"
    soundfile.write(whole, GOOD, SAMPLE_RATE)
    data = whole.read_bytes()
    whole.unlink()
    path = tmp_path / f"x-snare.{suffix}"
    path.write_bytes(data[: len(data) * 7 // 10])
    return path


@pytest.mark.parametrize("suffix", ["wav", "flac", "aiff", "ogg", "mp3"])
def test_truncated_data_is_converted_with_one_warning(tmp_path, capsys, suffix):
    path = cut(suffix, tmp_path)
    process = convert_here(capsys, "--input", path)
    warnings = [line for line in process.stderr.splitlines() if "warning: " in line]
    assert process.returncode == 0
    assert len(warnings) == 1
    assert "what is there was read" in warnings[0] or "what comes before was read" in warnings[0]
    assert distances_s(read_midi(path.with_suffix(".mid")).notes["time_s"], HITS_S[:2]).max() < 0.01


@pytest.mark.parametrize("promise", [0xFFFFFFFF, 0x7FFFFFF0, 200_000])
def test_a_header_that_promises_more_is_converted_with_a_warning(tmp_path, capsys, promise):
    path = tmp_path / "x-snare.wav"
    path.write_bytes(patched(40, "<I", promise))
    process = convert_here(capsys, "--input", path)
    assert process.returncode == 0
    assert process.stderr.count("the header promises more than the file holds") == 1
    assert len(read_midi(path.with_suffix(".mid")).notes) >= len(HITS_S)


def test_a_header_that_promises_nothing_is_said(tmp_path, capsys):
    path = tmp_path / "x-snare.wav"
    path.write_bytes(patched(40, "<I", 0))
    process = convert_here(capsys, "--input", path)
    assert process.returncode == 0
    assert "the header says that there is no audio" in process.stderr


YAML_ERRORS = {
    "unknown": ("kick:\n  onset_wait: 6\ncymbals:\n  geomean_treshold: 1\n",
                "my.yaml:4: cymbals.geomean_treshold: unknown setting; did you mean geomean_threshold?"),
    "twice": ("kick:\n  onset_wait: 6\n  onset_wait: 7\n", "my.yaml:3: kick.onset_wait"),
    "type": ("kick:\n  onset_wait: yes\n", "my.yaml:2: kick.onset_wait"),
    "range": ("kick:\n  onset_threshold: 1.5\n", "my.yaml:2: kick.onset_threshold"),
    "list": ("- kick\n", "my.yaml:1"),
    "empty": ("", "my.yaml: is empty"),
    "alias": ("kick: &a\n  onset_wait: 6\nsnare: *a\n", "my.yaml:1"),
    "large": ("# " + "x" * 1_100_000 + "\n", "my.yaml"),
    "syntax": ("kick: [1\n", "my.yaml:"),
    "order": ("kick:\n  velocity_floor: 100\n  velocity_ceiling: 50\n", "kick.velocity_floor"),
}  # fmt: skip


@pytest.mark.parametrize("name", YAML_ERRORS)
def test_a_bad_configuration_is_refused_with_its_place(tmp_path, capsys, stem, name):
    text, said = YAML_ERRORS[name]
    config = tmp_path / "my.yaml"
    config.write_text(text, "utf-8")
    process = convert_here(capsys, "--input", stem, "--config", config)
    assert process.returncode == 2
    assert said in one_error(process)
    assert sorted(files_in(tmp_path)) == ["my.yaml", "x-snare.wav"]


def test_a_missing_configuration_is_refused(tmp_path, stem):
    process = convert("--input", stem, "--config", tmp_path / "none.yaml")
    assert process.returncode == 2
    assert "none.yaml" in one_error(process)


def test_a_number_with_an_exponent_is_a_number(tmp_path, capsys):
    (tmp_path / "my.yaml").write_text("kick:\n  onset_delta: 1e-3\n", "utf-8")
    process = convert_here(capsys, "--config", tmp_path / "my.yaml", "--print-config")
    assert process.returncode == 0
    assert "kick.onset_delta: 0.001" in process.stdout


def fail_with(code: int):
    def fail(*_args, **_kwargs):
        raise OSError(code, os.strerror(code))

    return fail


@pytest.mark.parametrize(
    ("where", "name", "code"),
    [
        (files, "_locked", errno.EACCES),
        (files, "_locked", errno.EROFS),
        (files.os, "fsync", errno.ENOSPC),
        (Path, "replace", errno.EACCES),
        (Path, "chmod", errno.EPERM),
    ],
)
def test_a_failed_write_leaves_the_old_file_and_no_litter(tmp_path, capsys, monkeypatch, stem, where, name, code):
    convert_here(capsys, "--input", stem)
    before = files_in(tmp_path)
    monkeypatch.setattr(where, name, fail_with(code))
    process = convert_here(capsys, "--input", stem, "--set", "snare.geomean_threshold=1000")
    assert process.returncode == 1
    assert os.strerror(code) in one_error(process)
    assert files_in(tmp_path) == before


def test_an_output_folder_that_cannot_be_made_is_said(tmp_path, capsys, stem):
    (tmp_path / "file").write_text("mine", "utf-8")
    before = files_in(tmp_path)
    process = convert_here(capsys, "--input", stem, "--output", tmp_path / "file" / "x.mid")
    assert process.returncode == 1
    assert "file" in one_error(process)
    assert files_in(tmp_path) == before


def test_a_link_stays_a_link_and_its_target_is_replaced(tmp_path):
    target, link = tmp_path / "target.mid", tmp_path / "link.mid"
    target.write_bytes(b"old")
    link.symlink_to(target)
    write_whole(link, b"new")
    assert link.is_symlink()
    assert target.read_bytes() == b"new"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link.mid", "target.mid"]


def test_a_link_to_nothing_is_followed(tmp_path):
    (tmp_path / "dangling.mid").symlink_to(tmp_path / "made.mid")
    write_whole(tmp_path / "dangling.mid", b"new")
    assert (tmp_path / "made.mid").read_bytes() == b"new"


def replaceable(path: Path, inputs: list[Path] = (), *, force: bool = False, ours: bool = True) -> None:
    outputs.require_safe([outputs.Output("--output", path, lambda _: ours)], inputs, force=force)


def test_what_may_be_replaced(tmp_path):
    path = tmp_path / "x.mid"
    replaceable(path)
    path.write_bytes(b"x")
    replaceable(path)
    replaceable(path, ours=False, force=True)
    with pytest.raises(InputError, match="not an untouched output"):
        replaceable(path, ours=False)
    with pytest.raises(InputError, match="is a folder or a device"):
        replaceable(tmp_path, force=True)


def test_a_write_protected_output_is_replaced_only_by_force(tmp_path):
    path = tmp_path / "x.mid"
    path.write_bytes(b"x")
    path.chmod(0o444)
    with pytest.raises(InputError, match=r"x\.mid: is write-protected"):
        replaceable(path)
    replaceable(path, force=True)
    path.chmod(0o644)


@pytest.mark.parametrize("kind", ["symlink_to", "hardlink_to"])
def test_an_input_is_never_replaced_through_a_link_even_by_force(tmp_path, kind):
    audio, link = tmp_path / "x-kick.wav", tmp_path / "x.mid"
    audio.write_bytes(b"x")
    getattr(link, kind)(audio)
    with pytest.raises(UsageError, match="is the same file as the input"):
        replaceable(link, [audio], force=True)


def test_the_configuration_is_never_replaced(tmp_path, capsys, stem):
    config = tmp_path / "my.yaml"
    config.write_text("kick:\n  onset_wait: 6\n", "utf-8")
    process = convert_here(capsys, "--input", stem, "--config", config, "--csv", config, "--force")
    assert process.returncode == 2
    assert config.read_text("utf-8").startswith("kick")
