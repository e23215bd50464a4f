"""The branches of a tree as paths with one step a month: the plan's own markets, replayed to prove its books."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from optimizer.market.path_parts import calm
from optimizer.market.paths import Paths
from optimizer.market.tree import Ints, Tree
from optimizer.scenario.schema import Scenario


def tree_paths(scenario: Scenario, tree: Tree) -> tuple[Paths, Ints]:
    """Every branch from today to its last node, those with a probability and stresses alike, and its nodes.

    A step's close and low are the node's; its low is met before any of the month's interest has run. ``nodes``:
    ``[path, month]``, -1 after the branch's end, where the path goes on as its last node.
    """
    last = [node for node, children in enumerate(tree.children) if not children]
    months = int(tree.month.max())
    nodes = np.full((len(last), months + 1), -1)
    for path, node in enumerate(last):
        nodes[path, : tree.month[node] + 1] = tree.paths[node]
    at = np.where(nodes >= 0, nodes, np.array(last)[:, None])
    lenders = [contract.lender for contract in (*scenario.loans, *scenario.facilities)]
    frozen = np.array([[lender in names for lender in lenders] for names in tree.frozen], dtype=bool)
    _, first_of_month = np.unique(tree.month, return_index=True)
    paths = Paths(
        month_end=np.arange(months + 1),
        elapsed_share=np.zeros(months + 1),
        days=tree.days[first_of_month],
        close_usd=tree.price_usd[at],
        low_usd=tree.low_usd[at],
        btc_per_ph=tree.btc_per_ph[at],
        revenue_usd_per_ph=tree.revenue_usd_per_ph[at],
        hashprice_usd_per_ph_day=tree.hashprice_usd_per_ph_day[at],
        network_ehs=tree.network_ehs[at],
        power_usd_per_mwh=tree.power_usd_per_mwh[at],
        asic_price_factor=tree.asic_price_factor[at],
        **calm(scenario, len(last), months),
    )
    delay = tree.delivery_delay_months[last]
    return replace(paths, delivery_delay_months=delay, frozen=frozen[at], failures_expected=True), nodes
