"""`hashlever plan --trees`: several trees as a process, and every way it is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from optimizer.planning import plan
from optimizer.replay.replayed import on_monte_carlo
from optimizer.replay.saved import read_plan
from optimizer.report.plan_json import plan_document
from tests.cli.command import SCENARIOS, SMALL, hashlever, interrupted, needs_ctrl_c
from tests.trees.markets import random_company

BORROW = SCENARIOS / "teach_borrow_or_sell.yaml"


@pytest.mark.slow
def test_trees_in_several_processes_say_what_one_process_says(tmp_path: Path) -> None:
    company, out = random_company(tmp_path), tmp_path / "plan"
    options = ("--trees", "3", "--workers", "2", "--no-compare", "--monte-carlo", "100")
    done = hashlever("plan", company, *options, "--json", "--out", out)
    assert done.returncode == 0
    told = [line.split("s  ")[1].split(":")[0] for line in done.stderr.splitlines() if "s  " in line]
    assert told == ["market", "model", "solve", "audit", "trees", "cross", "market", "model", "audit", "replay"]
    printed = json.loads(done.stdout)
    here = plan(company, trees=3, workers=1, compare=False, monte_carlo=100)
    assert printed["trees"] == plan_document(here)["trees"]
    assert printed["scenario"]["resolved"]["market"]["fan"]["seed"] == printed["trees"]["recommended_seed"]
    # What is written is a plan like any other: it can be read back, audited and replayed.
    replayed = on_monte_carlo(read_plan(out), 100, seed=1)
    [best] = [row for row in printed["trees"]["candidates"] if row["seed"] == printed["trees"]["recommended_seed"]]
    assert replayed.summary is not None
    assert replayed.summary.sample.value == pytest.approx(best["off_tree_btc"], rel=1e-9)


def test_what_cannot_be_sampled_is_refused_before_the_work(tmp_path: Path) -> None:
    done = hashlever("plan", BORROW, "--trees", "2", "--out", tmp_path / "plan")
    assert (done.returncode, done.stdout) == (2, "")
    few, cases = done.stderr.splitlines()[-2:]
    assert few.startswith("--trees takes from 3 to 50 trees, not 2:")
    assert cases.startswith("--trees samples the market anew, and named cases are known in full")
    assert list(tmp_path.iterdir()) == []


def test_workers_without_trees_are_refused() -> None:
    done = hashlever("plan", BORROW, "--workers", "2")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.strip() == "--workers is for --trees: give the number of trees as well, or leave it out."


@needs_ctrl_c
def test_ctrl_c_in_the_midst_of_trees_writes_nothing(tmp_path: Path) -> None:
    asked = ("plan", SCENARIOS / "fleet_refresh.yaml", *SMALL, "--trees", "40", "--no-compare", "--workers", "1")
    code, printed, error = interrupted(*asked, "--out", tmp_path / "plan", after="trees:", pause_s=1.0)
    assert (code, printed) == (130, "")
    assert error.strip() == "interrupted; nothing was written"
    assert list(tmp_path.iterdir()) == []
