"""A vendor's deferral in the ledger: it lowers what an order costs now, and is due with simple interest later."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from optimizer.decisions import Order, Use
from optimizer.ledger.checks import Check, Scale, at_nodes, per_decision
from optimizer.ledger.company import Company, Setting
from optimizer.ledger.source import LedgerKind, SourceBooks, may_use
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
        behind, age = ancestor[:, tree.month[use.node]] == use.node, tree.month - tree.month[use.node]
        grown = use.amount + use.amount * source.apr / 12 * age
        out.cash_usd[use.node] += use.amount
        out.cash_usd[:] -= behind * (age == source.after_months) * grown
        out.owed_usd[:] += behind * (age < source.after_months) * grown
    return out


def _checks(
    scenario: Scenario, tree: Tree, ancestor: Ints, uses: tuple[Use, ...], btc: Floats, scale: Scale
) -> Iterator[Check]:
    for source in _deferrals(scenario):
        mine = [use for use in uses if use.source == source.name]
        yield from per_decision("no negative amounts", "USD", scale.usd, ((u.node, -u.amount, u.source) for u in mine))
        late = ((u.node, 0.0 if may_use(scenario, tree, source.name, u) else u.amount, u.source) for u in mine)
        yield from per_decision("prices deferred in the vendor's window", "USD", scale.usd, late)
        if source.limit_usd is not None:
            open_usd = np.zeros(len(tree))
            for use in mine:
                behind, age = ancestor[:, tree.month[use.node]] == use.node, tree.month - tree.month[use.node]
                open_usd += behind * (age < source.after_months) * use.amount
            yield at_nodes(
                "prices deferred with one vendor", "USD", scale.usd, open_usd - source.limit_usd, [source.name]
            )


def _order_checks(
    scenario: Scenario, tree: Tree, uses: tuple[Use, ...], orders: tuple[Order, ...], scale: Scale
) -> Iterator[Check]:
    for source in _deferrals(scenario):
        over = -source.deferred_share * ordered_usd(scenario, tree, orders, source.model)
        for use in uses:
            over[use.node] += use.amount * (use.source == source.name)
        yield at_nodes("deferred share of what is ordered", "USD", scale.usd, over, [source.name])


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
    order_checks=_order_checks,
)
