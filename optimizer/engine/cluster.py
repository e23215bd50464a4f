"""Work on a Dask cluster that somebody started: a scheduler, and workers on any machines that reach it.

A worker that dies is Dask's affair: what it was at is done by another. A worker keeps nothing that an answer hangs on,
so a piece of work may be done twice, never lost.
"""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import time
import warnings
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from optimizer.engine.work import Died, Done, Item
from optimizer.errors import ClusterError

if TYPE_CHECKING:
    from distributed import Client, Future

# Called as work goes on: (stage, detail).
Tell = Callable[[str, str], None]

REACH_SECONDS = 5.0
# So long a cluster may be without any worker, as while a queue gives it machines.
WORKERLESS_SECONDS = 60.0
WATCH_SECONDS = 1.0
# One at work and one on the way: none waits for its next piece.
PIECES_A_WORKER = 2
# What the answers of two machines hang on, beside Python itself.
ALIKE = ("hashlever", "distributed", "cloudpickle", "pydantic", "numpy", "scipy", "pandas", "pyomo", "highspy")
SAME = "Install hashlever there as here, with the same constraints.txt."


@dataclass(frozen=True)
class Cluster:
    """The workers behind a scheduler at ``address``; see `optimizer.engine.work.Engine`."""

    client: Client
    address: str

    def workers(self) -> list[str]:
        """The addresses of those there are now."""
        with self._reached():
            return list(self.client.nthreads())

    def keep(self, make: Callable[[Item], Any], items: Sequence[Item]) -> list[Future]:
        """What ``make`` makes of every item, kept by the workers in turn; where a worker dies, another makes it again.
        A job is given what is kept where such a future stands in a tuple that is its item."""
        turn = cycle(self.workers() or [None])
        with self._reached():
            return [
                self.client.submit(make, item, workers=worker, allow_other_workers=True, pure=False)
                for item, worker in zip(items, turn, strict=False)
            ]

    def each(self, job: Callable[[Item], Done], items: Sequence[Item]) -> Iterator[tuple[Item, Done | Died]]:
        """See `optimizer.engine.work.Engine`. Raises `ClusterError` when scheduler or workers are gone for good."""
        suspects = []
        for item, answer in self._together(job, items):
            if isinstance(answer, Died):
                # Several workers died while they held it, be it that another piece beside it brought them down.
                suspects.append(item)
            else:
                yield item, answer
        for item in suspects:
            yield from self._together(job, [item])

    def _together(self, job: Callable[[Item], Done], items: Sequence[Item]) -> Iterator[tuple[Item, Done | Died]]:
        waiting = deque(items)
        at_work: dict[str, tuple[Future, Item]] = {}
        finished: SimpleQueue[Future] = SimpleQueue()
        while waiting or at_work:
            room = PIECES_A_WORKER * max(1, len(self.workers())) - len(at_work)
            for _ in range(min(room, len(waiting))):
                item = waiting.popleft()
                with self._reached():
                    future = self.client.submit(_in_worker, job, item, pure=False)
                at_work[future.key] = future, item
                future.add_done_callback(finished.put)
            future, item = at_work.pop(self._next(finished).key)
            yield item, self._answer(future)

    def _next(self, finished: SimpleQueue[Any]) -> Any:
        """The next future that is done, while there is somebody to do it."""
        last_seen = time.monotonic()
        while True:
            try:
                return finished.get(timeout=WATCH_SECONDS)
            except Empty:
                now = time.monotonic()
                if self.client.status != "running" or self.workers():
                    last_seen = now
                elif now - last_seen > WORKERLESS_SECONDS:
                    raise _workerless(self.address) from None

    def _answer(self, future: Any) -> Any:
        from distributed import KilledWorker

        try:
            with self._reached():
                return future.result()
        except KilledWorker:
            return Died()
        except ClusterError:
            raise
        except Exception as error:
            raise ClusterError(
                f"A worker of {self.address} could not do its work: {type(error).__name__}: {error}. {SAME}"
            ) from error

    @contextmanager
    def _reached(self) -> Iterator[None]:
        """Whatever Dask says when it is asked something, a scheduler that has gone is told as that."""
        try:
            yield
        except Exception as error:
            if isinstance(error, CancelledError | OSError) or self.client.status != "running":
                raise ClusterError(
                    f"The scheduler at {self.address} has gone. Start it again, and its workers after it."
                ) from None
            raise


@contextmanager
def cluster(address: str, tell: Tell) -> Iterator[Cluster]:
    """The cluster whose scheduler is at ``address``, such as tcp://10.0.0.5:8786, until the block ends.

    Raises `ClusterError` where Dask is not installed, nobody answers, nobody works there, or workers are unfit: they
    must have the same versions as this process and do one thing at a time. Workers that join later are not looked at.
    """
    client = _client(address)
    try:
        try:
            tell("cluster", f"waiting for workers of {address}")
            client.wait_for_workers(1, timeout=WORKERLESS_SECONDS)
        except TimeoutError:
            raise _workerless(address) from None
        if unfit := [*_unlike(client.get_versions(packages=list(ALIKE))), *_crowded(client.nthreads())]:
            raise ClusterError("\n".join([f"The workers of {address} cannot be used:", *unfit]))
        yield Cluster(client, address)
    finally:
        client.close(timeout=REACH_SECONDS)


def _client(address: str) -> Client:
    try:
        import distributed
    except ImportError:
        raise ClusterError(
            "A cluster needs Dask, which is not installed. Install it: pip install dask distributed"
        ) from None
    # What matters of it, errors here say.
    for name in ("distributed", "distributed.client"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        # In a thread: a notebook has a loop of its own in this one.
        with ThreadPoolExecutor(1) as thread:
            thread.submit(asyncio.run, asyncio.wait_for(_knock(address), REACH_SECONDS)).result()
    except Exception as error:  # a server of another kind may answer anything
        raise ClusterError(
            f"No Dask scheduler answers at {address} ({str(error) or type(error).__name__}). Start one with "
            "`dask scheduler`, which prints its address, and see that this machine can reach it."
        ) from None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of versions, which are compared here
        return distributed.Client(address, set_as_default=False)


async def _knock(address: str) -> None:
    """Shake hands with a scheduler. A client that does not come so far neither gives up in time nor ends in peace."""
    from distributed.comm import connect
    from distributed.security import Security

    comm = await connect(address, timeout=0.8 * REACH_SECONDS, **Security().get_connection_args("client"))
    comm.abort()


def _unlike(versions: Mapping[str, Any]) -> Iterator[str]:
    """What of `distributed.Client.get_versions` differs between this process and a worker."""
    ours = _alike(versions["client"])
    for worker, found in sorted(versions["workers"].items()):
        for name, theirs in _alike(found).items():
            if theirs != ours[name]:
                yield f"  {worker} has {name} {theirs or 'not'}, this machine {ours[name] or 'not'}. {SAME}"


def _alike(found: Mapping[str, Any]) -> dict[str, str | None]:
    """The versions that must be the same on every machine; of Python, major and minor."""
    packages = found["packages"]
    return {"python": packages["python"].rsplit(".", 3)[0], **{name: packages.get(name) for name in ALIKE}}


def _crowded(threads: Mapping[str, int]) -> Iterator[str]:
    """The workers that would do several things at once in one process, by their numbers of threads."""
    for worker, count in sorted(threads.items()):
        if count > 1:
            yield f"  {worker} has {count} threads. Start it with --nthreads 1, and a worker for every core."


def _workerless(address: str) -> ClusterError:
    return ClusterError(
        f"For {WORKERLESS_SECONDS:.0f} s the scheduler at {address} has had no workers. On each machine start: "
        f"dask worker {address} --nthreads 1 --nworkers auto"
    )


def _in_worker(job: Callable[[Item], Done], item: Item) -> Done:
    # Dask marks its workers as daemons, which may have no children. A plan has its alternatives solved by some.
    multiprocessing.current_process().daemon = False
    return job(item)
