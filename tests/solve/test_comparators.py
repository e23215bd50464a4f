"""The alternatives: told what they are told, worth no more than the plan, and nothing left behind."""

from __future__ import annotations

import numpy as np
import pytest

from optimizer.solve.comparators import Alternative, Alternatives
from tests.formulation.mixed import mixed, mixed_tree
from tests.formulation.planned import Planned, planned
from tests.formulation.test_identities import changed

# Low enough a floor on BTC that the company can do without lenders.
COMPANY = changed(mixed(), requirements__min_btc=20.0)


@pytest.fixture(scope="module")
def plan() -> Planned:
    return planned(COMPANY, mixed_tree())


@pytest.fixture(scope="module")
def found(plan: Planned) -> dict[str, Alternative]:
    before = plan.model.lower.copy(), plan.model.upper.copy(), plan.model.cost.copy()
    others = Alternatives(plan.formulation, plan.model, COMPANY.solver)
    try:
        alternatives = {a.name: a for a in others.results(plan.solution)}
    finally:
        others.close()
    assert np.array_equal(before, (plan.model.lower, plan.model.upper, plan.model.cost))
    return alternatives


def columns(plan: Planned, name: str, at: Alternative) -> dict[object, float]:
    assert at.solution is not None
    return {index: float(at.solution.x[j]) for index, j in plan.model.columns[name].items()}


def test_there_are_five_and_each_has_a_plan_or_a_reason(found: dict[str, Alternative]) -> None:
    assert set(found) == {"sell_only", "borrow_most", "no_machines", "btc_instead", "mean_path"}
    assert all((a.solution is None) == bool(a.why_not) for a in found.values())


def test_no_alternative_beats_the_plan(plan: Planned, found: dict[str, Alternative]) -> None:
    """btc_instead may: it buys BTC where the scenario forbids it."""
    for name in ("sell_only", "borrow_most", "no_machines", "mean_path"):
        solution = found[name].solution
        assert solution is None or solution.objective >= plan.solution.objective - 1e-7


def test_a_company_without_lenders_is_the_one_told_to_sell_only(plan: Planned, found: dict[str, Alternative]) -> None:
    told = found["sell_only"].solution
    assert told is not None
    alone = planned(changed(COMPANY, facilities=[]), mixed_tree())
    assert told.objective == pytest.approx(alone.solution.objective, rel=1e-9)
    assert told.objective > plan.solution.objective + 1e-3


def test_each_does_what_it_is_told(plan: Planned, found: dict[str, Alternative]) -> None:
    assert plan.decisions.orders
    assert max(columns(plan, "order_lots", found["no_machines"]).values()) == pytest.approx(0.0, abs=1e-9)
    drawn = sum(draw.amount_usd for draw in plan.decisions.draws if draw.node == 0) / 100_000.0
    principal = columns(plan, "principal_usd", found["borrow_most"])
    most = sum(usd for index, usd in principal.items() if index[0] == 0 and index[3] == 0)  # type: ignore[index]
    assert most >= 0.98 * drawn
