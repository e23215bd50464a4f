"""A plan on thousands of paths drawn from its own market: the same answer on one process or many."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait

from loky import ProcessPoolExecutor

from optimizer.decisions import Decisions
from optimizer.engine.child import serve
from optimizer.errors import ReplayError
from optimizer.ledger.intents import PolicyName
from optimizer.ledger.outcome import Outcome, join_outcomes
from optimizer.ledger.replay import replay
from optimizer.market.sampled import sample
from optimizer.market.tree import Tree
from optimizer.scenario.schema import Scenario

# Paths drawn and replayed together: few enough to stay in the processor's caches and 200 MB, and never another number,
# so that a seed means the same paths however many there are and whoever draws them.
CHUNK_PATHS = 2_000
MOST_PATHS = 100_000
MOST_WORKERS = 64
# A worker does one thing at a time; more threads than that would only get in each other's way.
ONE_THREAD = dict.fromkeys(("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"), "1")

# Called as work goes on: (stage, detail).
Tell = Callable[[str, str], None]


def monte_carlo(
    scenario: Scenario,
    tree: Tree,
    decisions: Decisions,
    *,
    paths: int,
    seed: int,
    policy: PolicyName = "nearest_node",
    workers: int = 1,
    tell: Tell | None = None,
) -> Outcome:
    """What becomes of the plan on ``paths`` paths, drawn chunk by chunk (`optimizer.market.sampled`); the same to the
    bit for the same ``seed``, whatever the ``workers``. They are processes, this one among them.

    Raises `ReplayError` when there are too many paths or none, and where the market cannot be sampled.
    """
    if not 1 <= paths <= MOST_PATHS:
        raise ReplayError(f"A Monte Carlo replay takes from 1 to {MOST_PATHS:,} paths, not {paths:,}.")
    if not 1 <= workers <= MOST_WORKERS:
        raise ReplayError(f"A replay runs on 1 to {MOST_WORKERS} workers, not {workers:,}.")
    if seed < 0:
        raise ReplayError(f"A seed is a whole number from 0 on, not {seed}.")
    sizes = [min(CHUNK_PATHS, paths - first) for first in range(0, paths, CHUNK_PATHS)]
    job = _Job(scenario, tree, decisions, seed, policy)
    done: dict[int, Outcome] = {}
    workers = min(workers, len(sizes))
    for chunk, outcome in _alone(job, sizes) if workers == 1 else _together(job, sizes, workers):
        done[chunk] = outcome
        if tell:
            tell("replay", f"{sum(map(len, done.values())):,} of {paths:,} paths")
    return join_outcomes([done[chunk] for chunk in range(len(sizes))])


class _Job:
    """What every chunk needs; sent to a worker with each."""

    def __init__(self, scenario: Scenario, tree: Tree, decisions: Decisions, seed: int, policy: PolicyName) -> None:
        self.scenario, self.tree, self.decisions = scenario, tree, decisions
        self.seed, self.policy = seed, policy

    def __call__(self, chunk: int, paths: int) -> tuple[int, Outcome]:
        drawn = sample(self.scenario, self.seed, chunk, paths)
        return chunk, replay(self.scenario, self.tree, self.decisions, drawn, self.policy)


def _alone(job: _Job, sizes: list[int]) -> Iterator[tuple[int, Outcome]]:
    return (job(chunk, size) for chunk, size in enumerate(sizes))


def _together(job: _Job, sizes: list[int], workers: int) -> Iterator[tuple[int, Outcome]]:
    """This process is one of the workers. The others have two chunks each at hand, so that none waits for it."""
    waiting = deque(enumerate(sizes))
    theirs: set[Future[tuple[int, Outcome]]] = set()
    pool = ProcessPoolExecutor(max_workers=workers - 1, initializer=serve, initargs=(os.getpid(),), env=ONE_THREAD)
    try:
        while waiting or theirs:
            while waiting and len(theirs) < 2 * (workers - 1):
                theirs.add(pool.submit(job, *waiting.popleft()))
            if waiting:
                yield job(*waiting.popleft())
            done, theirs = wait(theirs, timeout=0 if waiting else None, return_when=FIRST_COMPLETED)
            yield from (future.result() for future in done)
    finally:
        pool.shutdown(wait=True, kill_workers=True)
