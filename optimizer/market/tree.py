"""The scenario tree: what may happen, node by node. Plain arrays, shared by every later room.

Node 0 is today. Node n > 0 is the end of month ``month[n]`` on its branch. Nodes are numbered so that a
parent comes before its children. Stress branches hang from node 0, have probability 0 and a name.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Tree:
    """Index order: ``[node]`` or ``[node, site]``; sites in the scenario's order.

    parent: -1 for node 0. probability: of reaching the node; 0 on stress branches.
    price_usd: BTC at the month's close. low_usd: the month's low that lenders see (node 0: the price).
    btc_per_ph: BTC mined in the month that ends here by 1 PH/s running all month (node 0: 0).
    revenue_usd_per_ph: the same in USD at each day's price, for the decision to run (node 0: 0).
    hashprice_usd_per_ph_day: at the close. network_ehs: at the close. days: in the month that ends here.
    power_usd_per_mwh: mean of the month that ends here. asic_price_factor: machine prices against today's.
    stress: index into ``stress_names`` or -1. delivery_delay_months: added to lead times on this branch.
    frozen: lenders that neither lend nor release at this node.
    """

    month: Ints
    parent: Ints
    probability: Floats
    price_usd: Floats
    low_usd: Floats
    btc_per_ph: Floats
    revenue_usd_per_ph: Floats
    hashprice_usd_per_ph_day: Floats
    network_ehs: Floats
    days: Floats
    power_usd_per_mwh: Floats
    asic_price_factor: Floats
    stress: Ints
    stress_names: tuple[str, ...]
    delivery_delay_months: Ints
    frozen: tuple[frozenset[str], ...]
    branch_names: tuple[str, ...] | None = None

    def __len__(self) -> int:
        return len(self.month)

    @cached_property
    def children(self) -> list[list[int]]:
        """Children of each node."""
        out: list[list[int]] = [[] for _ in range(len(self))]
        for n in range(1, len(self)):
            out[int(self.parent[n])].append(n)
        return out

    @cached_property
    def leaves(self) -> list[int]:
        """Leaves that count in the objective: those with a probability."""
        return [n for n in range(len(self)) if not self.children[n] and self.probability[n] > 0]

    @cached_property
    def paths(self) -> list[list[int]]:
        """For each node the nodes from 0 to itself; ``paths[n][t]`` is its ancestor at month t."""
        out: list[list[int]] = [[0]]
        for n in range(1, len(self)):
            out.append([*out[int(self.parent[n])], n])
        return out
