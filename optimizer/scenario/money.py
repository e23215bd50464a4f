"""Treasury, debts and facilities of a scenario: what the company has, owes and may borrow."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from optimizer.scenario.base import Btc, Ltv, Month, Name, PositiveUsd, Rate, Share, Strict, Usd
from optimizer.scenario.catalogue import Tier


class BtcLot(Strict):
    """BTC held, bought or mined at ``cost_basis_usd`` per BTC.

    ``btc``: how many BTC. ``acquired``: the day on which they came.
    """

    btc: Btc
    cost_basis_usd: Usd
    acquired: date | None = None


class Treasury(Strict):
    """BTC (pledged BTC included) and cash held today, and what trading costs.

    ``sell_fee_share`` and ``buy_fee_share``: fee and slippage on the dollars traded.
    ``buy_btc``: whether the plan may buy BTC at all.
    ``max_cash_months``: cash may not exceed this many months of reference bills (overhead, site costs and
    full power at every site) plus payments still due on ordered machines, or the opening cash if that is more.

    ``btc_lots``: BTC held today by what they cost, pledged BTC included. ``cash_usd``: cash today.
    ``overhead_usd_per_month``: what the company costs beside its sites.
    """

    btc_lots: tuple[BtcLot, ...]
    cash_usd: Usd
    sell_fee_share: Share
    buy_fee_share: Share = 0.0
    buy_btc: bool = False
    max_cash_months: Annotated[float, Field(ge=0, le=60)]
    overhead_usd_per_month: Usd = 0.0

    @property
    def btc(self) -> float:
        """BTC held today, pledged included."""
        return sum(lot.btc for lot in self.btc_lots)


def liquidation_cost_share(fee_share: float, slippage_share: float) -> float:
    """Of the value sold in a liquidation, what goes to fee and slippage: 1 - (1 - fee) (1 - slippage)."""
    return 1 - (1 - fee_share) * (1 - slippage_share)


class Terms(Strict):
    """What a lender's contract says, shared by offers (`Facility`) and debts already drawn (`ExistingLoan`).

    ``interest``: ``monthly`` is paid in cash each month; ``at_maturity`` accrues as simple interest and is paid with
    the principal it belongs to. ``ltv_counts``: the LTV counts interest ``accrued`` so far, or the ``full_term``'s
    interest from the first day. ``repayment``: ``bullet``, or ``amortising`` by level payments; early repayment then
    lowers every later instalment in proportion. ``liquidation_target_ltv``: LTV down to which it sells; blank: all the
    collateral it needs to be repaid whole. ``release_ltv``: at most this LTV after a release on a price rise; blank: no
    such release; pledged BTC comes back only in proportion as its draw is repaid, top-ups when the facility closes.
    ``release_after_days``: how long the LTV must have stayed at or below ``release_ltv`` by then. ``warning_ltv``: LTV
    at which the lender warns; blank: it does not. ``cure_hours``: time to cure a call; blank: none, the cure is due on
    the day of the call. ``liquidation_slippage_share``: what a forced sale loses against the market beside its fee.
    ``recourse``: ``full``, or ``limited``: what a sale of the collateral does not cover is not owed.
    ``rehypothecation``: the lender may lend the pledge on, so that it is lost with the lender, net of the debt; blank
    is taken as yes. ``failure_pa``: chance a year that the lender fails, while BTC stands where it does today; at
    another price it is times (price / today's) ^ -``failure_price_beta``, and at most 1 in a month. Of what a lost
    pledge is worth beyond the debt ``failure_recovery_share`` comes back. Alike in all contracts with one lender.

    ``name``: what reports call it. ``lender``: whose it is; contracts of one lender fail and freeze together.
    ``product``: a loan of the catalogue that fills what is not written. ``borrower``: whom the lender lends to.
    ``term_months``: months from a draw to its maturity. ``early_repayment``: whether it may be repaid before it falls
    due. ``early_repayment_after_months``: months after the draw before which it may not. ``early_repayment_fee_share``:
    fee on what is repaid early. ``call_ltv``: LTV at which the lender calls for more collateral. ``cure_target_ltv``:
    LTV to which a call is cured. ``liquidation_ltv``: LTV at which the lender sells collateral at once.
    ``liquidation_fee_share``: the lender's fee on what it sells. ``as_of``: when the terms were last looked up.
    ``source``: where they are from. ``notes``: anything else worth knowing.
    """

    name: Name
    lender: Name
    product: str | None = None
    borrower: str | None = None
    term_months: Annotated[int, Field(ge=1, le=120)]
    interest: Literal["monthly", "at_maturity"]
    ltv_counts: Literal["accrued", "full_term"] = "accrued"
    repayment: Literal["bullet", "amortising"]
    early_repayment: bool = True
    early_repayment_after_months: Month = 0
    early_repayment_fee_share: Share = 0.0
    warning_ltv: Ltv | None = None
    call_ltv: Ltv
    cure_target_ltv: Ltv
    cure_hours: Annotated[float, Field(gt=0, le=1000)] | None = None
    liquidation_ltv: Ltv
    liquidation_target_ltv: Ltv | None = None
    liquidation_fee_share: Share
    liquidation_slippage_share: Share = 0.0
    release_ltv: Ltv | None = None
    release_after_days: Annotated[int, Field(ge=0, le=28)] = 0
    rehypothecation: bool | None = None
    recourse: Literal["full", "limited"] = "full"
    failure_pa: Share = 0.0
    failure_recovery_share: Share = 0.0
    failure_price_beta: Annotated[float, Field(ge=0, le=20)] = 0.0
    as_of: str | None = None
    source: str | None = None
    notes: str | None = None

    @property
    def liquidation_cost_share(self) -> float:
        """As `liquidation_cost_share` says."""
        return liquidation_cost_share(self.liquidation_fee_share, self.liquidation_slippage_share)


class Facility(Terms):
    """An offer to lend against BTC.

    Tiers rise in ``max_ltv``; a draw uses one tier (binary today; later draws may mix tiers, as two loans of
    one lender would). ``limit_usd``: most principal outstanding at once. Draws are possible at decision
    months from ``draw_from_month`` to ``draw_until_month``, each at least ``min_draw_usd`` (enforced today).

    ``tiers``: the price list, up to which LTV money costs what a year. ``origination_fee_share``: fee up front, a share
    of the draw.
    """

    tiers: Annotated[tuple[Tier, ...], Field(min_length=1, max_length=10)]
    origination_fee_share: Share
    limit_usd: PositiveUsd
    min_draw_usd: Usd = 0.0
    draw_from_month: Month = 0
    draw_until_month: Month = 0


class ExistingLoan(Terms):
    """A debt already owed: ``balance_usd`` principal and ``accrued_usd`` interest today, at ``apr``, against
    ``pledged_btc``, due ``matures_month`` months from today. ``term_months`` is its original term."""

    balance_usd: PositiveUsd
    accrued_usd: Usd = 0.0
    pledged_btc: Btc
    apr: Rate
    matures_month: Annotated[int, Field(ge=1, le=120)]


class Liability(Strict):
    """A payment the company has promised: ``amount_usd`` in cash at ``month``.

    ``name``: what it is for.
    """

    name: Name
    month: Month
    amount_usd: PositiveUsd
