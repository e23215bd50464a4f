"""Values that remember where they were written, so that a message can say file, line and column."""

from __future__ import annotations

import json
from dataclasses import dataclass

from optimizer.errors import Problem

Scalar = None | bool | int | float | str
# A place in nested data: keys of mappings and indices of lists, from the top.
Place = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in a file: ``line`` and ``column`` from 1; 0 where there is none, as for ``--set``."""

    file: str
    line: int = 0
    column: int = 0


@dataclass(frozen=True, slots=True)
class Node:
    """A value and where it was written: at its key, or for an item of a list where the item starts.

    ``value`` is a scalar, a list of nodes or a mapping of nodes; nodes may be shared and are never changed.
    """

    value: Scalar | list[Node] | dict[str, Node]
    at: Mark

    @property
    def mapping(self) -> dict[str, Node]:
        """The children by key; empty when this is not a mapping."""
        return self.value if isinstance(self.value, dict) else {}

    @property
    def items(self) -> list[Node]:
        """The children in order; empty when this is not a list."""
        return self.value if isinstance(self.value, list) else []


def problem_at(mark: Mark, path: str, message: str, found: str = "", mend: str = "") -> Problem:
    """A `Problem` at a mark."""
    return Problem(mark.file, mark.line, mark.column, path, message, found, mend)


def plain(node: Node) -> object:
    """The node's value as plain Python data."""
    if isinstance(node.value, dict):
        return {key: plain(child) for key, child in node.value.items()}
    if isinstance(node.value, list):
        return [plain(child) for child in node.value]
    return node.value


def node_at(node: Node, place: Place) -> Node | None:
    """The node at ``place`` under ``node``, or None when nothing was written there."""
    for step in place:
        if isinstance(step, int):
            if step >= len(node.items):
                return None
            node = node.items[step]
        elif step in node.mapping:
            node = node.mapping[step]
        else:
            return None
    return node


def mark_at(node: Node, place: Place) -> Mark:
    """Where the value at ``place`` was written, or else the nearest thing that encloses it."""
    while (found := node_at(node, place)) is None:
        place = place[:-1]
    return found.at


def put(node: Node | None, place: Place, value: Node) -> Node:
    """``node`` with ``value`` at ``place``; mappings on the way are made where there are none."""
    if not place:
        return value
    step, rest = place[0], place[1:]
    at = node.at if node else value.at
    if isinstance(step, int):
        items = node.items if node else []
        return Node([put(child, rest, value) if i == step else child for i, child in enumerate(items)], at)
    entries = node.mapping if node else {}
    return Node({**entries, step: put(entries.get(step), rest, value)}, at)


def shown(node: Node | None) -> str:
    """A value as a message shows it: scalars as in YAML, the rest by kind."""
    match node:
        case None:
            return ""
        case Node(value=dict() as entries):
            return f"a mapping with {', '.join(entries)}"[:80] if entries else "an empty mapping"
        case Node(value=list() as items):
            return f"a list of {len(items)}"
        case Node(value=str() as text):
            return json.dumps(text if len(text) <= 60 else text[:57] + "...", ensure_ascii=False)
    return json.dumps(node.value)


def path_text(path: Place) -> str:
    """A path in the scenario's own terms: ``facilities[2].apr``."""
    return "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in path).removeprefix(".")
