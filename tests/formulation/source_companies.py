"""A company for each kind of source of money, with a row of each family at least. Golden rows come of these."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from optimizer.scenario.schema import Scenario
from optimizer.scenario.taxes import Taxes
from tests.ledger.company import candidate, loan, requirements, treasury

from .planned import liability, no_cash, scenario


def with_sources(*sources: dict[str, Any], **changes: Any) -> Scenario:
    """A company of three months that decides today and in month 2, with these sources of money."""
    timed = [{"counterparty": "House", "until_month": 2, **source} for source in sources]
    return scenario(**{"horizon_months": 3, "decision_months": [0, 2], "sources": timed, **changes})


def note(**changes: Any) -> dict[str, Any]:
    """$2m at 12% for two months against twice as much BTC, half a million at least, 2% to place it."""
    return {
        "kind": "note",
        "name": "Senior",
        "counterparty": "House",
        "apr": 0.12,
        "term_months": 2,
        "limit_usd": 2_000_000.0,
        "min_issue_usd": 500_000.0,
        "issue_fee_share": 0.02,
        "min_btc_cover": 2.0,
        **changes,
    }


def machine_loan(**changes: Any) -> dict[str, Any]:
    """Half the price of machines at 12%, in six payments; owed is at most nine tenths of what they would fetch."""
    return {
        "kind": "machine_loan",
        "name": "Equipment",
        "counterparty": "House",
        "apr": 0.12,
        "term_months": 6,
        "advance_share": 0.5,
        "limit_usd": 1_000_000.0,
        "origination_fee_share": 0.02,
        "covenant_ltv": 0.9,
        **changes,
    }


def btc_lending(**changes: Any) -> dict[str, Any]:
    """40 BTC lent for two months at 12%, with a borrower that fails once in ten years and then pays half."""
    return {
        "kind": "btc_lending",
        "name": "Desk",
        "counterparty": "House",
        "yield_pa": 0.12,
        "lock_months": 2,
        "limit_btc": 40.0,
        "failure_pa": 0.1,
        "recovery_share": 0.5,
        **changes,
    }


def btc_put(**changes: Any) -> dict[str, Any]:
    """Up to 60 BTC protected for two months at nine tenths of the day's price, for 3% of it."""
    return {
        "kind": "btc_put",
        "name": "Floor",
        "counterparty": "House",
        "strike_share": 0.9,
        "premium_share": 0.03,
        "months": 2,
        "limit_btc": 60.0,
        **changes,
    }


def hashrate_loan(**changes: Any) -> dict[str, Any]:
    """$2m at 12% for three months on 40% LTV; 50 PH/s pointed for each million, half of what they mine repays it."""
    return {
        "kind": "hashrate_loan",
        "name": "Pool",
        "counterparty": "Bank",
        "apr": 0.12,
        "term_months": 3,
        "limit_usd": 2_000_000.0,
        "pointed_ph_per_usd_m": 50.0,
        "repaid_share": 0.5,
        "max_ltv": 0.4,
        "call_ltv": 0.7,
        "liquidation_ltv": 0.8,
        "liquidation_target_ltv": 0.5,
        "liquidation_fee_share": 0.02,
        "origination_fee_share": 0.01,
        **changes,
    }


BUYER = {"candidates": [candidate(max_units=200)]}


def vendor_deferral(**changes: Any) -> dict[str, Any]:
    """A fifth of the price a month later at 12%, $100,000 at most."""
    return {
        "kind": "vendor_deferral",
        "name": "Later",
        "counterparty": "Maker",
        "deferred_share": 0.2,
        "after_months": 1,
        "apr": 0.12,
        "limit_usd": 100_000.0,
        **changes,
    }


def vendor_pledge(**changes: Any) -> dict[str, Any]:
    """Half of the price in BTC at 99.5% of the day's price, to be bought back at that a month later; 3 BTC at most.
    Selling costs more than the half percent, so that where price has not moved buying back takes cash."""
    return {
        "kind": "vendor_pledge",
        "name": "Swap",
        "counterparty": "Maker",
        "redeem_price_factor": 0.995,
        "redeem_months": 1,
        "paid_share": 0.5,
        "limit_btc": 3.0,
        **changes,
    }


def credit_line(**changes: Any) -> dict[str, Any]:
    """$2m at 6% up to 20% LTV, 12% up to 50%; a call at 70% and a sale at 80% down to 50%."""
    return {
        "kind": "credit_line",
        "name": "Revolver",
        "counterparty": "Bank",
        "tiers": [{"max_ltv": 0.2, "apr": 0.06}, {"max_ltv": 0.5, "apr": 0.12}],
        "limit_usd": 2_000_000.0,
        "call_ltv": 0.7,
        "liquidation_ltv": 0.8,
        "liquidation_target_ltv": 0.5,
        "liquidation_fee_share": 0.02,
        **changes,
    }


def hashrate_forward(**changes: Any) -> dict[str, Any]:
    """60 PH/s at $180 a day for two months less 2%, a tenth of it kept as margin, half of the fleet at most."""
    return {
        "kind": "hashrate_forward",
        "name": "Forward",
        "counterparty": "House",
        "hashprice_usd_per_ph_day": 180.0,
        "discount_share": 0.02,
        "term_months": 2,
        "limit_ph": 60.0,
        "margin_share": 0.1,
        "max_share_of_fleet": 0.5,
        **changes,
    }


def hashprice_hedge(**changes: Any) -> dict[str, Any]:
    """60 PH/s at $180 a day for two months against a margin of a third."""
    return {
        "kind": "hashprice_hedge",
        "name": "Hedge",
        "counterparty": "House",
        "hashprice_usd_per_ph_day": 180.0,
        "term_months": 2,
        "limit_ph": 60.0,
        "margin_share": 1 / 3,
        **changes,
    }


def hundred_ph() -> dict[str, Any]:
    """A fleet of 100 PH/s."""
    return {"owned": [{"model": "old", "site": "Plains", "units": 1000, "resale_usd": 500.0}]}


def taxed(**changes: Any) -> Scenario:
    """Two lots, a note, hashrate sold forward and the new machine on offer; a quarter of income is tax, the year ends
    with November."""
    lots = [{"btc": 60.0, "cost_basis_usd": 30_000.0}, {"btc": 40.0, "cost_basis_usd": 90_000.0}]
    terms = {"rate": 0.25, "year_end_month": 11, "carry_forward_usd": 100_000.0}
    given = with_sources(
        note(),
        hashrate_forward(),
        treasury=treasury(btc_lots=lots, overhead_usd_per_month=100_000.0),
        machines={"candidates": [candidate()]},
        loans=[loan()],
        requirements=requirements(liquidation_probability=0.1),
    )
    straight = {"depreciation": "straight", "depreciation_months": 2}
    return given.model_copy(update={"taxes": Taxes.model_validate({**terms, **straight, **changes})})


def walker() -> Scenario:
    """A company with no money but some BTC, and a loan on machines from which it may walk away, drawn in two months."""
    terms = {"recourse": "limited", "models": ["new"], "early_repayment": False}
    return with_sources(
        machine_loan(**terms),
        decision_months=[0, 1, 2],
        machines={"candidates": [candidate(lead_months=0)]},
        treasury=no_cash(btc_lots=[{"btc": 20.0, "cost_basis_usd": 0.0}]),
    )


COMPANIES: dict[str, Callable[[], Scenario]] = {
    "note": lambda: with_sources(note()),
    "machine_loan": lambda: with_sources(
        machine_loan(),
        decision_months=[0, 1],
        machines={"candidates": [candidate()]},
        treasury=no_cash(btc_lots=[{"btc": 20.0, "cost_basis_usd": 0.0}]),
    ),
    "btc_lending": lambda: with_sources(btc_lending()),
    "btc_put": lambda: with_sources(btc_put()),
    # A bill for which it is drawn in full: topped up in the stress, and frozen there.
    "credit_line": lambda: with_sources(
        credit_line(), numeraire="usd", liabilities=[liability(0, 2_000_000.0)], treasury=no_cash(sell_fee_share=0.1)
    ),
    # As the credit line, with a fleet that can be pointed and another that buys hashrate.
    "hashrate_loan": lambda: with_sources(
        hashrate_loan(),
        hashrate_forward(limit_ph=10.0),
        numeraire="usd",
        machines=hundred_ph(),
        liabilities=[liability(0, 1_500_000.0)],
        treasury=no_cash(sell_fee_share=0.1),
    ),
    "vendor_deferral": lambda: with_sources(
        vendor_deferral(), decision_months=[0, 1], machines=BUYER, numeraire="usd", treasury=treasury(cash_usd=0.0)
    ),
    "vendor_pledge": lambda: with_sources(vendor_pledge(), decision_months=[0, 1], machines=BUYER),
    "hashrate_forward": lambda: with_sources(
        hashrate_forward(), hashrate_forward(name="Fixed", repayment="btc"), machines=hundred_ph()
    ),
    "hashprice_hedge": lambda: with_sources(hashprice_hedge(), machines=hundred_ph()),
}
