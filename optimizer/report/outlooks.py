"""Three ways to look down the tree that a budget is made for: over all branches, along a good one, along a bad one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from optimizer.market.tree import Floats, Ints, Tree
from optimizer.report.places import Row, branch_of, date_of
from optimizer.scenario.schema import Scenario
from optimizer.valuation import weighted_quantile

if TYPE_CHECKING:
    from optimizer.planning import Plan

Name = Literal["mean", "good", "bad"]
# A branch is good or bad if this share of the probability ends with no more net worth than it does.
SHARE_BELOW: dict[Name, float] = {"good": 0.9, "bad": 0.1}


@dataclass(frozen=True)
class Outlook:
    """The nodes of each month from 0 on that an outlook looks at, and their weights, which sum to 1.

    leaf: where the branch ends; None for the mean, which is over all branches that have a probability.
    """

    name: Name
    leaf: int | None
    nodes: tuple[Ints, ...]
    weights: tuple[Floats, ...]

    def of(self, values: npt.ArrayLike) -> Floats:
        """Month by month, the mean of ``values[node]``: on one branch the value itself. A column of several stays one:
        ``[node, k]`` gives ``[month, k]``."""
        table = np.asarray(values, dtype=np.float64)
        return np.array([w @ table[n] for n, w in zip(self.nodes, self.weights, strict=True)])

    def of_one_branch(self, values: npt.ArrayLike) -> Floats:
        """The same of what has no meaningful mean, as an LTV: NaN unless the outlook is one branch."""
        return self.of(values) if self.leaf is not None else np.full(len(self.nodes), np.nan)


def outlooks_of(plan: Plan) -> tuple[Outlook, ...]:
    """The mean, the good branch and the bad branch of a plan."""
    tree, value = plan.tree, plan.value
    leaves = np.array(value.leaves)
    chance = tree.probability[leaves]
    found = [_mean(tree)]
    for name, share in SHARE_BELOW.items():
        edge = weighted_quantile(value.outcomes, chance, share)
        found.append(_branch(tree, name, int(leaves[np.flatnonzero(value.outcomes == edge)[0]])))
    return tuple(found)


def months_of(scenario: Scenario, outlook: Outlook) -> list[Row]:
    """The columns that say which outlook and month a row is of, a row per month."""
    months = range(len(outlook.nodes))
    return [{"outlook": outlook.name, "month": month, "date": date_of(scenario, month)} for month in months]


def rows_by_month(given: Sequence[Row], columns: dict[str, Floats]) -> list[Row]:
    """``given`` rows, one a month, with so many columns of figures ``[month]``."""
    return [{**row, **{name: float(of[month]) for name, of in columns.items()}} for month, row in enumerate(given)]


def outlook_row(plan: Plan, outlook: Outlook) -> Row:
    """Which branch an outlook is, and the net worth that it ends with."""
    value, leaf = plan.value, outlook.leaf
    net = value.expected if leaf is None else float(value.outcomes[value.leaves.index(leaf)])
    return {
        "outlook": outlook.name,
        "node": leaf,
        "branch": "" if leaf is None else branch_of(plan.tree, leaf),
        "not_above_share": float("nan") if leaf is None else SHARE_BELOW[outlook.name],
        f"net_{plan.scenario.numeraire}": net,
    }


def _mean(tree: Tree) -> Outlook:
    counted = tree.probability > 0
    months = range(int(tree.month[counted].max()) + 1)
    nodes = tuple(np.flatnonzero(counted & (tree.month == month)) for month in months)
    weights = tuple(tree.probability[here] / tree.probability[here].sum() for here in nodes)
    return Outlook("mean", None, nodes, weights)


def _branch(tree: Tree, name: Name, leaf: int) -> Outlook:
    way = np.array(tree.paths[leaf])
    nodes = tuple(way[month : month + 1] for month in range(int(tree.month[leaf]) + 1))
    return Outlook(name, leaf, nodes, tuple(np.ones(1) for _ in nodes))
