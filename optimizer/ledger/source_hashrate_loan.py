"""Loans repaid by hashrate, in the ledger: a draw's debt month by month, what the pool keeps, the lender's sale.

A dollar drawn runs its course whatever else is drawn; repaying ahead ends it for some of a month's dollars. Index order
``[node]`` and ``[path, month]``, the month that of the draw.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from optimizer.decisions import Use
from optimizer.ledger.checks import Check, at_nodes, per_decision, where
from optimizer.ledger.company import Company, Setting
from optimizer.ledger.floating_pledge import kept_while_frozen, meet_low, ratio, topped_up_btc, within_board
from optimizer.ledger.hashrate_contract import open_ph, standing_ph
from optimizer.ledger.paths import levels
from optimizer.ledger.source import Given, LedgerKind, SourceBooks
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
    pledged = owed / within_board(scenario, loan.max_ltv) / tree.price_usd + left
    return _Account(owed, ph, kept, cash, pledged, topped_up_btc(scenario, tree, loan, owed, pledged), beyond)


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


def _checks(g: Given) -> Iterator[Check]:
    """Rules of each loan; and what is pointed has machines behind it at every decision, of which nothing else is
    promised."""
    decides, standing = np.isin(g.tree.month, g.scenario.decision_months), standing_ph(g.tree, g.fleet)
    size, promised = max(float(standing.max()), 1.0), np.zeros(len(g.tree))
    for loan in _loans(g.scenario):
        who, mine, scale = (loan.name,), g.of(loan), g.scale.usd
        a = _account(g.scenario, g.tree, g.ancestor, loan, g.uses)
        yield from g.used_rightly(loan, "hashrate loans drawn in their window", "USD", scale, DRAW)
        if not loan.early_repayment:
            early = ((u.node, u.amount, loan.name) for u in mine if u.what in AHEAD)
            yield from per_decision("no early repayment of hashrate loans", "USD", scale, early)
        yield at_nodes("no more repaid than is owed", "USD", scale, a.most_ahead_usd, who)
        # What runs up as interest later is not drawn: the limit is the lender's where he lends.
        draws = np.isin(np.arange(len(g.tree)), [u.node for u in mine if u.what == DRAW])
        yield at_nodes("owed on a hashrate loan", "USD", scale, where(draws, a.owed_usd - loan.limit_usd), who)
        yield from kept_while_frozen(g, loan, a.pledged_btc, a.topped_up_btc)
        promised += a.pointed_ph
        over = where(decides & (a.pointed_ph > 0), a.pointed_ph - loan.max_share_of_fleet * standing)
        yield at_nodes("machines behind hashrate pointed", "PH/s", size, over, who)
    for forward in g.scenario.sources:
        if isinstance(forward, HashrateForward):
            promised += open_ph(forward, g.tree, g.ancestor, g.decisions.uses)
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
        for k, loan in enumerate(self._loans if month else []):
            free += self._pledged[k]
            low = meet_low(s, loan, month, self._owed[k].sum(axis=1), self._pledged[k], free)
            self._pledged[k] = low.pledged_btc
            # Hashrate is freed with the debt that is met.
            self._owed[k] *= low.left_share[:, None]
            self._live[k] *= low.left_share[:, None]
            free -= low.sold_btc
            kept, due = self._run(s, k, month)
            # Where a lender's sale has left nothing to give, what is missing is bought.
            given = np.minimum(kept, free)
            free -= given
            cost = s.price_usd[:, month] * (1 + s.scenario.treasury.buy_fee_share)
            usd += self._repay(k, month, meant) - low.unmet_usd - due - (kept - given) * cost
            btc -= low.sold_btc + given
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
                share = np.minimum(ratio(wanted, self._owed[k][:, drawn], empty=0.0), 1.0)
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
        room = np.minimum(room, there_btc * s.price_usd[:, month] * within_board(s.scenario, loan.max_ltv) - owed)
        drawn = np.minimum(wanted, np.maximum(room, 0.0))
        self._owed[k][:, month] = self._live[k][:, month] = drawn
        return np.asarray(drawn * (1 - loan.origination_fee_share))

    def _to_pledge(self, s: Setting, k: int, month: int, meant: dict[tuple[str, str], Floats]) -> Floats:
        """BTC that the lender asks for at the close, and what is left with it on purpose."""
        loan, owed = self._loans[k], self._owed[k].sum(axis=1)
        left = meant.get((loan.name, LEFT), np.zeros(len(owed)))
        return np.asarray(owed / within_board(s.scenario, loan.max_ltv) / s.price_usd[:, month] + left)

    def tied_btc(self) -> Floats:
        return np.asarray(np.sum(self._pledged, axis=0))

    def worth_usd(self, s: Setting, month: int) -> Floats:
        return np.asarray(-np.sum([owed.sum(axis=1) for owed in self._owed], axis=0))


HASHRATE_LOAN = LedgerKind(
    "hashrate_loan",
    (DRAW, LEFT, *AHEAD),
    books=_books,
    checks=_checks,
    on_paths=_HashrateLoansOnPaths,
)
