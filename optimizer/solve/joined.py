"""One plan of the parts of a tree: the top's decisions of the top, each share's of its own nodes."""

from __future__ import annotations

from dataclasses import fields

import numpy as np

from optimizer.decisions import Decisions, Position, numbered
from optimizer.solve.linear_model import Floats
from optimizer.solve.shares import Share


def joined(made: list[Decisions], shares: list[Share]) -> Decisions:
    """One plan's decisions: the top's of the top, each share's of its own nodes, numbered as in the whole tree."""
    nodes = sum(len(share.tree) for share in shares) - (len(shares) - 1) * shares[0].top
    first = made[0]
    kept: dict[str, object] = {}
    for field in fields(Decisions):
        values = getattr(first, field.name)
        if isinstance(values, np.ndarray):
            kept[field.name] = _at_nodes([getattr(part, field.name) for part in made], shares, nodes)
        else:
            kept[field.name] = tuple(
                numbered(item, share.nodes)
                for k, (part, share) in enumerate(zip(made, shares, strict=True))
                for item in getattr(part, field.name)
                if k == 0 or item.node >= share.top
            )
    return Decisions(**kept)  # type: ignore[arg-type]


def positions(found: list[Position], shares: list[Share]) -> Position:
    """The position that the parts claim together, [node of the whole tree]."""
    nodes = sum(len(share.tree) for share in shares) - (len(shares) - 1) * shares[0].top
    return Position(
        **{
            field.name: _at_nodes([getattr(position, field.name) for position in found], shares, nodes)
            for field in fields(Position)
        }
    )


def _at_nodes(values: list[Floats], shares: list[Share], nodes: int) -> Floats:
    """[node of the whole tree, ...] of the values of every share's own nodes."""
    out = np.zeros((nodes, *values[0].shape[1:]))
    for k, (part, share) in enumerate(zip(values, shares, strict=True)):
        own = slice(0 if k == 0 else share.top, None)
        out[share.nodes[own]] = part[own]
    return out
