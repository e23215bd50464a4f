"""Random companies: every plan passes the ledger's audit, every refusal names a requirement; and the solver's
optimum of tiny models is that of trying every whole number."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.optimize import linprog
from scipy.sparse import vstack

from optimizer.decisions import Decisions
from optimizer.errors import InfeasibleError
from optimizer.formulation.build import build
from optimizer.market.tree import Tree
from optimizer.planning import Plan, plan
from optimizer.scenario.load import LoadedScenario
from optimizer.scenario.schema import Scenario
from optimizer.solve.highs import NoPlanError, Solver
from optimizer.solve.linear_model import LinearModel, to_arrays
from tests.ledger import company
from tests.ledger.company import PRICE, candidate, facility, loan, requirements, site

from .planned import liability, no_cash, scenario
from .random_companies import random_company

# The vendor of `tiny` has no more lots than this.
MOST_LOTS = 2
SEEDS = range(80)
BATCHES = [SEEDS[start::8] for start in range(8)]
REQUIREMENTS = (
    "cash at least",
    "BTC held at least",
    "cash under its ceiling",
    "debt at most",
    "no lender holds more",
    "runway of",
    "fleet break-even",
    "debt service covered",
    "margin calls met",
    "LTV within",
    "power at the site",
    "racks at the site",
)


def plan_of(given: Scenario) -> Plan | None:
    """The audited plan, or None where there is none, for a reason that is given in words."""
    try:
        return plan(LoadedScenario(given, (), Path("random.yaml"), {}, ""), compare=False, monte_carlo=0)
    except InfeasibleError as refused:
        assert any(words in str(refused) for words in REQUIREMENTS)
        return None


@pytest.mark.parametrize("seeds", BATCHES, ids=lambda seeds: f"{seeds[0]} and every 8th after")
def test_every_plan_passes_its_audit_and_its_terms_add_up(seeds: range) -> None:
    plans = [found for seed in seeds if (found := plan_of(random_company(seed))) is not None]
    for found in plans:
        assert found.audit.ok
        assert sum(found.value.terms.values()) == pytest.approx(found.value.value, rel=1e-9, abs=1e-9)
        assert found.objective == pytest.approx(found.value.value + found.tie_break, rel=1e-6)
    assert len(plans) >= len(seeds) // 2  # else the companies are too poor to say anything


def test_the_random_companies_do_all_there_is_to_do() -> None:
    done = [found.decisions for seed in SEEDS[:40] if (found := plan_of(random_company(seed))) is not None]
    for what in ("orders", "retirements", "draws", "repayments", "pledges"):
        assert any(getattr(decided, what) for decided in done)
    assert any(later_draw(decided) for decided in done)
    assert any(pledge.release_btc > 0 for decided in done for pledge in decided.pledges)
    assert any(decided.buy_btc.max() > 0 for decided in done)


def later_draw(decided: Decisions) -> bool:
    return any(draw.node > 0 for draw in decided.draws)


# ---- whole numbers tried one by one ------------------------------------------------------------------------


def tiny(seed: int) -> tuple[Scenario, Tree]:
    """Two months, two branches; up to two lots, two tiers and a release to choose."""
    rng = np.random.default_rng(1_000 + seed)
    prices = PRICE * np.array([1.0, *rng.uniform(0.6, 1.8, 2), *rng.uniform(0.6, 3.0, 2)])
    parents = [-1, 0, 0, 1, 2]
    revenue = float(rng.uniform(1_000, 6_000))
    on = company.tree(
        parents,
        price_usd=prices,
        low_usd=np.minimum(prices, prices[np.maximum(parents, 0)]) * 0.95,
        btc_per_ph=np.array([0.0] + [revenue / PRICE] * 4),
        revenue_usd_per_ph=revenue * prices / PRICE * (np.arange(5) > 0),
    )
    any_release = 0.4 if rng.random() < 0.3 else None
    given = scenario(
        horizon_months=2,
        decision_months=[0, 1] if rng.random() < 0.2 else [0],
        treasury=no_cash(btc_lots=[{"btc": float(rng.uniform(15, 40)), "cost_basis_usd": 0.0}], sell_fee_share=0.002),
        sites=[site(power_mw=0.3)],
        machines={
            "owned": [{"model": "old", "site": "Plains", "units": 50, "resale_usd": 400.0}],
            "candidates": [candidate(max_units=30 * MOST_LOTS, lot_units=30, lead_months=int(rng.integers(0, 2)))],
        },
        loans=[loan(balance_usd=300_000.0, pledged_btc=8.0)] if rng.random() < 0.3 else [],
        facilities=[
            facility(
                interest=str(rng.choice(["monthly", "at_maturity"])),
                min_draw_usd=float(rng.choice([0.0, 400_000.0])),
                limit_usd=float(rng.uniform(500_000, 2_000_000)),
                release_ltv=any_release,
                draw_until_month=1,
            )
        ],
        liabilities=[liability(int(rng.integers(0, 3)), float(rng.uniform(200_000, 1_500_000)))],
        requirements=requirements(min_btc=float(rng.uniform(0, 12))),
        risk={"weight": float(rng.choice([0.0, 0.5])), "tail_share": 0.5},
    )
    return given, on


def best_by_trying(model: LinearModel) -> float:
    """The least cost over every choice of the whole numbers, each an LP for scipy's interior-point method."""
    matrix, low, high = model.matrix.tocsr(), model.row_lower, model.row_upper
    same = low == high
    up, down = ~same & np.isfinite(high), ~same & np.isfinite(low)
    rows: dict[str, Any] = {
        "A_eq": matrix[same],
        "b_eq": low[same],
        "A_ub": vstack([matrix[up], -matrix[down]]),
        "b_ub": np.concatenate([high[up], -low[down]]),
    }
    whole = np.flatnonzero(model.integral)
    # Rows of whole numbers alone (one tier) need no LP.
    alone = np.asarray((abs(matrix) @ ~model.integral) == 0).ravel()
    best = np.inf
    for values in product(*(range(int(min(model.upper[j], MOST_LOTS)) + 1) for j in whole)):
        sums = matrix[alone][:, whole] @ np.array(values)
        if np.any(sums > high[alone]) or np.any(sums < low[alone]):
            continue
        lower, upper = model.lower.copy(), model.upper.copy()
        lower[whole] = upper[whole] = values
        found = linprog(model.cost, **rows, bounds=np.column_stack([lower, upper]), method="highs-ipm")
        if found.status == 0:
            best = min(best, float(found.fun) + model.offset)
    return best


@pytest.mark.parametrize("seeds", [range(start, start + 25) for start in range(0, 100, 25)], ids=str)
def test_the_solver_finds_the_best_whole_numbers(seeds: range) -> None:
    found = 0
    for seed in seeds:
        given, on = tiny(seed)
        model = to_arrays(build(given, on))
        tried = best_by_trying(model)
        try:
            assert Solver(model, given.solver).solve().objective == pytest.approx(tried, rel=1e-6, abs=1e-6)
            found += 1
        except NoPlanError:
            assert tried == np.inf
    assert found >= len(seeds) // 2
