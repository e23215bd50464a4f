"""The top of a cut tree: its rows, and a floor under the cost of every subtree that rises with each answer.

Minimise  cost @ x + sum_k theta[k]  over the rows of the top, where for every answer of subtree k at a point x':
theta[k] >= Q_k(x') + slope_k(x') @ (x - x').  A floor for each subtree ("multi-cut"): J. R. Birge and F. Louveaux,
Introduction to Stochastic Programming, 2nd edition (2011), chapter 5. Q_k is convex in x, so no floor lies above the
true cost, and the least value is a lower bound on any plan's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import highspy
import numpy as np
from scipy.sparse import csr_array, hstack, vstack

from optimizer.errors import LimitError, SolverError
from optimizer.scenario.schema import SolverSettings
from optimizer.solve.highs import COST_SCALE, Bounds, NoPlanError
from optimizer.solve.linear_model import Floats, LinearModel
from optimizer.solve.recourse import Answer, linear_program
from optimizer.solve.subtrees import Outline

# Slopes smaller than this are rounding.
NO_SLOPE = 1e-10


class Master:
    """Columns: the top's, then one theta for each subtree, in the order of ``outlines``. ``most``: more than a plan can
    be worth, in the model's unit: it bounds what nothing bounds before the first answers."""

    def __init__(self, top: LinearModel, outlines: Sequence[Outline], settings: SolverSettings, most: float) -> None:
        self.links = [link for outline in outlines for link in outline.links]
        # What is owned at the top may be worth something at a leaf: a part of its cost is told below.
        self.cost = top.cost + sum(outline.cost - top.cost for outline in outlines)
        self._size = len(top.cost)
        alone = [outline.rows for outline in outlines]
        matrix = vstack([top.matrix, *(rows.matrix(len(top.cost)) for rows in alone)])
        loose = ~np.isfinite(top.lower) & ~np.isfinite(top.upper)
        self._lower, self._upper = np.where(loose, -most, top.lower), np.where(loose, most, top.upper)
        self._first_lower, self._first_upper = self._lower, self._upper
        most_each = np.full(len(self.links), most)
        self._highs = linear_program(
            hstack([matrix, csr_array((matrix.shape[0], len(self.links)))], format="csc"),
            np.concatenate([self.cost, np.ones(len(self.links))]),
            np.concatenate([self._lower, -most_each]),
            np.concatenate([self._upper, most_each]),
            np.concatenate([top.row_lower, *(rows.lower for rows in alone)]),
            np.concatenate([top.row_upper, *(rows.upper for rows in alone)]),
        )
        self._highs.setOptionValue("random_seed", settings.seed)
        self._integral = np.flatnonzero(top.integral).astype(np.int32)

    def learn(self, x: Floats, answers: Sequence[Answer]) -> None:
        """Raise the floors by the answers at ``x`` [column of the top]."""
        for k, (link, answer) in enumerate(zip(self.links, answers, strict=True)):
            columns = np.append(link, len(x) + k).astype(np.int32)
            coefs = np.append(-answer.slope, 1.0)
            used = np.abs(coefs) > NO_SLOPE
            least = answer.cost - float(answer.slope @ x[link])
            self._highs.addRow(least, highspy.kHighsInf, int(used.sum()), columns[used], coefs[used])

    @property
    def rows(self) -> int:
        """How many there are now."""
        return int(self._highs.getNumRow())

    def forget(self, rows: int) -> None:
        """Drop all but the first so many rows."""
        late = np.arange(rows, self.rows, dtype=np.int32)
        if len(late) and self._highs.deleteRows(len(late), late) != highspy.HighsStatus.kOk:
            raise SolverError("HiGHS does not drop rows")

    def relax(self) -> tuple[Floats, float]:
        """The top's best by the floors, integers taken as shares, and its value, a lower bound: ([column], value)."""
        h = self._highs
        h.setOptionValue("solver", "simplex")
        self._run()
        return self._top_values(), float(h.getInfo().objective_function_value) / COST_SCALE

    def solve(self, gap_share: float, seconds: float) -> tuple[Floats, float]:
        """The same with whole integers, to within a relative gap: ([column], lower bound)."""
        h = self._highs
        kinds = np.full(len(self._integral), highspy.HighsVarType.kInteger)
        h.changeColsIntegrality(len(self._integral), self._integral, kinds)
        h.setOptionValue("mip_rel_gap", gap_share)
        h.setOptionValue("time_limit", h.getRunTime() + seconds)
        try:
            h.setOptionValue("solver", "choose")
            self._run()
            return self._top_values(), float(h.getInfo().mip_dual_bound) / COST_SCALE
        finally:
            kinds = np.full(len(self._integral), highspy.HighsVarType.kContinuous)
            h.changeColsIntegrality(len(self._integral), self._integral, kinds)
            h.setOptionValue("time_limit", highspy.kHighsInf)

    def limit(self, bounds: Bounds) -> None:
        """Hold some columns within other bounds, all others as at first."""
        self._lower, self._upper = self._first_lower.copy(), self._first_upper.copy()
        for j, (low, high) in bounds.items():
            self._lower[j], self._upper[j] = low, high
        every = np.arange(self._size, dtype=np.int32)
        self._highs.changeColsBounds(len(every), every, self._lower, self._upper)

    def stay_near(self, x: Floats | None, radius: float) -> None:
        """Keep every column within a share ``radius`` of its size, or of a tenth of the largest, from ``x``; or let
        them go again."""
        lower, upper = self._lower, self._upper
        if x is not None:
            reach = radius * np.maximum(np.abs(x), 0.1 * np.abs(x).max())
            lower, upper = np.clip(x - reach, lower, upper), np.clip(x + reach, lower, upper)
        every = np.arange(self._size, dtype=np.int32)
        self._highs.changeColsBounds(len(every), every, lower, upper)

    def hold_integers(self, x: Floats | None) -> None:
        """Keep the integers as in ``x``, or let them go again."""
        at = self._integral
        lower = self._lower[at] if x is None else self.integers(x)
        upper = self._upper[at] if x is None else self.integers(x)
        self._highs.changeColsBounds(len(at), at, lower, upper)

    def integers(self, x: Floats) -> Floats:
        """Those of a point, whole."""
        return np.round(x[self._integral])

    def _top_values(self) -> Floats:
        return np.array(self._highs.getSolution().col_value[: self._size])

    def _run(self) -> None:
        h, ok = self._highs, highspy.HighsModelStatus
        status = self._status()
        if status == ok.kInfeasible:
            raise NoPlanError
        if status == ok.kTimeLimit and h.getInfo().primal_solution_status != 2:
            raise LimitError("stopped by the time limit before any plan was found")
        if status not in (ok.kOptimal, ok.kTimeLimit):
            raise SolverError(f"HiGHS ended the top of the tree with status '{h.modelStatusToString(status)}'")

    def _status(self) -> Any:
        """How it ended. A basis carried over may lead the simplex astray, and one verdict of "infeasible" is never
        believed: then it begins from nothing, and then without presolve."""
        h, ok = self._highs, highspy.HighsModelStatus
        h.run()
        for presolve in ("choose", "off"):
            if h.getModelStatus() not in (ok.kOptimal, ok.kTimeLimit):
                h.clearSolver()
                h.setOptionValue("presolve", presolve)
                h.run()
        h.setOptionValue("presolve", "choose")
        return h.getModelStatus()
