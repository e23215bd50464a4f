"""What today's machines really cost per TH, paid for as the plan pays, and how much longer they take to pay back."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from optimizer.decisions import Use
from optimizer.financing import Financed, RealCost, real_cost
from optimizer.ledger.fleet import DAYS_PER_MONTH, HOURS_PER_DAY, THS_PER_PHS, payment_per_unit
from optimizer.report.tables_decisions import pair_of
from optimizer.scenario.sources import CreditLine, HashrateLoan, MachineLoan, Note, VendorDeferral

if TYPE_CHECKING:
    from optimizer.planning import Plan


def machine_finance(plan: Plan) -> tuple[RealCost, float] | None:
    """The real cost of all machines ordered today, duty, freight and installation in, and the share of it that is
    borrowed; None without an order.

    All that is borrowed today is taken to pay for them, each loan in proportion. The margin is today's: nameplate, at
    today's hashprice and power price. Money to come is discounted by what BTC is expected to gain against it, the mean
    over the tree of today's price over the last: a dollar paid later is so many BTC less.
    """
    tree = plan.tree
    cost_usd = ths = margin_usd = 0.0
    for order in plan.decisions.orders:
        if order.node == 0:
            pair = pair_of(plan, order.model, order.site)
            cost_usd += order.units * sum(payment_per_unit(plan.scenario, pair, 1.0))
            ths += order.units * pair.nameplate_ph * THS_PER_PHS
            earns = pair.nameplate_ph * float(tree.hashprice_usd_per_ph_day[0])
            burns = pair.nameplate_mw * HOURS_PER_DAY * float(tree.power_usd_per_mwh[0, pair.site])
            margin_usd += order.units * max(0.0, earns - burns) * DAYS_PER_MONTH
    if ths == 0:
        return None
    borrowed = list(_borrowed_today(plan))
    total = sum(amount for amount, _ in borrowed)
    share = min(1.0, total / cost_usd)
    parts = [Financed(**{**terms, "share": share * amount / total}) for amount, terms in borrowed]
    price, leaves = float(tree.price_usd[0]), tree.leaves
    worth = float(tree.probability[leaves] @ (price / tree.price_usd[leaves]))
    growth = worth ** (-12 / plan.scenario.horizon_months) - 1
    cost = real_cost(
        cost_usd,
        ths,
        parts,
        margin_usd_per_month=margin_usd,
        discount_pa=growth,
        btc_price_usd=price,
        btc_growth_pa=growth,
    )
    return cost, share


def _borrowed_today(plan: Plan) -> Iterator[tuple[float, dict[str, Any]]]:
    """Dollars borrowed today and their terms, as `Financed` names them."""
    offers = {offer.name: offer for offer in plan.scenario.facilities}
    for draw in plan.decisions.draws:
        if draw.node == 0:
            offer = offers[draw.facility]
            apr, amortising = offer.tiers[draw.tier].apr, offer.repayment == "amortising"
            terms = {"apr": apr, "months": offer.term_months, "fee_share": offer.origination_fee_share}
            yield draw.amount_usd, {**terms, "amortising": amortising}
    for use in plan.decisions.uses:
        if use.node == 0 and (terms_of := _terms(plan, use)):
            yield use.amount, terms_of


def _terms(plan: Plan, use: Use) -> dict[str, Any] | None:
    source = next(source for source in plan.scenario.sources if source.name == use.source)
    if isinstance(source, Note):
        return {"apr": source.apr, "months": source.term_months, "fee_share": source.issue_fee_share}
    if isinstance(source, MachineLoan):
        terms = {"apr": source.apr, "months": source.term_months, "fee_share": source.origination_fee_share}
        return {**terms, "amortising": True}
    if isinstance(source, VendorDeferral):
        return {"apr": source.apr, "months": source.after_months}
    if isinstance(source, CreditLine) and use.what.startswith("draw_tier_"):
        tier = source.tiers[int(use.what.split("_")[2]) - 1]
        return {"apr": tier.apr, "months": plan.scenario.horizon_months}
    if isinstance(source, HashrateLoan) and use.what == "draw_usd":
        months = _months_to_repay(source, float(plan.tree.hashprice_usd_per_ph_day[0]))
        terms = {"apr": source.apr, "months": months, "fee_share": source.origination_fee_share}
        return {**terms, "amortising": True}
    return None


def _months_to_repay(loan: HashrateLoan, hashprice_usd_per_ph_day: float) -> int:
    """Payments until the pool is paid, at today's hashprice each the same; at most the term."""
    monthly = loan.pointed_ph_per_usd_m / 1e6 * loan.repaid_share * hashprice_usd_per_ph_day * DAYS_PER_MONTH
    rate = loan.apr / 12
    if monthly <= rate:
        return loan.term_months
    months = math.log1p(-rate / monthly) / -math.log1p(rate) if rate else 1 / monthly
    return min(math.ceil(months), loan.term_months)
