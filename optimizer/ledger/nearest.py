"""Which node of a plan's tree a path comes nearest to, month by month, without looking ahead."""

from __future__ import annotations

import numpy as np

from optimizer.market.paths import Bools, Paths
from optimizer.market.tree import Floats, Ints, Tree


def nearest_nodes(tree: Tree, paths: Paths) -> Ints:
    """The node of each path at each month's end, ``[path, month]``; -1 after the tree's end.

    Near means in log price and log USD hashprice, each in units of its spread over the tree's nodes of that month. A
    path may change between the branches that left the same node, as price does; where the branch it is on splits, it
    stays with the children. Stress branches are left out: on them the plan knows what is coming.
    """
    counted = tree.probability > 0
    last_split = _last_split(tree, counted)
    splits = np.bincount(tree.parent[1:][counted[1:]], minlength=len(tree)) > 1
    splits[0] = True
    out = np.full((len(paths), paths.months + 1), -1, dtype=np.int64)
    out[:, 0] = 0
    stage = np.zeros(len(paths), dtype=np.int64)
    for month in range(1, min(paths.months, int(tree.month[counted].max())) + 1):
        here = np.flatnonzero(counted & (tree.month == month))
        if not len(here):
            break
        spread = _features(tree.price_usd[here], tree.hashprice_usd_per_ph_day[here]).std(axis=0)
        spread = np.where(spread > 1e-12, spread, np.inf)
        met = _features(paths.price_usd[:, month], paths.hashprice_usd_per_ph_day[:, month])
        for split in np.unique(stage).tolist():
            among = here[last_split[here] == split]
            if not len(among):
                continue
            mine = stage == split
            known = _features(tree.price_usd[among], tree.hashprice_usd_per_ph_day[among])
            distance = (((met[mine, None, :] - known[None]) / spread) ** 2).sum(axis=2)
            out[mine, month] = among[distance.argmin(axis=1)]
        moved = out[:, month] >= 0
        stage[moved] = np.where(splits[out[moved, month]], out[moved, month], stage[moved])
    return out


def _last_split(tree: Tree, counted: Bools) -> Ints:
    """The last node on the way to each node, itself aside, from which more than one counted branch leaves."""
    children = np.bincount(tree.parent[1:][counted[1:]], minlength=len(tree))
    out = np.zeros(len(tree), dtype=np.int64)
    for n in range(1, len(tree)):
        parent = int(tree.parent[n])
        out[n] = parent if parent == 0 or children[parent] > 1 else out[parent]
    return out


def _features(price_usd: Floats, hashprice_usd: Floats) -> Floats:
    return np.stack([np.log(price_usd), np.log(hashprice_usd)], axis=1)
