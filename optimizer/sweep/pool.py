"""Work shared by processes that may die: a death costs the piece of work that brought it, not the others."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

import psutil
from loky import ProcessPoolExecutor

Item = TypeVar("Item")
Done = TypeVar("Done")
WATCH_SECONDS = 0.5


class Died:
    """In place of an answer: the process that was to give it ended."""


def each(job: Callable[[Item], Done], items: Sequence[Item], workers: int) -> Iterator[tuple[Item, Done | Died]]:
    """Every item with its answer, as they come. ``workers``: processes; below 2 it is done here, where a death is the
    caller's own. ``job`` and items are sent to workers pickled."""
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
    pool = ProcessPoolExecutor(max_workers=workers, initializer=_begin, initargs=(os.getpid(),))
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


def _begin(parent: int) -> None:
    """In a worker: Ctrl-C is the main process' affair, which ends it; and it does not outlive a main process that was
    killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    while os.getppid() == parent and psutil.pid_exists(parent):
        time.sleep(WATCH_SECONDS)
    for child in psutil.Process().children(recursive=True):
        child.kill()
    os._exit(1)
