"""Who works on the shares of a tree: processes of this machine, each with a share that it keeps hot.

A question says all that its answer depends on, and a share can be built anew from plain data wherever it is asked; so
who answers does not matter, and a worker that is lost is replaced (`optimizer.engine`).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from loky import ProcessPoolExecutor

from optimizer.engine.child import serve
from optimizer.scenario.schema import Scenario
from optimizer.solve.linear_model import Floats
from optimizer.solve.recourse import Answer, Switches, Without
from optimizer.solve.shares import Share
from optimizer.solve.subtrees import Name, Outline, Part, Subtrees


@dataclass(frozen=True)
class Origin:
    """What a share's subtrees are made of. ``key``: plan/share, tells it from every other. ``top``: columns of the
    top's variables."""

    key: str
    scenario: Scenario
    share: Share
    top: dict[Name, int]


@dataclass(frozen=True)
class Question:
    """Values of the top's columns, and on what terms the subtrees answer."""

    top: Floats
    dearer: float = 1.0
    switches: Switches = "shares"
    without: Without = frozenset()


class Crew(Protocol):
    """Workers, one for each share."""

    def size(self) -> int:
        """How many shares it works on at a time."""

    def begin(self, origins: Sequence[Origin]) -> list[Outline]:
        """Build the shares."""

    def ask(self, question: Question) -> list[Answer]:
        """The answers of all subtrees, share by share."""

    def plan(self, question: Question) -> list[Part]:
        """Each share's part of the plan, the top as in the question."""

    def close(self) -> None:
        """Let the workers go."""


class OwnCrew:
    """No workers: this process does all of it, in so many shares."""

    def __init__(self, shares: int = 1) -> None:
        self._shares = shares
        self._origins: Sequence[Origin] = ()

    def size(self) -> int:
        """How many shares it works on."""
        return self._shares

    def begin(self, origins: Sequence[Origin]) -> list[Outline]:
        """Build the shares."""
        self._origins = origins
        return [outline(origin) for origin in origins]

    def ask(self, question: Question) -> list[Answer]:
        """The answers of all subtrees, share by share."""
        return [answer for origin in self._origins for answer in answers(origin, question)]

    def plan(self, question: Question) -> list[Part]:
        """Each share's part of the plan, the top as in the question."""
        return [part(origin, question) for origin in self._origins]

    def close(self) -> None:
        """Forget the shares."""
        _HELD.clear()


class LocalCrew:
    """Processes of this machine. They start, and load their libraries, while the market is still being simulated."""

    def __init__(self, workers: int) -> None:
        own = {"max_workers": 1, "timeout": None, "initializer": serve, "initargs": (os.getpid(),)}
        self._pools = [ProcessPoolExecutor(**own) for _ in range(workers)]
        self._keys: list[str] = []
        for pool in self._pools:
            pool.submit(_ready)

    def size(self) -> int:
        """How many shares it works on at a time."""
        return len(self._pools)

    def begin(self, origins: Sequence[Origin]) -> list[Outline]:
        """Build the shares; at most `size` of them."""
        self._keys = [origin.key for origin in origins]
        return self._all([(outline, origin) for origin in origins])

    def ask(self, question: Question) -> list[Answer]:
        """The answers of all subtrees, share by share."""
        found = self._all([(answers, key, question) for key in self._keys])
        return [answer for share in found for answer in share]

    def plan(self, question: Question) -> list[Part]:
        """Each share's part of the plan, the top as in the question."""
        return self._all([(part, key, question) for key in self._keys])

    def close(self) -> None:
        """Let the workers go, finished or not."""
        for pool in self._pools:
            pool.shutdown(wait=True, kill_workers=True)

    def _all(self, tasks: Sequence[tuple[Any, ...]]) -> list[Any]:
        waiting = [pool.submit(*task) for pool, task in zip(self._pools, tasks, strict=False)]
        return [future.result() for future in waiting]


def _ready() -> None:
    """The libraries are loaded with this module."""


# In a worker: the shares it keeps.
_HELD: dict[str, Subtrees] = {}


def outline(origin: Origin | str) -> Outline:
    """In a worker: build a share."""
    return _held(origin).outline()


def answers(origin: Origin | str, question: Question) -> list[Answer]:
    """In a worker: of each subtree of a share."""
    return _held(origin).answers(question.top, (question.dearer, question.switches, question.without))


def part(origin: Origin | str, question: Question) -> Part:
    """In a worker: a share's part of the plan."""
    held = _held(origin)
    held.answers(question.top, (question.dearer, question.switches, question.without))
    return held.plan(question.top)


def _held(origin: Origin | str) -> Subtrees:
    """The share, built here if it is not held; of a key alone, which says nothing of how to build it, it must be."""
    if isinstance(origin, str):
        return _HELD[origin]
    if origin.key not in _HELD:
        for key in [key for key in _HELD if key.split("/")[0] != origin.key.split("/")[0]]:
            del _HELD[key]
        _HELD[origin.key] = Subtrees(origin.scenario, origin.share, origin.top)
    return _HELD[origin.key]
