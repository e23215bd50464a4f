"""Why a plan: worths of limits against solving again, the next best by enumeration, flips between opposite plans."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from optimizer.errors import SolverError
from optimizer.formulation.build import build
from optimizer.formulation.extract import decisions
from optimizer.market.build_tree import build_tree
from optimizer.scenario.load import load_scenario
from optimizer.scenario.schema import Scenario
from optimizer.solve.highs import Solution, Solver
from optimizer.solve.linear_model import LinearModel, load_solution, to_arrays
from optimizer.why.assumptions import Assumption, assumptions_of
from optimizer.why.flips import CLOSE_SHARE, Advice, Flip, _around, advice_at, flips
from optimizer.why.forbidden import next_best
from optimizer.why.limits import limits_of
from optimizer.why.shadow import alike, lagrangian_change, solve_at, worths

SCENARIOS = Path(__file__).parents[2] / "scenarios"
FEW = ("market.tree.branching=[{month: 1, children: 2}, {month: 4, children: 2}]", "market.fan.paths=400")
# A duality gap and a step of a thousandth: to this share the slope of a step and a dual agree where there is no kink.
CLOSE = 1e-3


class Solved:
    """A scenario planned, with what the reasons are made from."""

    def __init__(self, name: str, *sets: str) -> None:
        self.scenario: Scenario = load_scenario(SCENARIOS / f"{name}.yaml", sets=sets).scenario
        self.tree = build_tree(self.scenario)[0]
        f = build(self.scenario, self.tree)
        self.model: LinearModel = to_arrays(f)
        self.best: Solution = Solver(self.model, self.scenario.solver).solve()
        load_solution(f, self.model, self.best.x)
        self.decided = decisions(f)


@pytest.fixture(scope="module")
def flagship() -> Solved:
    return Solved("fleet_refresh", *FEW)


def test_the_worth_of_a_limit_is_what_solving_again_finds(flagship: Solved) -> None:
    """A dual lies between what a little more brings and what a little less costs, both solved again; where there is no
    kink between them it is both."""
    model, whole = flagship.model, np.round(flagship.best.x[flagship.model.integral])
    base, checked = solve_at(model, whole), 0
    for limit in limits_of(flagship.scenario):
        slopes = []
        for step in (1e-3, -1e-3):
            moved = to_arrays(build(limit.eased(flagship.scenario, step), flagship.tree))
            if not alike(model, moved):
                break
            if step > 0:
                dual = -lagrangian_change(model, moved, base) / step
            try:
                slopes.append((base.cost - solve_at(moved, whole, base).cost) / step)
            except SolverError:  # a little less, and there is no plan with these whole numbers
                slopes.append(math.inf)
        if len(slopes) == 2:
            more, less = slopes
            slack = CLOSE * max(abs(more), abs(dual), 1e-2)
            assert more - slack <= dual <= less + slack, limit.key
            checked += abs(dual) > 1e-6
    assert checked >= 8


def test_binding_limits_are_told_most_worth_first(flagship: Solved) -> None:
    found = worths(flagship.scenario, flagship.tree, flagship.model, flagship.best.x, 1.0)
    told = [max(worth.marginal, worth.step if math.isfinite(worth.step) else 0.0) for worth in found]
    assert told == sorted(told, reverse=True)
    cash = next(worth for worth in found if worth.key == "treasury.cash_usd")
    # A million dollars are at least the BTC that they buy today, less what buying costs; never more than twice as much.
    assert 1e6 / flagship.scenario.market.btc_price_usd * 0.9 < cash.step < 2e6 / flagship.scenario.market.btc_price_usd


def test_in_a_teaching_case_by_hand() -> None:
    """Borrow or sell: 40 BTC, a bill of $1M, a loan at 10% against a price that rises by 15%. A dollar of cash saves a
    dollar of loan; the lender's limit does not bind; a BTC more is a BTC."""
    solved = Solved("teach_borrow_or_sell")
    found = {w.key: w for w in worths(solved.scenario, solved.tree, solved.model, solved.best.x, 1.0)}
    assert found["treasury.cash_usd"].step == pytest.approx(1_100_000 / 115_000, rel=1e-4)
    assert found["treasury.btc_lots"].step == pytest.approx(1.0, rel=1e-5)
    assert "facilities[0].limit_usd" not in found


def test_the_next_best_is_the_plan_without_each_thing() -> None:
    solved = Solved("teach_borrow_or_sell")
    [without] = next_best(solved.scenario, solved.model, solved.best, solved.scenario.solver, 1.0)
    assert without.without == "nothing drawn from lender today"
    assert without.loses == pytest.approx(40 - 1_100_000 / 115_000 - 30, abs=1e-3)
    assert not without.within_gap


def test_what_is_needed_has_no_plan_without_it() -> None:
    """Without the loan and without selling the bill cannot be paid: with selling forbidden too there is no plan."""
    solved = Solved("teach_borrow_or_sell", "facilities[0].limit_usd=500000")
    found = {
        other.without: other
        for other in next_best(solved.scenario, solved.model, solved.best, solved.scenario.solver, 1.0)
    }
    assert found["no BTC sold today"].why_not == "breaks a requirement on some branch"
    assert math.isnan(found["no BTC sold today"].loses)


def test_flips_are_bracketed_by_opposite_advice() -> None:
    """The teaching case ties at a price of $110,000, where the loan costs 15% instead of 10%: APR 5 points up."""
    solved = Solved("teach_borrow_or_sell")
    found = flips(solved.scenario, solved.tree, solved.decided)
    [apr] = [flip for flip in found if flip.key == "apr" and flip.question == "borrow"]
    assert apr.now
    assert apr.holds is not None and apr.turns is not None
    assert apr.holds <= 0.05 <= apr.turns
    assert apr.turns - apr.holds <= 0.02 * 0.25 + 1e-9
    moved = {a.key: a.moved for a in assumptions_of(solved.scenario)}["apr"]
    held, turned = (advice_at(moved(solved.scenario, value)) for value in (apr.holds, apr.turns))
    assert held is not None and turned is not None
    assert held.borrow and not turned.borrow


@pytest.mark.slow
def test_flips_of_the_flagship(flagship: Solved) -> None:
    found: tuple[Flip, ...] = flips(flagship.scenario, flagship.tree, flagship.decided)
    assert {flip.key for flip in found} == {a.key for a in assumptions_of(flagship.scenario)}
    turning = [flip for flip in found if flip.turns is not None]
    assert {(flip.key, flip.question) for flip in turning} >= {("apr", "borrow"), ("drift", "borrow")}
    moved = {a.key: a.moved for a in assumptions_of(flagship.scenario)}
    a_range = {a.key: (a.low, a.high) for a in assumptions_of(flagship.scenario)}
    for flip in turning:
        assert flip.holds is not None
        assert flip.turns is not None
        assert all(flip.tried[0] <= value <= flip.tried[1] for value in (flip.holds, flip.turns))
        assert 0 < abs(flip.turns - flip.holds) <= CLOSE_SHARE * (a_range[flip.key][1] - a_range[flip.key][0]) + 1e-9
        if flip.key != "apr":
            continue
        # Planned once more, here: the two ends give opposite advice, the near one the plan's own.
        held, turned = (advice_at(moved[flip.key](flagship.scenario, value)) for value in (flip.holds, flip.turns))
        assert held is not None and turned is not None
        assert getattr(held, flip.question) is flip.now
        assert getattr(turned, flip.question) is not flip.now
    [growth] = [flip for flip in turning if (flip.key, flip.question) == ("drift", "borrow")]
    # Loans of 8 to 9% and a fee tie with selling at a sure growth of about a tenth; a median with 45% of volatility is
    # worth that less half its variance: e^(ln 1.1 + 0.45^2 / 2) - 1 = 0.22.
    assert growth.assumed == 0.3
    assert growth.turns is not None
    assert 0.15 < growth.turns < 0.25


def test_an_end_of_the_range_without_a_plan_is_not_called_tried() -> None:
    """No plan at more than 1.6 times today's: the furthest of full, three, two and one quarter of the way counts."""
    turns_at = {
        1.6: Advice(borrow=False, buy_machines=True),
        1.0: Advice(borrow=True, buy_machines=True),
    }

    def at(value: float) -> Advice | None:
        return None if value > 1.6 else turns_at[1.6 if value > 1.3 else 1.0]

    assumption = Assumption("price", "BTC price today", "times", 1.0, 0.5, 2.0, lambda scenario, _: scenario)
    [borrow] = _around(assumption, "borrow", True, at)
    [machines] = _around(assumption, "buy_machines", True, at)
    assert borrow.tried == machines.tried == (0.5, 1.5)
    assert borrow.holds is not None and borrow.turns is not None
    assert borrow.holds <= 1.3 <= borrow.turns
    assert machines.turns is None
    [nowhere] = _around(assumption, "borrow", True, lambda _: None)
    assert nowhere.tried == (1.0, 1.0)
    assert nowhere.turns is None
