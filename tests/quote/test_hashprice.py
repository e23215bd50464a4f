"""Hashprice: two ways to say the network, two to say the subsidy, one answer."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer.errors import QuoteError
from optimizer.market.mining import BLOCKS_PER_DAY
from optimizer.quote.hashprice import NetworkAsk, quote_hashprice


@settings(derandomize=True)
@given(ehs=st.floats(1e-3, 1e5), fees=st.floats(0, 0.9), price=st.floats(1, 1e7))
def test_the_whole_network_earns_the_whole_reward(ehs: float, fees: float, price: float) -> None:
    found = quote_hashprice(NetworkAsk(btc_price_usd=price, network_ehs=ehs, fees_share=fees, subsidy_btc=3.125))
    reward = BLOCKS_PER_DAY * 3.125 / (1 - fees)
    assert found.hashprice_btc_per_ph_day * ehs * 1e3 == pytest.approx(reward)
    assert found.hashprice_usd_per_ph_day == pytest.approx(price * found.hashprice_btc_per_ph_day)
    again = quote_hashprice(NetworkAsk(difficulty=found.difficulty, fees_share=fees, subsidy_btc=3.125))
    assert again.network_ehs == pytest.approx(ehs)
    assert again.hashprice_btc_per_ph_day == pytest.approx(found.hashprice_btc_per_ph_day)


@pytest.mark.parametrize(("height", "subsidy"), [(0, 50), (840_000, 3.125), (1_050_000, 1.5625)])
def test_the_height_says_the_subsidy(height: int, subsidy: float) -> None:
    by_height, stated = (
        quote_hashprice(NetworkAsk(btc_price_usd=1e5, network_ehs=964, **given))
        for given in ({"block_height": height}, {"subsidy_btc": subsidy})
    )
    assert by_height == stated
    assert by_height.subsidy_btc == subsidy


def test_without_a_price_there_are_no_dollars() -> None:
    found = quote_hashprice(NetworkAsk(network_ehs=964, subsidy_btc=3.125))
    assert math.isnan(found.hashprice_usd_per_ph_day)
    assert found.fees_share == 0


def test_what_is_missing_or_said_twice_is_said_at_once() -> None:
    with pytest.raises(QuoteError) as raised:
        quote_hashprice(NetworkAsk(difficulty=1e14, network_ehs=900))
    said = [f"{found.file}: {found.message}" for found in raised.value.problems]
    assert said == [
        "--network-ehs: says the same as difficulty: one of them is enough",
        "--subsidy-btc: is required",
    ]
