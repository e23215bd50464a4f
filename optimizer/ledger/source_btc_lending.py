"""BTC lent for yield, in the ledger: out of reach until the lock has run, less the loss to expect each month."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from optimizer.decisions import Use
from optimizer.ledger.checks import Check, at_nodes
from optimizer.ledger.company import Company, Setting
from optimizer.ledger.source import Given, LedgerKind, SourceBooks, since
from optimizer.market.tree import Floats, Ints, Tree
from optimizer.scenario.schema import Scenario
from optimizer.scenario.sources import BtcLending


def _gain(source: BtcLending) -> float:
    """BTC a month per BTC lent: a twelfth of the yield, less a twelfth of a year's chance to lose what is not
    recovered."""
    return source.yield_pa / 12 - source.failure_pa / 12 * (1 - source.recovery_share)


def _books(scenario: Scenario, tree: Tree, ancestor: Ints, uses: tuple[Use, ...]) -> SourceBooks:
    out = SourceBooks.empty(len(tree))
    lending = {source.name: source for source in scenario.sources if isinstance(source, BtcLending)}
    for use in uses:
        source = lending[use.source]
        behind, age = since(tree, ancestor, use.node)
        out.tied_btc[:] += behind * (age < source.lock_months) * use.amount
        out.btc[:] += behind * ((age > 0) & (age <= source.lock_months)) * use.amount * _gain(source)
    return out


def _checks(g: Given) -> Iterator[Check]:
    for source in (found for found in g.scenario.sources if isinstance(found, BtcLending)):
        yield from g.used_rightly(source, "BTC lent in the borrower's window", "BTC", g.scale.btc)
        out = np.zeros(len(g.tree))
        for use in g.of(source):
            behind, age = since(g.tree, g.ancestor, use.node)
            out += behind * (age < source.lock_months) * use.amount
        yield at_nodes("BTC out with one borrower", "BTC", g.scale.btc, out - source.limit_btc, (source.name,))


class _LendingOnPaths:
    """What was lent, by the month, ``[path, month, source]``."""

    def __init__(self, s: Setting) -> None:
        self._sources = [source for source in s.scenario.sources if isinstance(source, BtcLending)]
        self._lent = np.zeros((len(s.paths), s.paths.months + 1, len(self._sources)))
        self._month = 0

    def settle(self, s: Setting, c: Company, month: int, meant: dict[tuple[str, str], Floats]) -> tuple[Floats, Floats]:
        self._month = month
        gained = np.zeros(len(self._lent))
        for k, source in enumerate(self._sources):
            first = max(month - source.lock_months, 0)
            gained += self._lent[:, first:month, k].sum(axis=1) * _gain(source)
        return np.zeros_like(gained), gained

    def close(self, s: Setting, c: Company, month: int, meant: dict[tuple[str, str], Floats]) -> tuple[Floats, Floats]:
        free = np.maximum(c.free_btc, 0.0)
        for k, source in enumerate(self._sources):
            wanted = meant.get((source.name, "lend_btc"))
            if wanted is not None:
                room = np.maximum(source.limit_btc - self._out(k, month), 0.0)
                self._lent[:, month, k] = np.minimum(np.minimum(wanted, room), free)
                free = free - self._lent[:, month, k]
        return np.zeros_like(free), np.zeros_like(free)

    def tied_btc(self) -> Floats:
        return np.asarray(
            sum((self._out(k, self._month) for k in range(len(self._sources))), np.zeros(len(self._lent)))
        )

    def worth_usd(self, s: Setting, month: int) -> Floats:
        return np.zeros(len(self._lent))

    def _out(self, k: int, month: int) -> Floats:
        first = max(month - self._sources[k].lock_months + 1, 0)
        return np.asarray(self._lent[:, first : month + 1, k].sum(axis=1))


BTC_LENDING = LedgerKind("btc_lending", ("lend_btc",), books=_books, checks=_checks, on_paths=_LendingOnPaths)
