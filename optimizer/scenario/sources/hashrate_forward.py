"""Selling hashrate forward: cash today for what machines will mine, at a hashprice fixed today."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from optimizer.scenario.base import Share
from optimizer.scenario.sources.terms import SourceTerms

# USD per PH/s and day; in 2017 it was above 3,000.
Hashprice = Annotated[float, Field(gt=0, le=1e5)]
HashratePh = Annotated[float, Field(gt=0, le=1e7)]


class HashrateForward(SourceTerms):
    """``hashprice_usd_per_ph_day`` is what the buyer counts a PH/s and day with, today; at later decisions the quote
    moves as the hashprice has moved since today. He pays it for all days of ``term_months`` at once, less
    ``discount_share``, and keeps ``margin_share`` of that back, which comes in as the term runs off.

    ``repayment``: "hashrate": each month the BTC that so many PH/s mine in it; "btc": each month the BTC that the quote
    was worth on the day of the sale. ``limit_ph``: most sold and not yet delivered; and never more than
    ``max_share_of_fleet`` of the nameplate hashrate in the racks, so that nothing is sold that could not be mined.
    """

    kind: Literal["hashrate_forward"]
    hashprice_usd_per_ph_day: Hashprice
    discount_share: Annotated[float, Field(ge=0, lt=1)] = 0.0
    term_months: Annotated[int, Field(ge=1, le=60)]
    limit_ph: HashratePh
    repayment: Literal["hashrate", "btc"] = "hashrate"
    margin_share: Annotated[float, Field(ge=0, lt=1)] = 0.0
    max_share_of_fleet: Share = 1.0
