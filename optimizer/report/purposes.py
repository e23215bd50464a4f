"""What borrowed money is for: to meet what is due (defensive), for machines, or to hold more BTC (conviction)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from optimizer.market.tree import Floats

if TYPE_CHECKING:
    from optimizer.planning import Plan


@dataclass(frozen=True)
class Purposes:
    """Expected USD over the horizon. borrowed: drawn from lenders and brought by other sources, fees deducted. It is
    taken to pay, at the node where it comes in and in this order, for debts repaid, machines, bills (power, overhead,
    promises, interest) and BTC bought; what is left stays in cash."""

    borrowed_usd: float
    debts_usd: float
    machines_usd: float
    bills_usd: float
    btc_usd: float
    cash_usd: float


def purposes_of(plan: Plan) -> Purposes:
    """What the plan borrows for, weighted by probability."""
    books, chance = plan.books, plan.tree.probability
    debt = books.debt
    borrowed = (debt.drawn_usd - debt.origination_fee_usd).sum(axis=1) + np.maximum(books.sources.cash_usd, 0.0)
    left = borrowed.copy()

    def paid_from_it(due_usd: Floats) -> float:
        nonlocal left
        paid = np.minimum(left, np.maximum(due_usd, 0.0))
        left = left - paid
        return float(chance @ paid)

    repaid = (debt.repaid_usd + debt.accrued_paid_usd + debt.early_fee_usd).sum(axis=1)
    bills = books.power_usd + books.overhead_usd + books.liabilities_usd + debt.interest_usd.sum(axis=1)
    return Purposes(
        borrowed_usd=float(chance @ borrowed),
        debts_usd=paid_from_it(repaid),
        machines_usd=paid_from_it(books.fleet.capex_usd),
        bills_usd=paid_from_it(bills),
        btc_usd=paid_from_it(books.bought_btc * plan.tree.price_usd),
        cash_usd=float(chance @ left),
    )
