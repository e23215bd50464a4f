"""Walking away from machine loans in the ledger: which draws it ends, and the rules that it must keep.

A plan says at a node how much of what is owed on which month's draw it walks away from, before the month's payment; the
lender takes machines that cost at the order what the draw and the company's own share paid for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from optimizer.decisions import Decisions, Use
from optimizer.ledger.checks import TOLERANCE, Check, Scale, at_nodes, per_decision, where
from optimizer.ledger.fleet import FleetBooks, deliveries_made
from optimizer.ledger.machine_loan_terms import DRAW, WALKS, left_share
from optimizer.ledger.paths import carried
from optimizer.market.tree import Floats, Ints, Tree
from optimizer.scenario.schema import Scenario
from optimizer.scenario.sources import MachineLoan

NOT_DRAWN = -1


@dataclass(frozen=True)
class Walk:
    """At ``node`` the company walks away from ``owed_usd`` of what was drawn at ``drawn_node`` in ``drawn_month``
    (NOT_DRAWN: nothing can have been), which is ``drawn_usd`` of the draw. ``listed_usd``: what the machines that this
    paid for cost at today's prices."""

    node: int
    drawn_node: int
    drawn_month: int
    owed_usd: float
    drawn_usd: float
    listed_usd: float


def walks(tree: Tree, ancestor: Ints, loan: MachineLoan, uses: tuple[Use, ...]) -> list[Walk]:
    """All that is walked away from of a loan, in the plan's order."""
    found = []
    for use in uses:
        if use.source != loan.name or use.what not in WALKS:
            continue
        month, now = WALKS.index(use.what), int(tree.month[use.node])
        left = float(left_share(loan, now - 1 - month))
        at = int(ancestor[use.node, month]) if month < now and left > 0 else NOT_DRAWN
        drawn = use.amount / left if at != NOT_DRAWN else 0.0
        listed = drawn / loan.advance_share / float(tree.asic_price_factor[at]) if at != NOT_DRAWN else 0.0
        found.append(Walk(use.node, at, month, use.amount, drawn, listed))
    return found


def walk_checks(
    scenario: Scenario, tree: Tree, ancestor: Ints, loan: MachineLoan, uses: tuple[Use, ...], scale: Scale
) -> Iterator[Check]:
    """When a loan may be walked away from, and how far. ``uses``: of all sources of the kind."""
    gone, name = walks(tree, ancestor, loan, uses), loan.name
    allowed = loan.recourse == "limited"
    rule = "only loans of limited recourse are walked away from"
    yield from per_decision(rule, "USD", scale.usd, ((w.node, 0.0 if allowed else w.owed_usd, name) for w in gone))
    months = set(scenario.decision_months)
    rule = "walked away from at decision months only"
    late = ((w.node, 0.0 if int(tree.month[w.node]) in months else w.owed_usd, name) for w in gone)
    yield from per_decision(rule, "USD", scale.usd, late)
    left = _left_of_draws(tree, ancestor, loan, uses, gone)
    rule = "no more is walked away from than is owed"
    excess = ((w.node, w.owed_usd if w.drawn_node == NOT_DRAWN else -left[w.node, w.drawn_month], name) for w in gone)
    yield from per_decision(rule, "USD", scale.usd, excess)
    rule = "machines are delivered before they are handed over"
    yield from per_decision(rule, "USD", scale.usd, _undelivered(scenario, tree, loan, gone))
    walked, drawn = np.zeros(len(tree)), np.zeros(len(tree))
    for w in gone:
        walked[w.node] += w.drawn_usd
    for use in uses:
        if use.source == name and use.what == DRAW:
            drawn[use.node] += use.amount
    before = carried(tree, walked) > TOLERANCE * scale.usd
    yield at_nodes("a lender walked away from lends no more", "USD", scale.usd, where(before, drawn), (name,))


def _left_of_draws(tree: Tree, ancestor: Ints, loan: MachineLoan, uses: tuple[Use, ...], gone: list[Walk]) -> Floats:
    """Of what was drawn in each month, what has not been walked away from after each node, ``[node, month]``."""
    left = np.zeros(ancestor.shape)
    for use in uses:
        if use.source == loan.name and use.what == DRAW:
            month = int(tree.month[use.node])
            left[:, month] += (ancestor[:, month] == use.node) * use.amount
    for w in gone:
        if w.drawn_node != NOT_DRAWN:
            left[:, w.drawn_month] -= (ancestor[:, tree.month[w.node]] == w.node) * w.drawn_usd
    return left


def _undelivered(
    scenario: Scenario, tree: Tree, loan: MachineLoan, gone: list[Walk]
) -> Iterator[tuple[int, float, str]]:
    leads = [quote.lead_months for quote in scenario.machines.candidates if loan.takes(quote.model)]
    arrived = deliveries_made(tree)
    for w in gone:
        there = int(arrived[w.node]) >= w.drawn_month + max(leads, default=0)
        yield w.node, 0.0 if there else w.owed_usd, loan.name


def hand_over_checks(
    scenario: Scenario, tree: Tree, ancestor: Ints, loans: list[MachineLoan], decisions: Decisions, scale: Scale
) -> Iterator[Check]:
    """What lenders take: at once, of their own model, worth what the draws walked away from have paid for."""
    taken = [r for r in decisions.retirements if r.seized_by is not None]
    rule = "machines are handed over at once"
    yield from per_decision(
        rule, "months", 1.0, ((r.node, abs(float(r.month - tree.month[r.node])), str(r.seized_by)) for r in taken)
    )
    price = {quote.model: _price_usd(scenario, quote.model) for quote in scenario.machines.candidates}
    for loan in loans:
        mine = [r for r in taken if r.seized_by == loan.name]
        rule = "lenders take machines that they financed"
        yield from per_decision(
            rule, "machines", 1.0, ((r.node, 0.0 if loan.takes(r.model) else r.units, loan.name) for r in mine)
        )
        missing = np.zeros(len(tree))
        for w in walks(tree, ancestor, loan, decisions.uses):
            missing[w.node] += w.listed_usd
        for r in mine:
            missing[r.node] -= r.units * price.get(r.model, 0.0)
        rule = "machines handed over are those that were financed"
        yield at_nodes(rule, "USD", scale.usd, np.abs(missing), (loan.name,))


def stood_before(scenario: Scenario, tree: Tree, decisions: Decisions, fleet: FleetBooks) -> Check:
    """Lenders take machines that stood at the site before the day's orders."""
    names = [scenario.sites[pair.site].name for pair in fleet.pairs]
    column = {(pair.model, name): k for k, (pair, name) in enumerate(zip(fleet.pairs, names, strict=True))}
    new = np.zeros(fleet.racked_units.shape)
    for order in decisions.orders:
        k = column[order.model, order.site]
        quote = fleet.pairs[k].candidate
        if quote is not None and quote.lead_months + int(tree.delivery_delay_months[order.node]) == 0:
            new[order.node, k] += order.units
    stood = fleet.racked_units + fleet.resold_units + fleet.seized_units - new
    most_units = max(1.0, float(np.abs(fleet.owned_units).max(initial=0.0)))
    excess = where(fleet.seized_units > 0, fleet.seized_units - stood)
    labels = [f"{pair.model} at {name}" for pair, name in zip(fleet.pairs, names, strict=True)]
    return at_nodes("lenders take machines that stood there before", "machines", most_units, excess, labels)


def _price_usd(scenario: Scenario, model: str) -> float:
    quote = next(quote for quote in scenario.machines.candidates if quote.model == model)
    return quote.price_usd or scenario.machines.specs[model].price_usd or 0.0
