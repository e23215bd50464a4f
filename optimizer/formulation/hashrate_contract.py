"""What contracts on hashrate share in the model: when they can be signed, at what hashprice, over which days."""

from __future__ import annotations

from optimizer.formulation.linear import Terms, total
from optimizer.formulation.model import Formulation
from optimizer.formulation.source import may_use
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
    """PH/s in the racks after n, without what is ordered and handed over at n itself."""
    standing = Terms()
    for a, pair in enumerate(f.data.pairs):
        standing.plus(f.racked(n, a))
        if f.may_order(n, pair) and f.data.delivery_month(pair, n, n) == f.data.month(n):
            standing.add(-pair.lot_ph, f.pyomo.order_lots[n, *pair.key])
    return standing


def fixed_money(f: Formulation, c: HashrateContract, signed: int) -> float:
    """Money per PH/s and day at which a contract is signed: today's quote, moved as the hashprice has moved."""
    hashprice = f.data.tree.hashprice_usd_per_ph_day
    return c.hashprice_usd_per_ph_day * float(hashprice[signed] / hashprice[0]) / f.data.money_usd


def days_left(f: Formulation, c: HashrateContract, signed: int, n: int) -> float:
    """Days from the end of n's month to the end of a contract's term."""
    first, end = f.data.month(n) + 1, f.data.month(signed) + c.term_months
    known = month_days(f)
    return sum(known[month] if month < len(known) else MEAN_MONTH_DAYS for month in range(first, end + 1))


def month_days(f: Formulation) -> list[float]:
    """Days of each month on the tree, month 0 first."""
    tree = f.data.tree
    days = [0.0] * (int(tree.month.max()) + 1)
    for month, length in zip(tree.month.tolist(), tree.days.tolist(), strict=True):
        days[month] = length
    return days
