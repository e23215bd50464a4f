"""Loans repaid by hashrate, in the ledger: a draw's debt month by month, what the pool keeps, the lender's sale.

A dollar drawn runs its course whatever else is drawn; repaying ahead ends it for some of a month's dollars. Index order
``[node]`` and ``[path, month]``, the month that of the draw.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from optimizer.decisions import Decisions, Use
from optimizer.ledger.checks import Check, Scale, at_nodes, per_decision, where
from optimizer.ledger.company import Company, Setting
from optimizer.ledger.fleet import keep_fleet_books
from optimizer.ledger.hashrate_contract import open_forward_ph, standing_ph
from optimizer.ledger.lending import collateral_at_ltv, partial_liquidation
from optimizer.ledger.paths import before, levels
from optimizer.ledger.source import LedgerKind, SourceBooks, may_use
from optimizer.market.tree import Floats, Ints, Tree
from optimizer.scenario.schema import Scenario
from optimizer.scenario.sources import HashrateForward, HashrateLoan

DRAW, LEFT = "draw_usd", "leave_btc"
LAST_MONTH = 120
# Of a draw: less is rounding of a plan that was written down, and points no machines.
ROUNDING = 1e-9
AHEAD = tuple(f"repay_month_{month}_usd" for month in range(LAST_MONTH + 1))


@dataclass(frozen=True)
class _Account:
    """One loan on a tree, ``[node]``: owed_usd after it, pointed_ph, kept_btc by the pool for the month, cash_usd in
    and out; pledged_btc after it and topped_up_btc at its low; most_ahead_usd: the most that a node repays of a
    month's draws beyond what is left of them."""

    owed_usd: Floats
    pointed_ph: Floats
    kept_btc: Floats
    cash_usd: Floats
    pledged_btc: Floats
    topped_up_btc: Floats
    most_ahead_usd: Floats


def _loans(scenario: Scenario) -> list[HashrateLoan]:
    return [source for source in scenario.sources if isinstance(source, HashrateLoan)]


def _max_ltv(scenario: Scenario, loan: HashrateLoan) -> float:
    board = scenario.requirements.max_ltv
    return loan.max_ltv if board is None else min(board, loan.max_ltv)


def _low_ltv(scenario: Scenario, loan: HashrateLoan) -> float:
    """The LTV up to which a treasury that keeps its board's buffer lets a month's low come."""
    return loan.call_ltv - scenario.requirements.calls.buffer_ltv


def _month(loan: HashrateLoan, owed: Floats, live_usd: Floats, btc_per_ph: Floats, price_usd: Floats) -> Floats:
    """BTC that a pool keeps in a month of ``live_usd`` dollars drawn, ``owed`` with the month's interest: its share
    of what the pointed machines mine, or what pays all."""
    mined = live_usd / 1e6 * loan.pointed_ph_per_usd_m * btc_per_ph
    return np.minimum(mined * loan.repaid_share, owed / price_usd)


def _account(scenario: Scenario, tree: Tree, ancestor: Ints, loan: HashrateLoan, uses: tuple[Use, ...]) -> _Account:
    size = len(tree)
    drawn, left = np.zeros(size), np.zeros(size)
    ahead: dict[int, list[Use]] = {}
    for use in (use for use in uses if use.source == loan.name):
        if use.what == DRAW:
            drawn[use.node] += use.amount
        elif use.what == LEFT:
            left[use.node] += use.amount
        else:
            ahead.setdefault(int(ancestor[use.node, min(AHEAD.index(use.what), tree.month[use.node])]), []).append(use)
    owed, ph, kept, cash, beyond = np.zeros((5, size))
    cash += drawn * (1 - loan.origination_fee_share)
    for d in np.flatnonzero((drawn > 0) | np.isin(np.arange(size), list(ahead))):
        repaid = np.zeros(size)
        for use in ahead.get(int(d), ()):
            repaid[use.node] += use.amount
        live, debt = np.zeros(size), np.zeros(size)
        live[d] = debt[d] = drawn[d]
        for nodes in levels(tree):
            nodes = nodes[ancestor[nodes, tree.month[d]] == d]
            nodes = nodes[tree.month[nodes] > tree.month[d]]
            up = tree.parent[nodes]
            due = debt[up] * (1 + loan.apr / 12)
            swept = _month(loan, due, live[up], tree.btc_per_ph[nodes], tree.price_usd[nodes])
            due = due - swept * tree.price_usd[nodes]
            kept[nodes] += swept
            last = tree.month[nodes] >= tree.month[d] + loan.term_months
            cash[nodes] -= due * last
            due = due * ~last
            cash[nodes] -= repaid[nodes]
            beyond[nodes] = np.maximum(beyond[nodes], repaid[nodes] - due)
            debt[nodes] = due - repaid[nodes]
            live[nodes] = live[up] * np.divide(debt[nodes], due, out=np.zeros(len(nodes)), where=due > 0)
        owed += debt
        ph += np.where(debt > ROUNDING * drawn[d], live, 0.0) / 1e6 * loan.pointed_ph_per_usd_m
    pledged = owed / _max_ltv(scenario, loan) / tree.price_usd + left
    at_low = collateral_at_ltv(before(tree, owed), _low_ltv(scenario, loan)) / tree.low_usd
    topped_up = np.maximum(at_low - before(tree, pledged), 0.0)
    return _Account(owed, ph, kept, cash, pledged, topped_up, beyond)


def _books(scenario: Scenario, tree: Tree, ancestor: Ints, uses: tuple[Use, ...]) -> SourceBooks:
    out = SourceBooks.empty(len(tree))
    for loan in _loans(scenario):
        account = _account(scenario, tree, ancestor, loan, uses)
        out.cash_usd[:] += account.cash_usd
        out.btc[:] -= account.kept_btc
        out.owed_usd[:] += account.owed_usd
        out.tied_btc[:] += account.pledged_btc
        out.top_up_btc[:] += account.topped_up_btc
        out.service_usd[:] += account.kept_btc * tree.price_usd
    return out


def _checks(
    scenario: Scenario, tree: Tree, ancestor: Ints, uses: tuple[Use, ...], btc: Floats, scale: Scale
) -> Iterator[Check]:
    for loan in _loans(scenario):
        who, mine = (loan.name,), [use for use in uses if use.source == loan.name]
        a = _account(scenario, tree, ancestor, loan, uses)
        yield from per_decision("no negative amounts", "USD", scale.usd, ((u.node, -u.amount, loan.name) for u in mine))
        late = (
            (u.node, 0.0 if may_use(scenario, tree, loan.name, u) else u.amount, loan.name)
            for u in mine
            if u.what == DRAW
        )
        yield from per_decision("hashrate loans drawn in their window", "USD", scale.usd, late)
        if not loan.early_repayment:
            early = ((u.node, u.amount, loan.name) for u in mine if u.what in AHEAD)
            yield from per_decision("no early repayment of hashrate loans", "USD", scale.usd, early)
        yield at_nodes("no more repaid than is owed", "USD", scale.usd, a.most_ahead_usd, who)
        # What runs up as interest later is not drawn: the limit is the lender's where he lends.
        draws = np.isin(np.arange(len(tree)), [u.node for u in mine if u.what == DRAW])
        yield at_nodes("owed on a hashrate loan", "USD", scale.usd, where(draws, a.owed_usd - loan.limit_usd), who)
        frozen = np.array([loan.counterparty in names for names in tree.frozen]) & (tree.month > 0)
        gone = before(tree, a.pledged_btc) + a.topped_up_btc - a.pledged_btc
        yield at_nodes("a frozen lender keeps the pledge", "BTC", scale.btc, where(frozen, gone), who)


def _checks_of_machines(
    scenario: Scenario, tree: Tree, ancestor: Ints, decisions: Decisions, scale: Scale
) -> Iterator[Check]:
    """What is pointed has machines behind it at every decision, of which nothing else is promised."""
    decides = np.isin(tree.month, scenario.decision_months)
    standing = standing_ph(tree, keep_fleet_books(scenario, tree, ancestor, decisions))
    size = max(float(standing.max()), 1.0)
    promised = np.zeros(len(tree))
    for loan in _loans(scenario):
        pointed = _account(scenario, tree, ancestor, loan, decisions.uses).pointed_ph
        promised += pointed
        over = where(decides & (pointed > 0), pointed - loan.max_share_of_fleet * standing)
        yield at_nodes("machines behind hashrate pointed", "PH/s", size, over, (loan.name,))
    for forward in scenario.sources:
        if isinstance(forward, HashrateForward):
            promised += open_forward_ph(forward, tree, ancestor, decisions.uses)
    yield at_nodes("hashrate promised once", "PH/s", size, where(decides & (promised > 0), promised - standing))


class _HashrateLoansOnPaths:
    """Dollars drawn and not repaid ahead, and what is owed of them, ``[path, month]`` for each loan; BTC pledged,
    ``[path]``."""

    def __init__(self, s: Setting) -> None:
        self._loans = _loans(s.scenario)
        shape = (len(s.paths), s.paths.months + 1)
        self._live = [np.zeros(shape) for _ in self._loans]
        self._owed = [np.zeros(shape) for _ in self._loans]
        self._pledged = [np.zeros(len(s.paths)) for _ in self._loans]
        self._nameplate = np.array([pair.nameplate_ph for pair in s.pairs], dtype=np.float64)

    def settle(self, s: Setting, c: Company, month: int, meant: dict[tuple[str, str], Floats]) -> tuple[Floats, Floats]:
        """The month's low and sweep, what is repaid ahead, and what comes back of the pledge."""
        usd, btc, free = np.zeros(len(s.paths)), np.zeros(len(s.paths)), np.maximum(c.free_btc, 0.0)
        for k in range(len(self._loans) if month else 0):
            free += self._pledged[k]
            sold, unmet = self._meet_low(s, k, month, free)
            free -= sold
            kept, due = self._run(s, k, month)
            # Where a lender's sale has left nothing to give, what is missing is bought.
            given = np.minimum(kept, free)
            free -= given
            cost = s.price_usd[:, month] * (1 + s.scenario.treasury.buy_fee_share)
            usd += self._repay(k, month, meant) - unmet - due - (kept - given) * cost
            btc -= sold + given
            # What the pool keeps may have come out of the pledge.
            self._pledged[k] = np.minimum(np.minimum(self._pledged[k], free), self._to_pledge(s, k, month, meant))
            free -= self._pledged[k]
        return usd, btc

    def close(self, s: Setting, c: Company, month: int, meant: dict[tuple[str, str], Floats]) -> tuple[Floats, Floats]:
        usd, free = np.zeros(len(s.paths)), np.maximum(c.free_btc, 0.0)
        for k in range(len(self._loans)):
            free += self._pledged[k]
            usd += self._draw(s, c, k, month, meant, free)
            self._pledged[k] = np.minimum(self._to_pledge(s, k, month, meant), free)
            free -= self._pledged[k]
        return usd, np.zeros_like(usd)

    def _meet_low(self, s: Setting, k: int, month: int, there_btc: Floats) -> tuple[Floats, Floats]:
        """Top up at the month's low; where that does not do, all that is there sweeps in, the month's own BTC too, and
        if that does not do either the lender sells. Returns BTC sold, and USD still owed where all collateral went."""
        loan, owed = self._loans[k], self._owed[k].sum(axis=1)
        low = s.paths.low_usd[:, s.paths.month_end[month - 1] + 1 : s.paths.month_end[month] + 1].min(axis=1)
        wanted = collateral_at_ltv(owed, _low_ltv(s.scenario, loan)) / low
        pledged = np.maximum(self._pledged[k], np.minimum(wanted, there_btc))
        called = owed > loan.liquidation_ltv * low * pledged
        fee = loan.liquidation_fee_share
        sold_usd = np.where(called, partial_liquidation(owed, low * pledged, loan.liquidation_target_ltv, fee), 0.0)
        sold_usd = np.minimum(sold_usd, owed / (1 - fee))
        sold = sold_usd / low
        left = owed - sold_usd * (1 - fee)
        unmet = np.where(called & (sold >= pledged * (1 - 1e-12)), left, 0.0)
        share = _ratio(left - unmet, owed)[:, None]
        # Hashrate is freed with the debt that is met.
        self._owed[k] *= share
        self._live[k] *= share
        self._pledged[k] = pledged - sold
        return sold, unmet

    def _run(self, s: Setting, k: int, month: int) -> tuple[Floats, Floats]:
        """A month's interest and sweep; returns BTC kept by the pool and USD due at the end of a term."""
        loan, price = self._loans[k], s.price_usd[:, month]
        owed = self._owed[k] * (1 + loan.apr / 12)
        kept = _month(loan, owed, self._live[k], s.paths.btc_per_ph[:, month, None], price[:, None])
        owed = np.maximum(owed - kept * price[:, None], 0.0)
        due = np.zeros(len(price))
        if month >= loan.term_months:
            due = owed[:, month - loan.term_months].copy()
            owed[:, month - loan.term_months] = 0.0
        self._live[k] = np.where(owed > 0, self._live[k], 0.0)
        self._owed[k] = owed
        return kept.sum(axis=1), due

    def _repay(self, k: int, month: int, meant: dict[tuple[str, str], Floats]) -> Floats:
        """What is repaid ahead as meant; returns USD that come in (negative)."""
        usd = np.zeros(len(self._pledged[k]))
        for drawn in range(month):
            wanted = meant.get((self._loans[k].name, AHEAD[drawn]))
            if wanted is not None:
                share = np.minimum(_ratio(wanted, self._owed[k][:, drawn], empty=0.0), 1.0)
                usd -= self._owed[k][:, drawn] * share
                self._owed[k][:, drawn] *= 1 - share
                self._live[k][:, drawn] *= 1 - share
        return usd

    def _draw(
        self, s: Setting, c: Company, k: int, month: int, meant: dict[tuple[str, str], Floats], there_btc: Floats
    ) -> Floats:
        """Draw as meant, within the limit, the machines and the BTC that are there; returns USD that come in."""
        loan = self._loans[k]
        wanted = meant.get((loan.name, DRAW))
        if wanted is None:
            return np.zeros(len(there_btc))
        owed = self._owed[k].sum(axis=1)
        standing = c.racked_units @ self._nameplate
        pointed = sum(
            (
                live.sum(axis=1) / 1e6 * other.pointed_ph_per_usd_m
                for other, live in zip(self._loans, self._live, strict=True)
            ),
            np.zeros(len(owed)),
        )
        mine = self._live[k].sum(axis=1) / 1e6 * loan.pointed_ph_per_usd_m
        spare_ph = np.minimum(standing - pointed, loan.max_share_of_fleet * standing - mine)
        room = np.minimum(loan.limit_usd - owed, spare_ph / loan.pointed_ph_per_usd_m * 1e6)
        room = np.minimum(room, there_btc * s.price_usd[:, month] * _max_ltv(s.scenario, loan) - owed)
        drawn = np.minimum(wanted, np.maximum(room, 0.0))
        self._owed[k][:, month] = self._live[k][:, month] = drawn
        return np.asarray(drawn * (1 - loan.origination_fee_share))

    def _to_pledge(self, s: Setting, k: int, month: int, meant: dict[tuple[str, str], Floats]) -> Floats:
        """BTC that the lender asks for at the close, and what is left with it on purpose."""
        loan, owed = self._loans[k], self._owed[k].sum(axis=1)
        left = meant.get((loan.name, LEFT), np.zeros(len(owed)))
        return np.asarray(owed / _max_ltv(s.scenario, loan) / s.price_usd[:, month] + left)

    def tied_btc(self) -> Floats:
        return np.asarray(np.sum(self._pledged, axis=0))

    def worth_usd(self, s: Setting, month: int) -> Floats:
        return np.asarray(-np.sum([owed.sum(axis=1) for owed in self._owed], axis=0))


def _ratio(part: Floats, of: Floats, empty: float = 1.0) -> Floats:
    """``part`` of ``of``; ``empty`` where there is nothing."""
    return np.asarray(np.divide(part, of, out=np.full_like(of, empty), where=of > 0))


HASHRATE_LOAN = LedgerKind(
    "hashrate_loan",
    (DRAW, LEFT, *AHEAD),
    books=_books,
    checks=_checks,
    on_paths=_HashrateLoansOnPaths,
    plan_checks=_checks_of_machines,
)
