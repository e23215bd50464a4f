"""What contracts on hashrate share in the model: when they can be signed, at what hashprice, over which days."""

from __future__ import annotations

from optimizer.formulation.linear import Terms, total
from optimizer.formulation.model import Formulation
from optimizer.formulation.source import may_use
from optimizer.market.calendar import days_per_month
from optimizer.market.mining import subsidy_ahead
from optimizer.scenario.sources import HashpriceHedge, HashrateForward

# Of months after the tree's last.
MEAN_MONTH_DAYS = 30.4375

HashrateContract = HashrateForward | HashpriceHedge


def signing_nodes(f: Formulation, contracts: list[HashrateContract]) -> list[tuple[int, str]]:
    """(node, name) of every contract that can be signed."""
    return [(n, c.name) for c in contracts for n in f.data.decision_nodes if may_use(f, c, n)]


def running(f: Formulation, n: int, c: HashrateContract) -> list[int]:
    """Where what covers the month that ends at n was signed."""
    month = f.data.month(n)
    return [d for d in f.data.deciders[n] if may_use(f, c, d) and 0 < month - f.data.month(d) <= c.term_months]


def unfinished(f: Formulation, n: int, c: HashrateContract) -> list[int]:
    """Where what still has months to come after n was signed, n itself included."""
    month = f.data.month(n)
    return [d for d in f.data.deciders[n] if may_use(f, c, d) and month < f.data.month(d) + c.term_months]


def sold_ph(f: Formulation, n: int, c: HashrateForward) -> Terms:
    """PH/s sold forward and not yet delivered in full after node n."""
    return total(*((1.0, f.pyomo.forward_ph[d, c.name]) for d in unfinished(f, n, c)))


def standing_ph(f: Formulation, n: int) -> Terms:
    """PH/s in the racks after n, less what is ordered and handed over at n itself and what is promised to be resold."""
    standing = Terms()
    pairs = f.data.pairs
    for a in range(len(pairs)):
        standing.plus(f.racked(n, a))
    for d in f.data.deciders[n]:
        for _, promised in f.to_leave(d, n):
            standing.add(-1.0, promised)
    if n in f.decision_set:
        for a, lots in f.arriving(n, n):
            standing.add(-pairs[a].lot_ph, lots)
    return standing


def fixed_money(f: Formulation, c: HashrateContract, signed: int) -> float:
    """Money per PH/s and day at which a contract is signed: today's quote, moved as the hashprice has moved, and as
    what halvings leave of it over the term has."""
    hashprice = f.data.tree.hashprice_usd_per_ph_day
    moved = float(hashprice[signed] / hashprice[0]) * _halvings(f, c, signed) / _halvings(f, c, 0)
    return c.hashprice_usd_per_ph_day * moved / f.data.money_usd


def _halvings(f: Formulation, c: HashrateContract, signed: int) -> float:
    """Mean subsidy over the term of a contract signed at a node, over the subsidy there."""
    start = sum(month_days(f)[1 : f.data.month(signed) + 1])
    return subsidy_ahead(f.data.scenario.market.block_height, start, start + days_left(f, c, signed, signed))


def days_left(f: Formulation, c: HashrateContract, signed: int, n: int) -> float:
    """Days from the end of n's month to the end of a contract's term."""
    first, end = f.data.month(n) + 1, f.data.month(signed) + c.term_months
    known = month_days(f)
    return sum(known[month] if month < len(known) else MEAN_MONTH_DAYS for month in range(first, end + 1))


def month_days(f: Formulation) -> list[float]:
    """Days of each month to the horizon, month 0 first: the tree's, and the calendar's where it is a part of one that
    goes on."""
    scenario, tree = f.data.scenario, f.data.tree
    days = [float(length) for length in days_per_month(scenario.as_of, scenario.horizon_months)]
    for month, length in zip(tree.month.tolist(), tree.days.tolist(), strict=True):
        days[month] = length
    return days
