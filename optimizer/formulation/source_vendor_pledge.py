"""Machines for pledged BTC, with a right to buy the coins back at a fixed price on one day.

Variables: ``vendor_pledged_btc[n, source]`` pledged for what is ordered at decision node n; ``redeemed_btc[m, source]``
bought back at the node m that is so many months later, where the price is above the fixed one.
"""

from __future__ import annotations

from collections.abc import Iterator

from optimizer.decisions import Use
from optimizer.formulation.linear import Row, Terms, at_most, equal, total
from optimizer.formulation.model import Formulation
from optimizer.formulation.source import Kind, named, of_kind, used
from optimizer.formulation.vendor_orders import may_offer, ordered_price
from optimizer.scenario.sources import VendorPledge


def _pledges(f: Formulation) -> list[VendorPledge]:
    return of_kind(f, VendorPledge)


def _add(f: Formulation) -> None:
    where = [(n, s.name) for s in _pledges(f) for n in f.data.decision_nodes if may_offer(f, n, s)]
    f.variables("vendor_pledged_btc", where)
    f.rows(pledged_part, where)
    limited = {s.name for s in _pledges(f) if s.limit_btc is not None}
    f.rows(vendor_pledge_limit, [(n, name) for n, name in where if name in limited])
    back = [(m, s.name) for s in _pledges(f) for m in f.data.nodes if _may_redeem(f, m, s)]
    f.variables("redeemed_btc", back)
    f.rows(redeemed_of_pledged, back)


def _aged(f: Formulation, n: int, s: VendorPledge) -> list[tuple[int, int]]:
    """(decision node, months since) of the orders on the way to n for which BTC may be pledged."""
    month = f.data.month(n)
    return [(d, month - f.data.month(d)) for d in f.data.deciders[n] if (d, s.name) in f.pyomo.vendor_pledged_btc]


def _due(f: Formulation, n: int, s: VendorPledge) -> list[int]:
    """The node whose pledge is redeemed or forfeited at n, if there is one."""
    return [d for d, age in _aged(f, n, s) if age == s.redeem_months]


def _fixed_price(f: Formulation, pledged: int, s: VendorPledge) -> float:
    return s.redeem_price_factor * float(f.data.price[pledged])


def _may_redeem(f: Formulation, n: int, s: VendorPledge) -> bool:
    """Nobody pays more than the market does."""
    return any(float(f.data.price[n]) > _fixed_price(f, d, s) for d in _due(f, n, s))


def pledged_part(f: Formulation, n: int, name: str) -> Row:
    """Pledged BTC pay for no more than their share of what is ordered:
    K[n] b[n] <= share * sum_a price[a] f[n] x[n,a], with the fixed price K[n] = factor * P[n]."""
    s = named(_pledges(f), name)
    paid = total((_fixed_price(f, n, s), f.pyomo.vendor_pledged_btc[n, name]))
    return at_most(paid.plus(ordered_price(f, n, s), -s.paid_share))


def vendor_pledge_limit(f: Formulation, n: int, name: str) -> Row:
    """What the vendor holds stays within its limit:  sum of b not yet due <= limit."""
    s = named(_pledges(f), name)
    assert s.limit_btc is not None
    return at_most(_held(f, n, s), s.limit_btc)


def redeemed_of_pledged(f: Formulation, n: int, name: str) -> Row:
    """No more is bought back than was pledged:  r[n] <= b[d], d so many months before; r[n] = b[d] where selling part
    of them pays for them all, (1 - sell fee) P[n] > K[d]: there nobody forfeits."""
    s = named(_pledges(f), name)
    (pledged,) = _due(f, n, s)
    kept = total((1.0, f.pyomo.redeemed_btc[n, name]), (-1.0, f.pyomo.vendor_pledged_btc[pledged, name]))
    net_price = float(f.data.price[n]) * (1 - f.data.scenario.treasury.sell_fee_share)
    return equal(kept) if net_price > _fixed_price(f, pledged, s) else at_most(kept)


def _held(f: Formulation, n: int, s: VendorPledge) -> Terms:
    """BTC with the vendor after node n."""
    return total(*((1.0, f.pyomo.vendor_pledged_btc[d, s.name]) for d, age in _aged(f, n, s) if age < s.redeem_months))


def _cash(f: Formulation, n: int, s: VendorPledge) -> Terms:
    """What pledged BTC pay of the orders of n, less what redeeming costs."""
    cash = Terms()
    if (n, s.name) in f.pyomo.vendor_pledged_btc:
        cash.add(_fixed_price(f, n, s), f.pyomo.vendor_pledged_btc[n, s.name])
    if (n, s.name) in f.pyomo.redeemed_btc:
        (pledged,) = _due(f, n, s)
        cash.add(-_fixed_price(f, pledged, s), f.pyomo.redeemed_btc[n, s.name])
    return cash


def _btc(f: Formulation, n: int, s: VendorPledge) -> Terms:
    """What is not redeemed on its day is the vendor's."""
    lost = Terms()
    for d in _due(f, n, s):
        lost.add(-1.0, f.pyomo.vendor_pledged_btc[d, s.name])
    if (n, s.name) in f.pyomo.redeemed_btc:
        lost.add(1.0, f.pyomo.redeemed_btc[n, s.name])
    return lost


def _owed(f: Formulation, n: int, s: VendorPledge) -> Terms:
    """The lower of price and fixed price: with the BTC held it leaves what redeeming now would bring, max(P - K, 0)."""
    owed = Terms()
    for d, age in _aged(f, n, s):
        if age < s.redeem_months:
            each = min(float(f.data.price[n]), _fixed_price(f, d, s))
            owed.add(each, f.pyomo.vendor_pledged_btc[d, s.name])
    return owed


def _uses(f: Formulation) -> Iterator[Use]:
    yield from used(f.pyomo.vendor_pledged_btc, "pledge_btc")
    yield from used(f.pyomo.redeemed_btc, "redeem_btc")


VENDOR_PLEDGE = Kind("vendor_pledge", add=_add, uses=_uses, cash=_cash, btc=_btc, tied_btc=_held, owed=_owed)
