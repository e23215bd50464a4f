"""A tree cut in two: the top, where today's choices are made, and the subtrees below it, dealt out in shares.

The tree of a share is the whole top with some of the subtrees. Its nodes are numbered top first, so a node of the top
has the same number in the top's own tree and in every share.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from optimizer.market.average import averaged, picked
from optimizer.market.tree import Ints, Tree

# A top of more nodes makes the mixed-integer problem above slower than the linear ones below become faster
# (docs/decisions/0021-decomposition.md).
MOST_TOP_NODES = 64


@dataclass(frozen=True)
class Share:
    """``nodes``: of each node of ``tree`` its number in the whole tree; the first ``top`` of them are the top."""

    nodes: Ints
    tree: Tree
    top: int


def cut_month(tree: Tree) -> int | None:
    """The last month in which a tree branches whose top, all nodes before it, is still small; None where the tree
    falls apart into fewer than two subtrees there."""
    counted = tree.probability > 0
    per_month = np.bincount(tree.month[counted])
    branching = [month for month in range(1, len(per_month)) if per_month[month] > per_month[month - 1]]
    small = [month for month in branching if int((tree.month < month).sum()) <= MOST_TOP_NODES]
    return max(small) if small else min(branching, default=None)


def top_of(tree: Tree, month: int) -> Share:
    """The nodes before a month."""
    return _share(tree, np.flatnonzero(tree.month < month), np.empty(0, dtype=np.int64))


def deal(tree: Tree, month: int, shares: int) -> list[Share]:
    """The subtrees below the cut in at most so many shares of about as many nodes each."""
    root = roots(tree, month)
    subtrees, sizes = np.unique(root[root >= 0], return_counts=True)
    dealt: list[list[int]] = [[] for _ in range(min(shares, len(subtrees)))]
    load = [0] * len(dealt)
    for k in np.argsort(-sizes, kind="stable"):
        least = load.index(min(load))
        dealt[least].append(int(subtrees[k]))
        load[least] += int(sizes[k])
    top = np.flatnonzero(tree.month < month)
    return [_share(tree, top, np.flatnonzero(np.isin(root, mine))) for mine in dealt]


def roots(tree: Tree, month: int) -> Ints:
    """The node of the cut month that each node is or comes after, -1 for those of the top."""
    root = np.full(len(tree), -1, dtype=np.int64)
    for n in range(1, len(tree)):
        root[n] = n if tree.month[n] == month else root[tree.parent[n]]
    return root


def coarse(tree: Tree, month: int, numeraire: Literal["btc", "usd"]) -> Tree:
    """The top with one average future after each of its last nodes; stress branches as they are. Its nodes of the top
    are numbered as in `top_of`."""
    root = roots(tree, month)
    above = np.where(root >= 0, tree.parent[root], -1)
    months = int(tree.month.max()) + 1
    # Of the top each node is a group, of a stress branch each, and of what follows a last node each month.
    alone = (above < 0) | (tree.stress >= 0)
    label = np.where(alone, np.arange(len(tree)), len(tree) + above * months + tree.month)
    order = np.lexsort((label, np.where(above < 0, 0, tree.month)))
    _, first = np.unique(label[order], return_index=True)
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return averaged(tree, rank[np.unique(label, return_inverse=True)[1]], numeraire)


def _share(tree: Tree, top: Ints, own: Ints) -> Share:
    nodes = np.concatenate([top, own])
    return Share(nodes, picked(tree, nodes), len(top))
