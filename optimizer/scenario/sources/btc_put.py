"""Puts on BTC: protection bought against a fall of price, settled in cash at expiry."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from optimizer.scenario.base import Btc, Share
from optimizer.scenario.sources.terms import SourceTerms


class BtcPut(SourceTerms):
    """A European put: the right to sell BTC at ``strike_share`` of the price of the day on which it is bought.

    ``premium_share`` of that day's price is paid for each BTC protected, in cash, on that day. After ``months``, at the
    month's end, the seller pays in cash what price is then under the strike; nothing before, and puts are not sold on.
    ``limit_btc``: protected at any one time.
    """

    kind: Literal["btc_put"]
    strike_share: Annotated[float, Field(gt=0, le=2)]
    premium_share: Share
    months: Annotated[int, Field(ge=1, le=120)]
    limit_btc: Btc
