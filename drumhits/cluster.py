"""Work on several items on the machines of a Dask cluster, through joblib's Dask backend.

The workers need this package, of the same version, and the files under the same absolute paths; what comes back is
written by the process that asked. A worker that goes away costs what it was doing, and the scheduler gives that to
another.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from drumhits.errors import InputError, UsageError

if TYPE_CHECKING:
    from distributed import Client

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
    try:
        client.wait_for_workers(1, timeout=CONNECT_S)
    except TimeoutError as error:
        raise InputError(
            f"--dask {address}: the scheduler has no worker; start some with dask worker {address} --nthreads 1."
        ) from error


def _require_package(client: "Client") -> None:
    """Make sure that every worker there is now can do the work as it would be done here."""

    def digest() -> str:  # sent whole, since it is defined here, and not by the name of a module that may be missing
        from drumhits.packagedigest import package_digest

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
