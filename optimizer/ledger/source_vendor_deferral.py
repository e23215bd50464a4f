"""A vendor's deferral in the ledger: it lowers what an order costs now, and is due with simple interest later."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from optimizer.decisions import Use
from optimizer.ledger.checks import Check, at_nodes
from optimizer.ledger.company import Company, Setting
from optimizer.ledger.source import Given, LedgerKind, SourceBooks, since
from optimizer.ledger.vendor_orders import order_usd, ordered_usd
from optimizer.market.tree import Floats, Ints, Tree
from optimizer.scenario.schema import Scenario
from optimizer.scenario.sources import VendorDeferral


def _deferrals(scenario: Scenario) -> list[VendorDeferral]:
    return [source for source in scenario.sources if isinstance(source, VendorDeferral)]


def _books(scenario: Scenario, tree: Tree, ancestor: Ints, uses: tuple[Use, ...]) -> SourceBooks:
    out = SourceBooks.empty(len(tree))
    terms = {source.name: source for source in _deferrals(scenario)}
    for use in uses:
        source = terms[use.source]
        behind, age = since(tree, ancestor, use.node)
        grown = use.amount + use.amount * source.apr / 12 * age
        out.cash_usd[use.node] += use.amount
        out.cash_usd[:] -= behind * (age == source.after_months) * grown
        out.owed_usd[:] += behind * (age < source.after_months) * grown
    return out


def _checks(g: Given) -> Iterator[Check]:
    for source in _deferrals(g.scenario):
        yield from g.used_rightly(source, "prices deferred in the vendor's window", "USD", g.scale.usd)
        open_usd = np.zeros(len(g.tree))
        over = -source.deferred_share * ordered_usd(g.scenario, g.tree, g.decisions.orders, source.model)
        for use in g.of(source):
            behind, age = since(g.tree, g.ancestor, use.node)
            open_usd += behind * (age < source.after_months) * use.amount
            over[use.node] += use.amount
        if source.limit_usd is not None:
            beyond = open_usd - source.limit_usd
            yield at_nodes("prices deferred with one vendor", "USD", g.scale.usd, beyond, (source.name,))
        yield at_nodes("deferred share of what is ordered", "USD", g.scale.usd, over, (source.name,))


class _DeferralsOnPaths:
    """What was deferred, by the month of the order, ``[path, month, source]``."""

    def __init__(self, s: Setting) -> None:
        self._sources = _deferrals(s.scenario)
        self._deferred = np.zeros((len(s.paths), s.paths.months + 1, len(self._sources)))
        self._meant: dict[tuple[str, str], Floats] = {}

    def close(self, s: Setting, c: Company, month: int, meant: dict[tuple[str, str], Floats]) -> tuple[Floats, Floats]:
        self._meant = meant
        cash = np.zeros(len(s.paths))
        for k, source in enumerate(self._sources):
            if month >= source.after_months:
                due = self._deferred[:, month - source.after_months, k]
                cash -= due * (1 + source.apr * source.after_months / 12)
        return cash, np.zeros_like(cash)

    def offer(self, s: Setting, c: Company, month: int, order_units: Floats) -> Floats:
        for k, source in enumerate(self._sources):
            wanted = self._meant.get((source.name, "defer_usd"))
            if wanted is not None:
                most = source.deferred_share * order_usd(s, month, order_units, source.model)
                if source.limit_usd is not None:
                    most = np.minimum(most, np.maximum(source.limit_usd - self._open(k, month), 0.0))
                self._deferred[:, month, k] = np.minimum(wanted, most)
        return np.asarray(self._deferred[:, month].sum(axis=1))

    def pay(self, c: Company, month: int, share: Floats) -> None:
        self._deferred[:, month] *= share[:, None]

    def tied_btc(self) -> Floats:
        return np.zeros(len(self._deferred))

    def worth_usd(self, s: Setting, month: int) -> Floats:
        owed = np.zeros(len(self._deferred))
        for k, source in enumerate(self._sources):
            for ordered in range(max(month - source.after_months + 1, 0), month + 1):
                owed += self._deferred[:, ordered, k] * (1 + source.apr * (month - ordered) / 12)
        return -owed

    def _open(self, k: int, month: int) -> Floats:
        first = max(month - self._sources[k].after_months + 1, 0)
        return np.asarray(self._deferred[:, first : month + 1, k].sum(axis=1))


VENDOR_DEFERRAL = LedgerKind(
    "vendor_deferral",
    ("defer_usd",),
    books=_books,
    checks=_checks,
    on_paths=_DeferralsOnPaths,
)
