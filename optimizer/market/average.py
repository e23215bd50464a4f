"""Parts of a tree: some of its nodes, and average futures in place of many."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any, Literal

import numpy as np

from optimizer.market.tree import Floats, Ints, Tree

AVERAGED = (
    "btc_per_ph",
    "revenue_usd_per_ph",
    "hashprice_usd_per_ph_day",
    "network_ehs",
    "days",
    "asic_price_factor",
)


def picked(tree: Tree, nodes: Ints) -> Tree:
    """The tree of some nodes, renumbered in the order given; with a node its parent, and before it."""
    number = np.full(len(tree), -1, dtype=np.int64)
    number[nodes] = np.arange(len(nodes))
    kept: dict[str, Any] = {
        field.name: getattr(tree, field.name)[nodes]
        for field in fields(Tree)
        if isinstance(getattr(tree, field.name), np.ndarray)
    }
    kept["parent"] = np.where(nodes == 0, -1, number[tree.parent[nodes]])
    kept["frozen"] = tuple(tree.frozen[n] for n in nodes)
    kept["branch_names"] = tree.branch_names and tuple(tree.branch_names[n] for n in nodes)
    return replace(tree, **kept)


def averaged(tree: Tree, group: Ints, numeraire: Literal["btc", "usd"]) -> Tree:
    """One node for each group of nodes, ``group`` [node] 0, 1, 2 ... with parents' groups before their children's; the
    nodes of a group stand in one month and their parents in one group.

    Price: the harmonic mean when wealth is counted in BTC, else the mean, so that the average neither gains nor loses
    against its nodes by holding dollars. Low: the mean of low over close, times the price. All else: the mean. Nodes
    without probability weigh alike.
    """
    groups = int(group.max()) + 1
    chance: Floats = np.bincount(group, tree.probability, groups).astype(np.float64)
    weight = np.where(chance[group] > 0, tree.probability, 1.0)
    weight = weight / np.bincount(group, weight, groups)[group]

    def mean(values: Any) -> Any:
        return np.bincount(group, weight * values, groups)

    first = np.unique(group, return_index=True)[1]
    parent = np.where(first == 0, -1, group[tree.parent[first]])
    price = 1.0 / mean(1.0 / tree.price_usd) if numeraire == "btc" else mean(tree.price_usd)
    opening = np.where(parent < 0, price, price[parent])
    low = np.minimum(mean(tree.low_usd / tree.price_usd) * price, np.minimum(price, opening))
    return replace(
        picked(tree, first),
        parent=parent,
        probability=chance,
        price_usd=price,
        low_usd=np.where(parent < 0, price, low),
        power_usd_per_mwh=np.array([mean(site) for site in tree.power_usd_per_mwh.T]).reshape(-1, groups).T,
        branch_names=None,
        **{name: mean(getattr(tree, name)) for name in AVERAGED},
    )


def mean_path(tree: Tree, numeraire: Literal["btc", "usd"] = "btc") -> Tree:
    """The single branch of what the nodes with a probability are on average, month by month; stress branches are left
    out."""
    counted = picked(tree, np.flatnonzero(tree.probability > 0))
    return replace(averaged(counted, counted.month, numeraire), stress_names=())
