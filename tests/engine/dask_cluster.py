"""A real Dask cluster on this machine's loopback, started by the commands that the documents give."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from threading import Timer

import pytest

ROOT = Path(__file__).parents[2]
LIMIT_SECONDS = 240.0
SCHEDULER = re.compile(r"Scheduler at: +(\S+)\n")
needs_dask = pytest.mark.skipif(find_spec("distributed") is None, reason="pip install dask distributed")


@dataclass(frozen=True)
class Started:
    """A scheduler at ``address`` and its workers, each the head of a process group that holds a nanny and the worker
    proper."""

    address: str
    scheduler: subprocess.Popen[bytes]
    workers: list[subprocess.Popen[bytes]]


@contextmanager
def started(folder: Path, workers: int, *options: str) -> Iterator[Started]:
    """A scheduler and so many `dask worker`s, until the block ends."""
    with ExitStack() as stack:
        scheduler = stack.enter_context(_dask(folder, "scheduler", "--host=127.0.0.1", "--port=0"))
        _wait_until(lambda: SCHEDULER.search(_log(folder)) is not None, folder)
        [address] = SCHEDULER.findall(_log(folder))
        given = options or ("--nthreads=1",)
        begun = [
            stack.enter_context(_dask(folder, "worker", address, "--host=127.0.0.1", *given)) for _ in range(workers)
        ]
        _wait_until(lambda: _log(folder).count("Registered to:") == workers, folder)
        # Whatever waits for a cluster that has gone wrong waits for its scheduler: without one it ends with an error.
        limit = Timer(LIMIT_SECONDS, killed, [scheduler])
        stack.callback(limit.cancel)
        limit.start()
        yield Started(address, scheduler, begun)


def killed(process: subprocess.Popen[bytes]) -> None:
    """End a process and all its children as a power cut would."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@contextmanager
def _dask(folder: Path, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    dask = shutil.which("dask", path=str(Path(sys.executable).parent))
    assert dask
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
        # One death more than a first is proof enough for a test.
        "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "1",
    }
    with (folder / "dask.log").open("ab") as log:
        process = subprocess.Popen(
            [dask, *arguments, "--no-dashboard"],
            cwd=folder,
            env=environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                killed(process)


def _wait_until(there: Callable[[], bool], folder: Path) -> None:
    for _ in range(1200):
        if there():
            return
        time.sleep(0.1)
    raise AssertionError(f"the cluster did not come up: {_log(folder)}")


def _log(folder: Path) -> str:
    return (folder / "dask.log").read_text(encoding="utf-8")
