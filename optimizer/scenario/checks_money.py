"""Cross-checks of lenders' terms, debts, treasury and requirements."""

from __future__ import annotations

from collections.abc import Iterator

from optimizer.scenario.issues import Issue, not_rising, repeated
from optimizer.scenario.money import ExistingLoan, Terms
from optimizer.scenario.nodes import Place
from optimizer.scenario.schema import Scenario

# A smaller fall of the price than this, from draw to top-up, happens in an ordinary week.
THIN_BUFFER_SHARE = 0.05


def _terms(s: Scenario) -> list[tuple[Place, Terms]]:
    loans: list[tuple[Place, Terms]] = [(("loans", i), loan) for i, loan in enumerate(s.loans)]
    return loans + [(("facilities", i), facility) for i, facility in enumerate(s.facilities)]


def debt_names_differ(s: Scenario) -> Iterator[Issue]:
    """Loans and facilities share one set of names; liabilities have their own."""
    yield from repeated([((*place, "name"), terms.name) for place, terms in _terms(s)], "loan or facility")
    named = [(("liabilities", i, "name"), liability.name) for i, liability in enumerate(s.liabilities)]
    yield from repeated(named, "liability")


def ltvs_are_in_order(s: Scenario) -> Iterator[Issue]:
    """Cure target and release lie below the call, the call below liquidation, the target of a liquidation
    below its trigger and low enough that selling can reach it."""
    for place, terms in _terms(s):
        target = terms.liquidation_target_ltv
        below = [
            ("cure_target_ltv", terms.cure_target_ltv, "call_ltv", terms.call_ltv),
            ("warning_ltv", terms.warning_ltv, "call_ltv", terms.call_ltv),
            ("call_ltv", terms.call_ltv, "liquidation_ltv", terms.liquidation_ltv),
            ("release_ltv", terms.release_ltv, "call_ltv", terms.call_ltv),
            ("liquidation_target_ltv", target, "liquidation_ltv", terms.liquidation_ltv),
        ]
        for key, value, limit_key, limit in below:
            if value is not None and value >= limit:
                mend = f"check both LTVs in {terms.name}'s contract"
                yield Issue((*place, key), f"must be below {limit_key} {limit:g}", mend)
        if target is not None and target + terms.liquidation_cost_share >= 1:
            message = f"cannot be reached by selling at a cost of {terms.liquidation_cost_share:g}"
            yield Issue((*place, "liquidation_target_ltv"), message, "leave it blank: all is repaid at once")


def tiers_rise(s: Scenario) -> Iterator[Issue]:
    """A facility's tiers rise in ``max_ltv`` and stay below the call."""
    for i, facility in enumerate(s.facilities):
        place: Place = ("facilities", i, "tiers")
        tiers = facility.tiers
        for j in range(1, len(tiers)):
            if tiers[j].max_ltv <= tiers[j - 1].max_ltv:
                message = f"must be above the tier before, {tiers[j - 1].max_ltv:g}"
                yield Issue((*place, j, "max_ltv"), message, "list tiers in rising order of max_ltv")
        highest = max(range(len(tiers)), key=lambda j: tiers[j].max_ltv)
        if tiers[highest].max_ltv >= facility.call_ltv:
            message = f"a draw at this LTV is called at once: call_ltv is {facility.call_ltv:g}"
            yield Issue((*place, highest, "max_ltv"), message, "lower the tier, or correct call_ltv")


def buffer_leaves_room(s: Scenario) -> Iterator[Issue]:
    """The LTV at which the treasury tops up is above zero, and above the highest tier by a fair fall."""
    calls = s.requirements.calls
    for i, facility in enumerate(s.facilities):
        ceiling, key = facility.call_ltv, "call_ltv"
        if calls.policy == "cure_to_target":
            ceiling, key = facility.cure_target_ltv, "cure_target_ltv"
        top_up_ltv = ceiling - calls.buffer_ltv
        if top_up_ltv <= 0:
            message = f"leaves nothing of {facility.name}'s {key} {ceiling:g}"
            yield Issue(("requirements", "calls", "buffer_ltv"), message, "lower the buffer")
            continue
        highest = max(tier.max_ltv for tier in facility.tiers)
        fall = 1 - highest / top_up_ltv
        if highest < facility.call_ltv and fall < THIN_BUFFER_SHARE:
            message = (
                f"the buffer is too thin for {facility.name}: after a draw at {highest:.0%} "
                + (f"a price fall of {fall:.1%}" if fall > 0 else "no price fall at all")
                + f" reaches the top-up at {top_up_ltv:.0%}"
            )
            mend = "draw at a lower tier, or lower buffer_ltv"
            yield Issue(("facilities", i, "tiers"), message, mend, warning=True)


def repayment_terms_agree(s: Scenario) -> Iterator[Issue]:
    """Level payments include interest; early repayment opens before the term ends."""
    for place, terms in _terms(s):
        if terms.repayment == "amortising" and terms.interest == "at_maturity":
            message = "an amortising loan pays interest with every instalment"
            yield Issue((*place, "interest"), message, "write interest: monthly, or repayment: bullet")
        if terms.early_repayment and terms.early_repayment_after_months >= terms.term_months:
            message = f"must be below term_months {terms.term_months}"
            mend = "write early_repayment: false if it is not allowed"
            yield Issue((*place, "early_repayment_after_months"), message, mend)


def draws_are_possible(s: Scenario) -> Iterator[Issue]:
    """A facility's draw window holds a decision month, and its least draw is within its limit."""
    for i, facility in enumerate(s.facilities):
        place: Place = ("facilities", i)
        first, last = facility.draw_from_month, facility.draw_until_month
        if first > last:
            message = f"comes after draw_until_month {last}"
            yield Issue((*place, "draw_from_month"), message, "let the window open before it closes")
        elif not any(first <= month <= last for month in s.decision_months):
            message = f"no decision month lies in the draw window from {first} to {last}"
            mend = f"widen the window: decision months are {', '.join(map(str, s.decision_months))}"
            yield Issue((*place, "draw_until_month"), message, mend)
        if facility.min_draw_usd > facility.limit_usd:
            message = f"must not exceed limit_usd {facility.limit_usd:,.0f}"
            yield Issue((*place, "min_draw_usd"), message, "lower it, or raise the limit")


def lenders_fail_as_one(s: Scenario) -> Iterator[Issue]:
    """All contracts with a lender say the same of its failure."""
    keys = ("failure_pa", "failure_recovery_share", "failure_price_beta")
    first: dict[str, Terms] = {}
    for place, terms in _terms(s):
        known = first.setdefault(terms.lender, terms)
        for key in keys:
            if getattr(terms, key) != getattr(known, key):
                message = f"is {getattr(terms, key):g}, and {getattr(known, key):g} in {known.name}, of the same lender"
                yield Issue((*place, key), message, f"write what holds of {terms.lender} in both")


def loans_end_within_their_term(s: Scenario) -> Iterator[Issue]:
    """An existing loan matures within its original term; warns of one that matures before the horizon."""
    for i, loan in enumerate(s.loans):
        place: Place = ("loans", i, "matures_month")
        if loan.matures_month > loan.term_months:
            message = f"must be at most the original term of {loan.term_months} months"
            yield Issue(place, message, "correct matures_month or term_months")
        elif loan.matures_month <= s.horizon_months and loan.repayment == "bullet":
            message = f"{loan.name} falls due in month {loan.matures_month}: ${loan.balance_usd:,.0f}"
            yield Issue(place, message, "the plan must repay it: nothing is rolled over", warning=True)


def liabilities_fall_within_the_horizon(s: Scenario) -> Iterator[Issue]:
    """No promised payment lies beyond the plan; warns of one that is more than the opening cash."""
    for i, liability in enumerate(s.liabilities):
        place: Place = ("liabilities", i)
        yield from not_rising([((*place, "month"), liability.month)], s.horizon_months)
        if liability.amount_usd > s.treasury.cash_usd:
            message = f"{liability.name} falls due in month {liability.month}: ${liability.amount_usd:,.0f}"
            mend = f"the plan must earn, sell or borrow for it: cash is ${s.treasury.cash_usd:,.0f}"
            yield Issue((*place, "amount_usd"), message, mend, warning=True)


def pledges_are_held(s: Scenario) -> Iterator[Issue]:
    """No more BTC is pledged than held; warns when none is left to top up with."""
    pledged_btc = sum(loan.pledged_btc for loan in s.loans)
    held_btc = s.treasury.btc
    place: Place = ("treasury", "btc_lots")
    if pledged_btc > held_btc * (1 + 1e-9):
        message = f"the loans have {pledged_btc:,.8g} BTC pledged, and only {held_btc:,.8g} BTC are held"
        yield Issue(place, message, "btc_lots count pledged BTC too: add it, or correct the pledges")
    elif pledged_btc > 0 and held_btc - pledged_btc <= held_btc * 1e-9:
        message = "every BTC held is pledged: none is free to top up with"
        yield Issue(place, message, "check that btc_lots count all BTC", warning=True)


def ltv_today(loan: ExistingLoan, btc_price_usd: float) -> float:
    """What is owed over the value of its pledge, as the lender counts; infinite without a pledge.

    A lender that counts the ``full_term``'s interest adds what is still to accrue until maturity.
    """
    owed_usd = loan.balance_usd + loan.accrued_usd
    if loan.ltv_counts == "full_term":
        owed_usd += loan.balance_usd * loan.apr * loan.matures_month / 12
    return owed_usd / (loan.pledged_btc * btc_price_usd) if loan.pledged_btc > 0 else float("inf")


def loans_are_not_called_today(s: Scenario) -> Iterator[Issue]:
    """No loan is at its liquidation today; warns of one at its call, or closer to it than the buffer."""
    for i, loan in enumerate(s.loans):
        place: Place = ("loans", i, "pledged_btc")
        ltv = ltv_today(loan, s.market.btc_price_usd)
        now = f"{loan.name}'s LTV today is {ltv:.1%}"
        mend = "correct the pledge, the balance or the price"
        if ltv >= loan.liquidation_ltv:
            yield Issue(place, f"{now}, at or over liquidation at {loan.liquidation_ltv:.1%}", mend)
        elif ltv >= loan.call_ltv:
            yield Issue(place, f"{now}, at or over the call at {loan.call_ltv:.1%}", mend, warning=True)
        elif ltv > loan.call_ltv - s.requirements.calls.buffer_ltv:
            message = f"{now}, closer to the call at {loan.call_ltv:.1%} than the buffer"
            yield Issue(place, message, "expect a top-up or a repayment at once", warning=True)


def depreciation_says_how_long(s: Scenario) -> Iterator[Issue]:
    """Straight depreciation has its months, and no other has."""
    if s.taxes is not None and (s.taxes.depreciation == "straight") != (s.taxes.depreciation_months is not None):
        message = f"depreciation is {s.taxes.depreciation}: straight needs its months and the others have none"
        yield Issue(
            ("taxes", "depreciation_months"), message, "write `depreciation: straight` with its months, or neither"
        )


def lots_are_listed_by_age(s: Scenario) -> Iterator[Issue]:
    """Where lots go by age, none that has a date stands after a younger one."""
    if s.taxes is None or s.taxes.lot_method != "fifo":
        return
    youngest = None
    for k, lot in enumerate(s.treasury.btc_lots):
        if lot.acquired is None:
            continue
        if youngest is not None and lot.acquired < youngest:
            message = f"acquired {lot.acquired}, listed after a lot of {youngest}, and lots go first in, first out"
            yield Issue(
                ("treasury", "btc_lots", k, "acquired"), message, "list the oldest lot first, or correct the date"
            )
        else:
            youngest = lot.acquired


def requirements_hold_today(s: Scenario) -> Iterator[Issue]:
    """The least BTC is held today; warns when cash or debt would have to move first."""
    required, treasury = s.requirements, s.treasury
    if required.min_btc > treasury.btc:
        message = f"is more than the {treasury.btc:,.8g} BTC held today"
        yield Issue(("requirements", "min_btc"), message, "lower it")
    if required.min_cash_usd > treasury.cash_usd:
        message = f"is more than the ${treasury.cash_usd:,.0f} of cash today"
        mend = "expect BTC to be sold or money to be borrowed at once"
        yield Issue(("requirements", "min_cash_usd"), message, mend, warning=True)
    owed_usd = sum(loan.balance_usd + loan.accrued_usd for loan in s.loans)
    if required.max_debt_usd is not None and owed_usd > required.max_debt_usd:
        message = f"is less than the ${owed_usd:,.0f} owed today"
        place: Place = ("requirements", "max_debt_usd")
        yield Issue(place, message, "expect a repayment at once", warning=True)
