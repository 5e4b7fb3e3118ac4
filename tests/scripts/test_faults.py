"""Stopped, crowded and cornered: kills, Ctrl-C, full disks, two runs at once, odd names and links, closed pipes."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import soundfile
from running import ROOT, convert, files_in, run_script
from signals import bursts

import train_classifier
from drumhits.io import files
from drumhits.io.audio import SAMPLE_RATE
from drumhits.io.files import write_whole
from drumhits.io.midi import read_midi

EXAMPLE = ROOT / "training_data"
POSIX = pytest.mark.skipif(os.name != "posix", reason="signals and file names of POSIX")
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux")
ENVIRONMENT = os.environ | {
    "PYTHONPATH": os.pathsep.join(map(str, (ROOT / "tests", ROOT / "tests" / "scripts", ROOT))),
    "OPENBLAS_NUM_THREADS": "1",
}
STEP = 60  # lines from one stop to the next; python -m tests.fuzz --what faults takes every line


@pytest.fixture
def stem(tmp_path) -> Path:
    path = tmp_path / "x-snare.wav"
    soundfile.write(path, bursts((0.1, 0.4), 0.7), SAMPLE_RATE)
    return path


def litter_in(folder: Path) -> list[Path]:
    return list(folder.glob(f"{files.PREFIX}*"))


@POSIX
def test_a_script_stopped_while_it_writes_leaves_the_old_file_or_the_new_one():
    command = [sys.executable, "-m", "fuzz.faults", str(STEP)]
    process = subprocess.run(command, env=ENVIRONMENT, capture_output=True, encoding="utf-8", check=False, timeout=300)
    assert process.returncode == 0, process.stderr
    n_runs, wrong = json.loads(process.stdout)
    assert wrong == []
    assert n_runs >= 20


def start(*args, **options) -> subprocess.Popen:
    command = [sys.executable, str(ROOT / "stems_to_midi.py"), *map(str, args)]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8", start_new_session=True, **options
    )


@POSIX
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("script", ["stems_to_midi.py", "train_classifier.py", "evaluate_model.py"])
@pytest.mark.parametrize("module", ["argparse", "numpy", "soundfile"])  # in the order of their imports
def test_a_script_that_is_stopped_while_it_loads_prints_no_traceback(script, module, number):
    command = [sys.executable, "-X", "importtime", str(ROOT / script), "--help"]
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, encoding="utf-8"
    ) as process:
        assert module in (line.rpartition("|")[2].strip() for line in process.stderr)
        process.send_signal(number)
        assert "Traceback" not in process.stderr.read()
    assert process.returncode in (-number, 0)


@POSIX
@pytest.mark.parametrize(("number", "codes"), [(signal.SIGINT, {130, -2}), (signal.SIGTERM, {143, -15})])
@pytest.mark.parametrize("jobs", [1, 2])
def test_a_stopped_run_has_its_exit_code_and_no_traceback(tmp_path, number, codes, jobs):
    process = start("--input", ROOT / "test_songs", "--output", tmp_path / "midi", "--jobs", jobs)
    wait_for(lambda: any(tmp_path.rglob("*.mid")))
    os.killpg(process.pid, number)
    _, said = process.communicate(timeout=60)
    assert "Traceback" not in said
    assert process.returncode in {*codes, 0}
    assert not litter_in(tmp_path / "midi")
    for path in tmp_path.rglob("*.mid"):
        read_midi(path)


def wait_for(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@LINUX
def test_workers_end_with_a_run_that_is_killed(tmp_path):
    process = start("--input", ROOT / "test_songs", "--output", tmp_path, "--jobs", 2)
    wait_for(lambda: sum(is_in_session(other, process.pid) for other in Path("/proc").glob("[0-9]*")) > 1)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=60)  # workers hold the streams open
    wait_for(lambda: not any(is_in_session(other, process.pid) for other in Path("/proc").glob("[0-9]*")))


def is_in_session(process: Path, session: int) -> bool:
    try:
        fields = (process / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return False
    return int(fields[3]) == session and fields[0] != "Z"


KILLED_WORKER = """
from drumhits.errors import InputError
from drumhits.parallel import in_processes
from test_faults import die
try:
    list(in_processes(die, [1, 2, 3], 2))
except InputError as error:
    print(error)
"""


def test_a_worker_that_is_killed_is_one_sentence():
    process = subprocess.run(
        [sys.executable, "-c", KILLED_WORKER], env=ENVIRONMENT, capture_output=True, encoding="utf-8", check=False,
        timeout=60,
    )  # fmt: skip
    assert process.stdout.startswith("a worker process ended all of a sudden"), process.stderr


def die(_item):
    os._exit(9)


@POSIX
def test_the_temporary_file_of_a_killed_run_goes_and_that_of_a_live_one_stays(tmp_path):
    live = tmp_path / f"{files.PREFIX}live{files.SUFFIX}"
    handle = files._locked(live)
    dead = tmp_path / f"{files.PREFIX}dead{files.SUFFIX}"
    dead.write_bytes(b"half")
    os.utime(dead, (1, 1))
    write_whole(tmp_path / "x.mid", b"whole")
    assert files_in(tmp_path) == {"x.mid": b"whole", live.name: b""}
    os.close(handle)
    live.unlink()


@POSIX
def test_a_signal_between_making_the_temporary_file_and_writing_it_leaves_no_litter(tmp_path, monkeypatch):
    def stopped(*_args):
        raise KeyboardInterrupt

    monkeypatch.setattr(files.fcntl, "flock", stopped)
    with pytest.raises(KeyboardInterrupt):
        write_whole(tmp_path / "x.mid", b"whole")
    assert files_in(tmp_path) == {}


def test_without_locks_only_old_litter_goes(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "fcntl", None)
    old, fresh = (tmp_path / f"{files.PREFIX}{name}{files.SUFFIX}" for name in ("old", "fresh"))
    old.write_bytes(b"half")
    fresh.write_bytes(b"half")
    os.utime(old, (1, 1))
    write_whole(tmp_path / "x.mid", b"whole")
    assert files_in(tmp_path) == {"x.mid": b"whole", fresh.name: b"half"}


WRITER = """
import sys; sys.path.insert(0, sys.argv[1])
from pathlib import Path
from drumhits.io.files import write_whole
for i in range(300):
    write_whole(Path(sys.argv[2]), sys.argv[3].encode() * (20_000 + 97 * i))
"""


def test_two_runs_that_write_one_file_300_times_never_show_a_part(tmp_path):
    target = tmp_path / "x.mid"
    write_whole(target, b"a")
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(ROOT), str(target), letter]) for letter in "ab"]
    sizes, n_reads = {1} | {20_000 + 97 * i for i in range(300)}, 0
    while any(writer.poll() is None for writer in writers):
        data = target.read_bytes()
        assert data == data[:1] * len(data)
        assert len(data) in sizes
        n_reads += 1
    assert [writer.returncode for writer in writers] == [0, 0]
    assert n_reads > 100
    assert len(target.read_bytes()) == max(sizes)
    assert not litter_in(tmp_path)


def test_two_conversions_into_one_file_leave_a_whole_one(tmp_path, stem):
    output = tmp_path / "x.mid"
    results = []
    runs = [threading.Thread(target=lambda: results.append(convert("--input", stem, "--output", output, "--quiet")))
            for _ in range(4)]  # fmt: skip
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    assert [(result.returncode, result.stderr) for result in results] == [(0, "")] * 4
    assert len(read_midi(output).notes) == 2
    assert not litter_in(tmp_path)


@pytest.fixture
def small_disk(tmp_path):
    """Return a folder on a disk of 64 KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(folder)]
    if not shutil.which("mount") or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("cannot mount a small disk here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@LINUX
def test_a_full_disk_leaves_the_old_file_and_no_litter(small_disk, stem):
    output, report = small_disk / "x.mid", small_disk / "x.json"
    assert convert("--input", stem, "--output", output, "--quiet").returncode == 0
    before = files_in(small_disk)
    free = os.statvfs(small_disk)
    (small_disk / "filler").write_bytes(bytes(free.f_bavail * free.f_frsize))
    process = convert("--input", stem, "--output", output, "--json", report, "--keep-all")
    assert process.returncode == 1
    assert "No space left on device" in process.stderr
    assert "Traceback" not in process.stderr
    (small_disk / "filler").unlink()
    assert files_in(small_disk) == before
    assert convert("--input", stem, "--output", output, "--json", report, "--quiet").returncode == 0


def example(root: Path, name: str) -> tuple[str | Path, ...]:
    """Copy a song of the worked example under another name; return the options that train on it."""
    for kind, source, suffix in (("audio", "Song1-cymbals.flac", ".flac"), ("raw", "Song1-cymbals.mid", ".mid"),
                                 ("edited", "Song1-cymbals_edited.mid", "_edited.mid")):  # fmt: skip
        folder = EXAMPLE / {"raw": "raw_midi", "edited": "edited_midi"}.get(kind, kind)
        (root / kind).mkdir()
        shutil.copy(folder / source, root / kind / f"{name}{suffix}")
    return ("--stem", "cymbals", "--raw-dir", root / "raw", "--edited-dir", root / "edited", "--audio-dir",
            root / "audio", "--n-estimators", 3, "--features", "guide", "--start-from", "none")  # fmt: skip


ODD_NAMES = {
    "signs, spaces and markup": "--help =1+1 '\"&;|$(g)`h`*?[i]%s{j}<b onclick=x>  -cymbals",
    "unicode": "Übung U\u0308bung №5 太鼓 🥁-cymbals",
    "not UTF-8": os.fsdecode(b"\xff\xfe\x80-cymbals"),
    "terminal codes": "\x1b[31mred\x07\u202e\r\nForged: all is well -cymbals",
    "very long": "x" * 220 + "-cymbals",
}


@POSIX
@pytest.mark.parametrize("kind", ODD_NAMES)
def test_odd_names_go_through_every_script_and_never_reach_the_terminal_raw(tmp_path, kind):
    name = ODD_NAMES[kind]
    try:
        options = example(tmp_path, name)
    except OSError:
        pytest.skip("the file system does not take this name")
    before = files_in(tmp_path)
    stem = tmp_path / "audio" / f"{name}.flac"
    trained = run_script("train_classifier.py", *options, "--output-model", tmp_path / f"{name}.pkl", "--pairs",
                         tmp_path / "pairs.csv", "--json", tmp_path / "model.json")  # fmt: skip
    converted = convert("--input", stem, "--output", tmp_path / f"{name}.mid", "--json", tmp_path / "x.json",
                        "--csv", tmp_path / "x.csv", "--use-ml-model", tmp_path / f"{name}.pkl")  # fmt: skip
    for process in (trained, converted):
        assert process.returncode == 0, process.stderr
        assert (process.stdout + process.stderr).replace("\n", "").isprintable()
        assert (name in process.stdout) == name.isprintable(), "what the terminal can show is shown as it is"
        assert "\nForged" not in process.stdout + process.stderr
    after = files_in(tmp_path)
    assert {path: after[path] for path in before} == before
    json.loads((tmp_path / "x.json").read_bytes())
    assert len(read_midi(tmp_path / f"{name}.mid").notes)


@pytest.mark.parametrize("script", ["stems_to_midi.py", "train_classifier.py"])
def test_words_that_are_no_option_are_shown_without_their_terminal_codes(script):
    given = () if script == "stems_to_midi.py" else ("--stem", "kick", "--raw-dir", "r", "--edited-dir", "e")
    process = run_script(script, *given, "--\x1b[2J")
    assert process.returncode == 2
    assert "--\\x1b[2J" in process.stderr
    assert process.stderr.replace("\n", "").isprintable()


def test_a_name_too_long_for_any_file_is_a_sentence(tmp_path):
    options = example(tmp_path, "a-cymbals")
    process = run_script("train_classifier.py", *options, "--output-model", tmp_path / f"{'x' * 300}.pkl")
    assert process.returncode == 1
    assert "Traceback" not in process.stderr
    assert "cannot be written (File name too long)" in process.stderr


@pytest.mark.parametrize("how", ["itself", "symlink_to", "hardlink_to"])
@pytest.mark.parametrize("what", ["raw/a-cymbals.mid", "edited/a-cymbals_edited.mid", "audio/a-cymbals.flac"])
@pytest.mark.parametrize("option", ["--output-model", "--pairs", "--json", "--learn-thresholds"])
def test_training_never_replaces_what_it_reads_even_by_force_through_a_link(tmp_path, capsys, what, how, option):
    options = example(tmp_path, "a-cymbals")
    output = tmp_path / what
    if how != "itself":
        output = tmp_path / "link"
        getattr(output, how)(tmp_path / what)
    before = files_in(tmp_path)
    model = () if option == "--output-model" else ("--output-model", tmp_path / "m.pkl")
    code = train_classifier.main(list(map(str, (*options, *model, option, output, "--force"))))
    assert code == 2
    assert "is the same file as the input" in capsys.readouterr().err
    assert files_in(tmp_path) == before


@POSIX
def test_training_into_a_closed_pipe_is_silent(tmp_path):
    options = example(tmp_path, "a-cymbals")
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, ROOT / "train_classifier.py", *options, "--dry-run"]
    process = subprocess.run(
        list(map(str, command)), stdout=writing, stderr=subprocess.PIPE, encoding="utf-8", check=False, timeout=60
    )
    os.close(writing)
    assert (process.returncode, process.stderr) == (141, "")


@POSIX
@pytest.mark.parametrize("fds", [(1,), (2,), (0, 1, 2)])
def test_closed_standard_streams_are_no_error(tmp_path, stem, fds):
    command = f"exec {' '.join(f'{fd}>&-' for fd in fds)}; exec \"$@\""
    arguments = [sys.executable, ROOT / "stems_to_midi.py", "--input", stem, "--output", tmp_path / "x.mid"]
    process = subprocess.run(["sh", "-c", command, "sh", *map(str, arguments)], capture_output=True, check=False)
    assert process.returncode == 0
    assert b"Traceback" not in process.stderr
    assert len(read_midi(tmp_path / "x.mid").notes) == 2
