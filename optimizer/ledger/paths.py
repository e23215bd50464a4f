"""How things flow down a scenario tree: from parent to child, month by month. Index order ``[node, ...]``."""

from __future__ import annotations

import numpy as np

from optimizer.market.tree import Floats, Ints, Tree


def levels(tree: Tree) -> list[Ints]:
    """The nodes of each month, from month 1 on."""
    return [np.flatnonzero(tree.month == t) for t in range(1, int(tree.month.max()) + 1)]


def ancestors(tree: Tree) -> Ints:
    """``[node, month]``: the node's ancestor at a month's end, itself included; -1 after its own month."""
    out = np.full((len(tree), int(tree.month.max()) + 1), -1, dtype=np.int64)
    out[0, 0] = 0
    for nodes in levels(tree):
        out[nodes] = out[tree.parent[nodes]]
        out[nodes, tree.month[nodes]] = nodes
    return out


def carried(tree: Tree, events: Floats, opening: Floats | float = 0.0) -> Floats:
    """Balances after each node: the parent's balance (node 0: ``opening``) plus the node's own events."""
    out = events.astype(np.float64, copy=True)
    out[0] += opening
    for nodes in levels(tree):
        out[nodes] += out[tree.parent[nodes]]
    return out


def before(tree: Tree, balances: Floats, opening: Floats | float = 0.0) -> Floats:
    """Balances with which each node's month began: the parent's, ``opening`` at node 0."""
    out = balances[np.maximum(tree.parent, 0)]
    out[0] = opening
    return out
