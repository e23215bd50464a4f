"""What becomes of a choice at the top in one subtree: a linear program kept hot in its own HiGHS.

The columns of the top that its rows use are held at the values asked about; their reduced costs are the slopes of the
subtree's cost there. Where a value at the top leaves the subtree without a plan, its rows that touch the top may be
broken at a price, so that there is always an answer and a slope that leads back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import highspy
import numpy as np
from scipy.sparse import csr_array, hstack

from optimizer.errors import SolverError
from optimizer.market.tree import Ints
from optimizer.solve.highs import COST_SCALE, NoPlanError
from optimizer.solve.linear_model import Floats, LinearModel

# What breaking a row by one unit of the model costs, in BTC for each unit of probability: far more than it is worth.
PENALTY = 30.0
# Of a subtree without probability: what survival of a stress may cost the plan, BTC.
STRESS_PENALTY = 1.0


# How integers below the cut are treated: taken for shares, held at 0, or whole.
Switches = Literal["shares", "closed", "whole"]
# What is not done at all.
Deed = Literal["draws", "orders"]
Without = frozenset[Deed]
# How much dearer than at first broken rows are; the integers; what is not done.
Terms = tuple[float, Switches, Without]


@dataclass(frozen=True)
class Answer:
    """Cost of a subtree at a point of the top, how it changes with each of ``Recourse.link`` (0 where integers are
    whole: there it has no slope), by how much a row is broken there at most, and what all that is broken adds to the
    cost."""

    cost: float
    slope: Floats
    broken: float
    fines: float


class Recourse:
    """One subtree: some ``rows`` and ``columns`` of a share's model. ``links``: columns of the top that the rows use,
    in the share's numbering; ``link``: the same in the top's. ``chance``: its probability. ``deeds``: positions in
    ``columns`` of what it may be told not to do."""

    def __init__(
        self,
        model: LinearModel,
        rows: Ints,
        columns: Ints,
        links: Ints,
        link: Ints,
        chance: float,
        deeds: dict[Deed, Ints],
    ) -> None:
        self.link = link
        self.columns = columns
        of_rows = model.matrix.tocsr()[rows]
        above, own = of_rows[:, links], of_rows[:, columns]
        touching = np.flatnonzero(np.diff(above.indptr) > 0)
        lower, upper = model.row_lower[rows], model.row_upper[rows]
        short = touching[np.isfinite(lower[touching])]
        over = touching[np.isfinite(upper[touching])]
        signs = np.concatenate([np.ones(len(short)), -np.ones(len(over))])
        breaks = csr_array(
            (signs, (np.concatenate([short, over]), np.arange(len(signs)))), shape=(len(rows), len(signs))
        )
        self._first_break = len(link) + len(columns)
        self._price = PENALTY * chance if chance > 0 else STRESS_PENALTY
        self._fine = self._price
        free = np.full(len(signs), np.inf)
        self._highs = linear_program(
            hstack([above, own, breaks], format="csc"),
            np.concatenate([np.zeros(len(link)), model.cost[columns], np.full(len(signs), self._price)]),
            np.concatenate([np.zeros(len(link)), model.lower[columns], np.zeros(len(signs))]),
            np.concatenate([np.zeros(len(link)), model.upper[columns], free]),
            lower,
            upper,
        )
        switches = np.flatnonzero(model.integral[columns])
        self._switches, self._most = len(link) + switches, model.upper[columns[switches]]
        self._deeds = {
            deed: ((len(link) + at).astype(np.int32), model.upper[columns[at]]) for deed, at in deeds.items()
        }
        self._whole = False
        self.shape = (len(rows), self._first_break + len(signs))

    def agree(self, dearer: float, switches: Switches, without: Without) -> None:
        """Answer on these terms from now on."""
        for deed, (columns, upper) in self._deeds.items():
            none = np.zeros(len(columns))
            self._highs.changeColsBounds(len(columns), columns, none, none if deed in without else upper)
        self._fine = dearer * self._price
        every = np.arange(self._first_break, self.shape[1], dtype=np.int32)
        self._highs.changeColsCost(len(every), every, np.full(len(every), self._fine * COST_SCALE))
        at = self._switches.astype(np.int32)
        self._highs.changeColsBounds(
            len(at), at, np.zeros(len(at)), np.zeros(len(at)) if switches == "closed" else self._most
        )
        whole = highspy.HighsVarType.kInteger if switches == "whole" else highspy.HighsVarType.kContinuous
        self._highs.changeColsIntegrality(len(at), at, np.full(len(at), whole))
        self._whole = switches == "whole" and len(at) > 0

    def start_from(self, sibling: Recourse) -> None:
        """Take over a sibling's basis: its program has the same shape and nearly the same solution."""
        self._highs.setBasis(sibling._highs.getBasis())

    def answer(self, at: Floats) -> Answer:
        """Its least cost with the top's columns ``link`` held at these values."""
        h, n = self._highs, len(self.link)
        h.changeColsBounds(n, np.arange(n, dtype=np.int32), at, at)
        h.run()
        if h.getModelStatus() != highspy.HighsModelStatus.kOptimal:
            # A basis carried over may lead the simplex astray; from nothing it does not.
            h.clearSolver()
            h.run()
        status = h.getModelStatus()
        if status == highspy.HighsModelStatus.kInfeasible:
            # Rows that do not touch the top contradict each other: nothing chosen above can help.
            raise NoPlanError
        if status != highspy.HighsModelStatus.kOptimal:
            raise SolverError(f"HiGHS ended a subtree with status '{h.modelStatusToString(status)}'")
        solution = h.getSolution()
        breaks = np.array(solution.col_value[self._first_break :])
        slope = np.zeros(n) if self._whole else np.array(solution.col_dual[:n]) / COST_SCALE
        return Answer(
            cost=float(h.getInfo().objective_function_value) / COST_SCALE,
            slope=slope,
            broken=float(np.max(breaks, initial=0.0)),
            fines=float(np.sum(breaks)) * self._fine,
        )

    def values(self) -> Floats:
        """Its own columns in the last answer."""
        return np.array(self._highs.getSolution().col_value[len(self.link) : self._first_break])


def linear_program(
    matrix: Any, cost: Floats, lower: Floats, upper: Floats, row_lower: Floats, row_upper: Floats
) -> Any:
    """A program inside its own HiGHS, its cost scaled; ``matrix``: scipy CSC."""
    lp = highspy.HighsLp()
    lp.num_row_, lp.num_col_ = matrix.shape
    lp.col_cost_ = cost * COST_SCALE
    lp.col_lower_, lp.col_upper_, lp.row_lower_, lp.row_upper_ = lower, upper, row_lower, row_upper
    lp.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    lp.a_matrix_.start_, lp.a_matrix_.index_, lp.a_matrix_.value_ = matrix.indptr, matrix.indices, matrix.data
    highs = highspy.Highs()
    highs.setOptionValue("output_flag", False)
    highs.setOptionValue("threads", 1)
    if highs.passModel(lp) == highspy.HighsStatus.kError:
        raise SolverError("HiGHS does not take a part of the model")
    return highs
