"""Lenders by the day, against figures worked out by hand.

A loan of $1.2m at 12% a year, paid monthly, against 30 BTC of 100: LTV 40% at $100,000. Calls at 70%, cured to 60%,
liquidated at 80% with a fee of 2%. On day 10 of 30 a third of the month's 1% of interest has run: $1,204,000.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from optimizer.ledger.outcome import Outcome
from optimizer.scenario.schema import Scenario

from .company import decisions, loan, requirements, scenario, treasury, tree
from .markets import market, priced, sell_only

OWED = 1_204_000.0
# Cash for interest and nothing for lenders' calls: the board's minimum.
BILLS_ONLY: dict[str, Any] = {"cash_usd": 50_000.0, "min_cash_usd": 50_000.0}


def company(**terms: Any) -> Scenario:
    asked = {k: terms.pop(k) for k in ("min_cash_usd", "calls", "min_btc") if k in terms}
    has = {k: terms.pop(k) for k in ("btc_lots", "cash_usd") if k in terms}
    return scenario(
        loans=[loan(**terms)],
        requirements=requirements(**asked),
        treasury=treasury(**has),
        machines={},
    )


def lots(btc: float) -> list[dict[str, float]]:
    return [{"btc": btc, "cost_basis_usd": 30_000.0}]


def played(who: Scenario, days: dict[int, float], months: int = 2) -> Outcome:
    on = tree()
    return sell_only(who, on, decisions(on), priced(who, days, months))


def test_the_highest_ltv_counts_interest_up_to_the_day() -> None:
    out = played(company(), {10: 65_000.0, 11: 100_000.0})
    assert out.ltv_high[0, 1, 0] == pytest.approx(OWED / (30 * 65_000))
    assert out.ltv_high[0, 2, 0] == pytest.approx(1_212_000 / 3_000_000)


def test_interest_at_maturity_accrues_and_the_full_term_counts_from_the_first_day() -> None:
    accruing = played(company(interest="at_maturity", accrued_usd=10_000.0), {})
    assert accruing.ltv_high[0, 2, 0] == pytest.approx((1_200_000 + 10_000 + 24_000) / 3_000_000)
    counted = played(company(interest="at_maturity", ltv_counts="full_term"), {})
    assert counted.ltv_high[0, 1, 0] == pytest.approx(1_200_000 * 1.03 / 3_000_000)


def test_a_fast_fall_is_called_and_cured_from_free_btc() -> None:
    out = played(company(), {10: 55_000.0})
    assert out.calls[0, 1, 0] == 1
    assert out.liquidations.sum() == 0
    assert out.topped_up_btc[0, 1, 0] == pytest.approx(OWED / (0.6 * 55_000) - 30)
    assert out.pledged_btc[0, 1, 0] == pytest.approx(OWED / (0.6 * 55_000))


def test_a_slow_fall_is_topped_up_ahead_of_the_call() -> None:
    out = played(company(), {10: 60_000.0, 11: 100_000.0})
    assert out.calls.sum() == 0
    assert out.topped_up_btc[0, 1, 0] == pytest.approx(OWED / (0.65 * 60_000) - 30)


def test_a_treasury_that_is_there_the_same_day_is_not_called() -> None:
    calls = {"buffer_ltv": 0.05, "same_day": True}
    out = played(company(calls=calls), {10: 55_000.0, 11: 100_000.0})
    assert out.calls.sum() == 0
    assert out.topped_up_btc[0, 1, 0] == pytest.approx(OWED / (0.65 * 55_000) - 30)


def test_who_waits_for_the_call_sends_nothing_before_it() -> None:
    calls = {"policy": "cure_to_target", "buffer_ltv": 0.05}
    assert played(company(calls=calls), {10: 58_000.0}).topped_up_btc.sum() == 0
    assert played(company(calls=calls), {10: 55_000.0}).calls.sum() == 1


def test_warnings_come_before_calls() -> None:
    out = played(company(warning_ltv=0.6), {10: 65_000.0, 12: 100_000.0})
    assert out.warnings[0].sum() == 1
    assert out.calls.sum() == 0


def test_too_little_free_btc_is_helped_by_cash() -> None:
    out = played(company(btc_lots=lots(31.0)), {10: 55_000.0}, months=1)
    short = OWED - 0.6 * 31 * 55_000
    assert out.flows["repaid_usd"][0] == pytest.approx(short)
    assert out.pledged_btc[0, 1, 0] == pytest.approx(31.0)
    # What is left is charged for the whole month, what was repaid for ten days of it.
    principal = 1_200_000 * (1 - short / OWED)
    assert out.debt_usd[0, 1, 0] == pytest.approx(principal)
    assert out.flows["debt_service_usd"][0] == pytest.approx(principal * 0.01)


def test_and_cash_by_a_sale() -> None:
    who = company(btc_lots=lots(36.0), **BILLS_ONLY)
    out = played(who, {10: 55_000.0}, months=1)
    sale = (OWED - 0.6 * 36 * 55_000) / (1 - 0.01 - 0.6)
    assert out.calls[0, 1, 0] == 1
    assert out.liquidations.sum() == 0
    assert out.flows["repaid_usd"][0] == pytest.approx(sale * 0.99)
    pledged, owed = 36 - sale / 55_000, OWED - sale * 0.99
    assert owed / (pledged * 55_000) == pytest.approx(0.6)
    assert out.pledged_btc[0, 1, 0] == pytest.approx(pledged)


def test_minimum_cash_is_not_sent_to_a_lender() -> None:
    out = played(company(btc_lots=lots(31.0), min_cash_usd=1_000_000.0), {10: 55_000.0}, months=1)
    assert out.liquidations[0, 1, 0] == 1
    assert out.flows["repaid_usd"][0] == 0.0


def test_an_uncured_call_is_liquidated_whole_and_the_rest_comes_back() -> None:
    who = company(btc_lots=lots(31.0), cash_usd=0.0)
    out = played(who, {10: 55_000.0}, months=1)
    seized = OWED / 0.98 / 55_000
    assert out.seized_btc[0, 1, 0] == pytest.approx(seized)
    assert out.lost_btc[0, 1, 0] == pytest.approx(seized * 0.02)
    assert out.pledged_btc[0, 1, 0] == 0
    assert out.free_btc[0, 1] == pytest.approx(31 - seized)
    assert out.debt_usd[0, 1, 0] == 0


def test_hours_to_cure_are_days_in_which_price_may_come_back() -> None:
    who = company(btc_lots=lots(30.0), cure_hours=48.0, **BILLS_ONLY)
    back = played(who, {10: 55_000.0, 12: 70_000.0}, months=1)
    assert back.calls.sum() == 1
    assert back.liquidations.sum() == 0
    stays = played(who, {10: 55_000.0}, months=1)
    # Two days later two more days of interest are owed.
    assert stays.seized_btc[0, 1, 0] == pytest.approx((OWED + 800.0) / 0.98 / 55_000)


def test_a_call_may_wait_into_the_next_month() -> None:
    who = company(btc_lots=lots(30.3), cash_usd=0.0, cure_hours=72.0)
    out = played(who, {29: 56_500.0, 31: 55_000.0})
    assert out.calls[0, 1, 0] == 1
    assert out.liquidations[0].tolist() == [[0], [0], [1]]


def test_the_liquidation_line_leaves_no_time() -> None:
    who = company(cure_hours=72.0)
    out = played(who, {10: 49_000.0}, months=1)
    assert OWED / (30 * 49_000) > 0.8
    assert out.liquidations[0, 1, 0] == 1
    assert out.topped_up_btc.sum() == 0


def test_a_lender_with_a_target_sells_down_to_it() -> None:
    who = company(btc_lots=lots(30.0), liquidation_target_ltv=0.5, liquidation_slippage_share=0.05, **BILLS_ONLY)
    out = played(who, {10: 55_000.0}, months=1)
    cost = 1 - 0.98 * 0.95
    value = 30 * 55_000
    sale = (OWED - 0.5 * value) / (1 - cost - 0.5)
    assert out.seized_btc[0, 1, 0] == pytest.approx(sale / 55_000)
    assert out.lost_btc[0, 1, 0] == pytest.approx(sale * cost / 55_000)
    left = OWED - sale * (1 - cost)
    assert left / (value - sale) == pytest.approx(0.5)
    assert out.debt_usd[0, 1, 0] == pytest.approx(1_200_000 * left / OWED)


@pytest.mark.parametrize(("recourse", "billed"), [("full", True), ("limited", False)])
def test_a_gap_below_the_debt_is_billed_or_forgiven(recourse: str, billed: bool) -> None:
    out = played(company(recourse=recourse), {10: 30_000.0}, months=1)
    short = OWED - 30 * 30_000 * 0.98
    assert out.seized_btc[0, 1, 0] == pytest.approx(30.0)
    assert out.flows["billed_usd"][0] == pytest.approx(short if billed else 0.0)
    assert out.flows["forgiven_usd"][0] == pytest.approx(0.0 if billed else short)
    assert out.flows["bills_usd"][0] == pytest.approx(short if billed else 0.0)


def test_two_lenders_share_one_treasury() -> None:
    both = [loan(), loan(name="Second", lender="Fund")]
    who = scenario(loans=both, treasury=treasury(btc_lots=lots(66.6), cash_usd=0.0), machines={})
    out = played(who, {10: 55_000.0}, months=1)
    # Free BTC cures the first; for the second it does not go round.
    assert out.calls[0, 1].tolist() == [1, 1]
    assert out.topped_up_btc[0, 1, 0] == pytest.approx(OWED / 33_000 - 30)
    assert out.liquidations[0, 1].tolist() == [0, 1]


def test_paths_do_not_touch_each_other() -> None:
    who, on = company(), tree()
    falls, calm = priced(who, {10: 55_000.0}, 2), priced(who, {}, 2)
    both = market(
        who,
        2,
        2,
        close_usd=np.concatenate([falls.close_usd, calm.close_usd]),
        low_usd=np.concatenate([falls.low_usd, calm.low_usd]),
    )
    out = sell_only(who, on, decisions(on), both)
    assert out.calls.sum(axis=(1, 2)).tolist() == [1, 0]
    assert out.net_btc[1] == pytest.approx(sell_only(who, on, decisions(on), calm).net_btc[0], rel=1e-12)
