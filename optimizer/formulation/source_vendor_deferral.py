"""Vendor deferral: part of the price of what is ordered, due later.

Variable: ``deferred_usd[n, source]`` of the price of what is ordered at decision node n.
"""

from __future__ import annotations

from collections.abc import Iterator

from optimizer.decisions import Use
from optimizer.formulation.linear import Row, Terms, at_most, total
from optimizer.formulation.model import Formulation
from optimizer.formulation.source import Kind, named, of_kind, used
from optimizer.formulation.vendor_orders import may_offer, ordered_price
from optimizer.scenario.sources import VendorDeferral


def _deferrals(f: Formulation) -> list[VendorDeferral]:
    return of_kind(f, VendorDeferral)


def _add(f: Formulation) -> None:
    where = [(n, s.name) for s in _deferrals(f) for n in f.data.decision_nodes if may_offer(f, n, s)]
    f.variables("deferred_usd", where)
    f.rows(deferred_part, where)
    limited = {s.name for s in _deferrals(f) if s.limit_usd is not None}
    f.rows(deferral_limit, [(n, name) for n, name in where if name in limited])


def _aged(f: Formulation, n: int, s: VendorDeferral) -> list[tuple[int, int]]:
    """(decision node, months since) of the orders on the way to n of which part may be deferred."""
    month = f.data.month(n)
    return [(d, month - f.data.month(d)) for d in f.data.deciders[n] if (d, s.name) in f.pyomo.deferred_usd]


def deferred_part(f: Formulation, n: int, name: str) -> Row:
    """No more than its share of what is ordered is deferred:  V[n] <= share * sum_a price[a] f[n] x[n,a]."""
    s = named(_deferrals(f), name)
    return at_most(total((1.0, f.pyomo.deferred_usd[n, name])).plus(ordered_price(f, n, s), -s.deferred_share))


def deferral_limit(f: Formulation, n: int, name: str) -> Row:
    """What is deferred and not yet paid stays within the vendor's limit:  sum of V not yet due <= limit."""
    s = named(_deferrals(f), name)
    assert s.limit_usd is not None
    owing = total(*((1.0, f.pyomo.deferred_usd[d, name]) for d, age in _aged(f, n, s) if age < s.after_months))
    return at_most(owing, s.limit_usd / f.data.money_usd)


def _cash(f: Formulation, n: int, s: VendorDeferral) -> Terms:
    """What is deferred of the orders of n, less what falls due with its interest."""
    cash = Terms()
    for d, age in _aged(f, n, s):
        if age == 0:
            cash.add(1.0, f.pyomo.deferred_usd[d, s.name])
        if age == s.after_months:
            cash.add(-(1 + s.apr * s.after_months / 12), f.pyomo.deferred_usd[d, s.name])
    return cash


def _owed(f: Formulation, n: int, s: VendorDeferral) -> Terms:
    """What is not yet due, with the interest so far."""
    owed = Terms()
    for d, age in _aged(f, n, s):
        if age < s.after_months:
            owed.add(1 + s.apr * age / 12, f.pyomo.deferred_usd[d, s.name])
    return owed


def _uses(f: Formulation) -> Iterator[Use]:
    return used(f.pyomo.deferred_usd, "defer_usd", f.data.money_usd)


VENDOR_DEFERRAL = Kind("vendor_deferral", add=_add, uses=_uses, cash=_cash, owed=_owed)
