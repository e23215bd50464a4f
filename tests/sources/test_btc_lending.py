"""Lending BTC by hand: it pays where the yield is more than the loss to expect, and locks coins away."""

from __future__ import annotations

import pytest

from tests.formulation.planned import no_cash, path, planned
from tests.formulation.source_companies import btc_lending, with_sources
from tests.ledger.company import PRICE

TEN = {"btc_lots": [{"btc": 10.0, "cost_basis_usd": 0.0}], "sell_fee_share": 0.0}


@pytest.mark.parametrize(("failure", "lends"), [(0.119, True), (0.121, False)])
def test_yield_against_the_chance_of_failure(failure: float, lends: bool) -> None:
    desk = btc_lending(yield_pa=0.06, failure_pa=failure, recovery_share=0.5)
    made = planned(
        with_sources(desk, horizon_months=2, decision_months=[0], treasury=no_cash(**TEN), sites=[]), path([PRICE] * 3)
    )
    assert bool(made.decisions.uses) is lends
    gained = 10 * (0.06 - failure * 0.5) / 12 * 2
    assert made.worth == pytest.approx(10 + max(gained, 0.0), abs=1e-5)


def test_coins_that_a_bill_needs_are_not_lent() -> None:
    bill = [{"name": "bill", "month": 1, "amount_usd": 300_000.0}]
    company = with_sources(
        btc_lending(failure_pa=0.0),
        horizon_months=2,
        decision_months=[0],
        treasury=no_cash(**TEN),
        liabilities=bill,
        sites=[],
    )
    made = planned(company, path([PRICE] * 3))
    (use,) = made.decisions.uses
    # Three BTC are needed in month 1, a little less what the others have earned by then.
    assert use.amount == pytest.approx(7.0 / (1 - 0.01), rel=1e-6)
