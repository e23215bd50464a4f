"""What a company means to do at a month's end on each path; what of it is feasible is for the month's end to find.

Three policies follow a plan off its tree (docs/explanation/policies.md): the nearest node's decisions, selling to pay
bills and no more, and planning anew (`optimizer.replay.replan`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np

from optimizer.decisions import Decisions
from optimizer.ledger.books import Books, keep_books
from optimizer.ledger.company import Company, Setting
from optimizer.ledger.lots_on_paths import lot_names
from optimizer.ledger.nearest import nearest_nodes
from optimizer.market.tree import Floats, Ints, Tree

PolicyName = Literal["nearest_node", "sell_only"]
TODAY = 0


@dataclass(frozen=True)
class LotIntents:
    """What a plan does with lots and tax, where there are taxes: lot_btc that leave each lot ``[path, lot]``
    (`optimizer.ledger.lots_on_paths.lot_names`); taken_btc: of these, for sources of money and failing lenders;
    tax_ahead_usd: paid beyond what is due, ``[path]``."""

    lot_btc: Floats
    taken_btc: Floats
    tax_ahead_usd: Floats


@dataclass(frozen=True)
class Intents:
    """What is meant, on each path.

    order_units ``[path, pair]``. retire_units: to be resold by the month in which they go, ``[path, month, pair]``,
    None for none. draw_usd and repay_share (of what is outstanding after instalments) ``[path, tranche]``. ltv_after:
    the LTV to top up to, at the close; top_up_btc and release_btc: the most to send and take back, ``[path,
    facility]``. sell_btc: the most to sell, so as to hold cash_usd; buy_btc: the most to buy with what is above it;
    free_btc: what the plan then leaves unpledged, ``[path]``. uses: of sources of money, by (source, what), ``[path]``.
    hand_over_units: machines that go to lenders with what is walked away from, by source, ``[path, pair]``.
    lots: where a plan says which it sells.
    """

    order_units: Floats
    retire_units: Floats | None
    draw_usd: Floats
    repay_share: Floats
    ltv_after: Floats
    top_up_btc: Floats
    release_btc: Floats
    sell_btc: Floats
    cash_usd: Floats
    buy_btc: Floats
    free_btc: Floats
    uses: dict[tuple[str, str], Floats] = field(default_factory=dict)
    hand_over_units: dict[str, Floats] = field(default_factory=dict)
    lots: LotIntents | None = None


class Policy(Protocol):
    """A way to decide. ``intents`` sees the month that has ended and the company, and nothing that comes after."""

    def intents(self, s: Setting, c: Company, month: int) -> Intents:
        """What the company means to do at the end of ``month`` (0: today)."""
        ...


def nothing(s: Setting) -> Intents:
    """No intent at all: bills are paid all the same."""
    paths, tranches = len(s.paths), len(s.lender)
    none, none_by_lender = np.zeros(paths), np.zeros((paths, s.facilities))
    none_by_tranche = np.zeros((paths, tranches))
    return Intents(
        order_units=np.zeros((paths, len(s.pairs))),
        retire_units=None,
        draw_usd=none_by_tranche,
        repay_share=none_by_tranche,
        ltv_after=np.ones_like(none_by_lender),
        top_up_btc=none_by_lender,
        release_btc=none_by_lender,
        sell_btc=none,
        cash_usd=none,
        buy_btc=none,
        free_btc=none,
    )


class SellOnly:
    """Today's decisions as planned; later nothing but selling to pay bills and to cure calls."""

    def __init__(self, s: Setting, tree: Tree, decisions: Decisions) -> None:
        self._plan = NodeIntents(s, tree, decisions)

    def intents(self, s: Setting, c: Company, month: int) -> Intents:
        """The plan's today, then nothing."""
        return self._plan.at(s, np.zeros(len(s.paths), dtype=np.int64), TODAY) if month == TODAY else nothing(s)


class NearestNode:
    """Today's decisions as planned, later those of the tree's node that the path comes nearest to.

    ``nodes``: which node each path is matched to, ``[path, month]``, -1 after the tree's end; found where not given.
    """

    def __init__(self, s: Setting, tree: Tree, decisions: Decisions, nodes: Ints | None = None) -> None:
        self._plan = NodeIntents(s, tree, decisions)
        self._nodes = nearest_nodes(tree, s.paths) if nodes is None else nodes

    def intents(self, s: Setting, c: Company, month: int) -> Intents:
        """The matched node's decisions; nothing where the tree has ended."""
        return self._plan.at(s, self._nodes[:, month], month)


class NodeIntents:
    """A plan's decisions as tables by node, ready to be looked up for many paths."""

    def __init__(self, s: Setting, tree: Tree, decisions: Decisions) -> None:
        books = keep_books(s.scenario, tree, decisions)
        nodes, months = len(tree), s.paths.months + 1
        pair_of = {(pair.model, s.scenario.sites[pair.site].name): k for k, pair in enumerate(s.pairs)}
        facility_of = {name: f for f, name in enumerate(_names(s))}
        column = {(tr.facility, tr.tier, tr.drawn_month): q for q, tr in enumerate(s.schedule.tranches)}
        self._orders = np.zeros((nodes, len(s.pairs)))
        for order in decisions.orders:
            self._orders[order.node, pair_of[order.model, order.site]] += order.units
        self._retirements: dict[int, Floats] = {}
        self._hand_over: dict[str, Floats] = {}
        for gone in decisions.retirements:
            if gone.seized_by is not None:
                to_lender = self._hand_over.setdefault(gone.seized_by, np.zeros((nodes, len(s.pairs))))
                to_lender[gone.node, pair_of[gone.model, gone.site]] += gone.units
            elif gone.month < months:
                table = self._retirements.setdefault(gone.node, np.zeros((months, len(s.pairs))))
                table[gone.month, pair_of[gone.model, gone.site]] += gone.units
        self._draws = np.zeros((nodes, len(s.lender)))
        for draw in decisions.draws:
            self._draws[draw.node, column[facility_of[draw.facility], draw.tier, int(tree.month[draw.node])]] += (
                draw.amount_usd
            )
        self._repay_share = np.zeros((nodes, len(s.lender)))
        for q, share in enumerate(_early_share(books, tree).T):
            tranche = books.debt.terms.tranches[q]
            self._repay_share[:, column[tranche.facility, tranche.tier, tranche.drawn_month]] = share
        self._ltv_after = np.nan_to_num(books.debt.ltv_close, nan=1.0, posinf=1.0)
        self._top_up, self._release = books.debt.top_up_btc, books.debt.release_btc
        self._frozen = books.debt.frozen
        self._uses: dict[tuple[str, str], Floats] = {}
        for use in decisions.uses:
            self._uses.setdefault((use.source, use.what), np.zeros(nodes))[use.node] += use.amount
        self._sell, self._cash, self._buy = books.sold_btc, books.cash_usd, books.bought_btc
        self._free = np.maximum(books.free_btc, 0.0)
        self._lots = _lot_tables(s, tree, decisions, books)

    def at(self, s: Setting, nodes: Ints, month: int) -> Intents:
        """The decisions of these nodes, ``[path]``; of a node -1, nothing."""
        there = np.maximum(nodes, 0)
        some = (nodes >= 0).astype(np.float64)
        by = some[:, None]
        return Intents(
            order_units=self._orders[there] * by,
            retire_units=self._retire(s, nodes),
            draw_usd=self._draws[there] * by,
            # A lender that freezes where the plan did not expect it gives nothing back: it is not repaid ahead.
            repay_share=self._repay_share[there] * by * self._gives_back(s, there, month),
            ltv_after=self._ltv_after[there],
            top_up_btc=self._top_up[there] * by,
            release_btc=self._release[there] * by,
            sell_btc=self._sell[there] * some,
            cash_usd=self._cash[there] * some,
            buy_btc=self._buy[there] * some,
            free_btc=self._free[there] * some,
            uses={key: amount[there] * some for key, amount in self._uses.items()},
            hand_over_units={name: units[there] * by for name, units in self._hand_over.items()},
            lots=LotIntents(
                lot_btc=self._lots.lot_btc[there] * by,
                taken_btc=self._lots.taken_btc[there] * some,
                tax_ahead_usd=self._lots.tax_ahead_usd[there] * some,
            )
            if self._lots
            else None,
        )

    def _gives_back(self, s: Setting, nodes: Ints, month: int) -> Floats:
        surprised = s.paths.frozen[:, month] & (self._frozen[nodes] == 0)
        return np.asarray((~surprised)[:, s.schedule.facility], dtype=np.float64)

    def _retire(self, s: Setting, nodes: Ints) -> Floats | None:
        found = [node for node in np.unique(nodes).tolist() if node in self._retirements]
        if not found:
            return None
        table = np.zeros((len(nodes), s.paths.months + 1, len(s.pairs)))
        for node in found:
            table[nodes == node] = self._retirements[node]
        return table


def _lot_tables(s: Setting, tree: Tree, decisions: Decisions, books: Books) -> LotIntents | None:
    """What a plan does with lots and tax by node, ``[node]`` and ``[node, lot]`` in the order of lots on paths."""
    taxes = s.scenario.taxes
    if taxes is None:
        return None
    column = {name: k for k, name in enumerate(lot_names(s.scenario, taxes, s.paths.months))}
    lot_btc, paid = np.zeros((len(tree), len(column))), np.zeros(len(tree))
    for sale in decisions.lot_sales:
        if sale.lot in column:  # a lot of months that the paths do not reach is not there to be sold
            lot_btc[sale.node, column[sale.lot]] += sale.btc
    for payment in decisions.tax_payments:
        paid[payment.node] += payment.amount_usd
    ahead = np.clip(np.minimum(paid, -books.taxes.due_usd), 0.0, None)
    return LotIntents(lot_btc, books.taxes.taken_btc, ahead)


def _early_share(books: Books, tree: Tree) -> Floats:
    """Of what is outstanding after instalments, the share repaid early, ``[node, tranche]``."""
    debt = books.debt
    # What the schedule leaves of the balance before, the day's own draw aside.
    after = debt.tranche_usd - debt.drawn_by_tranche_usd + debt.ahead_usd
    share = np.divide(debt.ahead_usd, after, out=np.zeros_like(after), where=after > 1e-6)
    return np.clip(share, 0.0, 1.0)


def _names(s: Setting) -> list[str]:
    return [contract.name for contract in (*s.scenario.loans, *s.scenario.facilities)]
