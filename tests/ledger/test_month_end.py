"""Month ends off the tree, against figures worked out by hand: maturities, what is refinanced, what fails."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from optimizer.decisions import Draw, Order, Pledge, Repayment, Retirement
from optimizer.ledger.lending import level_remaining_share
from optimizer.market.paths import Paths
from optimizer.scenario.schema import Scenario

from .company import candidate, decisions, facility, loan, requirements, scenario, treasury, tree
from .markets import market, nearest, priced, sell_only

LOT = {"btc": 100.0, "cost_basis_usd": 30_000.0}


def borrower(months: int = 4, **changes: Any) -> Scenario:
    return scenario(**{"loans": [loan()], "machines": {}, "horizon_months": months, **changes})


def failing(company: Scenario, paths: Paths, month: int = 2, share: float = 0.4, paid_in: int = 4) -> Paths:
    """The first lender fails."""
    one = np.ones_like(paths.failed_month)
    return replace(paths, failed_month=one * month, recovery_share=one * share, recovery_month=one * paid_in)


def test_a_maturity_is_paid_from_cash_then_by_a_sale() -> None:
    who, on = borrower(), tree()
    out = sell_only(who, on, decisions(on), market(who))
    # Three months of interest at $12,000, then $1.2m: cash of $1m first, the rest sold at a fee of 1%.
    sold = (1_236_000 - 1_000_000) / 0.99 / 100_000
    assert out.sold_btc[0] == pytest.approx([0, 0, 0, sold, 0])
    assert out.pledged_btc[0, :, 0] == pytest.approx([30, 30, 30, 0, 0])
    assert out.free_btc[0, 4] == pytest.approx(100 - sold)
    assert out.debt_usd[0, 3, 0] == 0


def test_a_maturity_is_refinanced_where_an_offer_is_open_and_cash_is_short() -> None:
    who = borrower(
        loans=[loan(matures_month=2)],
        facilities=[facility()],
        treasury=treasury(btc_lots=[{**LOT, "btc": 60.0}], cash_usd=100_000.0),
    )
    on = tree()
    out = sell_only(who, on, decisions(on), market(who))
    missing = 1_200_000 + 24_000 - 100_000
    # The cheap tier lends 25% against coins: 45.41 BTC of the 60 that are free once the old loan is repaid.
    assert out.debt_usd[0, 2].tolist() == pytest.approx([0.0, missing / 0.99])
    assert out.pledged_btc[0, 2, 1] == pytest.approx(missing / 0.99 / 0.25 / 100_000)
    assert out.sold_btc[0, 2] == 0
    # Nothing is open at other months: then coins are sold.
    late = borrower(loans=[loan(matures_month=3)], facilities=[facility()], treasury=who.treasury.model_dump())
    assert sell_only(late, on, decisions(on), market(late)).sold_btc[0, 3] > 0


@pytest.mark.parametrize(("recourse", "walks"), [("full", False), ("limited", True)])
def test_a_loan_under_water_is_walked_away_from_where_recourse_is_limited(recourse: str, walks: bool) -> None:
    lender = {"recourse": recourse, "call_ltv": 0.97, "cure_target_ltv": 0.96, "liquidation_ltv": 0.99}
    calls = {"policy": "cure_to_target", "buffer_ltv": 0.0}
    who = borrower(loans=[loan(**lender)], requirements=requirements(calls=calls))
    on = tree()
    # The price falls on the day of maturity, after its low was seen: $1.2m is owed on $1.17m of coins.
    close = np.full((1, 121), 100_000.0)
    close[:, 90:] = 39_000.0
    low = np.full((1, 121), 100_000.0)
    out = sell_only(who, on, decisions(on), market(who, close_usd=close, low_usd=low))
    # ... and the month's interest, which is not paid either.
    assert out.flows["forgiven_usd"][0] == pytest.approx(42_000.0) if walks else "forgiven_usd" not in out.flows
    assert out.btc[0, 3] == pytest.approx(70.0 if walks else 100 - (1_236_000 - 1_000_000) / 0.99 / 39_000)


def test_an_amortising_loan_falls_by_level_payments() -> None:
    who = borrower(loans=[loan(repayment="amortising", matures_month=12)])
    on = tree()
    out = sell_only(who, on, decisions(on), market(who))
    left = level_remaining_share(np.arange(5), 0.01, 12)
    assert out.debt_usd[0, :, 0] == pytest.approx(1_200_000 * left)
    assert out.pledged_btc[0, :, 0] == pytest.approx(30 * left)


def test_interest_at_maturity_is_paid_then_and_not_before() -> None:
    who = borrower(loans=[loan(interest="at_maturity", accrued_usd=5_000.0)])
    on = tree()
    out = sell_only(who, on, decisions(on), market(who))
    assert out.cash_usd[0, 2] == 1_000_000
    assert out.debt_usd[0, 2, 0] == pytest.approx(1_205_000 + 24_000)
    assert out.flows["debt_service_usd"][0] == pytest.approx(1_205_000 + 36_000)


def test_a_revolving_line_is_drawn_repaid_and_drawn_again() -> None:
    """The limit is on what is outstanding: $5m can be drawn twice if it is repaid in between."""
    who = scenario(facilities=[facility()], machines={}, treasury=treasury(btc_lots=[{**LOT, "btc": 400.0}]))
    on = tree()
    draws = (Draw(0, "Line", 1, 5e6), Draw(2, "Line", 1, 5e6))
    repaid = (Repayment(2, "Line", 1, 0, 5e6),)
    out = nearest(who, on, decisions(on, draws=draws, repayments=repaid), market(who))
    assert out.debt_usd[0, :, 0] == pytest.approx([5e6] * 5)
    assert out.pledged_btc[0, :, 0] == pytest.approx([100.0] * 5)
    # Without the repayment there is no room for the second.
    kept = nearest(who, on, decisions(on, draws=draws), market(who))
    assert kept.debt_usd[0, :, 0] == pytest.approx([5e6] * 5)
    assert kept.flows["drawn_usd"][0] == pytest.approx(5e6)


def test_a_draw_is_scaled_to_the_coins_there_are() -> None:
    who = scenario(facilities=[facility()], machines={})
    on = tree()
    decided = decisions(on, draws=(Draw(2, "Line", 1, 5e6),))
    # At a third of the price 100 BTC carry $1.67m at 50%.
    out = nearest(who, on, decided, priced(who, {1: 100_000 / 3}))
    assert out.debt_usd[0, 2, 0] == pytest.approx(100 * 100_000 / 3 * 0.5)
    assert out.free_btc[0, 2] == pytest.approx(0.0, abs=1e-9)


def test_a_frozen_lender_neither_lends_nor_gives_back() -> None:
    who = borrower(facilities=[facility(lender="Fund")])
    on = tree()
    frozen = np.ones((1, 5, 2), dtype=bool)
    decided = decisions(on, draws=(Draw(0, "Line", 1, 1e6),))
    out = nearest(who, on, decided, market(who, frozen=frozen))
    assert out.debt_usd[0, :, 1].sum() == 0
    assert out.debt_usd[0, 3, 0] == 0
    assert out.pledged_btc[0, 3, 0] == 30


def test_a_rehypothecated_pledge_is_set_off_and_the_rest_partly_paid_later() -> None:
    who, on = borrower(), tree()
    out = sell_only(who, on, decisions(on), failing(who, market(who)))
    claim = 30 * 100_000 - (1_200_000 + 12_000)
    assert out.pledged_btc[0, 2, 0] == 0
    assert out.debt_usd[0, 2, 0] == 0
    assert out.receivable_usd[0, 2] == pytest.approx(0.4 * claim)
    assert out.cash_usd[0, 4] - out.cash_usd[0, 3] == pytest.approx(0.4 * claim)
    assert out.lost_btc[0, 2, 0] == pytest.approx(0.6 * claim / 100_000)


def test_a_debt_beyond_the_set_off_is_due_at_once() -> None:
    who = borrower(
        loans=[loan(call_ltv=0.97, cure_target_ltv=0.96, liquidation_ltv=0.99)],
        requirements=requirements(calls={"policy": "cure_to_target", "buffer_ltv": 0.0}),
    )
    on = tree()
    close = np.full((1, 121), 100_000.0)
    close[:, 60] = 30_000.0
    out = sell_only(who, on, decisions(on), failing(who, market(who, close_usd=close)))
    assert out.flows["billed_usd"][0] == pytest.approx(1_212_000 - 900_000)
    assert out.cash_usd[0, 2] == pytest.approx(1_000_000 - 12_000 - 312_000)


def test_coins_in_custody_survive_their_lender() -> None:
    who, on = borrower(loans=[loan(rehypothecation=False)]), tree()
    out = sell_only(who, on, decisions(on), failing(who, market(who)))
    assert out.lost_btc.sum() == 0
    assert out.pledged_btc[0, 2, 0] == 30


@pytest.mark.parametrize(("days", "released"), [(0, 10.0), (3, 0.0)])
def test_a_release_waits_for_the_days_that_the_lender_asks(days: int, released: float) -> None:
    calls = {"policy": "cure_to_target", "buffer_ltv": 0.0}
    who = borrower(
        loans=[loan(release_ltv=0.6, release_after_days=days, matures_month=4)], requirements=requirements(calls=calls)
    )
    on = tree()
    decided = decisions(on, pledges=(Pledge(2, "Old loan", 0.0, 15.0),))
    # On the last day of month 2 price is back; the day before, the LTV stood at 67%.
    out = nearest(who, on, decided, priced(who, {59: 60_000.0, 60: 100_000.0}))
    assert 30 - out.pledged_btc[0, 2, 0] == pytest.approx(released)


def test_machines_late_by_two_months_hash_two_months_later() -> None:
    who = scenario(machines={"candidates": [candidate(deposit_share=0.25)]})
    on = tree()
    decided = decisions(on, orders=(Order(0, "new", "Plains", 100.0),))
    late = np.full(1, 2, dtype=np.int64)
    out = nearest(who, on, decided, market(who, delivery_delay_months=late))
    in_time = nearest(who, on, decided, market(who))
    mined = 100 * 0.2 * 0.01
    assert in_time.btc[0] == pytest.approx(100 + mined * np.array([0, 0, 1, 2, 3]), rel=1e-9)
    assert out.btc[0] == pytest.approx(100 + mined * np.array([0, 0, 0, 0, 1]), rel=1e-9)
    assert out.cash_usd[0, 1] == pytest.approx(1e6 - 100_000)
    assert in_time.cash_usd[0, 1] == pytest.approx(1e6 - 400_000)


def test_no_more_machines_leave_than_there_are_and_they_stop_hashing() -> None:
    who = scenario(machines={"owned": [{"model": "new", "site": "Plains", "units": 10}]})
    on = tree()
    gone = (Retirement(0, "new", "Plains", 30.0, 2),)
    out = nearest(who, on, decisions(on, retirements=gone), market(who))
    assert out.flows["resale_usd"][0] == pytest.approx(10 * 3_000 * 0.8)
    assert out.btc[0, 4] == pytest.approx(100 + 2 * 10 * 0.2 * 0.01)
    assert out.machines_usd[0, 2] == 0


def test_an_order_that_cannot_be_paid_for_is_scaled() -> None:
    poor = {"btc_lots": [{**LOT, "btc": 2.0}], "cash_usd": 100_000.0}
    who = scenario(machines={"candidates": [candidate()]}, treasury=treasury(**poor))
    on = tree()
    decided = decisions(on, orders=(Order(2, "new", "Plains", 100.0),))
    out = nearest(who, on, decided, market(who))
    spendable = 100_000 + 2 * 100_000 * 0.99
    assert out.flows["ordered_usd"][0] == pytest.approx(spendable)
    assert out.free_btc[0, 2] == pytest.approx(0.0, abs=1e-9)


def test_minimum_cash_is_kept_by_sales_until_minimum_btc_and_bills_are_paid_below_it() -> None:
    who = scenario(
        machines={},
        treasury=treasury(btc_lots=[{**LOT, "btc": 12.0}], cash_usd=500_000.0, overhead_usd_per_month=300_000.0),
        requirements=requirements(min_cash_usd=400_000.0, min_btc=9.0),
    )
    on = tree()
    out = sell_only(who, on, decisions(on), market(who))
    # Month 1 sells for minimum cash; month 2 sells down to 9 BTC; then cash is used up; at last coins pay the bills.
    left = (12 - 200_000 / 99_000 - 9) * 99_000
    assert out.cash_usd[0] == pytest.approx([500_000, 400_000, 100_000 + left, 0.0, 0.0])
    assert out.btc[0, 2] == pytest.approx(9.0)
    assert out.btc[0, 3] < 9.0
    assert out.unpaid_usd.max() < 0.01


def test_a_loan_is_unwound_at_its_ltv_before_anybody_defaults() -> None:
    who = scenario(
        loans=[loan(balance_usd=2_000_000.0)],
        machines={},
        treasury=treasury(btc_lots=[{**LOT, "btc": 30.0}], cash_usd=0.0, overhead_usd_per_month=600_000.0),
    )
    on = tree()
    out = sell_only(who, on, decisions(on), market(who))
    share = 620_000 / (30 * 100_000 * 0.99 - 2_000_000)
    assert out.sold_btc[0, 1] == pytest.approx(30 * share)
    assert out.debt_usd[0, 1, 0] == pytest.approx(2_000_000 * (1 - share))
    assert out.cash_usd[0, 1] == pytest.approx(0.0, abs=1e-6)
    # In month 2 all of it is not enough.
    assert out.insolvent[0].tolist() == [False, False, True, True, True]
    assert out.btc[0, 2] == pytest.approx(0.0, abs=1e-9)
    assert out.liquidations.sum() == 0


def test_who_cannot_pay_loses_the_collateral_and_what_is_left_is_carried() -> None:
    who = scenario(
        loans=[loan(balance_usd=2_000_000.0, early_repayment=False)],
        machines={},
        treasury=treasury(btc_lots=[{**LOT, "btc": 30.0}], cash_usd=0.0, overhead_usd_per_month=600_000.0),
    )
    on = tree()
    out = sell_only(who, on, decisions(on), market(who))
    seized = 2_000_000 / 0.98 / 100_000
    assert out.seized_btc[0, 1, 0] == pytest.approx(seized)
    assert out.debt_usd[0, 1, 0] == 0
    sold = 620_000 / 0.99 / 100_000
    assert out.free_btc[0, 1] == pytest.approx(30 - seized - sold)
    left = (30 - seized - sold) * 100_000 * 0.99
    assert out.unpaid_usd[0, 2] == pytest.approx(600_000 - left)
    assert out.unpaid_usd[0, 3] == pytest.approx(1_200_000 - left)
    assert out.insolvent[0].tolist() == [False, True, True, True, True]


def test_a_lender_that_freezes_unexpectedly_is_not_repaid_early() -> None:
    who = borrower()
    on = tree()
    decided = decisions(on, repayments=(Repayment(2, "Old loan", 0, -1, 600_000.0),))
    assert nearest(who, on, decided, market(who)).debt_usd[0, 2, 0] == pytest.approx(600_000)
    frozen = np.ones((1, 5, 1), dtype=bool)
    assert nearest(who, on, decided, market(who, frozen=frozen)).debt_usd[0, 2, 0] == pytest.approx(1_200_000)


def test_refinancing_leaves_what_the_rest_needs() -> None:
    """The cheap tier asks four coins' worth for one: taking all of them for it would leave nothing to sell."""
    poor = treasury(btc_lots=[{**LOT, "btc": 45.0}], cash_usd=50_000.0)
    who = borrower(loans=[loan(balance_usd=2_000_000.0, matures_month=2)], facilities=[facility()], treasury=poor)
    on = tree()
    out = sell_only(who, on, decisions(on), market(who))
    assert out.insolvent.sum() == 0
    assert out.liquidations.sum() == 0
    assert out.debt_usd[0, 2, 1] > 0


def test_an_order_is_not_placed_twice_by_changing_branches() -> None:
    """Two sister branches order all that the vendor has and the site carries, one in month 2 and one in month 3."""
    offered = candidate(max_units=2_500, lead_months=1)
    rich = treasury(btc_lots=[{**LOT, "btc": 1_000.0}])
    who = scenario(machines={"candidates": [offered]}, treasury=rich, decision_months=[0, 2, 3])
    on = tree((-1, 0, 0, 1, 2, 3, 4), price_usd=[1e5, 9e4, 1.1e5, 9e4, 1.1e5, 9e4, 1.1e5])
    decided = decisions(on, orders=(Order(3, "new", "Plains", 2_400.0), Order(6, "new", "Plains", 2_400.0)))
    out = nearest(who, on, decided, market(who), nodes=np.array([[0, 1, 3, 6, -1]]))
    mined = out.btc[0, 4] + out.sold_btc[0].sum() - 1_000
    assert mined <= 2_500 * 0.2 * 0.01 + 1e-9
    assert out.flows["ordered_usd"][0] == pytest.approx(2_500 * 4_000)


def test_what_has_no_power_is_resold_the_least_efficient_first() -> None:
    owned = [{"model": "old", "site": "Plains", "units": 2_000}]
    who = scenario(
        machines={"owned": owned, "candidates": [candidate()]}, treasury=treasury(btc_lots=[{**LOT, "btc": 1_000.0}])
    )
    on = tree()
    # 2,000 old and 2,000 new machines need 16 MW where there are 10.
    out = nearest(who, on, decisions(on, orders=(Order(0, "new", "Plains", 2_000.0),)), market(who))
    assert out.flows["resale_usd"][0] == pytest.approx(1_500 * 1_000 * 0.8, rel=1e-5)


def test_a_lender_that_has_failed_does_not_lend() -> None:
    who = scenario(facilities=[facility()], machines={})
    on = tree()
    decided = decisions(on, draws=(Draw(2, "Line", 1, 1e6),))
    out = nearest(who, on, decided, failing(who, market(who), month=1, paid_in=1))
    assert out.debt_usd.sum() == 0


def test_a_call_does_not_outlive_its_debt() -> None:
    """Called on the last day before maturity with two days to cure; a draw of the next month is another debt."""
    lender = {"cure_hours": 72.0, "call_ltv": 0.7, "cure_target_ltv": 0.6, "liquidation_ltv": 0.95}
    line = facility(**lender, interest="monthly")
    who = scenario(facilities=[line], machines={}, treasury=treasury(btc_lots=[{**LOT, "btc": 20.1}], cash_usd=2.2e6))
    who = who.model_copy(update={"requirements": who.requirements.model_copy(update={"min_cash_usd": 1e6})})
    on = tree()
    draws = (Draw(0, "Line", 1, 1e6), Draw(2, "Line", 1, 4e5))
    repaid = (Repayment(1, "Line", 1, 0, 1e6),)
    out = nearest(who, on, decisions(on, draws=draws, repayments=repaid), priced(who, {29: 70_000.0, 31: 68_000.0}))
    assert out.calls[0, 1, 0] == 1
    assert out.debt_usd[0, 1, 0] == 0
    assert out.debt_usd[0, 2, 0] > 0
    assert out.liquidations.sum() == 0


def test_recourse_is_limited_when_the_lender_fails_too() -> None:
    lender = {"recourse": "limited", "call_ltv": 0.97, "cure_target_ltv": 0.96, "liquidation_ltv": 0.99}
    calls = {"policy": "cure_to_target", "buffer_ltv": 0.0}
    who = borrower(loans=[loan(**lender)], requirements=requirements(calls=calls))
    on = tree()
    close = np.full((1, 121), 100_000.0)
    close[:, 60] = 30_000.0
    out = sell_only(who, on, decisions(on), failing(who, market(who, close_usd=close)))
    assert out.flows["billed_usd"][0] == 0
    assert out.flows["forgiven_usd"][0] == pytest.approx(312_000)


def test_one_lender_sets_off_all_its_loans_together() -> None:
    both = [loan(), loan(name="Second", pledged_btc=13.0, call_ltv=0.97, cure_target_ltv=0.96, liquidation_ltv=0.99)]
    calls = {"policy": "cure_to_target", "buffer_ltv": 0.0}
    lots = {"btc_lots": [{**LOT, "btc": 143.0}]}
    who = borrower(loans=both, treasury=treasury(**lots), requirements=requirements(calls=calls))
    on = tree()
    close = np.full((1, 121), 100_000.0)
    close[:, 30] = 80_000.0
    paths = failing(who, market(who, close_usd=close, low_usd=np.full((1, 121), 100_000.0)), month=1)
    out = sell_only(who, on, decisions(on), paths)
    # 43 BTC against $2.424m: the second alone would leave $172,000 to pay.
    assert out.flows["billed_usd"][0] == 0
    assert out.receivable_usd[0, 1] == pytest.approx(0.4 * (43 * 80_000 - 2_424_000))
