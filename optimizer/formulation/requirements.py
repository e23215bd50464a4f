"""What the board and its lenders demand of the company as a whole. Each row holds at every node it names."""

from __future__ import annotations

from optimizer.formulation.debt_data import debt_bound
from optimizer.formulation.linear import Row, Terms, at_least, at_most
from optimizer.formulation.model import Binary, Formulation
from optimizer.formulation.sources import (
    holders,
    sources_interest,
    sources_owed,
    sources_service,
    tied_with,
)


def add_requirements(f: Formulation) -> None:
    """Rows of the requirements that the scenario states; those it does not state do not exist."""
    data, asked = f.data, f.data.scenario.requirements
    nodes = list(data.nodes)
    if asked.max_debt_usd is not None and (data.debts or f.kinds):
        f.rows(max_debt, nodes)
    if asked.max_lender_btc_share is not None:
        lenders = sorted({*(d.terms.lender for d in data.debts), *holders(f)})
        holding = [(n, lender) for n in nodes for lender in lenders if not _held(f, n, lender).is_empty()]
        f.rows(max_lender_share, holding)
    if asked.min_runway_months is not None:
        f.rows(min_runway, nodes)
    if asked.max_fleet_breakeven_usd_per_ph_day is not None:
        late_enough = [n for n in data.decision_nodes if data.month(n) >= asked.breakeven_from_month]
        f.rows(max_fleet_breakeven, late_enough)
    if not asked.borrow_to_buy_btc and data.scenario.treasury.buy_btc and (data.debts or f.kinds):
        f.variables("buys", nodes, Binary)
        f.rows(buys_only_if_chosen, nodes)
        f.rows(nothing_owed_while_buying, nodes)
    if asked.min_dscr is not None and (data.debts or f.kinds):
        served = [t for t in range(1, data.scenario.horizon_months + 1) if not _service(f, t).is_empty()]
        f.variables("unserved", served, Binary)
        f.rows(min_dscr, served)
        f.rows(no_service_if_unserved, served)


def max_debt(f: Formulation, n: int) -> Row:
    """All that is owed stays under the board's limit:  sum_i owed[n,i] + sources' owed[n] <= max_debt."""
    row = sources_owed(f, n)
    for debt in f.data.debts:
        row.plus(f.owed(n, debt))
    limit_usd = f.data.scenario.requirements.max_debt_usd
    assert limit_usd is not None
    return at_most(row, limit_usd / f.data.money_usd)


def max_lender_share(f: Formulation, n: int, lender: str) -> Row:
    """No counterparty holds more than a share of all BTC:  sum_{i of lender} C[n,i] + tied with it <= share * B[n]."""
    share = f.data.scenario.requirements.max_lender_btc_share
    assert share is not None
    return at_most(_held(f, n, lender).add(-share, f.pyomo.btc[n]))


def _held(f: Formulation, n: int, lender: str) -> Terms:
    """BTC that a counterparty may hold at n; empty where it can hold none."""
    held = Terms()
    for debt in f.data.debts:
        if debt.terms.lender == lender:
            held.plus(f.pledged(n, debt))
    return held.plus(tied_with(f, n, lender))


def min_runway(f: Formulation, n: int) -> Row:
    """Cash and free BTC pay the bills for so many months without any revenue:
    cash[n] + P[n] free[n] >= months * (fixed costs + racked machines at full power + cash interest)."""
    data = f.data
    months = data.scenario.requirements.min_runway_months
    assert months is not None
    row = Terms(-months * data.fixed_costs).add(1.0, f.pyomo.cash_usd[n])
    row.plus(f.free_btc(n), float(data.price[n]))
    for a, pair in enumerate(data.pairs):
        spec = data.scenario.machines.specs[pair.model]
        site = data.scenario.sites[pair.site_index]
        mw = spec.power_w / spec.hashrate_ths / 1e3 * site.pue
        usd = mw * 24 * 30.4375 * float(data.tree.power_usd_per_mwh[n, pair.site_index])
        row.plus(f.racked(n, a), -months * usd / data.money_usd)
    for debt in data.debts:
        row.plus(f.principal_of(n, debt, lambda tranche: tranche.cash_interest()), -months)
    return at_least(row.plus(sources_interest(f, n), -months))


def max_fleet_breakeven(f: Formulation, n: int) -> Row:
    """The fleet's power cost per PH and day stays under the board's:  sum_a (cost[a] - cap) owned[n,a] <= 0.

    Owned is all that is racked or on order after the decisions of n, promised retirements until they leave.
    """
    data = f.data
    cap_usd = data.scenario.requirements.max_fleet_breakeven_usd_per_ph_day
    assert cap_usd is not None
    row = Terms()
    for a, pair in enumerate(data.pairs):
        spec = data.scenario.machines.specs[pair.model]
        site = data.scenario.sites[pair.site_index]
        cost_usd = spec.power_w / spec.hashrate_ths * 24 / 1e3 * site.power_usd_per_mwh * site.pue
        row.plus(f.owned(n, a), (cost_usd - cap_usd) / 100)
    return at_most(row)


def buys_only_if_chosen(f: Formulation, n: int) -> Row:
    """BTC is bought only where that is chosen:  b[n] <= B y[n]."""
    return at_most(Terms().add(1.0, f.pyomo.buy_btc[n]).add(-f.data.btc_bound, f.pyomo.buys[n]))


def nothing_owed_while_buying(f: Formulation, n: int) -> Row:
    """... and where it is, nothing is owed:  sum_i owed[n,i] + sources' owed[n] <= D (1 - y[n])."""
    row = sources_owed(f, n)
    for debt in f.data.debts:
        row.plus(f.owed(n, debt))
    bound = sum(debt_bound(debt) for debt in f.data.debts) + f.data.btc_bound * float(f.data.price[n]) + _lent(f)
    return at_most(row.add(bound, f.pyomo.buys[n]), bound)


def min_dscr(f: Formulation, month: int) -> Row:
    """Expected mining margin covers expected debt service in every month that has any:
    E[P g - power - fixed] >= dscr * E[interest + scheduled principal] - B u[month]."""
    data, row = f.data, Terms()
    wanted = data.scenario.requirements.min_dscr
    assert wanted is not None
    for n in _counted(f, month):
        chance = float(data.tree.probability[n])
        mined, power = f.mining_margin(n)
        row.plus(mined, chance * float(data.price[n])).plus(power, -chance).shift(-chance * data.fixed_costs)
    row.plus(_service(f, month), -wanted)
    # Machines that do not pay are off, so a margin is never worse than all the bills.
    return at_least(row.add(data.reference_bills, f.pyomo.unserved[month]))


def no_service_if_unserved(f: Formulation, month: int) -> Row:
    """Only a month without debt service needs no cover:  E[service] <= B (1 - u[month])."""
    bound = sum(debt_bound(debt) for debt in f.data.debts) + _lent(f)
    return at_most(_service(f, month).add(bound, f.pyomo.unserved[month]), bound)


def _counted(f: Formulation, month: int) -> list[int]:
    tree = f.data.tree
    return [n for n in f.data.nodes if f.data.month(n) == month and tree.probability[n] > 0]


def _lent(f: Formulation) -> float:
    """The most that sources of money can be owed: their limits, which interest or a conversion may double and more."""
    top = max(float(price) for price in f.data.price)
    limits_usd = sum(getattr(source, "limit_usd", None) or 0.0 for source in f.data.scenario.sources)
    return 2 * max(top, 1.0) * limits_usd / f.data.money_usd


def _service(f: Formulation, month: int) -> Terms:
    """Expected interest and scheduled principal of a month."""
    service = Terms()
    for n in _counted(f, month):
        chance, parent = float(f.data.tree.probability[n]), f.data.parent(n)
        for debt in f.data.debts:
            for t in f.tranches(parent, debt):
                coef, principal = f.principal[parent, t.key]
                due = t.apr / 12
                if debt.terms.repayment == "amortising":
                    due += 1 - t.scheduled_share(month)
                service.add(chance * due * coef, principal)
        service.plus(sources_service(f, n), chance)
    return service
