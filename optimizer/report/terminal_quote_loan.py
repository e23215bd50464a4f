"""A loan, or loans side by side, on a terminal: what it costs, when it is paid, what a fall of price does."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import groupby

from rich.console import Console

from optimizer.quote.collateral import Rung
from optimizer.quote.loan import LoanQuote
from optimizer.quote.loan_terms import LoanAsk, LoanTerms
from optimizer.quote.schedule import Payment
from optimizer.report.screen import MOST_PERIODS, PERIOD_MONTHS, Lines, print_lines, print_title
from optimizer.report.words import NONE, WIDTH, add, btc, count, grid, price, share, usd

INTEREST = {"monthly": "interest with every payment", "at_maturity": "interest at maturity"}
REPAYMENT = {"bullet": "principal at maturity", "amortising": "level payments"}
# What blanks were taken for, in words.
TAKEN = {
    "interest": "interest paid monthly",
    "repayment": "principal at maturity",
    "origination_fee_share": "no fee",
    "liquidation_fee_share": "no fee on a forced sale",
}
OUTSIDE = {
    "max_ltv": "more than the lender lends against such a pledge",
    "limit_usd": "more than the lender lends in all",
    "min_draw_usd": "less than the lender's least loan",
}
ACTS = {"call": "calls", "liquidation": "sells"}
OPTIONS = {
    "apr": "--apr",
    "term_months": "--term-months",
    "call_ltv": "--call-ltv",
    "cure_target_ltv": "--cure-target-ltv",
    "liquidation_ltv": "--liquidation-ltv",
}


def print_loan(quote: LoanQuote, console: Console) -> None:
    """Print one loan: terms, cost, payments, and the ladder of prices."""
    print_title(console, _title(quote.terms))
    print_lines(console, _headline(quote))
    for title, lines in (
        ("What it costs", _cost(quote)),
        ("Payments", _payments(quote)),
        ("As price falls", _falls(quote)),
    ):
        if lines:
            print_title(console, title)
            print_lines(console, lines)


def print_loans(quotes: Sequence[LoanQuote], ask: LoanAsk, console: Console) -> None:
    """Print loans side by side, cheapest a year first."""
    asked = [f"borrow {price(ask.amount_usd)}"] if ask.amount_usd is not None else []
    asked += [f"pledge {btc(ask.pledge_btc)} BTC"] if ask.pledge_btc is not None else []
    asked += [f"LTV {share(ask.ltv, 1)}"] if ask.ltv is not None else []
    print_title(console, f"Loans side by side: {', '.join(asked)}, BTC at {price(ask.btc_price_usd)}")
    print_lines(console, _side_by_side(quotes, ask, wide=console.width >= WIDTH))


def _title(terms: LoanTerms) -> str:
    if terms.lender is None:
        return "Loan on terms of your own"
    return f"{terms.lender}: {terms.product} ({terms.name}, as of {terms.as_of})"


def _headline(quote: LoanQuote) -> Lines:
    terms, debt = quote.terms.filled, quote.debt
    counts = ", the interest of the full term counted" if terms.ltv_counts == "full_term" else ""
    owed = f"{price(quote.amount_usd)}" + (f" and {price(quote.accrued_usd)} accrued" if quote.accrued_usd else "")
    lines: Lines = [
        f"{owed} against {btc(debt.pledge_btc)} BTC, worth {price(debt.pledge_btc * debt.btc_price_usd)} at "
        f"{price(debt.btc_price_usd)}: LTV {share(quote.ltv, 1)}{counts}."
    ]
    rate = f"{share(terms.apr, 2)} a year" if terms.apr is not None else "Rate not known"
    fee = f"fee {share(terms.origination_fee_share, 2)}" if terms.origination_fee_share else "no fee"
    fee = "under way, its fee paid" if quote.accrued_usd else fee
    lines.append(f"{rate}, {_term(terms)}, {fee}; {_repays(terms)}.")
    if terms.source is not None:
        lines.append(f"{f'To {terms.borrower}. ' if terms.borrower else ''}Source: {terms.source}.")
    if quote.terms.taken:
        lines.append(f"Not stated, and taken as: {', '.join(TAKEN[field] for field in quote.terms.taken)}.")
    if blank := [text for field, text in OPTIONS.items() if getattr(terms, field) is None]:
        lines.append(f"Not stated, and left out of what follows: {', '.join(blank)}.")
    if (state := quote.ladder[0].state) in ACTS:
        lines.append(f"At this LTV the lender {ACTS[state]} at once.")
    if quote.outside:
        lines.append(f"Not on offer: {', '.join(_outside(quote, field) for field in quote.outside)}.")
    return lines


def _term(terms: LoanTerms) -> str:
    if terms.term_months is None:
        return "term not known"
    if terms.payment_days is not None:
        return f"{count(terms.term_months, 'payment')} {terms.payment_days:g} days apart"
    return count(terms.term_months, "month")


def _repays(terms: LoanTerms) -> str:
    if terms.repayment == "amortising":
        return REPAYMENT["amortising"]
    if terms.interest == "at_maturity":
        return "principal and interest at maturity"
    return f"{INTEREST['monthly']}, {REPAYMENT['bullet']}"


def _outside(quote: LoanQuote, field: str) -> str:
    at = getattr(quote.terms, field)
    return f"{OUTSIDE[field]} ({share(at, 1) if field == 'max_ltv' else usd(at)})"


def _cost(quote: LoanQuote) -> Lines:
    if not quote.payments:
        return []
    table = grid("", "", "", left=1)
    table.show_header = False
    table.columns[2].justify = "left"
    if math.isfinite(quote.received_usd):
        fee = f"after a fee of {price(quote.fee_usd)}" if quote.fee_usd else ""
        add(table, "you receive", price(quote.received_usd), fee)
    add(table, "you pay back", price(quote.paid_usd), "")
    what = "interest" + (" and fee" if quote.fee_usd else "")
    add(table, what, price(quote.cost_usd), f"{btc(quote.cost_btc)} BTC at {price(quote.debt.btc_price_usd)}")
    if math.isfinite(quote.effective_apr):
        add(table, "APR, fee in", share(quote.effective_apr, 2), "as lenders state it")
        add(table, "cost a year", share(quote.effective_rate_pa, 2), "compounded: compare loans by this")
    return [table]


def _payments(quote: LoanQuote) -> Lines:
    if not quote.payments:
        return []
    step = "Month" if quote.terms.payment_days is None else "Payment"
    table = grid(step, "interest", "principal", "payment", "owed after", left=1)
    groups = _alike(quote.payments)
    summed = len(groups) > MOST_PERIODS
    for group in _spans(quote.payments) if summed else groups:
        first, last = group[0], group[-1]
        when = f"{first.number}" if first is last else f"{first.number}-{last.number}"
        shown = group if summed else [first]
        each = "" if first is last or summed else " each"
        add(
            table,
            when + each,
            price(sum(p.interest_usd for p in shown)),
            price(sum(p.principal_usd for p in shown)),
            price(sum(p.paid_usd for p in shown)),
            price(last.owed_usd),
        )
    if math.isfinite(quote.instalment_usd) and summed:
        return [f"{price(quote.instalment_usd)} each time; a row sums {len(_spans(quote.payments)[0])}.", table]
    return [table]


def _alike(payments: Sequence[Payment]) -> list[list[Payment]]:
    """Payments of the same dollars after another, put together."""
    groups = groupby(payments, key=lambda p: (round(p.interest_usd), round(p.principal_usd)))
    return [list(group) for _, group in groups]


def _spans(payments: Sequence[Payment]) -> list[list[Payment]]:
    """Payments put together into at most `MOST_PERIODS` rows of as many each."""
    length = next(n for n in PERIOD_MONTHS if len(payments) <= n * MOST_PERIODS)
    return [list(payments[k : k + length]) for k in range(0, len(payments), length)]


def _falls(quote: LoanQuote) -> Lines:
    table = grid("Price", "fall", "LTV", "then", "add BTC", "or repay", "else sells", "lost", "left", left=0)
    table.columns[3].justify = "left"
    for k, rung in enumerate(quote.ladder):
        fall = "today" if k == 0 else _fall(rung.fall_share)
        style = "bold" if rung.state and _is_line(quote, rung) else ""
        add(table, price(rung.price_usd), fall, share(rung.ltv, 1), rung.state, *_act(rung), style=style)
    lines: Lines = [table]
    if any(rung.state in ("call", "liquidation") for rung in quote.ladder):
        lines.append(_legend(quote))
    lines += _moved(quote)
    return lines


def _is_line(quote: LoanQuote, rung: Rung) -> bool:
    return any(line.price_usd == rung.price_usd for line in quote.lines)


def _act(rung: Rung) -> list[str]:
    if math.isnan(rung.sold_btc):
        return [""] * 5
    return [btc(rung.add_btc), usd(rung.repay_usd), btc(rung.sold_btc), btc(rung.lost_btc), btc(rung.left_btc)]


def _legend(quote: LoanQuote) -> str:
    terms = quote.terms.filled
    text = []
    if terms.cure_target_ltv is not None:
        hours = f" within {terms.cure_hours:g} hours" if terms.cure_hours else ""
        text.append(f"Add or repay{hours} to be back at {share(terms.cure_target_ltv, 1)}.")
    target = terms.liquidation_target_ltv
    until = f"down to {share(target, 1)}" if target is not None else "until it is repaid"
    text.append(f"A call that is not cured, and liquidation at once: the lender sells BTC {until};")
    cost = terms.liquidation_cost_share
    text.append(f"lost: its {share(cost, 2)} of that;" if cost else "no fee is counted;")
    text.append("left: what is then there.")
    if short := [rung for rung in quote.ladder if rung.short_usd > 0]:
        text.append(f"At {price(short[0].price_usd)} all of it leaves {usd(short[0].short_usd)} of the debt uncovered.")
    return " ".join(text)


def _moved(quote: LoanQuote) -> Lines:
    """How far interest that runs moves the lines up, where it does."""
    moved = [line for line in quote.lines if line.highest_price_usd > line.price_usd * 1.0005]
    if not moved:
        return []
    lines = [f"{line.name} at {price(line.highest_price_usd)} ({_fall(line.highest_fall_share)})" for line in moved]
    step = "month" if quote.terms.payment_days is None else "payment"
    return [f"As interest runs the lines move up, by {step} {moved[0].highest_at_payment} to: {', '.join(lines)}."]


def _fall(amount: float) -> str:
    """A fall as a change of price: -29%; +6% for a price above today's."""
    return f"{'+' if amount <= -0.005 else ''}{share(-amount)}"


def _side_by_side(quotes: Sequence[LoanQuote], ask: LoanAsk, wide: bool) -> Lines:
    if not quotes:
        return ["No loan of the catalogue says enough to be quoted: give --ltv."]
    wants = "borrow" if ask.amount_usd is None else "pledge"
    # A narrow terminal does without year and fee, so that no name is folded.
    headings = ["Loan", *(["as of"] if wide else []), "LTV", "APR", *(["fee"] if wide else []), "mo."]
    table = grid(*headings, "a year", "cost", wants, "call at", "sold at")
    told = [quote for quote in quotes if quote.payments or quote.lines]
    for quote in told:
        terms = quote.terms.filled
        add(
            table,
            terms.name,
            *([(terms.as_of or NONE)[:4]] if wide else []),
            share(quote.ltv) + ("!" if quote.outside else ""),
            share(terms.apr, 2) if terms.apr is not None else NONE,
            *([_fee(quote.terms)] if wide else []),
            str(terms.term_months) if terms.term_months else NONE,
            share(quote.effective_rate_pa, 1) + _star(quote),
            usd(quote.cost_usd),
            usd(quote.amount_usd) if ask.amount_usd is None else btc(quote.debt.pledge_btc),
            *(_fall_to(quote, name) for name in ("call", "liquidation")),
        )
    legend = (
        "A year: interest and fee, compounded. Call at, sold at: the fall of price from today's at which the lender "
        "calls and sells. Many of these terms were one borrower's: the catalogue says whose."
    )
    lines: Lines = [table, legend]
    if any(_star(quote) for quote in told):
        lines.append("* Fee, or when it is paid, not stated: taken as none, and monthly.")
    if any(quote.outside for quote in told):
        lines.append("! Not on offer so: a higher LTV or more than the lender lends, or less than its least loan.")
    if untold := [quote.terms.name for quote in quotes if not (quote.payments or quote.lines)]:
        lines.append(f"Too little is published for a cost or a line: {', '.join(untold)}.")
    return lines


def _fee(terms: LoanTerms) -> str:
    return NONE if terms.origination_fee_share is None else share(terms.origination_fee_share, 1)


def _star(quote: LoanQuote) -> str:
    """A mark where what a year costs hangs on terms that are not stated."""
    known = math.isfinite(quote.effective_rate_pa)
    return "*" if known and set(quote.terms.taken) - {"liquidation_fee_share"} else ""


def _fall_to(quote: LoanQuote, name: str) -> str:
    line = quote.line(name)
    if line is None:
        return NONE
    return _fall(line.fall_share) if line.fall_share > 0 else "at once"
