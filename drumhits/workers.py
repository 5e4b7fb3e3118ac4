"""Work on several items at a time, each in a process of its own, that ends with the run whatever ends the run."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from drumhits.errors import InputError

WATCH_S = 1.0  # between two looks at whether the parent lives

_watched: set[int] = set()


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
    from concurrent.futures import ProcessPoolExecutor

    others = set(multiprocessing.active_children())
    context = multiprocessing.get_context("fork")
    pool = ProcessPoolExecutor(n_jobs, mp_context=context, initializer=_watch, initargs=(os.getpid(),))
    try:
        with _ctrl_c_ignored():
            futures = [pool.submit(function, item) for item in items]
        for i, future in enumerate(futures):  # not pool.map: it cancels what is left, and Python 3.10 then fails
            futures[i] = None
            yield future.result()
    except BaseException:
        for child in set(multiprocessing.active_children()) - others:
            child.kill()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _spawned(function: Callable, items: Sequence, n_jobs: int) -> Iterator:
    """Work in processes started afresh, where copies are not to be had or, with threads about, not safe."""
    from joblib import Parallel, delayed

    pool = Parallel(n_jobs=n_jobs, return_as="generator")
    with _ctrl_c_ignored():
        results = pool(delayed(_call)(os.getpid(), function, item) for item in items)
    yield from results


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
def _ctrl_c_ignored() -> Iterator[None]:
    """Start processes that ignore Ctrl-C, as they inherit it: the parent takes it, and ends them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
