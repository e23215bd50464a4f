"""Credit lines in the ledger: what is owed by tier, what it holds pledged, and the lender's sale off the tree."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from optimizer.decisions import Use
from optimizer.ledger.checks import Check, Scale, at_nodes, per_decision, where
from optimizer.ledger.company import Company, Setting
from optimizer.ledger.lending import collateral_at_ltv, partial_liquidation
from optimizer.ledger.paths import before, carried
from optimizer.ledger.source import LedgerKind, SourceBooks, may_use
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


def _max_ltv(scenario: Scenario, line: CreditLine) -> Floats:
    """The LTV at which each tier's dollars stand, ``[tier]``: the tier's, or the board's where that is lower."""
    board = scenario.requirements.max_ltv
    return np.minimum([tier.max_ltv for tier in line.tiers], 1.0 if board is None else board)


def _apr(line: CreditLine) -> Floats:
    return np.array([tier.apr for tier in line.tiers])


def _low_ltv(scenario: Scenario, line: CreditLine) -> float:
    """The LTV up to which a treasury that keeps its board's buffer lets a month's low come."""
    return line.call_ltv - scenario.requirements.calls.buffer_ltv


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
    pledged = (owed / _max_ltv(scenario, line)).sum(axis=1) / tree.price_usd + left
    at_low = collateral_at_ltv(before(tree, owed).sum(axis=1), _low_ltv(scenario, line)) / tree.low_usd
    return _Account(owed, pledged, np.maximum(at_low - before(tree, pledged), 0.0))


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


def _checks(
    scenario: Scenario, tree: Tree, ancestor: Ints, uses: tuple[Use, ...], btc: Floats, scale: Scale
) -> Iterator[Check]:
    for line in _lines(scenario):
        mine = [use for use in uses if use.source == line.name]
        yield from per_decision("no negative amounts", "USD", scale.usd, ((u.node, -u.amount, line.name) for u in mine))
        no_tier = [use for use in mine if use.what not in (*_ways(len(line.tiers)), LEFT)]
        yield from per_decision(
            "tiers that the line has", "USD", scale.usd, ((u.node, u.amount, line.name) for u in no_tier)
        )
        account = _account(scenario, tree, line, uses)
        owed = account.owed_usd.sum(axis=1)
        who = (line.name,)
        yield at_nodes("no more is repaid than is owed", "USD", scale.usd, -account.owed_usd.min(axis=1), who)
        yield at_nodes("owed on the line", "USD", scale.usd, owed - line.limit_usd, who)
        # Between tiers dollars may move at any time: a draw is what is owed more than before.
        drawn = owed - before(tree, owed)
        closed = [not may_use(scenario, tree, line.name, Use(n, line.name, DRAWS[0], 0.0)) for n in range(len(tree))]
        yield at_nodes("draws in the line's window", "USD", scale.usd, where(np.array(closed), drawn), who)
        frozen = np.array([line.counterparty in names for names in tree.frozen]) & (tree.month > 0)
        gone = before(tree, account.pledged_btc) + account.topped_up_btc - account.pledged_btc
        yield at_nodes("a frozen lender keeps the pledge", "BTC", scale.btc, where(frozen, gone), who)
        over = owed - line.call_ltv * tree.price_usd * account.pledged_btc
        yield at_nodes("LTV at the close", "USD", scale.usd, where(owed > 0, over), who)


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
                sold, unmet = self._meet_low(s, k, month, free)
                free -= sold
                btc -= sold
                usd -= unmet
            asked = (self._wanted(k, meant) / _max_ltv(s.scenario, line)).sum(axis=1) / s.price_usd[:, month]
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

    def _meet_low(self, s: Setting, k: int, month: int, there_btc: Floats) -> tuple[Floats, Floats]:
        """Top up at the month's low, and where that does not do, let the lender sell. Returns BTC sold, and USD still
        owed where all collateral went: due at once."""
        line, owed = self._lines[k], self._owed[k].sum(axis=1)
        low = s.paths.low_usd[:, s.paths.month_end[month - 1] + 1 : s.paths.month_end[month] + 1].min(axis=1)
        wanted = collateral_at_ltv(owed, _low_ltv(s.scenario, line)) / low
        pledged = np.maximum(self._pledged[k], np.minimum(wanted, there_btc))
        called = owed > line.liquidation_ltv * low * pledged
        fee = line.liquidation_fee_share
        sold_usd = np.where(called, partial_liquidation(owed, low * pledged, line.liquidation_target_ltv, fee), 0.0)
        # A sale stops at what is owed, though its target may ask for more.
        sold_usd = np.minimum(sold_usd, owed / (1 - fee))
        sold = sold_usd / low
        left = owed - sold_usd * (1 - fee)
        unmet = np.where(called & (sold >= pledged * (1 - 1e-12)), left, 0.0)
        self._owed[k] *= _ratio(left - unmet, owed)[:, None]
        self._pledged[k] = pledged - sold
        return sold, unmet

    def _wanted(self, k: int, meant: dict[tuple[str, str], Floats]) -> Floats:
        """Dollars in each tier once all that is meant is drawn and repaid, within the limit, ``[path, tier]``."""
        line, owed = self._lines[k], np.array(self._owed[k])
        most = np.maximum(line.limit_usd, owed.sum(axis=1))
        for tier in range(len(line.tiers)):
            for sign, ways in ((1, DRAWS), (-1, REPAYS)):
                owed[:, tier] += sign * meant.get((line.name, ways[tier]), np.zeros(len(owed)))
        owed = np.maximum(owed, 0.0)
        return np.asarray(owed * _ratio(np.minimum(owed.sum(axis=1), most), owed.sum(axis=1))[:, None])

    def _move(self, s: Setting, k: int, month: int, meant: dict[tuple[str, str], Floats], there_btc: Floats) -> None:
        """Draw and repay as meant, within the limit and the BTC that are there; pledge what the tiers ask.

        Where BTC are short, dollars move to the tier that holds fewest of them, then draws shrink. What is then still
        short stays owed above the tiers, as lenders allow until they sell.
        """
        line, ltv, before_usd = self._lines[k], _max_ltv(s.scenario, self._lines[k]), self._owed[k].sum(axis=1)
        owed, nothing = self._wanted(k, meant), np.zeros(len(there_btc))

        value = there_btc * s.price_usd[:, month]
        needs = owed / ltv
        spared = needs - owed / ltv[-1]
        short = np.maximum(needs.sum(axis=1) - value, 0.0)
        shift = np.minimum(_ratio(short, spared.sum(axis=1), empty=0.0), 1.0)[:, None] * owed
        shift[:, -1] = 0.0
        owed -= shift
        owed[:, -1] += shift.sum(axis=1)
        total = owed.sum(axis=1)
        held = np.maximum(np.minimum(before_usd, total), value * ltv[-1])
        owed *= _ratio(np.minimum(total, held), total)[:, None]

        kept = meant.get((line.name, LEFT), nothing)
        self._owed[k] = owed
        self._pledged[k] = np.minimum((owed / ltv).sum(axis=1) / s.price_usd[:, month] + kept, there_btc)

    def tied_btc(self) -> Floats:
        return np.asarray(np.sum(self._pledged, axis=0))

    def worth_usd(self, s: Setting, month: int) -> Floats:
        return np.asarray(-np.sum([owed.sum(axis=1) for owed in self._owed], axis=0))


def _ratio(part: Floats, of: Floats, empty: float = 1.0) -> Floats:
    """``part`` of ``of``; ``empty`` where there is nothing."""
    return np.asarray(np.divide(part, of, out=np.full_like(of, empty), where=of > 0))


CREDIT_LINE = LedgerKind(
    "credit_line", (*_ways(MOST_TIERS), LEFT), books=_books, checks=_checks, on_paths=_LinesOnPaths
)
