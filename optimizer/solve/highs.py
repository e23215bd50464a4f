"""HiGHS: hand it the model once, solve it as often as asked, read its status, never assume it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import highspy
import numpy as np
import numpy.typing as npt

from optimizer.errors import LimitError, SolverError
from optimizer.scenario.schema import SolverSettings
from optimizer.solve.linear_model import LinearModel

Floats = npt.NDArray[np.float64]
# Column -> (lower, upper).
Bounds = dict[int, tuple[float, float]]
# HiGHS' tolerances are absolute: in hundredths the tie-break is above them, and solving is a third faster.
COST_SCALE = 100.0

# Called now and then while HiGHS works: (seconds, gap or None).
Progress = Callable[[float, float | None], None]


class NoPlanError(Exception):
    """HiGHS has proved that no point meets every row. `optimizer.solve.diagnose` says why."""


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
    """A model inside HiGHS. Bounds and cost can be changed for one solve; rows and columns stay.

    ``second_opinion``: an "infeasible" is believed only after a second solve without presolve. Without it one verdict
    does: for an alternative, where a wrong one costs a row of a table and the second solve as much as all the others.
    """

    def __init__(self, model: LinearModel, settings: SolverSettings, second_opinion: bool = True) -> None:
        self.model = model
        self.second_opinion = second_opinion
        self.settings = settings
        self.highs = highspy.Highs()
        self.highs.HandleUserInterrupt = True
        self._options(self.highs)
        self.highs.passModel(to_highs(model))

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
            self._set_cost(self.model.cost)
            self._set_integrality(True)

    def solve(self, bounds: Bounds | None = None, progress: Progress | None = None) -> Solution:
        """Solve, with some columns' bounds changed for this solve only.

        Raises `NoPlanError`, `LimitError` (stopped by the time limit with nothing in hand) or `SolverError`.
        """
        started = time.perf_counter()
        h = self.highs
        self._set_bounds(bounds or {})
        try:
            with _reporting(h, progress, started):
                status, hit_limit = self._run()
            x = np.array(h.getSolution().col_value)
            gap = float(h.getInfo().mip_gap) if self.model.integral.any() else 0.0
            whole = np.flatnonzero(self.model.integral)
            if len(whole) and np.abs(x[whole] - np.round(x[whole])).max() > 1e-9:
                x = self._with_exact_integers(x, bounds or {})
            return Solution(
                x=x,
                objective=float(self.model.cost @ x) + self.model.offset,
                gap=gap,
                status=status,
                seconds=time.perf_counter() - started,
                hit_limit=hit_limit,
            )
        finally:
            self._set_bounds({})

    def _with_exact_integers(self, x: Floats, bounds: Bounds) -> Floats:
        """The LP that remains once integers a hair off are rounded: a plan orders 12 lots, not 11.9999."""
        whole = np.flatnonzero(self.model.integral)
        self._set_bounds({**bounds, **{int(j): (round(x[j]), round(x[j])) for j in whole}})
        self._set_integrality(False)
        try:
            self._run()
            return np.array(self.highs.getSolution().col_value)
        finally:
            self._set_integrality(True)

    def _solve_interruptibly(self) -> None:
        """Run HiGHS in a thread, so that Ctrl-C reaches this one and stops it."""
        working = threading.Thread(target=self.highs.run, daemon=True)
        working.start()
        try:
            while working.is_alive():
                working.join(0.1)
        except KeyboardInterrupt:
            self.highs.cancelSolve()
            working.join()
            raise

    def _run(self) -> tuple[str, bool]:
        h = self.highs
        # From a basis of an earlier solve HiGHS skips presolve, which costs these models ten times the time.
        h.clearSolver()
        # HiGHS counts its time over all runs of one object.
        h.setOptionValue("time_limit", h.getRunTime() + self.settings.time_limit_s)
        self._solve_interruptibly()
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
            if not self.second_opinion and status == ok.kInfeasible:
                raise NoPlanError
            # Never trust one "infeasible": presolve has been wrong before.
            h.setOptionValue("presolve", "off")
            self._solve_interruptibly()
            again = h.getModelStatus()
            h.setOptionValue("presolve", "choose")
            if again == ok.kOptimal:
                return h.modelStatusToString(again), False
            if again == ok.kInfeasible:
                raise NoPlanError
            text = f"{text}, then {h.modelStatusToString(again)} without presolve"
        raise SolverError(f"HiGHS ended with status '{text}'")

    def _set_integrality(self, on: bool) -> None:
        index = np.flatnonzero(self.model.integral).astype(np.int32)
        kind = highspy.HighsVarType.kInteger if on else highspy.HighsVarType.kContinuous
        self.highs.changeColsIntegrality(len(index), index, np.full(len(index), kind))

    def _set_cost(self, cost: Floats) -> None:
        every = np.arange(len(cost), dtype=np.int32)
        self.highs.changeColsCost(len(every), every, cost * COST_SCALE)

    def _set_bounds(self, bounds: Bounds) -> None:
        lower, upper = self.model.lower.copy(), self.model.upper.copy()
        for j, (low, high) in bounds.items():
            lower[j], upper[j] = low, high
        every = np.arange(len(lower), dtype=np.int32)
        self.highs.changeColsBounds(len(every), every, lower, upper)


def version() -> str:
    """The solver's name and version."""
    return f"HiGHS {highspy.Highs().version()}"


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


def to_highs(model: LinearModel) -> Any:
    """The model as HiGHS takes it, its objective scaled."""
    lp = highspy.HighsLp()
    lp.num_row_, lp.num_col_ = model.matrix.shape
    lp.col_cost_ = model.cost * COST_SCALE
    lp.offset_ = model.offset * COST_SCALE
    lp.col_lower_, lp.col_upper_ = model.lower, model.upper
    lp.row_lower_, lp.row_upper_ = model.row_lower, model.row_upper
    lp.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    lp.a_matrix_.start_ = model.matrix.indptr
    lp.a_matrix_.index_ = model.matrix.indices
    lp.a_matrix_.value_ = model.matrix.data
    kinds = {True: highspy.HighsVarType.kInteger, False: highspy.HighsVarType.kContinuous}
    lp.integrality_ = [kinds[bool(whole)] for whole in model.integral]
    return lp
