"""What a loan pays and when, and what that costs a year."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

from optimizer.ledger.lending import level_payment, level_remaining_share, simple_interest
from optimizer.quote.loan_terms import LoanTerms


@dataclass(frozen=True)
class Payment:
    """The payment at the end of period ``number`` (from 1), in USD.

    ``owed_usd``: principal and accrued interest after it. ``counted_usd``: what the LTV counts just before it.
    """

    number: int
    interest_usd: float
    principal_usd: float
    owed_usd: float
    counted_usd: float

    @property
    def paid_usd(self) -> float:
        """Interest and principal."""
        return self.interest_usd + self.principal_usd


def interest_of_periods(terms: LoanTerms, principal_usd: float, periods: int) -> float:
    """USD of simple interest on a principal that stays for so many periods."""
    days, year = (1.0, 12.0) if terms.payment_days is None else (terms.payment_days, 365.0)
    return float(simple_interest(principal_usd, terms.apr or 0.0, days * periods, year))


def counted_per_usd(terms: LoanTerms) -> float:
    """What the LTV counts per USD of principal when a loan is drawn: the whole term's interest too, or not.

    NaN where it counts an interest that is not known.
    """
    if terms.ltv_counts == "accrued":
        return 1.0
    if terms.apr is None or terms.term_months is None:
        return float("nan")
    return 1 + interest_of_periods(terms, 1.0, terms.term_months)


def payments_of(terms: LoanTerms, amount_usd: float, accrued_usd: float = 0.0) -> tuple[Payment, ...]:
    """Every payment of a loan; none where rate or term is not known.

    ``accrued_usd`` has run before: it is due with the first interest. What principal is repaid adds up to the loan.
    """
    terms = terms.filled
    if terms.apr is None or terms.term_months is None:
        return ()
    count, month, full = terms.term_months, terms.apr * terms.period_years, terms.ltv_counts == "full_term"
    shares = [0.0 if k == count else 1.0 for k in range(count + 1)]
    if terms.repayment == "amortising":
        shares = [float(level_remaining_share(k, month, count)) for k in range(count + 1)]
    out, late = [], terms.interest == "at_maturity"
    for k in range(1, count + 1):
        before, after = amount_usd * shares[k - 1], amount_usd * shares[k]
        old = accrued_usd if late or k == 1 else 0.0
        run = interest_of_periods(terms, before, k if late else 1) + old
        interest = run if not late or k == count else 0.0
        counted = before * counted_per_usd(terms) + old if full else before + run
        out.append(Payment(k, interest, before - after, after + run - interest, counted))
    return tuple(out)


def instalment_usd(terms: LoanTerms, amount_usd: float) -> float:
    """The level payment of an amortising loan, each period; NaN for another, or where it is not known."""
    if terms.repayment != "amortising" or terms.apr is None or terms.term_months is None:
        return float("nan")
    return float(level_payment(amount_usd, terms.apr * terms.period_years, terms.term_months))


def rate_per_period(received_usd: float, payments: Sequence[Payment]) -> float:
    """The rate a period at which the payments are worth what is received: sum of paid_k / (1 + r)^k = received.

    Unique, since every payment is a payment; between 0 and what is paid in all over what is received, less 1.
    """
    paid, number = (np.array([getattr(p, name) for p in payments]) for name in ("paid_usd", "number"))
    highest = float(paid.sum()) / received_usd - 1
    if highest <= 0:
        return 0.0

    def worth(rate: float) -> float:
        with np.errstate(over="ignore"):  # what is divided by more than a number can hold is nothing
            return float((paid / (1 + rate) ** number).sum()) - received_usd

    return float(brentq(worth, 0.0, highest, xtol=1e-15, maxiter=1000)) if worth(highest) < 0 < worth(0.0) else highest


def effective_apr(terms: LoanTerms, received_usd: float, payments: Sequence[Payment]) -> float:
    """The APR of a loan without a fee that pays out ``received_usd`` and takes the same payments, as lenders state it:
    the rate a period times the periods of a year; simple over the whole term where interest is due at maturity.

    Without a fee it is the loan's own APR.
    """
    if terms.filled.interest == "at_maturity":
        paid = sum(payment.paid_usd for payment in payments)
        return (paid / received_usd - 1) / (terms.period_years * len(payments))
    return rate_per_period(received_usd, payments) / terms.period_years


def effective_rate_pa(terms: LoanTerms, received_usd: float, payments: Sequence[Payment]) -> float:
    """What the loan costs a year with interest on interest, (1 + rate a period)^(periods a year) - 1: the rate by which
    loans that pay at different times compare. Infinite where that is more than a number can hold."""
    with np.errstate(over="ignore"):
        return float(np.expm1(np.log1p(rate_per_period(received_usd, payments)) / terms.period_years))
