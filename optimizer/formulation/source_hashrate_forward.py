"""Hashrate sold forward: cash at once, BTC delivered month by month, a margin that comes back meanwhile.

Variable: ``forward_ph[n, source]`` sold at decision node n for the whole term.
"""

from __future__ import annotations

from collections.abc import Iterator

from optimizer.decisions import Use
from optimizer.formulation.hashrate_contract import (
    days_left,
    fixed_money,
    running,
    signing_nodes,
    sold_ph,
    standing_ph,
    unfinished,
)
from optimizer.formulation.linear import Row, Terms, at_most
from optimizer.formulation.model import Formulation
from optimizer.formulation.source import Kind, may_use, named, of_kind, used
from optimizer.scenario.sources import HashrateForward


def _forwards(f: Formulation) -> list[HashrateForward]:
    return of_kind(f, HashrateForward)


def _add(f: Formulation) -> None:
    forwards = _forwards(f)
    signed = signing_nodes(f, [*forwards])
    f.variables("forward_ph", signed)
    f.rows(forward_limit, signed)
    backed = [(n, c.name) for c in forwards for n in f.data.decision_nodes if unfinished(f, n, c)]
    f.rows(forward_fleet, backed)
    if len(forwards) > 1:
        f.rows(forward_fleet_in_all, sorted({n for n, _ in backed}))


def forward_limit(f: Formulation, n: int, name: str) -> Row:
    """The buyer takes so much at a time:  sum of F not yet delivered <= limit."""
    forward = named(_forwards(f), name)
    return at_most(sold_ph(f, n, forward), forward.limit_ph)


def forward_fleet(f: Formulation, n: int, name: str) -> Row:
    """Machines stand behind what is sold:  sum of F not yet delivered <= share * standing[n]."""
    forward = named(_forwards(f), name)
    return at_most(sold_ph(f, n, forward).plus(standing_ph(f, n), -forward.max_share_of_fleet))


def forward_fleet_in_all(f: Formulation, n: int) -> Row:
    """... also if there are several buyers:  sum of all F not yet delivered <= largest share * standing[n]."""
    row = Terms().plus(standing_ph(f, n), -max(forward.max_share_of_fleet for forward in _forwards(f)))
    for forward in _forwards(f):
        row.plus(sold_ph(f, n, forward))
    return at_most(row)


def _paid_per_ph_day(f: Formulation, c: HashrateForward, signed: int) -> float:
    """Money that the buyer pays per PH/s and day, margin included."""
    return fixed_money(f, c, signed) * (1 - c.discount_share)


def _btc_per_ph_day(f: Formulation, c: HashrateForward, signed: int) -> float:
    """What a fixed-BTC sale owes: the quote in BTC on the day of the sale."""
    return fixed_money(f, c, signed) / float(f.data.price[signed])


def _cash(f: Formulation, n: int, c: HashrateForward) -> Terms:
    """What is sold now, less the margin, and the margin of the month that has run off."""
    cash = Terms()
    days = float(f.data.tree.days[n])
    if may_use(f, c, n):
        paid = _paid_per_ph_day(f, c, n) * days_left(f, c, n, n)
        cash.add(paid * (1 - c.margin_share), f.pyomo.forward_ph[n, c.name])
    for d in running(f, n, c):
        cash.add(_paid_per_ph_day(f, c, d) * days * c.margin_share, f.pyomo.forward_ph[d, c.name])
    return cash


def _btc(f: Formulation, n: int, c: HashrateForward) -> Terms:
    """Less what is delivered for the month: what so many PH/s mine in it, or a fixed amount."""
    tree, delivered = f.data.tree, Terms()
    for d in running(f, n, c):
        fixed = c.repayment == "btc"
        btc = _btc_per_ph_day(f, c, d) * float(tree.days[n]) if fixed else float(tree.btc_per_ph[n])
        delivered.add(-btc, f.pyomo.forward_ph[d, c.name])
    return delivered


def _owed(f: Formulation, n: int, c: HashrateForward) -> Terms:
    """What is still to be delivered: days left at the node's hashprice, or fixed BTC at its price."""
    owed = Terms()
    hashprice = float(f.data.tree.hashprice_usd_per_ph_day[n]) / f.data.money_usd
    for d in unfinished(f, n, c):
        per_day = _btc_per_ph_day(f, c, d) * float(f.data.price[n]) if c.repayment == "btc" else hashprice
        owed.add(per_day * days_left(f, c, d, n), f.pyomo.forward_ph[d, c.name])
    return owed


def _asset(f: Formulation, n: int, c: HashrateForward) -> Terms:
    """The margin that the buyer still holds."""
    held = Terms()
    for d in unfinished(f, n, c):
        left = _paid_per_ph_day(f, c, d) * days_left(f, c, d, n)
        held.add(left * c.margin_share, f.pyomo.forward_ph[d, c.name])
    return held


def _uses(f: Formulation) -> Iterator[Use]:
    return used(f.pyomo.forward_ph, "sell_ph")


HASHRATE_FORWARD = Kind("hashrate_forward", add=_add, uses=_uses, cash=_cash, btc=_btc, owed=_owed, asset=_asset)
