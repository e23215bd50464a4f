"""Off the tree too, nothing appears and nothing is lost: on any path, whatever was decided, by any policy.

Three accounts beside the ledger's own: where every coin is, where every dollar went, and what lenders are still owed.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer.ledger.outcome import Outcome
from optimizer.market.paths import Paths
from optimizer.scenario.money import Treasury
from optimizer.scenario.schema import Scenario

from .markets import DAYS, market, nearest, sell_only
from .test_conservation import Game, games

PATHS = 5
MONTHS = 5
CASH_IN = ("sale_usd", "resale_usd", "recovered_usd", "drawn_usd", "carried_unpaid_usd")
CASH_OUT = (
    "sale_fee_usd",
    "purchase_usd",
    "purchase_fee_usd",
    "origination_fee_usd",
    "ordered_usd",
    "bills_usd",
    "debt_service_usd",
    "repaid_early_usd",
    "repaid_usd",
    "shortfall_usd",
    "tax_usd",
)


def free_to_decide(company: Scenario, **terms: Any) -> Scenario:
    """The same company, whose lenders lend whenever asked; contracts with ``terms``."""
    lines = tuple(f.model_copy(update={"draw_until_month": 12, **terms}) for f in company.facilities)
    loans = tuple(loan.model_copy(update=terms) for loan in company.loans)
    months = {"decision_months": tuple(range(13)), "horizon_months": 12}
    return company.model_copy(update={"facilities": lines, "loans": loans, **months})


def wild(company: Scenario, seed: int) -> Paths:
    """Markets that halve and double within a month; lenders that freeze and fail, deliveries that are late."""
    rng = np.random.default_rng(seed)
    shape = (PATHS, MONTHS * DAYS + 1)
    moves = rng.normal(-0.001, 0.08, shape)
    # One day in a hundred is a gap that jumps over every line of a lender.
    moves -= 1.2 * (rng.random(shape) < 0.01)
    close = 1e5 * np.exp(np.cumsum(moves, axis=1))
    close[:, 0] = 1e5
    low = np.minimum(close, np.roll(close, 1, axis=1)) * (1 - rng.uniform(0, 0.15, shape))
    low[:, 0] = close[:, 0]
    calm = market(company, MONTHS, PATHS)
    by_month, lenders = calm.btc_per_ph.shape, calm.failed_month.shape
    return replace(
        calm,
        close_usd=close,
        low_usd=low,
        btc_per_ph=calm.btc_per_ph * rng.uniform(0.1, 2, by_month),
        revenue_usd_per_ph=calm.revenue_usd_per_ph * rng.uniform(0.1, 2, by_month),
        hashprice_usd_per_ph_day=40 * rng.uniform(0.2, 2, by_month),
        asic_price_factor=rng.uniform(0.2, 2, by_month),
        delivery_delay_months=rng.integers(0, 3, PATHS),
        frozen=rng.random((*by_month, lenders[1])) < 0.2,
        failed_month=np.where(rng.random(lenders) < 0.2, rng.integers(1, MONTHS + 1, lenders), 0),
        recovery_share=rng.random(lenders),
        recovery_month=rng.integers(MONTHS, MONTHS + 4, lenders),
    )


def poor(company: Scenario) -> Treasury:
    """Hardly more than what is pledged already, and bills of $0.9m a month."""
    lot = company.treasury.btc_lots[0].model_copy(update={"btc": 31.0})
    little = {"btc_lots": (lot,), "cash_usd": 1e5, "overhead_usd_per_month": 9e5}
    return company.treasury.model_copy(update=little)


def lender_terms(draw: Any) -> dict[str, Any]:
    return {
        "recourse": draw(st.sampled_from(["full", "limited"])),
        "rehypothecation": draw(st.sampled_from([True, False, None])),
        "liquidation_target_ltv": draw(st.sampled_from([None, 0.5])),
        "liquidation_slippage_share": draw(st.sampled_from([0.0, 0.03])),
        "cure_hours": draw(st.sampled_from([None, 24.0, 72.0])),
        "release_ltv": draw(st.sampled_from([None, 0.4])),
        "release_after_days": draw(st.sampled_from([0, 3])),
    }


def played(game: Game, data: Any, **terms: Any) -> tuple[Scenario, Outcome]:
    company, on, decided = game
    company = free_to_decide(company, **lender_terms(data.draw), **terms)
    calls = company.requirements.calls.model_copy(
        update={
            "policy": data.draw(st.sampled_from(["top_up_ahead", "cure_to_target"])),
            "same_day": data.draw(st.booleans()),
        }
    )
    floors = {"calls": calls, "min_cash_usd": data.draw(st.sampled_from([0.0, 4e5])), "min_btc": 20.0}
    company = company.model_copy(update={"requirements": company.requirements.model_copy(update=floors)})
    if data.draw(st.booleans()):
        company = company.model_copy(update={"treasury": poor(company)})
    policy = data.draw(st.sampled_from([nearest, sell_only]))
    return company, policy(company, on, decided, wild(company, data.draw(st.integers(0, 10_000))))


@settings(max_examples=500, deadline=None, derandomize=True)
@given(games(), st.data())
def test_coins_and_dollars_add_up_and_nothing_is_negative(game: Game, data: Any) -> None:
    company, out = played(game, data)
    flows = out.flows
    total = lambda *names: sum((flows.get(name, np.zeros(PATHS)) for name in names), np.zeros(PATHS))  # noqa: E731

    came = company.treasury.btc + total("mined_btc", "bought_btc")
    here = out.btc[:, -1] + total("sold_btc", "seized_btc", "set_off_btc")
    assert here == pytest.approx(came, rel=1e-9)

    came_usd = company.treasury.cash_usd + total(*CASH_IN)
    assert out.cash_usd[:, -1] + total(*CASH_OUT) == pytest.approx(came_usd, rel=1e-9)

    scale = float(came.max())
    assert out.cash_usd.min() >= 0
    assert out.free_btc.min() >= -1e-9 * scale
    # A pledge from which a lender has sold is never below nothing: no lender sells more than is pledged.
    assert out.pledged_btc.min() >= -1e-9 * scale
    assert out.debt_usd.min() >= -1e-6
    assert out.seized_btc.sum(axis=(1, 2)) == pytest.approx(total("seized_btc"), rel=1e-9, abs=1e-9)
    assert out.sold_btc.sum(axis=1) == pytest.approx(total("sold_btc"), rel=1e-9, abs=1e-9)
    assert np.isfinite(out.net_btc).all()


@settings(max_examples=60, deadline=None, derandomize=True)
@given(games(), st.data())
def test_without_interest_lenders_are_owed_what_they_lent_less_what_they_got(game: Game, data: Any) -> None:
    company, on, decided = game
    free = tuple(tier.model_copy(update={"apr": 0.0}) for tier in company.facilities[0].tiers)
    loans = tuple(loan.model_copy(update={"apr": 0.0, "accrued_usd": 0.0}) for loan in company.loans)
    lines = tuple(f.model_copy(update={"tiers": free}) for f in company.facilities)
    company = company.model_copy(update={"loans": loans, "facilities": lines})
    company, out = played((company, on, decided), data, early_repayment_fee_share=0.0)
    total = lambda *names: sum((out.flows.get(name, np.zeros(PATHS)) for name in names), np.zeros(PATHS))  # noqa: E731

    lent = sum(loan.balance_usd for loan in company.loans) + total("drawn_usd")
    got = total("debt_service_usd", "repaid_early_usd", "repaid_usd", "met_usd", "forgiven_usd", "billed_usd")
    assert out.owed_usd[:, -1] + got + total("shortfall_usd") == pytest.approx(lent, rel=1e-9)
