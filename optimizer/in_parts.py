"""A plan of a large tree: cut in two, solved by several processes, audited and valued like any other."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager

from optimizer.alternatives import Comparator, comparator_of
from optimizer.errors import SolverError
from optimizer.market.build_tree import build_tree
from optimizer.planning import Plan, SolverRecord, finished, out_of_sample
from optimizer.scenario.load import LoadedScenario
from optimizer.solve.comparators_in_parts import alternatives_in_parts
from optimizer.solve.crew import Crew, LocalCrew
from optimizer.solve.decomposed import CutModel
from optimizer.solve.highs import NoPlanError, version
from optimizer.solve.search import NotDecomposableError
from optimizer.solving import Clock, Tell, checked, gap_text


def plan_in_parts(
    loaded: LoadedScenario,
    *,
    compare: bool,
    monte_carlo: int,
    say: Tell,
    scheduler: str | None = None,
) -> Plan | str:
    """The plan of the scenario's own tree, or why it has to be solved whole: its tree cannot be cut, HiGHS fails on a
    part, or no plan was found in parts, of which only the whole model can say why. ``scheduler``: address of the Dask
    cluster that works on the subtrees; processes of this machine if None.

    Raises `ScenarioError`, `LimitError`, `AuditError` and `ClusterError`.
    """
    given = loaded.scenario
    with _crew(scheduler, say) as working:
        clock = Clock()
        say("market", f"{given.market.fan.paths:,} paths")
        tree, fidelity = build_tree(given)
        market_seconds = clock.lap()
        say("solve", f"{len(tree):,} nodes, cut in parts")

        def tell(seconds: float, gap: float | None) -> None:
            say("solve", gap_text(seconds, gap) + ", in parts")

        try:
            cut = CutModel(given, tree, working)
            found = cut.plan(tell)
        except NotDecomposableError as error:
            return str(error)
        except NoPlanError:
            return "no plan was found in parts"
        except SolverError as error:
            return f"a part of it could not be solved ({error})"
        clock.lap()
        plan = checked(given, tree, found.decisions, found.position, found.objective, found.tie_break, say)
        audit_seconds = clock.lap()
        comparators: tuple[Comparator, ...] = ()
        if compare:
            say("alternatives", "the same company told to do the obvious")
            comparators = tuple(
                comparator_of(other.name, other.told_to, given, tree, other.decisions, plan.value.value)
                for other in alternatives_in_parts(cut)
            )
        alternatives_seconds = clock.lap()
    replayed = out_of_sample(given, tree, plan, monte_carlo, given.market.fan.seed, say)
    replay_seconds = clock.lap()
    record = SolverRecord(
        method="decomposed",
        why_whole="",
        cut_month=found.cut_month,
        subtrees=found.subtrees,
        status=found.status,
        gap=found.gap,
        hit_limit=found.hit_limit,
        rows=found.size[0],
        columns=found.size[1],
        nonzeros=found.size[2],
        integers=found.integers,
        nodes=len(tree),
        leaves=len(tree.leaves),
        market_seconds=market_seconds,
        build_seconds=found.build_seconds,
        solve_seconds=found.seconds - found.build_seconds,
        audit_seconds=audit_seconds,
        replay_seconds=replay_seconds,
        alternatives_seconds=alternatives_seconds,
        version=version(),
    )
    return finished(loaded, tree, fidelity, plan, record, comparators, replayed)


@contextmanager
def _crew(scheduler: str | None, say: Tell) -> Iterator[Crew]:
    """Who works on the subtrees, until the block ends."""
    if scheduler is None:
        with closing(LocalCrew(os.cpu_count() or 1)) as local:
            yield local
    else:
        from optimizer.engine.cluster import cluster
        from optimizer.solve.dask_crew import DaskCrew

        with cluster(scheduler, say) as found, closing(DaskCrew(found)) as crew:
            yield crew
