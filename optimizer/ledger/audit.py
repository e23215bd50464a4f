"""The audit: a plan's own account against the books, and every rule of the game against both.

A plan that disagrees with its books by more than 1e-6 of the company's size, or that breaks a rule by more
than 1e-6 of what the rule is measured in, is no plan.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from optimizer.decisions import Decisions, Position, facility_names
from optimizer.errors import AuditError
from optimizer.ledger.books import Books, keep_books
from optimizer.ledger.checks import TOLERANCE, Check, Scale, company_scale
from optimizer.ledger.company_rules import company_checks
from optimizer.ledger.debt_rules import debt_checks
from optimizer.ledger.machine_rules import machine_checks
from optimizer.ledger.paths import ancestors
from optimizer.ledger.sources import source_checks
from optimizer.ledger.taxes import tax_checks
from optimizer.market.tree import Floats, Tree
from optimizer.scenario.schema import Scenario

MOST_LINES = 20


@dataclass(frozen=True)
class Place:
    """Where in the tree: ``branch`` is the stress's or case's name, empty on an unnamed branch."""

    node: int
    month: int
    branch: str

    def __str__(self) -> str:
        return f"month {self.month}{', ' + self.branch if self.branch else ''} (node {self.node})"


@dataclass(frozen=True)
class Difference:
    """The largest difference of one quantity between plan and books; ``relative`` to the company's size."""

    quantity: str
    who: str
    place: Place
    claimed: float
    booked: float
    relative: float

    def __str__(self) -> str:
        whose = f" ({self.who})" if self.who else ""
        return (
            f"{self.quantity}{whose} at {self.place}: the plan says {self.claimed:,.6f}, "
            f"the books {self.booked:,.6f} ({self.relative:.1e} of the company)"
        )


@dataclass(frozen=True)
class Finding:
    """How far past a rule a plan is at one place: ``by`` so many units (negative: room left).

    ``relative``: the same against the rule's own scale.
    """

    rule: str
    who: str
    place: Place
    by: float
    unit: str
    relative: float

    def __str__(self) -> str:
        whose = f" ({self.who})" if self.who else ""
        said = f"room of {abs(self.by):,.6g}" if self.by <= 0 else f"broken by {self.by:,.6g}"
        return f"{self.rule}{whose}: {said} {self.unit} at {self.place}"


@dataclass(frozen=True)
class Audit:
    """What the audit found. ``headrooms``: for each rule the place where it is nearest to being broken."""

    books: Books
    differences: tuple[Difference, ...]
    violations: tuple[Finding, ...]
    headrooms: tuple[Finding, ...]

    @property
    def largest_difference(self) -> float:
        """The largest relative difference between plan and books over all quantities."""
        return max(difference.relative for difference in self.differences)

    @property
    def ok(self) -> bool:
        """Whether the plan agrees with its books and keeps every rule."""
        return not self.violations and self.largest_difference <= TOLERANCE

    def raise_if_failed(self) -> None:
        """Raise `AuditError` saying, in business words, where the plan is wrong."""
        if self.ok:
            return
        lines = [str(difference) for difference in self.differences if not difference.relative <= TOLERANCE]
        lines += _worst_first(self.violations)
        more = [f"and {len(lines) - MOST_LINES} more"] if len(lines) > MOST_LINES else []
        head = "The plan fails its audit: the ledger, which accounts for its decisions on its own, finds"
        raise AuditError("\n  ".join([head, *lines[:MOST_LINES], *more]))


def audit(scenario: Scenario, tree: Tree, decisions: Decisions, position: Position) -> Audit:
    """Recompute the plan from its decisions, compare it with the position it claims, check every rule.

    Raises `AuditError` only if the decisions speak of things that do not exist; otherwise what is wrong is in
    the result.
    """
    books = keep_books(scenario, tree, decisions)
    scale = company_scale(scenario, tree, books)
    checks = list(_all_checks(scenario, tree, decisions, books, scale))
    return Audit(
        books=books,
        differences=tuple(_differences(scenario, tree, books, position, scale)),
        violations=tuple(v for check in checks for v in _violations(tree, check)),
        headrooms=tuple(_headrooms(tree, checks)),
    )


def _all_checks(scenario: Scenario, tree: Tree, decisions: Decisions, books: Books, scale: Scale) -> Iterator[Check]:
    yield from machine_checks(scenario, tree, decisions, books)
    yield from debt_checks(scenario, tree, decisions, books, scale)
    yield from company_checks(scenario, tree, decisions, books, scale)
    yield from source_checks(scenario, tree, ancestors(tree), decisions, books.btc, books.fleet, scale)
    yield from tax_checks(scenario, books.taxes, decisions, scale)


def _differences(
    scenario: Scenario, tree: Tree, books: Books, position: Position, scale: Scale
) -> Iterator[Difference]:
    names = facility_names(scenario)
    yield _difference(tree, "BTC", ("",), position.btc, books.btc, scale.btc)
    yield _difference(tree, "pledged BTC", names, position.pledged_btc, books.pledged_btc, scale.btc)
    yield _difference(tree, "debt in USD", names, position.owed_usd, books.owed_usd, scale.usd)
    yield _difference(tree, "cash in USD", ("",), position.cash_usd, books.cash_usd, scale.usd)
    yield _difference(tree, "net BTC", ("",), position.net_btc, books.net_btc, scale.btc)


def _difference(
    tree: Tree, quantity: str, who: tuple[str, ...], claimed: Floats, booked: Floats, scale: float
) -> Difference:
    if claimed.shape != booked.shape:
        raise AuditError(f"The plan gives {quantity} in the shape {claimed.shape}; the books {booked.shape}.")
    if booked.size == 0:
        return Difference(quantity, "", _place(tree, 0), 0.0, 0.0, 0.0)
    relative = np.nan_to_num(np.abs(claimed - booked) / scale, nan=np.inf)
    worst = int(relative.argmax())
    node, column = divmod(worst, len(who))
    return Difference(
        quantity,
        who[column],
        _place(tree, node),
        float(claimed.flat[worst]),
        float(booked.flat[worst]),
        float(relative.flat[worst]),
    )


def _violations(tree: Tree, check: Check) -> Iterator[Finding]:
    # Written so that a NaN is a violation too.
    broken = ~(check.excess <= TOLERANCE * check.scale)
    for row, column in np.argwhere(broken):
        yield _found(tree, check, int(row), int(column))


def _headrooms(tree: Tree, checks: list[Check]) -> Iterator[Finding]:
    worst: dict[str, Finding] = {}
    for check in checks:
        if check.excess.size == 0:
            continue
        row, column = divmod(int(np.nan_to_num(check.excess, nan=np.inf).argmax()), check.excess.shape[1])
        found = _found(tree, check, row, column)
        if np.isfinite(found.by) and (check.rule not in worst or found.relative > worst[check.rule].relative):
            worst[check.rule] = found
    yield from worst.values()


def _worst_first(violations: tuple[Finding, ...]) -> list[str]:
    """One line for each rule and whom it concerns: the worst place, and in how many places it is broken."""
    found: dict[tuple[str, str], list[Finding]] = {}
    for violation in violations:
        found.setdefault((violation.rule, violation.who), []).append(violation)
    worst = [(max(some, key=lambda v: v.relative), len(some)) for some in found.values()]
    worst.sort(key=lambda pair: -pair[0].relative)
    return [f"{v}" + (f", and in {count - 1} more places" if count > 1 else "") for v, count in worst]


def _found(tree: Tree, check: Check, row: int, column: int) -> Finding:
    by = float(check.excess[row, column])
    place = _place(tree, int(check.node[row]))
    return Finding(check.rule, check.who[column], place, by, check.unit, by / check.scale)


def _place(tree: Tree, node: int) -> Place:
    stress = int(tree.stress[node])
    branch = tree.stress_names[stress] if stress >= 0 else ""
    if tree.branch_names is not None:
        branch = tree.branch_names[node]
    return Place(node, int(tree.month[node]), branch)
