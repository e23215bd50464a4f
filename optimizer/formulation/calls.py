"""Margin calls: what lenders test, at the month's low and at its close."""

from __future__ import annotations

from optimizer.formulation.debt_data import debt_bound
from optimizer.formulation.facilities import topped_up
from optimizer.formulation.linear import Row, at_least, at_most
from optimizer.formulation.model import Formulation
from optimizer.formulation.sources import sources_top_ups


def add_calls(f: Formulation) -> None:
    """Rows that keep every facility clear of its lender's margin call."""
    data = f.data
    f.rows(ltv_at_close, [(n, d.index) for n in data.nodes for d in data.debts if f.tranches(n, d)])
    tested = [(n, d.index) for n in data.nodes if n > 0 for d in data.debts if f.tranches(data.parent(n), d)]
    f.rows(ltv_at_low, tested)
    topped_up = {n for n in data.nodes if n > 0 and not sources_top_ups(f, n).is_empty()}
    f.rows(top_up_from_free, sorted({n for n, _ in tested} | topped_up))


def ltv_cap_at_low(f: Formulation, i: int) -> float:
    """The LTV that the month's low may reach after top-ups, by the scenario's call policy."""
    terms, calls = f.data.debts[i].terms, f.data.scenario.requirements.calls
    reached = terms.call_ltv if calls.policy == "top_up_ahead" else terms.cure_target_ltv
    return reached - calls.buffer_ltv


def ltv_cap_at_close(f: Formulation, i: int) -> float:
    """The LTV that a close may show: the call's, or the board's own if that is lower."""
    call_ltv, board = f.data.debts[i].terms.call_ltv, f.data.scenario.requirements.max_ltv
    return call_ltv if board is None else min(call_ltv, board)


def ltv_at_close(f: Formulation, n: int, i: int) -> Row:
    """At the month's close:  D[n] <= min(callLTV, the board's maximum LTV) * P[n] * C[n]."""
    debt = f.data.debts[i]
    return at_most(f.ltv_debt(n, debt).plus(f.pledged(n, debt), -ltv_cap_at_close(f, i) * float(f.data.price[n])))


def ltv_at_low(f: Formulation, n: int, i: int) -> Row:
    """At the month's low, with last month's debt and collateral and what is topped up:
    D[p] <= (callLTV - buffer) * low[n] * (C[p] + U[n] - U[p])  (+ B y[n] where a liquidation is allowed)."""
    debt, parent = f.data.debts[i], f.data.parent(n)
    collateral = f.pledged(parent, debt).plus(topped_up(f, n, debt))
    row = f.ltv_debt(parent, debt).plus(collateral, -ltv_cap_at_low(f, i) * float(f.data.low[n]))
    if f.can_be_liquidated(n, debt):
        row.add(-debt_bound(debt), f.pyomo.liquidated[n, debt.name])
    return at_most(row)


def top_up_from_free(f: Formulation, n: int) -> Row:
    """Top-ups come from BTC that was free when the month began:  sum_i (U[n,i] - U[p,i]) + those to sources
    <= B[p] - sum_i C[p,i]."""
    row = f.free_btc(f.data.parent(n)).plus(sources_top_ups(f, n), -1.0)
    for debt in f.data.debts:
        if f.is_open(f.data.parent(n), debt):
            row.plus(topped_up(f, n, debt), -1.0)
    return at_least(row)
