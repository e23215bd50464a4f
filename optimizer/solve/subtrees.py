"""A share of a tree at work: its model built from plain data, split into subtrees, each asked again and again.

Everything here runs in a worker, and everything it is sent or sends back is plain data.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import block_array, csr_array
from scipy.sparse.csgraph import connected_components

from optimizer.decisions import OPENING, Decisions, Position
from optimizer.formulation.build import build
from optimizer.formulation.extract import decisions, position
from optimizer.formulation.objective import tie_break
from optimizer.market.tree import Ints
from optimizer.scenario.schema import Scenario
from optimizer.solve.linear_model import Floats, LinearModel, load_solution, node_of, to_arrays
from optimizer.solve.recourse import Answer, Deed, Recourse, Terms
from optimizer.solve.shares import Share
from optimizer.uncollected import uncollected

# (family, index) of a variable.
Name = tuple[str, Hashable]


@dataclass(frozen=True)
class Rows:
    """Rows of columns of the top alone: ``columns`` and ``coefs`` [row] and bounds."""

    columns: list[Ints]
    coefs: list[Floats]
    lower: list[float]
    upper: list[float]

    def matrix(self, columns: int) -> Any:
        """[row, column of the top]."""
        starts = np.cumsum([0, *(len(used) for used in self.columns)])
        data = np.concatenate([np.empty(0), *self.coefs])
        indices = np.concatenate([np.empty(0, dtype=np.int64), *self.columns])
        return csr_array((data, indices, starts), shape=(len(self.lower), columns))


@dataclass(frozen=True)
class Outline:
    """What the master needs to know of a share. ``links``: of each subtree the columns of the top that it uses.
    ``rows``: of the top alone, though they stand below the cut. ``cost`` and ``offset``:
    what its objective says of the top's columns and constant, the top's own part included. ``integers``: how many of
    each family stand below the cut. ``size``: rows, columns and non-zeros of its subtrees."""

    links: list[Ints]
    rows: Rows
    cost: Floats
    offset: float
    integers: dict[str, int]
    size: tuple[int, int, int]


@dataclass(frozen=True)
class Part:
    """A share's part of a plan, its nodes numbered as in the share. ``tie_break``: of its own nodes, model units."""

    decisions: Decisions
    position: Position
    tie_break: float


class Subtrees:
    """The subtrees of a share. ``top``: of each variable of the top its column there, in the top's numbering."""

    @uncollected()
    def __init__(self, scenario: Scenario, share: Share, top: dict[Name, int]) -> None:
        self._share = share
        self._formulation = build(scenario, share.tree)
        # With all rows, those that others imply too: so siblings have the same shape and can share a basis.
        self._model = model = to_arrays(self._formulation)
        # Of each column of the share the column of the top that it is, -1 for its own.
        self._above = np.full(len(model.cost), -1, dtype=np.int64)
        for family, columns in model.columns.items():
            for index, j in columns.items():
                self._above[j] = top.get((family, index), -1)
        own = np.flatnonzero(self._above < 0)
        matrix = model.matrix.tocsr()
        below = matrix[:, own]
        self._rows_below = np.flatnonzero(np.diff(below.indptr) > 0)
        part = below[self._rows_below]
        _, label = connected_components(block_array([[None, part], [part.T, None]]), directed=False)
        of_row, of_column = label[: len(self._rows_below)], label[len(self._rows_below) :]
        roots = _roots(model, share)
        tree = share.tree
        deeds = {deed: np.isin(np.arange(len(model.cost)), columns) for deed, columns in deeds_of(model).items()}
        self._parts: list[Recourse] = []
        markets: list[Floats] = []
        for k in np.unique(of_column):
            rows, columns = self._rows_below[of_row == k], own[of_column == k]
            used = np.unique(matrix[rows].indices)
            links = used[self._above[used] >= 0]
            root = int(roots[columns].max())
            chance = float(tree.probability[root]) if root > 0 else 0.0
            here = {deed: np.flatnonzero(done[columns]) for deed, done in deeds.items()}
            self._parts.append(Recourse(model, rows, columns, links, self._above[links], chance, here))
            markets.append(np.log([tree.price_usd[root], tree.hashprice_usd_per_ph_day[root]]))
        self._markets = np.array(markets)
        self._columns_of_top = len(top)
        self._answered = False
        self._terms: Terms = (1.0, "shares", frozenset())

    def outline(self) -> Outline:
        """What the master needs to know of it."""
        model, parts = self._model, self._parts
        own = np.concatenate([part.columns for part in parts])
        family = {j: name for name, columns in model.columns.items() for j in columns.values()}
        return Outline(
            links=[part.link for part in parts],
            rows=self._rows_of_top(),
            cost=self._cost_of_top(),
            offset=model.offset,
            integers=dict(Counter(family[j] for j in own[model.integral[own]])),
            size=(len(self._rows_below), len(own), int(model.matrix[:, own].nnz)),
        )

    def _cost_of_top(self) -> Floats:
        above = np.flatnonzero(self._above >= 0)
        cost = np.zeros(self._columns_of_top)
        cost[self._above[above]] = self._model.cost[above]
        return cost

    def _rows_of_top(self) -> Rows:
        """Those of nodes below the cut: what is ordered at the top arrives there. Each once."""
        model, top = self._model, self._share.top
        found: dict[tuple[object, ...], tuple[Ints, Floats, float, float]] = {}
        matrix = model.matrix.tocsr()
        alone = np.setdiff1d(np.arange(len(model.rows)), self._rows_below)
        for i in alone:
            index = model.rows[i][1]
            if node_of(index) >= top:
                span = slice(matrix.indptr[i], matrix.indptr[i + 1])
                columns, coefs = self._above[matrix.indices[span]], matrix.data[span]
                low, high = float(model.row_lower[i]), float(model.row_upper[i])
                found[columns.tobytes(), coefs.tobytes(), low, high] = (columns, coefs, low, high)
        rows = found.values()
        return Rows([r[0] for r in rows], [r[1] for r in rows], [r[2] for r in rows], [r[3] for r in rows])

    def answers(self, top: Floats, terms: Terms) -> list[Answer]:
        """Of each subtree, with the top's columns at these values, on these terms."""
        if terms != self._terms:
            for part in self._parts:
                part.agree(*terms)
            self._terms = terms
        if not self._answered:
            self._answered = True
            return self._first_answers(top)
        return [part.answer(top[part.link]) for part in self._parts]

    def _first_answers(self, top: Floats) -> list[Answer]:
        """The first time: from the middle outwards, each from the basis of the sibling that answered before and whose
        market is most like its own. From the nearest it takes far fewer steps than from any."""
        market = self._markets
        found: dict[int, Answer] = {}
        for k in np.argsort(np.linalg.norm(market - market.mean(axis=0), axis=1), kind="stable").tolist():
            part = self._parts[k]
            there = [j for j in found if self._parts[j].shape == part.shape]
            if there:
                apart = np.linalg.norm(market[there] - market[k], axis=1)
                part.start_from(self._parts[there[int(apart.argmin())]])
            found[k] = part.answer(top[part.link])
        return [found[k] for k in range(len(self._parts))]

    @uncollected()
    def plan(self, top: Floats) -> Part:
        """Its part of the plan at the values of the top last asked about."""
        x = np.zeros(len(self._model.cost))
        above = np.flatnonzero(self._above >= 0)
        x[above] = top[self._above[above]]
        for part in self._parts:
            x[part.columns] = part.values()
        load_solution(self._formulation, self._model, x)
        return Part(decisions(self._formulation), position(self._formulation), tie_break(self._formulation))


def deeds_of(model: LinearModel) -> dict[Deed, list[int]]:
    """Columns of what an alternative may be told not to do."""
    principal = model.columns.get("principal_usd", {})
    drawn = [j for index, j in principal.items() if isinstance(index, tuple) and index[3] != OPENING]
    return {"draws": drawn, "orders": list(model.columns.get("order_lots", {}).values())}


def _roots(model: LinearModel, share: Share) -> Ints:
    """The first node of the subtree that each column belongs to, [column]; 0 for columns of the top."""
    root = np.zeros(len(share.tree), dtype=np.int64)
    for n in range(share.top, len(share.tree)):
        p = int(share.tree.parent[n])
        root[n] = n if p < share.top else root[p]
    found = np.zeros(len(model.cost), dtype=np.int64)
    for columns in model.columns.values():
        for index, j in columns.items():
            found[j] = root[node_of(index)]
    return found
