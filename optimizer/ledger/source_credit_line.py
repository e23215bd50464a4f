"""Credit lines in the ledger: what is owed by tier, what it holds pledged, and the lender's sale off the tree."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from optimizer.decisions import Use
from optimizer.ledger.checks import Check, at_nodes, per_decision, where
from optimizer.ledger.company import Company, Setting
from optimizer.ledger.floating_pledge import kept_while_frozen, meet_low, ratio, topped_up_btc, within_board
from optimizer.ledger.paths import before, carried
from optimizer.ledger.source import Given, LedgerKind, SourceBooks, may_use
from optimizer.market.tree import Floats, Ints, Tree
from optimizer.scenario.schema import Scenario
from optimizer.scenario.sources import CreditLine

MOST_TIERS = 9
DRAWS = tuple(f"draw_tier_{k + 1}_usd" for k in range(MOST_TIERS))
REPAYS = tuple(f"repay_tier_{k + 1}_usd" for k in range(MOST_TIERS))
LEFT = "leave_btc"


@dataclass(frozen=True)
class _Account:
    """One line on a tree: owed_usd ``[node, tier]``; pledged_btc after the node and topped_up_btc at its low,
    ``[node]``."""

    owed_usd: Floats
    pledged_btc: Floats
    topped_up_btc: Floats


def _lines(scenario: Scenario) -> list[CreditLine]:
    return [source for source in scenario.sources if isinstance(source, CreditLine)]


def _ltvs(scenario: Scenario, line: CreditLine) -> Floats:
    """The LTV at which each tier's dollars stand, ``[tier]``."""
    return within_board(scenario, np.array([tier.max_ltv for tier in line.tiers]))


def _apr(line: CreditLine) -> Floats:
    return np.array([tier.apr for tier in line.tiers])


def _account(scenario: Scenario, tree: Tree, line: CreditLine, uses: tuple[Use, ...]) -> _Account:
    moved, left = np.zeros((len(tree), len(line.tiers))), np.zeros(len(tree))
    for use in uses:
        if use.source != line.name:
            continue
        for sign, ways in ((1, DRAWS), (-1, REPAYS)):
            if use.what in ways[: len(line.tiers)]:
                moved[use.node, ways.index(use.what)] += sign * use.amount
        if use.what == LEFT:
            left[use.node] += use.amount
    owed = carried(tree, moved)
    pledged = (owed / _ltvs(scenario, line)).sum(axis=1) / tree.price_usd + left
    return _Account(owed, pledged, topped_up_btc(scenario, tree, line, owed.sum(axis=1), pledged))


def _books(scenario: Scenario, tree: Tree, ancestor: Ints, uses: tuple[Use, ...]) -> SourceBooks:
    out = SourceBooks.empty(len(tree))
    for line in _lines(scenario):
        account = _account(scenario, tree, line, uses)
        owed_before = before(tree, account.owed_usd)
        out.owed_usd[:] += account.owed_usd.sum(axis=1)
        out.cash_usd[:] += (account.owed_usd - owed_before).sum(axis=1) - owed_before @ _apr(line) / 12
        out.tied_btc[:] += account.pledged_btc
        out.top_up_btc[:] += account.topped_up_btc
        out.interest_usd[:] += account.owed_usd @ _apr(line) / 12
    out.service_usd[:] += before(tree, out.interest_usd)
    return out


def _checks(g: Given) -> Iterator[Check]:
    for line in _lines(g.scenario):
        mine, who, scale = g.of(line), (line.name,), g.scale.usd
        yield from per_decision("no negative amounts", "USD", scale, ((u.node, -u.amount, line.name) for u in mine))
        no_tier = [use for use in mine if use.what not in (*_ways(len(line.tiers)), LEFT)]
        yield from per_decision(
            "tiers that the line has", "USD", scale, ((u.node, u.amount, line.name) for u in no_tier)
        )
        account = _account(g.scenario, g.tree, line, g.uses)
        owed = account.owed_usd.sum(axis=1)
        yield at_nodes("no more is repaid than is owed", "USD", scale, -account.owed_usd.min(axis=1), who)
        yield at_nodes("owed on the line", "USD", scale, owed - line.limit_usd, who)
        # Between tiers dollars may move at any time: a draw is what is owed more than before.
        drawn = owed - before(g.tree, owed)
        closed = np.array([not may_use(g.scenario, g.tree, line, n) for n in range(len(g.tree))])
        yield at_nodes("draws in the line's window", "USD", scale, where(closed, drawn), who)
        yield from kept_while_frozen(g, line, account.pledged_btc, account.topped_up_btc)
        over = owed - line.call_ltv * g.tree.price_usd * account.pledged_btc
        yield at_nodes("LTV at the close", "USD", scale, where(owed > 0, over), who)


def _ways(tiers: int) -> tuple[str, ...]:
    return (*DRAWS[:tiers], *REPAYS[:tiers])


class _LinesOnPaths:
    """What is owed by tier and what is pledged, ``[path, tier]`` and ``[path]`` for each line."""

    def __init__(self, s: Setting) -> None:
        self._lines = _lines(s.scenario)
        self._owed = [np.zeros((len(s.paths), len(line.tiers))) for line in self._lines]
        self._pledged = [np.zeros(len(s.paths)) for _ in self._lines]

    def settle(self, s: Setting, c: Company, month: int, meant: dict[tuple[str, str], Floats]) -> tuple[Floats, Floats]:
        """The month's interest, its low, and what comes back of the pledge once what is meant is done."""
        usd, btc, free = np.zeros(len(s.paths)), np.zeros(len(s.paths)), np.maximum(c.free_btc, 0.0)
        for k, line in enumerate(self._lines):
            free += self._pledged[k]
            usd -= self._owed[k] @ _apr(line) / 12
            if month:
                low = meet_low(s, line, month, self._owed[k].sum(axis=1), self._pledged[k], free)
                self._pledged[k] = low.pledged_btc
                self._owed[k] *= low.left_share[:, None]
                free -= low.sold_btc
                btc -= low.sold_btc
                usd -= low.unmet_usd
            asked = (self._wanted(k, meant) / _ltvs(s.scenario, line)).sum(axis=1) / s.price_usd[:, month]
            kept = meant.get((line.name, LEFT), np.zeros_like(asked))
            self._pledged[k] = np.minimum(self._pledged[k], asked + kept)
            free -= self._pledged[k]
        return usd, btc

    def close(self, s: Setting, c: Company, month: int, meant: dict[tuple[str, str], Floats]) -> tuple[Floats, Floats]:
        usd, free = np.zeros(len(s.paths)), np.maximum(c.free_btc, 0.0)
        for k in range(len(self._lines)):
            free += self._pledged[k]
            owed = self._owed[k].sum(axis=1)
            self._move(s, k, month, meant, free)
            usd += self._owed[k].sum(axis=1) - owed
            free -= self._pledged[k]
        return usd, np.zeros_like(usd)

    def _wanted(self, k: int, meant: dict[tuple[str, str], Floats]) -> Floats:
        """Dollars in each tier once all that is meant is drawn and repaid, within the limit, ``[path, tier]``."""
        line, owed = self._lines[k], np.array(self._owed[k])
        most = np.maximum(line.limit_usd, owed.sum(axis=1))
        for tier in range(len(line.tiers)):
            for sign, ways in ((1, DRAWS), (-1, REPAYS)):
                owed[:, tier] += sign * meant.get((line.name, ways[tier]), np.zeros(len(owed)))
        owed = np.maximum(owed, 0.0)
        return np.asarray(owed * ratio(np.minimum(owed.sum(axis=1), most), owed.sum(axis=1))[:, None])

    def _move(self, s: Setting, k: int, month: int, meant: dict[tuple[str, str], Floats], there_btc: Floats) -> None:
        """Draw and repay as meant, within the limit and the BTC that are there; pledge what the tiers ask.

        Where BTC are short, dollars move to the tier that holds fewest of them, then draws shrink. What is then still
        short stays owed above the tiers, as lenders allow until they sell.
        """
        line, ltv, before_usd = self._lines[k], _ltvs(s.scenario, self._lines[k]), self._owed[k].sum(axis=1)
        owed, nothing = self._wanted(k, meant), np.zeros(len(there_btc))

        value = there_btc * s.price_usd[:, month]
        needs = owed / ltv
        spared = needs - owed / ltv[-1]
        short = np.maximum(needs.sum(axis=1) - value, 0.0)
        shift = np.minimum(ratio(short, spared.sum(axis=1), empty=0.0), 1.0)[:, None] * owed
        shift[:, -1] = 0.0
        owed -= shift
        owed[:, -1] += shift.sum(axis=1)
        total = owed.sum(axis=1)
        held = np.maximum(np.minimum(before_usd, total), value * ltv[-1])
        owed *= ratio(np.minimum(total, held), total)[:, None]

        kept = meant.get((line.name, LEFT), nothing)
        self._owed[k] = owed
        self._pledged[k] = np.minimum((owed / ltv).sum(axis=1) / s.price_usd[:, month] + kept, there_btc)

    def tied_btc(self) -> Floats:
        return np.asarray(np.sum(self._pledged, axis=0))

    def worth_usd(self, s: Setting, month: int) -> Floats:
        return np.asarray(-np.sum([owed.sum(axis=1) for owed in self._owed], axis=0))


CREDIT_LINE = LedgerKind(
    "credit_line", (*_ways(MOST_TIERS), LEFT), books=_books, checks=_checks, on_paths=_LinesOnPaths
)
