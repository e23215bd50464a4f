"""What limits are worth: the price of a small easing from the linear program at the chosen integers, and what one whole
step brings when it is solved again."""

from __future__ import annotations

from dataclasses import dataclass

import highspy
import numpy as np

from optimizer.errors import SolverError
from optimizer.formulation.build import build
from optimizer.market.tree import Tree
from optimizer.scenario.schema import Scenario
from optimizer.solve.highs import COST_SCALE, to_highs
from optimizer.solve.linear_model import Floats, LinearModel, to_arrays
from optimizer.why.limits import Limit, limits_of

# Of the plan's worth, per step: what is less is told as nothing.
NOTHING = 1e-6
# Of a step: so little of it that the program stays the same to first order.
NUDGE = 1e-3


@dataclass(frozen=True)
class Worth:
    """What easing a limit brings, in the numeraire, with today's whole numbers as they are.

    marginal: of the first bit, per step, from the duals (envelope theorem: the Lagrangian's own change). step: of one
    whole step, solved again; NaN where a step makes another model of it.
    """

    key: str
    words: str
    marginal: float
    step: float


@dataclass(frozen=True)
class Optimum:
    """The linear program at the chosen integers: x [column], row duals [row] and column duals [column] of the cost as
    it stands in the model; ``cost`` with its offset; the basis, to start like programs from."""

    x: Floats
    row_dual: Floats
    column_dual: Floats
    cost: float
    basis: object


def worths(scenario: Scenario, tree: Tree, model: LinearModel, x: Floats, unit: float) -> tuple[Worth, ...]:
    """The worth of every limit of the scenario that binds, most worth first. ``model``, ``x``: the plan's, solved;
    ``unit``: of the numeraire to one of the model's."""
    whole = np.round(x[model.integral])
    base = solve_at(model, whole)
    least = NOTHING * abs(base.cost)

    def worth(limit: Limit) -> Worth | None:
        nudged = to_arrays(build(limit.eased(scenario, NUDGE), tree))
        if not alike(model, nudged):
            return None
        marginal = -lagrangian_change(model, nudged, base) / NUDGE
        # What does not bind is worth nothing, and more of it too.
        if abs(marginal) <= least:
            return None
        eased = to_arrays(build(limit.eased(scenario, 1.0), tree))
        step = base.cost - solve_at(eased, whole, base).cost if alike(model, eased) else float("nan")
        return Worth(limit.key, limit.words, marginal * unit, step * unit)

    binding = [found for limit in limits_of(scenario) if (found := worth(limit))]
    return tuple(sorted(binding, key=lambda found: -found.marginal))


def alike(model: LinearModel, other: LinearModel) -> bool:
    """Whether two models have the same rows and columns, so that a solution of one means the same in the other."""
    return model.rows == other.rows and model.columns == other.columns


def lagrangian_change(model: LinearModel, other: LinearModel, at: Optimum) -> float:
    """By how much the least cost changes from one model to a slightly different one, to first order:
    dc x + y (db - dA x) + d db_columns, with the bound of each row and column that its dual says is active."""
    y, d = at.row_dual, at.column_dual
    row_bound = _moved(model.row_lower, other.row_lower, model.row_upper, other.row_upper, y)
    column_bound = _moved(model.lower, other.lower, model.upper, other.upper, d)
    cost = float((other.cost - model.cost) @ at.x) + other.offset - model.offset
    return cost + float(y @ (row_bound - (other.matrix - model.matrix) @ at.x)) + float(d @ column_bound)


def _moved(low: Floats, new_low: Floats, high: Floats, new_high: Floats, dual: Floats) -> Floats:
    """How far the active bounds have moved: the lower where a dual is positive, the upper where it is negative."""
    with np.errstate(invalid="ignore"):
        lower, upper = np.nan_to_num(new_low - low, nan=0.0), np.nan_to_num(new_high - high, nan=0.0)
    return np.where(dual > 0, lower, np.where(dual < 0, upper, 0.0))


def solve_at(model: LinearModel, whole: Floats, start: Optimum | None = None) -> Optimum:
    """The linear program with the integer columns held at ``whole``. Raises `SolverError` where it has no optimum."""
    h = highspy.Highs()
    h.setOptionValue("output_flag", False)
    h.passModel(to_highs(model))
    index = np.flatnonzero(model.integral).astype(np.int32)
    h.changeColsIntegrality(len(index), index, np.full(len(index), highspy.HighsVarType.kContinuous))
    h.changeColsBounds(len(index), index, whole, whole)
    if start is not None:
        h.setBasis(start.basis)
    h.run()
    if h.getModelStatus() != highspy.HighsModelStatus.kOptimal:
        raise SolverError(
            f"the program at the plan's whole numbers ended '{h.modelStatusToString(h.getModelStatus())}'"
        )
    solution = h.getSolution()
    x = np.array(solution.col_value)
    return Optimum(
        x=x,
        row_dual=np.array(solution.row_dual) / COST_SCALE,
        column_dual=np.array(solution.col_dual) / COST_SCALE,
        cost=float(model.cost @ x) + model.offset,
        basis=h.getBasis(),
    )
