"""The model split where its tree first branches: a model for each branch, that agree on what comes before."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from optimizer.errors import SplitError
from optimizer.market.tree import Ints, Tree
from optimizer.solve.linear_model import Floats, LinearModel, node_of

# In place of a branch's first node: what stands before the branching, and stress branches, which every branch holds.
BEFORE, STRESS = -1, 0


@dataclass(frozen=True)
class Branch:
    """A branch with all that comes before it and every stress branch, as columns and rows of the whole model.

    The first ``shared`` of its ``columns`` come before the branching: branches must agree on them. ``cost``, [column]:
    such that the branches' costs, weighted by ``probability``, add up to the whole model's.
    """

    probability: float
    columns: Ints
    rows: Ints
    cost: Floats
    shared: int


def split(model: LinearModel, tree: Tree) -> list[Branch]:
    """The branches of a model on a tree. Their models, with the shared columns made equal, are the whole model.

    Raises `SplitError` if the tree does not branch, and if a row ties branches together, such as a limit on what
    happens on average.
    """
    part = _parts(tree)
    branches = np.unique(part[part > STRESS])
    if len(branches) < 2:
        raise SplitError("The tree does not branch: there is one future, and nothing to split.")
    of_column = np.full(len(model.cost), BEFORE, dtype=np.int64)
    for columns in model.columns.values():
        for index, j in columns.items():
            of_column[j] = part[node_of(index)]
    of_row = _of_rows(model, of_column)
    found = []
    before, stress = np.flatnonzero(of_column == BEFORE), np.flatnonzero(of_column == STRESS)
    for branch in branches:
        own = np.flatnonzero(of_column == branch)
        probability = float(tree.probability[branch])
        found.append(
            Branch(
                probability=probability,
                columns=np.concatenate([before, stress, own]),
                rows=np.flatnonzero((of_row <= STRESS) | (of_row == branch)),
                cost=np.concatenate([model.cost[before], model.cost[stress], model.cost[own] / probability]),
                shared=len(before),
            )
        )
    return found


def _parts(tree: Tree) -> Ints:
    """Of each node the first node of its branch, else `BEFORE` or `STRESS`."""
    part = np.full(len(tree), BEFORE, dtype=np.int64)
    for n in range(1, len(tree)):
        p = int(tree.parent[n])
        siblings = sum(tree.probability[k] > 0 for k in tree.children[p])
        if tree.stress[n] >= 0:
            part[n] = STRESS
        elif part[p] == BEFORE and siblings > 1:
            part[n] = n
        else:
            part[n] = part[p]
    return part


def _of_rows(model: LinearModel, of_column: Ints) -> Ints:
    """The one branch, or `STRESS`, whose columns a row has beside those before the branching, [row]; else `BEFORE`."""
    rows, columns = model.matrix.nonzero()
    branch = of_column[columns]
    after = branch != BEFORE
    last = np.full(len(model.rows), BEFORE, dtype=np.int64)
    np.maximum.at(last, rows, branch)
    first = last.copy()
    np.minimum.at(first, rows[after], branch[after])
    if tied := Counter(model.rows[i][0] for i in np.flatnonzero(first < last)):
        names = ", ".join(f"{name} ({count})" for name, count in sorted(tied.items()))
        raise SplitError(
            f"Rows tie the branches of the tree together, so none can be solved by itself: {names}. Take the "
            "requirement behind them out of the scenario, or plan it whole: hashlever plan."
        )
    return last
