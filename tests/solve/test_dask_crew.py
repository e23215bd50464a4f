"""Subtrees on a real Dask cluster of local processes, one of which is killed."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from optimizer.engine.cluster import Cluster, cluster
from optimizer.errors import ClusterError, SolverError
from optimizer.market.build_tree import build_tree
from optimizer.market.tree import Tree
from optimizer.scenario.load import load_scenario
from optimizer.scenario.schema import Scenario
from optimizer.solve.crew import Crew, Origin, OwnCrew
from optimizer.solve.dask_crew import SHARES_A_WORKER, DaskCrew
from optimizer.solve.decomposed import CutModel, PlanInParts
from optimizer.solve.highs import NoPlanError
from optimizer.solve.shares import cut_month, deal
from optimizer.solving import checked
from tests.cli.command import SCENARIOS
from tests.engine.dask_cluster import killed, needs_dask, started
from tests.sweep.sweeps import quiet

# Eight branches, and a market and a search of half a second.
EIGHT = (
    "market.tree.branching=[{month: 1, children: 2}, {month: 4, children: 4}]",
    "market.fan.paths=400",
    "market.stress=[]",
    "horizon_months=9",
    "decision_months=[0, 3]",
    "risk.weight=0",
)
LATER = 4


@pytest.fixture(scope="module")
def company() -> tuple[Scenario, Tree]:
    given = load_scenario(SCENARIOS / "fleet_refresh.yaml", (), EIGHT).scenario
    return given, build_tree(given)[0]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with started(tmp_path_factory.mktemp("dask"), 2) as begun:
        yield begun.address


@dataclass(frozen=True)
class Unlucky(Cluster):
    """Loses a worker in the midst of a round, when the first share has answered and others have not."""

    worker: subprocess.Popen[bytes]
    rounds: list[int] = field(default_factory=list)

    def each(self, job: Callable[[Any], Any], items: Sequence[Any]) -> Iterator[tuple[Any, Any]]:
        self.rounds.append(len(items))
        for n, answer in enumerate(super().each(job, items)):
            if len(self.rounds) == LATER and n == 0:
                killed(self.worker)
            yield answer


def audited(company: tuple[Scenario, Tree], crew: Crew) -> PlanInParts:
    """The plan, which the ledger has found to add up."""
    found = CutModel(*company, crew).plan(lambda seconds, gap: None)
    checked(*company, found.decisions, found.position, found.objective, found.tie_break, quiet)
    return found


@needs_dask
def test_a_worker_killed_in_the_midst_of_a_round_costs_nothing(tmp_path: Path, company: tuple[Scenario, Tree]) -> None:
    alone = audited(company, OwnCrew())
    with started(tmp_path, 2) as begun, cluster(begun.address, quiet) as found:
        unlucky = Unlucky(found.client, found.address, begun.workers[1])
        disturbed = audited(company, DaskCrew(unlucky))
        assert len(found.workers()) == 1
    assert set(unlucky.rounds) == {2 * SHARES_A_WORKER}
    assert len(unlucky.rounds) > LATER
    gap = company[0].solver.gap_share
    assert max(alone.gap, disturbed.gap) <= gap
    assert abs(alone.objective - disturbed.objective) <= gap * abs(alone.objective)


@needs_dask
def test_shares_stay_with_their_workers_until_the_plan_is_made(address: str, company: tuple[Scenario, Tree]) -> None:
    with cluster(address, quiet) as found:
        crew = DaskCrew(found)
        assert crew.size() == 2 * SHARES_A_WORKER
        audited(company, crew)
        holders = list(held(found).values())
        assert all(len(workers) == 1 for workers in holders)
        assert [holders.count((worker,)) for worker in found.workers()] == [SHARES_A_WORKER] * 2
        crew.close()
        for _ in range(100):
            if not held(found):
                break
            time.sleep(0.05)
        assert not held(found)


@dataclass(frozen=True)
class Broken(Origin):
    """Cannot be built."""

    error: type[Exception] = Exception

    def build(self) -> Any:
        raise self.error("as it was raised")


@needs_dask
@pytest.mark.parametrize("error", [NoPlanError, SolverError])
def test_what_a_worker_raises_comes_back_as_itself(
    address: str, company: tuple[Scenario, Tree], error: type[Exception]
) -> None:
    with cluster(address, quiet) as found, pytest.raises(error, match="as it was raised"):
        begun(found, broken(company, error))


@needs_dask
def test_a_bug_in_a_worker_is_told_with_its_name(address: str, company: tuple[Scenario, Tree]) -> None:
    with cluster(address, quiet) as found, pytest.raises(ClusterError, match="KeyError: 'as it was raised'"):
        begun(found, broken(company, KeyError))


def begun(found: Cluster, origins: list[Origin]) -> None:
    """The shares, built."""
    crew = DaskCrew(found)
    crew.begin(origins)
    crew.outlines()


def broken(company: tuple[Scenario, Tree], error: type[Exception]) -> list[Origin]:
    """The origins of two shares."""
    given, tree = company
    month = cut_month(tree)
    assert month is not None
    return [Broken(given, share, {}, error) for share in deal(tree, month, 2)]


def held(found: Cluster) -> dict[str, tuple[str, ...]]:
    """The workers that have each share."""
    return {key: tuple(workers) for key, workers in found.client.who_has().items() if key.startswith("Held-")}
