"""Machine-backed loans in the ledger: level payments, a covenant on what the machines fetch, a lien on them.

What is repaid ahead counts for the instalments that come next: a payment falls due only where what is owed is above
what level payments would have left.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from optimizer.decisions import Decisions, Use
from optimizer.ledger.checks import Check, Scale, at_nodes, per_decision, where
from optimizer.ledger.company import Company, Setting
from optimizer.ledger.fleet import Pair, keep_fleet_books
from optimizer.ledger.lending import level_remaining_share
from optimizer.ledger.paths import before, levels
from optimizer.ledger.source import LedgerKind, SourceBooks, may_use
from optimizer.market.tree import Floats, Ints, Tree
from optimizer.scenario.schema import Scenario
from optimizer.scenario.sources import MachineLoan

DRAW, AHEAD = "draw_usd", "repay_ahead_usd"
# Of the machines that a loan financed: fewer by less is a solver's rounding.
ROUNDING = 1e-6


@dataclass(frozen=True)
class _Account:
    """One loan on a tree, ``[node]``: drawn_usd there; level_usd, the principal in level payments; due_usd, what of it
    is not repaid ahead; ahead_usd beyond it; owed_usd after both. list_usd: what the machines financed by live draws
    cost at today's prices; fetch_usd: what those of draws before the node would fetch at it."""

    drawn_usd: Floats
    level_usd: Floats
    due_usd: Floats
    ahead_usd: Floats
    owed_usd: Floats
    list_usd: Floats
    fetch_usd: Floats


def _loans(scenario: Scenario) -> list[MachineLoan]:
    return [source for source in scenario.sources if isinstance(source, MachineLoan)]


def _left(loan: MachineLoan, age: Ints | int) -> Floats:
    """Of a draw, the share that level payments have left after ``age`` months; 0 before it and after the term."""
    age = np.asarray(age)
    return np.where(age < 0, 0.0, level_remaining_share(np.maximum(age, 0), loan.apr / 12, loan.term_months))


def _kept_share(scenario: Scenario) -> float:
    return 1 - scenario.market.asic_prices.resale_discount_share


def _account(scenario: Scenario, tree: Tree, ancestor: Ints, loan: MachineLoan, uses: tuple[Use, ...]) -> _Account:
    drawn, ahead, level, listed = np.zeros((4, len(tree)))
    old = np.zeros(len(tree))
    for use in (use for use in uses if use.source == loan.name):
        if use.what == AHEAD:
            ahead[use.node] += use.amount
            continue
        behind = ancestor[:, tree.month[use.node]] == use.node
        age = tree.month - tree.month[use.node]
        drawn[use.node] += use.amount
        level += behind * _left(loan, age) * use.amount
        old += behind * (age > 0) * _left(loan, age) * use.amount
        cost = use.amount / loan.advance_share / float(tree.asic_price_factor[use.node])
        listed += behind * (age < loan.term_months) * cost
    due, owed = np.zeros(len(tree)), drawn - ahead
    for nodes in levels(tree):
        opening = owed[tree.parent[nodes]]
        due[nodes] = np.maximum(opening - old[nodes], 0.0)
        owed[nodes] += opening - due[nodes]
    today = drawn / loan.advance_share / tree.asic_price_factor
    fetch = (listed - today) * tree.asic_price_factor * _kept_share(scenario)
    instalment = np.where(tree.month > 0, before(tree, level) - old, 0.0)
    return _Account(drawn, instalment, due, ahead, owed, listed, fetch)


def _books(scenario: Scenario, tree: Tree, ancestor: Ints, uses: tuple[Use, ...]) -> SourceBooks:
    out = SourceBooks.empty(len(tree))
    for loan in _loans(scenario):
        a = _account(scenario, tree, ancestor, loan, uses)
        owed_before = np.where(tree.month > 0, a.owed_usd[np.maximum(tree.parent, 0)], 0.0)
        out.cash_usd[:] += a.drawn_usd * (1 - loan.origination_fee_share)
        out.cash_usd[:] -= a.due_usd + a.ahead_usd + owed_before * loan.apr / 12
        out.owed_usd[:] += a.owed_usd
        out.interest_usd[:] += a.owed_usd * loan.apr / 12
        out.service_usd[:] += owed_before * loan.apr / 12 + a.level_usd
    return out


def _checks(
    scenario: Scenario, tree: Tree, ancestor: Ints, uses: tuple[Use, ...], btc: Floats, scale: Scale
) -> Iterator[Check]:
    for loan in _loans(scenario):
        a, who = _account(scenario, tree, ancestor, loan, uses), (loan.name,)
        mine = [use for use in uses if use.source == loan.name]
        yield from per_decision("no negative amounts", "USD", scale.usd, ((u.node, -u.amount, loan.name) for u in mine))
        draws = [use for use in mine if use.what == DRAW]
        late = ((u.node, 0.0 if may_use(scenario, tree, loan.name, u) else u.amount, loan.name) for u in draws)
        yield from per_decision("machine loans drawn in their window", "USD", scale.usd, late)
        if not loan.early_repayment:
            yield at_nodes("no early repayment of machine loans", "USD", scale.usd, a.ahead_usd, who)
        yield at_nodes("no more repaid than is owed", "USD", scale.usd, a.drawn_usd - a.owed_usd, who)
        committed = sum(((ancestor[:, tree.month[u.node]] == u.node) * u.amount for u in draws), np.zeros(len(tree)))
        yield at_nodes("machine loans drawn in all", "USD", scale.usd, committed - loan.limit_usd, who)
        if loan.covenant_ltv is not None:
            short = a.owed_usd - a.drawn_usd - loan.covenant_ltv * a.fetch_usd
            yield at_nodes("covenant of machine loans", "USD", scale.usd, where(a.list_usd > 0, short), who)


def _checks_of_machines(
    scenario: Scenario, tree: Tree, ancestor: Ints, decisions: Decisions, scale: Scale
) -> Iterator[Check]:
    """A machine is financed once, as it is ordered, and stays for the term. Loans on the same machines share them."""
    fleet = keep_fleet_books(scenario, tree, ancestor, decisions)
    accounts = {loan.name: _account(scenario, tree, ancestor, loan, decisions.uses) for loan in _loans(scenario)}
    for loan in _loans(scenario):
        sharing = [other for other in _loans(scenario) if other.within(loan)]
        price = _list_prices(loan, fleet.pairs)
        price_of = {pair.model: each for pair, each in zip(fleet.pairs, price.tolist(), strict=True)}
        bought = np.zeros(len(tree))
        for order in decisions.orders:
            bought[order.node] += order.units * price_of[order.model] * float(tree.asic_price_factor[order.node])
        financed = sum((accounts[o.name].drawn_usd / o.advance_share for o in sharing), np.zeros(len(tree)))
        yield at_nodes("machines are financed once", "USD", scale.usd, financed - bought, (loan.name,))
        pledged = sum((accounts[o.name].list_usd for o in sharing), np.zeros(len(tree)))
        there = fleet.owned_units @ price
        yield at_nodes("financed machines stay", "USD", scale.usd, where(pledged > 0, pledged - there), (loan.name,))


def _list_prices(loan: MachineLoan, pairs: tuple[Pair, ...]) -> Floats:
    """USD per machine at today's prices of what the lender takes, 0 of the rest, ``[pair]``."""
    return np.array([pair.price_usd if pair.candidate and loan.takes(pair.model) else 0.0 for pair in pairs])


class _MachineLoansOnPaths:
    """Draws by the month in which they were made, ``[path, month, loan]``, and what is owed, ``[path, loan]``.

    Off the tree machines that were financed may have left: then the draw is cut to those that are there, and what is
    owed above its payments is due a month later. A covenant is cured whatever the contract says of early repayment:
    its lender may ask for it.
    """

    def __init__(self, s: Setting) -> None:
        self._setting = s
        self._loans = _loans(s.scenario)
        self._drawn = np.zeros((len(s.paths), s.paths.months + 1, len(self._loans)))
        self._owed = np.zeros((len(s.paths), len(self._loans)))
        self._offered = np.zeros_like(self._owed)
        self._meant: dict[tuple[str, str], Floats] = {}

    def close(self, s: Setting, c: Company, month: int, meant: dict[tuple[str, str], Floats]) -> tuple[Floats, Floats]:
        cash = np.zeros(len(s.paths))
        for k, loan in enumerate(self._loans):
            owed = self._owed[:, k]
            level = self._drawn[:, :month, k] @ _left(loan, month - np.arange(month))
            cash -= owed * loan.apr / 12
            paid = np.maximum(owed - level, 0.0)
            if loan.early_repayment and (loan.name, AHEAD) in meant:
                paid += np.minimum(meant[loan.name, AHEAD], owed - paid)
            if loan.covenant_ltv is not None:
                fetch = self._list_usd(s, k, month) * s.paths.asic_price_factor[:, month] * _kept_share(s.scenario)
                paid += np.maximum(owed - paid - loan.covenant_ltv * fetch, 0.0)
            self._owed[:, k] = owed - paid
            cash -= paid
        self._meant = meant
        return cash, np.zeros_like(cash)

    def offer(self, s: Setting, c: Company, month: int, order_units: Floats) -> Floats:
        cash = np.zeros(len(s.paths))
        factor = s.paths.asic_price_factor[:, month]
        for k, loan in enumerate(self._loans):
            wanted = self._meant.get((loan.name, DRAW), np.zeros_like(cash))
            room = np.maximum(loan.limit_usd - self._drawn[:, :, k].sum(axis=1), 0.0)
            price = order_units @ _list_prices(loan, s.pairs) * factor
            self._offered[:, k] = np.minimum(np.minimum(wanted, room), loan.advance_share * price)
            cash += self._offered[:, k] * (1 - loan.origination_fee_share)
        return cash

    def pay(self, c: Company, month: int, share: Floats) -> None:
        self._drawn[:, month] = self._offered * share[:, None]
        self._owed += self._drawn[:, month]
        # Only now: machines that are ordered may stand for those that leave.
        self._cut_to_machines(c, month)

    def tied_btc(self) -> Floats:
        return np.zeros(len(self._owed))

    def worth_usd(self, s: Setting, month: int) -> Floats:
        return np.asarray(-self._owed.sum(axis=1))

    def _list_usd(self, s: Setting, k: int, month: int) -> Floats:
        """What the machines of live draws cost at today's prices, ``[path]``."""
        loan = self._loans[k]
        live = slice(max(month - loan.term_months + 1, 0), month + 1)
        at_order = s.paths.asic_price_factor[:, live]
        return np.asarray((self._drawn[:, live, k] / at_order).sum(axis=1) / loan.advance_share)

    def _cut_to_machines(self, c: Company, month: int) -> None:
        s = self._setting
        units = c.racked_units + c.arriving_units[:, month + 1 :].sum(axis=1)
        for loan in self._loans:
            sharing = [k for k, other in enumerate(self._loans) if other.within(loan)]
            pledged = sum((self._list_usd(s, k, month) for k in sharing), np.zeros(len(units)))
            there = units @ _list_prices(loan, s.pairs)
            short = there < pledged * (1 - ROUNDING)
            share = np.divide(there, pledged, out=np.ones_like(there), where=short)
            for k in sharing:
                self._drawn[:, :, k] *= share[:, None]


MACHINE_LOAN = LedgerKind(
    "machine_loan",
    (DRAW, AHEAD),
    books=_books,
    checks=_checks,
    on_paths=_MachineLoansOnPaths,
    plan_checks=_checks_of_machines,
)
