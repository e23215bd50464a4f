"""`hashlever plan`: what it prints, what it writes, and every way it ends."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.command import ENDLESS, SCENARIOS, SMALL, command, hashlever, interrupted, needs_ctrl_c

TOP_UP = SCENARIOS / "teach_top_up.yaml"
BORROW = SCENARIOS / "teach_borrow_or_sell.yaml"
FLAGSHIP = SCENARIOS / "fleet_refresh.yaml"
SECTIONS = ["Do today", "Money", "Risk", "Against", "Doubt", "How it was found"]


def test_the_report_has_its_sections_in_order() -> None:
    done = hashlever("plan", BORROW)
    assert done.returncode == 0
    assert [line for line in done.stdout.splitlines() if line in SECTIONS] == SECTIONS
    assert "30.4348 BTC" in done.stdout
    assert "transformer falls due in month 0" in done.stderr


def test_json_is_what_is_written(tmp_path: Path) -> None:
    out = tmp_path / "plans" / "top-up"
    done = hashlever("plan", TOP_UP, "--no-compare", "--json", "--out", out)
    assert done.returncode == 0
    printed = json.loads(done.stdout)
    assert printed["objective"]["value_btc"] == pytest.approx(22.0, abs=1e-6)
    assert printed["comparators"] == []
    written = json.loads((out / "plan.json").read_text(encoding="utf-8"))
    assert written == printed
    assert f"wrote {len(list(out.iterdir()))} files to {out}" in done.stderr


def test_alternatives_are_planned_unless_told_otherwise() -> None:
    compared = json.loads(hashlever("plan", BORROW, "--json").stdout)["comparators"]
    assert {row["name"] for row in compared if row["feasible"]} == {"borrow_most", "sell_only"}


def test_a_reader_that_stops_early_does_not_stop_the_writing(tmp_path: Path) -> None:
    out = tmp_path / "plan"
    with subprocess.Popen(
        [command(), "plan", TOP_UP, "--no-compare", "--out", out],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        # What `| head` does.
        process.stdout.close()
        assert process.wait(timeout=60) == 0
        assert process.stderr is not None
        assert "Traceback" not in process.stderr.read()
    assert (out / "plan.json").is_file()


def test_a_foreign_folder_is_left_alone_and_refused_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "minutes.md").write_text("what the board said")
    done = hashlever("plan", TOP_UP, "--no-compare", "--out", tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "holds no hashlever plan" in done.stderr
    assert "solve" not in done.stderr
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"minutes.md": "what the board said"}


def test_an_infeasible_scenario_is_told_in_business_words(tmp_path: Path) -> None:
    done = hashlever("plan", TOP_UP, "--set", "treasury.btc_lots[0].btc=19", "--out", tmp_path / "plan")
    assert (done.returncode, done.stdout) == (3, "")
    assert "No plan meets every requirement." in done.stderr
    assert "margin calls met at the month's low, loan" in done.stderr
    # 800,000 - 0.65 * 19 BTC * $63,000.
    assert "short by 21,950 USD in month 3" in done.stderr
    assert "ltv_at_low" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_limit_before_any_plan(tmp_path: Path) -> None:
    done = hashlever(
        "plan", FLAGSHIP, *SMALL, "--no-compare", "--set=solver.time_limit_s=0.01", "--out", tmp_path / "plan"
    )
    assert (done.returncode, done.stdout) == (4, "")
    assert "stopped by the limit of 0.01 s before any plan was found" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals of this kind")
def test_on_a_terminal_the_seconds_run_on_through_a_long_stage() -> None:
    import pty

    limited = (*SMALL, *ENDLESS, "--set=solver.time_limit_s=3")
    terminal, end = pty.openpty()
    process = subprocess.Popen(
        [command(), "plan", str(FLAGSHIP), *limited, "--no-compare", "--monte-carlo", "0"],
        stdout=subprocess.DEVNULL,
        stderr=end,
        env={**os.environ, "TERM": "xterm"},
    )
    os.close(end)
    shown = b""
    with contextlib.suppress(OSError):  # how a terminal says that nobody writes to it any more
        while piece := os.read(terminal, 65536):
            shown += piece
    os.close(terminal)
    assert process.wait(timeout=60) == 5
    seconds = {float(number) for number in re.findall(rb"([\d.]+) s  solve:", shown)}
    assert len(seconds) >= 10
    assert max(seconds) - min(seconds) > 2


def test_a_limit_with_a_plan_in_hand_gives_the_plan_and_its_gap(tmp_path: Path) -> None:
    out = tmp_path / "plan"
    limited = (*SMALL, *ENDLESS, "--set=solver.time_limit_s=5")
    done = hashlever("plan", FLAGSHIP, *limited, "--no-compare", "--json", "--out", out)
    assert done.returncode == 5
    solver = json.loads(done.stdout)["solver"]
    assert solver["hit_limit"] is True
    assert 0 < solver["gap"] < 0.1
    assert json.loads((out / "plan.json").read_text(encoding="utf-8"))["solver"] == solver


@needs_ctrl_c
@pytest.mark.parametrize("compare", ["--compare", "--no-compare"])
def test_ctrl_c_ends_a_solve_at_once_and_writes_nothing(tmp_path: Path, compare: str) -> None:
    asked = ("plan", FLAGSHIP, *SMALL, *ENDLESS, compare, "--out", tmp_path / "plan")
    code, printed, error = interrupted(*asked, after="solve:", pause_s=1.0)
    assert (code, printed) == (130, "")
    assert error.strip() == "interrupted; nothing was written"
    assert list(tmp_path.iterdir()) == []


def test_open_needs_a_place_to_write_the_report_to() -> None:
    done = hashlever("plan", TOP_UP, "--no-compare", "--open")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.strip() == "--open needs --out DIR: the report to open is written there, as report.html."


def test_open_shows_the_report_in_the_browser(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A browser that writes down what it was asked to show.
    seen = tmp_path / "seen"
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {seen}\n')
    browser.chmod(0o755)
    monkeypatch.setenv("BROWSER", str(browser))
    done = hashlever("plan", TOP_UP, "--no-compare", "--out", tmp_path / "plan", "--open")
    assert done.returncode == 0
    assert seen.read_text().strip() == (tmp_path / "plan" / "report.html").as_uri()


def test_open_without_a_browser_says_where_the_report_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BROWSER", str(tmp_path / "no-browser"))
    monkeypatch.setenv("PATH", str(tmp_path))
    done = hashlever("plan", TOP_UP, "--no-compare", "--out", tmp_path / "plan", "--open")
    assert done.returncode == 0
    assert f"no browser to open it with: {tmp_path / 'plan' / 'report.html'}" in done.stderr
