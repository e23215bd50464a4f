"""Who works on the shares of a tree: this process, or others of this machine, each with a share that it keeps hot.

A question says all that its answer depends on, and a share can be built anew from plain data wherever it is asked; so
who answers does not matter, and a cluster replaces a worker that it loses (`optimizer.solve.dask_crew`).
"""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Protocol, TypeVar

from loky import ProcessPoolExecutor

from optimizer.engine.child import serve
from optimizer.scenario.schema import Scenario
from optimizer.solve.linear_model import Floats
from optimizer.solve.recourse import Answer, Switches, Without
from optimizer.solve.shares import Share
from optimizer.solve.subtrees import Name, Outline, Part, Subtrees
from optimizer.uncollected import uncollected

Told = TypeVar("Told")


@dataclass(frozen=True)
class Origin:
    """What a share's subtrees are made of. ``top``: columns of the top's variables."""

    scenario: Scenario
    share: Share
    top: dict[Name, int]

    def build(self) -> Subtrees:
        """The subtrees."""
        return Subtrees(self.scenario, self.share, self.top)


@dataclass(frozen=True)
class Question:
    """Values of the top's columns, and on what terms the subtrees answer."""

    top: Floats
    dearer: float = 1.0
    switches: Switches = "shares"
    without: Without = frozenset()


class Crew(Protocol):
    """Workers, with a share or a few each."""

    def size(self) -> int:
        """Into how many shares the tree is best dealt for it."""

    def begin(self, origins: Sequence[Origin]) -> None:
        """Have the shares built, without waiting for it where others build them."""

    def outlines(self) -> list[Outline]:
        """Those of the shares, built."""

    def ask(self, question: Question) -> list[Answer]:
        """The answers of all subtrees, share by share."""

    def plan(self, question: Question) -> list[Part]:
        """Each share's part of the plan, the top as in the question."""

    def close(self) -> None:
        """Let the workers go."""


class OwnCrew:
    """No workers: this process does all of it, in so many shares."""

    def __init__(self, shares: int = 1) -> None:
        self._size = shares
        self._shares: list[Subtrees] = []

    def size(self) -> int:
        """See `Crew.size`."""
        return self._size

    def begin(self, origins: Sequence[Origin]) -> None:
        """Build the shares."""
        self._shares = [origin.build() for origin in origins]

    def outlines(self) -> list[Outline]:
        """Those of the shares."""
        return [share.outline() for share in self._shares]

    def ask(self, question: Question) -> list[Answer]:
        """The answers of all subtrees, share by share."""
        return [answer for share in self._shares for answer in answers(share, question)]

    def plan(self, question: Question) -> list[Part]:
        """Each share's part of the plan, the top as in the question."""
        return [part(share, question) for share in self._shares]

    def close(self) -> None:
        """Forget the shares."""
        self._shares = []


# loky replaces a worker that has grown by 300 MB, and what it holds would be lost; a share may grow as it must.
KEEP = {"LOKY_MAX_MEMORY_LEAK_SIZE": "1e15"}


class LocalCrew:
    """Processes of this machine. They start, and load their libraries, while the market is still being simulated."""

    def __init__(self, workers: int) -> None:
        parent = (os.getpid(),)
        self._pools = [
            ProcessPoolExecutor(max_workers=1, timeout=None, initializer=serve, initargs=parent, env=KEEP)
            for _ in range(workers)
        ]
        self._asked: list[ProcessPoolExecutor] = []
        self._built: list[Future[Outline]] = []
        for pool in self._pools:
            pool.submit(_ready)

    def size(self) -> int:
        """See `Crew.size`."""
        return len(self._pools)

    def begin(self, origins: Sequence[Origin]) -> None:
        """Have the shares built, at most `size` of them."""
        self._asked = self._pools[: len(origins)]
        self._built = [pool.submit(_build, origin) for pool, origin in zip(self._asked, origins, strict=True)]

    def outlines(self) -> list[Outline]:
        """Those of the shares, built."""
        return _each(self._built)

    def ask(self, question: Question) -> list[Answer]:
        """The answers of all subtrees, share by share."""
        found = _each([pool.submit(_held, answers, question) for pool in self._asked])
        return [answer for share in found for answer in share]

    def plan(self, question: Question) -> list[Part]:
        """Each share's part of the plan, the top as in the question."""
        return _each([pool.submit(_held, part, question) for pool in self._asked])

    def close(self) -> None:
        """Let the workers go, finished or not."""
        for pool in self._pools:
            # Killed even when idle: to take a large share apart object by object would take seconds.
            pool.shutdown(wait=True, kill_workers=True)


def _each(asked: Sequence[Future[Told]]) -> list[Told]:
    return [future.result() for future in asked]


def answers(share: Subtrees, question: Question) -> list[Answer]:
    """Of each subtree of a share."""
    return share.answers(question.top, (question.dearer, question.switches, question.without))


def part(share: Subtrees, question: Question) -> Part:
    """A share's part of the plan."""
    answers(share, question)
    return share.plan(question.top)


def _ready() -> None:
    """The libraries are loaded with this module."""


# In a worker: the share it keeps.
_HELD: list[Subtrees] = []


def _build(origin: Origin) -> Outline:
    with uncollected():
        _HELD[:] = [origin.build()]
        # It stays until the process ends: not to be looked at by the collector again.
        gc.freeze()
    return _HELD[0].outline()


def _held(asked: Callable[[Subtrees, Question], Told], question: Question) -> Told:
    return asked(_HELD[0], question)
