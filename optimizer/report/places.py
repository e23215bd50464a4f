"""Where and when in the tree: dates, names of branches, quantiles over branches."""

from __future__ import annotations

from datetime import date

import numpy as np

from optimizer.market.calendar import month_end
from optimizer.market.tree import Tree
from optimizer.scenario.schema import Scenario

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


def counted_nodes(tree: Tree, month: int) -> list[int]:
    """The nodes of a month that have a probability, lowest price first."""
    here = np.flatnonzero((tree.month == month) & (tree.probability > 0))
    return [int(n) for n in here[np.argsort(tree.price_usd[here], kind="stable")]]
