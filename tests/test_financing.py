"""Real cost per TH and the payback that interest adds, in closed form."""

from __future__ import annotations

import math

import numpy as np
import pytest

from optimizer import Financed, real_cost
from optimizer.financing import payments


def test_cash_costs_the_price() -> None:
    cost = real_cost(3_000, 200, [], margin_usd_per_month=150, btc_price_usd=100_000)
    assert cost.price_usd_per_th == cost.nominal_usd_per_th == cost.present_usd_per_th == 15.0
    assert cost.nominal_btc_per_th == pytest.approx(15 / 100_000)
    assert cost.payback_months == 20
    assert cost.payback_extension_months == 0


def test_a_bullet_loan_costs_its_interest_and_fee() -> None:
    # Nominal: price * (1 + share * (APR * years + fee)).
    cost = real_cost(3_000, 200, [Financed(0.8, 0.12, 24, fee_share=0.02)], margin_usd_per_month=150)
    assert cost.nominal_usd_per_th == pytest.approx(15 * (1 + 0.8 * (0.12 * 2 + 0.02)))
    assert cost.payback_extension_months == pytest.approx(20 * 0.8 * 0.26)


def test_level_payments() -> None:
    paid = payments(1_200, [Financed(1.0, 0.12, 12, amortising=True)])
    assert paid[0] == 0
    assert paid[1:] == pytest.approx([1_200 * 0.01 / (1 - 1.01**-12)] * 12)
    assert payments(1_200, [Financed(1.0, 0.0, 12, amortising=True)])[1:] == pytest.approx([100] * 12)


def test_discounted_at_the_loan_s_own_rate_a_loan_is_worth_its_principal() -> None:
    monthly = (1 + 0.12 / 12) ** 12 - 1
    for amortising in (False, True):
        cost = real_cost(1_000, 100, [Financed(0.6, 0.12, 18, amortising=amortising)], discount_pa=monthly)
        assert cost.present_usd_per_th == pytest.approx(10.0)


def test_a_dollar_owed_later_is_less_btc_when_btc_rises() -> None:
    flat = real_cost(1_000, 100, [Financed(1.0, 0.0, 12)], btc_price_usd=1e5)
    rising = real_cost(1_000, 100, [Financed(1.0, 0.0, 12)], btc_price_usd=1e5, btc_growth_pa=0.25)
    assert rising.nominal_btc_per_th == pytest.approx(flat.nominal_btc_per_th / 1.25)


def test_a_mix_adds_up() -> None:
    mix = [Financed(0.5, 0.1, 12, amortising=True), Financed(0.2, 0.0, 9)]
    paid = payments(1_000, mix)
    assert paid[0] == pytest.approx(300)
    assert len(paid) == 13
    assert paid.sum() == pytest.approx(300 + 200 + 12 * 500 * (0.1 / 12) / (1 - (1 + 0.1 / 12) ** -12))
    assert np.all(paid >= 0)


def test_what_is_not_known_is_not_made_up() -> None:
    cost = real_cost(1_000, 100, [])
    assert math.isnan(cost.nominal_btc_per_th)
    assert math.isnan(cost.payback_months)
    assert math.isnan(real_cost(1_000, 100, [], margin_usd_per_month=-5).payback_months)


@pytest.mark.parametrize("shares", [(0.7, 0.4), (-0.1,)])
def test_shares_that_make_no_sense_are_refused(shares: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="add up to 1"):
        payments(1_000, [Financed(share, 0.1, 12) for share in shares])


def test_interest_at_maturity_costs_the_same_dollars_later() -> None:
    monthly, late = (Financed(0.5, 0.12, 18, at_maturity=later) for later in (False, True))
    paid = payments(1_000, [late])
    assert paid[1:18].sum() == 0
    assert paid[18] == pytest.approx(500 * (1 + 0.12 * 1.5))
    assert paid.sum() == pytest.approx(payments(1_000, [monthly]).sum())
    cost = [real_cost(1_000, 100, [part], discount_pa=0.1).present_usd_per_th for part in (monthly, late)]
    assert cost[1] < cost[0]


def test_level_payments_leave_nothing_for_maturity() -> None:
    with pytest.raises(ValueError, match="not at maturity"):
        Financed(0.5, 0.12, 18, amortising=True, at_maturity=True)
