"""A vendor's deferral by hand: a thousand machines at $50 that earn it within the month, 40% due later."""

from __future__ import annotations

import numpy as np
import pytest

from optimizer.ledger.company import open_books, set_up
from optimizer.ledger.fleet import pairs_in_use
from optimizer.ledger.source import PaysForOrders
from optimizer.ledger.source_vendor_deferral import VENDOR_DEFERRAL
from optimizer.market.tree_paths import tree_paths
from optimizer.scenario.schema import Scenario
from tests.formulation.planned import fork, no_cash, path, planned
from tests.formulation.source_companies import vendor_deferral, with_sources
from tests.ledger.company import PRICE, candidate

CHEAP = candidate(price_usd=50.0, lead_months=0, max_units=1_000)
DEFERRABLE_USD = 0.4 * 50_000


def company(**terms: float | str | None) -> Scenario:
    """Ten BTC, no cash, and room for a thousand machines; the deferral is free and lasts a month unless told."""
    free = {"apr": 0.0, "deferred_share": 0.4, "limit_usd": None}
    return with_sources(
        vendor_deferral(**{**free, **terms}),
        horizon_months=1,
        decision_months=[0],
        treasury=no_cash(btc_lots=[{"btc": 10.0, "cost_basis_usd": 0.0}]),
        machines={"candidates": [CHEAP]},
    )


def deferred(made_for: Scenario, *prices: float) -> float:
    return sum(use.amount for use in planned(made_for, path([PRICE, *prices])).decisions.uses)


@pytest.mark.parametrize(("apr", "defers"), [(0.119, True), (0.121, False)])
def test_it_ties_with_selling_where_price_grows_as_fast_as_it_costs(apr: float, defers: bool) -> None:
    assert deferred(company(apr=apr), PRICE * 1.01) == pytest.approx(DEFERRABLE_USD if defers else 0.0)


@pytest.mark.parametrize("after_months", [1, 2])
def test_what_it_is_worth(after_months: int) -> None:
    """The share deferred, at today's price less at later ones; due after the horizon it is owed there."""
    terms, market = company(after_months=after_months), fork(PRICE * 0.8, PRICE * 2)
    with_it, without = planned(terms, market), planned(terms.model_copy(update={"sources": ()}), market)
    at_leaves = 0.5 * DEFERRABLE_USD / (0.8 * PRICE) + 0.5 * DEFERRABLE_USD / (2 * PRICE)
    assert with_it.worth - without.worth == pytest.approx(DEFERRABLE_USD / PRICE - at_leaves, abs=1e-6)


def test_interest_runs_to_the_horizon() -> None:
    terms = company(apr=0.06, after_months=2)
    made, free = (planned(t, path([PRICE, PRICE * 1.5])) for t in (terms, company(after_months=2)))
    assert free.worth - made.worth == pytest.approx(DEFERRABLE_USD * 0.06 / 12 / (1.5 * PRICE), rel=1e-4)


def test_the_limit_binds() -> None:
    assert deferred(company(limit_usd=5_000.0), PRICE * 1.5) == pytest.approx(5_000.0)


def test_only_for_the_model_that_it_names() -> None:
    other = company(model="old")
    assert deferred(other, PRICE * 1.5) == 0.0
    assert deferred(company(model="new"), PRICE * 1.5) == pytest.approx(DEFERRABLE_USD)


def test_off_the_tree_it_shrinks_with_the_order() -> None:
    terms, market = company(), path([PRICE, PRICE * 1.5])
    s = set_up(terms, tree_paths(terms, market)[0], pairs_in_use(terms, planned(terms, market).decisions))
    on_paths, books = VENDOR_DEFERRAL.on_paths(s), open_books(s)
    assert isinstance(on_paths, PaysForOrders)
    on_paths.close(s, books, 0, {("Later", "defer_usd"): np.array([DEFERRABLE_USD])})
    half = np.array([[500.0]])
    assert on_paths.offer(s, books, 0, half) == pytest.approx([DEFERRABLE_USD / 2])
    on_paths.pay(books, 0, np.array([0.5]))
    assert on_paths.worth_usd(s, 0) == pytest.approx([-DEFERRABLE_USD / 4])
