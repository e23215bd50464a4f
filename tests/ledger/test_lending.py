"""A lender's arithmetic against published figures and against its own definitions."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer.ledger.lending import (
    cure_by_adding,
    cure_by_repaying,
    fall_to_ltv,
    forced_sale,
    level_payment,
    level_remaining_share,
    ltv,
    partial_liquidation,
    price_at_ltv,
    whole_liquidation,
)


@pytest.mark.parametrize(("value_usd", "published"), [(10_000.0, 0.20), (12_000.0, 1 / 6), (8_000.0, 0.25)])
def test_ltv_moves_with_the_value_of_the_collateral(value_usd: float, published: float) -> None:
    # Published: $2,000 against $10,000 of BTC is 20%; at $12,000 about 17%; at $8,000 25%.
    assert ltv(2_000.0, value_usd / 10_000.0, 10_000.0) == pytest.approx(published)


@pytest.mark.parametrize(("value_usd", "loan_usd"), [(10_000.0, 2_000.0), (25_000.0, 5_000.0)])
def test_a_loan_at_its_ltv_is_at_the_ltv(value_usd: float, loan_usd: float) -> None:
    # Published: 20% LTV lends $2,000 on $10,000 and $5,000 on $25,000.
    assert cure_by_repaying(loan_usd, value_usd, 0.20) == 0
    assert ltv(loan_usd, value_usd, 1.0) == pytest.approx(0.20)


@pytest.mark.parametrize(("at_ltv", "cover"), [(0.95, 1.0526), (0.80, 1.25)])
def test_liquidation_ltv_as_cover_of_the_loan(at_ltv: float, cover: float) -> None:
    # Published: liquidation at 95% and at 80% means collateral of 1.0526x and 1.25x the loan.
    assert price_at_ltv(1.0, 1.0, at_ltv) == pytest.approx(cover, abs=5e-5)


def test_prices_of_call_and_liquidation() -> None:
    # Published: $5,350,000 + $20,858 on 100 BTC at $91,000: LTV 59.0%, call (85%) at $63,187,
    # liquidation (95%) at $56,535.
    owed = 5_350_000.0 + 20_858.0
    assert ltv(owed, 100.0, 91_000.0) == pytest.approx(0.590, abs=5e-4)
    assert price_at_ltv(owed, 100.0, 0.85) == pytest.approx(63_187, abs=1)
    assert price_at_ltv(owed, 100.0, 0.95) == pytest.approx(56_535, abs=1)
    assert 91_000 * (1 - fall_to_ltv(owed / 9_100_000, 0.85)) == pytest.approx(63_187, abs=1)


def test_ltv_that_counts_the_interest() -> None:
    # Published: $10,000 at 12% for 12 months owes $11,200; at 50% LTV the collateral is above $22,400.
    owed_at_maturity = 10_000 * (1 + 0.12)
    assert owed_at_maturity == pytest.approx(11_200)
    assert price_at_ltv(owed_at_maturity, 1.0, 0.50) == pytest.approx(22_400)


def test_cover_of_143_percent() -> None:
    # Published: $38m owed at 143% cover is $54.34m of BTC.
    assert price_at_ltv(38e6, 1.0, 1 / 1.43) == pytest.approx(54.34e6)


@pytest.mark.parametrize(
    ("now", "target", "fee", "share"),
    [(0.85, 0.60, 0.0, 0.625), (0.80, 0.60, 0.02, 0.526), (0.85, 0.60, 0.0099, 0.6409)],
)
def test_share_of_collateral_sold(now: float, target: float, fee: float, share: float) -> None:
    assert partial_liquidation(now, 1.0, target, fee) == pytest.approx(share, abs=5e-4)


@settings(derandomize=True)
@given(
    owed=st.floats(0.01, 2.0),
    target=st.floats(0.05, 0.9),
    fee=st.floats(0.0, 0.05),
)
def test_partial_liquidation_reaches_the_target_or_takes_all(owed: float, target: float, fee: float) -> None:
    sold = float(partial_liquidation(owed, 1.0, target, fee))
    assert 0 <= sold <= 1
    if owed <= target:
        assert sold == 0
    elif sold < 1:
        assert owed - sold * (1 - fee) == pytest.approx(target * (1 - sold), abs=1e-9)


def test_a_sale_that_cannot_lower_the_ltv_takes_all() -> None:
    assert partial_liquidation(0.97, 1.0, 0.96, 0.05) == 1.0
    assert partial_liquidation(0.90, 1.0, 0.96, 0.05) == 0.0


def test_whole_liquidation_repays_and_pays_the_fee() -> None:
    assert whole_liquidation(0.80, 1.0, 0.02) == pytest.approx(0.80 / 0.98)
    assert whole_liquidation(1.50, 1.0, 0.02) == 1.0


def test_a_forced_sale_is_whole_without_a_target_and_never_more_than_repays_the_debt() -> None:
    assert forced_sale(0.85, 1.0, None, 0.02) == pytest.approx(0.85 / 0.98)
    assert forced_sale(0.85, 1.0, 0.60, 0.0) == pytest.approx(0.625)
    # Where selling cannot reach the target, all is sold.
    assert forced_sale(0.50, 1.0, 0.49, 0.52) == 1.0
    # Interest to come counts: 1.12 counted per dollar owed, sold down to 60% of what is counted.
    sold = float(forced_sale(0.80, 1.0, 0.60, 0.01, 1.12))
    assert 1.12 * (0.80 - sold * 0.99) / (1 - sold) == pytest.approx(0.60)


@settings(derandomize=True)
@given(owed=st.floats(0.01, 20.0), collateral=st.floats(0.1, 10.0), target=st.floats(0.05, 0.95))
def test_cures_reach_the_target(owed: float, collateral: float, target: float) -> None:
    repaid = float(cure_by_repaying(owed, collateral, target))
    added = float(cure_by_adding(owed, collateral, target))
    assert (owed - repaid) / collateral <= target + 1e-12
    assert owed / (collateral + added) <= target + 1e-12
    if owed > target * collateral:
        assert (owed - repaid) / collateral == pytest.approx(target)
        assert owed / (collateral + added) == pytest.approx(target)
    else:
        assert repaid == added == 0


def test_ltv_without_collateral_and_without_debt() -> None:
    assert ltv(1.0, 0.0, 100.0) == math.inf
    assert np.isnan(ltv(0.0, 1.0, 100.0))
    assert np.isnan(ltv(0.0, 0.0, 100.0))


@pytest.mark.parametrize("rate", [0.0, 0.01, 1e-7])
def test_level_payments_end_at_nothing(rate: float) -> None:
    payment, balance = level_payment(1_000.0, rate, 12), 1_000.0
    for paid in range(1, 13):
        balance = balance * (1 + rate) - payment
        assert balance == pytest.approx(1_000.0 * float(level_remaining_share(paid, rate, 12)), abs=1e-8)
    assert balance == pytest.approx(0.0, abs=1e-8)


def test_level_shares_outside_the_schedule() -> None:
    assert level_remaining_share([-3, 0, 12, 20], 0.01, 12).tolist() == [1.0, 1.0, 0.0, 0.0]
    # A textbook annuity: $1,000 at 12% in 12 payments costs $88.85 a month.
    assert level_payment(1_000.0, 0.01, 12) == pytest.approx(88.85, abs=0.005)
