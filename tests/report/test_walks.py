"""Walking away, as it is written and said: tables, plan.json, terminal, and the saved plan read back and replayed."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from optimizer.errors import AuditError
from optimizer.planning import Plan, plan
from optimizer.replay.replayed import on_history, on_monte_carlo, on_stress
from optimizer.replay.saved import read_plan
from optimizer.report.plan_json import plan_document
from optimizer.report.terminal_plan import then
from optimizer.report.terminal_replay import print_replay
from optimizer.report.walks import walks_of
from optimizer.report.write import write_plan

from .conftest import SCENARIOS, printed

MACHINE = "antminer_s21_plus_216t"


@pytest.fixture(scope="module")
def walked() -> Plan:
    """A hundred machines given back in month 6 of one case: the arithmetic is in scenarios/README.md."""
    return plan(SCENARIOS / "teach_walk_away.yaml", compare=False)


def test_it_is_said_with_dollars_machines_and_lender(walked: Plan) -> None:
    said = "Apr 2027, fall: walk away from $42k of equipment; 100 machines of Antminer S21+ 216T go to made up."
    assert walks_of(walked, dict(walked.tables)) == [said]
    assert said in then(walked, dict(walked.tables))


def test_branches_without_a_name_are_told_together(walked: Plan) -> None:
    """Two branches, one three times as likely as the other: means, and the chance of both."""
    uses, gone = walked.tables["uses"], walked.tables["retirements"]
    left = uses[uses["what"].str.startswith("walk")].assign(branch="")
    other = left.assign(node=left["node"] + 1, amount=left["amount"] / 2, probability=0.6)
    others = gone.assign(node=gone["node"] + 1, units=60.0)
    tables = {"uses": pd.concat([left, other]), "retirements": pd.concat([gone, others])}
    owed = (0.2 * 41_785.66 + 0.6 * 41_785.66 / 2) / 0.8
    assert walks_of(walked, tables) == [
        f"Apr 2027, on branches of 80% chance: walk away from ${owed / 1e3:.0f}k of equipment; "
        "70 machines of Antminer S21+ 216T go to made up (means)."
    ]


def test_machines_that_go_to_a_lender_are_not_unplugged_and_resold(walked: Plan) -> None:
    [row] = plan_document(walked)["nodes"][18]["retirements"]
    assert (row["model"], row["seized_by"], row["resale_usd"]) == (MACHINE, "equipment", 0)
    assert row["units"] == pytest.approx(100)
    table = printed(lambda console: [console.print(line) for line in then(walked, dict(walked.tables))])
    [line] = [line for line in table.splitlines() if line.startswith("Apr 2027, fall  ")]
    assert " 100 " not in line


def test_the_saved_plan_is_read_back_as_it_was(walked: Plan, tmp_path: Path) -> None:
    write_plan(walked, tmp_path / "plan")
    saved = read_plan(tmp_path / "plan")
    [gone] = saved.decisions.retirements
    assert (gone.seized_by, gone.month) == ("equipment", 6)
    assert saved.books.net_btc == pytest.approx(walked.books.net_btc)
    # Who hands the machines to somebody else in the file is found out.
    document = json.loads((tmp_path / "plan" / "plan.json").read_text())
    for other in (None, "nobody"):
        document["nodes"][18]["retirements"][0]["seized_by"] = other
        (tmp_path / "changed.json").write_text(json.dumps(document))
        with pytest.raises(AuditError):
            read_plan(tmp_path / "changed.json")


def test_a_replay_says_where_lenders_take_machines(walked: Plan, tmp_path: Path) -> None:
    """In a year of a price and hashprice that fall to a quarter the payments cannot be made."""
    write_plan(walked, tmp_path / "plan")
    csv = tmp_path / "fall.csv"
    days = pd.date_range("2021-11-01", periods=400)
    rows = [
        f"{day:%Y-%m-%d},{60_000 * 0.25 ** (k / 365):.2f},{300 * 0.25 ** (k / 365):.4f}" for k, day in enumerate(days)
    ]
    csv.write_text("date,price_usd,hashprice_usd_per_ph_day\n" + "\n".join(rows))
    lived = on_history(read_plan(tmp_path / "plan"), csv, days[32].date())
    assert lived.outcome.seized_units.sum() == pytest.approx(100)
    assert lived.fates.machines_seized.tolist() == [True]


def test_shocks_say_where_lenders_take_machines(tmp_path: Path) -> None:
    """With overhead to pay the company lives through few of them."""
    dear = plan(SCENARIOS / "teach_walk_away.yaml", sets=("treasury.overhead_usd_per_month=5000",), compare=False)
    write_plan(dear, tmp_path / "plan")
    shocked = on_stress(read_plan(tmp_path / "plan"), "all")
    taken = shocked.outcome.seized_units.sum(axis=1) > 0.5
    assert taken.any()
    assert not taken.all()
    said = " ".join(printed(lambda console: print_replay(shocked, console)).split())
    assert f"Lenders take machines in {taken.sum()}: " in said
    [listed] = [part for part in said.split("Lenders take machines in ") if part[0].isdigit()]
    assert all((name in listed) == bool(lost) for name, lost in zip(shocked.names, taken, strict=True))


def test_a_sample_says_how_often_lenders_take_machines(tmp_path: Path) -> None:
    """The same question with a price that nobody knows."""
    drawn = plan(
        SCENARIOS / "teach_walk_away.yaml",
        sets=(
            "market.price={process: gbm, view: {median_growth_pa: 0.0}, volatility_pa: 0.9}",
            "market.tree.branching=[{month: 1, children: 4}]",
            "market.fan.paths=200",
        ),
        compare=False,
        monte_carlo=0,
    )
    write_plan(drawn, tmp_path / "plan")
    sample = on_monte_carlo(read_plan(tmp_path / "plan"), 200)
    assert sample.summary is not None
    chance = sample.summary.chances["p_machines_seized"]
    assert chance.share == pytest.approx((sample.outcome.seized_units.sum(axis=1) > 0.5).mean())
    assert 0 < chance.share < 1
    assert "Lenders take machines on" in printed(lambda console: print_replay(sample, console))
    assert any("on branches of" in line for line in walks_of(drawn, dict(drawn.tables)))
