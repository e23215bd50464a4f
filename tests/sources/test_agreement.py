"""Every kind of source of money: the model, the ledger's books and the path ledger tell one story."""

from __future__ import annotations

import pytest

from optimizer.formulation.sources import KINDS as MODELLED
from optimizer.ledger.sources import KINDS as ACCOUNTED
from optimizer.planning import plan
from tests.formulation.planned import planned
from tests.formulation.random_companies import random_company
from tests.formulation.regenerate_golden import ten_nodes
from tests.formulation.source_companies import COMPANIES, with_sources
from tests.formulation.test_random import plan_of
from tests.ledger.test_replay_tree import SCENARIOS, assert_the_same


def test_every_kind_is_in_both_accounts_and_has_a_company() -> None:
    assert set(MODELLED) == set(ACCOUNTED) == set(COMPANIES)


@pytest.mark.parametrize("kind", sorted(COMPANIES))
def test_the_plan_passes_its_audit_and_replays_on_its_own_tree(kind: str) -> None:
    company, tree = COMPANIES[kind](), ten_nodes()
    made = planned(company, tree)
    assert_the_same(company, tree, made.decisions)


@pytest.mark.parametrize("kind", sorted(COMPANIES))
def test_a_source_can_only_help(kind: str) -> None:
    """What is offered need not be used: without it the company is worth no more."""
    company, tree = COMPANIES[kind](), ten_nodes()
    without = company.model_copy(update={"sources": ()})
    assert planned(company, tree).worth >= planned(without, tree).worth - 1e-6


def test_no_source_is_no_source() -> None:
    company = with_sources()
    assert planned(company, ten_nodes()).decisions.uses == ()


@pytest.mark.parametrize(
    "terms",
    [
        (),
        ("taxes.depreciation=bonus", "taxes.count_deferred=false"),
        ("taxes.mined_income=false", "taxes.interest_deductible=false"),
    ],
)
def test_all_of_it_at_once_with_taxes(terms: tuple[str, ...]) -> None:
    """The flagship company, few branches, every source of money, lenders that may fail, and taxes."""
    few = "market.tree.branching=[{month: 1, children: 2}, {month: 4, children: 2}]"
    sets = ("market.fan.paths=400", "solver.gap_share=0.01", few, "taxes.rate=0.21", *terms)
    made = plan(SCENARIOS / "full_menu.yaml", sets=sets, compare=False, monte_carlo=0)
    assert made.audit.ok
    assert {source.kind for source in made.scenario.sources} == set(MODELLED)
    assert len({use.source for use in made.decisions.uses}) >= 3
    assert_the_same(made.scenario, made.tree, made.decisions)


def test_no_fee_is_paid_on_nothing() -> None:
    """A company that may be liquidated, with a fee on early repayment and more cash than its ceiling allows: its plan
    once threw the switch of a sale that did not happen, to pay a fee on a debt that it did not have."""
    given = random_company(101)
    assert given.requirements.liquidation_probability > 0
    lending, hedge = (COMPANIES[kind]().sources[0] for kind in ("btc_lending", "hashprice_hedge"))
    offered = tuple(source.model_copy(update={"until_month": 12}) for source in (hedge, lending))
    made = plan_of(given.model_copy(update={"sources": offered}))
    assert made is not None
    assert made.audit.ok
    assert made.decisions.uses
