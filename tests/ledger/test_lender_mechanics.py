"""The numeric examples of docs/explanation/lender-mechanics.md, played by the ledger day by day.

$600,000 owed against 10 BTC at $100,000; call at 75%, cured to 65%, liquidation at 85% with a fee of 2%. Unless said
otherwise the loan bears no interest, a call may wait 24 hours, 3 BTC are free and there is no cash to spare; selling
costs 1%. A month of 30 days; ``days`` gives the low and the close of those on which price is not $100,000.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from optimizer.ledger.outcome import Outcome
from optimizer.ledger.replay import replay
from optimizer.market.path_parts import calm, daily_steps
from optimizer.market.paths import Paths
from optimizer.scenario.schema import Scenario
from tests.ledger.company import PRICE, decisions, facility, loan, requirements, scenario, treasury, tree

PAGE = (Path(__file__).parents[2] / "docs" / "explanation" / "lender-mechanics.md").read_text(encoding="utf-8")
Days = dict[int, tuple[float, float]]
AHEAD = {"policy": "top_up_ahead", "buffer_ltv": 0.05}
WAIT = {"policy": "cure_to_target", "buffer_ltv": 0.0}


def company(
    calls: dict[str, Any],
    free_btc: float = 3.0,
    spare_usd: float = 0.0,
    more: dict[str, Any] | None = None,
    **terms: Any,
) -> Scenario:
    """The company of the examples, with other terms of its loan; ``spare_usd`` lies above its minimum cash, ``more``
    are other sections of the scenario."""
    contract = {"call_ltv": 0.75, "cure_target_ltv": 0.65, "liquidation_ltv": 0.85, "cure_hours": 24.0, "apr": 0.0}
    owed = {"balance_usd": 600_000.0, "pledged_btc": 10.0, "matures_month": 12}
    return scenario(
        as_of="2026-11-03",
        treasury=treasury(
            btc_lots=[{"btc": 10.0 + free_btc, "cost_basis_usd": 0.0}],
            cash_usd=100_000.0 + spare_usd,
        ),
        sites=[],
        loans=[loan(**{**owed, **contract, **terms})],
        requirements=requirements(min_cash_usd=100_000.0, calls=calls),
        **(more or {}),
    )


def market(of: Scenario, days: Days, months: int = 1) -> Paths:
    steps = daily_steps(of.as_of, months)
    low, close = (np.full((1, int(steps["month_end"][-1]) + 1), PRICE) for _ in range(2))
    for day, (lowest, last) in days.items():
        low[0, day], close[0, day] = lowest, last
    nothing_mined = np.zeros((1, months + 1))
    return Paths(
        **steps,
        close_usd=close,
        low_usd=low,
        btc_per_ph=nothing_mined,
        revenue_usd_per_ph=nothing_mined,
        hashprice_usd_per_ph_day=nothing_mined,
        network_ehs=nothing_mined,
        power_usd_per_mwh=np.zeros((1, months + 1, 0)),
        asic_price_factor=np.ones((1, months + 1)),
        **calm(of, 1, months),
    )


def played(of: Scenario, paths: Paths) -> Outcome:
    return replay(of, tree(), decisions(tree()), paths, "sell_only")


def month(of: Scenario, days: Days) -> Outcome:
    return played(of, market(of, days))


def happened(outcome: Outcome, name: str) -> float:
    """What was counted, moved or left of the only loan by the end of month 1."""
    return float(np.asarray(getattr(outcome, name))[0, 1].sum())


def page_says(figure: str) -> None:
    """The page has this figure of ours, to its last digit."""
    assert figure in PAGE


def test_ltv_is_taken_at_the_low_with_the_interest_of_the_days_run() -> None:
    outcome = month(company(WAIT, apr=0.12, call_ltv=0.80), {15: (80_000.0, 95_000.0)})
    assert happened(outcome, "ltv_high") == pytest.approx(603_000 / 800_000)
    whole_term = company(WAIT, apr=0.12, call_ltv=0.845, interest="at_maturity", ltv_counts="full_term")
    assert happened(month(whole_term, {15: (80_000.0, 95_000.0)}), "ltv_high") == pytest.approx(672_000 / 800_000)


def test_a_line_is_touched_at_its_price() -> None:
    assert happened(month(company(WAIT), {10: (80_001.0, 95_000.0)}), "calls") == 0
    assert happened(month(company(WAIT), {10: (79_999.0, 95_000.0)}), "calls") == 1


def test_past_the_liquidation_line_the_lender_sells_at_once() -> None:
    outcome = month(company(WAIT), {10: (70_000.0, 95_000.0)})
    assert happened(outcome, "seized_btc") == pytest.approx(600_000 / 0.98 / 70_000)
    assert happened(outcome, "lost_btc") == pytest.approx(0.02 * happened(outcome, "seized_btc"))
    page_says(f"{happened(outcome, 'seized_btc'):.3f} BTC; {happened(outcome, 'free_btc') - 3:.3f} BTC come back")
    assert happened(outcome, "debt_usd") == 0
    assert happened(outcome, "btc") == happened(outcome, "free_btc")


def test_a_lender_with_a_target_sells_down_to_it() -> None:
    outcome = month(company(WAIT, liquidation_target_ltv=0.65), {10: (70_000.0, 95_000.0)})
    assert happened(outcome, "seized_btc") == pytest.approx(145_000 / 0.33 / 70_000)
    left = f"${happened(outcome, 'debt_usd'):,.0f} stays owed on {happened(outcome, 'pledged_btc'):.3f} BTC"
    page_says(f"{happened(outcome, 'seized_btc'):.3f} BTC; {left}")
    assert happened(outcome, "debt_usd") / (happened(outcome, "pledged_btc") * 70_000) == pytest.approx(0.65)


def test_topping_up_ahead_starts_at_the_buffers_line() -> None:
    outcome = month(company(AHEAD), {10: (84_000.0, 84_000.0)})
    assert happened(outcome, "topped_up_btc") == pytest.approx(600_000 / (0.70 * 84_000) - 10)
    page_says(f"{happened(outcome, 'topped_up_btc'):.3f} BTC")
    assert happened(outcome, "calls") == 0


def test_a_fall_within_a_day_is_a_call_unless_coins_arrive_that_day() -> None:
    fall = {10: (78_000.0, 78_000.0)}
    assert happened(month(company(AHEAD), fall), "calls") == 1
    same_day = month(company({**AHEAD, "same_day": True}), fall)
    assert happened(same_day, "calls") == 0
    page_says(f"{happened(same_day, 'topped_up_btc'):.3f} BTC")


CALLED = {10: (78_000.0, 78_000.0)}


def test_a_call_is_cured_by_adding_free_btc() -> None:
    outcome = month(company(WAIT), CALLED)
    assert happened(outcome, "topped_up_btc") == pytest.approx(600_000 / 0.65 / 78_000 - 10)
    page_says(f"{happened(outcome, 'topped_up_btc'):.3f} BTC")
    assert happened(outcome, "debt_usd") == 600_000
    assert happened(outcome, "liquidations") == 0


def test_then_by_repaying_from_cash() -> None:
    outcome = month(company(WAIT, free_btc=1.0, spare_usd=50_000.0), CALLED)
    assert happened(outcome, "topped_up_btc") == 1.0
    assert happened(outcome, "debt_usd") == pytest.approx(600_000 - 42_300)
    assert happened(outcome, "cash_usd") == pytest.approx(150_000 - 42_300)
    assert happened(outcome, "sold_btc") == 0


def test_then_by_selling_free_btc_to_repay() -> None:
    outcome = month(company(WAIT, free_btc=1.0, spare_usd=20_000.0), CALLED)
    assert happened(outcome, "sold_btc") == pytest.approx(22_300 / 0.34 / 78_000)
    sold, added = happened(outcome, "sold_btc"), happened(outcome, "topped_up_btc")
    repaid = 600_000 - happened(outcome, "debt_usd")
    page_says(f"**{sold:.3f} BTC** sold, **{added:.3f} BTC** added, ${repaid:,.0f} repaid")
    assert happened(outcome, "cash_usd") == pytest.approx(100_000)
    assert happened(outcome, "debt_usd") / (happened(outcome, "pledged_btc") * 78_000) == pytest.approx(0.65)


HELPLESS = {"free_btc": 0.0, "spare_usd": 20_000.0}


def test_a_call_that_cannot_be_cured_lapses_if_price_recovers() -> None:
    outcome = month(company(WAIT, **HELPLESS), {10: (78_000.0, 93_000.0)})
    assert happened(outcome, "calls") == 1
    assert happened(outcome, "liquidations") == 0
    assert happened(outcome, "cash_usd") == 120_000


def test_else_the_lender_sells_at_the_low_of_the_last_day_to_cure() -> None:
    falling = {10: (78_000.0, 79_000.0), 11: (76_000.0, 79_000.0), 12: (74_000.0, 79_000.0)}
    sold = []
    for hours in (None, 24.0, 36.0, 48.0):
        outcome = month(company(WAIT, cure_hours=hours, **HELPLESS), falling)
        assert happened(outcome, "liquidations") == 1
        sold.append(happened(outcome, "seized_btc"))
    assert sold == pytest.approx([600_000 / 0.98 / low for low in (78_000, 76_000, 74_000, 74_000)])
    page_says(f"{sold[1]:.3f} BTC")


def test_what_a_sale_does_not_cover_is_owed_or_forgiven() -> None:
    crash = {10: (55_000.0, 55_000.0)}
    full = month(company(WAIT, free_btc=0.0), crash)
    assert happened(full, "seized_btc") == 10
    # 10 * 55,000 * 0.98 = $539,000; the rest is paid as a bill, here from the cash that the board wanted to keep.
    assert happened(full, "cash_usd") == pytest.approx(100_000 - 61_000)
    limited = month(company(WAIT, free_btc=0.0, recourse="limited"), crash)
    assert happened(limited, "cash_usd") == 100_000
    assert limited.flows["forgiven_usd"][0] == pytest.approx(61_000)


def due_in_a_month(spare_usd: float = 0.0, **changes: Any) -> Scenario:
    return company(WAIT, spare_usd=spare_usd, **{"matures_month": 1, **changes})


def test_a_maturity_is_paid_from_cash_then_by_selling() -> None:
    rich = month(due_in_a_month(spare_usd=600_000.0), {})
    assert happened(rich, "cash_usd") == 100_000
    assert happened(rich, "btc") == 13
    poor = month(due_in_a_month(), {})
    assert happened(poor, "sold_btc") == pytest.approx(600_000 / 0.99 / 100_000)
    page_says(f"{happened(poor, 'sold_btc'):.3f} BTC sold")
    assert happened(poor, "cash_usd") == pytest.approx(100_000)


def test_an_open_offer_refinances_a_maturity_before_anything_is_sold() -> None:
    offer = facility(tiers=[{"max_ltv": 0.5, "apr": 0.12}])
    outcome = month(due_in_a_month(more={"facilities": [offer], "decision_months": [0, 1]}), {})
    assert happened(outcome, "sold_btc") == 0
    assert outcome.debt_usd[0, 1].tolist() == pytest.approx([0.0, 600_000 / 0.99])
    assert outcome.pledged_btc[0, 1].tolist() == pytest.approx([0.0, 12.121], abs=5e-4)


def test_a_debt_of_limited_recourse_under_water_is_not_repaid_at_maturity() -> None:
    # Price falls at the last close only, so that no line is touched before.
    under_water = {30: (PRICE, 55_000.0)}
    repaid = month(due_in_a_month(spare_usd=600_000.0), under_water)
    assert (happened(repaid, "btc"), happened(repaid, "cash_usd")) == (13, 100_000)
    left = month(due_in_a_month(spare_usd=600_000.0, recourse="limited"), under_water)
    assert (happened(left, "btc"), happened(left, "cash_usd")) == (3, 700_000)


def test_a_loan_is_unwound_to_pay_a_bill() -> None:
    bill = {"liabilities": [{"name": "bill", "month": 1, "amount_usd": 500_000.0}]}
    outcome = month(company(WAIT, more=bill), {})
    assert outcome.insolvent.sum() == 0
    owed, pledged = happened(outcome, "debt_usd"), happened(outcome, "pledged_btc")
    assert owed / (pledged * PRICE) == pytest.approx(0.6)
    page_says(f"3 free BTC and {happened(outcome, 'sold_btc') - 3:.3f} pledged ones")
    page_says(f"${owed:,.0f} stays owed on {pledged:.3f} BTC")


def test_bills_that_nothing_pays_make_the_lender_sell() -> None:
    bill = {"liabilities": [{"name": "bill", "month": 1, "amount_usd": 1_500_000.0}]}
    outcome = month(company(WAIT, more=bill, early_repayment=False), {})
    assert outcome.defaults.sum() == 1
    assert outcome.liquidations.sum() == 0
    seized, sold = happened(outcome, "seized_btc"), happened(outcome, "sold_btc")
    assert happened(outcome, "btc") == pytest.approx(0)
    page_says(f"sells {seized:.3f} BTC, the other {sold:.3f} BTC")
    page_says(f"${happened(outcome, 'unpaid_usd'):,.0f} stays unpaid")


def test_top_ups_come_back_when_the_loan_is_repaid() -> None:
    of = company(AHEAD, spare_usd=600_000.0, matures_month=2)
    outcome = played(of, market(of, {10: (84_000.0, 84_000.0)}, months=2))
    assert outcome.pledged_btc[0, :, 0].tolist() == pytest.approx([10, 10.204, 0], abs=5e-4)
    assert outcome.btc[0].tolist() == pytest.approx([13, 13, 13])


def failing(rehypothecation: bool, price_usd: float) -> Outcome:
    of = company(WAIT, spare_usd=200_000.0, rehypothecation=rehypothecation)
    paths = market(of, {30: (PRICE, price_usd)}, months=3)
    one = np.ones((1, 1), dtype=np.int64)
    frozen = np.ones((1, 4, 1), dtype=bool) & (np.arange(4) >= 1)[None, :, None]
    return played(
        of, replace(paths, failed_month=one, recovery_share=0.35 * one, recovery_month=3 * one, frozen=frozen)
    )


def test_a_failed_lenders_pledge_is_set_off_and_its_rest_is_a_claim() -> None:
    outcome = failing(True, 80_000.0)
    assert happened(outcome, "debt_usd") == 0
    assert happened(outcome, "btc") == 3
    assert happened(outcome, "receivable_usd") == pytest.approx(0.35 * 200_000)
    assert happened(outcome, "lost_btc") == pytest.approx(0.65 * 200_000 / 80_000)
    page_says(f"the rest is lost ({happened(outcome, 'lost_btc'):.3f} BTC)")
    assert outcome.cash_usd[0].tolist() == pytest.approx([300_000, 300_000, 300_000, 370_000])


def test_a_debt_beyond_the_lost_pledge_is_due_at_once() -> None:
    assert happened(failing(True, 50_000.0), "cash_usd") == pytest.approx(300_000 - 100_000)


def test_a_pledge_in_custody_is_not_touched() -> None:
    outcome = failing(False, 80_000.0)
    assert happened(outcome, "btc") == 13
    assert happened(outcome, "debt_usd") == 600_000
