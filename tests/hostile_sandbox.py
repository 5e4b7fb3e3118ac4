"""What a reader must not do, for a look at whether the sandbox sees it: name -> (bytes, what it says)."""

import os
import subprocess
import time

HOSTILE_SANDBOX = {
    "sound": (b"sound", None),
    "crash": (b"crash", "the process ended with -6"),
    "exit": (b"exit", "the process ended with 0"),
    "traceback": (b"traceback", "IndexError: list index out of range at hostile_sandbox.py"),
    "code": (b"code", "ran code: ['subprocess.Popen'"),
    "time": (b"time", "takes 0."),
    "memory": (b"memory", "takes more than 200 MiB"),
    "hang": (b"hang", "hangs"),
    "sound again": (b"sound", None),
}


def _use_time():
    end = time.process_time() + 0.6
    while time.process_time() < end:
        pass


ACTIONS = {
    "sound": lambda: None,
    "crash": os.abort,
    "exit": lambda: os._exit(0),
    "traceback": lambda: [][0],
    "code": lambda: subprocess.run(["true"], check=False),
    "time": _use_time,
    "memory": lambda: b"x" * (300 * 2**20),
    "hang": lambda: time.sleep(60),
}


def act(data: bytes, _folder) -> str:
    ACTIONS[data.decode()]()
    return "sound"
