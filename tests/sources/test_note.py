"""Notes by hand: what they bring, cost and bind, on a year of one month and two futures."""

from __future__ import annotations

import pytest

from optimizer.scenario.schema import Scenario
from tests.formulation.planned import fork, no_cash, path, planned
from tests.formulation.source_companies import note, with_sources
from tests.ledger.company import PRICE


def company(**terms: float | None) -> Scenario:
    """Ten BTC, a bill of $400,000 today, and a note for it; nothing else."""
    bill = [{"name": "bill", "month": 0, "amount_usd": 400_000.0}]
    free = {"issue_fee_share": 0.0, "min_issue_usd": 0.0, "term_months": 1, "min_btc_cover": None}
    asked = no_cash(btc_lots=[{"btc": 10.0, "cost_basis_usd": 0.0}], sell_fee_share=0.0)
    return with_sources(
        note(**{**free, **terms}),
        horizon_months=1,
        decision_months=[0],
        liabilities=bill,
        treasury=asked,
        machines={},
        sites=[],
    )


@pytest.mark.parametrize(("apr", "issues"), [(0.119, True), (0.121, False)])
def test_a_note_ties_with_selling_where_price_grows_as_fast_as_it_costs(apr: float, issues: bool) -> None:
    made = planned(company(apr=apr), path([PRICE, PRICE * 1.01]))
    assert bool(made.decisions.uses) is issues


@pytest.mark.parametrize(("fee", "issues"), [(0.0098, True), (0.0100, False)])
def test_the_fee_counts_as_interest(fee: float, issues: bool) -> None:
    # To have 400,000 it owes 400,000 / (1 - fee), and BTC grow by 1%.
    made = planned(company(apr=0.0, issue_fee_share=fee), path([PRICE, PRICE * 1.01]))
    assert bool(made.decisions.uses) is issues


def test_what_a_convertible_costs_when_price_rises() -> None:
    plain = planned(company(apr=0.0), fork(PRICE, PRICE * 2))
    dear = planned(company(apr=0.0, conversion_premium_share=0.25), fork(PRICE, PRICE * 2))
    issued = sum(use.amount for use in dear.decisions.uses)
    # At twice the price its holders take 2 / 1.25 of the principal.
    lost = 0.5 * issued * (2 / 1.25 - 1) / (2 * PRICE)
    assert issued == pytest.approx(400_000.0)
    assert plain.worth - dear.worth == pytest.approx(lost, rel=1e-6)


def test_the_covenant_binds_what_is_issued() -> None:
    # At four fifths of the price 10 BTC cover a note of $200,000 four times.
    made = planned(company(apr=0.0, min_btc_cover=4.0, term_months=2), fork(PRICE * 0.8, PRICE * 4))
    issued = sum(use.amount for use in made.decisions.uses)
    sold = made.decisions.sell_btc[0]
    assert issued == pytest.approx((10 - sold) * PRICE * 0.8 / 4, rel=1e-6)
    assert issued + sold * PRICE == pytest.approx(400_000.0)
