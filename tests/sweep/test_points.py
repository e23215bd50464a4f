"""Points are completed scenarios; what is wrong with any is said of all, where it was asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from optimizer.errors import Problem, ScenarioError, SweepError
from optimizer.sweep import asked
from optimizer.sweep.points import Making, key_of, points_of
from tests.sweep.sweeps import MAKING, TEACH, points


def test_equal_inputs_have_equal_keys_however_they_were_asked_for() -> None:
    [grid] = points("risk.weight=0.5")
    [frontier] = points_of(TEACH, asked.frontier("0.5", []), (), MAKING)
    [below] = points_of(TEACH, asked.grid(["treasury.cash_usd=0"], []), (), MAKING, sets=["risk.weight=0.5"])
    assert grid.key == frontier.key == below.key
    assert grid.key != points("risk.weight=0.6")[0].key


def test_a_key_knows_how_the_plan_is_made() -> None:
    ways = [MAKING, Making(True, 0), Making(False, 100)]
    assert len({key_of("a", way) for way in ways}) == 3
    assert key_of("a", MAKING) != key_of("b", MAKING)


def test_a_tornado_has_its_base_and_multiplies_what_the_base_has() -> None:
    factors = asked.tornado(["market.btc_price_usd:0.9,1.1"], [])
    found = points_of(TEACH, [], factors, MAKING, sets=["market.btc_price_usd=50_000"])
    assert [(p.wanted.name, p.loaded.scenario.market.btc_price_usd) for p in found] == [
        ("base", 50_000),
        ("market.btc_price_usd x 0.9", 45_000),
        ("market.btc_price_usd x 1.1", 55_000),
    ]


def test_a_tornado_multiplies_a_default_too() -> None:
    factors = asked.tornado(["solver.gap_share:0.5"], [])
    base, half = points_of(TEACH, [], factors, MAKING)
    assert half.loaded.scenario.solver.gap_share == pytest.approx(base.loaded.scenario.solver.gap_share / 2)


def test_every_problem_is_said_at_once_where_it_was_asked_for(tmp_path: Path) -> None:
    file = tmp_path / "points.yaml"
    file.write_text("a:\n  set:\n    risk.wait: 0.5\nb: {override: no_such}\n")
    problems: list[Problem] = []
    wanted = [*asked.grid(["treasury.cash=1,2", "risk"], problems), *asked.listed(file, problems)]
    factors = asked.tornado(["market.btc_prize_usd:0.9"], problems)
    with pytest.raises(ScenarioError) as raised:
        points_of(TEACH, wanted, factors, MAKING, problems=problems)
    said = str(raised.value)
    assert "--vary treasury.cash=1,2: treasury.cash: treasury has no key cash\n    mend: did you mean cash_usd?" in said
    assert said.count("--vary treasury.cash=1,2") == 1
    assert "--vary risk: must be PATH=VALUE,VALUE" in said
    assert f"{file}:3:5: risk.wait: risk has no key wait\n    mend: did you mean weight?" in said
    assert f"{file}:4:5: the scenario has no override of this name" in said
    assert "--tornado market.btc_prize_usd:0.9: market.btc_prize_usd: market has no key btc_prize_usd" in said
    assert "mend: did you mean btc_price_usd?" in said


def test_a_value_out_of_range_is_said_at_its_option() -> None:
    with pytest.raises(ScenarioError, match=r"--vary risk.weight=0,7: risk.weight: .*1.*found 7"):
        points("risk.weight=0,7")


def test_nothing_to_sweep_is_said() -> None:
    with pytest.raises(SweepError, match=r"There is nothing to sweep\. Ask for --vary"):
        points_of(TEACH, [], [], MAKING)
