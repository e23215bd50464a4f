"""Rows that others imply: what a lender tests can be out of reach of the prices of a branch."""

from __future__ import annotations

from optimizer.formulation.calls import ltv_at_close, ltv_at_low, ltv_cap_at_close, ltv_cap_at_low
from optimizer.formulation.debt_data import Debt
from optimizer.formulation.facilities import least_pledge
from optimizer.formulation.model import Formulation

# (family, index) of a row.
RowKey = tuple[str, tuple[int, int]]


def implied_rows(f: Formulation) -> frozenset[RowKey]:
    """Rows of `ltv_at_close` and `ltv_at_low` that no plan which meets the others can break.

    `top_up_stays` keeps C >= sum_t pledge[t] D[t] where nothing is released, and `release_leaves_enough` keeps
    C >= sum_t least[t] D[t] where something may be. So where w[t] <= cap P least[t] for every draw t, the LTV is within
    its cap whatever is drawn, repaid or topped up: the price has not fallen far enough from where it was drawn. Neither
    of those families is ever loosened, so a diagnosis finds the same without the rows that they imply.

    Where a lender may sell collateral nothing is implied: it takes what the draws hold.
    """
    if f.data.scenario.requirements.liquidation_probability > 0:
        return frozenset()
    found: set[RowKey] = set()
    for debt in f.data.debts:
        at_close, at_low = ltv_cap_at_close(f, debt.index), ltv_cap_at_low(f, debt.index)
        for n in f.data.nodes:
            if _carried(f, n, debt, at_close * float(f.data.price[n])):
                found.add((ltv_at_close.__name__, (n, debt.index)))
            if n > 0 and _carried(f, f.data.parent(n), debt, at_low * float(f.data.low[n])):
                found.add((ltv_at_low.__name__, (n, debt.index)))
    return frozenset(found)


def _carried(f: Formulation, n: int, debt: Debt, cap_per_btc: float) -> bool:
    """Whether what the draws hold after n carries their debt at ``cap_per_btc``, money of debt for each BTC."""
    if f.ltv_debt(n, debt).constant > 0:
        return False  # Interest from before today holds no pledge.
    month = f.data.month(n)
    return all(t.ltv_weight(month) <= cap_per_btc * least_pledge(f, n, t) for t in f.tranches(n, debt))
