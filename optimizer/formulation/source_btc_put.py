"""Puts on BTC: a premium when bought, and in cash what price is under the strike at expiry.

Variable: ``put_btc[n, source]`` protected by what is bought at decision node n.
"""

from __future__ import annotations

from collections.abc import Iterator

from optimizer.decisions import Use
from optimizer.formulation.linear import Row, Terms, at_most, total
from optimizer.formulation.model import Formulation
from optimizer.formulation.source import Kind, may_use, named, of_kind, used
from optimizer.scenario.sources import BtcPut


def _puts(f: Formulation) -> list[BtcPut]:
    return of_kind(f, BtcPut)


def _add(f: Formulation) -> None:
    where = [(n, s.name) for s in _puts(f) for n in f.data.decision_nodes if may_use(f, s, n)]
    f.variables("put_btc", where)
    f.rows(put_limit, where)
    f.rows(put_protects_btc, sorted({n for n, _ in where}))


def _alive(f: Formulation, n: int, s: BtcPut) -> list[int]:
    """The nodes on the way to n whose puts have not expired after it."""
    month = f.data.month(n)
    return [d for d in f.data.deciders[n] if may_use(f, s, d) and month < f.data.month(d) + s.months]


def payoff(f: Formulation, s: BtcPut, bought: int, n: int) -> float:
    """Model money for each BTC protected, were it settled at n:  max(0, strike * P[bought] - P[n])."""
    return max(0.0, s.strike_share * float(f.data.price[bought]) - float(f.data.price[n]))


def _protected(f: Formulation, n: int, s: BtcPut) -> Terms:
    return total(*((1.0, f.pyomo.put_btc[d, s.name]) for d in _alive(f, n, s)))


def put_limit(f: Formulation, n: int, name: str) -> Row:
    """No more is protected at a time than the seller offers:  sum of H not expired <= limit."""
    s = named(_puts(f), name)
    return at_most(_protected(f, n, s), s.limit_btc)


def put_protects_btc(f: Formulation, n: int) -> Row:
    """Protection, no bet on a fall: when puts are bought there is a BTC for each:  sum of H not expired <= B - b."""
    row = Terms().add(-1.0, f.pyomo.btc[n])
    if n in f.pyomo.buy_btc:
        row.add(1.0, f.pyomo.buy_btc[n])
    for s in _puts(f):
        row.plus(_protected(f, n, s))
    return at_most(row)


def _cash(f: Formulation, n: int, s: BtcPut) -> Terms:
    """Payoff of what expires less premium on what is bought."""
    cash, month = Terms(), f.data.month(n)
    if may_use(f, s, n):
        cash.add(-s.premium_share * float(f.data.price[n]), f.pyomo.put_btc[n, s.name])
    for d in f.data.deciders[n]:
        if may_use(f, s, d) and month == f.data.month(d) + s.months:
            cash.add(payoff(f, s, d, n), f.pyomo.put_btc[d, s.name])
    return cash


def _asset(f: Formulation, n: int, s: BtcPut) -> Terms:
    """Puts that have not expired, as if they did: their intrinsic value."""
    worth = Terms()
    for d in _alive(f, n, s):
        worth.add(payoff(f, s, d, n), f.pyomo.put_btc[d, s.name])
    return worth


def _uses(f: Formulation) -> Iterator[Use]:
    return used(f.pyomo.put_btc, "protect_btc")


BTC_PUT = Kind("btc_put", add=_add, uses=_uses, cash=_cash, asset=_asset)
