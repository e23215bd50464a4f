"""A machine in figures, by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer.errors import QuoteError
from optimizer.financing import Financed, payments
from optimizer.ledger.fleet import DAYS_PER_MONTH
from optimizer.quote.loan_terms import LoanTerms
from optimizer.quote.machine import (
    LONGEST_MONTHS,
    MachineAsk,
    MachineTerms,
    market_ahead,
    months_to,
    quote_machine,
)

# 100 TH/s at 20 J/TH: 2 kW, a tenth of a PH/s.
MACHINE = MachineTerms(hashrate_ths=100, power_w=2_000, price_usd=1_000)


def ask(**given: Any) -> MachineAsk:
    return MachineAsk(**{"btc_price_usd": 100_000, "hashprice_usd": 50, "power_usd_per_mwh": 50, **given})


def test_by_hand() -> None:
    found = quote_machine(MACHINE, ask())
    # 2 kW * 24 h = 0.048 MWh, $2.40 of power against $5.00 that it mines.
    assert found.hashcost_usd_per_ph_day == pytest.approx(24)
    assert found.breakeven_usd_per_ph_day == pytest.approx(24)
    assert found.margin_usd_per_day == pytest.approx(2.6)
    assert found.margin_share == pytest.approx(0.52)
    assert found.mined_btc_per_day == pytest.approx(5e-5)
    assert found.power_usd_per_btc == pytest.approx(48_000)
    assert found.breakeven_usd_per_mwh == pytest.approx(50 / 0.48)
    assert found.payback_months == pytest.approx(1_000 / (2.6 * DAYS_PER_MONTH))
    assert found.payback_months == pytest.approx(found.real.payback_months)
    assert found.real.nominal_usd_per_th == found.real.price_usd_per_th == 10


def test_uptime_and_cooling() -> None:
    found = quote_machine(MACHINE, ask(uptime_share=0.9, pue=1.1))
    assert found.hashcost_usd_per_ph_day == pytest.approx(26.4)
    assert found.margin_usd_per_day == pytest.approx((50 - 26.4) * 0.1 * 0.9)
    # What the meter may cost: cooling runs on it too.
    assert found.breakeven_usd_per_mwh == pytest.approx(50 / 0.48 / 1.1)


def test_what_it_costs_to_have_it_there() -> None:
    found = quote_machine(MACHINE, ask(duty_share=0.1, freight_usd_per_unit=30, installation_usd_per_unit=20))
    assert found.cost_usd == pytest.approx(1_150)
    assert found.real.price_usd_per_th == pytest.approx(11.5)


def test_financed() -> None:
    loan = LoanTerms(apr=0.12, term_months=24, origination_fee_share=0.02, interest="monthly", repayment="bullet")
    found = quote_machine(MACHINE, ask(financed_share=0.8, discount_pa=0.1), loan)
    # price * (1 + share * (APR * years + fee))
    assert found.real.nominal_usd_per_th == pytest.approx(10 * (1 + 0.8 * (0.24 + 0.02)))
    assert found.real.present_usd_per_th < found.real.nominal_usd_per_th
    assert found.payback_extension_months == pytest.approx(found.payback_months * 0.8 * 0.26)
    assert found.payback_extension_months == pytest.approx(found.real.payback_extension_months)
    paid = payments(1_000, [Financed(0.8, 0.12, 24, 0.02)])
    present = (paid / 1.1 ** (np.arange(25) / 12)).sum()
    assert found.real.present_usd_per_th == pytest.approx(present / 100)


def test_growth_and_difficulty_move_the_months_to_come() -> None:
    flat, harder, dearer = (
        quote_machine(MACHINE, ask(**given))
        for given in ({}, {"difficulty_growth_pa": 0.3}, {"price_growth_pa": 0.3, "difficulty_growth_pa": 0.3})
    )
    assert flat.payback_months < harder.payback_months
    assert dearer.payback_months == pytest.approx(flat.payback_months)
    # Money to come is discounted by what BTC gains against it, unless said otherwise.
    loan = LoanTerms(apr=0.0, term_months=12)
    later = quote_machine(MACHINE, ask(price_growth_pa=0.25, financed_share=1.0), loan)
    assert later.real.present_usd_per_th == pytest.approx(10 / 1.25)


def test_a_halving_comes_where_the_height_is_known() -> None:
    network = {"hashprice_usd": None, "network_ehs": 964, "block_height": 1_050_000 - 144 * 61}
    ahead = market_ahead(ask(**network))
    share = ahead.hashprice_usd_per_ph_day / ahead.hashprice_usd_per_ph_day[0]
    assert share[1] == pytest.approx(1)
    assert share[3] == pytest.approx(0.5)
    # 61 days are two months and an eighth of a day.
    assert share[2] == pytest.approx(0.5 + 0.5 * (61 - 2 * DAYS_PER_MONTH) / DAYS_PER_MONTH)
    without = market_ahead(ask(hashprice_usd=None, network_ehs=964, subsidy_btc=3.125))
    assert np.ptp(without.hashprice_usd_per_ph_day) == 0


def test_a_machine_that_loses_money_never_pays_back() -> None:
    found = quote_machine(MACHINE, ask(power_usd_per_mwh=120, life_months=12))
    assert found.margin_usd_per_day < 0
    assert found.payback_months == math.inf
    assert math.isnan(found.real.payback_months)
    assert found.life is not None
    assert (found.life.mined_btc, found.life.power_usd) == (0, 0)
    assert math.isnan(found.life.cost_usd_per_btc)


def test_life() -> None:
    found = quote_machine(MACHINE, ask(life_months=24)).life
    assert found is not None
    days = 24 * DAYS_PER_MONTH
    assert found.mined_btc == pytest.approx(5e-5 * days)
    assert found.power_usd == pytest.approx(2.4 * days)
    assert found.cost_usd_per_btc == pytest.approx((1_000 + 2.4 * days) / (5e-5 * days))
    assert found.bought_btc == pytest.approx(0.01)


def test_without_a_price_the_break_evens_stand() -> None:
    found = quote_machine(MACHINE.model_copy(update={"price_usd": None}), ask())
    assert found.breakeven_usd_per_ph_day == pytest.approx(24)
    assert all(math.isnan(x) for x in (found.cost_usd, found.payback_months, found.real.price_usd_per_th))


@settings(derandomize=True)
@given(amount=st.floats(0, 1e4), monthly=st.lists(st.floats(0, 1e3), min_size=1, max_size=30))
def test_months_to_add_up_to_the_amount(amount: float, monthly: list[float]) -> None:
    found = months_to(amount, np.array(monthly))
    if sum(monthly) < amount * (1 - 1e-9):
        assert found == math.inf
    elif math.isfinite(found):
        whole = int(found)
        part = sum(monthly[:whole]) + (found - whole) * (monthly[whole] if whole < len(monthly) else 0)
        assert part == pytest.approx(amount, rel=1e-6, abs=1e-6)


def test_payback_is_sought_for_ten_years() -> None:
    slow = MACHINE.model_copy(update={"price_usd": 2.6 * DAYS_PER_MONTH * LONGEST_MONTHS * 1.01})
    assert quote_machine(slow, ask()).payback_months == math.inf
    soon = MACHINE.model_copy(update={"price_usd": 2.6 * DAYS_PER_MONTH * LONGEST_MONTHS * 0.99})
    assert quote_machine(soon, ask()).payback_months == pytest.approx(LONGEST_MONTHS * 0.99)


@pytest.mark.parametrize(
    ("given", "loan", "said"),
    [
        ({"hashprice_usd": None}, None, ["--hashprice-usd: is required"]),
        ({"hashprice_usd": None, "fees_share": 0.1}, None, ["--difficulty: is required", "--subsidy-btc: is required"]),
        ({"difficulty": 1e14}, None, ["--hashprice-usd: says what hashprice is; the network says it again"]),
        (
            {},
            LoanTerms(apr=0.1, term_months=12),
            ["--financed-share: is required: the loan's terms say nothing without it"],
        ),
        (
            {"financed_share": 0.5},
            LoanTerms(apr=0.1),
            ["--term-months: is required for a machine that is financed"],
        ),
        (
            {"financed_share": 0.5},
            None,
            [
                "--apr: is required for a machine that is financed",
                "--term-months: is required for a machine that is financed",
            ],
        ),
        ({"discount_pa": 0.1}, None, ["--discount-pa: has nothing to discount: all is paid today"]),
    ],
)
def test_what_cannot_be_quoted_is_said_at_once(given: dict[str, Any], loan: LoanTerms | None, said: list[str]) -> None:
    with pytest.raises(QuoteError) as raised:
        quote_machine(MACHINE, ask(**given), loan)
    assert [f"{found.file}: {found.message}" for found in raised.value.problems] == said
