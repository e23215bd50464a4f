"""What a loan against BTC is quoted from: a lender's terms, as far as they are known, and what is asked of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import Field

from optimizer.errors import Problem
from optimizer.quote.asked import problem
from optimizer.scenario.base import Ltv, Name, PositiveUsd, Rate, Share, Strict, Usd
from optimizer.scenario.catalogue import LoanProduct
from optimizer.scenario.money import liquidation_cost_share

# What a blank term is taken for; a quote says which it took.
TAKEN: dict[str, Any] = {
    "interest": "monthly",
    "repayment": "bullet",
    "origination_fee_share": 0.0,
    "liquidation_fee_share": 0.0,
}


class LoanTerms(Strict):
    """A lender's terms for one LTV. Blank: not known. Meanings as in `optimizer.scenario.money.Terms`.

    ``max_ltv``: the most that is lent at ``apr``. ``payment_days`` blank: a payment a month, each with a twelfth of the
    year's interest; else a payment every so many days, ``term_months`` of them, interest by days of a year of 365.
    """

    name: str = "loan"
    lender: Name | None = None
    product: Name | None = None
    borrower: str | None = None
    as_of: str | None = None
    source: str | None = None
    max_ltv: Ltv | None = None
    apr: Rate | None = None
    term_months: Annotated[int, Field(ge=1, le=120)] | None = None
    payment_days: Annotated[float, Field(ge=1, le=366)] | None = None
    origination_fee_share: Share | None = None
    interest: Literal["monthly", "at_maturity"] | None = None
    ltv_counts: Literal["accrued", "full_term"] = "accrued"
    repayment: Literal["bullet", "amortising"] | None = None
    warning_ltv: Ltv | None = None
    call_ltv: Ltv | None = None
    cure_target_ltv: Ltv | None = None
    cure_hours: Annotated[float, Field(gt=0, le=1000)] | None = None
    liquidation_ltv: Ltv | None = None
    liquidation_target_ltv: Ltv | None = None
    liquidation_fee_share: Share | None = None
    liquidation_slippage_share: Share | None = None
    min_draw_usd: Usd | None = None
    limit_usd: Usd | None = None

    @property
    def taken(self) -> dict[str, Any]:
        """Blank terms that a quote takes for something, and for what."""
        return {field: value for field, value in TAKEN.items() if getattr(self, field) is None}

    @property
    def filled(self) -> LoanTerms:
        """These terms with `taken` in place of what is blank."""
        return self.model_copy(update=self.taken)

    @property
    def liquidation_cost_share(self) -> float:
        """Of the value sold in a liquidation, what goes to fee and slippage."""
        return liquidation_cost_share(self.liquidation_fee_share or 0.0, self.liquidation_slippage_share or 0.0)

    @property
    def period_years(self) -> float:
        """The year's share from one payment to the next."""
        return 1 / 12 if self.payment_days is None else self.payment_days / 365


class LoanAsk(Strict):
    """What is asked: USD borrowed and BTC pledged at ``btc_price_usd``, one of them or both, or one and the LTV.

    ``ltv`` blank: what both make, or the highest that the lender offers. ``accrued_usd``: interest that has run on a
    loan that is under way. ``at_price_usd``: prices at which to say what happens, beside the usual falls.
    """

    btc_price_usd: PositiveUsd
    amount_usd: PositiveUsd | None = None
    pledge_btc: Annotated[float, Field(gt=0, le=21e6)] | None = None
    ltv: Ltv | None = None
    accrued_usd: Usd = 0.0
    at_price_usd: tuple[PositiveUsd, ...] = ()


def offers_of(product_id: str, product: LoanProduct) -> tuple[LoanTerms, ...]:
    """A term sheet as terms for each of its tiers, lowest LTV first; without LTV and rate where it names no tier."""
    known = product.model_dump(exclude_none=True, exclude={"tiers"})
    known = {field: value for field, value in known.items() if field in LoanTerms.model_fields}
    tiers = [tier.model_dump() for tier in product.tiers or ()] or [{}]
    return tuple(
        LoanTerms(**{**known, "name": product_id, **tier}) for tier in sorted(tiers, key=lambda t: t.get("max_ltv", 0))
    )


def contradictions(terms: LoanTerms) -> Iterator[Problem]:
    """What cannot hold together in a contract."""
    order = (
        ("cure_target_ltv", "call_ltv"),
        ("warning_ltv", "call_ltv"),
        ("call_ltv", "liquidation_ltv"),
        ("liquidation_target_ltv", "liquidation_ltv"),
    )
    for low, high in order:
        below, above = getattr(terms, low), getattr(terms, high)
        if below is not None and above is not None and below >= above:
            yield problem(
                low, f"must be below {high} {above:g}", f"{below:g}", f"check both LTVs in {terms.name}'s contract"
            )
    target = terms.liquidation_target_ltv
    if target is not None and target + terms.liquidation_cost_share >= 1:
        message = f"cannot be reached by selling at a cost of {terms.liquidation_cost_share:g}"
        yield problem("liquidation_target_ltv", message, f"{target:g}", "lower the target, or the fee and slippage")
    for field in ("origination_fee_share", "liquidation_fee_share", "liquidation_slippage_share"):
        if getattr(terms, field) == 1:
            yield problem(field, "leaves nothing: must be below 1", "1", "write it as a share, 0.01 for 1%")
    filled = terms.filled
    if filled.repayment == "amortising" and filled.interest == "at_maturity":
        message = "an amortising loan pays interest with every instalment"
        yield problem("interest", message, "at_maturity", "write --interest monthly, or --repayment bullet")
