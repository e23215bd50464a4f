"""Where and when in the tree: dates, names of branches, quantiles over branches."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd

from optimizer.market.calendar import month_end
from optimizer.market.tree import Ints, Tree
from optimizer.scenario.schema import Scenario
from optimizer.valuation import weighted_quantile

Row = dict[str, object]


def branch_of(tree: Tree, node: int) -> str:
    """The stress's or the case's name; empty today and on a branch of the simulated market."""
    if node == 0:
        return ""
    if tree.branch_names is not None:
        return tree.branch_names[node]
    stress = int(tree.stress[node])
    return tree.stress_names[stress] if stress >= 0 else ""


def date_of(scenario: Scenario, month: int) -> date:
    """The day on which a month ends; month 0 is the scenario's own date."""
    return month_end(scenario.as_of, month)


def place(scenario: Scenario, tree: Tree, node: int) -> Row:
    """The columns that say where a decision is taken or a balance stands."""
    month = int(tree.month[node])
    return {
        "node": node,
        "month": month,
        "date": date_of(scenario, month),
        "branch": branch_of(tree, node),
        "probability": float(tree.probability[node]),
    }


def places(scenario: Scenario, tree: Tree, nodes: Ints) -> dict[str, object]:
    """The same columns for many nodes."""
    by_month = pd.to_datetime([date_of(scenario, month) for month in range(int(tree.month.max()) + 1)])
    return {
        "node": nodes,
        "month": tree.month[nodes],
        "date": by_month[tree.month[nodes]],
        "branch": [branch_of(tree, node) for node in nodes.tolist()],
        "probability": tree.probability[nodes],
    }


def counted_nodes(tree: Tree, month: int) -> list[int]:
    """The nodes of a month that have a probability, lowest price first."""
    here = np.flatnonzero((tree.month == month) & (tree.probability > 0))
    return [int(n) for n in here[np.argsort(tree.price_usd[here], kind="stable")]]


def representatives(tree: Tree, month: int) -> list[tuple[str, int]]:
    """(name, node) of what is worth showing of a month: the named cases, or high, middle and low price."""
    nodes = counted_nodes(tree, month)
    if tree.branch_names is not None:
        return [(branch_of(tree, n), n) for n in nodes]
    prices, chance = tree.price_usd[nodes], tree.probability[nodes]
    found: dict[int, str] = {}
    for label, point in (("high", 0.9), ("low", 0.1), ("middle", 0.5)):
        at_price = weighted_quantile(prices, chance, point)
        found.setdefault(nodes[int((prices == at_price).argmax())], label)
    order = sorted(found, key=lambda n: -tree.price_usd[n])
    return [(found[n] if len(order) > 1 else "any", n) for n in order]
