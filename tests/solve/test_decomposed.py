"""Plans in parts are the plans of the whole: bounds never cross, and every one passes the ledger's audit."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from optimizer.decisions import Draw, Liquidation, Repayment, numbered
from optimizer.formulation.build import build
from optimizer.market.build_tree import build_tree
from optimizer.market.calendar import days_per_month
from optimizer.market.tree import Tree
from optimizer.scenario.load import load_scenario
from optimizer.scenario.schema import Scenario
from optimizer.solve.crew import LocalCrew, OwnCrew, Question
from optimizer.solve.decomposed import CutModel, PlanInParts, reason_against
from optimizer.solve.highs import NoPlanError, Solution, Solver
from optimizer.solve.linear_model import Floats, to_arrays
from optimizer.solve.recourse import Answer
from optimizer.solve.search import DEAREST, FINEST, PATIENCE, NotDecomposableError, Search
from optimizer.solve.shares import cut_month
from optimizer.solving import checked
from tests.formulation.random_companies import random_company
from tests.formulation.source_companies import COMPANIES as SOURCES
from tests.ledger import company
from tests.ledger.company import PRICE

SCENARIOS = Path(__file__).parents[2] / "scenarios"
SEEDS = range(200)
BATCHES = [SEEDS[start::8] for start in range(8)]
# Beside solver tolerances; in shares of the plan's worth.
ROUNDING = 1e-6
TEACHING = sorted(path.stem for path in SCENARIOS.glob("teach_*.yaml"))
COMPANIES = sorted({path.stem for path in SCENARIOS.glob("*.yaml")} - set(TEACHING))


def in_parts(given: Scenario, tree: Tree, shares: int = 2) -> PlanInParts | None:
    """The audited plan, or None where there is none."""
    try:
        found = CutModel(given, tree, OwnCrew(shares)).plan(lambda seconds, gap: None)
    except NoPlanError:
        return None
    checked(given, tree, found.decisions, found.position, found.objective, found.tie_break, lambda stage, detail: None)
    return found


def whole(given: Scenario, tree: Tree) -> Solution | None:
    """The solution of the whole model, or None where there is none."""
    try:
        return Solver(to_arrays(build(given, tree)), given.solver).solve()
    except NoPlanError:
        return None


def assert_same(parts: PlanInParts | None, one: Solution | None, gap: float) -> None:
    """Neither lower bound is above the other's plan, and both plans are within the gap of the best."""
    assert (parts is None) == (one is None)
    if parts is None or one is None:
        return
    worth = max(abs(one.objective), 1.0)
    assert parts.gap <= max(gap, FINEST)
    assert parts.objective - parts.gap * abs(parts.objective) <= one.objective + ROUNDING * worth
    assert one.objective - one.gap * abs(one.objective) <= parts.objective + ROUNDING * worth
    assert abs(parts.objective - one.objective) <= (gap + ROUNDING) * worth


def decomposable(given: Scenario) -> Scenario:
    """The company without the two demands that count over all branches."""
    asked = given.requirements.model_copy(update={"min_dscr": None, "liquidation_probability": 0.0})
    return given.model_copy(update={"requirements": asked})


@pytest.mark.parametrize("seeds", BATCHES, ids=lambda seeds: f"{seeds[0]} and every 8th after")
def test_random_companies_in_parts_are_worth_what_they_are_whole(seeds: Sequence[int]) -> None:
    solved = 0
    for seed in seeds:
        given = decomposable(random_company(seed))
        tree = build_tree(given)[0]
        if reason_against(given, tree) is None:
            parts = in_parts(given, tree, shares=1 + seed % 3)
            assert_same(parts, whole(given, tree), given.solver.gap_share)
            solved += 1
    assert solved >= 20


@pytest.mark.parametrize("kind", sorted(SOURCES))
def test_every_source_of_money_in_parts(kind: str) -> None:
    given = SOURCES[kind]()
    days = days_per_month(given.as_of, 3).astype(float)
    prices = [PRICE * up for up in (1.0, 0.9, 1.5, 0.6, 1.7, 0.5)]
    tree = company.tree([-1, 0, 1, 1, 2, 3], price_usd=prices, days=days[[0, 1, 2, 2, 3, 3]].tolist())
    assert cut_month(tree) == 2
    assert_same(in_parts(given, tree), whole(given, tree), given.solver.gap_share)


@pytest.mark.slow
@pytest.mark.parametrize("name", COMPANIES)
def test_shipped_companies_in_parts_are_worth_what_they_are_whole(name: str) -> None:
    given = load_scenario(SCENARIOS / f"{name}.yaml").scenario
    tree = build_tree(given)[0]
    assert_same(in_parts(given, tree), whole(given, tree), given.solver.gap_share)


@pytest.mark.parametrize("name", TEACHING)
def test_teaching_companies_in_parts_or_why_not(name: str) -> None:
    given = load_scenario(SCENARIOS / f"{name}.yaml").scenario
    tree = build_tree(given)[0]
    try:
        parts = in_parts(given, tree)
    except NotDecomposableError as why_not:
        assert "no branches" in str(why_not) or "whole numbers" in str(why_not) or "taxes" in str(why_not)
        return
    assert_same(parts, whole(given, tree), given.solver.gap_share)


def small_flagship(*sets: str) -> tuple[Scenario, Tree]:
    """Ten branches, four months of them at the top."""
    branching = "market.tree.branching=[{month: 1, children: 2}, {month: 4, children: 5}]"
    given = load_scenario(SCENARIOS / "fleet_refresh.yaml", (), (branching, *sets)).scenario
    return given, build_tree(given)[0]


def test_processes_find_what_one_process_finds() -> None:
    given, tree = small_flagship("horizon_months=15", "market.stress=[]")
    crew = LocalCrew(2)
    try:
        apart = CutModel(given, tree, crew).plan(lambda seconds, gap: None)
    finally:
        crew.close()
    alone = in_parts(given, tree, shares=2)
    assert alone is not None
    assert apart.objective == pytest.approx(alone.objective, rel=1e-9)
    assert np.array_equal(apart.decisions.sell_btc, alone.decisions.sell_btc)
    assert apart.decisions.orders == alone.decisions.orders
    assert (apart.rounds, apart.subtrees) == (alone.rounds, 10)


def test_siblings_that_start_from_each_other_answer_as_those_that_start_from_nothing() -> None:
    given, tree = small_flagship("horizon_months=15", "market.stress=[]")
    crew = OwnCrew()
    x = CutModel(given, tree, crew)._first
    [share] = crew._shares
    together = crew.ask(Question(x))
    for part, answer in zip(share._parts, together, strict=True):
        part._highs.clearSolver()
        assert part.answer(x[part.link]).cost == pytest.approx(answer.cost, abs=1e-6)
    # The middle one begins; of those that come after, each takes far fewer steps than it.
    fresh = OwnCrew()
    CutModel(given, tree, fresh)
    fresh.ask(Question(x))
    steps = sorted(part._highs.getInfo().simplex_iteration_count for part in fresh._shares[0]._parts)
    assert steps[len(steps) // 2] < steps[-1] / 3


class Folding:
    """A master and a crew over one column x in [0, 1]: a subtree costs -x, and has a plan only up to x = ``most``,
    beyond which each unit costs a little more than it brings."""

    def __init__(self, most: float) -> None:
        self.most, self.asked, self.floors = most, list[float](), list[tuple[float, float]]()
        self.rows, self.cost = 0, np.array([0.0])

    def ask(self, question: Question) -> list[Answer]:
        x = float(question.top[0])
        self.asked.append(x)
        broken, price = max(0.0, x - self.most), 1.001 * question.dearer
        slope = -1.0 + (price if broken > 0 else 0.0)
        return [Answer(-x + price * broken, np.array([slope]), broken, price * broken)]

    def learn(self, x: Floats, answers: Sequence[Answer]) -> None:
        [answer] = answers
        self.floors.append((answer.cost - answer.slope[0] * x[0], answer.slope[0]))

    def relax(self) -> tuple[Floats, float]:
        def least(x: float) -> float:
            return max(at + slope * x for at, slope in self.floors)

        crossings = [(b[0] - a[0]) / (a[1] - b[1]) for a in self.floors for b in self.floors if a[1] != b[1]]
        x = min((0.0, 1.0, *(c for c in crossings if 0 <= c <= 1)), key=least)
        return np.array([x]), least(x)


def test_rows_broken_a_little_are_mended_before_breaking_them_is_made_dearer() -> None:
    """Breaking costs a thousandth more than it brings: in value every point beyond the last plan is good enough."""
    folding = Folding(0.6)
    settings = small_flagship()[0].solver.model_copy(update={"gap_share": 0.01})
    search = Search(folding, folding, settings, lambda seconds, gap: None, time.perf_counter())  # type: ignore[arg-type]
    found = search._refine(np.array([1.0]), "shares")
    assert found.is_plan
    assert found.x[0] == pytest.approx(0.6)
    assert search.dearer == 1.0
    assert len(folding.asked) <= 5


def test_where_no_point_is_a_plan_the_price_is_raised_at_once_and_the_search_ends() -> None:
    folding = Folding(-1.0)
    settings = small_flagship()[0].solver
    search = Search(folding, folding, settings, lambda seconds, gap: None, time.perf_counter())  # type: ignore[arg-type]
    found = search._refine(np.array([1.0]), "shares")
    assert not found.is_plan
    assert search.dearer == DEAREST
    assert len(folding.asked) < 20


def test_a_plan_in_hand_whose_bound_does_not_rise_ends_the_search_without_dearer_rows() -> None:
    class Stuck(Folding):
        def relax(self) -> tuple[Floats, float]:
            return np.array([0.5 + 0.01 * (len(self.asked) % 2)]), -0.7

    stuck = Stuck(0.6)
    settings = small_flagship()[0].solver.model_copy(update={"gap_share": 0.0})
    search = Search(stuck, stuck, settings, lambda seconds, gap: None, time.perf_counter())  # type: ignore[arg-type]
    assert search._refine(np.array([0.5]), "shares").is_plan
    assert search.dearer == 1.0
    assert PATIENCE < len(stuck.asked) < 2 * PATIENCE


def test_a_worker_that_grows_keeps_its_share() -> None:
    crew = LocalCrew(1)
    try:
        [pool] = crew._pools
        first = pool.submit(hold_much).result()
        time.sleep(1.5)
        assert pool.submit(hold_much).result() == first
        time.sleep(1.5)
        assert pool.submit(hold_much).result() == first
    finally:
        crew.close()


HELD: list[bytearray] = []


def hold_much() -> int:
    """In a worker: hold 400 MB more; its number."""
    HELD.append(bytearray(b"1") * 400_000_000)
    return os.getpid()


def test_no_floor_lies_above_the_cost_once_the_plan_is_found() -> None:
    given, tree = small_flagship("horizon_months=15", "market.stress=[]")
    crew = OwnCrew()
    cut = CutModel(given, tree, crew)
    cut.plan(lambda seconds, gap: None)
    x, master = cut.point.x, cut._master
    costs = {
        switches: float(master.cost @ x) + sum(answer.cost for answer in crew.ask(Question(x, 10.0, switches)))
        for switches in ("shares", "closed")
    }
    assert costs["closed"] > costs["shares"] + 1e-4
    master.limit({j: (value, value) for j, value in enumerate(x)})
    assert master.relax()[1] <= costs["shares"] + 1e-6


def test_what_counts_over_all_branches_is_not_cut() -> None:
    given, tree = small_flagship("requirements.min_dscr=1.2")
    assert "min_dscr" in str(reason_against(given, tree))
    given, tree = small_flagship("requirements.liquidation_probability=0.05")
    assert "liquidation_probability" in str(reason_against(given, tree))


def test_no_plan_in_parts_where_there_is_none() -> None:
    given, tree = small_flagship("requirements.min_btc=590", "market.stress=[]")
    assert in_parts(given, tree) is None
    assert whole(given, tree) is None


def test_whole_numbers_below_the_cut_that_are_no_switch_are_refused() -> None:
    given, tree = small_flagship("treasury.buy_btc=true", "requirements.borrow_to_buy_btc=false")
    with pytest.raises(NotDecomposableError, match=r"whole numbers \(buys"):
        CutModel(given, tree, OwnCrew())


def test_decisions_are_renumbered_with_all_their_nodes() -> None:
    nodes = np.array([0, 7, 9])
    assert numbered(Draw(1, "Line", 0, 5.0), nodes) == Draw(7, "Line", 0, 5.0)
    assert numbered(Repayment(2, "Line", 0, 1, 5.0), nodes) == Repayment(9, "Line", 0, 7, 5.0)
    assert numbered(Repayment(2, "Old", 0, -1, 5.0), nodes) == Repayment(9, "Old", 0, -1, 5.0)
    sold = Liquidation(2, "Line", 1.0, ((0, 1, 5.0), (0, -1, 2.0)))
    assert numbered(sold, nodes) == Liquidation(9, "Line", 1.0, ((0, 7, 5.0), (0, -1, 2.0)))
