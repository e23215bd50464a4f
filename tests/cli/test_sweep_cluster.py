"""`hashlever sweep --scheduler` on a real Dask cluster of local processes, some of which are killed."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest

from optimizer.engine.local import Local
from optimizer.sweep.run import sweep_into
from tests.cli.command import SCENARIOS, SMALL, command, hashlever, interrupted, needs_ctrl_c
from tests.cli.test_sweep import QUICK
from tests.engine.dask_cluster import killed, needs_dask, started
from tests.sweep.sweeps import MAKING, TEACH, TWENTY, kept, points, quiet

# 9 BTC cannot pay the transformer: two of the ten points have no plan.
TEN = ("treasury.btc_lots[0].btc=9,30,40,50,60", TWENTY[1])
PLANNED = 2


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    """The folder of a sweep to be."""
    return tmp_path / "sweep"


@needs_dask
def test_a_worker_killed_in_a_sweep_costs_nothing(tmp_path: Path, sweep: Path) -> None:
    with started(tmp_path, 2) as cluster:
        process = _begun(sweep, cluster.address)
        killed(cluster.workers[1])
        at_death = _plans(sweep)
        printed, error = process.communicate(timeout=300)
    assert PLANNED <= at_death < 8
    assert process.returncode == 3, error
    assert "10 points, 2 without a plan." in printed
    sweep_into(points(*TEN), MAKING, tmp_path / "straight", Local(1), quiet)
    assert kept(sweep) == kept(tmp_path / "straight")


@needs_dask
def test_a_scheduler_killed_in_a_sweep_is_told_and_the_plans_are_kept(tmp_path: Path, sweep: Path) -> None:
    with started(tmp_path, 1) as cluster:
        process = _begun(sweep, cluster.address)
        killed(cluster.scheduler)
        _, error = process.communicate(timeout=300)
    assert process.returncode == 2, error
    assert f"The scheduler at {cluster.address} has gone." in error
    assert "Traceback" not in error
    assert _plans(sweep) >= PLANNED


@needs_dask
@needs_ctrl_c
def test_ctrl_c_ends_it_at_once_and_leaves_nothing_half_written(tmp_path: Path, sweep: Path) -> None:
    flagship = SCENARIOS / "fleet_refresh.yaml"
    asked = ("sweep", flagship, *SMALL, *QUICK, "--frontier=0,0.5,1", "--out", sweep)
    with started(tmp_path, 1) as cluster:
        code, printed, error = interrupted(*asked, f"--scheduler={cluster.address}", after="0 of 3", pause_s=1.5)
    assert (code, printed) == (130, "")
    assert f"interrupted; the plans made are kept in {sweep}: run the same command to go on" in error
    assert "Traceback" not in error
    assert all((folder / "plan.json").is_file() for folder in (sweep / "points").iterdir())


@needs_dask
def test_a_wrong_call_says_what_is_right(sweep: Path) -> None:
    asked = ("sweep", TEACH, "--out", sweep, "--frontier=0,1", "--scheduler=127.0.0.1:9")
    done = hashlever(*asked)
    assert (done.returncode, done.stdout) == (2, "")
    assert "No Dask scheduler answers at 127.0.0.1:9" in done.stderr
    assert "Traceback" not in done.stderr
    both = hashlever(*asked, "--workers=2")
    assert (both.returncode, both.stdout) == (2, "")
    assert "Give one." in both.stderr
    assert not sweep.exists()


def _begun(sweep: Path, address: str) -> subprocess.Popen[str]:
    """A sweep of ten points on a cluster, which has made a few plans."""
    asked = [
        command(),
        "sweep",
        str(TEACH),
        "--out",
        str(sweep),
        *QUICK,
        *(f"--vary={vary}" for vary in TEN),
        f"--scheduler={address}",
    ]
    process = subprocess.Popen(asked, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while _plans(sweep) < PLANNED and process.poll() is None:
        time.sleep(0.05)
    return process


def _plans(sweep: Path) -> int:
    return len([path for path in sweep.glob("points/*") if not path.name.startswith(".")])
