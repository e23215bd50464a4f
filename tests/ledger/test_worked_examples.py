"""Lenders' own worked examples, to the digits that they published. Numbers are those of the list of published
figures kept beside the project; 5, 6 and 10 are about mining and machines and are tested with the market."""

from __future__ import annotations

import pytest

from optimizer.ledger.lending import (
    collateral_at_ltv,
    fall_to_ltv,
    loan_at_ltv,
    ltv,
    partial_liquidation,
    price_at_ltv,
    simple_interest,
)


@pytest.mark.parametrize(("value_usd", "published"), [(10_000.0, 0.20), (12_000.0, 0.17), (8_000.0, 0.25)])
def test_1_ltv_moves_with_the_value_of_the_collateral(value_usd: float, published: float) -> None:
    # Nexo, "Is borrowing against Bitcoin a good idea?": $2,000 borrowed on $10,000 of BTC, worth $12,000, then $8,000.
    pledged_btc = 10_000 / 50_000
    assert round(float(ltv(2_000.0, pledged_btc, value_usd / pledged_btc)), 2) == published


@pytest.mark.parametrize(("value_usd", "published"), [(10_000.0, 2_000.0), (25_000.0, 5_000.0)])
def test_2_loan_at_20_percent(value_usd: float, published: float) -> None:
    # Nexo, the same page.
    assert loan_at_ltv(value_usd, 0.20) == published


@pytest.mark.parametrize(("at_ltv", "published"), [(0.95, 1.0526), (0.80, 1.25)])
def test_3_cover_at_liquidation(at_ltv: float, published: float) -> None:
    # Digital Mining Solutions, BTC-backed loans for miners: collateral as a multiple of the loan.
    assert round(float(collateral_at_ltv(1.0, at_ltv)), 4) == published


def test_4_prices_of_call_and_liquidation_count_accrued_interest() -> None:
    # mefuru/bitvault-risk-model, README: $5,350,000 and $20,858 accrued on 100 BTC at $91,000, lines at 85% and 95%.
    owed = 5_350_000.0 + 20_858.0
    assert round(float(ltv(owed, 100.0, 91_000.0)), 3) == 0.590
    assert round(float(price_at_ltv(owed, 100.0, 0.85))) == 63_187
    assert round(float(price_at_ltv(owed, 100.0, 0.95))) == 56_535
    fall = float(fall_to_ltv(ltv(owed, 100.0, 91_000.0), 0.85))
    assert round(91_000 * (1 - fall)) == 63_187


def test_7_interest_by_days_and_a_fee() -> None:
    # Unchained help: $10,000, twelve payments of 30 days, 11% and a 1% fee cost $1,184.93.
    interest = simple_interest(10_000.0, 0.11, 12 * 30)
    assert round(float(interest) + 0.01 * 10_000, 2) == 1_184.93


def test_8_ltv_that_counts_the_interest_of_the_full_term() -> None:
    # Strike FAQ: $10,000 at 12% for 12 months owes $11,200 at maturity; at 50% collateral is above $22,400.
    owed = 10_000 + simple_interest(10_000.0, 0.12, 365)
    assert round(float(owed), 2) == 11_200.00
    assert round(float(collateral_at_ltv(owed, 0.50)), 2) == 22_400.00


def test_9_collateral_of_a_loan_at_its_cover() -> None:
    # Bitfarms, June 2022: $38m owed at 143% cover is $54.34m of BTC.
    assert round(float(collateral_at_ltv(38e6, 1 / 1.43)), 2) == 54_340_000.00


@pytest.mark.parametrize(
    ("now_ltv", "fee_share", "published"),
    [(0.85, 0.0, 0.625), (0.80, 0.02, 0.526)],
)
def test_11_share_of_the_collateral_that_is_sold(now_ltv: float, fee_share: float, published: float) -> None:
    # Derived in closed form, (D - tC) / (1 - fee - t), for a sale down to 60%.
    assert round(float(partial_liquidation(now_ltv, 1.0, 0.60, fee_share)), 3) == published
