"""Loans repaid by hashrate: BTC pledged, and a pool that keeps part of what pointed machines mine until all is paid."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from optimizer.scenario.base import Ltv, PositiveUsd, Rate, Share
from optimizer.scenario.sources.hashrate_forward import HashratePh
from optimizer.scenario.sources.terms import SourceTerms


class HashrateLoan(SourceTerms):
    """For each $1M drawn ``pointed_ph_per_usd_m`` PH/s mine for the lender's pool until that draw is repaid. Each month
    it sells ``repaid_share`` of what they mine, at the month's close, for interest at ``apr`` first and then for
    principal; interest that this does not pay is added to what is owed. What is left after ``term_months`` falls due in
    cash. ``early_repayment``: draws can be repaid at any month's end before, in whole or in part, without a fee;
    hashrate and pledge are freed in proportion. At most ``limit_usd`` is owed where something is drawn,
    ``origination_fee_share`` of a draw is kept back, and no more hashrate is pointed than ``max_share_of_fleet`` of the
    nameplate in the racks.

    At each month's close BTC stand pledged at ``max_ltv``: the rest is free. At its low the LTV stays the board's
    buffer below ``call_ltv``, by topping up. Off the tree, where the treasury's free BTC do not do that, what machines
    have mined in the month sweeps in as collateral too, and at ``liquidation_ltv`` the lender sells, down to
    ``liquidation_target_ltv``, for ``liquidation_fee_share`` of what it sells.
    """

    kind: Literal["hashrate_loan"]
    apr: Rate
    term_months: Annotated[int, Field(ge=1, le=120)]
    limit_usd: PositiveUsd
    pointed_ph_per_usd_m: HashratePh
    repaid_share: Annotated[float, Field(gt=0, le=1)]
    max_ltv: Ltv
    call_ltv: Ltv
    liquidation_ltv: Ltv
    liquidation_target_ltv: Ltv
    liquidation_fee_share: Share
    origination_fee_share: Share = 0.0
    early_repayment: bool = True
    max_share_of_fleet: Share = 1.0
