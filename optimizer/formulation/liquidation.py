"""Liquidation, where the board allows it with a stated probability: seizure and fee as the contract has them.

Variables, for every facility and node with a probability: ``liquidated[n, facility]`` binary; ``seized_btc[n,
facility]`` sold by the lender at the month's low; ``met_usd[n, facility, tier, drawn]`` principal that the sale
meets; ``exhausted[n, facility]`` binary, all collateral is sold and does not do. Two binaries per facility and
node make this a model for small trees.
"""

from __future__ import annotations

from optimizer.formulation.debt_data import Debt, debt_bound
from optimizer.formulation.linear import Row, Terms, at_least, at_most, equal
from optimizer.formulation.model import Binary, Formulation


def add_liquidation_variables(f: Formulation) -> None:
    """Variables, where `Formulation.can_be_liquidated`; none when liquidation is forbidden."""
    spots = _spots(f)
    f.variables("liquidated", [(n, f.data.debts[i].name) for n, i in spots], Binary)
    f.variables("exhausted", [(n, f.data.debts[i].name) for n, i in spots], Binary)
    f.variables("seized_btc", [(n, f.data.debts[i].name) for n, i in spots])
    f.variables(
        "met_usd",
        [
            (n, f.data.debts[i].name, t.tier, t.drawn_node)
            for n, i in spots
            for t in f.tranches(f.data.parent(n), f.data.debts[i])
        ],
    )


def add_liquidation(f: Formulation) -> None:
    """Rows of liquidation; none when it is forbidden."""
    spots = _spots(f)
    if not spots:
        return
    f.rows(liquidation_only_if_called, spots)
    f.rows(liquidation_only_if_chosen, spots)
    f.rows(liquidation_sells_enough, spots)
    f.rows(liquidation_sells_no_more, spots)
    f.rows(liquidation_within_pledge, spots)
    f.rows(liquidation_exhausts, spots)
    f.rows(liquidation_proceeds, spots)
    f.rows(liquidation_within_debt, [(*s, *t) for s in spots for t in _owed_keys(f, *s)])
    f.rows(liquidation_probability, [0])


def _spots(f: Formulation) -> list[tuple[int, int]]:
    return [(n, d.index) for n in f.data.nodes for d in f.data.debts if f.can_be_liquidated(n, d)]


def _owed_keys(f: Formulation, n: int, i: int) -> list[tuple[int, int]]:
    return [(t.tier, t.drawn_node) for t in f.tranches(f.data.parent(n), f.data.debts[i])]


def liquidation_only_if_called(f: Formulation, n: int, i: int) -> Row:
    """The lender sells only where the LTV at the low has reached the call:
    callLTV * low * C[p] - D[p] <= B (1 - y[n])."""
    debt, p = f.data.debts[i], f.data.parent(n)
    value = debt.terms.call_ltv * float(f.data.low[n])
    bound = value * f.data.btc_bound
    row = Terms().plus(f.pledged(p, debt), value).plus(f.ltv_debt(p, debt), -1.0)
    return at_most(row.add(bound, f.pyomo.liquidated[n, debt.name]), bound)


def liquidation_only_if_chosen(f: Formulation, n: int, i: int) -> Row:
    """Nothing is seized without a liquidation:  q[n] <= B y[n]."""
    debt = f.data.debts[i]
    row = Terms().add(1.0, f.pyomo.seized_btc[n, debt.name])
    return at_most(row.add(-f.data.btc_bound, f.pyomo.liquidated[n, debt.name]))


def _sale_gap(f: Formulation, n: int, debt: Debt) -> Terms:
    """What the sale brings towards the contract's aim, less what the aim needs; 0 when the contract is followed.

    To a target LTV t:  q low (1 - fee - t) - (D[p] - t low C[p]).
    To be repaid whole:  q low (1 - fee) - D[p] (1 + accrued[p]).
    """
    p, low = f.data.parent(n), float(f.data.low[n])
    fee, target = debt.terms.liquidation_cost_share, debt.terms.liquidation_target_ltv
    q = f.pyomo.seized_btc[n, debt.name]
    if target is None:
        # Interest that had accrued before today on a loan that pays monthly is paid in cash with month 1's.
        month = f.data.month(p)
        return Terms().add(low * (1 - fee), q).plus(f.principal_of(p, debt, lambda t: 1 + t.accrued(month)), -1.0)
    row = Terms().add(low * (1 - fee - target), q)
    return row.plus(f.ltv_debt(p, debt), -1.0).plus(f.pledged(p, debt), target * low)


def liquidation_sells_enough(f: Formulation, n: int, i: int) -> Row:
    """In a liquidation the lender sells what its contract says, unless it has no more:
    gap[n] >= -B (1 - y[n]) - B e[n]."""
    debt = f.data.debts[i]
    bound = debt_bound(debt)
    row = _sale_gap(f, n, debt).add(-bound, f.pyomo.liquidated[n, debt.name])
    return at_least(row.add(bound, f.pyomo.exhausted[n, debt.name]), -bound)


def liquidation_sells_no_more(f: Formulation, n: int, i: int) -> Row:
    """... and no more:  gap[n] <= B (1 - y[n])."""
    debt = f.data.debts[i]
    bound = float(f.data.low[n]) * f.data.btc_bound + debt_bound(debt)
    return at_most(_sale_gap(f, n, debt).add(bound, f.pyomo.liquidated[n, debt.name]), bound)


def liquidation_within_pledge(f: Formulation, n: int, i: int) -> Row:
    """No more is sold than is pledged:  q[n] <= C[p]."""
    debt = f.data.debts[i]
    return at_most(Terms().add(1.0, f.pyomo.seized_btc[n, debt.name]).plus(f.pledged(f.data.parent(n), debt), -1.0))


def liquidation_exhausts(f: Formulation, n: int, i: int) -> Row:
    """Where the collateral does not do, all of it is sold:  q[n] >= C[p] - B (1 - e[n]); the company owes the rest."""
    debt = f.data.debts[i]
    row = Terms().add(1.0, f.pyomo.seized_btc[n, debt.name]).plus(f.pledged(f.data.parent(n), debt), -1.0)
    return at_least(row.add(-f.data.btc_bound, f.pyomo.exhausted[n, debt.name]), -f.data.btc_bound)


def liquidation_proceeds(f: Formulation, n: int, i: int) -> Row:
    """The sale after its fee meets principal and the interest accrued on it:
    sum_t met[n,t] (1 + accrued[p,t]) = q[n] low (1 - fee)."""
    debt, p = f.data.debts[i], f.data.parent(n)
    price_got = float(f.data.low[n]) * (1 - debt.terms.liquidation_cost_share)
    row = Terms().add(-price_got, f.pyomo.seized_btc[n, debt.name])
    for t in f.tranches(p, debt):
        met = f.pyomo.met_usd[n, debt.name, t.tier, t.drawn_node]
        row.add(1 + t.accrued(f.data.month(p)), met)
    return equal(row)


def liquidation_within_debt(f: Formulation, n: int, i: int, tier: int, drawn: int) -> Row:
    """No more principal is met than is gone:  D[n] + met[n] <= D[p]."""
    debt, p = f.data.debts[i], f.data.parent(n)
    coef, before = f.principal[p, (i, tier, drawn)]
    row = Terms().add(1.0, f.pyomo.met_usd[n, debt.name, tier, drawn]).add(-coef, before)
    if (n, (i, tier, drawn)) in f.principal:
        coef, now = f.principal[n, (i, tier, drawn)]
        row.add(coef, now)
    return at_most(row)


def liquidation_probability(f: Formulation, _: int) -> Row:
    """The expected number of liquidations stays within the board's probability:  sum_n p[n] y[n,i] <= allowed.

    The expected number is never less than the probability of at least one, so the board's limit holds.
    """
    row = Terms()
    for n, i in _spots(f):
        row.add(float(f.data.tree.probability[n]), f.pyomo.liquidated[n, f.data.debts[i].name])
    return at_most(row, f.data.scenario.requirements.liquidation_probability)
