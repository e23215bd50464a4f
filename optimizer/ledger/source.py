"""What the ledger needs to know of a kind of source of money: its books on a tree, its rules, its months on paths.

One file a kind, sharing nothing with the model's file of the same kind but the scenario's words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from typing import Protocol, runtime_checkable

import numpy as np

from optimizer.decisions import Decisions, Use
from optimizer.errors import AuditError
from optimizer.ledger.checks import Check, Scale, per_decision
from optimizer.ledger.company import Company, Setting
from optimizer.ledger.fleet import FleetBooks
from optimizer.market.paths import Bools
from optimizer.market.tree import Floats, Ints, Tree
from optimizer.scenario.schema import Scenario
from optimizer.scenario.sources.terms import SourceTerms


@dataclass(frozen=True)
class SourceBooks:
    """What a kind of source comes to at each node, ``[node]``: cash_usd and btc that come in (+) or go out (-);
    tied_btc: of the BTC held, out of reach; top_up_btc: of the BTC free before, sent at the month's low; owed_usd and
    asset_usd: owed to it and by it, after the node. interest_usd: in cash for a month on what is owed after it;
    service_usd: interest and scheduled principal of the month that ends there."""

    cash_usd: Floats
    btc: Floats
    tied_btc: Floats
    top_up_btc: Floats
    owed_usd: Floats
    asset_usd: Floats
    interest_usd: Floats
    service_usd: Floats

    @staticmethod
    def empty(nodes: int) -> SourceBooks:
        """Nothing at any node, to be written to."""
        return SourceBooks(*(np.zeros(nodes) for _ in fields(SourceBooks)))

    def __add__(self, other: SourceBooks) -> SourceBooks:
        return SourceBooks(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(SourceBooks)))


class OnPaths(Protocol):
    """A kind of source on many paths; holds its own balances, ``[path]``."""

    def close(self, s: Setting, c: Company, month: int, meant: dict[tuple[str, str], Floats]) -> tuple[Floats, Floats]:
        """Play a month's end: USD and BTC that come in, net. ``meant``: of (source, what) the amount, ``[path]``; what
        is not feasible is scaled down."""
        ...

    def tied_btc(self) -> Floats:
        """Of the BTC held, what is out of reach now."""
        ...

    def worth_usd(self, s: Setting, month: int) -> Floats:
        """What is owed by it less what is owed to it, at the month's end."""
        ...


def worth_usd(s: Setting, sources: tuple[OnPaths, ...], month: int) -> Floats:
    """What all sources owe less what is owed to them at a month's end, ``[path]``."""
    return sum((source.worth_usd(s, month) for source in sources), np.zeros(len(s.paths)))


@runtime_checkable
class Settles(Protocol):
    """A source on paths of which BTC come back, or something falls due: it settles before any source is used again, so
    that no order among sources leaves one short of what another gives back that day."""

    def settle(self, s: Setting, c: Company, month: int, meant: dict[tuple[str, str], Floats]) -> tuple[Floats, Floats]:
        """As ``close``, of what was used before."""
        ...


@runtime_checkable
class PaysForOrders(Protocol):
    """A source on paths that pays part of what is ordered: asked before the order is scaled to what can be paid."""

    def offer(self, s: Setting, c: Company, month: int, order_units: Floats) -> Floats:
        """Set aside what it would pay of such an order, ``[path, pair]``, at most what was meant; USD ``[path]``."""
        ...

    def pay(self, c: Company, month: int, share: Floats) -> None:
        """Keep to ``share`` of what it offered: so much of the order is made."""
        ...


@dataclass(frozen=True)
class Seized:
    """Machines that lenders take: units ``[path, pair]``; ``[path]``: usd that the company has more for it (a payment
    not made, what machines fetch beyond the debt); forgiven_usd of debt; short_usd that is due at once all the same."""

    units: Floats
    usd: Floats
    forgiven_usd: Floats
    short_usd: Floats

    @staticmethod
    def nothing(paths: int, pairs: int) -> Seized:
        """None on any path."""
        return Seized(np.zeros((paths, pairs)), *np.zeros((3, paths)))

    def __add__(self, other: Seized) -> Seized:
        return Seized(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(Seized)))


@runtime_checkable
class SeizesMachines(Protocol):
    """A source on paths that lends on machines and can take them."""

    def hand_over(
        self, s: Setting, c: Company, month: int, meant: dict[tuple[str, str], Floats], units: dict[str, Floats]
    ) -> Seized:
        """Walk away as far as is meant and feasible, before the month's payment. ``units``: which machines are meant to
        go, by source, ``[path, pair]``. They still have to be taken out of the racks."""
        ...

    def give_up(self, s: Setting, c: Company, month: int, cash: Floats) -> Seized:
        """Where ``cash`` is short after all else, take the machines of debts of limited recourse that were due."""
        ...

    def seize(self, s: Setting, c: Company, month: int, broke: Bools) -> Seized:
        """Take the machines of all debts of a company in default."""
        ...


@dataclass(frozen=True)
class Given:
    """What the rules of a kind read. uses: those of the kind; decisions: all of the plan's. btc: all that the company
    holds, pledged or not, ``[node]``."""

    scenario: Scenario
    tree: Tree
    ancestor: Ints
    decisions: Decisions
    uses: tuple[Use, ...]
    btc: Floats
    fleet: FleetBooks
    scale: Scale

    def of(self, source: SourceTerms) -> tuple[Use, ...]:
        """The uses of one source."""
        return tuple(use for use in self.uses if use.source == source.name)

    def used_rightly(
        self, source: SourceTerms, rule: str, unit: str, scale: float, opening: str | None = None
    ) -> Iterator[Check]:
        """No negative amounts, and under ``rule``: used in its window only; ``opening``: the way that is bound to it,
        None for all."""
        mine = self.of(source)
        yield from per_decision("no negative amounts", unit, scale, ((u.node, -u.amount, source.name) for u in mine))
        late = (
            (u.node, 0.0 if may_use(self.scenario, self.tree, source, u.node) else u.amount, source.name)
            for u in mine
            if opening in (None, u.what)
        )
        yield from per_decision(rule, unit, scale, late)


@dataclass(frozen=True)
class LedgerKind:
    """A kind of source in the ledger. ways: what it can be used for (`Use.what`). books: of (scenario, tree, ancestors,
    uses). checks: rules of the kind. on_paths: opens it for a replay."""

    name: str
    ways: tuple[str, ...]
    books: Callable[[Scenario, Tree, Ints, tuple[Use, ...]], SourceBooks]
    checks: Callable[[Given], Iterator[Check]]
    on_paths: Callable[[Setting], OnPaths]


def since(tree: Tree, ancestor: Ints, node: int) -> tuple[Bools, Ints]:
    """Of a use at ``node``: the nodes that have it on the way to them, itself included, and months since it; both
    ``[node]``."""
    return ancestor[:, tree.month[node]] == node, tree.month - tree.month[node]


def refuse_unknown(uses: tuple[Use, ...], known: dict[str, tuple[str, ...]]) -> None:
    """Raise `AuditError` if a use speaks of a source, or of a way to use it, that there is not."""
    for use in uses:
        if use.what not in known.get(use.source, ()):
            raise AuditError(f"The plan uses {use.source!r} for {use.what!r}, which the scenario does not offer.")


def may_use(scenario: Scenario, tree: Tree, source: SourceTerms, node: int) -> bool:
    """Whether a source could be used at a node: a decision month in its window, and not frozen there."""
    month = int(tree.month[node])
    in_time = month in scenario.decision_months and source.from_month <= month <= source.until_month
    return in_time and source.counterparty not in tree.frozen[node]
