"""`hashlever backtest` from the shell: exit codes, words, files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.command import SCENARIOS, SMALL, hashlever, interrupted, needs_ctrl_c
from tests.replay.made_history import made_history, write_history

MINER = SCENARIOS / "backtest_miner.yaml"
ONE = ("--start", "2020-07-01", "--end", "2020-07-01", "--workers", "1", *SMALL)


@pytest.fixture(scope="module")
def csv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_history(made_history(), tmp_path_factory.mktemp("history"))


@pytest.mark.slow
def test_it_prints_json_alone_and_writes_a_folder(csv: Path, tmp_path: Path) -> None:
    out = tmp_path / "found"
    done = hashlever("backtest", MINER, "--history", csv, *ONE, "--horizon", "9m", "--json", "--out", out)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document == json.loads((out / "backtest.json").read_text(encoding="utf-8"))
    assert (document["horizon_months"], [window["months"] for window in document["windows"]]) == (9, [9])
    assert "2020-07-01: planned and replayed, 1 of 1" in done.stderr
    assert "wrote 4 files" in done.stderr
    (out / "notes.txt").write_text("mine", encoding="utf-8")
    again = hashlever("backtest", MINER, "--history", csv, *ONE, "--out", out)
    assert again.returncode == 2 and "notes.txt" in again.stderr and not again.stdout


def test_it_prints_a_report_under_another_view(csv: Path) -> None:
    done = hashlever("backtest", MINER, "--history", csv, *ONE, "--override", "growth_30")
    assert done.returncode == 0, done.stderr
    assert "View: the median price grows by 30.0% a year." in done.stdout
    assert "Where the advice lost" in done.stdout
    assert "1 start from 1 Jul 2020 to 1 Jul 2020, every 3 months." in done.stdout


def test_no_plan_at_any_start_is_exit_code_3(csv: Path) -> None:
    bill = "--set=liabilities=[{name: bill, month: 0, amount_usd: 900000000}]"
    done = hashlever("backtest", MINER, "--history", csv, *ONE, bill)
    assert done.returncode == 3, done.stderr
    assert "1 Jul 2020: No plan meets every requirement" in done.stdout


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--start", "2020-07-01", "--every", "3"), "'3' is not a number of months from 1m to 120m, as in 3m"),
        (("--start", "2020-07-01", "--horizon", "0m"), "'0m' is not a number of months"),
        (("--start", "tomorrow"), "tomorrow"),
        (("--start", "2019-03-01"), "needs the history of each day from 2018-03-01 to it"),
        (("--start", "2020-07-01", "--history", "absent.csv"), "absent.csv: the history cannot be read"),
    ],
)
def test_what_cannot_be_asked_is_told_in_a_sentence(csv: Path, options: tuple[str, ...], said: str) -> None:
    done = hashlever("backtest", MINER, "--history", csv, *options)
    assert done.returncode == 2
    assert said in done.stderr and "Traceback" not in done.stderr
    assert not done.stdout


def test_named_cases_are_refused(csv: Path) -> None:
    cases = SCENARIOS / "cases_bull_base_bear.yaml"
    done = hashlever("backtest", cases, "--history", csv, "--start", "2020-07-01")
    assert done.returncode == 2
    assert "Named cases state prices in dollars" in done.stderr


@pytest.mark.slow
@needs_ctrl_c
@pytest.mark.parametrize("workers", ["1", "2"])
def test_ctrl_c_ends_it_at_once_and_writes_nothing(csv: Path, tmp_path: Path, workers: str) -> None:
    past = ("--history", csv, "--start", "2020-01-01", "--every", "1m", "--workers", workers)
    code, printed, error = interrupted("backtest", MINER, *past, "--out", tmp_path / "new", after="1 of 20")
    assert (code, printed) == (130, "")
    assert error.splitlines()[-1] == "interrupted; nothing was written"
    assert "Traceback" not in error and "Warning" not in error
    assert list(tmp_path.iterdir()) == []
