"""Machines for pledged BTC: a vendor takes coins at a fixed price, and the company may buy them back at it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from optimizer.scenario.base import Btc, Name
from optimizer.scenario.sources.terms import SourceTerms


class VendorPledge(SourceTerms):
    """Up to ``paid_share`` of the ex-works price of what is ordered is paid with pledged BTC, each counted at
    ``redeem_price_factor`` times its price on that day. ``redeem_months`` later the company buys back, at that fixed
    price, as many as it likes; the rest are the vendor's. ``model``: the candidate it is offered for; blank: every one.
    ``limit_btc``: the most pledged at any time; blank: no limit.
    """

    kind: Literal["vendor_pledge"]
    redeem_months: Annotated[int, Field(ge=1, le=120)]
    redeem_price_factor: Annotated[float, Field(gt=0, le=10)]
    paid_share: Annotated[float, Field(gt=0, le=1)] = 1.0
    model: Name | None = None
    limit_btc: Btc | None = None
