"""What every engine does with pieces of work: give each to a worker, and outlive workers that die of one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, TypeVar

Item = TypeVar("Item")
Done = TypeVar("Done")


class Died:
    """In place of an answer: the process that was to give it ended."""


class Engine(Protocol):
    """Some workers and a way to them."""

    def each(self, job: Callable[[Item], Done], items: Sequence[Item]) -> Iterator[tuple[Item, Done | Died]]:
        """Every item with its answer, as they come. ``job`` (a function of a module, or an instance of a class of one),
        items and answers travel pickled. A death costs the item that brings it, not the others."""
        ...
