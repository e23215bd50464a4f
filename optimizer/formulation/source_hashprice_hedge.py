"""Hashprice sold forward and settled in cash: it moves risk, not money, but for the margin.

Variable: ``hedged_ph[n, source]`` hundreds of PH/s hedged at decision node n for the whole term. Hundreds, because a
month's settlement of one PH/s is a few dollars and would be a tiny coefficient.
"""

from __future__ import annotations

from collections.abc import Iterator

from optimizer.decisions import Use
from optimizer.formulation.hashrate_contract import days_left, fixed_money, running, signing_nodes, unfinished
from optimizer.formulation.linear import Row, Terms, at_most, total
from optimizer.formulation.model import Formulation
from optimizer.formulation.source import Kind, may_use, named, of_kind, used
from optimizer.scenario.sources import HashpriceHedge

HUNDRED = 100.0


def _hedges(f: Formulation) -> list[HashpriceHedge]:
    return of_kind(f, HashpriceHedge)


def _add(f: Formulation) -> None:
    signed = signing_nodes(f, [*_hedges(f)])
    f.variables("hedged_ph", signed)
    f.rows(hedge_limit, signed)


def hedge_limit(f: Formulation, n: int, name: str) -> Row:
    """No more is hedged at a time than the counterparty takes:  sum of H not yet settled <= limit."""
    hedge = named(_hedges(f), name)
    open_here = total(*((1.0, f.pyomo.hedged_ph[d, name]) for d in unfinished(f, n, hedge)))
    return at_most(open_here, hedge.limit_ph / HUNDRED)


def _cash(f: Formulation, n: int, c: HashpriceHedge) -> Terms:
    """Margin posted now; fixed less actual hashprice of the month, and the margin of the days that it had."""
    cash, days = Terms(), float(f.data.tree.days[n])
    revenue = float(f.data.tree.revenue_usd_per_ph[n]) / f.data.money_usd
    if may_use(f, c, n):
        posted = c.margin_share * fixed_money(f, c, n) * days_left(f, c, n, n)
        cash.add(-HUNDRED * posted, f.pyomo.hedged_ph[n, c.name])
    for d in running(f, n, c):
        fixed = fixed_money(f, c, d) * days
        cash.add(HUNDRED * (fixed * (1 + c.margin_share) - revenue), f.pyomo.hedged_ph[d, c.name])
    return cash


def _gain_per_day(f: Formulation, c: HashpriceHedge, signed: int, n: int) -> float:
    """Money per PH/s and day still to come if the hashprice stays as it is at n."""
    return fixed_money(f, c, signed) - float(f.data.tree.hashprice_usd_per_ph_day[n]) / f.data.money_usd


def _owed(f: Formulation, n: int, c: HashpriceHedge) -> Terms:
    """What the days to come would cost at the node's hashprice where that is above the fixed one."""
    owed = Terms()
    for d in unfinished(f, n, c):
        loss = max(0.0, -_gain_per_day(f, c, d, n))
        owed.add(HUNDRED * loss * days_left(f, c, d, n), f.pyomo.hedged_ph[d, c.name])
    return owed


def _asset(f: Formulation, n: int, c: HashpriceHedge) -> Terms:
    """The margin held back, and what the days to come would bring where the hashprice is below the fixed one."""
    asset = Terms()
    for d in unfinished(f, n, c):
        per_day = c.margin_share * fixed_money(f, c, d) + max(0.0, _gain_per_day(f, c, d, n))
        asset.add(HUNDRED * per_day * days_left(f, c, d, n), f.pyomo.hedged_ph[d, c.name])
    return asset


def _uses(f: Formulation) -> Iterator[Use]:
    return used(f.pyomo.hedged_ph, "hedge_ph", HUNDRED)


HASHPRICE_HEDGE = Kind("hashprice_hedge", add=_add, uses=_uses, cash=_cash, owed=_owed, asset=_asset)
