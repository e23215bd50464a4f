"""Work in processes of its own, and what it took."""

from __future__ import annotations

import multiprocessing
import os
import re
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import psutil

ROOT = Path(__file__).parents[1]
# Looking takes a few milliseconds, from the work that is measured.
BETWEEN_LOOKS_S = 0.1
COMMAND = (sys.executable, "-c", "from optimizer.cli import main; main()")
# Exit codes with a plan: proven to its gap, or stopped by the limit before.
WITH_PLAN = (0, 5)
NO_PLAN_IN_TIME = 4

T = TypeVar("T")


@dataclass(frozen=True)
class Run:
    """``seconds`` from the start of the process to its end; ``processor_seconds`` of it and its children;
    ``peak_mb``: the most that they held at once, what they share counted in each; ``stages``: when each stage that it
    told of began, in seconds from the start, and under "wrote" when its files stood."""

    seconds: float
    processor_seconds: float
    peak_mb: float
    stages: dict[str, float]
    exit_code: int


def hashlever(*arguments: str | Path) -> Run:
    """One run of the command, from start to end. Raises `RuntimeError` where it failed."""
    environment = _as_installed()
    started, used = time.perf_counter(), _processor_seconds()
    process = subprocess.Popen(
        [*COMMAND, *map(str, arguments)],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )
    memory = PeakMemory(process.pid)
    memory.start()
    assert process.stderr is not None
    stages: dict[str, float] = {}
    said = []
    for line in process.stderr:
        said.append(line)
        told = re.match(r" *[\d.]+ s  (\w+):|(wrote) ", line)
        if told:
            stages.setdefault(told[1] or told[2], time.perf_counter() - started)
    code = process.wait()
    seconds = time.perf_counter() - started
    peak = memory.stop()
    if code not in (*WITH_PLAN, NO_PLAN_IN_TIME):
        raise RuntimeError(f"hashlever {' '.join(map(str, arguments))} ended with {code}:\n{''.join(said)}")
    return Run(seconds, _processor_seconds() - used, peak / 2**20, stages, code)


@cache
def _as_installed() -> dict[str, str]:
    """The environment of a user who has installed hashlever: its modules are compiled before the first run."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    subprocess.run([sys.executable, "-m", "compileall", "-q", "optimizer"], cwd=ROOT, env=environment, check=True)
    return environment


def apart(work: Callable[..., T], *arguments: Any) -> T:
    """What ``work`` gives in a fresh process, where nothing is loaded or warm."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as one:
        return one.submit(work, *arguments).result()


class PeakMemory(threading.Thread):
    """The most memory that a process and its children hold at once, in bytes, from `start` to `stop`."""

    def __init__(self, process: int) -> None:
        super().__init__(daemon=True)
        self._process = psutil.Process(process)
        self._peak_bytes = 0
        self._over = threading.Event()

    def run(self) -> None:
        """Look every now and then."""
        while not self._over.wait(BETWEEN_LOOKS_S):
            held = 0
            try:
                for process in [self._process, *self._process.children(recursive=True)]:
                    held += process.memory_info().rss
            except psutil.NoSuchProcess:
                continue
            self._peak_bytes = max(self._peak_bytes, held)

    def stop(self) -> int:
        """Look no more; the peak."""
        self._over.set()
        self.join()
        return self._peak_bytes


def _processor_seconds() -> float:
    """Of all children that have ended, and theirs."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
