"""`hashlever sweep` as a process: what it prints, how it ends, and that no end costs what was done."""

from __future__ import annotations

import json
import random
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from optimizer.engine.local import Local
from optimizer.sweep.run import sweep_into
from tests.cli.command import SCENARIOS, SMALL, command, hashlever, interrupted, needs_ctrl_c
from tests.sweep.sweeps import MAKING, TEACH, TWENTY, kept, points, quiet

QUICK = ("--no-compare", "--monte-carlo", "0")
GRID = (f"--vary={TWENTY[0]}", f"--vary={TWENTY[1]}")


def test_a_grid_a_frontier_and_a_tornado(tmp_path: Path) -> None:
    out = tmp_path / "sweep"
    asked = ("--vary=treasury.cash_usd=0,1e5", "--frontier=0,1", "--tornado=market.btc_price_usd:0.9,1.1")
    done = hashlever("sweep", TEACH, "--out", out, *QUICK, *asked, "--workers=2")
    assert done.returncode == 0, done.stderr
    for said in ("Sweep of Teaching, borrow or sell", "7 points.", "Frontier: each step", "the base's 30.4348 BTC"):
        assert said in done.stdout
    assert max(len(line) for line in done.stdout.splitlines()) <= 100
    # The base, no cash and no weight on risk are one plan.
    assert "0 of 5: there already, 5 to plan" in done.stderr
    assert f"5 planned, 7 points in {out}" in done.stderr
    again = hashlever("sweep", TEACH, "--out", out, *QUICK, *asked, "--json")
    assert f"0 planned, 7 points in {out}" in again.stderr
    assert json.loads(again.stdout) == json.loads((out / "sweep.json").read_text(encoding="utf-8"))
    # A point's folder is a plan like any other.
    [one, other] = sorted((out / "points").iterdir())[:2]
    assert hashlever("compare", one, other).returncode == 0


def test_killed_at_random_and_resumed_it_is_the_same_to_the_byte(tmp_path: Path) -> None:
    straight, broken = tmp_path / "straight", tmp_path / "broken"
    sweep_into(points(*TWENTY), MAKING, straight, Local(1), quiet)
    asked = [command(), "sweep", str(TEACH), "--out", str(broken), *QUICK, *GRID, "--workers=2"]
    seed = random.randrange(10**6)
    moments = random.Random(seed)
    killed = 0
    for _ in range(4):
        process = subprocess.Popen(asked, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        assert process.stderr is not None
        # Not while Python is still being imported: once it says what is there.
        process.stderr.readline()
        time.sleep(moments.uniform(0, 4))
        family = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
        process.kill()
        killed += process.wait() != 0
        process.stderr.close()
        # Its workers do not outlive it.
        _, alive = psutil.wait_procs(family, timeout=15)
        assert alive == [], f"seed {seed}"
    done = subprocess.run(asked, capture_output=True, text=True, timeout=120)
    assert done.returncode == 3, done.stderr
    assert killed >= 1, f"seed {seed}"
    assert kept(broken) == kept(straight), f"seed {seed}"


def test_points_without_a_plan_are_told_and_the_exit_code_says_so(tmp_path: Path) -> None:
    file = tmp_path / "points.yaml"
    owned = "{set: {'treasury.btc_lots[0].btc': %d}}"
    file.write_text(f"poor: {owned % 9}\n<b>rich</b>: {owned % 90}\n")
    out = tmp_path / "sweep"
    done = hashlever("sweep", TEACH, "--out", out, *QUICK, "--points", file, "--workers=1")
    assert done.returncode == 3, done.stderr
    assert "2 points, 1 without a plan." in done.stdout
    assert "No plan meets every requirement." in done.stdout
    assert len(list((out / "points").iterdir())) == 1
    page = (out / "sweep.html").read_text(encoding="utf-8")
    assert "&lt;b&gt;rich&lt;/b&gt;" in page
    assert "<b>rich" not in page
    assert hashlever("sweep", TEACH, "--out", out, *QUICK, "--points", file).returncode == 3


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (("--vary=treasury.cash=1",), "treasury has no key cash\n    mend: did you mean cash_usd?"),
        (("--vary=risk.weight",), "must be PATH=VALUE,VALUE"),
        (("--frontier=0,2",), "--frontier 0,2: risk.weight"),
        (("--tornado=market.price.process:2",), "only a number other than 0 can be multiplied"),
        (("--points=nowhere.yaml",), "nowhere.yaml: there is no such file"),
        (("--vary=override=no_such",), "--vary override=no_such: the scenario has no override of this name"),
        ((), "There is nothing to sweep."),
    ],
)
def test_a_wrong_call_says_what_is_right_and_writes_nothing(tmp_path: Path, asked: tuple[str, ...], said: str) -> None:
    done = hashlever("sweep", TEACH, "--out", tmp_path / "sweep", *asked)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


@needs_ctrl_c
@pytest.mark.parametrize("workers", [1, 2])
def test_ctrl_c_ends_it_at_once_and_leaves_nothing_half_written(tmp_path: Path, workers: int) -> None:
    out = tmp_path / "sweep"
    flagship = SCENARIOS / "fleet_refresh.yaml"
    asked = ("sweep", flagship, *SMALL, *QUICK, "--frontier=0,0.5,1", "--out", out, f"--workers={workers}")
    code, printed, error = interrupted(*asked, after="0 of 3", pause_s=1.5)
    assert (code, printed) == (130, "")
    assert f"interrupted; the plans made are kept in {out}: run the same command to go on" in error
    assert "Traceback" not in error
    assert {path.name for path in out.iterdir()} - {".lock"} == {"points", "infeasible"}
    assert all((folder / "plan.json").is_file() for folder in (out / "points").iterdir())
