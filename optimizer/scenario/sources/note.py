"""Notes: money borrowed from investors against no particular BTC, repaid whole at maturity."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from optimizer.scenario.base import PositiveUsd, Rate, Share, Usd
from optimizer.scenario.sources.terms import SourceTerms


class Note(SourceTerms):
    """A senior note. ``apr`` is paid in cash every month, ``limit_usd`` principal can be issued in all and at least
    ``min_issue_usd`` at a time today, for ``term_months``; ``issue_fee_share`` of it goes to the placement.
    ``min_btc_cover``: the covenant: BTC held, pledged or not, are worth at least so many times the principal at each
    month's end; blank: none.

    ``conversion_premium_share``: a convertible: at maturity its holders may take shares in place of money. Were the
    company worth its BTC alone, they would where BTC stands above (1 + premium) times its price at issue, and what
    they then take, principal times price over that price, is counted as what the note costs; blank: not convertible.
    """

    kind: Literal["note"]
    apr: Rate
    term_months: Annotated[int, Field(ge=1, le=120)]
    limit_usd: PositiveUsd
    min_issue_usd: Usd = 0.0
    issue_fee_share: Share = 0.0
    min_btc_cover: Annotated[float, Field(gt=0, le=100)] | None = None
    conversion_premium_share: Annotated[float, Field(ge=0, le=10)] | None = None
