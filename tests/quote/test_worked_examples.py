"""Figures that others published, reproduced by the calculators to the digits published. Each names its source."""

from __future__ import annotations

import pytest

from optimizer.quote.hashprice import NetworkAsk, quote_hashprice
from optimizer.quote.loan import quote_loan
from optimizer.quote.loan_terms import LoanAsk, LoanTerms
from optimizer.quote.machine import MachineAsk, MachineTerms, quote_machine

BTC = 50_000.0


def test_1_ltv_moves_with_the_value_of_the_collateral() -> None:
    # Nexo, "Is borrowing against Bitcoin a good idea?": $2,000 on $10,000 of BTC, worth $12,000, then $8,000.
    asked = LoanAsk(btc_price_usd=BTC, amount_usd=2_000, pledge_btc=0.2, at_price_usd=(60_000, 40_000))
    ladder = {rung.price_usd * 0.2: round(rung.ltv, 2) for rung in quote_loan(LoanTerms(), asked).ladder}
    assert ladder == {10_000: 0.20, 12_000: 0.17, 8_000: 0.25}


@pytest.mark.parametrize(("value_usd", "published"), [(10_000, 2_000), (25_000, 5_000)])
def test_2_loan_at_20_percent(value_usd: float, published: float) -> None:
    # Nexo, the same page.
    asked = LoanAsk(btc_price_usd=BTC, pledge_btc=value_usd / BTC, ltv=0.20)
    assert quote_loan(LoanTerms(), asked).amount_usd == published


@pytest.mark.parametrize(("at_ltv", "published"), [(0.95, 1.0526), (0.80, 1.25)])
def test_3_cover_at_liquidation(at_ltv: float, published: float) -> None:
    # Digital Mining Solutions, BTC-backed loans for miners: collateral as a multiple of the loan.
    found = quote_loan(LoanTerms(liquidation_ltv=at_ltv), LoanAsk(btc_price_usd=BTC, amount_usd=1e6, ltv=0.5))
    line = found.line("liquidation")
    assert line is not None
    assert round(found.debt.pledge_btc * line.price_usd / found.amount_usd, 4) == published


def test_4_prices_of_call_and_liquidation_count_accrued_interest() -> None:
    # mefuru/bitvault-risk-model, README: $5,350,000 and $20,858 accrued on 100 BTC at $91,000, lines at 85% and 95%.
    asked = LoanAsk(btc_price_usd=91_000, amount_usd=5_350_000, accrued_usd=20_858, pledge_btc=100)
    found = quote_loan(LoanTerms(call_ltv=0.85, liquidation_ltv=0.95), asked)
    assert round(found.ltv, 3) == 0.590
    assert [round(line.price_usd) for line in found.lines] == [63_187, 56_535]


def test_5_hashprice_of_july_2021() -> None:
    # Hashrate Index, 2021-07-24: difficulty 13.67T, $33,806, fees 1.26% of the reward: $0.315 per TH and day.
    asked = NetworkAsk(btc_price_usd=33_806, difficulty=13.67e12, fees_share=0.0126, subsidy_btc=6.25)
    assert round(quote_hashprice(asked).hashprice_usd_per_ph_day / 1000, 3) == 0.315


def test_6_breakeven_power_of_november_2025() -> None:
    # Press of November 2025: at $39 per PH and day a machine of 17.5 J/TH breaks even at about $93 per MWh.
    asked = MachineAsk(btc_price_usd=BTC, hashprice_usd=39, power_usd_per_mwh=50)
    found = quote_machine(MachineTerms(hashrate_ths=200, power_w=3_500), asked)
    assert round(found.breakeven_usd_per_mwh) == 93


def test_7_interest_by_days_and_a_fee() -> None:
    # Unchained help: $10,000, twelve payments of 30 days, 11% and a 1% fee cost $1,184.93.
    terms = LoanTerms(apr=0.11, term_months=12, payment_days=30, origination_fee_share=0.01, interest="monthly")
    found = quote_loan(terms, LoanAsk(btc_price_usd=BTC, amount_usd=10_000, ltv=0.4))
    assert round(found.cost_usd, 2) == 1_184.93


def test_8_ltv_that_counts_the_interest_of_the_full_term() -> None:
    # Strike FAQ: $10,000 at 12% for 12 months owes $11,200 at maturity; at 50% collateral is above $22,400.
    terms = LoanTerms(apr=0.12, term_months=12, interest="at_maturity", ltv_counts="full_term")
    found = quote_loan(terms, LoanAsk(btc_price_usd=BTC, amount_usd=10_000, ltv=0.50))
    assert round(found.payments[-1].paid_usd, 2) == 11_200.00
    assert round(found.debt.pledge_btc * BTC, 2) == 22_400.00


def test_9_collateral_of_a_loan_at_its_cover() -> None:
    # Bitfarms, June 2022: $38m owed at 143% cover is $54.34m of BTC.
    found = quote_loan(LoanTerms(), LoanAsk(btc_price_usd=20_000, amount_usd=38e6, ltv=1 / 1.43))
    assert round(found.debt.pledge_btc * 20_000, 2) == 54_340_000.00


def test_10_fall_of_new_machines() -> None:
    # Hashrate Index: the newest generation at $119.25 per TH on 2021-05-07, $15.71 on 2022-12-25: -86.8%.
    asked = MachineAsk(btc_price_usd=BTC, hashprice_usd=100, power_usd_per_mwh=50)
    per_th = [
        quote_machine(MachineTerms(hashrate_ths=100, power_w=3_000, price_usd=price), asked).real.price_usd_per_th
        for price in (11_925, 1_571)
    ]
    assert per_th == [119.25, 15.71]
    assert round(per_th[1] / per_th[0] - 1, 3) == -0.868


@pytest.mark.parametrize(
    ("at_ltv", "fee_share", "published"),
    [(0.85, 0.0, 0.625), (0.80, 0.02, 0.526)],
)
def test_11_share_of_the_collateral_that_is_sold(at_ltv: float, fee_share: float, published: float) -> None:
    # Derived in closed form, (D - tC) / (1 - fee - t), for a sale down to 60%.
    terms = LoanTerms(liquidation_ltv=at_ltv, liquidation_target_ltv=0.60, liquidation_fee_share=fee_share)
    found = quote_loan(terms, LoanAsk(btc_price_usd=BTC, amount_usd=1e6, ltv=0.5))
    sold = found.at_line("liquidation")
    assert sold is not None
    assert round(sold.sold_btc / found.debt.pledge_btc, 3) == published
