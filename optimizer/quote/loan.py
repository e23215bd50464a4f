"""A loan against BTC in figures: what it pays, what it costs a year, and what a fall of price does to it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import isnan

from optimizer.errors import Problem, QuoteError
from optimizer.ledger.lending import collateral_at_ltv, loan_at_ltv
from optimizer.quote.asked import option, problem
from optimizer.quote.collateral import NOT_KNOWN, Debt, Line, Rung, lines_of, rung
from optimizer.quote.loan_terms import LoanAsk, LoanTerms, contradictions
from optimizer.quote.schedule import (
    Payment,
    counted_per_usd,
    effective_apr,
    effective_rate_pa,
    instalment_usd,
    payments_of,
)

# What is so little above a limit is at it.
ROUNDING = 1 + 1e-9
FALLS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)


@dataclass(frozen=True)
class LoanQuote:
    """A loan in figures; NaN where terms that it takes are not known, `terms.taken` what blanks were taken for.

    ``received_usd``: paid out, the fee kept back; NaN for a loan under way. ``interest_usd``: of all payments;
    ``cost_usd``: with the fee, ``cost_btc`` at today's price. ``effective_apr``, ``effective_rate_pa``: see `schedule`.
    ``lines``: where the lender acts. ``ladder``: what happens at each price, today's first and then falling.
    """

    terms: LoanTerms
    debt: Debt
    amount_usd: float
    accrued_usd: float
    fee_usd: float
    received_usd: float
    payments: tuple[Payment, ...]
    instalment_usd: float
    interest_usd: float
    cost_usd: float
    cost_btc: float
    effective_apr: float
    effective_rate_pa: float
    lines: tuple[Line, ...]
    ladder: tuple[Rung, ...]

    @property
    def ltv(self) -> float:
        """The LTV today, as the lender counts it."""
        return self.debt.ltv

    @property
    def paid_usd(self) -> float:
        """Everything that is paid back; NaN where payments are not known."""
        return sum(payment.paid_usd for payment in self.payments) if self.payments else NOT_KNOWN

    @property
    def outside(self) -> tuple[str, ...]:
        """Terms of the offer that this loan does not keep to: ``max_ltv``, ``limit_usd``, ``min_draw_usd``."""
        terms = self.terms
        kept = {
            "max_ltv": terms.max_ltv is None or self.ltv <= terms.max_ltv * ROUNDING,
            "limit_usd": terms.limit_usd is None or self.amount_usd <= terms.limit_usd * ROUNDING,
            "min_draw_usd": terms.min_draw_usd is None or self.amount_usd * ROUNDING >= terms.min_draw_usd,
        }
        return tuple(name for name, keeps in kept.items() if not keeps)

    def line(self, name: str) -> Line | None:
        """The line of this name, if the terms know it."""
        return next((line for line in self.lines if line.name == name), None)

    def at_line(self, name: str) -> Rung | None:
        """What happens where price touches the line of this name."""
        line = self.line(name)
        return None if line is None else rung(self.terms.filled, self.debt, line.price_usd)


def quote_loan(offers: LoanTerms | Sequence[LoanTerms], ask: LoanAsk) -> LoanQuote:
    """Quote a loan on ``offers``: one lender's terms, or those of its tiers, lowest LTV first, of which the lowest that
    lends so much is taken.

    Raises `QuoteError` with everything that is missing or contradicts itself.
    """
    offers = (offers,) if isinstance(offers, LoanTerms) else tuple(offers)
    if amiss := list(loan_problems(offers, ask)):
        raise QuoteError(amiss)
    for terms in offers:
        debt, amount = _debt(terms, ask)
        # Where the LTV is left to the lender it is the highest.
        if terms is offers[-1] or (not _is_left(ask) and debt.ltv <= (terms.max_ltv or 0.0) * ROUNDING):
            break
    if amount <= 0:
        message = "is as much as may be owed against the pledge at this LTV, or more"
        raise QuoteError([problem("accrued_usd", message, f"{ask.accrued_usd:g}", "raise --pledge-btc or --ltv")])
    return _quote(terms, debt, amount, ask)


def quotes_side_by_side(offers: Iterable[Sequence[LoanTerms]], ask: LoanAsk) -> list[LoanQuote]:
    """A quote for each lender, cheapest a year first, those whose payments are not known last; for each of its tiers
    where the LTV is left to the lender. Left out are lenders whose terms do not say enough for any figure.

    Raises `QuoteError` if what is asked contradicts itself or the terms do.
    """
    if amiss := list(asked_amiss(ask)):
        raise QuoteError(amiss)
    choices = [
        choice
        for tiers in offers
        for choice in ([(terms,) for terms in tiers] if _is_left(ask) else [tuple(tiers)])
        if not list(_missing(choice[-1], ask))
    ]
    quotes = [quote_loan(choice, ask) for choice in choices]
    return sorted(quotes, key=lambda quote: (isnan(quote.effective_rate_pa), quote.effective_rate_pa))


def loan_problems(offers: Sequence[LoanTerms], ask: LoanAsk) -> Iterator[Problem]:
    """What is missing for a quote of one lender's tiers, or contradicts itself."""
    yield from asked_amiss(ask)
    yield from _missing(offers[-1], ask)
    # What all tiers share is said once.
    yield from dict.fromkeys(found for terms in offers for found in contradictions(terms))


def _is_left(ask: LoanAsk) -> bool:
    """Whether the LTV is left to the lender."""
    return ask.ltv is None and (ask.amount_usd is None or ask.pledge_btc is None)


def asked_amiss(ask: LoanAsk) -> Iterator[Problem]:
    """What is missing from what is asked, or said twice, whatever the lender."""
    if ask.amount_usd is None and ask.pledge_btc is None:
        yield problem("amount_usd", "is required", mend="add --amount-usd or --pledge-btc: what to borrow or to pledge")
    elif ask.amount_usd is not None and ask.pledge_btc is not None and ask.ltv is not None:
        message = "amount and pledge make the LTV: it cannot be given beside both"
        yield problem("ltv", message, f"{ask.ltv:g}", "leave out one of --amount-usd, --pledge-btc and --ltv")


def _missing(terms: LoanTerms, ask: LoanAsk) -> Iterator[Problem]:
    """What the terms would have to say for any figure at all."""
    if terms.max_ltv is None and ask.ltv is None and (ask.amount_usd is None) != (ask.pledge_btc is None):
        mend = "add --ltv, such as 0.5, or both --amount-usd and --pledge-btc"
        yield problem("ltv", "is required: the terms do not say how much is lent", mend=mend)
    for field, example in (("apr", "0.1"), ("term_months", "12")):
        if terms.ltv_counts == "full_term" and getattr(terms, field) is None:
            message = "is required: the LTV counts the interest of the full term"
            yield problem(field, message, mend=f"add it, as in {option(field)} {example}")


def _debt(terms: LoanTerms, ask: LoanAsk) -> tuple[Debt, float]:
    """The debt that is asked for on these terms, and its principal in USD."""
    price, per_usd = ask.btc_price_usd, counted_per_usd(terms)
    at_ltv = ask.ltv or terms.max_ltv or NOT_KNOWN
    amount, pledge = ask.amount_usd, ask.pledge_btc
    if amount is None:
        assert pledge is not None
        amount = (float(loan_at_ltv(pledge * price, at_ltv)) - ask.accrued_usd) / per_usd
    counted = amount * per_usd + ask.accrued_usd
    if pledge is None:
        pledge = float(collateral_at_ltv(counted, at_ltv)) / price
    return Debt(amount + ask.accrued_usd, counted, pledge, price), amount


def _quote(terms: LoanTerms, debt: Debt, amount_usd: float, ask: LoanAsk) -> LoanQuote:
    filled, under_way = terms.filled, ask.accrued_usd > 0
    fee = 0.0 if under_way else amount_usd * (filled.origination_fee_share or 0.0)
    received = NOT_KNOWN if under_way else amount_usd - fee
    payments = payments_of(filled, amount_usd, ask.accrued_usd)
    interest = sum(payment.interest_usd for payment in payments) if payments else NOT_KNOWN
    cost = interest + fee
    rated = bool(payments) and not under_way
    top = max(payments, key=lambda payment: payment.counted_usd, default=None)
    counted, number = (top.counted_usd, top.number) if top else (debt.counted_usd, 0)
    lines = lines_of(filled, debt, counted, number)
    return LoanQuote(
        terms=terms,
        debt=debt,
        amount_usd=amount_usd,
        accrued_usd=ask.accrued_usd,
        fee_usd=fee,
        received_usd=received,
        payments=payments,
        instalment_usd=instalment_usd(filled, amount_usd),
        interest_usd=interest,
        cost_usd=cost,
        cost_btc=cost / ask.btc_price_usd,
        effective_apr=effective_apr(filled, received, payments) if rated else NOT_KNOWN,
        effective_rate_pa=effective_rate_pa(filled, received, payments) if rated else NOT_KNOWN,
        lines=lines,
        ladder=_ladder(filled, debt, lines, ask),
    )


def _ladder(terms: LoanTerms, debt: Debt, lines: Sequence[Line], ask: LoanAsk) -> tuple[Rung, ...]:
    """Today, then the lines and the usual falls (or the prices asked for), highest price first."""
    now = rung(terms, debt, debt.btc_price_usd)
    prices = list(ask.at_price_usd) or [debt.btc_price_usd * (1 - fall) for fall in FALLS]
    prices += [line.price_usd for line in lines if line.price_usd < debt.btc_price_usd]
    return (now, *(rung(terms, debt, price) for price in sorted(set(prices), reverse=True)))
