"""Money for nothing that a plan once found in sources of money, and does not find any more."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from optimizer.market.mining import BLOCKS_PER_HALVING, subsidy_ahead
from optimizer.planning import Plan, plan
from tests.formulation.planned import liability, no_cash, path, planned
from tests.formulation.source_companies import hashprice_hedge, hashrate_forward, note, with_sources
from tests.ledger.company import PRICE, requirements
from tests.scenarios.test_shipped import SCENARIOS


def test_what_halvings_leave_of_a_term() -> None:
    assert subsidy_ahead(900_000, 0.0, 180.0) == 1.0
    before = BLOCKS_PER_HALVING * 5 - 144 * 90
    assert subsidy_ahead(before, 0.0, 180.0) == pytest.approx(0.75)
    assert subsidy_ahead(before, 90.0, 180.0) == pytest.approx(0.5)
    assert subsidy_ahead(before, 91.0, 180.0) == 1.0


@pytest.mark.parametrize("contract", [hashprice_hedge, hashrate_forward])
def test_a_quote_before_a_halving_has_it_in_it(contract: object) -> None:
    """Months of 30 days, a quote for one month at today's hashprice. In month 2, with the halving at that month's end,
    it is half of it: nothing is gained by signing."""
    quote = 1_000 / 30
    terms = {
        "hashprice_usd_per_ph_day": quote,
        "term_months": 1,
        "margin_share": 0.0,
        "from_month": 2,
        "until_month": 2,
    }
    extra = {"discount_share": 0.0, "max_share_of_fleet": 1.0} if contract is hashrate_forward else {}
    given = with_sources(
        contract(limit_ph=100.0, **terms, **extra),  # type: ignore[operator]
        horizon_months=3,
        decision_months=[0, 2],
        machines={"owned": [{"model": "old", "site": "Plains", "units": 1000, "resale_usd": 0.0}]},
        treasury=no_cash(btc_lots=[{"btc": 10.0, "cost_basis_usd": 0.0}], max_cash_months=12.0),
    )
    height = BLOCKS_PER_HALVING * 5 - 144 * 60
    given = given.model_copy(update={"market": given.market.model_copy(update={"block_height": height})})
    market = path(
        [PRICE] * 4,
        btc_per_ph=[0.0, 0.01, 0.01, 0.005],
        revenue_usd_per_ph=[0.0, 1_000.0, 1_000.0, 500.0],
        hashprice_usd_per_ph_day=[quote, quote, quote, quote / 2],
    )
    without = given.model_copy(update={"sources": ()})
    assert planned(given, market).worth == pytest.approx(planned(without, market).worth, abs=1e-6)


def small(folder: Path, text: str) -> Plan:
    file = folder / "asked.yaml"
    file.write_text(text.replace("SCENARIOS", os.path.relpath(SCENARIOS, folder)), encoding="utf-8")
    return plan(file, compare=False, monte_carlo=0)


def test_machines_behind_a_sale_are_not_resold(tmp_path: Path) -> None:
    """All hashrate is sold for a year: a candidate's lead time opens a month in which machines could be handed over."""
    made = small(
        tmp_path,
        """
schema: hashlever/scenario/1
extends: SCENARIOS/teach_hashrate_forward.yaml
name: resold
horizon_months: 12
numeraire: usd
market:
  price:
    cases: [{name: rise, probability: 1, price: [{month: 1, usd: 100000}], network_growth_pa: 1}]
  asic_prices: {elasticity: 1, ageing_pa: 0, resale_discount_share: 0.4}
treasury: {max_cash_months: 60}
machines:
  candidates: [{model: antminer_s21_xp_270t, price_usd: 2970, lead_months: 1, lot_units: 10}]
sources: [{name: forward, term_months: 12, limit_ph: 1000}]
""",
    )
    [sale] = made.decisions.uses
    gone_ph = sum(gone.units * 0.216 for gone in made.decisions.retirements)
    assert sale.amount + gone_ph <= 250 * 0.216 + 1e-6


def test_not_borrowing_to_buy_does_not_forbid_borrowing() -> None:
    """3 BTC and a bill of $1m that only a note can pay: where nothing is bought, what is owed has no bound."""
    given = with_sources(
        note(limit_usd=2e6, min_issue_usd=0.0, issue_fee_share=0.0, min_btc_cover=None, term_months=12),
        horizon_months=1,
        decision_months=[0],
        liabilities=[liability(0, 1e6)],
        sites=[],
        machines={},
        treasury=no_cash(btc_lots=[{"btc": 3.0, "cost_basis_usd": 0.0}], buy_btc=True),
        requirements=requirements(borrow_to_buy_btc=False),
    )
    made = planned(given, path([PRICE, PRICE * 1.1]))
    assert sum(use.amount for use in made.decisions.uses) == pytest.approx(1e6, rel=1e-3)
