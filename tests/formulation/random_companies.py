"""Random small companies that load without an error: what the fuzz tests plan for."""

from __future__ import annotations

from typing import Any

import numpy as np

from optimizer.scenario.checks import issues_of
from optimizer.scenario.schema import Scenario
from tests.ledger.company import candidate, facility, loan, requirements, site, treasury

from .planned import liability, market, scenario

Rng = np.random.Generator


def random_company(seed: int) -> Scenario:
    """One or two sites, up to two machines and facilities, a loan, a simulated market: any terms."""
    rng = np.random.default_rng(seed)
    while True:
        given = _draw(rng)
        if all(issue.warning for issue in issues_of(given)):
            return given


def _draw(rng: Rng) -> Scenario:
    horizon = int(rng.integers(3, 7))
    second = int(rng.integers(1, horizon))
    sites = [_site(rng, name) for name in ("Plains", "Hills")[: rng.integers(1, 3)]]
    loans = [_loan(rng, horizon)] if rng.random() < 0.5 else []
    facilities = [_facility(rng, name, second) for name in ("Line", "Other")[: rng.integers(0, 3)]]
    lenders = sorted({contract["lender"] for contract in (*loans, *facilities)})
    return scenario(
        horizon_months=horizon,
        decision_months=[0, second],
        early_repayment_every_months=int(rng.integers(1, 4)),
        numeraire=str(rng.choice(["btc", "usd"])),
        market=_market(rng, horizon, lenders),
        treasury=treasury(
            btc_lots=[{"btc": round(float(rng.uniform(20, 100)), 2), "cost_basis_usd": 0.0}],
            cash_usd=float(rng.integers(0, 1_000_000)),
            sell_fee_share=float(rng.choice([0.0, 0.005])),
            buy_fee_share=0.002,
            buy_btc=bool(rng.random() < 0.2),
            max_cash_months=float(rng.integers(0, 4)),
            overhead_usd_per_month=float(rng.integers(0, 100_000)),
        ),
        sites=sites,
        machines=_machines(rng, [s["name"] for s in sites]),
        loans=loans,
        facilities=facilities,
        liabilities=[liability(int(rng.integers(0, horizon + 1)), float(rng.integers(1, 3_000_000)))],
        requirements=_requirements(rng),
        risk={"weight": float(rng.choice([0.0, 0.3, 1.0])), "tail_share": float(rng.uniform(0.05, 1))},
        solver={"gap_share": 1e-4, "time_limit_s": 20.0},
    )


def _maybe(rng: Rng, value: Any, otherwise: Any = None, chance: float = 0.4) -> Any:
    return value if rng.random() < chance else otherwise


def _market(rng: Rng, horizon: int, lenders: list[str]) -> dict[str, Any]:
    stress = {
        "name": "crash",
        "price": [{"month": int(rng.integers(1, horizon + 1)), "change": -float(rng.uniform(0.1, 0.6))}],
        "low_below_close_share": 0.05,
        "delivery_delay_months": int(rng.integers(0, 3)),
        "power_price_factor": float(rng.choice([1.0, 2.0])),
        "frozen_lenders": _maybe(rng, lenders[:1], []),
        "frozen_from_month": int(rng.integers(1, horizon + 1)),
        "until_month": _maybe(rng, int(rng.integers(1, horizon + 1))),
    }
    first = int(rng.integers(1, horizon))
    return market(
        price={
            "process": "gbm",
            "view": [{"median_growth_pa": 0.5}, "btc_neutral", "usd_neutral"][rng.integers(3)],
            "volatility_pa": float(rng.uniform(0.2, 0.9)),
        },
        network={
            "hashrate_ehs": float(rng.uniform(300, 1_200)),
            "growth_pa": 0.0,
            "response": 1.0,
            "fair_hashprice_usd_per_ph_day": 40.0,
        },
        fan={"paths": 60, "seed": int(rng.integers(1_000))},
        tree={
            "branching": [{"month": first, "children": 2}, {"month": first + 1, "children": 2}],
            "low_quantile": 0.1,
        },
        stress=[stress] if rng.random() < 0.7 else [],
    )


def _site(rng: Rng, name: str) -> dict[str, Any]:
    return site(
        name=name,
        power_mw=float(rng.uniform(1, 4)),
        rack_slots=_maybe(rng, int(rng.integers(300, 900))),
        power_usd_per_mwh=float(rng.uniform(10, 60)),
        pue=float(rng.uniform(1, 1.2)),
        uptime_share=0.95,
        duty_share=_maybe(rng, 0.1, 0.0),
        fixed_usd_per_month=10_000.0,
    )


def _machines(rng: Rng, sites: list[str]) -> dict[str, Any]:
    owned = [
        {
            "model": "old",
            "site": name,
            "units": int(rng.integers(1, 200)),
            "resale_usd": _maybe(rng, float(rng.integers(100, 900))),
        }
        for name in sites
        if rng.random() < 0.7
    ]
    on_order = [
        {
            "model": str(rng.choice(["old", "new"])),
            "site": name,
            "units": int(rng.integers(1, 150)),
            "arrives_month": int(rng.integers(1, 8)),
            "due_usd_per_unit": float(rng.choice([0.0, 500.0])),
        }
        for name in sites
        if rng.random() < 0.3
    ]
    offered = rng.choice(["new", "old"], size=int(rng.integers(0, 3)), replace=False)
    candidates = [
        candidate(
            model=str(model),
            price_usd=float(rng.uniform(1_000, 3_000)),
            lead_months=int(rng.integers(0, 4)),
            deposit_share=float(rng.choice([0.2, 0.5, 1.0])),
            lot_units=int(rng.integers(1, 100)),
            max_units=_maybe(rng, int(rng.integers(1, 500))),
            sites=_maybe(rng, [sites[0]]),
        )
        for model in offered
    ]
    return {"owned": owned, "on_order": on_order, "candidates": candidates}


def _contract(rng: Rng) -> dict[str, Any]:
    repayment = str(rng.choice(["bullet", "amortising"]))
    monthly = repayment == "amortising" or rng.random() < 0.5
    early = bool(rng.random() < 0.7)
    return {
        "lender": str(rng.choice(["Bank", "House"])),
        "interest": "monthly" if monthly else "at_maturity",
        "repayment": repayment,
        "ltv_counts": str(rng.choice(["accrued", "full_term"])),
        "early_repayment": early,
        "early_repayment_after_months": int(rng.integers(0, 2)) if early else 0,
        "early_repayment_fee_share": float(rng.choice([0.0, 0.01])),
        "release_ltv": _maybe(rng, 0.35),
        "call_ltv": float(rng.uniform(0.65, 0.8)),
        "liquidation_ltv": 0.85,
        "liquidation_target_ltv": _maybe(rng, 0.5),
    }


def _facility(rng: Rng, name: str, until: int) -> dict[str, Any]:
    tiers = [{"max_ltv": 0.35, "apr": float(rng.uniform(0, 0.1))}, {"max_ltv": 0.55, "apr": 0.14}]
    return facility(
        **_contract(rng),
        name=name,
        term_months=int(rng.integers(2, 13)),
        tiers=tiers[: rng.integers(1, 3)],
        limit_usd=float(rng.integers(300_000, 3_000_000)),
        min_draw_usd=_maybe(rng, 200_000.0, 0.0),
        draw_until_month=until if rng.random() < 0.6 else 0,
    )


def _loan(rng: Rng, horizon: int) -> dict[str, Any]:
    return loan(
        **_contract(rng),
        balance_usd=float(rng.integers(100_000, 900_000)),
        accrued_usd=_maybe(rng, 10_000.0, 0.0),
        pledged_btc=20.0,
        matures_month=int(rng.integers(1, horizon + 4)),
        term_months=12,
    )


def _requirements(rng: Rng) -> dict[str, Any]:
    return requirements(
        min_cash_usd=_maybe(rng, 100_000.0, 0.0),
        min_btc=_maybe(rng, float(rng.uniform(1, 40)), 0.0),
        max_ltv=_maybe(rng, 0.6),
        max_debt_usd=_maybe(rng, float(rng.integers(1_000_000, 4_000_000))),
        max_lender_btc_share=_maybe(rng, 0.8),
        min_runway_months=_maybe(rng, 2.0),
        max_fleet_breakeven_usd_per_ph_day=_maybe(rng, 55.0, chance=0.2),
        liquidation_probability=_maybe(rng, 0.3, 0.0, chance=0.3),
        min_dscr=_maybe(rng, 0.5, chance=0.1),
        calls={
            "policy": "cure_to_target" if rng.random() < 0.2 else "top_up_ahead",
            "buffer_ltv": float(rng.choice([0.0, 0.02])),
        },
    )
