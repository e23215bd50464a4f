"""A small company for any test: a valid scenario as plain data, its catalogue, and a way to write both."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

_DATED = {"as_of": "2026-09-01", "source": "a test's figure"}

CATALOGUE: dict[str, dict[str, Any]] = {
    "asics": {
        "s21": {
            "name": "Antminer S21",
            "manufacturer": "Bitmain",
            "hashrate_ths": 200,
            "power_w": 3500,
            "cooling": "air",
            "price_usd": 2800,
            "price_as_of": "2026-09-01",
            "price_source": "a test's quote",
            **_DATED,
        },
        "s19": {
            "name": "Antminer S19",
            "manufacturer": "Bitmain",
            "hashrate_ths": 95,
            "power_w": 3250,
            "cooling": "air",
            **_DATED,
        },
        "hydro": {
            "name": "A hydro machine without a price",
            "manufacturer": "Bitmain",
            "hashrate_ths": 335,
            "power_w": 5360,
            "cooling": "hydro",
            **_DATED,
        },
        "uncooled": {
            "name": "A machine of unknown cooling",
            "manufacturer": "Nobody",
            "hashrate_ths": 100,
            "power_w": 2000,
            "price_usd": 1500,
            **_DATED,
        },
    },
    "loans": {
        "lender_bullet": {
            "lender": "Lender",
            "product": "Bitcoin-backed loan",
            "tiers": [{"max_ltv": 0.5, "apr": 0.11}],
            "term_months": 12,
            "origination_fee_share": 0.01,
            "interest": "monthly",
            "repayment": "bullet",
            "call_ltv": 0.7,
            "cure_target_ltv": 0.6,
            "liquidation_ltv": 0.8,
            "liquidation_fee_share": 0.02,
            "min_draw_usd": 10_000,
            **_DATED,
        },
        "lender_sparse": {
            "lender": "Other lender",
            "product": "A term sheet with blanks",
            "tiers": [{"max_ltv": 0.4, "apr": 0.1}],
            "interest": "monthly",
            "repayment": "bullet",
            "call_ltv": None,
            "cure_target_ltv": 0.5,
            "liquidation_ltv": 0.8,
            "liquidation_fee_share": 0.02,
            **_DATED,
        },
    },
    "sites": {
        "hosted_air": {
            "cooling": ["air"],
            "power_usd_per_mwh": 60,
            "uptime_share": 0.97,
            "duty_share": 0.1,
            "installation_usd_per_unit": 50,
            **_DATED,
        },
    },
}

_SCENARIO: dict[str, Any] = {
    "schema": "hashlever/scenario/1",
    "catalogue": "catalogue",
    "name": "minimal",
    "as_of": "2026-10-03",
    "horizon_months": 12,
    "decision_months": [0, 3],
    "market": {
        "btc_price_usd": 84_714,
        "block_height": 969_000,
        "price": {"process": "gbm", "view": "btc_neutral", "volatility_pa": 0.5},
        "network": {
            "hashrate_ehs": 964,
            "growth_pa": 0.1,
            "response": 0.5,
            "fair_hashprice_usd_per_ph_day": 40,
        },
        "fees": {"share": 0.01},
        "asic_prices": {"elasticity": 1, "ageing_pa": 0.15, "resale_discount_share": 0.2},
        "fan": {"paths": 200, "seed": 1},
        "tree": {
            "branching": [{"month": 1, "children": 3}, {"month": 4, "children": 2}],
            "low_quantile": 0.2,
        },
        "stress": [
            {"name": "crash", "price": [{"month": 2, "change": -0.5}], "low_below_close_share": 0.1},
        ],
    },
    "treasury": {
        "btc_lots": [{"btc": 100, "cost_basis_usd": 40_000}],
        "cash_usd": 2_000_000,
        "sell_fee_share": 0.002,
        "max_cash_months": 6,
        "overhead_usd_per_month": 50_000,
    },
    "sites": [{"name": "texas", "preset": "hosted_air", "power_mw": 10}],
    "machines": {
        "owned": [{"model": "s19", "site": "texas", "units": 1000, "resale_usd": 300}],
        "candidates": [{"model": "s21", "lead_months": 2, "lot_units": 50}],
    },
    "loans": [],
    "facilities": [{"name": "line", "product": "lender_bullet", "limit_usd": 3_000_000}],
    "requirements": {"min_cash_usd": 500_000, "calls": {"buffer_ltv": 0.05}},
    "risk": {"weight": 0.3, "tail_share": 0.1},
}


def minimal_scenario_dict() -> dict[str, Any]:
    """A scenario file that loads without warnings: a site, two models, a facility; yours to change."""
    return copy.deepcopy(_SCENARIO)


def write_scenario(folder: Path, data: dict[str, Any] | None = None, name: str = "scenario.yaml") -> Path:
    """Writes ``data`` (the minimal scenario by default) and its catalogue into ``folder``; JSON is YAML.

    Returns the scenario's path, ready for `optimizer.scenario.load.load_scenario`.
    """
    catalogue = folder / "catalogue"
    catalogue.mkdir(exist_ok=True)
    for kind, entries in CATALOGUE.items():
        (catalogue / f"{kind}.yaml").write_text(json.dumps(entries, indent=1))
    path = folder / name
    path.write_text(json.dumps(data if data is not None else _SCENARIO, indent=1))
    return path
