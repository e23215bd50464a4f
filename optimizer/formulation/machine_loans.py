"""What several rows of machine-backed loans need to know: when they can be drawn, on what, and how they run off."""

from __future__ import annotations

import math

from optimizer.formulation.fleet_data import Pair
from optimizer.formulation.model import Formulation
from optimizer.formulation.source import may_use, of_kind
from optimizer.scenario.sources import MachineLoan


def machine_loans(f: Formulation) -> list[MachineLoan]:
    """All machine-backed loans of the scenario."""
    return of_kind(f, MachineLoan)


def may_draw(f: Formulation, loan: MachineLoan, n: int) -> bool:
    """Whether the loan can be drawn at node n: in its window, with machines on offer that it finances."""
    return may_use(f, loan, n) and bool(on_offer(f, loan, n))


def on_offer(f: Formulation, loan: MachineLoan, n: int) -> list[Pair]:
    """Pairs that the lender finances and that can be ordered at node n."""
    return [pair for pair in f.data.pairs if loan.takes(pair.model) and f.may_order(n, pair)]


def live_draws(f: Formulation, n: int, loan: MachineLoan) -> list[int]:
    """The nodes on the way to n whose draws are not yet due in full after it."""
    month = f.data.month(n)
    return [d for d in f.data.deciders[n] if may_draw(f, loan, d) and month < f.data.month(d) + loan.term_months]


def remaining_share(loan: MachineLoan, payments: int) -> float:
    """Share of a draw that is owed after so many level payments: 1 - ((1 + r)^k - 1) / ((1 + r)^N - 1)."""
    if payments >= loan.term_months:
        return 0.0
    growth = math.log1p(loan.apr / 12)
    if growth == 0:
        return 1 - payments / loan.term_months
    return 1 - math.expm1(growth * payments) / math.expm1(growth * loan.term_months)
