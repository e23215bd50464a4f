"""Quotes as documents of plain data, for ``--json``. Every key is in `docs/reference/quote-json.md`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import Any, cast

from optimizer import __version__
from optimizer.quote.hashprice import HashpriceQuote, NetworkAsk
from optimizer.quote.loan import LoanQuote
from optimizer.quote.loan_terms import LoanAsk, LoanTerms
from optimizer.quote.machine import MachineAsk, MachineQuote
from optimizer.report.plain import Document, plain


def loan_document(quotes: Sequence[LoanQuote], ask: LoanAsk) -> Document:
    """One loan, or loans side by side."""
    return _document("loan", ask=ask.model_dump(), loans=[_loan(quote) for quote in quotes])


def machine_document(quotes: Sequence[MachineQuote], ask: MachineAsk, loan: LoanTerms | None) -> Document:
    """One machine, or machines side by side; ``loan`` finances them."""
    financing = None
    if loan is not None:
        known = ("name", "apr", "term_months", "origination_fee_share", "interest", "repayment")
        financing = {field: getattr(loan.filled, field) for field in known}
    return _document("machine", ask=ask.model_dump(), financing=financing, machines=[_machine(q) for q in quotes])


def hashprice_document(quote: HashpriceQuote, ask: NetworkAsk) -> Document:
    """What 1 PH/s earns in a day."""
    return _document("hashprice", ask=ask.model_dump(), hashprice=asdict(quote))


def _document(kind: str, **content: Any) -> Document:
    document = {"schema": f"hashlever/quote-{kind}/1", "version": __version__, **content}
    return cast(Document, plain(document))


def _loan(quote: LoanQuote) -> dict[str, Any]:
    debt = asdict(quote.debt)
    del debt["btc_price_usd"]  # stands under ask
    figures = _shallow(quote, leave_out=("terms", "debt", "payments", "lines", "ladder"))
    return {
        "terms": quote.terms.model_dump(),
        "taken": quote.terms.taken,
        "outside": quote.outside,
        **figures,
        **debt,
        "ltv": quote.ltv,
        "paid_usd": quote.paid_usd,
        "payments": [{**asdict(payment), "paid_usd": payment.paid_usd} for payment in quote.payments],
        "lines": [asdict(line) for line in quote.lines],
        "ladder": [asdict(rung) for rung in quote.ladder],
    }


def _machine(quote: MachineQuote) -> dict[str, Any]:
    real = {**asdict(quote.real), "payback_extension_months": quote.real.payback_extension_months}
    return {
        "machine": {**quote.machine.model_dump(), "j_per_th": quote.machine.j_per_th},
        **_shallow(quote, leave_out=("machine", "real", "life")),
        "breakeven_usd_per_ph_day": quote.breakeven_usd_per_ph_day,
        "payback_extension_months": quote.payback_extension_months,
        "at_todays_margin": real,
        "life": asdict(quote.life) if quote.life is not None else None,
    }


def _shallow(quote: LoanQuote | MachineQuote, leave_out: tuple[str, ...]) -> dict[str, Any]:
    return {field.name: getattr(quote, field.name) for field in fields(quote) if field.name not in leave_out}
