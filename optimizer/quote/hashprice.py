"""Hashprice from what the network shows: price, difficulty or hashrate, subsidy and fees."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from optimizer.errors import Problem, QuoteError
from optimizer.market.mining import (
    difficulty_from_hashrate,
    hashprice_btc_per_ph_day,
    hashrate_from_difficulty,
    subsidy_btc,
)
from optimizer.quote.asked import problem
from optimizer.scenario.base import PositiveUsd, Strict


class NetworkAsk(Strict):
    """What the network shows: ``difficulty`` or ``network_ehs`` (EH/s), ``subsidy_btc`` a block or ``block_height``.

    ``fees_share``: fees as a share of a block's total reward; blank: none counted.
    """

    btc_price_usd: PositiveUsd | None = None
    difficulty: Annotated[float, Field(ge=1, le=1e18)] | None = None
    network_ehs: Annotated[float, Field(gt=0, le=1e8)] | None = None
    fees_share: Annotated[float, Field(ge=0, lt=1)] | None = None
    subsidy_btc: Annotated[float, Field(gt=0, le=50)] | None = None
    block_height: Annotated[int, Field(ge=0, le=6_929_999)] | None = None

    @property
    def is_given(self) -> bool:
        """Whether anything is said of difficulty, hashrate, subsidy or fees."""
        network = (self.difficulty, self.network_ehs, self.fees_share, self.subsidy_btc, self.block_height)
        return any(value is not None for value in network)


@dataclass(frozen=True)
class HashpriceQuote:
    """What 1 PH/s mines in a day, in expectation; USD is NaN without a price."""

    btc_price_usd: float
    difficulty: float
    network_ehs: float
    subsidy_btc: float
    fees_share: float
    hashprice_btc_per_ph_day: float
    hashprice_usd_per_ph_day: float


def quote_hashprice(ask: NetworkAsk) -> HashpriceQuote:
    """Hashprice at today's network. Raises `QuoteError` with everything that is missing or said twice."""
    if problems := list(network_problems(ask)):
        raise QuoteError(problems)
    difficulty = ask.difficulty or difficulty_from_hashrate(ask.network_ehs or float("nan"))
    subsidy = ask.subsidy_btc or subsidy_btc(float(ask.block_height or 0))
    in_btc = hashprice_btc_per_ph_day(difficulty, subsidy, ask.fees_share or 0.0)
    price = ask.btc_price_usd or float("nan")
    return HashpriceQuote(
        btc_price_usd=price,
        difficulty=difficulty,
        network_ehs=ask.network_ehs or hashrate_from_difficulty(difficulty),
        subsidy_btc=subsidy,
        fees_share=ask.fees_share or 0.0,
        hashprice_btc_per_ph_day=in_btc,
        hashprice_usd_per_ph_day=price * in_btc,
    )


def network_problems(ask: NetworkAsk) -> Iterator[Problem]:
    """What is missing for a hashprice, or said twice."""
    for one, other, example in (
        ("difficulty", "network_ehs", "--difficulty 135e12, or --network-ehs 964 in EH/s"),
        ("subsidy_btc", "block_height", "--subsidy-btc 3.125, or --block-height 969000"),
    ):
        given = [field for field in (one, other) if getattr(ask, field) is not None]
        if not given:
            yield problem(one, "is required", mend=f"add {example}")
        elif len(given) == 2:
            found = f"{getattr(ask, other):g}"
            yield problem(other, f"says the same as {one}: one of them is enough", found, f"write {example}")
