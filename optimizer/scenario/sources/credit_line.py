"""An open credit line against BTC: revolving, without a term, at a rate that follows the LTV."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from optimizer.scenario.base import Ltv, PositiveUsd, Share
from optimizer.scenario.catalogue import Tier
from optimizer.scenario.sources.terms import SourceTerms


class CreditLine(SourceTerms):
    """Money is drawn at decision months of the window, at most ``limit_usd`` owed at once, and repaid at any month's
    end; nothing falls due. Interest is paid each month. ``tiers`` rise in ``max_ltv`` and ``apr``: the balance is split
    over them as is cheapest, a dollar in a tier holds 1 / ``max_ltv`` dollars of BTC, and what no tier asks for is
    free.

    At each month's low the LTV stays the board's buffer below ``call_ltv``, by topping up. Off the tree the lender
    sells at ``liquidation_ltv``, down to ``liquidation_target_ltv``, for ``liquidation_fee_share`` of what it sells.
    """

    kind: Literal["credit_line"]
    tiers: Annotated[tuple[Tier, ...], Field(min_length=1, max_length=9)]
    limit_usd: PositiveUsd
    call_ltv: Ltv
    liquidation_ltv: Ltv
    liquidation_target_ltv: Ltv
    liquidation_fee_share: Share
