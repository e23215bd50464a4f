"""Subtrees on a Dask cluster: every worker keeps a few shares hot, and a share whose worker dies is built elsewhere.

A share lives in a worker as the result of a task, which Dask makes again when a worker that had it is gone, moves when
another worker has nothing to do, and drops when nobody asks for it any more.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, TypeVar

from optimizer.engine.cluster import Cluster
from optimizer.engine.work import Died
from optimizer.errors import ClusterError, HashleverError
from optimizer.solve.crew import Origin, Question, answers, part
from optimizer.solve.highs import NoPlanError
from optimizer.solve.recourse import Answer
from optimizer.solve.subtrees import Outline, Part, Subtrees

# More than one, so that what a dead worker leaves is dealt among the others.
SHARES_A_WORKER = 3
# Of a share's model in its solver and in Pyomo, measured on the flagship's company.
BYTES_A_NODE = 150_000

Told = TypeVar("Told")


class Held:
    """A share where a worker keeps it. Sent to another it is what it is made of, and is built there when asked."""

    def __init__(self, origin: Origin) -> None:
        self._origin = origin

    @cached_property
    def subtrees(self) -> Subtrees:
        """The share at work."""
        return self._origin.build()

    def __reduce__(self) -> tuple[type[Held], tuple[Origin]]:
        return Held, (self._origin,)

    def __sizeof__(self) -> int:
        # By this Dask reckons what fits into a worker, and whether moving it pays: to build it takes about as long as
        # to send so much.
        return BYTES_A_NODE * len(self._origin.share.tree)


class DaskCrew:
    """The workers of a cluster."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._held: list[Any] = []

    def size(self) -> int:
        """See `Crew.size`."""
        return SHARES_A_WORKER * max(1, len(self._cluster.workers()))

    def begin(self, origins: Sequence[Origin]) -> None:
        """Hand out the shares. Raises, like all that follows, `ClusterError` where the cluster is of no more use."""
        self._held = self._cluster.keep(Held, origins)

    def outlines(self) -> list[Outline]:
        """Those of the shares, which are built now."""
        return self._each(Subtrees.outline)

    def ask(self, question: Question) -> list[Answer]:
        """The answers of all subtrees, share by share."""
        return [answer for share in self._each(answers, question) for answer in share]

    def plan(self, question: Question) -> list[Part]:
        """Each share's part of the plan, the top as in the question."""
        return self._each(part, question)

    def close(self) -> None:
        """Have the workers forget the shares."""
        self._held = []

    def _each(self, asked: Callable[..., Told], *about: Question) -> list[Told]:
        told: dict[int, Told] = {}
        for (k, *_), answer in self._cluster.each(
            _tell, [(k, held, asked, about) for k, held in enumerate(self._held)]
        ):
            if isinstance(answer, Died):
                raise ClusterError(
                    f"Workers of {self._cluster.address} died one after the other over the same part of the tree. They "
                    "may be short of memory: start fewer of them on each machine."
                )
            if isinstance(answer, Exception):
                raise answer
            told[k] = answer
        return [told[k] for k in range(len(self._held))]


def _tell(item: tuple[int, Held, Callable[..., Told], tuple[Question, ...]]) -> Told | Exception:
    """In a worker: the answer, or the error that the one who asks knows how to take."""
    _, held, asked, about = item
    try:
        return asked(held.subtrees, *about)
    except (NoPlanError, HashleverError) as error:
        return error
