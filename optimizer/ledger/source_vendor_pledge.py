"""BTC pledged to a vendor for machines, in the ledger: bought back at a fixed price on one day, or the vendor's."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from optimizer.decisions import Use
from optimizer.ledger.checks import Check, at_nodes
from optimizer.ledger.company import Company, Setting
from optimizer.ledger.source import Given, LedgerKind, SourceBooks
from optimizer.ledger.vendor_orders import order_usd, ordered_usd
from optimizer.market.paths import Bools
from optimizer.market.tree import Floats, Ints, Tree
from optimizer.scenario.schema import Scenario
from optimizer.scenario.sources import VendorPledge


def _pledges(scenario: Scenario) -> dict[str, VendorPledge]:
    return {source.name: source for source in scenario.sources if isinstance(source, VendorPledge)}


def _books(scenario: Scenario, tree: Tree, ancestor: Ints, uses: tuple[Use, ...]) -> SourceBooks:
    out = SourceBooks.empty(len(tree))
    terms = _pledges(scenario)
    for use in uses:
        source = terms[use.source]
        if use.what == "redeem_btc":
            pledged_at = max(int(tree.month[use.node]) - source.redeem_months, 0)
            agreed_usd = tree.price_usd[ancestor[use.node, pledged_at]] * source.redeem_price_factor
            out.btc[use.node] += use.amount
            out.cash_usd[use.node] -= use.amount * agreed_usd
        else:
            agreed_usd = tree.price_usd[use.node] * source.redeem_price_factor
            held = _held(tree, ancestor, use, source)
            out.cash_usd[use.node] += use.amount * agreed_usd
            out.tied_btc[:] += held * use.amount
            out.owed_usd[:] += held * use.amount * np.minimum(tree.price_usd, agreed_usd)
            out.btc[:] -= _due(tree, ancestor, use, source) * use.amount
    return out


def _held(tree: Tree, ancestor: Ints, pledge: Use, source: VendorPledge) -> Bools:
    """Where the vendor holds what was pledged at a node."""
    behind = ancestor[:, tree.month[pledge.node]] == pledge.node
    return np.asarray(behind & (tree.month < tree.month[pledge.node] + source.redeem_months))


def _due(tree: Tree, ancestor: Ints, pledge: Use, source: VendorPledge) -> Bools:
    """Where it is redeemed or forfeited."""
    behind = ancestor[:, tree.month[pledge.node]] == pledge.node
    return np.asarray(behind & (tree.month == tree.month[pledge.node] + source.redeem_months))


def _checks(g: Given) -> Iterator[Check]:
    for name, source in _pledges(g.scenario).items():
        yield from g.used_rightly(source, "BTC pledged in the vendor's window", "BTC", g.scale.btc, "pledge_btc")
        held, excess = np.zeros((2, len(g.tree)))
        over = -source.paid_share * ordered_usd(g.scenario, g.tree, g.decisions.orders, source.model)
        for use in g.of(source):
            if use.what == "redeem_btc":
                excess[use.node] += use.amount
                continue
            held += _held(g.tree, g.ancestor, use, source) * use.amount
            excess -= _due(g.tree, g.ancestor, use, source) * use.amount
            over[use.node] += use.amount * g.tree.price_usd[use.node] * source.redeem_price_factor
        if source.limit_btc is not None:
            yield at_nodes("BTC pledged to one vendor", "BTC", g.scale.btc, held - source.limit_btc, (name,))
        yield at_nodes("BTC redeemed of those pledged", "BTC", g.scale.btc, excess, (name,))
        yield at_nodes("share of what is ordered paid in BTC", "USD", g.scale.usd, over, (name,))


class _PledgesOnPaths:
    """What was pledged, by the month of the order, ``[path, month, source]``; 0 once redeemed or forfeited."""

    def __init__(self, s: Setting) -> None:
        self._sources = list(_pledges(s.scenario).values())
        self._pledged = np.zeros((len(s.paths), s.paths.months + 1, len(self._sources)))
        self._meant: dict[tuple[str, str], Floats] = {}

    def close(self, s: Setting, c: Company, month: int, meant: dict[tuple[str, str], Floats]) -> tuple[Floats, Floats]:
        """Redeems all where selling part of it pays, else what is meant where price is above the fixed one."""
        self._meant = meant
        cash, btc = np.zeros(len(s.paths)), np.zeros(len(s.paths))
        price = s.price_usd[:, month]
        for k, source in enumerate(self._sources):
            ordered = month - source.redeem_months
            if ordered < 0:
                continue
            due, agreed_usd = self._pledged[:, ordered, k].copy(), self._agreed_usd(s, k, ordered)
            wanted = np.minimum(meant.get((source.name, "redeem_btc"), np.zeros_like(due)), due) * (price > agreed_usd)
            net_price = price * (1 - s.scenario.treasury.sell_fee_share)
            redeemed = np.where(net_price > agreed_usd, due, wanted)
            cash -= redeemed * agreed_usd
            btc -= due - redeemed
            self._pledged[:, ordered, k] = 0.0
        return cash, btc

    def tied_btc(self) -> Floats:
        return np.asarray(self._pledged.sum(axis=(1, 2)))

    def offer(self, s: Setting, c: Company, month: int, order_units: Floats) -> Floats:
        paid = np.zeros(len(s.paths))
        for k, source in enumerate(self._sources):
            wanted = self._meant.get((source.name, "pledge_btc"))
            if wanted is not None:
                agreed_usd = self._agreed_usd(s, k, month)
                most = source.paid_share * order_usd(s, month, order_units, source.model) / agreed_usd
                if source.limit_btc is not None:
                    most = np.minimum(most, np.maximum(source.limit_btc - self._pledged[:, :, k].sum(axis=1), 0.0))
                self._pledge(c, month, k, np.minimum(np.minimum(wanted, most), np.maximum(c.free_btc, 0.0)))
                paid += self._pledged[:, month, k] * agreed_usd
        return paid

    def pay(self, c: Company, month: int, share: Floats) -> None:
        for k in range(len(self._sources)):
            self._pledge(c, month, k, self._pledged[:, month, k] * (share - 1))

    def worth_usd(self, s: Setting, month: int) -> Floats:
        owed = np.zeros(len(self._pledged))
        for k in range(len(self._sources)):
            for ordered in range(month + 1):
                each_usd = np.minimum(s.price_usd[:, month], self._agreed_usd(s, k, ordered))
                owed += self._pledged[:, ordered, k] * each_usd
        return -owed

    def _pledge(self, c: Company, month: int, k: int, btc: Floats) -> None:
        self._pledged[:, month, k] += btc
        c.free_btc -= btc
        c.tied_btc += btc

    def _agreed_usd(self, s: Setting, k: int, ordered: int) -> Floats:
        return np.asarray(s.price_usd[:, ordered] * self._sources[k].redeem_price_factor)


VENDOR_PLEDGE = LedgerKind(
    "vendor_pledge",
    ("pledge_btc", "redeem_btc"),
    books=_books,
    checks=_checks,
    on_paths=_PledgesOnPaths,
)
