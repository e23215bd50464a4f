"""A company with a bit of everything on a small tree: the subject of identities and golden rows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from optimizer.market.tree import Tree
from optimizer.scenario.schema import Scenario
from tests.ledger import company
from tests.ledger.company import PRICE, candidate, facility, loan, requirements, site, treasury

from .planned import liability, scenario


def mixed(**changes: Any) -> Scenario:
    """Machines to buy and to replace, an old loan, two lenders, a bill, and requirements that pinch."""
    return scenario(
        **{
            "horizon_months": 4,
            "decision_months": [0, 2],
            "treasury": treasury(
                btc_lots=[{"btc": 50.0, "cost_basis_usd": 30_000.0}],
                cash_usd=600_000.0,
                max_cash_months=0.5,
                overhead_usd_per_month=60_000.0,
            ),
            "sites": [site(power_mw=2.0, rack_slots=480, uptime_share=0.9, fixed_usd_per_month=10_000.0)],
            "machines": {
                "owned": [{"model": "old", "site": "Plains", "units": 300, "resale_usd": 500.0}],
                "candidates": [candidate(max_units=400, deposit_share=0.5)],
            },
            "loans": [loan(matures_month=3, pledged_btc=22.0)],
            "facilities": [
                facility(limit_usd=1_500_000.0, min_draw_usd=200_000.0),
                facility(
                    name="Deep",
                    lender="House",
                    interest="at_maturity",
                    tiers=[{"max_ltv": 0.6, "apr": 0.15}],
                    limit_usd=1_000_000.0,
                    call_ltv=0.8,
                    liquidation_ltv=0.9,
                ),
            ],
            "liabilities": [liability(1, 1_200_000.0)],
            "requirements": requirements(
                min_cash_usd=200_000.0,
                min_btc=30.0,
                max_debt_usd=2_200_000.0,
                max_ltv=0.65,
                max_lender_btc_share=0.7,
                min_runway_months=3.0,
            ),
            "risk": {"weight": 0.3, "tail_share": 0.3},
            **changes,
        }
    )


def mixed_tree(**changes: Any) -> Tree:
    """Two branches from month 1, each two from month 3, and a stress with a fall, a delay and a freeze."""
    ratio = np.array([1, 0.9, 1.3, 0.9, 1.4, 0.8, 1.1, 1.3, 2.0, 0.9, 1.2, 1.5, 2.4, 0.8, 0.7, 0.6, 0.6])
    parents = [-1, 0, 0, 1, 2, 3, 3, 4, 4, 5, 6, 7, 8, 0, 13, 14, 15]
    # Months of 3 are 5-8, of 4 are 9-12: horizon 4. The stress is 13-16.
    price = PRICE * ratio
    low = np.minimum(price, price[np.maximum(parents, 0)]) * 0.95
    low[0] = PRICE
    later = np.arange(17) > 0
    drawn = company.tree(
        parents,
        stressed=[13, 14, 15, 16],
        price_usd=price,
        low_usd=low,
        btc_per_ph=np.where(later, 0.03, 0.0),
        revenue_usd_per_ph=np.where(later, 0.03 * price, 0.0),
        asic_price_factor=0.5 + 0.5 * ratio,
        delivery_delay_months=np.array([0] * 13 + [1] * 4),
        frozen=(frozenset(),) * 13 + (frozenset(), frozenset({"House"}), frozenset({"House"}), frozenset()),
    )
    probability = np.array([1, 0.4, 0.6, 0.4, 0.6, 0.1, 0.3, 0.4, 0.2, 0.1, 0.3, 0.4, 0.2, 0, 0, 0, 0])
    return replace(drawn, **{"probability": probability, **changes})
