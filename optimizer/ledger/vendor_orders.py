"""What vendors' offers go by in the ledger: the ex-works price of machines ordered, on a tree and on paths."""

from __future__ import annotations

import numpy as np

from optimizer.decisions import Order
from optimizer.ledger.company import Setting
from optimizer.market.tree import Floats, Tree
from optimizer.scenario.schema import Scenario


def ordered_usd(scenario: Scenario, tree: Tree, orders: tuple[Order, ...], model: str | None) -> Floats:
    """USD of what is ordered at each node of one model, or of all, ``[node]``."""
    out = np.zeros(len(tree))
    quotes = {quote.model: quote for quote in scenario.machines.candidates}
    for order in orders:
        if model is None or order.model == model:
            each_usd = quotes[order.model].price_usd or scenario.machines.specs[order.model].price_usd or 0.0
            out[order.node] += order.units * each_usd * tree.asic_price_factor[order.node]
    return out


def order_usd(s: Setting, month: int, order_units: Floats, model: str | None) -> Floats:
    """USD of an order ``[path, pair]`` of one model, or of all, ``[path]``."""
    each_usd = np.array([pair.price_usd * (model is None or pair.model == model) for pair in s.pairs])
    return np.asarray(order_units @ each_usd * s.paths.asic_price_factor[:, month])
