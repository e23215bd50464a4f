"""A vendor's deferral: part of a machine's price paid later."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from optimizer.scenario.base import Name, PositiveUsd, Rate
from optimizer.scenario.sources.terms import SourceTerms


class VendorDeferral(SourceTerms):
    """Up to ``deferred_share`` of the ex-works price of what is ordered is due ``after_months`` after the order, with
    simple interest of ``apr`` (0: free). ``model``: the candidate it is offered for; blank: every one.
    ``limit_usd``: the most that may be deferred at any time; blank: no limit.
    """

    kind: Literal["vendor_deferral"]
    deferred_share: Annotated[float, Field(gt=0, le=1)]
    after_months: Annotated[int, Field(ge=1, le=120)]
    apr: Rate = 0.0
    model: Name | None = None
    limit_usd: PositiveUsd | None = None
