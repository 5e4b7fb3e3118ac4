"""--dask: a real scheduler and two workers on loopback, one of which is killed in the middle of a batch."""

import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import contextmanager

import pytest
import soundfile
from running import ROOT, convert, files_in, without_times
from signals import bursts

from drumhits.io.audio import SAMPLE_RATE

WAIT_S = 60
N_STEMS = 24
IMPATIENT = "import drumhits.parallel; drumhits.parallel.CONNECT_S = 1.0"


def write_stems(folder, n, duration_s=1.6):
    folder.mkdir()
    for i in range(n):
        y = bursts([0.3 + 0.25 * k for k in range(int(4 * duration_s) - 3)], duration_s, seed=i)
        soundfile.write(folder / f"song{i:02d}-{('kick', 'snare')[i % 2]}.wav", y, SAMPLE_RATE)
    return folder


def convert_after(statement, *args):
    """Run stems_to_midi.py in a process that has executed a statement first."""
    code = f"import sys; {statement}; import stems_to_midi; sys.exit(stems_to_midi.main())"
    command = [sys.executable, "-c", code, *map(str, args)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=WAIT_S, check=False)


@pytest.mark.slow
def test_a_scheduler_that_does_not_answer_is_one_sentence(tmp_path):
    pytest.importorskip("distributed")
    stems = write_stems(tmp_path / "stems", 1)
    process = convert_after(IMPATIENT, "--input", stems, "--output", tmp_path / "out", "--dask", "tcp://127.0.0.1:9")
    assert process.returncode == 2
    *_, last = process.stderr.splitlines()
    assert last.startswith("stems_to_midi.py: error: --dask tcp://127.0.0.1:9: no Dask scheduler answers there;")
    assert "Traceback" not in process.stderr


def test_without_dask_the_option_says_what_to_install(tmp_path):
    stems = write_stems(tmp_path / "stems", 1)
    without = "sys.modules['distributed'] = None"
    process = convert_after(without, "--input", stems, "--output", tmp_path / "out", "--dask", "tcp://127.0.0.1:9")
    assert process.returncode == 2
    assert "--dask needs Dask: python -m pip install -r requirements-cluster.txt." in process.stderr
    assert "Traceback" not in process.stderr


def test_the_cluster_decides_how_many_files_at_a_time(tmp_path):
    process = convert("--input", write_stems(tmp_path / "stems", 1), "--dask", "tcp://127.0.0.1:9", "--jobs", "2")
    assert process.returncode == 2
    assert "--dask goes without --jobs" in process.stderr


@contextmanager
def running(*args, **options):
    """Run a command of Dask until the end of the block, and give its process, whose stderr can be read by lines."""
    command = [sys.executable, "-m", *map(str, args)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, **options)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


@contextmanager
def scheduler():
    """Run a scheduler on loopback, and give its address."""
    pytest.importorskip("distributed")
    args = "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", 0, "--no-dashboard"
    with running(*args) as process:
        for line in process.stderr:
            if found := re.search(r"Scheduler at:\s+(tcp://\S+)", line):
                yield found[1]
                return


@contextmanager
def worker(address, folder, path=ROOT):
    """Run a worker that finds the package in `path`, and give its process."""
    options = "--nthreads", 1, "--no-nanny", "--no-dashboard", "--local-directory", folder
    env = {**os.environ, "PYTHONPATH": str(path)}
    with running("distributed.cli.dask_worker", address, *options, cwd=folder, env=env) as process:
        yield process


@pytest.mark.slow
def test_a_killed_worker_costs_and_doubles_nothing(tmp_path):
    stems = write_stems(tmp_path / "stems", N_STEMS, 60)
    (stems / "bad-kick.wav").write_bytes(b"no audio")
    here = convert("--input", "stems", "--output", "here", "--json", "here.json", cwd=tmp_path)
    assert here.returncode == 1
    command = [sys.executable, ROOT / "stems_to_midi.py", "--input", "stems", "--output", "there", "--json",
               "there.json"]  # fmt: skip
    with scheduler() as address, worker(address, tmp_path) as doomed, worker(address, tmp_path):
        process = subprocess.Popen(
            [*command, "--dask", address], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        written = tmp_path / "there"
        end_s = time.monotonic() + WAIT_S
        while not (written.is_dir() and any(written.glob("*.mid"))) and time.monotonic() < end_s:
            time.sleep(0.01)
        doomed.send_signal(signal.SIGKILL)
        assert process.poll() is None
        assert len(list(written.glob("*.mid"))) < N_STEMS / 2
        out, err = process.communicate(timeout=WAIT_S)
    assert process.returncode == 1, err
    assert "Traceback" not in err
    assert files_in(tmp_path / "there") == files_in(tmp_path / "here")
    assert (tmp_path / "there.json").read_text().replace("there/", "here/") == (tmp_path / "here.json").read_text()
    assert without_times(out.replace("there/", "here/")) == without_times(here.stdout)
    assert set(Counter(re.findall(r"^\w+ kick: ", out, re.MULTILINE)).values()) == {1}
    assert f"Converted {N_STEMS} of {N_STEMS + 1} inputs" in out


@pytest.mark.slow
def test_no_worker_or_one_without_the_package_is_one_sentence(tmp_path):
    stems = write_stems(tmp_path / "stems", 1)
    args = "--input", stems, "--output", tmp_path / "out", "--dask"
    with scheduler() as address:
        process = convert_after(IMPATIENT, *args, address)
        assert process.returncode == 1
        assert f"--dask {address}: the scheduler has no worker" in process.stderr
        with worker(address, tmp_path, path=tmp_path):
            process = convert(*args, address)
        assert process.returncode == 1
        assert "cannot run this toolkit (ModuleNotFoundError: No module named 'drumhits')" in process.stderr
        assert process.stderr.count("\n") == process.stderr.count("taken as") + 1
    assert not (tmp_path / "out").exists()
