"""What the tests of the rules share: a plan that breaks one rule, and its audit."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from optimizer.decisions import Decisions, Draw, Order
from optimizer.errors import AuditError, ExitCode
from optimizer.ledger.audit import Audit, audit
from optimizer.ledger.books import keep_books
from optimizer.market.tree import Tree
from optimizer.scenario.schema import Scenario

from .company import PRICE, claim, decisions, facility, requirements, scenario, tree

LINE = {"facilities": [facility()]}
DRAW = Draw(0, "Line", 1, 1_000_000.0)
OWNED = {"machines": {"owned": [{"model": "old", "site": "Plains", "units": 100}]}}


@dataclass(frozen=True)
class Case:
    """A plan that breaks ``rule``, at worst by ``by`` at ``node``, and (unless ``among``) no other."""

    rule: str
    by: float
    node: int
    company: dict[str, Any]
    decided: dict[str, Any] = field(default_factory=dict)
    on: Tree | None = None
    among: bool = False


def audited(company: dict[str, Any], on: Tree | None = None, **decided: Any) -> Audit:
    """The audit of a plan whose position agrees with its books."""
    on = tree() if on is None else on
    plan, what = scenario(**company), decisions(on, **decided)
    return audit(plan, on, what, claim(keep_books(plan, on, what)))


def broken_rules(given: Scenario, on: Tree, made: Decisions) -> set[str]:
    """The rules that the audit finds broken by decisions whose position agrees with their books."""
    return {found.rule for found in audit(given, on, made, claim(keep_books(given, on, made))).violations}


def check(case: Case) -> None:
    """The audit finds the case's rule broken, where and by how much, and fails in words that name it."""
    result = audited(case.company, case.on, **case.decided)
    worst = max((v for v in result.violations if v.rule == case.rule), key=lambda v: v.by)
    assert worst.by == pytest.approx(case.by, rel=1e-9)
    assert worst.place.node == case.node
    assert not result.ok
    if not case.among:
        assert {violation.rule for violation in result.violations} == {case.rule}
    with pytest.raises(AuditError, match=case.rule) as caught:
        result.raise_if_failed()
    assert caught.value.exit_code == ExitCode.AUDIT_FAILED


def demand(**changes: Any) -> dict[str, Any]:
    return {"requirements": requirements(**changes)}


def lows(*prices: float) -> Tree:
    return tree(low_usd=[PRICE, *prices])


def order(units: float, node: int = 0, model: str = "new", at: str = "Plains") -> dict[str, Any]:
    return {"orders": (Order(node, model, at, units),)}


def named(case: Case) -> str:
    """The test's name."""
    return f"{case.rule} at {case.node}"
