"""From a scenario to a plan: market, model, solve, audit, alternatives. What the command and a notebook call."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from optimizer.alternatives import Comparator, comparator_of
from optimizer.decisions import Decisions, Position
from optimizer.errors import AuditError, InfeasibleError
from optimizer.ledger.audit import Audit, audit
from optimizer.ledger.books import Books
from optimizer.market.build_tree import build_tree
from optimizer.market.fidelity import Fidelity
from optimizer.market.tree import Tree
from optimizer.scenario.load import LoadedScenario, load_scenario
from optimizer.scenario.market_spec import Cases
from optimizer.scenario.schema import Scenario
from optimizer.valuation import Value, value_of

if TYPE_CHECKING:
    from optimizer.compare.split import Split
    from optimizer.replay.summary import Summary
    from optimizer.solve.highs import Solution
    from optimizer.solve.linear_model import LinearModel
    from optimizer.why.why import Why

# The model's objective and the ledger's value of the same plan may differ by this much, relatively.
OBJECTIVE_TOLERANCE = 1e-6

# How many paths a plan is replayed on before it is shown: two seconds' worth.
MONTE_CARLO_PATHS = 5_000

# Called as work goes on: (stage, detail).
Tell = Callable[[str, str], None]


@dataclass(frozen=True)
class SolverRecord:
    """How the plan was found. ``gap``: proven distance to the best possible, relative. Seconds of wall time."""

    status: str
    gap: float
    hit_limit: bool
    rows: int
    columns: int
    nonzeros: int
    integers: int
    nodes: int
    leaves: int
    market_seconds: float
    build_seconds: float
    solve_seconds: float
    audit_seconds: float
    replay_seconds: float
    alternatives_seconds: float
    version: str


@dataclass(frozen=True)
class Plan:
    """A plan that has passed its audit, and everything needed to defend it.

    ``out_of_sample``: what becomes of it on paths that it was not made for; None where it was not replayed.
    ``why``: what its limits are worth, what comes next best, where it flips; None where that was not asked.
    """

    loaded: LoadedScenario
    tree: Tree
    fidelity: Fidelity
    decisions: Decisions
    position: Position
    audit: Audit
    value: Value
    objective: float
    tie_break: float
    solver: SolverRecord
    comparators: tuple[Comparator, ...]
    out_of_sample: Summary | None = None
    why: Why | None = None

    @property
    def scenario(self) -> Scenario:
        """The scenario that was planned."""
        return self.loaded.scenario

    @property
    def books(self) -> Books:
        """The ledger's account of the plan, node by node."""
        return self.audit.books

    @cached_property
    def split(self) -> Split:
        """What its worth is made of, cause by cause."""
        from optimizer.compare.split import split_of

        return split_of(self.scenario, self.tree, self.decisions, self.books)

    @cached_property
    def tables(self) -> dict[str, object]:
        """The plan as pandas tables: orders, draws, nodes, debts and the rest, by name."""
        from optimizer.report.tables import tables_of

        return dict(tables_of(self))


def plan(
    scenario: LoadedScenario | Path | str,
    *,
    overrides: Sequence[str] = (),
    sets: Sequence[str] = (),
    compare: bool = True,
    why: bool = False,
    monte_carlo: int = MONTE_CARLO_PATHS,
    tell: Tell | None = None,
) -> Plan:
    """Make a plan. ``compare=False`` skips the alternatives. ``why``: also ask what limits are worth, what is next best
    and where the advice flips, which takes minutes. ``monte_carlo``: on how many other paths of its market it is
    replayed; 0 for none; named cases are not.

    Raises `ScenarioError` (bad input), `InfeasibleError` (no plan meets every requirement; says which conflict),
    `LimitError` (stopped before any plan was found) and `AuditError` (the ledger disagrees: a bug, no plan).
    """
    from optimizer.formulation.build import build
    from optimizer.formulation.extract import decisions, position
    from optimizer.formulation.objective import tie_break as tie_break_of
    from optimizer.solve.comparators import Alternatives
    from optimizer.solve.diagnose import explain
    from optimizer.solve.highs import NoPlanError, Solver
    from optimizer.solve.linear_model import load_solution, to_arrays

    say = tell or (lambda stage, detail: None)
    loaded = scenario if isinstance(scenario, LoadedScenario) else load_scenario(scenario, overrides, sets)
    given = loaded.scenario

    clock = _Clock()
    say("market", f"{given.market.fan.paths:,} paths")
    tree, fidelity = build_tree(given)
    market_seconds = clock.lap()
    say("model", f"{len(tree):,} nodes")
    f = build(given, tree)
    model = to_arrays(f)
    build_seconds = clock.lap()
    others = Alternatives(f, model, given.solver) if compare else None
    try:
        say("solve", f"{len(model.rows):,} rows, {len(model.cost):,} columns")
        solver = Solver(model, given.solver)
        try:
            best = solver.solve(progress=lambda seconds, gap: say("solve", _gap_text(seconds, gap)))
        except NoPlanError:
            say("diagnose", "no plan meets every requirement; looking for the ones that conflict")
            raise InfeasibleError(explain(f, solver)) from None
        solve_seconds = clock.lap()

        say("audit", "the ledger recomputes every node")
        load_solution(f, model, best.x)
        chosen, claimed = decisions(f), position(f)
        audited = audit(given, tree, chosen, claimed)
        audited.raise_if_failed()
        value = value_of(given, tree, audited.books)
        unit = 1.0 if given.numeraire == "btc" else given.market.btc_price_usd
        objective, tie_break = -best.objective * unit, tie_break_of(f) * unit
        _check_objective(objective, value.value + tie_break)
        audit_seconds = clock.lap()

        out_of_sample = _out_of_sample(given, tree, chosen, audited.books, monte_carlo, say)
        replay_seconds = clock.lap()

        comparators: tuple[Comparator, ...] = ()
        if others:
            say("alternatives", "the same company told to do the obvious")
            comparators = tuple(
                comparator_of(f, model, alternative, given, tree, value.value) for alternative in others.results(best)
            )
    finally:
        if others:
            others.close()
    alternatives_seconds = clock.lap()
    reasons = _why(given, tree, model, best, chosen, say) if why else None
    return Plan(
        loaded=loaded,
        tree=tree,
        fidelity=fidelity,
        decisions=chosen,
        position=claimed,
        audit=audited,
        value=value,
        objective=objective,
        tie_break=tie_break,
        solver=SolverRecord(
            status=best.status,
            gap=best.gap,
            hit_limit=best.hit_limit,
            rows=len(model.rows),
            columns=len(model.cost),
            nonzeros=int(model.matrix.nnz),
            integers=int(model.integral.sum()),
            nodes=len(tree),
            leaves=len(tree.leaves),
            market_seconds=market_seconds,
            build_seconds=build_seconds,
            solve_seconds=solve_seconds,
            audit_seconds=audit_seconds,
            replay_seconds=replay_seconds,
            alternatives_seconds=alternatives_seconds,
            version=f"HiGHS {solver.highs.version()}",
        ),
        comparators=comparators,
        out_of_sample=out_of_sample,
        why=reasons,
    )


def _out_of_sample(
    given: Scenario, tree: Tree, chosen: Decisions, books: Books, paths: int, say: Tell
) -> Summary | None:
    """The plan on so many paths drawn from its market; None of named cases, which are known in full."""
    if paths == 0 or isinstance(given.market.price, Cases):
        return None
    from optimizer.replay.monte_carlo import monte_carlo
    from optimizer.replay.summary import figures_on_tree, summarise

    # The draws are not the fan's, whose seed this is (`optimizer.market.sampled`).
    outcome = monte_carlo(given, tree, chosen, paths=paths, seed=given.market.fan.seed, tell=say)
    return summarise(given, outcome, figures_on_tree(given, tree, books), "nearest_node")


def _why(given: Scenario, tree: Tree, model: LinearModel, best: Solution, chosen: Decisions, say: Tell) -> Why:
    from optimizer.why.why import why_of

    return why_of(given, tree, model, best, chosen, say)


class _Clock:
    def __init__(self) -> None:
        self._last = time.perf_counter()

    def lap(self) -> float:
        now = time.perf_counter()
        seconds, self._last = now - self._last, now
        return seconds


def _gap_text(seconds: float, gap: float | None) -> str:
    return f"{seconds:.0f} s, " + ("no plan yet" if gap is None else f"gap {gap:.2%}")


def _check_objective(claimed: float, accounted: float) -> None:
    difference = abs(claimed - accounted) / max(abs(claimed), 1.0)
    if difference > OBJECTIVE_TOLERANCE:
        raise AuditError(
            f"The plan's objective does not add up: the model says {claimed:.9g}, "
            f"its terms by the ledger {accounted:.9g} ({difference:.1e} apart)."
        )
