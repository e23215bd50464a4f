"""One tree of a scenario: its model, its solution, and the audit that makes a plan of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from optimizer.ahead import load_ahead
from optimizer.decisions import Decisions, Position
from optimizer.errors import AuditError, InfeasibleError
from optimizer.ledger.audit import Audit, audit
from optimizer.market.build_tree import build_tree
from optimizer.market.fidelity import Fidelity
from optimizer.market.tree import Tree
from optimizer.scenario.schema import Scenario
from optimizer.uncollected import uncollected
from optimizer.valuation import Value, value_of

if TYPE_CHECKING:
    from optimizer.formulation.model import Formulation
    from optimizer.solve.highs import Solution
    from optimizer.solve.linear_model import LinearModel

# The model's objective and the ledger's value of the same plan may differ by this much, relatively.
OBJECTIVE_TOLERANCE = 1e-6

# Called as work goes on: (stage, detail).
Tell = Callable[[str, str], None]


@dataclass(frozen=True)
class TreeModel:
    """A scenario's tree and its model, as the formulation and as arrays, and the seconds that they took.

    ``handed``: the model without rows that others imply, which is what a solver gets; its columns are the model's.
    """

    tree: Tree
    fidelity: Fidelity
    f: Formulation
    model: LinearModel
    handed: LinearModel
    market_seconds: float
    build_seconds: float


@dataclass(frozen=True)
class Found:
    """The solution of a tree's model, and which ``solver`` found it, with its version."""

    solution: Solution
    solver: str


@dataclass(frozen=True)
class Checked:
    """A solution taken out of the model, audited by the ledger and valued, in the numeraire."""

    decisions: Decisions
    position: Position
    audit: Audit
    value: Value
    objective: float
    tie_break: float


def model_of_tree(given: Scenario, say: Tell) -> TreeModel:
    """The scenario's tree and the model on it. Raises `ScenarioError` where the market cannot be simulated."""
    load_ahead("optimizer.formulation.build", "optimizer.solve.comparators")
    clock = Clock()
    say("market", f"{given.market.fan.paths:,} paths")
    tree, fidelity = build_tree(given)
    market_seconds = clock.lap()

    from optimizer.formulation.build import build
    from optimizer.formulation.implied import implied_rows
    from optimizer.solve.linear_model import to_arrays, without_rows

    say("model", f"{len(tree):,} nodes")
    f = build(given, tree)
    model = to_arrays(f)
    handed = without_rows(model, implied_rows(f))
    return TreeModel(tree, fidelity, f, model, handed, market_seconds, clock.lap())


def solve_tree(modelled: TreeModel, given: Scenario, say: Tell) -> Found:
    """The solution of a tree's model. Raises `InfeasibleError`, `LimitError` and `SolverError`."""
    from optimizer.solve.diagnose import explain
    from optimizer.solve.highs import NoPlanError, Solver, version

    model = modelled.handed
    say("solve", f"{len(model.rows):,} rows, {len(model.cost):,} columns")
    solver = Solver(model, given.solver)
    try:
        best = solver.solve(progress=lambda seconds, gap: say("solve", gap_text(seconds, gap)))
    except NoPlanError:
        say("diagnose", "no plan meets every requirement; looking for the ones that conflict")
        raise InfeasibleError(explain(modelled.f, solver)) from None
    return Found(best, version())


@uncollected()
def check(modelled: TreeModel, given: Scenario, best: Solution, say: Tell) -> Checked:
    """A solution of a tree's model as decisions, audited. Raises `AuditError`."""
    from optimizer.formulation.extract import decisions, position
    from optimizer.formulation.objective import tie_break as tie_break_of
    from optimizer.solve.linear_model import load_solution

    f = modelled.f
    load_solution(f, modelled.model, best.x)
    return checked(given, modelled.tree, decisions(f), position(f), best.objective, tie_break_of(f), say)


def checked(
    given: Scenario, tree: Tree, chosen: Decisions, claimed: Position, loss: float, tie_break: float, say: Tell
) -> Checked:
    """Decisions and the position that a model claims for them, audited and valued. ``loss``: what the model minimised,
    ``tie_break`` a part of it, in its own unit. Raises `AuditError`."""
    say("audit", "the ledger recomputes every node")
    audited = audit(given, tree, chosen, claimed)
    audited.raise_if_failed()
    value = value_of(given, tree, audited.books)
    unit = unit_of(given)
    _check_objective(-loss * unit, value.value + tie_break * unit)
    return Checked(chosen, claimed, audited, value, -loss * unit, tie_break * unit)


def unit_of(given: Scenario) -> float:
    """The numeraire to one of the model's unit of worth: BTC, or money in today's price of one."""
    return 1.0 if given.numeraire == "btc" else given.market.btc_price_usd


class Clock:
    """Seconds of wall time since the last lap."""

    def __init__(self) -> None:
        self._last = time.perf_counter()

    def lap(self) -> float:
        """Seconds since the lap before."""
        now = time.perf_counter()
        seconds, self._last = now - self._last, now
        return seconds


def gap_text(seconds: float, gap: float | None) -> str:
    """How far a search has come."""
    return f"{seconds:.0f} s, " + ("no plan yet" if gap is None else f"gap {gap:.2%}")


def _check_objective(claimed: float, accounted: float) -> None:
    difference = abs(claimed - accounted) / max(abs(claimed), 1.0)
    if difference > OBJECTIVE_TOLERANCE:
        raise AuditError(
            f"The plan's objective does not add up: the model says {claimed:.9g}, "
            f"its terms by the ledger {accounted:.9g} ({difference:.1e} apart)."
        )
