"""A pledge that floats with what is owed: at each close what the lender's LTV asks for, topped up at the month's low.

What lines and loans repaid by hashrate share. C[n] is the pledge after n, t[n] what is sent at its low.
"""

from __future__ import annotations

from optimizer.formulation.linear import Row, Terms, at_least, at_most
from optimizer.formulation.model import Formulation
from optimizer.scenario.sources import CreditLine, HashrateLoan


def within_board(f: Formulation, max_ltv: float) -> float:
    """A lender's highest LTV, or the board's own if that is lower."""
    board = f.data.scenario.requirements.max_ltv
    return max_ltv if board is None else min(max_ltv, board)


def at_low(f: Formulation, n: int, terms: CreditLine | HashrateLoan, owed: Terms, there: Terms) -> Row:
    """D[p] <= (callLTV - buffer) low[n] (C[p] + t[n]);  ``owed``: D[p], ``there``: C[p] + t[n]."""
    value = (terms.call_ltv - f.data.scenario.requirements.calls.buffer_ltv) * float(f.data.low[n])
    return at_most(Terms().plus(owed).plus(there, -value))


def stays(pledged: Terms, there: Terms) -> Row:
    """C[n] >= C[p] + t[n]."""
    return at_least(Terms().plus(pledged).plus(there, -1.0))
