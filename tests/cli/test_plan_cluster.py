"""`hashlever plan --scheduler` on a real Dask cluster of local processes, one of which is killed."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import pytest

from optimizer import plan
from optimizer.errors import MethodError
from tests.cli.command import SCENARIOS, command, hashlever
from tests.engine.dask_cluster import Started, killed, needs_dask, started
from tests.solve.test_dask_crew import EIGHT

FLAGSHIP = SCENARIOS / "fleet_refresh.yaml"
TEACH = SCENARIOS / "teach_top_up.yaml"
ASKED = ("plan", str(FLAGSHIP), *(f"--set={change}" for change in EIGHT), "--no-compare", "--monte-carlo=0", "--json")
NOWHERE = "127.0.0.1:9"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Started]:
    """Of two workers at first; it goes on with one."""
    with started(tmp_path_factory.mktemp("dask"), 2) as begun:
        yield begun


@needs_dask
def test_a_worker_killed_while_a_plan_is_made_costs_nothing(cluster: Started) -> None:
    asked = [command(), *ASKED, f"--scheduler={cluster.address}"]
    process = subprocess.Popen(asked, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    # Then the workers build their shares.
    assert any("cut in parts" in line for line in process.stderr)
    killed(cluster.workers[0])
    printed, error = process.communicate(timeout=120)
    assert process.returncode == 0, error
    made = json.loads(printed)
    assert made["solver"]["method"] == "decomposed"
    whole = plan(FLAGSHIP, sets=EIGHT, compare=False, monte_carlo=0, method="whole")
    gap = whole.scenario.solver.gap_share
    assert made["solver"]["gap"] <= gap
    assert made["objective"]["value_btc"] == pytest.approx(whole.value.value, rel=gap)


@needs_dask
def test_a_tree_that_cannot_be_cut_is_solved_whole_and_told(cluster: Started) -> None:
    done = hashlever("plan", TEACH, "--no-compare", f"--scheduler={cluster.address}")
    assert done.returncode == 0, done.stderr
    assert "whole: in one piece on this machine, since the tree has no branches to cut it at" in done.stderr


@needs_dask
def test_a_scheduler_that_does_not_answer_is_told_within_seconds() -> None:
    begun = time.monotonic()
    done = hashlever("plan", FLAGSHIP, f"--scheduler={NOWHERE}")
    assert (done.returncode, done.stdout) == (2, "")
    assert f"No Dask scheduler answers at {NOWHERE}" in done.stderr
    assert "Traceback" not in done.stderr
    assert time.monotonic() - begun < 15


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"method": "whole"}, "--method whole leaves it uncut. Give one."),
        ({"why": True}, "are asked of whole models: leave --scheduler out."),
        ({"trees": 3}, "are asked of whole models: leave --scheduler out."),
    ],
)
def test_what_does_not_go_with_a_cluster_is_refused(options: dict[str, Any], told: str) -> None:
    with pytest.raises(MethodError) as raised:
        plan(FLAGSHIP, scheduler=NOWHERE, **options)
    assert told in str(raised.value)
