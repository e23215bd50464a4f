"""Lenders that may fail: what of the BTC pledged with them is to be expected lost, month by month.

No variable and no rows of its own: a term of `btc_balance`.
"""

from __future__ import annotations

from optimizer.formulation.debt_data import Debt
from optimizer.formulation.linear import Terms
from optimizer.formulation.model import Formulation


def expected_losses(f: Formulation, n: int) -> Terms:
    """BTC to be expected lost with failing lenders in the month that ends at n: chance times what does not come back of
    the pledge beyond the debt as the month began,  sum_i h[n,i] (1 - recovery[i]) (C[p,i] - owed[p,i] / P[p]).

    At the close before no debt is above its pledge, by `ltv_at_close`: the loss is never a gain.
    """
    lost = Terms()
    if n == 0:
        return lost
    p = f.data.parent(n)
    for debt in f.data.debts:
        share = hazard(f, n, debt) * (1 - debt.terms.failure_recovery_share)
        if share > 0 and debt.terms.rehypothecation is not False and f.is_open(p, debt):
            lost.plus(f.pledged(p, debt), share).plus(f.owed(p, debt), -share / float(f.data.price[p]))
    return lost


def hazard(f: Formulation, n: int, debt: Debt) -> float:
    """Chance that the lender fails in the month that ends at n:  min(1, failure_pa / 12 * (P[n] / P[0]) ^ -beta)."""
    terms = debt.terms
    ratio = float(f.data.price[n] / f.data.price[0])
    return min(1.0, terms.failure_pa / 12 * float(ratio**-terms.failure_price_beta))
