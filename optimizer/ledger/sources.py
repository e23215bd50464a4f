"""All kinds of sources of money that the ledger knows, and what those of a scenario come to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from optimizer.decisions import Decisions, Use
from optimizer.ledger.checks import Check, Scale
from optimizer.ledger.fleet import FleetBooks
from optimizer.ledger.paths import ancestors
from optimizer.ledger.source import Given, LedgerKind, SourceBooks, refuse_unknown
from optimizer.ledger.source_btc_lending import BTC_LENDING
from optimizer.ledger.source_btc_put import BTC_PUT
from optimizer.ledger.source_credit_line import CREDIT_LINE
from optimizer.ledger.source_hashprice_hedge import HASHPRICE_HEDGE
from optimizer.ledger.source_hashrate_forward import HASHRATE_FORWARD
from optimizer.ledger.source_hashrate_loan import HASHRATE_LOAN
from optimizer.ledger.source_machine_loan import MACHINE_LOAN
from optimizer.ledger.source_note import NOTE
from optimizer.ledger.source_vendor_deferral import VENDOR_DEFERRAL
from optimizer.ledger.source_vendor_pledge import VENDOR_PLEDGE
from optimizer.market.tree import Floats, Ints, Tree
from optimizer.scenario.schema import Scenario

KINDS: dict[str, LedgerKind] = {
    kind.name: kind
    for kind in (
        NOTE,
        HASHPRICE_HEDGE,
        MACHINE_LOAN,
        BTC_PUT,
        VENDOR_DEFERRAL,
        VENDOR_PLEDGE,
        CREDIT_LINE,
        HASHRATE_LOAN,
        HASHRATE_FORWARD,
        # Last: it lends what the others have left.
        BTC_LENDING,
    )
}


def keep_source_books(scenario: Scenario, tree: Tree, ancestor: Ints, decisions: Decisions) -> SourceBooks:
    """The books of all sources together. Raises `AuditError` on a use of what the scenario does not have."""
    refuse_unknown(decisions.uses, {source.name: KINDS[source.kind].ways for source in scenario.sources})
    total = SourceBooks.empty(len(tree))
    for kind, uses in _by_kind(scenario, decisions.uses):
        total = total + kind.books(scenario, tree, ancestor, uses)
    return total


def tied_btc_with(scenario: Scenario, tree: Tree, decisions: Decisions, counterparty: str) -> Floats:
    """BTC that a counterparty has through sources of money, ``[node]``."""
    mine = {source.name for source in scenario.sources if source.counterparty == counterparty}
    uses = tuple(use for use in decisions.uses if use.source in mine)
    return keep_source_books(scenario, tree, ancestors(tree), replace(decisions, uses=uses)).tied_btc


def given_btc(scenario: Scenario, tree: Tree, ancestor: Ints, decisions: Decisions) -> Floats:
    """BTC that sources take at each node, whatever others bring, ``[node]``."""
    given = np.zeros(len(tree))
    for source in scenario.sources:
        mine = tuple(use for use in decisions.uses if use.source == source.name)
        given += np.maximum(-KINDS[source.kind].books(scenario, tree, ancestor, mine).btc, 0.0)
    return given


def source_checks(
    scenario: Scenario,
    tree: Tree,
    ancestor: Ints,
    decisions: Decisions,
    btc: Floats,
    fleet: FleetBooks,
    scale: Scale,
) -> Iterator[Check]:
    """The rules of every kind of source that the scenario has. ``btc``: all BTC held, ``[node]``."""
    for kind, uses in _by_kind(scenario, decisions.uses):
        yield from kind.checks(Given(scenario, tree, ancestor, decisions, uses, btc, fleet, scale))


def kinds_of(scenario: Scenario) -> tuple[LedgerKind, ...]:
    """The kinds of the scenario's sources, in the order in which they are served at a month's end."""
    there = {source.kind for source in scenario.sources}
    return tuple(kind for name, kind in KINDS.items() if name in there)


def _by_kind(scenario: Scenario, uses: tuple[Use, ...]) -> Iterator[tuple[LedgerKind, tuple[Use, ...]]]:
    of = {source.name: source.kind for source in scenario.sources}
    for kind in kinds_of(scenario):
        yield kind, tuple(use for use in uses if of[use.source] == kind.name)
