"""Machine-backed loans in the ledger: level payments, a covenant on what the machines fetch, a lien on them, and
walking away from them (`optimizer.ledger.machine_walk`).

What is repaid ahead counts for the instalments that come next: a payment falls due only where what is owed is above
what level payments would have left.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from optimizer.decisions import Decisions, Use
from optimizer.ledger.checks import Check, Scale, at_nodes, per_decision, where
from optimizer.ledger.fleet import keep_fleet_books
from optimizer.ledger.machine_loan_paths import MachineLoansOnPaths
from optimizer.ledger.machine_loan_terms import AHEAD, DRAW, WALKS, kept_share, left_share, list_prices, machine_loans
from optimizer.ledger.machine_walk import hand_over_checks, stood_before, walk_checks, walks
from optimizer.ledger.paths import before, levels
from optimizer.ledger.source import LedgerKind, SourceBooks, may_use
from optimizer.market.tree import Floats, Ints, Tree
from optimizer.scenario.schema import Scenario
from optimizer.scenario.sources import MachineLoan


@dataclass(frozen=True)
class _Account:
    """One loan on a tree, ``[node]``: drawn_usd there; forgiven_usd, what is walked away from; level_usd, the
    principal in level payments; due_usd, what of it is not repaid ahead; ahead_usd beyond it; owed_usd after all.
    list_usd: what the machines financed by live draws cost at today's prices; fetch_usd: what those of draws before
    the node would fetch at it."""

    drawn_usd: Floats
    forgiven_usd: Floats
    level_usd: Floats
    due_usd: Floats
    ahead_usd: Floats
    owed_usd: Floats
    list_usd: Floats
    fetch_usd: Floats


def _account(scenario: Scenario, tree: Tree, ancestor: Ints, loan: MachineLoan, uses: tuple[Use, ...]) -> _Account:
    drawn, forgiven, ahead, old, listed = np.zeros((5, len(tree)))
    for use in (use for use in uses if use.source == loan.name):
        if use.what == AHEAD:
            ahead[use.node] += use.amount
        if use.what == DRAW:
            behind = ancestor[:, tree.month[use.node]] == use.node
            age = tree.month - tree.month[use.node]
            drawn[use.node] += use.amount
            old += behind * (age > 0) * left_share(loan, age) * use.amount
            cost = use.amount / loan.advance_share / float(tree.asic_price_factor[use.node])
            listed += behind * (age < loan.term_months) * cost
    for walk in walks(tree, ancestor, loan, uses):
        behind = ancestor[:, tree.month[walk.node]] == walk.node
        age = tree.month - walk.drawn_month
        forgiven[walk.node] += walk.owed_usd
        old -= behind * left_share(loan, age) * walk.drawn_usd
        listed -= behind * (age < loan.term_months) * walk.listed_usd
    due, owed = np.zeros(len(tree)), drawn - ahead
    for nodes in levels(tree):
        opening = owed[tree.parent[nodes]] - forgiven[nodes]
        due[nodes] = np.maximum(opening - old[nodes], 0.0)
        owed[nodes] += opening - due[nodes]
    today = drawn / loan.advance_share / tree.asic_price_factor
    fetch = (listed - today) * tree.asic_price_factor * kept_share(scenario)
    level = np.where(tree.month > 0, before(tree, old + drawn) - forgiven - old, 0.0)
    return _Account(drawn, forgiven, level, due, ahead, owed, listed, fetch)


def _books(scenario: Scenario, tree: Tree, ancestor: Ints, uses: tuple[Use, ...]) -> SourceBooks:
    out = SourceBooks.empty(len(tree))
    for loan in machine_loans(scenario):
        a = _account(scenario, tree, ancestor, loan, uses)
        owed_before = np.where(tree.month > 0, a.owed_usd[np.maximum(tree.parent, 0)], 0.0)
        out.cash_usd[:] += a.drawn_usd * (1 - loan.origination_fee_share)
        out.cash_usd[:] -= a.due_usd + a.ahead_usd + (owed_before - a.forgiven_usd) * loan.apr / 12
        out.owed_usd[:] += a.owed_usd
        out.interest_usd[:] += a.owed_usd * loan.apr / 12
        out.service_usd[:] += (owed_before - a.forgiven_usd) * loan.apr / 12 + a.level_usd
    return out


def _checks(
    scenario: Scenario, tree: Tree, ancestor: Ints, uses: tuple[Use, ...], btc: Floats, scale: Scale
) -> Iterator[Check]:
    for loan in machine_loans(scenario):
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
        yield from walk_checks(scenario, tree, ancestor, loan, uses, scale)


def _checks_of_machines(
    scenario: Scenario, tree: Tree, ancestor: Ints, decisions: Decisions, scale: Scale
) -> Iterator[Check]:
    """A machine is financed once, as it is ordered, and stays for the term or goes to its lender. Loans on the same
    machines share them."""
    fleet = keep_fleet_books(scenario, tree, ancestor, decisions)
    yield from hand_over_checks(scenario, tree, ancestor, machine_loans(scenario), decisions, scale)
    yield stood_before(scenario, tree, decisions, fleet)
    accounts = {loan.name: _account(scenario, tree, ancestor, loan, decisions.uses) for loan in machine_loans(scenario)}
    for loan in machine_loans(scenario):
        sharing = [other for other in machine_loans(scenario) if other.within(loan)]
        price = list_prices(loan, fleet.pairs)
        price_of = {pair.model: each for pair, each in zip(fleet.pairs, price.tolist(), strict=True)}
        bought = np.zeros(len(tree))
        for order in decisions.orders:
            bought[order.node] += order.units * price_of[order.model] * float(tree.asic_price_factor[order.node])
        financed = sum((accounts[o.name].drawn_usd / o.advance_share for o in sharing), np.zeros(len(tree)))
        yield at_nodes("machines are financed once", "USD", scale.usd, financed - bought, (loan.name,))
        pledged = sum((accounts[o.name].list_usd for o in sharing), np.zeros(len(tree)))
        there = fleet.owned_units @ price
        yield at_nodes("financed machines stay", "USD", scale.usd, where(pledged > 0, pledged - there), (loan.name,))


MACHINE_LOAN = LedgerKind(
    "machine_loan",
    (DRAW, AHEAD, *WALKS),
    books=_books,
    checks=_checks,
    on_paths=MachineLoansOnPaths,
    plan_checks=_checks_of_machines,
)
