"""Plans over several trees: nothing to tell where nothing can happen, and the figures of a market where much can."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from optimizer.errors import InfeasibleError, TreesError
from optimizer.planning import Plan, plan
from optimizer.replay.fates import fates
from optimizer.replay.monte_carlo import monte_carlo
from optimizer.report.plan_json import plan_document
from optimizer.solving import Tell
from optimizer.trees.sampled import Planned, PlanTree, Unplanned
from tests.cli.command import SCENARIOS, SMALL
from tests.sweep.sweeps import quiet
from tests.trees.markets import certain_company, random_company, solved

PATHS = 300


@pytest.fixture(scope="module")
def company_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return random_company(tmp_path_factory.mktemp("company"))


@pytest.fixture(scope="module")
def sampled(company_path: Path) -> Plan:
    return plan(company_path, trees=4, workers=1, compare=False, monte_carlo=PATHS)


def test_in_a_certain_market_every_tree_says_the_same(tmp_path: Path) -> None:
    found = plan(certain_company(tmp_path), trees=3, workers=1, compare=False, monte_carlo=50)
    trees = found.trees
    assert trees is not None
    first = trees.candidates[0]
    for candidate in trees.candidates:
        assert candidate.objective == pytest.approx(first.objective, abs=1e-9)
        assert candidate.gap is not None
        assert candidate.gap.mean == pytest.approx(0.0, abs=1e-6)
        assert candidate.gap.high == pytest.approx(0.0, abs=1e-6)
        assert candidate.behind == pytest.approx(0.0, abs=1e-9)
    for row in trees.decisions:
        assert np.ptp(row.amounts) == pytest.approx(0.0, abs=1e-6)
    assert trees.best.seed == found.scenario.market.fan.seed == 1
    assert trees.doubts == ()


def test_the_first_tree_is_the_scenarios_own_and_the_others_have_seeds_of_their_own(
    sampled: Plan, company_path: Path
) -> None:
    assert sampled.trees is not None
    assert [candidate.seed for candidate in sampled.trees.candidates] == [1, 2, 3, 4]
    for candidate in sampled.trees.candidates:
        alone = solved(company_path, candidate.seed).best
        assert candidate.objective == pytest.approx(-alone.objective, abs=1e-9)
    assert len({round(candidate.objective, 6) for candidate in sampled.trees.candidates}) == 4
    drawn = [row for row in sampled.trees.decisions if row.what == "draw"]
    assert max(np.ptp(row.amounts) for row in drawn) > 10_000


def test_the_plan_is_that_of_the_recommended_seed(sampled: Plan, company_path: Path) -> None:
    assert sampled.trees is not None
    seed = sampled.trees.best.seed
    alone = plan(company_path, sets=[f"market.fan.seed={seed}"], compare=False, monte_carlo=0)
    assert sampled.loaded.sha256 == alone.loaded.sha256
    assert sampled.decisions.orders == alone.decisions.orders
    assert sampled.decisions.draws == alone.decisions.draws
    np.testing.assert_array_equal(sampled.decisions.sell_btc, alone.decisions.sell_btc)
    assert sampled.value.value == alone.value.value
    mine = sampled.trees.recommended
    drawn = {(row.name, row.amounts[mine]) for row in sampled.trees.decisions if row.what == "draw"}
    today = {(draw.facility, draw.amount_usd) for draw in alone.decisions.draws if draw.node == 0}
    assert today == {(name, amount) for name, amount in drawn if amount > 0} != set()


def test_every_plan_is_tried_on_every_other_tree(sampled: Plan) -> None:
    assert sampled.trees is not None
    tried = [(trial.of, trial.on) for trial in sampled.trees.trials]
    assert sorted(tried) == [(of, on) for of in range(4) for on in range(4) if of != on]


def test_off_the_trees_all_are_replayed_on_the_same_paths(sampled: Plan) -> None:
    """The recommended plan's own replay, told beside it, is of these paths too."""
    assert sampled.trees is not None
    assert sampled.out_of_sample is not None
    assert sampled.out_of_sample.sample.value == pytest.approx(sampled.trees.best.off_tree, rel=1e-12)
    given = sampled.scenario
    outcome = monte_carlo(given, sampled.tree, sampled.decisions, paths=PATHS, seed=1)
    share = np.mean(fates(given, outcome).first_trouble_month >= 0)
    assert sampled.trees.best.trouble == pytest.approx(share)


def test_one_tree_is_the_plain_plan(company_path: Path) -> None:
    one = plan(company_path, trees=1, compare=False, monte_carlo=0)
    assert one.trees is None
    assert plan_document(one)["trees"] is None


@pytest.mark.parametrize("trees", [-1, 0, 2, 51])
def test_numbers_of_trees_that_say_nothing(company_path: Path, trees: int) -> None:
    with pytest.raises(TreesError, match=rf"from 3 to 50 trees, not {trees}"):
        plan(company_path, trees=trees)


def test_all_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(TreesError) as refused:
        plan(SCENARIOS / "teach_borrow_or_sell.yaml", trees=2)
    assert "from 3 to 50 trees" in str(refused.value)
    assert "named cases are known in full" in str(refused.value)


def test_a_company_without_a_plan_is_told_as_ever(tmp_path: Path) -> None:
    poor = random_company(tmp_path, cash_usd=0, btc_lots=[{"btc": 15, "cost_basis_usd": 40_000}])
    with pytest.raises(InfeasibleError, match="No plan meets every requirement"):
        plan(poor, trees=3, workers=1, compare=False, monte_carlo=0)


@pytest.mark.parametrize("without", [[2], [2, 3]])
def test_that_another_tree_has_no_plan_is_told(
    company_path: Path, monkeypatch: pytest.MonkeyPatch, without: list[int]
) -> None:
    class Picky(PlanTree):
        def __call__(self, seed: int, say: Tell = quiet) -> Planned | Unplanned:
            return Unplanned(seed, InfeasibleError("No plan.")) if seed in without else super().__call__(seed, say)

    monkeypatch.setattr("optimizer.trees.many.PlanTree", Picky)
    found = plan(company_path, trees=3, workers=1, compare=False, monte_carlo=20)
    trees = found.trees
    assert trees is not None
    assert trees.without == tuple((seed, "No plan.") for seed in without)
    assert len(trees.candidates) == 3 - len(without)
    assert len(trees.trials) == {2: 2, 1: 0}[len(trees.candidates)]
    assert trees.best.gap is None
    assert trees.doubts == ("no_plan",)
    document = plan_document(found)["trees"]
    assert document["count"] == 3
    assert f"{len(without)} tree" in document["says"][-1]


@pytest.mark.slow
def test_the_flagships_company_on_small_trees() -> None:
    sets = [*(part.removeprefix("--set=") for part in SMALL), "solver.gap_share=0.005"]
    found = plan(SCENARIOS / "fleet_refresh.yaml", sets=sets, trees=3, workers=1, compare=False, monte_carlo=100)
    trees = found.trees
    assert trees is not None
    assert len(trees.trials) == 6
    bounds = [c.objective * (1 + c.solver_gap) for c in trees.candidates]
    for trial in trees.trials:
        if not trial.why_not:
            assert trial.objective <= bounds[trial.on] + 1e-6
            assert trial.objective >= 0.97 * bounds[trial.on]
    # Orders are whole lots on every tree.
    lots = {quote.model: quote.lot_units for quote in found.scenario.machines.candidates}
    for row in trees.decisions:
        if row.what == "order":
            for amount in row.amounts:
                assert amount / lots[row.name] == pytest.approx(round(amount / lots[row.name]), abs=1e-6)
