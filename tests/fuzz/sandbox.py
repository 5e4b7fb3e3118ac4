"""Cases run in a child process with limits on time and memory; the parent sees hangs and crashes, and goes on."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .cases import REGRESSIONS, case, names

TESTS = Path(__file__).parents[1]
HANG_S = 30.0  # of wall time in one case


@dataclass(frozen=True)
class Fault:
    """A case that a reader does not survive."""

    kind: str
    name: str
    what: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}: {self.what}"


@dataclass
class Result:
    """How many cases were run, what became of them by name, and what failed."""

    n_run: int
    outcomes: dict[str, str]
    faults: list[Fault]
    seconds: float


def run(kind: str, source: str, count: int = 0, *, until: float = float("inf"), slack: float = 1.0) -> Result:
    """Run the cases of a source up to a point of `time.monotonic`; a child that ends early is started anew.

    `slack` multiplies the limits of time, for machines that are slow.
    """
    start = time.monotonic()
    todo = names(kind, source, count)
    result = Result(0, {}, [], 0.0)
    while result.n_run < len(todo) and time.monotonic() < until:
        _run_child([kind, source, str(count)], result, until, slack)
    result.seconds = time.monotonic() - start
    return result


def _run_child(cases: list[str], result: Result, until: float, slack: float) -> None:
    kind = cases[0]
    command = [sys.executable, "-m", "fuzz.child", *cases, str(result.n_run), str(slack)]
    paths = os.pathsep.join([str(TESTS), str(TESTS.parent)])
    environment = os.environ | {"PYTHONPATH": paths, "OPENBLAS_NUM_THREADS": "1", "PYTHONFAULTHANDLER": "1"}
    started = None
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8", env=environment
    ) as child:
        errors: list[str] = []
        drain = threading.Thread(target=lambda: errors.extend(child.stderr))
        drain.start()
        with _Watchdog(child) as watchdog:
            for line in child.stdout:
                watchdog.beat()
                said = json.loads(line)
                if "starts" in said:
                    started = said["starts"]
                else:
                    _take(result, kind, said)
                    started = None
                if time.monotonic() > until:
                    child.kill()
                    break
        drain.join()
    code = child.wait()
    if time.monotonic() > until:
        return
    if started is not None:
        what = "hangs" if watchdog.has_bitten else f"the process ended with {code}"
        _take(result, kind, {"name": started, "fault": f"{what}; {''.join(errors)[-1500:]}"})
    elif code:
        raise RuntimeError(f"the fuzzing process ended with {code}: {''.join(errors)[-3000:]}")


def _take(result: Result, kind: str, said: dict) -> None:
    result.n_run += 1
    if "fault" in said:
        result.faults.append(Fault(kind, said["name"], said["fault"]))
    else:
        result.outcomes[said["name"]] = said["outcome"]


class _Watchdog:
    """Kills a process that does not beat for HANG_S."""

    def __init__(self, child: subprocess.Popen):
        self.child = child
        self.has_bitten = False
        self._last = time.monotonic()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def beat(self) -> None:
        self._last = time.monotonic()

    def _watch(self) -> None:
        while not self._done.wait(0.5):
            if time.monotonic() - self._last > HANG_S:
                self.has_bitten = True
                self.child.kill()

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._done.set()


def save(fault: Fault, source: str) -> Path:
    """Keep the bytes of a fault, for an ordinary test to replay."""
    path = REGRESSIONS / fault.kind / f"{source.replace(' ', '-')}-{fault.name.replace(' ', '-').replace('/', '-')}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(case(fault.kind, source, fault.name))
    return path


def counted(outcomes: dict[str, str]) -> Iterator[tuple[str, int]]:
    """Yield how many cases came out in each way, numbers of notes taken together."""
    kinds = [outcome if not outcome[0].isdigit() else "notes" for outcome in outcomes.values()]
    yield from ((kind, kinds.count(kind)) for kind in sorted(set(kinds)))
