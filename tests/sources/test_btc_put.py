"""Puts by hand: where they tie with their premium, what they protect and what they let a company carry."""

from __future__ import annotations

from math import log, sqrt
from typing import Any

import numpy as np
import pytest
from scipy.stats import norm

from optimizer.market.tree import Tree
from optimizer.scenario.schema import Scenario
from tests.formulation.planned import fork, liability, no_cash, path, planned
from tests.formulation.source_companies import btc_put, with_sources
from tests.ledger.company import PRICE, facility, requirements, tree

# No dollars are kept: what a put pays buys BTC.
TEN = {"btc_lots": [{"btc": 10.0, "cost_basis_usd": 0.0}], "buy_btc": True}
FALL, RISE = 0.8 * PRICE, 1.4 * PRICE


def company(premium_share: float, **changes: Any) -> Scenario:
    """Ten BTC, nothing to pay, one put of a month at today's price with which to protect them."""
    put = btc_put(**{"strike_share": 1.0, "months": 1, "premium_share": premium_share, **changes.pop("put", {})})
    asked = {"horizon_months": 1, "decision_months": [0], "treasury": no_cash(**TEN), "sites": [], **changes}
    return with_sources(put, **asked)


@pytest.mark.parametrize(("premium", "buys"), [(0.124, True), (0.126, False)])
def test_a_put_ties_where_what_it_pays_in_btc_is_its_premium(premium: float, buys: bool) -> None:
    # Half of the time $20,000 a BTC, worth a quarter of a BTC then. The premium is paid by selling BTC today.
    made = planned(company(premium), fork(FALL, RISE))
    protected = sum(use.amount for use in made.decisions.uses)
    # What is sold for the premium needs no protection.
    assert protected == pytest.approx(10 / (1 + premium) if buys else 0.0)
    assert made.worth == pytest.approx(10 + protected * (0.5 * 0.25 - premium))


@pytest.mark.parametrize(("premium", "buys"), [(0.0908, True), (0.0910, False)])
def test_counted_in_dollars_it_ties_elsewhere(premium: float, buys: bool) -> None:
    # $10,000 to be expected, and a BTC sold today for the premium would be worth 1.1 of today's price.
    asked = company(premium, numeraire="usd")
    assert bool(planned(asked, fork(FALL, RISE)).decisions.uses) is buys


def test_it_is_settled_at_expiry_alone() -> None:
    # Down and up again: a put of one month pays half of the price, one of two months nothing.
    there_and_back = path([PRICE, 0.5 * PRICE, PRICE])
    protected = 10 / 1.01
    made = planned(company(0.01, horizon_months=2), there_and_back)
    assert made.worth == pytest.approx(protected * 2)
    assert planned(company(0.01, horizon_months=2, put={"months": 2}), there_and_back).decisions.uses == ()


def test_before_expiry_it_counts_as_if_it_were_settled() -> None:
    made = planned(company(0.01, put={"months": 5}), fork(FALL, RISE))
    (use,) = made.decisions.uses
    assert made.books.cash_usd[1:] == pytest.approx([0.0, 0.0], abs=1e-3)
    assert made.books.sources.asset_usd == pytest.approx([0.0, use.amount * 0.2 * PRICE, 0.0])
    assert made.worth == pytest.approx(use.amount * (1 + 0.5 * 0.25))


def carried_usd(*puts: dict[str, Any]) -> float:
    """The most that is borrowed for a bill of ten of 20 BTC, of which the board keeps 14, when price may rise much."""
    offer = facility(tiers=[{"max_ltv": 0.6, "apr": 0.0}], origination_fee_share=0.0, draw_until_month=0)
    asked = with_sources(
        *puts,
        horizon_months=2,
        decision_months=[0],
        treasury=no_cash(btc_lots=[{"btc": 20.0, "cost_basis_usd": 0.0}]),
        facilities=[offer],
        liabilities=[liability(0, 10 * PRICE)],
        requirements=requirements(min_btc=14.0),
        sites=[],
    )
    (draw,) = planned(asked, rise_or_crash()).decisions.draws
    return draw.amount_usd


def rise_or_crash() -> Tree:
    """Five times the price, or the stress: four fifths of it after a month, and a low of half of it in the next."""
    price, low = [1.0, 5.0, 5.0, 0.8, 0.8], [1.0, 1.0, 5.0, 0.8, 0.5]
    return tree(
        [-1, 0, 1, 0, 3],
        stressed=[3, 4],
        price_usd=[PRICE * r for r in price],
        low_usd=[PRICE * r for r in low],
    )


def test_a_put_carries_more_debt_if_it_pays_before_the_low() -> None:
    put = {"strike_share": 1.0, "premium_share": 0.0, "limit_btc": 1.0}
    # s BTC are sold today and 6 - s after the fall, at 0.8, to repay. The 14 left carry 14 * 0.65 * 0.5 = 4.55 at the
    # low: 10 - s - 0.8 (6 - s) = 4.55, so s = 3.25. Each BTC's price that comes in otherwise spares 1 / 0.2 = 5 of s.
    assert carried_usd() == pytest.approx((10 - 3.25) * PRICE)
    assert carried_usd(btc_put(**put, months=1)) == pytest.approx((10 - 3.25 + 5 * 0.2) * PRICE)
    # Settled at the end of month 2 it comes after the low.
    assert carried_usd(btc_put(**put, months=2)) == pytest.approx((10 - 3.25) * PRICE)


def black_scholes(strike: float, deviation: float) -> float:
    """A put on a price of 1 that is expected to stay there, without interest (Black and Scholes 1973)."""
    d1 = log(1 / strike) / deviation + deviation / 2
    return float(strike * norm.cdf(deviation - d1) - norm.cdf(-d1))


@pytest.mark.parametrize(("of_fair", "buys"), [(0.98, True), (1.02, False)])
def test_a_fair_premium_is_that_of_black_and_scholes(of_fair: float, buys: bool) -> None:
    deviation = 0.6 / sqrt(12)
    quantiles = (np.arange(200) + 0.5) / 200
    prices = np.exp(deviation * norm.ppf(quantiles))
    premium = of_fair * black_scholes(0.95, deviation)
    asked = company(premium, numeraire="usd", put={"strike_share": 0.95})
    made = planned(asked, fork(*(PRICE * prices / prices.mean())))
    assert bool(made.decisions.uses) is buys
