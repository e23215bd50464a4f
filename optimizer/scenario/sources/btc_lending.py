"""Lending BTC for yield: what a treasury does with coins that it does not need for a while."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from optimizer.scenario.base import Btc, Rate, Share
from optimizer.scenario.sources.terms import SourceTerms


class BtcLending(SourceTerms):
    """BTC lent without collateral for ``lock_months``, at ``yield_pa`` paid in BTC each month; up to ``limit_btc``.

    ``failure_pa``: chance a year that the borrower fails, and then ``recovery_share`` of what is lent comes back. The
    plan counts the loss in expectation, month by month, on what is lent.
    """

    kind: Literal["btc_lending"]
    yield_pa: Rate
    lock_months: Annotated[int, Field(ge=1, le=120)]
    limit_btc: Btc
    failure_pa: Share = 0.0
    recovery_share: Share = 0.0
