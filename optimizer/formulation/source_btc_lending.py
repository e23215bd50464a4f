"""Lending BTC for yield: out of reach until the lock has run out, less what is expected to be lost.

Variable: ``lent_btc[n, source]`` lent at decision node n for the whole lock.
"""

from __future__ import annotations

from collections.abc import Iterator

from optimizer.decisions import Use
from optimizer.formulation.linear import Row, Terms, at_most, total
from optimizer.formulation.model import Formulation
from optimizer.formulation.source import Kind, may_use, named, of_kind, used
from optimizer.scenario.sources import BtcLending


def _lending(f: Formulation) -> list[BtcLending]:
    return of_kind(f, BtcLending)


def _add(f: Formulation) -> None:
    where = [(n, s.name) for s in _lending(f) for n in f.data.decision_nodes if may_use(f, s, n)]
    f.variables("lent_btc", where)
    f.rows(lending_limit, where)


def _out(f: Formulation, n: int, s: BtcLending) -> Terms:
    """BTC lent and not yet back after node n."""
    month = f.data.month(n)
    return total(
        *(
            (1.0, f.pyomo.lent_btc[d, s.name])
            for d in f.data.deciders[n]
            if may_use(f, s, d) and month < f.data.month(d) + s.lock_months
        )
    )


def lending_limit(f: Formulation, n: int, name: str) -> Row:
    """What is out with a borrower stays within its limit:  sum of L not yet back <= limit."""
    s = named(_lending(f), name)
    return at_most(_out(f, n, s), s.limit_btc)


def _btc(f: Formulation, n: int, s: BtcLending) -> Terms:
    """The month's yield less the loss to expect:  (yield - failure (1 - recovery)) / 12 of what was out."""
    return Terms().plus(_out(f, f.data.parent(n), s), _gain(s)) if n > 0 else Terms()


def _gain(s: BtcLending) -> float:
    return (s.yield_pa - s.failure_pa * (1 - s.recovery_share)) / 12


def _given(f: Formulation, n: int, s: BtcLending) -> Terms:
    """What is expected lost with a borrower that pays less than that."""
    return Terms().plus(_btc(f, n, s), -1.0) if _gain(s) < 0 else Terms()


def _uses(f: Formulation) -> Iterator[Use]:
    return used(f.pyomo.lent_btc, "lend_btc")


BTC_LENDING = Kind("btc_lending", add=_add, uses=_uses, btc=_btc, tied_btc=_out, gives_btc=_given)
