"""Cross-checks of sources of money, one function for each kind that has any."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from optimizer.market.mining import subsidy_ahead
from optimizer.market.network import hashprice_usd_today
from optimizer.scenario.issues import Issue, repeated
from optimizer.scenario.schema import Scenario
from optimizer.scenario.sources import (
    BtcPut,
    CreditLine,
    HashpriceHedge,
    HashrateForward,
    HashrateLoan,
    MachineLoan,
    Note,
    VendorDeferral,
    VendorPledge,
)

# A forward curve is not half or twice the spot price.
FAR_FROM_TODAY = 2.0
DAYS_PER_MONTH = 30.4375


def source_names_differ(s: Scenario) -> Iterator[Issue]:
    """Sources of money have names of their own, which loans and facilities do not have either."""
    debts = [(("loans", i, "name"), loan.name) for i, loan in enumerate(s.loans)]
    debts += [(("facilities", i, "name"), offer.name) for i, offer in enumerate(s.facilities)]
    named = [(("sources", i, "name"), source.name) for i, source in enumerate(s.sources)]
    for issue in repeated([*debts, *named], "loan, facility or source of money"):
        if issue.place[0] == "sources":
            yield issue


def puts_are_not_given_away(s: Scenario) -> Iterator[Issue]:
    """A put costs at least what it would pay on the day on which it is bought."""
    for i, put in enumerate(s.sources):
        if isinstance(put, BtcPut) and put.premium_share < put.strike_share - 1:
            message = f"is less than the {put.strike_share - 1:.4g} that the put would pay at once"
            yield Issue(("sources", i, "premium_share"), message, "both are shares of the price on the day of purchase")


def vendors_offers_are_for_candidates(s: Scenario) -> Iterator[Issue]:
    """A vendor's offer names a machine that may be ordered."""
    quoted = [quote.model for quote in s.machines.candidates]
    for i, offer in enumerate(s.sources):
        if isinstance(offer, VendorDeferral | VendorPledge) and offer.model is not None and offer.model not in quoted:
            mend = f"machines.candidates has: {', '.join(quoted) or 'none'}"
            yield Issue(("sources", i, "model"), f"{offer.model} may not be ordered", mend)


def vendors_defer_what_is_due_with_the_order(s: Scenario) -> Iterator[Issue]:
    """What vendors put off or take in BTC of a machine's price is no more than what is due with the order."""
    for quote in s.machines.candidates:
        share = 0.0
        for i, offer in enumerate(s.sources):
            if isinstance(offer, VendorDeferral | VendorPledge) and offer.model in (None, quote.model):
                key = "deferred_share" if isinstance(offer, VendorDeferral) else "paid_share"
                share += float(getattr(offer, key))
                if share > quote.deposit_share + 1e-9:
                    message = f"with earlier offers makes {share:g} of the price of {quote.model}, of which "
                    message += f"{quote.deposit_share:g} is due with the order"
                    yield Issue(("sources", i, key), message, "lower the shares, or raise the quote's deposit_share")
                    break


def machine_loans_agree(s: Scenario) -> Iterator[Issue]:
    """A machine loan names candidates, may be drawn without a breach on the day, and takes all machines of another,
    only some of them, or none: else no linear rows would say which lender has which machine."""
    loans = [(i, source) for i, source in enumerate(s.sources) if isinstance(source, MachineLoan)]
    candidates = {candidate.model for candidate in s.machines.candidates}
    kept = 1 - s.market.asic_prices.resale_discount_share
    for i, loan in loans:
        for model in loan.models or ():
            if model not in candidates:
                message = f"{model} is not among the candidates"
                yield Issue(("sources", i, "models"), message, "name machines of machines.candidates")
        if loan.covenant_ltv is not None and loan.advance_share > loan.covenant_ltv * kept:
            message = f"breaks the covenant on the day: a used machine fetches {kept:g} of the price"
            mend = f"at most covenant_ltv * {kept:g} = {loan.covenant_ltv * kept:.4g} can be lent"
            yield Issue(("sources", i, "advance_share"), message, mend)
        for j, other in loans:
            common = [model for model in candidates if loan.takes(model) and other.takes(model)]
            if j < i and common and not (loan.within(other) or other.within(loan)):
                message = f"takes some of the machines that {other.name} takes, and each takes others"
                mend = "let one lender's models be among the other's, or keep them apart"
                yield Issue(("sources", i, "models"), message, mend)


def loans_of_limited_recourse_say_what_is_handed_over(s: Scenario) -> Iterator[Issue]:
    """A machine loan that can be walked away from is on one model and repaid on schedule; else nothing would say which
    machines stand for which dollars. Warns where no decision month comes in time to walk away."""
    leads = {quote.model: quote.lead_months for quote in s.machines.candidates}
    for i, loan in enumerate(s.sources):
        if not isinstance(loan, MachineLoan) or loan.recourse == "full":
            continue
        place = ("sources", i)
        if loan.models is None or len(loan.models) > 1:
            named = "all of machines.candidates" if loan.models is None else ", ".join(loan.models)
            message = f"a loan of limited recourse is on one model, this one on {named}"
            mend = "name one model, and offer a loan each for the others (limit_usd of each is its own)"
            yield Issue((*place, "models"), message, mend)
        if loan.early_repayment:
            message = "a loan of limited recourse is repaid on schedule only: it is shared out over its machines"
            yield Issue((*place, "early_repayment"), message, "write early_repayment: false, or recourse: full")
        held = [model for model in loan.models or () if model in {machines.model for machines in s.machines.held}]
        if held:
            message = f"{held[0]} is owned or on order today: nothing tells those from what the loan pays for"
            yield Issue((*place, "models"), message, "finance another model, or write recourse: full")
        others = [o.name for o in s.sources if isinstance(o, MachineLoan) and o is not loan and o.until_month > 0]
        others = [o for o in others if next(x for x in s.sources if x.name == o).counterparty == loan.counterparty]
        if others:
            message = f"{loan.counterparty} lends later by {others[0]} too: who is walked away from lends no more"
            yield Issue((*place, "counterparty"), message, "let that be drawn today only, or full recourse")
        if s.taxes is not None and not s.taxes.interest_deductible and s.taxes.depreciation != "none":
            message = "debt that is forgiven is income only where interest is deducted, and machines are depreciated"
            yield Issue((*place, "recourse"), message, "write taxes.interest_deductible: true, or recourse: full")
        lead = max((leads.get(model, 0) for model in loan.models or ()), default=0)
        draws = [month for month in s.decision_months if loan.from_month <= month <= loan.until_month]
        if draws and not any(
            drawn < month and drawn + lead <= month <= drawn + loan.term_months
            for drawn in draws
            for month in s.decision_months
        ):
            message = "a plan cannot walk away from it: no decision month comes between delivery and the last payment"
            mend = "add decision months, or write recourse: full; off the plan's tree a default ends it all the same"
            yield Issue((*place, "recourse"), message, mend, warning=True)


def lines_agree_with_themselves(s: Scenario) -> Iterator[Issue]:
    """A credit line's tiers rise; with the board's buffer its call lies above them, its sale above the call and the
    sale's target below, where selling can reach it."""
    buffer = s.requirements.calls.buffer_ltv
    for i, line in enumerate(s.sources):
        if not isinstance(line, CreditLine):
            continue
        for j, (lower, tier) in enumerate(pairwise(line.tiers), start=1):
            for key in ("max_ltv", "apr"):
                least = getattr(lower, key)
                if getattr(tier, key) <= least:
                    message = f"must be above the tier before, {least:g}"
                    yield Issue(
                        ("sources", i, "tiers", j, key), message, "a higher LTV costs more: list tiers as they rise"
                    )
        highest = max(tier.max_ltv for tier in line.tiers)
        if line.call_ltv - buffer <= highest:
            message = f"less the board's buffer of {buffer:g} must be above the highest tier, {highest:g}"
            yield Issue(("sources", i, "call_ltv"), message, "leave the highest tier out, or lower buffer_ltv")
        if line.call_ltv >= line.liquidation_ltv:
            message = f"must be below liquidation_ltv {line.liquidation_ltv:g}"
            yield Issue(("sources", i, "call_ltv"), message, f"check both LTVs in {line.name}'s terms")
        most = min(line.liquidation_ltv, 1 - line.liquidation_fee_share)
        if line.liquidation_target_ltv >= most:
            message = f"must be below {most:g}, or a sale cannot reach it"
            yield Issue(("sources", i, "liquidation_target_ltv"), message, f"check {line.name}'s terms")


def hashrate_loans_agree_with_themselves(s: Scenario) -> Iterator[Issue]:
    """A hashrate loan's call, with the board's buffer, lies above what it lends, its sale above the call and the sale's
    target below, where selling can reach it."""
    buffer = s.requirements.calls.buffer_ltv
    for i, loan in enumerate(s.sources):
        if not isinstance(loan, HashrateLoan):
            continue
        if loan.call_ltv - buffer <= loan.max_ltv:
            message = f"less the board's buffer of {buffer:g} must be above max_ltv {loan.max_ltv:g}"
            yield Issue(("sources", i, "call_ltv"), message, "lower max_ltv, or lower buffer_ltv")
        if loan.call_ltv >= loan.liquidation_ltv:
            message = f"must be below liquidation_ltv {loan.liquidation_ltv:g}"
            yield Issue(("sources", i, "call_ltv"), message, f"check both LTVs in {loan.name}'s terms")
        most = min(loan.liquidation_ltv, 1 - loan.liquidation_fee_share)
        if loan.liquidation_target_ltv >= most:
            message = f"must be below {most:g}, or a sale cannot reach it"
            yield Issue(("sources", i, "liquidation_target_ltv"), message, f"check {loan.name}'s terms")


def windows_open(s: Scenario) -> Iterator[Issue]:
    """Each source of money can be used at some decision month, and for the least that it asks."""
    for i, source in enumerate(s.sources):
        if not any(source.from_month <= month <= source.until_month for month in s.decision_months):
            message = f"with from_month {source.from_month} leaves no decision month in which it can be used"
            mend = f"decision_months are {', '.join(str(month) for month in s.decision_months)}"
            yield Issue(("sources", i, "until_month"), message, mend)
        if isinstance(source, Note) and source.min_issue_usd > source.limit_usd:
            message = f"is more than the limit of ${source.limit_usd:,.0f}: it can never be issued"
            yield Issue(("sources", i, "min_issue_usd"), message, "lower it, or raise limit_usd")


def pledged_coins_are_not_overpaid(s: Scenario) -> Iterator[Issue]:
    """A vendor that counts a coin with more than its price, and lets it be bought back, gives money away."""
    for i, offer in enumerate(s.sources):
        if isinstance(offer, VendorPledge) and offer.redeem_price_factor > 1:
            message = "above 1 pays more for a coin than it fetches, with a right to buy it back on top"
            mend = "check the contract: a right to redeem costs something, so the factor is 1 or less"
            yield Issue(("sources", i, "redeem_price_factor"), message, mend, warning=True)


def hashprices_are_near_todays(s: Scenario) -> Iterator[Issue]:
    """Warns when a contract's hashprice is far from what mining pays today, so that it may be for another unit, or well
    above what halvings leave of it over the term."""
    today_usd = hashprice_usd_today(s.market)
    for i, contract in enumerate(s.sources):
        if not isinstance(contract, HashpriceHedge | HashrateForward):
            continue
        place, quoted_usd = ("sources", i, "hashprice_usd_per_ph_day"), contract.hashprice_usd_per_ph_day
        left = subsidy_ahead(s.market.block_height, 0.0, contract.term_months * DAYS_PER_MONTH)
        if not 1 / FAR_FROM_TODAY <= quoted_usd / today_usd <= FAR_FROM_TODAY:
            message = f"is far from today's hashprice of ${today_usd:,.2f} per PH and day"
            yield Issue(place, message, "check its units: dollars per PH/s and day", warning=True)
        elif left < 1 and quoted_usd > today_usd * (1 + left) / 2:
            message = (
                f"hardly counts with the halving in its term: {left:.0%} of today's ${today_usd:,.2f} is then mined"
            )
            yield Issue(place, message, "ask for a quote for the days of the term", warning=True)
