"""The child process of the sandbox: runs cases within limits, and says before and after each what it does."""

import json
import os
import sys
import time
import traceback
from contextlib import contextmanager, suppress
from pathlib import Path

from .cases import case, names
from .seeds import seeds
from .targets import outcome

try:
    import resource
except ImportError:  # Windows
    resource = None

MIB = 2**20
LIMITS = {  # CPU seconds and MiB for each case
    "midi": (0.5, 200), "audio": (0.5, 200), "models": (2.0, 512), "configs": (0.5, 200), "sandbox": (0.5, 200),
}  # fmt: skip
CODE_EVENTS = frozenset((
    "pickle.find_class", "os.system", "os.exec", "os.posix_spawn", "os.fork", "subprocess.Popen", "socket.connect",
    "exec", "compile", "marshal.loads", "code.__new__", "ctypes.dlopen", "os.startfile",
))  # fmt: skip


def main(kind: str, source: str, count: str, first: str, slack: str) -> None:
    """Run cases in this process: a line of JSON before each, and one after it."""
    for seed in seeds(kind)[:40]:
        with suppress(Exception):
            outcome(kind, seed)  # imports what is imported late
    limits = _Limits(kind, float(slack))
    for name in names(kind, source, int(count))[int(first) :]:
        data = case(kind, source, name)
        _say({"starts": name})
        _say({"name": name} | limits.run(data))


def _say(line: dict) -> None:
    os.write(1, json.dumps(line).encode() + b"\n")


class _Limits:
    def __init__(self, kind: str, slack: float):
        self.kind = kind
        self.cpu_s, self.memory_mib = LIMITS[kind]
        self.cpu_s *= slack
        self.running = False
        self.ran: list[str] = []
        self.resident = _resident_peak()
        sys.addaudithook(self._audit)

    def _audit(self, event: str, _args: tuple) -> None:
        if self.running and event in CODE_EVENTS and not _is_import():
            self.ran.append(event)

    def run(self, data: bytes) -> dict:
        self.ran.clear()
        start = time.process_time()
        self.running = True
        try:
            with _address_space(self.memory_mib):
                came_out = outcome(self.kind, data)
        except MemoryError:
            return {"fault": f"takes more than {self.memory_mib} MiB"}
        except BaseException as error:
            return {"fault": _where(error)}
        finally:
            self.running = False
        cpu_s, grown = time.process_time() - start, _resident_peak() - self.resident
        self.resident = _resident_peak()
        if self.ran:
            return {"fault": f"ran code: {self.ran}"}
        if cpu_s > self.cpu_s:
            return {"fault": f"takes {cpu_s:.2f} s"}
        if grown > self.memory_mib * MIB:
            return {"fault": f"takes {grown // MIB} MiB"}
        return {"outcome": came_out}


def _is_import() -> bool:
    """Tell whether Python itself is loading a module of a library, which compiles and runs that module."""
    frame = sys._getframe(2)
    while frame and not frame.f_code.co_filename.startswith("<frozen importlib"):
        frame = frame.f_back
    return frame is not None


def _where(error: BaseException) -> str:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {str(error)[:300]} at {Path(frame.filename).name}:{frame.lineno}"


def _resident_peak() -> int:
    if resource is None:
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


@contextmanager
def _address_space(mib: int):
    """Let the process take so much more memory, where the system can be told so."""
    if sys.platform != "linux":
        yield
        return
    before = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + mib * MIB, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


if __name__ == "__main__":
    main(*sys.argv[1:])
