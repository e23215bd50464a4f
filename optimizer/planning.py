"""From a scenario to a plan: market, model, solve, audit, alternatives. What the command and a notebook call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from optimizer.alternatives import Comparator, comparator_of
from optimizer.decisions import Decisions, Position
from optimizer.errors import MethodError
from optimizer.ledger.audit import Audit
from optimizer.ledger.books import Books
from optimizer.market.branches import nodes_of
from optimizer.market.fidelity import Fidelity
from optimizer.market.tree import Tree
from optimizer.scenario.load import LoadedScenario, load_scenario
from optimizer.scenario.market_spec import Cases
from optimizer.scenario.schema import Scenario
from optimizer.solving import Checked, Clock, Found, Tell, check, model_of_tree, solve_tree
from optimizer.valuation import Value

if TYPE_CHECKING:
    from optimizer.compare.split import Split
    from optimizer.replay.summary import Summary
    from optimizer.solve.highs import Solution
    from optimizer.solve.linear_model import LinearModel
    from optimizer.trees.judged import Trees
    from optimizer.why.why import Why

Method = Literal["auto", "whole", "decomposed"]
# From so many nodes on, a tree is cut in parts: measured, docs/explanation/speed.md.
LARGE = 1_000

# How many paths a plan is replayed on before it is shown: two seconds' worth.
MONTE_CARLO_PATHS = 5_000


@dataclass(frozen=True)
class SolverRecord:
    """How the plan was found. ``gap``: proven distance to the best possible, relative. Seconds of wall time.

    ``method``: "whole", or "decomposed": cut at ``cut_month`` into a top and ``subtrees``, both 0 where whole.
    ``why_whole``: why a tree that was to be cut was not; blank where it was not to be.
    """

    method: str
    why_whole: str
    cut_month: int
    subtrees: int
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
    ``trees``: how it fared among plans of other trees of its market; None where it is the plan of the only one.
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
    trees: Trees | None = None

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
    trees: int = 1,
    workers: int | None = None,
    method: Method = "auto",
    scheduler: str | None = None,
    tell: Tell | None = None,
) -> Plan:
    """Make a plan. ``compare=False`` skips the alternatives. ``why``: also ask what limits are worth, what is next best
    and where the advice flips, which takes minutes. ``monte_carlo``: on how many other paths of its market it is
    replayed; 0 for none; named cases are not. ``trees``: plan so many independently sampled trees, try each one's
    decisions of today on the others and give the plan that does best across (`optimizer.trees`), on ``workers``
    processes, one a core if None. ``method``: whether the tree is solved whole or cut in parts (`optimizer.in_parts`),
    or, for "auto", whichever is quicker. ``scheduler``: address of a Dask cluster that solves the parts; with it "auto"
    means in parts.

    Raises `ScenarioError` (bad input), `InfeasibleError` (no plan meets every requirement; says which conflict),
    `LimitError` (stopped before any plan was found), `AuditError` (the ledger disagrees: a bug, no plan),
    `TreesError` (a number of trees that says nothing, or a market of which there is only one), `MethodError` (a
    method that does not go with what is asked) and `ClusterError` (a cluster that is not there, unfit, or went away).
    """
    say = tell or (lambda stage, detail: None)
    if scheduler is not None and method == "whole":
        raise MethodError(
            "--scheduler has a cluster solve the parts of a tree, --method whole leaves it uncut. Give one."
        )
    if (scheduler is not None or method == "decomposed") and (why or trees > 1):
        too_much = "--method decomposed" if scheduler is None else "--scheduler"
        raise MethodError(f"The reasons and several trees are asked of whole models: leave {too_much} out.")
    if scheduler is not None:
        method = "decomposed"
    loaded = scenario if isinstance(scenario, LoadedScenario) else load_scenario(scenario, overrides, sets)
    if trees == 1:
        return plan_of_tree(
            loaded, compare=compare, why=why, monte_carlo=monte_carlo, say=say, method=method, scheduler=scheduler
        )
    from optimizer.trees.many import plan_over_trees

    return plan_over_trees(loaded, trees, workers, compare=compare, why=why, monte_carlo=monte_carlo, say=say)


def plan_of_tree(
    loaded: LoadedScenario,
    *,
    compare: bool,
    why: bool,
    monte_carlo: int,
    say: Tell,
    found: Found | None = None,
    draws_seed: int | None = None,
    method: Method = "auto",
    scheduler: str | None = None,
) -> Plan:
    """The plan of the scenario's own tree; raises as `plan` does. ``found``: its solution, where it is known already.
    ``draws_seed``: of the paths that it is replayed on, the fan's own seed if None."""
    given = loaded.scenario
    why_whole = ""
    if found is None and (method == "decomposed" or (method == "auto" and not why and is_large(given))):
        from optimizer.in_parts import plan_in_parts

        in_parts = plan_in_parts(loaded, compare=compare, monte_carlo=monte_carlo, say=say, scheduler=scheduler)
        if isinstance(in_parts, Plan):
            return in_parts
        why_whole = in_parts
        say("whole", f"in one piece on this machine, since {why_whole}")
    clock = Clock()
    modelled = model_of_tree(given, say)
    from optimizer.solve.comparators import Alternatives, decisions_of

    f, model, tree = modelled.f, modelled.model, modelled.tree
    clock.lap()
    others = Alternatives(f, modelled.handed, given.solver) if compare else None
    try:
        if found is None:
            found = solve_tree(modelled, given, say)
        best = found.solution
        clock.lap()
        checked = check(modelled, given, best, say)
        audit_seconds = clock.lap()

        seed = given.market.fan.seed if draws_seed is None else draws_seed
        replayed = out_of_sample(given, tree, checked, monte_carlo, seed, say)
        replay_seconds = clock.lap()

        comparators: tuple[Comparator, ...] = ()
        if others:
            say("alternatives", "the same company told to do the obvious")
            comparators = tuple(
                comparator_of(a.name, a.told_to, given, tree, decisions_of(f, model, a), checked.value.value)
                for a in others.results(best)
            )
    finally:
        if others:
            others.close()
    alternatives_seconds = clock.lap()
    reasons = _why(given, tree, model, best, checked.decisions, say) if why else None
    record = SolverRecord(
        method="whole",
        why_whole=why_whole,
        cut_month=0,
        subtrees=0,
        status=best.status,
        gap=best.gap,
        hit_limit=best.hit_limit,
        rows=len(model.rows),
        columns=len(model.cost),
        nonzeros=int(model.matrix.nnz),
        integers=int(model.integral.sum()),
        nodes=len(tree),
        leaves=len(tree.leaves),
        market_seconds=modelled.market_seconds,
        build_seconds=modelled.build_seconds,
        solve_seconds=best.seconds,
        audit_seconds=audit_seconds,
        replay_seconds=replay_seconds,
        alternatives_seconds=alternatives_seconds,
        version=found.solver,
    )
    return finished(loaded, tree, modelled.fidelity, checked, record, comparators, replayed, reasons)


def finished(
    loaded: LoadedScenario,
    tree: Tree,
    fidelity: Fidelity,
    checked: Checked,
    record: SolverRecord,
    comparators: tuple[Comparator, ...],
    replayed: Summary | None,
    why: Why | None = None,
) -> Plan:
    """The plan of a tree, whichever way it was found."""
    return Plan(
        loaded=loaded,
        tree=tree,
        fidelity=fidelity,
        decisions=checked.decisions,
        position=checked.position,
        audit=checked.audit,
        value=checked.value,
        objective=checked.objective,
        tie_break=checked.tie_break,
        solver=record,
        comparators=comparators,
        out_of_sample=replayed,
        why=why,
    )


def is_large(given: Scenario) -> bool:
    """Whether the scenario's tree is solved in parts where nothing else is asked."""
    return nodes_of(given) >= LARGE


def out_of_sample(given: Scenario, tree: Tree, checked: Checked, paths: int, seed: int, say: Tell) -> Summary | None:
    """The plan on so many paths drawn from its market; None of named cases, which are known in full."""
    if paths == 0 or isinstance(given.market.price, Cases):
        return None
    from optimizer.replay.monte_carlo import monte_carlo
    from optimizer.replay.summary import figures_on_tree, summarise

    # The draws are not the fan's, whose seed this may be (`optimizer.market.sampled`).
    outcome = monte_carlo(given, tree, checked.decisions, paths=paths, seed=seed, tell=say)
    return summarise(given, outcome, figures_on_tree(given, tree, checked.audit.books), "nearest_node")


def _why(given: Scenario, tree: Tree, model: LinearModel, best: Solution, chosen: Decisions, say: Tell) -> Why:
    from optimizer.why.why import why_of

    return why_of(given, tree, model, best, chosen, say)
