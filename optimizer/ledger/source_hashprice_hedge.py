"""The hashprice hedge in the ledger: margin posted, and the difference to the month's hashprice settled in dollars."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from optimizer.decisions import Use
from optimizer.ledger.checks import Check, at_nodes
from optimizer.ledger.company import Company, Setting
from optimizer.ledger.hashrate_contract import day_count, halving_factor, open_ph, signed_contracts
from optimizer.ledger.source import Given, LedgerKind, SourceBooks
from optimizer.market.tree import Floats, Ints, Tree
from optimizer.scenario.schema import Scenario
from optimizer.scenario.sources import HashpriceHedge


def _hedges(scenario: Scenario) -> list[HashpriceHedge]:
    return [source for source in scenario.sources if isinstance(source, HashpriceHedge)]


def _books(scenario: Scenario, tree: Tree, ancestor: Ints, uses: tuple[Use, ...]) -> SourceBooks:
    out = SourceBooks.empty(len(tree))
    for hedge in _hedges(scenario):
        for deal in signed_contracts(hedge, tree, ancestor, uses, scenario.market.block_height):
            fixed = deal.fixed_usd_per_ph_day
            margin_per_day = deal.ph * fixed * hedge.margin_share
            actual = tree.revenue_usd_per_ph * (deal.days_run > 0)
            out.cash_usd[deal.node] -= margin_per_day * deal.days_left[deal.node]
            out.cash_usd[:] += margin_per_day * deal.days_run + deal.ph * (fixed * deal.days_run - actual)
            to_come = deal.ph * (fixed - tree.hashprice_usd_per_ph_day) * deal.days_left
            out.asset_usd[:] += margin_per_day * deal.days_left + np.maximum(to_come, 0.0)
            out.owed_usd[:] += np.maximum(-to_come, 0.0)
    return out


def _checks(g: Given) -> Iterator[Check]:
    for hedge in _hedges(g.scenario):
        yield from g.used_rightly(hedge, "hashprice hedged in the counterparty's window", "PH/s", hedge.limit_ph)
        over = open_ph(hedge, g.tree, g.ancestor, g.uses) - hedge.limit_ph
        yield at_nodes("hashprice hedged with one counterparty", "PH/s", hedge.limit_ph, over, (hedge.name,))


class _HedgesOnPaths:
    """What was hedged, by the month and source, ``[path, month, source]``."""

    def __init__(self, s: Setting) -> None:
        self._hedges = _hedges(s.scenario)
        self._hedged = np.zeros((len(s.paths), s.paths.months + 1, len(self._hedges)))
        longest = max(hedge.term_months for hedge in self._hedges)
        self._day = day_count(s.paths.days, s.paths.months + longest)
        hashprice = s.paths.hashprice_usd_per_ph_day
        self._moved = hashprice / hashprice[:, :1]
        self._block_height = s.scenario.market.block_height

    def close(self, s: Setting, c: Company, month: int, meant: dict[tuple[str, str], Floats]) -> tuple[Floats, Floats]:
        cash = np.zeros(len(s.paths))
        for k, hedge in enumerate(self._hedges):
            days = self._day[month] - self._day[month - 1] if month else 0.0
            for since in range(max(month - hedge.term_months, 0), month):
                fixed_usd = self._fixed(k, since) * days
                settled = fixed_usd - s.paths.revenue_usd_per_ph[:, month]
                cash += self._hedged[:, since, k] * (settled + fixed_usd * hedge.margin_share)
            wanted = meant.get((hedge.name, "hedge_ph"))
            if wanted is not None:
                first = max(month - hedge.term_months + 1, 0)
                room = np.maximum(hedge.limit_ph - self._hedged[:, first:month, k].sum(axis=1), 0.0)
                self._hedged[:, month, k] = np.minimum(wanted, room)
                notional = self._hedged[:, month, k] * self._fixed(k, month) * self._left(k, month, month)
                cash -= notional * hedge.margin_share
        return cash, np.zeros_like(cash)

    def tied_btc(self) -> Floats:
        return np.zeros(len(self._hedged))

    def worth_usd(self, s: Setting, month: int) -> Floats:
        worth = np.zeros(len(self._hedged))
        for k, hedge in enumerate(self._hedges):
            for since in range(max(month - hedge.term_months + 1, 0), month + 1):
                fixed = self._fixed(k, since)
                per_day = fixed * (1 + hedge.margin_share) - s.paths.hashprice_usd_per_ph_day[:, month]
                worth += self._hedged[:, since, k] * per_day * self._left(k, since, month)
        return worth

    def _fixed(self, k: int, since: int) -> Floats:
        """USD per PH/s and day fixed in a month, ``[path]``."""
        quoted = self._hedges[k].hashprice_usd_per_ph_day
        halvings = halving_factor(self._block_height, self._day, since, self._hedges[k].term_months)
        return np.asarray(quoted * halvings * self._moved[:, since])

    def _left(self, k: int, since: int, month: int) -> float:
        return float(self._day[since + self._hedges[k].term_months] - self._day[month])


HASHPRICE_HEDGE = LedgerKind("hashprice_hedge", ("hedge_ph",), books=_books, checks=_checks, on_paths=_HedgesOnPaths)
