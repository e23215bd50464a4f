"""HiGHS: hand it the model once, solve it as often as asked, read its status, never assume it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import highspy
import numpy as np
import numpy.typing as npt
from pyomo.repn.plugins.standard_form import LinearStandardFormCompiler

from optimizer.errors import LimitError, SolverError
from optimizer.formulation.model import Formulation
from optimizer.scenario.schema import SolverSettings

Floats = npt.NDArray[np.float64]
# Column -> (lower, upper).
Bounds = dict[int, tuple[float, float]]
# Called now and then while HiGHS works: (seconds, gap or None).
Progress = Callable[[float, float | None], None]


class Infeasible(Exception):
    """HiGHS has proved, twice, that no point meets every row. `optimizer.solve.diagnose` says why."""


@dataclass(frozen=True)
class Solution:
    """``x`` [column] in model units; ``gap`` relative, proven; ``status`` in HiGHS' words; ``seconds`` solving."""

    x: Floats
    objective: float
    gap: float
    status: str
    seconds: float
    hit_limit: bool


class Solver:
    """A model inside HiGHS. Bounds can be changed and restored between solves; rows and columns stay.

    ``column`` maps a Pyomo variable (by id) to its column; ``row_names`` are (family, index) in row order.
    """

    def __init__(self, f: Formulation, settings: SolverSettings) -> None:
        compiled = LinearStandardFormCompiler().write(f.pyomo, mixed_form=True, set_sense=None)
        self.formulation = f
        self.settings = settings
        self.variables: list[Any] = list(compiled.columns)
        self.column = {id(var): j for j, var in enumerate(self.variables)}
        self.rows: list[Any] = [entry.constraint for entry in compiled.rows]
        kinds = np.array([entry.bound_type for entry in compiled.rows])
        rhs = np.asarray(compiled.rhs, dtype=float)
        self.lp = _to_highs_lp(compiled, self.variables, kinds, rhs)
        self.lower = np.array(self.lp.col_lower_)
        self.upper = np.array(self.lp.col_upper_)
        self.integral = np.array([v.is_integer() or v.is_binary() for v in self.variables])
        self.cost = np.array(self.lp.col_cost_)
        self.highs = highspy.Highs()
        self._options(self.highs)
        self.highs.passModel(self.lp)

    def _options(self, highs: Any) -> None:
        s = self.settings
        highs.setOptionValue("output_flag", False)
        highs.setOptionValue("threads", s.threads)
        highs.setOptionValue("random_seed", s.seed)
        highs.setOptionValue("mip_rel_gap", s.gap_share)

    def relax(self, bounds: Bounds, cost: Floats) -> Floats:
        """The solution of the relaxation (integers may be broken) under these bounds and cost: [column].

        Raises like `solve`.
        """
        self._set_bounds(bounds)
        self._set_cost(cost)
        self._set_integrality(False)
        try:
            self._run()
            return np.array(self.highs.getSolution().col_value)
        finally:
            self._set_bounds({})
            self._set_cost(self.cost)
            self._set_integrality(True)

    def solve(self, bounds: Bounds | None = None, progress: Progress | None = None) -> Solution:
        """Solve, with some columns' bounds changed for this solve only.

        Raises `Infeasible`, `LimitError` (stopped by the time limit with nothing in hand) or `SolverError`.
        """
        started = time.perf_counter()
        h = self.highs
        self._set_bounds(bounds or {})
        try:
            with _reporting(h, progress, started):
                status, hit_limit = self._run()
            x = np.array(h.getSolution().col_value)
            gap = float(h.getInfo().mip_gap) if self.integral.any() else 0.0
            whole = np.flatnonzero(self.integral)
            if len(whole) and np.abs(x[whole] - np.round(x[whole])).max() > 1e-9:
                x = self._with_exact_integers(x, bounds or {})
            return Solution(
                x=x,
                objective=float(self.cost @ x) + float(self.lp.offset_),
                gap=gap,
                status=status,
                seconds=time.perf_counter() - started,
                hit_limit=hit_limit,
            )
        finally:
            self._set_bounds({})

    def _with_exact_integers(self, x: Floats, bounds: Bounds) -> Floats:
        """The LP that remains once integers a hair off are rounded: a plan orders 12 lots, not 11.9999."""
        whole = np.flatnonzero(self.integral)
        self._set_bounds({**bounds, **{int(j): (round(x[j]), round(x[j])) for j in whole}})
        self._set_integrality(False)
        try:
            self._run()
            return np.array(self.highs.getSolution().col_value)
        finally:
            self._set_integrality(True)

    def _run(self) -> tuple[str, bool]:
        h = self.highs
        # From a basis of an earlier solve HiGHS skips presolve, which costs these models ten times the time.
        h.clearSolver()
        # HiGHS counts its time over all runs of one object.
        h.setOptionValue("time_limit", h.getRunTime() + self.settings.time_limit_s)
        h.run()
        status = h.getModelStatus()
        text = h.modelStatusToString(status)
        ok = highspy.HighsModelStatus
        if status == ok.kOptimal:
            return text, False
        if status in (ok.kTimeLimit, ok.kIterationLimit, ok.kSolutionLimit, ok.kInterrupt):
            if h.getInfo().primal_solution_status == 2:
                return text, True
            raise LimitError(f"stopped by the limit of {self.settings.time_limit_s:g} s before any plan was found")
        if status in (ok.kInfeasible, ok.kUnboundedOrInfeasible):
            # Never trust one "infeasible": presolve has been wrong before.
            h.setOptionValue("presolve", "off")
            h.run()
            again = h.getModelStatus()
            h.setOptionValue("presolve", "choose")
            if again == ok.kOptimal:
                return h.modelStatusToString(again), False
            if again == ok.kInfeasible:
                raise Infeasible
            text = f"{text}, then {h.modelStatusToString(again)} without presolve"
        raise SolverError(f"HiGHS ended with status '{text}'")

    def _set_integrality(self, on: bool) -> None:
        index = np.flatnonzero(self.integral).astype(np.int32)
        kind = highspy.HighsVarType.kInteger if on else highspy.HighsVarType.kContinuous
        self.highs.changeColsIntegrality(len(index), index, np.full(len(index), kind))

    def _set_cost(self, cost: Floats) -> None:
        every = np.arange(len(cost), dtype=np.int32)
        self.highs.changeColsCost(len(every), every, cost)

    def _set_bounds(self, bounds: Bounds) -> None:
        lower, upper = self.lower.copy(), self.upper.copy()
        for j, (low, high) in bounds.items():
            lower[j], upper[j] = low, high
        every = np.arange(len(lower), dtype=np.int32)
        self.highs.changeColsBounds(len(every), every, lower, upper)


@contextmanager
def _reporting(highs: Any, progress: Progress | None, started: float) -> Iterator[None]:
    """Call ``progress`` from HiGHS' own log callback while a solve runs."""
    if progress is None:
        yield
        return

    def report(event: Any) -> None:
        gap = float(event.data_out.mip_gap)
        progress(time.perf_counter() - started, gap if np.isfinite(gap) else None)

    highs.cbMipLogging.subscribe(report)
    try:
        yield
    finally:
        highs.cbMipLogging.unsubscribe(report)


def _to_highs_lp(compiled: Any, variables: Iterable[Any], kinds: Floats, rhs: Floats) -> Any:
    lp = highspy.HighsLp()
    matrix = compiled.A.tocsc()
    lp.num_col_, lp.num_row_ = matrix.shape[1], matrix.shape[0]
    lp.col_cost_ = np.asarray(compiled.c.todense(), dtype=float).ravel()
    lp.offset_ = float(compiled.c_offset[0])
    lp.col_lower_ = np.array([-np.inf if v.lb is None else v.lb for v in variables], dtype=float)
    lp.col_upper_ = np.array([np.inf if v.ub is None else v.ub for v in variables], dtype=float)
    # bound_type: 1 row <= rhs, -1 row >= rhs, 0 row == rhs.
    lp.row_lower_ = np.where(kinds == 1, -np.inf, rhs)
    lp.row_upper_ = np.where(kinds == -1, np.inf, rhs)
    lp.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    lp.a_matrix_.start_ = matrix.indptr
    lp.a_matrix_.index_ = matrix.indices
    lp.a_matrix_.value_ = matrix.data
    lp.integrality_ = [
        highspy.HighsVarType.kInteger if v.is_integer() or v.is_binary() else highspy.HighsVarType.kContinuous
        for v in variables
    ]
    return lp
