"""Pieces of work for engines to do."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from multiprocessing import Process

from optimizer.engine.work import Died, Engine


def square_or_die(n: int) -> int:
    """The square; of 3 the death of the process."""
    if n == 3:
        os._exit(9)
    return n * n


def has_child(n: int) -> bool:
    """Whether the process may have children."""
    child = Process(target=abs, args=(n,))
    child.start()
    child.join()
    return child.exitcode == 0


def squares(engine: Engine, numbers: Sequence[int]) -> dict[int, int | Died]:
    """What an engine answers."""
    return dict(engine.each(square_or_die, numbers))


def nap(seconds: float) -> None:
    """Be at work for so long."""
    time.sleep(seconds)
