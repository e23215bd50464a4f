"""Statuses are read, limits are honest, and a solve leaves nothing behind."""

from __future__ import annotations

import numpy as np
import pytest

from optimizer.errors import LimitError
from optimizer.formulation.build import build
from optimizer.scenario.schema import SolverSettings
from optimizer.solve.highs import NoPlanError, Solver
from optimizer.solve.linear_model import to_arrays
from tests.formulation.mixed import mixed, mixed_tree
from tests.formulation.planned import path, scenario
from tests.ledger.company import PRICE, requirements


def solver_of(**settings: float) -> Solver:
    model = to_arrays(build(mixed(), mixed_tree()))
    return Solver(model, SolverSettings(**{"gap_share": 0.0, **settings}))


def test_a_plan_to_the_end_has_no_gap() -> None:
    solution = solver_of().solve()
    assert (solution.status, solution.hit_limit) == ("Optimal", False)
    assert solution.gap <= 1e-6


def test_a_limit_before_any_plan_is_an_error() -> None:
    with pytest.raises(LimitError, match="before any plan was found") as caught:
        solver_of(time_limit_s=1e-6).solve()
    assert caught.value.exit_code == 4


def test_a_limit_after_a_plan_gives_the_plan_and_its_gap() -> None:
    solver = solver_of()
    best = solver.solve()
    solver.highs.setOptionValue("mip_max_improving_sols", 1)
    first = solver.solve()
    assert first.hit_limit
    assert first.status != "Optimal"
    assert first.gap > 0
    assert first.objective >= best.objective - 1e-9
    assert first.objective <= best.objective + first.gap * abs(first.objective) + 1e-6


def test_an_impossible_model_is_infeasible() -> None:
    given = scenario(requirements=requirements(min_btc=1_000.0))
    with pytest.raises(NoPlanError):
        Solver(to_arrays(build(given, path([PRICE] * 5))), given.solver).solve()


def test_whole_numbers_come_back_whole() -> None:
    solver = solver_of()
    x = solver.solve().x[solver.model.integral]
    assert x == pytest.approx(np.round(x), abs=1e-9)


def test_bounds_cost_and_kinds_are_restored_after_every_solve() -> None:
    solver = solver_of()
    before = solver.solve()
    passed = solver.highs.getLp()
    column = solver.model.columns["sell_btc"][0]
    solver.solve({column: (1.0, 1.0)})
    assert solver.relax({column: (2.0, 2.0)}, solver.model.cost * 0.0)[column] == pytest.approx(2.0)
    with pytest.raises(NoPlanError):
        solver.solve({column: (1_000.0, 1_000.0)})
    after = solver.highs.getLp()
    for name in ("col_lower_", "col_upper_", "col_cost_", "row_lower_", "row_upper_", "integrality_"):
        assert list(getattr(after, name)) == list(getattr(passed, name))
    assert solver.solve().objective == pytest.approx(before.objective, rel=1e-9)


def test_a_column_held_is_held_for_one_solve_only() -> None:
    solver = solver_of()
    free = solver.solve()
    column = solver.model.columns["sell_btc"][0]
    held = solver.solve({column: (1.0, 1.0)})
    assert held.x[column] == pytest.approx(1.0)
    assert solver.solve().x[column] == pytest.approx(free.x[column], abs=1e-6)
