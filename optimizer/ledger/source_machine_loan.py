"""Machine-backed loans in the ledger: level payments, a covenant on what the machines fetch, a lien on them, and
walking away from them (`optimizer.ledger.machine_walk`).

What is repaid ahead counts for the instalments that come next: a payment falls due only where what is owed is above
what level payments would have left.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from optimizer.decisions import Use
from optimizer.ledger.checks import Check, at_nodes, where
from optimizer.ledger.machine_loan_paths import MachineLoansOnPaths
from optimizer.ledger.machine_loan_terms import AHEAD, DRAW, WALKS, kept_share, left_share, list_prices, machine_loans
from optimizer.ledger.machine_walk import hand_over_checks, stood_before, walk_checks, walks
from optimizer.ledger.paths import before, carried, levels
from optimizer.ledger.source import Given, LedgerKind, SourceBooks, since
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
            behind, age = since(tree, ancestor, use.node)
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


def _checks(g: Given) -> Iterator[Check]:
    for loan in machine_loans(g.scenario):
        a, who = _account(g.scenario, g.tree, g.ancestor, loan, g.uses), (loan.name,)
        yield from g.used_rightly(loan, "machine loans drawn in their window", "USD", g.scale.usd, DRAW)
        if not loan.early_repayment:
            yield at_nodes("no early repayment of machine loans", "USD", g.scale.usd, a.ahead_usd, who)
        yield at_nodes("no more repaid than is owed", "USD", g.scale.usd, a.drawn_usd - a.owed_usd, who)
        committed = carried(g.tree, a.drawn_usd)
        yield at_nodes("machine loans drawn in all", "USD", g.scale.usd, committed - loan.limit_usd, who)
        if loan.covenant_ltv is not None:
            short = a.owed_usd - a.drawn_usd - loan.covenant_ltv * a.fetch_usd
            yield at_nodes("covenant of machine loans", "USD", g.scale.usd, where(a.list_usd > 0, short), who)
        yield from walk_checks(g.scenario, g.tree, g.ancestor, loan, g.uses, g.scale)
    yield from _checks_of_machines(g)


def _checks_of_machines(g: Given) -> Iterator[Check]:
    """A machine is financed once, as it is ordered, and stays for the term or goes to its lender. Loans on the same
    machines share them."""
    loans, tree, fleet = machine_loans(g.scenario), g.tree, g.fleet
    yield from hand_over_checks(g.scenario, tree, g.ancestor, loans, g.decisions, g.scale)
    yield stood_before(g.scenario, tree, g.decisions, fleet)
    accounts = {loan.name: _account(g.scenario, tree, g.ancestor, loan, g.uses) for loan in loans}
    for loan in loans:
        sharing = [other for other in loans if other.within(loan)]
        price = list_prices(loan, fleet.pairs)
        price_of = {pair.model: each for pair, each in zip(fleet.pairs, price.tolist(), strict=True)}
        bought = np.zeros(len(tree))
        for order in g.decisions.orders:
            bought[order.node] += order.units * price_of[order.model] * float(tree.asic_price_factor[order.node])
        financed = sum((accounts[o.name].drawn_usd / o.advance_share for o in sharing), np.zeros(len(tree)))
        yield at_nodes("machines are financed once", "USD", g.scale.usd, financed - bought, (loan.name,))
        pledged = sum((accounts[o.name].list_usd for o in sharing), np.zeros(len(tree)))
        there = fleet.owned_units @ price
        yield at_nodes("financed machines stay", "USD", g.scale.usd, where(pledged > 0, pledged - there), (loan.name,))


MACHINE_LOAN = LedgerKind(
    "machine_loan",
    (DRAW, AHEAD, *WALKS),
    books=_books,
    checks=_checks,
    on_paths=MachineLoansOnPaths,
)
