"""Workers: results in order, whichever way the processes were started, and none of them left."""

import subprocess
import sys

import pytest
from running import ROOT, TIMEOUT_S

from drumhits.errors import InputError
from drumhits.parallel import attempt

START = """
import multiprocessing, os, signal, sys, threading, time
from drumhits.errors import InputError
from drumhits.parallel import in_processes

def slowest_first(i):
    time.sleep(0.2 / (1 + i))
    return i, os.getpid()

def die(i):
    os.kill(os.getpid(), 9)

def cut_off(i):
    if i:
        time.sleep(1)  # results of others come before
        results = multiprocessing.current_process()._args[1]._writer
        os.write(results.fileno(), (1000).to_bytes(4, "big"))  # and none of the bytes that it announces
        os.kill(os.getpid(), 9) if i > 1 else time.sleep(60)

def handlers(i):
    found = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    return ",".join(getattr(one, "name", "a function") for one in found)

if __name__ == "__main__":
"""


def run(tmp_path, body):
    """Run lines of code after START, in a process of its own, and return what it prints."""
    script = tmp_path / "script.py"
    script.write_text(START + "".join(f"    {line}\n" for line in body.strip().splitlines()))
    process = subprocess.run(
        [sys.executable, script], cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
        timeout=TIMEOUT_S, check=False,
    )  # fmt: skip
    assert process.returncode == 0, process.stderr
    assert not process.stderr
    return process.stdout.split()


WITH_A_THREAD = "threading.Thread(target=time.sleep, args=(5,), daemon=True).start()"


@pytest.mark.parametrize("before", ["", WITH_A_THREAD], ids=["alone", "with a thread"])
def test_results_come_in_order_from_other_processes(tmp_path, before):
    said = run(tmp_path, f"""
{before}
print("in order")
numbers, pids = zip(*in_processes(slowest_first, range(6), 2))
print(numbers == tuple(range(6)), 1 <= len(set(pids)) <= 2, os.getpid() not in pids)
""")
    assert said == ["in", "order", "True", "True", "True"]


def test_one_at_a_time_needs_no_other_process(tmp_path):
    assert run(tmp_path, "print({pid for _, pid in in_processes(slowest_first, range(3), 1)} == {os.getpid()})") == [
        "True"
    ]


@pytest.mark.skipif(sys.platform != "linux", reason="copies of a process are for Linux")
def test_copies_of_the_process_need_no_joblib(tmp_path):
    assert run(tmp_path, "list(in_processes(slowest_first, range(3), 2)); print('joblib' in sys.modules)") == ["False"]


@pytest.mark.skipif(sys.platform == "win32", reason="pipes are others there")
def test_a_result_that_is_cut_off_does_not_keep_a_run_from_being_stopped(tmp_path):
    assert run(tmp_path, """
started = time.monotonic()
results = in_processes(cut_off, range(2), 2)
next(results)
time.sleep(2)
results.close()
print(len(multiprocessing.active_children()), time.monotonic() - started < 20)
try:
    list(in_processes(cut_off, (0, 0, 2, 0), 2))
except InputError as error:
    print(str(error)[:23])
from drumhits.parallel import BackgroundProcess
background = BackgroundProcess()
background.submit(cut_off, 1)
time.sleep(4)
background.close()
background.close()
""") == ["0", "True", "a", "worker", "process", "ended"]


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_a_worker_that_is_killed_ends_the_run_in_a_sentence(tmp_path):
    said = run(tmp_path, """
from drumhits.cli.interrupts import stoppable
try:
    with stoppable():
        list(in_processes(die, range(9), 6))
except InputError as error:
    print(error)
print(len(multiprocessing.active_children()))
""")
    assert " ".join(said).startswith("a worker process ended all of a sudden")
    assert said[-1] == "0"


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize("before", ["", WITH_A_THREAD], ids=["alone", "with a thread"])
def test_workers_end_at_sigterm_without_a_word_and_leave_ctrl_c_to_the_parent(tmp_path, before):
    said = run(tmp_path, f"""
{before}
from drumhits.cli.interrupts import stoppable
with stoppable():
    parent = handlers(0)
    print(*{{*in_processes(handlers, range(4), 2)}}, handlers(0) == parent)
""")
    assert said == ["SIG_IGN,SIG_DFL", "True"]


@pytest.mark.skipif(sys.platform != "linux", reason="copies of a process are for Linux")
def test_a_run_that_is_given_up_leaves_no_process(tmp_path):
    said = run(tmp_path, """
results = in_processes(slowest_first, range(1000), 2)
print(next(results)[0], len(multiprocessing.active_children()))
start_s = time.monotonic()
results.close()
print(len(multiprocessing.active_children()), time.monotonic() - start_s < 2)
""")
    assert said == ["0", "2", "0", "True"]


def checked(item, *, limit):
    if item > limit:
        raise InputError(f"{item} is too large")
    return 2 * item


def test_an_attempt_gives_the_result_or_the_error_of_a_bad_item():
    assert attempt(checked, 3, limit=3) == 6
    error = attempt(checked, 4, limit=3)
    assert isinstance(error, InputError)
    assert str(error) == "4 is too large"
    with pytest.raises(TypeError):
        attempt(checked, "x", limit=3)
