"""The golden rows. ``python -m tests.formulation.regenerate_golden`` writes them anew; then read them.

A company with every feature on a tree of ten nodes, in numbers round enough to check coefficients by eye. BTC
at $100,000, so a unit of money is $100,000; 12% a year is 1% a month; ten machines of 200 TH/s make a lot of
2 PH/s. Liquidation touches many rows: its own families are taken from the same company with it allowed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from optimizer.formulation.build import build
from optimizer.market.tree import Tree
from optimizer.scenario.schema import Scenario
from tests.ledger import company
from tests.ledger.company import PRICE, candidate, facility, loan, requirements, site, treasury

from .planned import liability, scenario
from .rows import families
from .source_companies import COMPANIES, taxed, walker

GOLDEN = Path(__file__).parent / "golden"


def every_feature(**asked: Any) -> Scenario:
    """Every family of rows has at least one row in this company's model."""
    return scenario(
        horizon_months=3,
        decision_months=[0, 2],
        treasury=treasury(
            btc_lots=[{"btc": 100.0, "cost_basis_usd": 30_000.0}],
            max_cash_months=2.0,
            overhead_usd_per_month=100_000.0,
        ),
        sites=[site(power_mw=1.0, rack_slots=500, fixed_usd_per_month=50_000.0, duty_share=0.1)],
        machines={
            "owned": [{"model": "old", "site": "Plains", "units": 100, "resale_usd": 500.0}],
            "candidates": [candidate(max_units=200, deposit_share=0.5, freight_usd_per_unit=100.0)],
        },
        loans=[loan(repayment="amortising")],
        facilities=[
            facility(min_draw_usd=500_000.0, release_ltv=0.4, early_repayment_fee_share=0.02),
            facility(
                name="Short",
                lender="House",
                tiers=[{"max_ltv": 0.5, "apr": 0.24}],
                interest="at_maturity",
                term_months=2,
                early_repayment=False,
                draw_until_month=0,
            ),
        ],
        liabilities=[liability(2, 300_000.0)],
        requirements=requirements(
            **{
                "min_cash_usd": 200_000.0,
                "min_btc": 50.0,
                "max_ltv": 0.6,
                "max_debt_usd": 4_000_000.0,
                "max_lender_btc_share": 0.5,
                "min_runway_months": 2.0,
                "max_fleet_breakeven_usd_per_ph_day": 40.0,
                "min_dscr": 1.5,
                **asked,
            }
        ),
        risk={"weight": 0.5, "tail_share": 0.25},
    )


def ten_nodes() -> Tree:
    """80% and 125% of today's price from month 1; a stress at 50%, late, with the bank frozen in month 2."""
    ratio = [1.0, 0.8, 1.25, 0.8, 1.25, 0.8, 1.25, 0.5, 0.5, 0.5]
    low = [1.0, 0.8, 1.0, 0.8, 1.25, 0.8, 1.25, 0.5, 0.5, 0.5]
    bank = frozenset({"Bank"})
    return company.tree(
        [-1, 0, 0, 1, 2, 3, 4, 0, 7, 8],
        stressed=[7, 8, 9],
        price_usd=[PRICE * r for r in ratio],
        low_usd=[PRICE * r for r in low],
        btc_per_ph=[0.0] + [0.05] * 9,
        revenue_usd_per_ph=[0.0] + [5_000.0] * 9,
        asic_price_factor=ratio,
        delivery_delay_months=[0] * 7 + [1] * 3,
        frozen=(frozenset(),) * 8 + (bank, frozenset()),
    )


def every_family() -> dict[str, str]:
    """The text of every family of rows that the code can make, by name."""
    forbidden = families(build(every_feature(), ten_nodes()))
    allowed = families(build(every_feature(liquidation_probability=0.1), ten_nodes()))
    of_sources = {
        family: text
        for company_of in COMPANIES.values()
        for family, text in families(build(company_of(), ten_nodes())).items()
    }
    careful = every_feature(borrow_to_buy_btc=False)
    buyer = careful.model_copy(update={"treasury": careful.treasury.model_copy(update={"buy_btc": True})})
    of_sources |= families(build(buyer, ten_nodes()))
    of_taxes = families(build(taxed(lot_method="fifo"), ten_nodes()))
    of_walking = families(build(walker(), ten_nodes()))
    return {**of_walking, **of_taxes, **of_sources, **allowed, **forbidden}


if __name__ == "__main__":
    GOLDEN.mkdir(exist_ok=True)
    for old in GOLDEN.glob("*.lp"):
        old.unlink()
    for family, text in every_family().items():
        (GOLDEN / f"{family}.lp").write_text(text)
