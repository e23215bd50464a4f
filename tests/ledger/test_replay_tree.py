"""On the tree's own branches the path ledger gives the plan's books: the same plan, accounted for in another way."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import optimizer
from optimizer.decisions import Decisions
from optimizer.ledger.books import keep_books
from optimizer.ledger.company import set_up
from optimizer.ledger.fleet import pairs_in_use
from optimizer.ledger.intents import NearestNode
from optimizer.ledger.nearest import nearest_nodes
from optimizer.ledger.replay import follow
from optimizer.market.tree import Tree
from optimizer.market.tree_paths import tree_paths
from optimizer.planning import plan
from optimizer.scenario.schema import Scenario

SCENARIOS = Path(optimizer.__file__).parents[1] / "scenarios"
FILES = sorted(SCENARIOS.glob("*.yaml"))
FEWER_BRANCHES = "market.tree.branching=[{month: 1, children: 2}, {month: 4, children: 2}]"
QUICK = ("market.fan.paths=400", "solver.gap_share=0.01")


def in_time(scenario: Scenario) -> Scenario:
    """A tree tops up at the very low, and its steps are months: days before a release are not seen on it."""
    calls = scenario.requirements.calls.model_copy(update={"same_day": True})
    at_once = {"release_after_days": 0}
    return scenario.model_copy(
        update={
            "requirements": scenario.requirements.model_copy(update={"calls": calls}),
            "loans": tuple(loan.model_copy(update=at_once) for loan in scenario.loans),
            "facilities": tuple(offer.model_copy(update=at_once) for offer in scenario.facilities),
        }
    )


def assert_the_same(scenario: Scenario, tree: Tree, decided: Decisions) -> None:
    scenario = in_time(scenario)
    paths, nodes = tree_paths(scenario, tree)
    s = set_up(scenario, paths, pairs_in_use(scenario, decided))
    out = follow(s, NearestNode(s, tree, decided, nodes))
    books, at, there = keep_books(scenario, tree, decided), np.maximum(nodes, 0), nodes >= 0
    scale_usd = scenario.market.btc_price_usd * max(1.0, scenario.treasury.btc) + scenario.treasury.cash_usd
    scale_btc = scale_usd / scenario.market.btc_price_usd
    for replayed, booked, scale in (
        (out.btc, books.btc, scale_btc),
        (out.free_btc, books.free_btc, scale_btc),
        (out.sold_btc, books.sold_btc, scale_btc),
        (out.net_btc, books.net_btc, scale_btc),
        (out.cash_usd, books.cash_usd, scale_usd),
        (out.owed_usd, books.owed_usd.sum(axis=1), scale_usd),
        (out.tax_owed_usd, books.taxes.owed_usd, scale_usd),
        (out.machines_usd, books.fleet.worth_usd - books.fleet.payable_usd, scale_usd),
    ):
        assert np.abs(replayed - booked[at])[there].max() <= 1e-6 * scale
    pledged = np.abs(out.pledged_btc - books.pledged_btc[at])[there]
    assert pledged.max(initial=0.0) <= 1e-6 * scale_btc
    assert out.calls[there].sum() == 0
    assert out.liquidations[there].sum() == 0
    assert out.unpaid_usd[there].max() <= 1e-6 * scale_usd


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_shipped_scenario(path: Path) -> None:
    sets = () if path.stem.startswith("teach_") or "cases" in path.stem else (*QUICK, FEWER_BRANCHES)
    made = plan(path, sets=sets, compare=False, monte_carlo=0)
    assert_the_same(made.scenario, made.tree, made.decisions)


@pytest.mark.slow
def test_the_flagship_in_full_and_each_branch_finds_its_own_nodes() -> None:
    made = plan(SCENARIOS / "fleet_refresh.yaml", compare=False, monte_carlo=0)
    assert_the_same(made.scenario, made.tree, made.decisions)
    paths, nodes = tree_paths(made.scenario, made.tree)
    counted = made.tree.probability[np.maximum(nodes, 0)] > 0
    found = nearest_nodes(made.tree, paths)
    assert (found == nodes)[counted & (nodes >= 0)].all()
