"""Small companies and hand-drawn trees: round numbers, so that books can be kept by hand.

Two machines: the ``old`` one (100 TH/s, 4,000 W) and the ``new`` one (200 TH/s, 4,000 W). One site ``Plains``
of 10 MW at $50/MWh. BTC at $100,000. 1 PH mines 0.01 BTC a month and earns $1,000; months have 30 days.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from optimizer.decisions import Decisions, Position
from optimizer.ledger.books import Books
from optimizer.market.tree import Tree
from optimizer.scenario.schema import Scenario

PRICE = 100_000.0


def scenario(**changes: Any) -> Scenario:
    """A company with 100 BTC, $1m and no machines, debts or offers; top-level sections may be replaced."""
    raw: dict[str, Any] = {
        "name": "test",
        "as_of": "2026-10-03",
        "horizon_months": 4,
        "decision_months": [0, 2],
        "market": {
            "btc_price_usd": PRICE,
            "block_height": 960_000,
            "price": {"process": "gbm", "view": "btc_neutral", "volatility_pa": 0.5},
            "network": {
                "hashrate_ehs": 964.0,
                "growth_pa": 0.0,
                "response": 1.0,
                "fair_hashprice_usd_per_ph_day": 40.0,
            },
            "fees": {"share": 0.01},
            "asic_prices": {"elasticity": 1.0, "ageing_pa": 0.2, "resale_discount_share": 0.2},
            "fan": {"paths": 100, "seed": 1},
            "tree": {"low_quantile": 0.05},
        },
        "treasury": treasury(),
        "sites": [site()],
        "requirements": requirements(),
        "risk": {"weight": 0.0, "tail_share": 0.1},
    }
    raw["machines"] = {"specs": specs()}
    if "machines" in changes:
        changes["machines"] = {"specs": specs(), **changes["machines"]}
    return Scenario.model_validate_json(json.dumps({**raw, **changes}))


def treasury(**changes: Any) -> dict[str, Any]:
    return {
        "btc_lots": [{"btc": 100.0, "cost_basis_usd": 30_000.0}],
        "cash_usd": 1_000_000.0,
        "sell_fee_share": 0.01,
        "max_cash_months": 60.0,
        **changes,
    }


def requirements(**changes: Any) -> dict[str, Any]:
    return {"calls": {"policy": "top_up_ahead", "buffer_ltv": 0.05}, **changes}


def site(**changes: Any) -> dict[str, Any]:
    return {
        "name": "Plains",
        "power_mw": 10.0,
        "cooling": ["air"],
        "power_usd_per_mwh": 50.0,
        "uptime_share": 1.0,
        **changes,
    }


def specs(**changes: Any) -> dict[str, Any]:
    machine = {"manufacturer": "Maker", "cooling": "air", "as_of": "2026-01-01", "source": "made up"}
    return {
        "old": {"name": "old", "hashrate_ths": 100.0, "power_w": 4_000.0, "price_usd": 1_000.0, **machine},
        "new": {"name": "new", "hashrate_ths": 200.0, "power_w": 4_000.0, "price_usd": 3_000.0, **machine},
        "wet": {
            **{"name": "wet", "hashrate_ths": 500.0, "power_w": 5_000.0, "price_usd": 9_000.0},
            **machine,
            "cooling": "hydro",
        },
        **changes,
    }


def candidate(**changes: Any) -> dict[str, Any]:
    return {"model": "new", "price_usd": 4_000.0, "lead_months": 1, "lot_units": 10, **changes}


def terms(**changes: Any) -> dict[str, Any]:
    return {
        "name": "Loan",
        "lender": "Bank",
        "term_months": 12,
        "interest": "monthly",
        "repayment": "bullet",
        "call_ltv": 0.7,
        "cure_target_ltv": 0.6,
        "liquidation_ltv": 0.8,
        "liquidation_fee_share": 0.02,
        **changes,
    }


def facility(**changes: Any) -> dict[str, Any]:
    """An offer: 12% up to 50% LTV, 6% up to 25%, 1% up front, at most $5m, today and in month 2."""
    return {
        **terms(name="Line"),
        "tiers": [{"max_ltv": 0.25, "apr": 0.06}, {"max_ltv": 0.5, "apr": 0.12}],
        "origination_fee_share": 0.01,
        "limit_usd": 5_000_000.0,
        "draw_until_month": 2,
        **changes,
    }


def loan(**changes: Any) -> dict[str, Any]:
    """A debt of $1.2m at 12% against 30 BTC, due in 3 months."""
    return {
        **terms(name="Old loan"),
        "balance_usd": 1_200_000.0,
        "pledged_btc": 30.0,
        "apr": 0.12,
        "matures_month": 3,
        **changes,
    }


def tree(parents: Sequence[int] = (-1, 0, 1, 2, 3), **changes: Any) -> Tree:
    """A tree by its parents (default: one branch of four months), flat market; arrays may be replaced.

    ``stressed`` nodes (a list) have no probability and form the stress "crash".
    """
    parent = np.array(parents, dtype=np.int64)
    n = len(parent)
    month = np.zeros(n, dtype=np.int64)
    for node in range(1, n):
        month[node] = month[parent[node]] + 1
    stress = np.full(n, -1, dtype=np.int64)
    stress[changes.pop("stressed", [])] = 0
    counted = np.array([((month == month[i]) & (stress < 0)).sum() for i in range(n)])
    later = (month > 0).astype(float)
    sites = changes.pop("sites", 1)
    arrays: dict[str, Any] = {
        "probability": np.where(stress < 0, 1 / np.maximum(counted, 1), 0.0),
        "price_usd": np.full(n, PRICE),
        "low_usd": np.full(n, PRICE),
        "btc_per_ph": 0.01 * later,
        "revenue_usd_per_ph": 1_000.0 * later,
        "hashprice_usd_per_ph_day": np.full(n, 40.0),
        "network_ehs": np.full(n, 964.0),
        "days": np.full(n, 30.0),
        "power_usd_per_mwh": np.full((n, sites), 50.0),
        "asic_price_factor": np.ones(n),
        "delivery_delay_months": np.zeros(n, dtype=np.int64),
        "frozen": (frozenset(),) * n,
    }
    arrays |= {k: np.array(v) if isinstance(v, list) else v for k, v in changes.items()}
    return Tree(month=month, parent=parent, stress=stress, stress_names=("crash",), **arrays)


def decisions(on: Tree, **changes: Any) -> Decisions:
    """Nothing is decided but what is named; ``sell_btc`` and ``buy_btc`` as {node: BTC}."""
    for name in ("sell_btc", "buy_btc"):
        amounts = np.zeros(len(on))
        for node, btc in changes.get(name, {}).items():
            amounts[node] = btc
        changes[name] = amounts
    lists: dict[str, Any] = dict.fromkeys(("orders", "retirements", "draws", "repayments", "pledges"), ())
    return Decisions(**{**lists, **changes})


def claim(books: Books) -> Position:
    """The position of a plan that agrees with its books."""
    return Position(
        btc=books.btc,
        pledged_btc=books.pledged_btc,
        owed_usd=books.owed_usd,
        cash_usd=books.cash_usd,
        net_btc=books.net_btc,
    )
