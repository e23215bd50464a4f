"""Borrowing to buy BTC: allowed, forbidden, and told apart."""

from __future__ import annotations

import pytest

from optimizer.scenario.schema import Scenario
from tests.formulation.planned import fork, planned
from tests.formulation.source_companies import note, with_sources
from tests.ledger.company import PRICE, requirements, treasury


def company(**asked: bool) -> Scenario:
    """Ten BTC, no bills, and a cheap note: worth borrowing only to buy BTC."""
    free = {"issue_fee_share": 0.0, "min_issue_usd": 0.0, "min_btc_cover": None, "apr": 0.0, "limit_usd": 1e6}
    return with_sources(
        note(**free),
        horizon_months=1,
        decision_months=[0],
        treasury=treasury(
            btc_lots=[{"btc": 10.0, "cost_basis_usd": 0.0}], cash_usd=0.0, buy_btc=True, max_cash_months=0
        ),
        machines={},
        sites=[],
        requirements=requirements(**asked),
    )


def test_a_conviction_borrows_to_buy() -> None:
    made = planned(company(), fork(PRICE, PRICE * 2))
    assert made.decisions.buy_btc[0] == pytest.approx(10.0)
    # A million buys ten; paying it back takes ten or five.
    assert made.worth == pytest.approx(20 - 7.5)


def test_where_it_is_forbidden_nothing_is_bought_on_debt() -> None:
    made = planned(company(borrow_to_buy_btc=False), fork(PRICE, PRICE * 2))
    assert made.decisions.buy_btc.sum() == pytest.approx(0.0, abs=1e-9)
    assert made.worth == pytest.approx(10.0)
