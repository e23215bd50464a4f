"""The rules of machines: what may be ordered, when, in what lots, and what fits on site."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from optimizer.decisions import Decisions, Order
from optimizer.ledger.books import Books
from optimizer.ledger.checks import Check, at_nodes, per_decision
from optimizer.market.tree import Tree
from optimizer.scenario.schema import Scenario


def machine_checks(scenario: Scenario, tree: Tree, decisions: Decisions, books: Books) -> Iterator[Check]:
    """Every rule on orders, retirements, racks and power."""
    fleet, names = books.fleet, [site.name for site in scenario.sites]
    labels = [f"{pair.model} at {names[pair.site]}" for pair in fleet.pairs]
    most_units = max(1.0, float(np.abs(fleet.owned_units).max(initial=0.0)))
    yield at_nodes("machines retired are racked", "machines", most_units, -fleet.racked_units, labels)
    for s, site in enumerate(scenario.sites):
        room = max(1.0, site.power_mw)
        over_mw = fleet.installed_mw[:, s] - site.power_mw
        yield at_nodes("site power", "MW", room, over_mw, (site.name,))
        if site.rack_slots is not None:
            over_slots = fleet.racked_by_site[:, s] - site.rack_slots
            yield at_nodes("rack slots", "machines", max(1.0, site.rack_slots), over_slots, (site.name,))
    for quote in scenario.machines.candidates:
        if quote.max_units is not None:
            mine = [k for k, pair in enumerate(fleet.pairs) if pair.model == quote.model]
            over_units = fleet.ordered_units[:, mine].sum(axis=1) - quote.max_units
            yield at_nodes("vendor's supply", "machines", quote.max_units, over_units, (quote.model,))
    yield from _order_checks(scenario, tree, decisions)


def _order_checks(scenario: Scenario, tree: Tree, decisions: Decisions) -> Iterator[Check]:
    orders, retirements = decisions.orders, decisions.retirements
    months = set(scenario.decision_months)
    acts = [(o.node, o.units, o.model) for o in orders] + [(r.node, r.units, r.model) for r in retirements]
    yield from per_decision(
        "no negative amounts", "machines", 1.0, ((node, -units, model) for node, units, model in acts)
    )
    yield from per_decision(
        "machines are ordered and retired at decision months only",
        "machines",
        1.0,
        ((n, 0.0 if int(tree.month[n]) in months else units, model) for n, units, model in acts),
    )
    yield from per_decision(
        "machines are not retired in the past",
        "months",
        1.0,
        ((r.node, float(tree.month[r.node] - r.month), r.model) for r in retirements if r.units > 0),
    )
    yield from per_decision(
        "machines go to sites that take them",
        "machines",
        1.0,
        ((o.node, 0.0 if _fits(scenario, o) else o.units, f"{o.model} at {o.site}") for o in orders),
    )
    lot = {quote.model: quote.lot_units for quote in scenario.machines.candidates}
    for order in orders:
        if order.node == 0:
            lots = order.units / lot[order.model]
            part = abs(lots - round(lots))
            yield from per_decision("whole lots today", "lots", max(1.0, lots), [(0, part, order.model)])


def _fits(scenario: Scenario, order: Order) -> bool:
    site = next(site for site in scenario.sites if site.name == order.site)
    quote = next(quote for quote in scenario.machines.candidates if quote.model == order.model)
    cooling = scenario.machines.specs[order.model].cooling
    return (cooling is None or cooling in site.cooling) and (quote.sites is None or site.name in quote.sites)
