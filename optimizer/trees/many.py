"""A plan over several sampled trees: each planned, each plan tried on the others, the best across given as the plan."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from optimizer.engine.local import Local
from optimizer.engine.work import Died, Done, Item
from optimizer.errors import SolverError, TreesError
from optimizer.planning import Plan, plan_of_tree
from optimizer.scenario.load import LoadedScenario
from optimizer.scenario.market_spec import Cases
from optimizer.solving import Tell
from optimizer.trees.judged import Trees, candidates_of, doubts_of, stake_of
from optimizer.trees.off_tree import Replay, Rival, other_advice, rivals_of
from optimizer.trees.sampled import OnTree, Planned, PlanTree, Trial, TryOn, Unplanned, with_seed
from optimizer.trees.spread import spread_of
from optimizer.trees.statistics import confidence_of_each

# A candidate's gap has a spread once it is tried on two trees that it was not made from.
FEWEST, MOST = 3, 50
SEEDS = 2**31
# A tree that is planned sooner than this is planned here: a process takes as long to start.
WORTH_A_PROCESS_S = 3.0


def plan_over_trees(
    loaded: LoadedScenario,
    trees: int,
    workers: int | None,
    *,
    compare: bool,
    why: bool,
    monte_carlo: int,
    say: Tell,
) -> Plan:
    """The plan of the tree whose decisions of today do best across ``trees`` of them, with its `Trees`; it is the plan
    of ``--set market.fan.seed=`` that tree's seed, but that it is replayed on the paths that all were replayed on.

    The first tree is the scenario's own, the others come from the seeds that follow its. ``workers``: processes; if
    None as many as cores where a tree takes longer than a process to start. The answer is the same. Raises
    `TreesError`, and as `optimizer.planning.plan`; that a tree other than the scenario's own has no plan is told, not
    raised.
    """
    _refuse(loaded, trees)
    given, first = loaded.scenario, loaded.scenario.market.fan.seed

    replay = Replay(given, monte_carlo, first) if monte_carlo > 0 else None
    job = PlanTree(loaded, replay)
    seeds = [(first + k) % SEEDS for k in range(trees)]
    # The scenario's own tree comes first, and here: whether it has a plan and how long one takes is then known.
    started = time.perf_counter()
    own = job(first, say)
    if isinstance(own, Unplanned):
        raise own.error
    if workers is None:
        workers = 1 if time.perf_counter() - started < WORTH_A_PROCESS_S else os.cpu_count() or 1
    say("trees", f"1 of {trees} planned")
    others = _all(job, seeds[1:], workers, lambda n: say("trees", f"{n + 1} of {trees} planned"))
    sampled = [own, *others]
    planned = [tree for tree in sampled if isinstance(tree, Planned)]
    without = [tree for tree in sampled if isinstance(tree, Unplanned)]

    say("cross", "each plan's decisions of today on the other trees")
    trials = _tried(planned, TryOn(given), workers, say)
    candidates, chosen = candidates_of(planned, trials)
    best = planned[chosen]
    plan = plan_of_tree(
        with_seed(loaded, best.seed),
        compare=compare,
        why=why,
        monte_carlo=monte_carlo,
        say=say,
        found=best.found,
        draws_seed=first,
    )
    advice = other_advice(plan.comparators, best.bound - best.objective)
    rivals: tuple[Rival, ...] = ()
    if replay and best.off_tree and advice:
        say("rivals", "other advice on the paths off the trees")
        rivals = rivals_of(advice, plan.tree, replay, best.off_tree.scores)
    stake, of = stake_of(advice, plan.value.value)
    return replace(
        plan,
        trees=Trees(
            candidates=candidates,
            without=tuple((tree.seed, str(tree.error)) for tree in without),
            trials=tuple(trials),
            recommended=chosen,
            paths=monte_carlo,
            confidence_each=confidence_of_each(len(planned)),
            decisions=spread_of(given, [tree.decisions for tree in planned]),
            stake=stake,
            stake_of=of,
            rivals=rivals,
            doubts=doubts_of(candidates, chosen, without, stake, rivals),
        ),
    )


def _refuse(loaded: LoadedScenario, trees: int) -> None:
    problems = []
    if not FEWEST <= trees <= MOST:
        problems.append(
            f"--trees takes from {FEWEST} to {MOST} trees, not {trees}: a plan is tried on those that it was not made "
            "from, and it takes two to tell a spread. 1 is the plain plan."
        )
    if isinstance(loaded.scenario.market.price, Cases):
        problems.append(
            "--trees samples the market anew, and named cases are known in full: there is only one tree of them. Leave "
            "it out, or give market.price a process (gbm, jump_diffusion or bootstrap)."
        )
    if problems:
        raise TreesError("\n".join(problems))


def _tried(planned: Sequence[Planned], job: TryOn, workers: int, say: Tell) -> list[Trial]:
    todays = [(of, tree.today) for of, tree in enumerate(planned)]
    trees = [
        OnTree(on, tree.model, [(of, today) for of, today in todays if of != on]) for on, tree in enumerate(planned)
    ]
    done = _all(job, trees, workers, lambda n: say("cross", f"on {n} of {len(trees)} trees"))
    return [trial for trials in done for trial in trials]


def _all(job: Callable[[Item], Done], items: Sequence[Item], workers: int, say: Callable[[int], None]) -> list[Done]:
    """Every item's answer, in the order of the items."""
    answers: dict[int, Done] = {}
    for item, answer in Local(workers).each(job, items):
        if isinstance(answer, Died):
            raise SolverError(
                "a process that worked on one of the trees ended without a word; the machine may be short of memory. "
                "Ask for fewer --workers"
            )
        answers[id(item)] = answer
        say(len(answers))
    return [answers[id(item)] for item in items]
