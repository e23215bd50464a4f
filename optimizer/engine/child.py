"""Manners of a process that works for another."""

from __future__ import annotations

import os
import signal
import threading
import time

import psutil

WATCH_SECONDS = 0.5


def serve(parent: int) -> None:
    """In a worker, before its first piece of work: Ctrl-C is the affair of the process ``parent``, which ends its
    workers; and no worker outlives a parent that was killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    while os.getppid() == parent and psutil.pid_exists(parent):
        time.sleep(WATCH_SECONDS)
    for child in psutil.Process().children(recursive=True):
        child.kill()
    os._exit(1)
