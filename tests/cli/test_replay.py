"""`hashlever replay`: what it prints, what it writes, and every way it ends."""

from __future__ import annotations

import json
from inspect import signature
from pathlib import Path

import pytest

from optimizer import cli
from optimizer.planning import MONTE_CARLO_PATHS
from tests.builders import write_scenario
from tests.cli.command import SCENARIOS, hashlever, interrupted, needs_ctrl_c
from tests.report.conftest import company


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small company's plan."""
    folder = tmp_path_factory.mktemp("cli")
    done = hashlever(
        "plan", write_scenario(folder, company()), "--no-compare", "--monte-carlo", "500", "--out", folder / "plan"
    )
    assert done.returncode == 0, done.stderr
    return folder / "plan"


def test_a_plan_is_replayed_out_of_sample_and_says_so(plan: Path, tmp_path: Path) -> None:
    document = json.loads((plan / "plan.json").read_text(encoding="utf-8"))
    assert document["out_of_sample"]["paths"] == 500
    scenario = plan.parent / "scenario.yaml"
    without = hashlever("plan", scenario, "--no-compare", "--monte-carlo", "0", "--out", tmp_path / "plan")
    assert without.returncode == 0
    assert "Out of sample" not in without.stdout
    assert "replay:" not in without.stderr
    document = json.loads((tmp_path / "plan" / "plan.json").read_text(encoding="utf-8"))
    assert document["out_of_sample"] is None
    assert (
        tmp_path / "plan" / "out_of_sample_figures.csv"
    ).read_text().strip() == "figure,unit,tree,out_of_sample,difference"


def test_the_command_replays_a_plan_on_as_many_paths_as_the_python_api() -> None:
    assert signature(cli.plan).parameters["monte_carlo"].default == MONTE_CARLO_PATHS


def test_monte_carlo_json_is_what_is_written(plan: Path, tmp_path: Path) -> None:
    asked = ("replay", plan, "--monte-carlo", "300", "--seed", "3", "--json")
    done = hashlever(*asked, "--out", tmp_path / "replay")
    assert done.returncode == 0, done.stderr
    printed = json.loads(done.stdout)
    assert printed == json.loads((tmp_path / "replay" / "replay.json").read_text(encoding="utf-8"))
    assert (printed["asked"], printed["summary"]["paths"]) == ({"paths": 300, "seed": 3}, 300)
    assert f"wrote {len(list((tmp_path / 'replay').iterdir()))} files to {tmp_path / 'replay'}" in done.stderr
    assert json.loads(hashlever(*asked).stdout) == printed


def test_the_report_of_each_kind(plan: Path, tmp_path: Path) -> None:
    (tmp_path / "prices.csv").write_text(
        "date,price_usd,hashprice_usd_per_ph_day\n"
        + "\n".join(
            f"2022-{month:02d}-{day:02d},{40_000 - 50 * month},80"
            for month in (1, 2, 3)
            for day in range(1, 32)
            if (month, day) < (2, 29) or month == 3
        )
    )
    for asked, said in (
        (("--monte-carlo", "200"), "Tree and sample"),
        (("--history", tmp_path / "prices.csv", "--from", "2022-02-01", "--policy", "sell_only"), "Month by month"),
        (("--stress", "crash"), "Survival"),
    ):
        done = hashlever("replay", plan, *asked)
        assert done.returncode == 0, done.stderr
        assert said in done.stdout.splitlines()
        assert "Policy: Today as planned" in done.stdout


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ((), "--monte-carlo N, --history FILE --from DATE, or --stress NAME|FILE|all|grid; found none of them"),
        (("--monte-carlo", "5", "--stress", "all"), "found --monte-carlo and --stress together"),
        (("--history", "x.csv"), "--history and --from go together"),
        (("--stress", "all", "--from", "2022-01-01"), "--history and --from go together"),
        (("--stress", "all", "--seed", "1"), "--seed and --workers are for --monte-carlo"),
        (("--stress", "all", "--workers", "2"), "--seed and --workers are for --monte-carlo"),
        (("--monte-carlo", "1000000"), "from 1 to 100,000 paths"),
        (("--monte-carlo", "0"), "--monte-carlo"),
        (("--monte-carlo", "60", "--policy", "replan"), "at most 50 Monte Carlo paths"),
        (("--history", "nowhere.csv", "--from", "2022-01-01"), "nowhere.csv"),
        (("--history", "x.csv", "--from", "soon"), "--from"),
        (("--stress", "nothing"), "neither a shock of this name nor such a file"),
    ],
)
def test_a_wrong_call_says_what_is_right(plan: Path, asked: tuple[str, ...], said: str) -> None:
    done = hashlever("replay", plan, *asked)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_what_is_no_plan_is_refused(tmp_path: Path) -> None:
    done = hashlever("replay", SCENARIOS / "teach_top_up.yaml", "--stress", "all")
    assert (done.returncode, done.stdout) == (2, "")
    assert "is no plan of hashlever" in done.stderr


def test_a_plan_changed_by_hand_fails_its_audit(plan: Path, tmp_path: Path) -> None:
    document = json.loads((plan / "plan.json").read_text(encoding="utf-8"))
    document["nodes"][1]["cash_usd"] += 1e6
    (tmp_path / "plan.json").write_text(json.dumps(document), encoding="utf-8")
    done = hashlever("replay", tmp_path, "--stress", "all")
    assert (done.returncode, done.stdout) == (6, "")
    assert "is not as hashlever wrote it" in done.stderr


def test_a_foreign_folder_is_left_alone_and_refused_before_the_work(plan: Path) -> None:
    before = {path.name for path in plan.iterdir()}
    done = hashlever("replay", plan, "--stress", "all", "--out", plan)
    assert (done.returncode, done.stdout) == (2, "")
    assert "holds no hashlever replay" in done.stderr
    assert "read:" not in done.stderr
    assert {path.name for path in plan.iterdir()} == before


@needs_ctrl_c
@pytest.mark.parametrize("workers", ["1", "2"])
def test_ctrl_c_ends_a_replay_at_once_and_writes_nothing(plan: Path, tmp_path: Path, workers: str) -> None:
    asked = ("replay", plan, "--monte-carlo", "100000", "--workers", workers, "--out", tmp_path / "replay")
    code, printed, error = interrupted(*asked, after="replay:")
    assert (code, printed) == (130, "")
    assert error.strip() == "interrupted; nothing was written"
    assert list(tmp_path.iterdir()) == []
