"""What a board demands of all debts holds for sources of money too: BTC with one counterparty, runway, debt service.

Months have 30 days and 1 PH/s mines 0.01 BTC in one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from optimizer.formulation.sources import sources_interest, sources_service
from optimizer.ledger.audit import audit
from optimizer.ledger.company_rules import dscr_by_month
from optimizer.scenario.schema import Scenario
from optimizer.solve.highs import NoPlanError
from tests.formulation.planned import Planned, liability, no_cash, path, planned
from tests.formulation.regenerate_golden import ten_nodes
from tests.formulation.source_companies import COMPANIES, hashrate_loan, note, with_sources
from tests.ledger.company import PRICE, claim, facility, requirements, treasury

HOLDERS = ["btc_lending", "credit_line", "hashrate_loan", "vendor_pledge"]


def limited(given: Scenario, **asked: Any) -> Scenario:
    """The same company, of which its board demands this too."""
    return given.model_copy(update={"requirements": given.requirements.model_copy(update=asked)})


def tied_share(made: Planned) -> float:
    """The largest share of its BTC that a company without loans has out with sources of money at any node."""
    btc = made.books.btc
    return float(np.max(made.books.sources.tied_btc / np.where(btc > 0, btc, 1.0)))


@pytest.mark.parametrize("kind", HOLDERS)
def test_btc_with_one_counterparty(kind: str) -> None:
    """Half of what a plan would have out is the most: the plan keeps to it, and the ledger would have seen if not."""
    given, tree = COMPANIES[kind](), ten_nodes()
    free = planned(given, tree)
    most = tied_share(free) / 2
    assert most > 0
    held = planned(limited(given, max_lender_btc_share=most), tree)
    assert tied_share(held) <= most * (1 + 1e-6)
    assert held.worth < free.worth
    audited = audit(limited(given, max_lender_btc_share=most), tree, free.decisions, claim(free.books))
    assert "BTC with one lender" in {found.rule for found in audited.violations}


def test_a_lender_is_one_counterparty_in_all_that_it_does() -> None:
    """The bank lends against BTC, and by its pool: together they hold no more than 20 of 100 BTC."""
    given = with_sources(
        hashrate_loan(origination_fee_share=0.0, max_ltv=0.5),
        horizon_months=1,
        decision_months=[0],
        facilities=[facility(lender="Bank", draw_until_month=0)],
        liabilities=[liability(0, 3e6)],
        machines={"owned": [{"model": "old", "site": "Plains", "units": 1000, "resale_usd": 0.0}]},
        treasury=no_cash(sell_fee_share=0.1),
        requirements=requirements(max_lender_btc_share=0.2),
    )
    made = planned(given, path([PRICE, PRICE * 1.5]))
    books = made.books
    assert books.pledged_btc[0, 0] + books.sources.tied_btc[0] == pytest.approx(0.2 * books.btc[0], rel=1e-6)


def indebted(**asked: Any) -> Scenario:
    """40 BTC, $2m due, $100,000 a month of overhead, a tenth of fee on sales; a note of 12%."""
    terms = note(min_issue_usd=0.0, issue_fee_share=0.0, min_btc_cover=None, term_months=6, limit_usd=2e6)
    return with_sources(
        terms,
        decision_months=[0],
        liabilities=[liability(0, 2e6)],
        sites=[],
        machines={},
        treasury=treasury(
            cash_usd=0.0,
            sell_fee_share=0.1,
            overhead_usd_per_month=100_000.0,
            btc_lots=[{"btc": 40.0, "cost_basis_usd": 0.0}],
        ),
        requirements=requirements(**asked),
    )


def test_interest_to_sources_shortens_the_runway() -> None:
    """40 BTC, and a note of $2m for a bill of $2m: $4m pay $120,000 a month for 33 months. Without the note's interest
    in it the runway would be 40."""
    market = path([PRICE * 1.2**t for t in range(4)], lows=[PRICE] * 4)
    made = planned(indebted(min_runway_months=33.0), market)
    assert sum(use.amount for use in made.decisions.uses) == pytest.approx(2e6)
    assert made.books.runway_months[0] == pytest.approx(4e6 / 120_000)
    with pytest.raises(NoPlanError):
        planned(indebted(min_runway_months=34.0), market)


@pytest.mark.parametrize("cover", [4.0, 8.0])
def test_service_of_sources_is_covered(cover: float) -> None:
    """10 PH/s that earn in a rich market: at 12% a year that covers the interest of so much, the wanted times over."""
    given = with_sources(
        note(min_issue_usd=0.0, issue_fee_share=0.0, min_btc_cover=None, term_months=3, limit_usd=3e6),
        horizon_months=2,
        decision_months=[0],
        liabilities=[liability(0, 2e6)],
        machines={"owned": [{"model": "old", "site": "Plains", "units": 100, "resale_usd": 0.0}]},
        treasury=no_cash(sell_fee_share=0.1),
        requirements=requirements(min_dscr=cover),
    )
    rich = {"btc_per_ph": [0.0, 0.05, 0.05], "revenue_usd_per_ph": [0.0, 6_500.0, 6_500.0]}
    made = planned(given, path([PRICE, PRICE * 1.3, PRICE * 1.3], **rich))
    margin, service = dscr_by_month(made.formulation.data.tree, made.books)
    issued = sum(use.amount for use in made.decisions.uses)
    assert service[1:] == pytest.approx(issued * 0.01)
    assert issued == pytest.approx(margin[1:].min() / cover / 0.01, rel=1e-6)
    assert issued < 2e6


@pytest.mark.parametrize("kind", sorted(COMPANIES))
def test_both_accounts_find_the_same_interest_and_service(kind: str) -> None:
    made = planned(COMPANIES[kind](), ten_nodes())
    f, books = made.formulation, made.books.sources
    for modelled, booked in ((sources_interest, books.interest_usd), (sources_service, books.service_usd)):
        found = [modelled(f, n).value() * f.data.money_usd for n in f.data.nodes]
        assert found == pytest.approx(booked.tolist(), abs=1.0)
