"""Every kind of source of money: the model, the ledger's books and the path ledger tell one story."""

from __future__ import annotations

import pytest

from optimizer.formulation.sources import KINDS as MODELLED
from optimizer.ledger.sources import KINDS as ACCOUNTED
from tests.formulation.planned import planned
from tests.formulation.regenerate_golden import ten_nodes
from tests.formulation.source_companies import COMPANIES, with_sources
from tests.ledger.test_replay_tree import assert_the_same


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
