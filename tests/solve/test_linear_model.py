"""The arrays are the Pyomo model, coefficient by coefficient."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pyomo.environ import Constraint
from pyomo.repn.plugins.standard_form import LinearStandardFormCompiler

from optimizer.formulation.build import build
from optimizer.formulation.linear import Terms, at_least
from optimizer.market.build_tree import build_tree
from optimizer.scenario.load import load_scenario
from optimizer.solve.highs import NoPlanError, Solver
from optimizer.solve.linear_model import to_arrays

SCENARIOS = Path(__file__).parents[2] / "scenarios"
SMALL = "market.tree.branching=[{month: 1, children: 2}]"


@pytest.mark.parametrize("name", ["fleet_refresh", "full_menu", "teach_walk_away"])
def test_arrays_are_what_pyomo_compiles(name: str) -> None:
    given = load_scenario(SCENARIOS / f"{name}.yaml", (), () if name.startswith("teach") else (SMALL,)).scenario
    f = build(given, build_tree(given)[0])
    ours = to_arrays(f)
    theirs = LinearStandardFormCompiler().write(f.pyomo, mixed_form=True, set_sense=None)
    column = [ours.columns[v.parent_component().name][v.index()] for v in theirs.columns]
    row_of = {row: i for i, row in enumerate(ours.rows)}
    row = [row_of[r.constraint.parent_component().name, r.constraint.index()] for r in theirs.rows]
    assert abs(ours.matrix.tocsr()[row][:, column] - theirs.A).max() <= 1e-15
    assert len(row) == len(ours.rows)
    kind = np.array([r.bound_type for r in theirs.rows])
    assert np.array_equal(ours.row_upper[row], np.where(kind == -1, np.inf, theirs.rhs))
    assert np.array_equal(ours.row_lower[row], np.where(kind == 1, -np.inf, theirs.rhs))
    assert np.array_equal(ours.cost[column], theirs.c.toarray().ravel())
    assert ours.offset == theirs.c_offset[0]
    assert np.array_equal(ours.integral[column], [not v.is_continuous() for v in theirs.columns])


def test_a_row_without_variables_that_does_not_hold_leaves_no_plan() -> None:
    given = load_scenario(SCENARIOS / "teach_one_machine.yaml").scenario
    f = build(given, build_tree(given)[0])
    f.pyomo.asked_too_much = Constraint([0], rule=lambda _, n: at_least(Terms(1.0), 2.0))
    model = to_arrays(f)
    assert model.rows[-1] == ("asked_too_much", 0)
    with pytest.raises(NoPlanError):
        Solver(model, given.solver).solve()
