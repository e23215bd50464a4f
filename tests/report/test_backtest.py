"""A backtest as it is shown and written: every start told, losses plainly, the chart made offline."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from optimizer.errors import OutputError
from optimizer.replay.tested import Backtest, Result, Window
from optimizer.report.backtest_chart import chart_png, chart_svg
from optimizer.report.backtest_json import backtest_document
from optimizer.report.folder import BACKTEST, refuse_foreign
from optimizer.report.terminal_backtest import print_backtest
from optimizer.report.write import write_backtest
from optimizer.scenario.load import load_scenario

MINER = Path(__file__).parents[2] / "scenarios" / "backtest_miner.yaml"


def made() -> Backtest:
    """Three starts: the plan wins and is called; it loses on a window cut short; there is none."""
    won = Window(
        date(2020, 1, 1),
        12,
        (10_000.0, 15_000.0),
        (100.0, 80.0),
        (
            Result("plan", "", 510.04, 500.0, calls=2, headroom_share=-0.04, lowest_cash_usd=4e5),
            Result("sell_only", "", 505.0, 499.0, lowest_cash_usd=4e5),
            Result("borrow_most", "", 450.0, 480.0, 3, 1, 4.25, -0.2, 4e5, True, 0.0, 2e6, 100.0),
            Result("no_machines", "the scenario offers no machine"),
            Result("hold", "", 510.04, lowest_cash_usd=4e5),
        ),
    )
    lost = Window(
        date(2020, 4, 1),
        9,
        (10_000.0, 5_000.0),
        (100.0, 50.0),
        (
            Result("plan", "", 400.0, 500.0, lowest_cash_usd=4e5, sold_btc=12.0, borrowed_usd=1.5e6, ordered_units=900),
            Result("hold", "", 430.5, lowest_cash_usd=4e5),
        ),
    )
    return Backtest(load_scenario(MINER), "made.csv", 3, 12, (won, lost, Window(date(2020, 7, 1), why_not="No year.")))


@pytest.fixture(scope="module")
def tested() -> Backtest:
    return made()


def printed(tested: Backtest) -> list[str]:
    text = StringIO()
    print_backtest(tested, Console(file=text, width=100))
    return text.getvalue().splitlines()


def row(lines: list[str], start: str) -> list[str]:
    return next(line for line in lines if line.startswith(start)).split()


def test_each_start_is_a_row(tested: Backtest) -> None:
    lines = printed(tested)
    assert max(len(line) for line in lines) <= 100
    assert row(lines, "2020-01-01") == (
        ["2020-01-01", "+50%", "500.0", "510.0", "-5.0", "-60.0", "-", "0.0", "2", "0", "-4%"]
    )
    assert row(lines, "2020-04-01*")[-3:] == ["0", "0", "-"]
    assert row(lines, "2020-07-01")[1:] == ["-"] * 10
    text = " ".join(lines)
    assert "2020-04-01 (9 of 12 months)" in text
    assert "1 Jul 2020: No year." in text
    assert "View: BTC-neutral" in text


def test_debt_is_told_by_strategy(tested: Backtest) -> None:
    lines = printed(tested)
    assert row(lines, "Plan  ")[1:] == ["1", "2", "0", "0.00", "-4%", "0"]
    assert row(lines, "Borrow at most")[3:] == ["1", "3", "1", "4.25", "-20%", "1"]


def test_where_the_advice_lost_is_plain(tested: Backtest) -> None:
    lines = printed(tested)
    after = lines[lines.index("Where the advice lost") :]
    assert after[1].startswith("At 1 of 2 starts another brought more")
    assert row(after, "2020-04-01*") == ["2020-04-01*", "Hold", "+30.5", "-50%", "-50%", "900", "12.00", "$1.50M"]
    assert not any(line.startswith("2020-01-01") for line in after)
    assert "Less came than the plan's tree expected at 1 of 2 starts; on average -9%" in " ".join(lines)


def test_an_advice_that_never_lost_says_so(tested: Backtest) -> None:
    assert "Nowhere: at none of 1 start did another bring more." in printed(replace(tested, windows=tested.windows[:1]))


def test_nothing_but_reasons_where_there_was_no_plan(tested: Backtest) -> None:
    lines = printed(replace(tested, windows=tested.windows[2:]))
    assert "Where the advice lost" not in lines and "What was promised" not in lines
    assert "1 Jul 2020: No year." in lines


def test_the_document_is_plain_json(tested: Backtest) -> None:
    document = json.loads(json.dumps(backtest_document(tested), allow_nan=False))
    assert document["schema"] == "hashlever/backtest/1"
    assert document["scenario"]["sha256"] == tested.loaded.sha256
    won, lost, none = document["windows"]
    assert (won["start"], won["months"], won["end_btc_price_usd"]) == ("2020-01-01", 12, 15_000)
    assert won["results"][0]["net_btc"] == 510.04
    assert won["results"][3] == {
        **won["results"][3], "strategy": "no_machines", "net_btc": None, "why_not": "the scenario offers no machine",
    }  # fmt: skip
    assert lost["results"][1]["headroom_share"] is None
    assert (none["why_not"], none["results"]) == ("No year.", [])
    against = {row["strategy"]: row for row in document["plan_against"]}
    assert against["hold"] == {
        "strategy": "hold",
        "starts": 2,
        "ahead": 0,
        "behind": 1,
        "mean_btc": -15.25,
        "worst_btc": -30.5,
        "best_btc": 0,
    }
    assert against["no_machines"]["mean_btc"] is None


@pytest.mark.slow
def test_the_folder_is_written_whole_and_replaced(tested: Backtest, tmp_path: Path) -> None:
    out = tmp_path / "deep" / "backtest"
    files = write_backtest(tested, out)
    assert {path.name for path in files} == {path.name for path in out.iterdir()} == BACKTEST.files
    assert {path.name for path in files} == {"backtest.json", "backtest.csv", "backtest.svg", "backtest.png"}
    rows = list(csv.DictReader((out / "backtest.csv").open(encoding="utf-8")))
    assert len(rows) == 15
    assert (rows[2]["start"], rows[2]["strategy"], rows[2]["lost_btc"]) == ("2020-01-01", "borrow_most", "4.25")
    assert write_backtest(tested, out) == files
    (out / "mine.txt").write_text("notes", encoding="utf-8")
    with pytest.raises(OutputError, match=r"mine\.txt"):
        refuse_foreign(out, BACKTEST)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("chart", "begins"), [(lambda t: chart_svg(t).encode(), b"<svg"), (chart_png, b"\x89PNG\r\n\x1a\n")]
)
def test_the_chart_is_made_offline(tested: Backtest, chart: Callable[[Backtest], bytes], begins: bytes) -> None:
    content = chart(tested)
    assert content.startswith(begins)
    if begins == b"<svg":
        for word in (b"Net BTC at the end", b"Liquidations", b"Borrow at most", b"Apr 2020"):
            assert word in content
