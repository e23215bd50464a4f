"""Puts on BTC in the ledger: the premium goes out when they are bought, what they pay comes in when they expire."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from optimizer.decisions import Use
from optimizer.ledger.checks import Check, at_nodes, where
from optimizer.ledger.company import Company, Setting
from optimizer.ledger.source import Given, LedgerKind, SourceBooks, since
from optimizer.market.tree import Floats, Ints, Tree
from optimizer.scenario.schema import Scenario
from optimizer.scenario.sources import BtcPut


def _puts(scenario: Scenario) -> list[BtcPut]:
    return [source for source in scenario.sources if isinstance(source, BtcPut)]


def _under_strike_usd(put: BtcPut, bought_at_usd: Floats | float, price_usd: Floats) -> Floats:
    """USD by which BTC stand under the strike, 0 above it."""
    return np.clip(bought_at_usd * put.strike_share - price_usd, 0.0, None)


def _books(scenario: Scenario, tree: Tree, ancestor: Ints, uses: tuple[Use, ...]) -> SourceBooks:
    out = SourceBooks.empty(len(tree))
    puts = {put.name: put for put in _puts(scenario)}
    for use in uses:
        put, bought_at = puts[use.source], float(tree.price_usd[use.node])
        behind, age = since(tree, ancestor, use.node)
        would_pay = use.amount * _under_strike_usd(put, bought_at, tree.price_usd)
        out.cash_usd[use.node] -= use.amount * bought_at * put.premium_share
        out.cash_usd[:] += behind * (age == put.months) * would_pay
        out.asset_usd[:] += behind * (age < put.months) * would_pay
    return out


def _checks(g: Given) -> Iterator[Check]:
    protected, buys = np.zeros(len(g.tree)), np.zeros(len(g.tree), dtype=bool)
    for put in _puts(g.scenario):
        yield from g.used_rightly(put, "puts bought in their window", "BTC", g.scale.btc)
        alive = np.zeros(len(g.tree))
        for use in g.of(put):
            behind, age = since(g.tree, g.ancestor, use.node)
            alive += behind * (age < put.months) * use.amount
            buys[use.node] = True
        yield at_nodes("BTC protected by one put", "BTC", g.scale.btc, alive - put.limit_btc, (put.name,))
        protected += alive
    yield at_nodes("a BTC for every put bought", "BTC", g.scale.btc, where(buys, protected - g.btc))


class _PutsOnPaths:
    """BTC protected by what was bought, by the month of purchase, ``[path, month, put]``."""

    def __init__(self, s: Setting) -> None:
        self._puts = _puts(s.scenario)
        self._bought = np.zeros((len(s.paths), s.paths.months + 1, len(self._puts)))

    def close(self, s: Setting, c: Company, month: int, meant: dict[tuple[str, str], Floats]) -> tuple[Floats, Floats]:
        cash, price = np.zeros(len(s.paths)), s.price_usd[:, month]
        for k, put in enumerate(self._puts):
            if month >= put.months:
                then = month - put.months
                cash += self._bought[:, then, k] * _under_strike_usd(put, s.price_usd[:, then], price)
        for k, put in enumerate(self._puts):
            wanted = meant.get((put.name, "protect_btc"))
            if wanted is not None:
                held = c.free_btc + c.pledged_btc.sum(axis=1) + c.tied_btc
                unprotected = held - sum(self._alive(j, month) for j in range(len(self._puts)))
                room = np.minimum(put.limit_btc - self._alive(k, month), unprotected)
                self._bought[:, month, k] = np.minimum(wanted, np.maximum(room, 0.0))
                cash -= self._bought[:, month, k] * price * put.premium_share
        return cash, np.zeros_like(cash)

    def tied_btc(self) -> Floats:
        return np.zeros(len(self._bought))

    def worth_usd(self, s: Setting, month: int) -> Floats:
        worth = np.zeros(len(self._bought))
        for k, put in enumerate(self._puts):
            for then in range(max(month - put.months + 1, 0), month + 1):
                worth += self._bought[:, then, k] * _under_strike_usd(put, s.price_usd[:, then], s.price_usd[:, month])
        return worth

    def _alive(self, k: int, month: int) -> Floats:
        first = max(month - self._puts[k].months + 1, 0)
        return np.asarray(self._bought[:, first : month + 1, k].sum(axis=1))


BTC_PUT = LedgerKind("btc_put", ("protect_btc",), books=_books, checks=_checks, on_paths=_PutsOnPaths)
