"""Alternatives of a plan in parts are those of the whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from optimizer.alternatives import Comparator
from optimizer.planning import Method, plan
from optimizer.solve.comparators_in_parts import NOT_IN_PARTS

FLAGSHIP = Path(__file__).parents[2] / "scenarios" / "fleet_refresh.yaml"
SMALL = (
    "market.tree.branching=[{month: 1, children: 2}, {month: 4, children: 3}]",
    "horizon_months=15",
    "market.stress=[]",
)


def alternatives(method: Method) -> tuple[float, dict[str, Comparator]]:
    """The plan's worth and its alternatives."""
    made = plan(FLAGSHIP, sets=SMALL, method=method, monte_carlo=0)
    assert made.solver.method == method
    assert made.solver.gap <= made.scenario.solver.gap_share
    return made.value.value, {other.name: other for other in made.comparators}


def test_alternatives_in_parts_are_worth_what_they_are_whole() -> None:
    worth, whole = alternatives("whole")
    in_parts_worth, in_parts = alternatives("decomposed")
    assert in_parts_worth == pytest.approx(worth, rel=0.001)
    assert list(in_parts) == list(whole)
    for name in set(whole) - set(NOT_IN_PARTS):
        assert in_parts[name].feasible == whole[name].feasible, name
        if whole[name].feasible:
            assert in_parts[name].value == pytest.approx(whole[name].value, rel=0.002), name
            assert in_parts[name].sell_btc >= 0
    assert sum(other.feasible for other in in_parts.values()) >= 3
    assert in_parts["sell_only"].borrow_usd == 0.0
    assert in_parts["no_machines"].machines_usd == 0.0
    assert "--method whole" in in_parts["borrow_most"].why_not
