"""The non-deliverable forward on hashprice: no cash up front, the difference is settled month by month."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from optimizer.scenario.base import Share
from optimizer.scenario.sources.hashrate_forward import Hashprice, HashratePh
from optimizer.scenario.sources.terms import SourceTerms


class HashpriceHedge(SourceTerms):
    """Sells hashprice at ``hashprice_usd_per_ph_day`` (today's quote; later it moves as the hashprice has moved since
    today) for ``term_months``: each month the company receives fixed less actual hashprice of the month, in dollars,
    on what it has hedged, or pays it. ``margin_share`` of the notional (fixed hashprice of all days) is posted in cash
    and comes back as the term runs off. ``limit_ph``: most hedged at a time.
    """

    kind: Literal["hashprice_hedge"]
    hashprice_usd_per_ph_day: Hashprice
    term_months: Annotated[int, Field(ge=1, le=60)]
    limit_ph: HashratePh
    margin_share: Share = 0.0
