"""Each script stopped at every line that writes a file: old file or new file, never a part, and nothing left behind.

A script runs in a fork of this process, and is stopped by a signal, or by a limit on the size of files, as on a full
disk. What takes long and writes nothing is done once, before the forks.
"""

import json
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from signals import bursts

import evaluate_model
import stems_to_midi
import train_classifier
from drumhits.evaluation import comparison
from drumhits.evaluation.pages import charts, page
from drumhits.io import files
from drumhits.io.audio import SAMPLE_RATE
from drumhits.learning import fit, thresholds
from drumhits.transcription import figure
from drumhits.transcription.provenance import is_our_midi

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "training_data"
LITTER = f"{files.PREFIX}*{files.SUFFIX}"
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT) if hasattr(signal, "SIGKILL") else ()
EXIT_CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}
FINISHED = {0, 1}
TIMEOUT_S = 60


@dataclass(frozen=True)
class Scenario:
    """A script that replaces files: what it is called with the first and the second time, and what it writes."""

    name: str
    main: Callable[[list[str]], int]
    first: tuple[str, ...]
    second: tuple[str, ...]
    outputs: tuple[str, ...]


def _converting(folder: Path) -> Scenario:
    soundfile.write(folder / "x-snare.wav", bursts((0.1, 0.3, 0.6), 0.8), SAMPLE_RATE)
    is_our_midi(EXAMPLE / "raw_midi" / "Song1-cymbals.mid")
    figure.candidate_figure = lambda conversion: b"Software\0drumhits" + bytes(len(conversion.decisions.keep))
    common = (
        "--input", str(folder / "x-snare.wav"), "--output", str(folder / "x.mid"), "--csv", str(folder / "x.csv"),
        "--json", str(folder / "x.json"), "--plot", str(folder / "x.png"), "--stem", "snare",
    )  # fmt: skip
    other = ("--set", "snare.onset_threshold=1", "--keep-all", "--set", "snare.onset_delta=0.4")
    outputs = ("x.mid", "x.csv", "x.json", "x.png")
    return Scenario("stems_to_midi.py", stems_to_midi.main, common, common + other, outputs)


def _training(folder: Path) -> Scenario:
    for kind in ("raw_midi", "edited_midi"):
        shutil.copytree(EXAMPLE / kind, folder / kind)
    _remember(train_classifier, "load_songs", lambda *args, **options: ())
    _remember(fit, "fit_dataset", lambda *args, seed, **options: seed)
    _remember(thresholds, "learn_thresholds", lambda songs: ())
    common = (
        "--stem", "cymbals", "--raw-dir", str(folder / "raw_midi"), "--edited-dir", str(folder / "edited_midi"),
        "--audio-dir", str(EXAMPLE / "audio"), "--pairs", str(folder / "p.csv"), "--json", str(folder / "m.json"),
        "--output-model", str(folder / "m.pkl"), "--learn-thresholds", str(folder / "my.yaml"),
        "--n-estimators", "3", "--features", "guide", "--start-from", "none", "--force",
    )  # fmt: skip
    outputs = ("p.csv", "my.yaml", "m.pkl", "m.json")
    return Scenario("train_classifier.py", train_classifier.main, (*common, "--seed", "1"), common, outputs)


def _evaluating(folder: Path) -> Scenario:
    for path in (ROOT / "test_songs").glob("test1-toms*"):
        shutil.copy(path, folder)
    _remember(comparison, "evaluate_songs", lambda *args, **options: args[4])
    _remember(page, "page", lambda evaluation, title: evaluation.window_s)
    names = charts.plot_names(["test1-toms"])
    charts.pngs = lambda judged: [(name, files.PNG_SIGNATURE + bytes(int(1e3 * judged.window_s))) for name in names]
    common = (
        "--model", "pretrained", "--test-dir", str(folder), "--stem", "toms", "--json", str(folder / "e.json"),
        "--report", str(folder / "e.html"), "--plots", str(folder),
    )  # fmt: skip
    outputs = ("e.json", "e.html", *names)
    return Scenario("evaluate_model.py", evaluate_model.main, (*common, "--window", "20"), common, outputs)


def _remember(module: object, name: str, key: Callable) -> None:
    """Let a function do its work once for each key."""
    function, known = getattr(module, name), {}

    def remembered(*args, **options):
        place = key(*args, **options)
        if place not in known:
            known[place] = function(*args, **options)
        return known[place]

    setattr(module, name, remembered)


SCENARIOS = (_converting, _training, _evaluating)


class Stopping:
    """A scenario in its folder, before the second run: what may be found after it."""

    def __init__(self, make: Callable[[Path], Scenario], folder: Path):
        self.folder = folder
        self.scenario = make(folder)
        self.inputs = self._files()
        self.old = self._made(self.scenario.first)
        self.new = self._made(self.scenario.second)
        assert sum(self.old[name] != self.new[name] for name in self.scenario.outputs) >= 2

    def _files(self) -> dict[str, bytes]:
        return {
            path.relative_to(self.folder).as_posix(): path.read_bytes()
            for path in self.folder.rglob("*") if path.is_file()
        }  # fmt: skip

    def _made(self, argv: tuple[str, ...]) -> dict[str, bytes]:
        code, said = in_fork(lambda: self.scenario.main([*argv, "--quiet"]))
        assert code == 0, said
        self.scenario.main([*argv, "--quiet"])  # here too, so that forks find what is remembered
        return {name: (self.folder / name).read_bytes() for name in self.scenario.outputs}

    def n_lines(self) -> int:
        """Return how many lines of `files` the second run executes."""
        self._restore()
        count = Counter()
        count.start()
        self.scenario.main([*self.scenario.second, "--quiet"])
        sys.settrace(None)
        return count.n

    def _restore(self) -> None:
        for name, data in self.old.items():
            (self.folder / name).write_bytes(data)

    def stopped_by(self, number: int, line: int) -> Iterator[str]:
        """Stop the second run by a signal at a line; yield what is wrong then, and after one more run."""
        self._restore()
        code, said = in_fork(lambda: self._stop(number, line))
        expected = {-number} if number == SIGNALS[0] else {EXIT_CODES[number]}
        if code not in expected | {0}:
            yield f"ended with {code}"
        if "Traceback" in said:
            yield f"traceback: {said[-500:]}"
        yield from self._wrong()
        yield from self._wrong_after_next_run()

    def _stop(self, number: int, line: int) -> int:
        Counter(line, lambda: os.kill(os.getpid(), number)).start()
        return self.scenario.main([*self.scenario.second, "--quiet"])

    def on_full_disk(self, n_bytes: int) -> Iterator[str]:
        """Run the second time with room for so many bytes a file; yield what is wrong."""
        self._restore()
        code, said = in_fork(lambda: self._limited(n_bytes))
        if code not in FINISHED:
            yield f"ended with {code}"
        if "Traceback" in said or (code and "not written (" not in said):
            yield f"said {said[-500:]}"
        yield from self._wrong()
        yield from self._litter()
        yield from self._wrong_after_next_run()

    def _limited(self, n_bytes: int) -> int:
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
        return self.scenario.main([*self.scenario.second, "--quiet"])

    def _wrong(self) -> Iterator[str]:
        found = {name: data for name, data in self._files().items() if not Path(name).match(LITTER)}
        for name, data in found.items():
            may_be = (self.old[name], self.new[name]) if name in self.old else (self.inputs.get(name),)
            if data not in may_be and not _is_json(data):  # a report may tell of a failure, if it is whole
                yield f"{name} is neither the old file nor the new one"
        if missing := (self.inputs.keys() | self.old.keys()) - found.keys():
            yield f"{missing} missing"

    def _litter(self) -> Iterator[str]:
        if litter := sorted(path.name for path in self.folder.glob(LITTER)):
            yield f"left {litter}"

    def _wrong_after_next_run(self) -> Iterator[str]:
        code, said = in_fork(lambda: self.scenario.main([*self.scenario.second, "--quiet"]))
        if code:
            yield f"the next run ended with {code}: {said[-500:]}"
        for name, data in self.new.items():
            if (self.folder / name).read_bytes() != data:
                yield f"{name} is not new after the next run"
        yield from (f"{litter} after the next run" for litter in self._litter())


def _is_json(data: bytes) -> bool:
    try:
        return isinstance(json.loads(data), dict)
    except ValueError:
        return False


class Counter:
    """Counts the lines of `files` that are executed, and acts at one of them."""

    def __init__(self, at: int = 0, act: Callable[[], None] | None = None):
        self.n, self.at, self.act = 0, at, act

    def start(self) -> None:
        sys.settrace(self._enter)

    def _enter(self, frame, _event, _arg):
        return self._line if frame.f_code.co_filename == files.__file__ else None

    def _line(self, _frame, event, _arg):
        if event == "line":
            self.n += 1
            if self.n == self.at:
                self.act()
        return self._line


def in_fork(body: Callable[[], int]) -> tuple[int, str]:
    """Run in a child process; return its exit code, or minus the signal, and what it said on stderr."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(reading)
        os.dup2(writing, 2)
        sys.stdout, sys.stderr = None, os.fdopen(2, "w", encoding="utf-8")
        signal.alarm(TIMEOUT_S)
        code = 70
        try:
            code = body()
        except SystemExit as stop:
            code = stop.code
        except BaseException:
            sys.excepthook(*sys.exc_info())
        finally:
            sys.stderr.flush()
            os._exit(code)
    os.close(writing)
    with os.fdopen(reading, encoding="utf-8", errors="replace") as pipe:
        said = pipe.read()
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status), said


def run_all(step: int = 1) -> tuple[int, list[str]]:
    """Stop every script at every line (at each `step`th); return the number of runs, and what is wrong."""
    if not SIGNALS:
        return 0, []
    n_runs, wrong = 0, []
    for make in SCENARIOS:
        with tempfile.TemporaryDirectory() as folder:
            stopping = Stopping(make, Path(folder))
            n_lines, largest = stopping.n_lines(), max(map(len, stopping.new.values()))
            for i, number in enumerate(SIGNALS):
                for line in range(1 + i, n_lines + 1, step):
                    n_runs += 1
                    where = f"{stopping.scenario.name} by {number.name} at line {line} of {n_lines}"
                    wrong += [f"{where}: {what}" for what in stopping.stopped_by(number, line)]
            for n_bytes in np.unique(np.geomspace(1, largest, max(4, 60 // step)).astype(int) - 1).tolist():
                n_runs += 1
                where = f"{stopping.scenario.name} with room for {n_bytes} bytes"
                wrong += [f"{where}: {what}" for what in stopping.on_full_disk(n_bytes)]
    return n_runs, wrong


if __name__ == "__main__":
    print(json.dumps(run_all(int(sys.argv[1]))))
