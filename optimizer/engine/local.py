"""Work in this process, or in several of this machine."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass

from loky import ProcessPoolExecutor

from optimizer.engine.child import serve
from optimizer.engine.work import Died, Done, Item


@dataclass(frozen=True)
class Local:
    """``workers`` processes; below 2 this one, where a death is the caller's own."""

    workers: int

    def each(self, job: Callable[[Item], Done], items: Sequence[Item]) -> Iterator[tuple[Item, Done | Died]]:
        """See `optimizer.engine.work.Engine`."""
        workers = min(self.workers, len(items))
        if workers < 2:
            yield from ((item, job(item)) for item in items)
            return
        suspects = []
        waiting = deque(items)
        while waiting:
            for item, answer in _together(job, waiting, workers):
                if isinstance(answer, Died):
                    # One of those at work when a process died: each is tried again alone.
                    suspects.append(item)
                else:
                    yield item, answer
        for item in suspects:
            yield from _together(job, deque([item]), 1)


def _together(job: Callable[[Item], Done], waiting: deque[Item], workers: int) -> Iterator[tuple[Item, Done | Died]]:
    """Answers until ``waiting`` is empty or a process died; then `Died` for those that were at work."""
    pool = ProcessPoolExecutor(max_workers=workers, initializer=serve, initargs=(os.getpid(),))
    at_work: dict[Future[Done], Item] = {}
    finished_all = False
    try:
        while waiting or at_work:
            while waiting and len(at_work) < workers:
                item = waiting.popleft()
                at_work[pool.submit(job, item)] = item
            finished, _ = wait(at_work, return_when=FIRST_COMPLETED)
            for future in finished:
                item = at_work.pop(future)
                try:
                    answer: Done | Died = future.result()
                except BrokenProcessPool:
                    answer = Died()
                yield item, answer
                if isinstance(answer, Died):
                    yield from ((other, Died()) for other in at_work.values())
                    return
        finished_all = True
    finally:
        # Workers that have finished leave by themselves; those in the midst of their work are ended.
        pool.shutdown(wait=True, kill_workers=not finished_all)
