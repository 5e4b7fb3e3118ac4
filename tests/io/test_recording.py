"""Recordings: all the sound that is in a file is read, and what differs from its header is said in a sentence."""

import os
import struct
import subprocess
import sys
import threading

import numpy as np
import pytest
import soundfile
import wrong_lengths
from running import ROOT
from signals import bursts, distances_s
from wrong_lengths import AS_ANNOUNCED, GOES_ON, HELD_S, HITS_S, Y, encoded

from drumhits.analysis import analyze
from drumhits.config.load import default_config
from drumhits.errors import InputError
from drumhits.io import decoder
from drumhits.io.audio import SAMPLE_RATE, AudioReader
from drumhits.io.recording import holds_audio
from drumhits.io.text import clock

SNARE = default_config().stems["snare"]


def read(path):
    reader = AudioReader(path)
    return np.concatenate([np.zeros(0, np.float32), *reader.blocks()]), reader


@pytest.mark.parametrize("name", GOES_ON)
def test_sound_beyond_the_announced_length_is_read_and_both_lengths_are_named(tmp_path, name):
    data, announced_s, suffix = GOES_ON[name]
    path = tmp_path / f"x.{suffix}"
    path.write_bytes(data)
    y, reader = read(path)
    (warning,) = reader.warnings
    rate = reader.sample_rate / SAMPLE_RATE
    assert len(y) / SAMPLE_RATE * rate == pytest.approx(HELD_S, abs=0.06)
    assert f"but the file goes on to {clock(reader.duration_s)}; all of it was read" in warning
    said = f"ends at {clock(announced_s)}" if announced_s else "there is no audio"
    assert f"{path}: the header says that" in warning
    assert said in warning or "two" in name
    if suffix != "opus":
        assert distances_s(analyze(path, SNARE)[0].times_s, HITS_S).max() < 0.03
    if suffix not in ("mp3", "ogg", "opus"):
        np.testing.assert_allclose(y, Y, atol=2e-4)


@pytest.mark.parametrize("name", AS_ANNOUNCED)
def test_files_that_hold_what_they_announce_are_read_without_a_word(tmp_path, name):
    data, suffix = AS_ANNOUNCED[name]
    path = tmp_path / f"x.{suffix}"
    path.write_bytes(data)
    y, reader = read(path)
    assert reader.warnings == []
    assert len(y) in (len(Y) - 1, len(Y))


@pytest.mark.parametrize("n_missing", [100, 44_100])
def test_less_sound_than_announced_is_said_with_both_lengths(tmp_path, n_missing):
    path = tmp_path / "x.wav"
    path.write_bytes(wrong_lengths.WAV[: -2 * n_missing])
    y, reader = read(path)
    (warning,) = reader.warnings
    held = clock(HELD_S - n_missing / SAMPLE_RATE)
    assert len(y) == len(Y) - n_missing
    assert f"the header promises more than the file holds (0:03.000, and {held} are there)" in warning


def test_two_streams_of_different_rates_are_read_up_to_the_second(tmp_path):
    data = encoded("OGG", "VORBIS") + encoded("OGG", "VORBIS", Y, 48_000)
    (tmp_path / "x.ogg").write_bytes(data)
    y, reader = read(tmp_path / "x.ogg")
    assert len(y) == len(Y)
    assert reader.warnings[0].endswith("goes on at 48000 Hz, not 44100 Hz, after 0:03.000; what comes before was read.")


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "0:00.000"), (7.25, "0:07.250"), (59.9996, "1:00.000"), (754.0, "12:34.000"), (3723.004, "1:02:03.004")],
)
def test_moments_are_shown_in_the_manner_of_a_clock(seconds, shown):
    assert clock(seconds) == shown


def aifc(kind: bytes) -> bytes:
    common = struct.pack(">hIh", 1, 1000, 16) + b"\x40\x0e\xac\x44\0\0\0\0\0\0" + kind + b"\x05name\0"
    chunks = b"COMM" + struct.pack(">I", len(common)) + common + b"SSND" + struct.pack(">III", 2008, 0, 0) + bytes(2000)
    return b"FORM" + struct.pack(">I", 4 + len(chunks)) + b"AIFC" + chunks


def caf(kind: bytes) -> bytes:
    description = struct.pack(">d4sIIIII", 44_100.0, kind, 0, 0, 1024, 1, 0)
    return (
        b"caff\0\1\0\0desc" + struct.pack(">q", 32) + description + b"data" + struct.pack(">qI", 2004, 0) + bytes(2000)
    )


def wav(code: int) -> bytes:
    fmt = struct.pack("<HHIIHHH", code, 1, 44_100, 16_000, 1, 0, 0)
    return b"RIFF\0\0\1\0WAVEfmt " + struct.pack("<I", 18) + fmt + b"data" + struct.pack("<I", 2000) + bytes(2000)


@pytest.mark.parametrize(
    ("data", "suffix", "kind"),
    [(aifc(kind), "aifc", f"AIFC audio of kind {kind.decode().strip()!r}") for kind in (b"QDMC", b"MAC3", b"G722")]
    + [(caf(kind), "caf", f"CAF audio of kind {kind.decode().strip()!r}") for kind in (b"aac ", b"ima4", b".mp3")]
    + [(wav(0x0161), "wav", "WAV audio of kind 0x0161")],
)
def test_kinds_that_libsndfile_lacks_come_with_the_way_to_convert_them(tmp_path, data, suffix, kind):
    path = tmp_path / f"x-snare.{suffix}"
    path.write_bytes(data)
    wav = "x-snare.wav" if suffix != "wav" else "converted-x-snare.wav"
    with pytest.raises(InputError) as refused:
        AudioReader(path)
    assert str(refused.value) == (
        f'{path}: {kind} cannot be read; convert it first, for example with ffmpeg -i "x-snare.{suffix}" "{wav}"'
    )
    assert holds_audio(path)


def noisy_mp3() -> bytes:
    mp3 = bytearray(encoded("MP3", "MPEG_LAYER_III"))
    rng = np.random.default_rng(0)
    mp3[5000:8000] = rng.integers(0, 256, 3000, dtype=np.uint8).tobytes()
    return bytes(mp3)


READ = """
import sys
from pathlib import Path
from drumhits.io.audio import AudioReader
from drumhits.errors import InputError
for name in sys.argv[1:]:
    try:
        for _ in AudioReader(Path(name)).blocks(): pass
    except InputError: pass
sys.stderr.write("ours")
"""


def test_nothing_of_libmpg123_reaches_standard_error(tmp_path):
    whole = encoded("MP3", "MPEG_LAYER_III")
    hostile = {
        "noise": noisy_mp3(),
        "cut": whole[: len(whole) * 2 // 3],
        "joined": whole * 2,
        "syncs": b"\xff\xfb" * 9999,
        "junk": bytes(range(256)) * 20 + whole,
    }
    for name, data in hostile.items():
        (tmp_path / f"{name}.mp3").write_bytes(data)
    process = subprocess.run(
        [sys.executable, "-c", READ, *map(str, tmp_path.iterdir())], env={"PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert process.stderr == "ours"


def test_what_other_threads_write_meanwhile_comes_through(capfd):
    ours = [f"line {i} of ours\n".encode() for i in range(200)]
    writer = threading.Thread(target=lambda: [os.write(decoder.STDERR, line) for line in ours])
    with decoder.without_messages_of_libmpg123():
        writer.start()
        os.write(decoder.STDERR, b"\nNote: Illegal Audio-MPEG-Header 0x00 at offset 1.\n")
        os.write(decoder.STDERR, b"[src/libmpg123/parse.c:wetwork():1349] error: Giving up resync.\n")
        writer.join()
    assert capfd.readouterr().err.encode() == b"".join(ours)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_copy_of_the_process_waits_for_the_true_standard_error(capfd):
    with decoder.without_messages_of_libmpg123():
        child = threading.Thread(target=fork_and_write)
        child.start()
        child.join(0.2)
        assert child.is_alive()
    child.join(10)
    assert capfd.readouterr().err == "from the child"


def fork_and_write() -> None:
    pid = os.fork()
    if not pid:
        os.write(decoder.STDERR, b"from the child")
        os._exit(0)
    os.waitpid(pid, 0)


def test_reading_goes_on_where_standard_error_is_closed(tmp_path):
    soundfile.write(tmp_path / "x.mp3", bursts((0.1,), 0.5), SAMPLE_RATE)
    code = f"import os; os.close(2)\n{READ.replace('sys.stderr.write', 'sys.stdout.write')}"
    process = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "x.mp3")], env={"PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE,
        text=True, timeout=60, check=True,
    )  # fmt: skip
    assert process.stdout == "ours"
