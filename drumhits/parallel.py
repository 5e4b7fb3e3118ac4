"""Several items at a time: in processes of this machine, or on the machines of a Dask cluster.

A process ends with the run, whatever ends the run. The workers of a cluster need this package, of the same version, and
the files under the same absolute paths; what comes back is written by the process that asked. A worker that goes away
costs what it was doing, and the scheduler gives that to another.
"""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from drumhits.errors import InputError, UsageError

if TYPE_CHECKING:
    from concurrent.futures import Future, ProcessPoolExecutor

    from distributed import Client


Item = TypeVar("Item")
Result = TypeVar("Result")

WATCH_S = 1.0  # between two looks at whether the parent lives, or a worker

T = TypeVar("T")

_watched: set[int] = set()


def attempt(function: Callable[..., Result], item: Item, **options: object) -> Result | InputError:
    """Return `function(item, **options)`, or the InputError that it raises: one bad item does not stop the others."""
    try:
        return function(item, **options)
    except InputError as error:
        return error


def in_processes(function: Callable, items: Sequence, n_jobs: int) -> Iterator:
    """Yield `function(item)` of each item in order, `n_jobs` at a time; one at a time needs no other process.

    Raises
    ------
    InputError
        A worker process was killed, by the system for lack of memory most often.
    """
    if n_jobs == 1 or len(items) < 2:
        yield from map(function, items)
        return
    from concurrent.futures import BrokenExecutor

    start = _forked if sys.platform == "linux" and threading.active_count() == 1 else _spawned
    try:
        yield from start(function, items, min(n_jobs, len(items)))
    except BrokenExecutor as error:
        raise InputError(
            "a worker process ended all of a sudden, perhaps for lack of memory; try again with fewer --jobs."
        ) from error


def _forked(function: Callable, items: Sequence, n_jobs: int) -> Iterator:
    """Work in copies of this process: they have everything imported, so that starting them costs next to nothing."""
    import multiprocessing
    from collections import deque
    from concurrent.futures import ProcessPoolExecutor, wait

    others = set(multiprocessing.active_children())
    context = multiprocessing.get_context("fork")
    pool = ProcessPoolExecutor(n_jobs, mp_context=context, initializer=_watch, initargs=(os.getpid(),))
    try:
        with _signals_of_workers():
            futures = deque(pool.submit(function, item) for item in items)
        workers = set(multiprocessing.active_children()) - others
        while futures:  # not pool.map: it cancels what is left, and Python 3.10 then fails
            future = futures.popleft()
            while not wait([future], WATCH_S).done:
                if not all(worker.is_alive() for worker in workers):  # and the pool did not see it end
                    _kill_workers(pool, others)
            yield future.result()
    except BaseException:
        _kill_workers(pool, others)
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _kill_workers(pool: "ProcessPoolExecutor", others: set) -> None:
    """Kill the children of this process that are none of the others, which are those of a pool.

    The pool would wait for ever for the rest of a result whose worker was killed while it sent it, since this process
    could write to the pipe of results, too: now it cannot.
    """
    import multiprocessing

    for child in set(multiprocessing.active_children()) - others:
        child.kill()
    if pool._result_queue is not None:  # the pool is not shut down yet
        pool._result_queue._writer.close()  # type: ignore[attr-defined]


def _spawned(function: Callable, items: Sequence, n_jobs: int) -> Iterator:
    """Work in processes started afresh, where copies are not to be had or, with threads about, not safe."""
    from joblib import Parallel, delayed

    pool = Parallel(n_jobs=n_jobs, return_as="generator")
    with _signals_of_workers():
        results = pool(delayed(_call)(os.getpid(), function, item) for item in items)
    yield from results


class BackgroundProcess:
    """A process, started afresh at its first task, that ends with this one and leaves Ctrl-C to it."""

    def __init__(self) -> None:
        import multiprocessing
        from concurrent.futures import ProcessPoolExecutor

        self._others = set(multiprocessing.active_children())
        context = multiprocessing.get_context("spawn")
        self._pool = ProcessPoolExecutor(1, mp_context=context, initializer=_serve, initargs=(os.getpid(),))

    def submit(self, function: Callable, *args: object) -> "Future":
        """Have a function called there, after those before it; BrokenExecutor where the process was killed."""
        return self._pool.submit(function, *args)

    def close(self) -> None:
        """End it at once, whatever it is doing."""
        _kill_workers(self._pool, self._others)
        self._pool.shutdown(wait=False, cancel_futures=True)


def _serve(parent: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _watch(parent)


def _call(parent: int, function: Callable, item: object) -> object:
    _watch(parent)
    return function(item)


def _watch(parent: int) -> None:
    """Let this process, if it is no parent itself, end once its parent has."""
    if parent not in _watched and parent != os.getpid() and hasattr(os, "getppid"):
        _watched.add(parent)
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    """End this process once its parent has: a parent that is killed outright cannot do it."""
    while os.getppid() == parent:
        time.sleep(WATCH_S)
    os._exit(1)


@contextmanager
def _signals_of_workers() -> Iterator[None]:
    """Start processes that, as they inherit it, ignore Ctrl-C, which the parent takes, and end at SIGTERM at once.

    SIGTERM is what is left of a pool gets when one of its processes was killed; the parent's handler would raise.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {signal.SIGINT: signal.getsignal(signal.SIGINT), signal.SIGTERM: signal.getsignal(signal.SIGTERM)}
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        if before[signal.SIGTERM] != signal.SIG_IGN:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
        yield
    finally:
        for number, handler in before.items():
            if handler is not None:  # None: set by C code
                signal.signal(number, handler)

CONNECT_S = 10.0  # longest wait for the scheduler, and for its first worker


def on_cluster(function: Callable, items: Sequence, address: str) -> Iterator:
    """Yield `function(item)` of each item in order, as the workers of the scheduler at `address` finish them.

    Raises
    ------
    UsageError
        Dask is not installed, or no scheduler answers at the address.
    InputError
        There are no workers, or they cannot run this package, or the cluster gave up on an item.
    """
    if not items:
        return
    with _connected(address) as client:
        _require_workers(client, address)
        _require_package(client)
        yield from _results(client, function, items)


@contextmanager
def _connected(address: str) -> Iterator["Client"]:
    try:
        from distributed import Client
    except ImportError as error:
        raise UsageError("--dask needs Dask: python -m pip install -r requirements-cluster.txt.") from error
    try:
        client = Client(address, timeout=CONNECT_S, set_as_default=False)
    except (OSError, ValueError, TypeError) as error:
        raise UsageError(
            f"--dask {address}: no Dask scheduler answers there; start one with dask scheduler, and give the address "
            "that it prints, such as tcp://192.168.1.10:8786."
        ) from error
    with client:
        yield client


def _require_workers(client: "Client", address: str) -> None:
    import asyncio

    try:
        client.wait_for_workers(1, timeout=CONNECT_S)
    except (TimeoutError, asyncio.TimeoutError) as error:  # they are the same from Python 3.11 on
        raise InputError(
            f"--dask {address}: the scheduler has no worker; start some with dask worker {address} --nthreads 1."
        ) from error


def _require_package(client: "Client") -> None:
    """Make sure that every worker there is now can do the work as it would be done here."""

    def digest() -> str:  # sent whole, since it is defined here, and not by the name of a module that may be missing
        from drumhits.bundle import package_digest

        return package_digest()

    expected, answers = digest(), client.run(digest, on_error="return")
    for worker, answer in sorted(answers.items()):
        if isinstance(answer, Exception):
            raise InputError(
                f"the Dask worker {worker} cannot run this toolkit ({type(answer).__name__}: {answer}); install "
                "requirements.txt there, and put the toolkit's folder in its PYTHONPATH."
            )
        if answer != expected:
            raise InputError(
                f"the Dask worker {worker} has another version of this toolkit; give it the same, and start it again."
            )


def _results(client: "Client", function: Callable, items: Sequence) -> Iterator:
    from joblib import Parallel, delayed, parallel_config

    with parallel_config(backend="dask", client=client):
        workers = Parallel(n_jobs=-1, return_as="generator", batch_size=1)
        results = workers(delayed(function)(item) for item in items)
    try:
        yield from results
    except InputError:
        raise
    except Exception as error:
        raise InputError(
            f"the Dask cluster gave up ({type(error).__name__}: {error}); what was finished is written, and --resume "
            "does the rest."
        ) from error
