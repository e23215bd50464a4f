"""What options and files of points are read as."""

from __future__ import annotations

from pathlib import Path

import pytest

from optimizer.errors import Problem
from optimizer.scenario.nodes import Mark, Node
from optimizer.sweep import asked
from optimizer.sweep.asked import Factors, Wanted


def _read(wanted: list[Wanted]) -> list[tuple[str, tuple[str, ...], tuple[str, ...]]]:
    return [(point.name, point.overrides, point.sets) for point in wanted]


def test_a_grid_is_a_product_and_the_last_varies_fastest() -> None:
    problems: list[Problem] = []
    found = asked.grid(["treasury.cash_usd=5e6,1_000", "market.price.view=btc_neutral"], problems)
    assert problems == []
    assert _read(asked.grid(["a=1,2", "b=3,4"], problems)) == [
        ("a=1, b=3", (), ("a=1", "b=3")),
        ("a=1, b=4", (), ("a=1", "b=4")),
        ("a=2, b=3", (), ("a=2", "b=3")),
        ("a=2, b=4", (), ("a=2", "b=4")),
    ]
    assert [point.sets for point in found] == [
        ("treasury.cash_usd=5000000", 'market.price.view="btc_neutral"'),
        ("treasury.cash_usd=1000", 'market.price.view="btc_neutral"'),
    ]


def test_a_value_may_be_a_list_and_one_written_twice_is_one() -> None:
    problems: list[Problem] = []
    found = asked.grid(["decision_months=[0, 3],[0],[0,3]"], problems)
    assert [point.sets for point in found] == [("decision_months=[0, 3]",), ("decision_months=[0]",)]
    assert problems == []


def test_overrides_vary_and_none_is_the_file_itself() -> None:
    found = asked.grid(["override=none,dear", "a=1"], [])
    assert _read(found) == [("override=none, a=1", (), ("a=1",)), ("override=dear, a=1", ("dear",), ("a=1",))]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("risk.weight", "must be PATH=VALUE,VALUE"),
        ("=1,2", "must be PATH=VALUE,VALUE"),
        ("risk.weight=", "there is no value"),
        ("risk.weight=[1", "this is not YAML"),
        ("risk.weight=1,.inf", "must be finite"),
    ],
)
def test_what_is_no_grid_is_said(text: str, said: str) -> None:
    problems: list[Problem] = []
    assert asked.grid([text], problems) == []
    assert f"--vary {text}: " in str(problems[0])
    assert said in str(problems[0])


def test_a_grid_that_is_too_large_is_not_made() -> None:
    problems: list[Problem] = []
    hundred = ",".join(map(str, range(100)))
    assert asked.grid([f"a={hundred}", f"b={hundred}", f"c={hundred}"], problems) == []
    assert str(problems[0]) == "--vary: makes 1,000,000 points\n    mend: at most 2,000"


def test_a_frontier_is_in_rising_order() -> None:
    assert _read(asked.frontier("1,0,0.3,0", [])) == [
        ("risk.weight=0", (), ("risk.weight=0",)),
        ("risk.weight=0.3", (), ("risk.weight=0.3",)),
        ("risk.weight=1", (), ("risk.weight=1",)),
    ]
    problems: list[Problem] = []
    asked.frontier("0,half,true", problems)
    assert [problem.found for problem in problems] == ['"half"', "true"]


def test_a_tornado_multiplies_without_dust_and_keeps_whole_numbers_whole() -> None:
    problems: list[Problem] = []
    [a, b] = asked.tornado(["a.b:1.2,0.8,1", "machines.candidates[x].lead_months:2"], problems)
    assert (a.path, a.factors) == ("a.b", (0.8, 1.2))
    assert [point.sets for point in asked.multiplied(a, _node(0.1), problems)] == [("a.b=0.08",), ("a.b=0.12",)]
    assert [point.sets for point in asked.multiplied(b, _node(3.0), problems)] == [
        ("machines.candidates[x].lead_months=6",)
    ]
    assert problems == []


@pytest.mark.parametrize("value", [0, 0.0, True, None, "usd"])
def test_only_a_number_can_be_multiplied(value: float | bool | str | None) -> None:
    problems: list[Problem] = []
    assert asked.multiplied(Factors("a", (2.0,), Mark("--tornado a:2")), _node(value), problems) == []
    assert "--tornado a:2: a: only a number other than 0 can be multiplied" in str(problems[0])


@pytest.mark.parametrize("text", ["a", "a:", ":2", "a:x"])
def test_what_is_no_tornado_is_said(text: str) -> None:
    problems: list[Problem] = []
    asked.tornado([text], problems)
    assert f"--tornado {text}: " in str(problems[0])


def test_a_file_of_points(tmp_path: Path) -> None:
    file = tmp_path / "points.yaml"
    file.write_text("as it is: {}\ndear: {override: [dear, bear], set: {risk.weight: 0.5}}\none: {override: dear}\n")
    problems: list[Problem] = []
    assert _read(asked.listed(file, problems)) == [
        ("as it is", (), ()),
        ("dear", ("dear", "bear"), ("risk.weight=0.5",)),
        ("one", ("dear",), ()),
    ]
    assert problems == []


def test_every_problem_of_a_file_of_points_is_said_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "points.yaml"
    file.write_text("a: 3\nb:\n  sets: {}\nc:\n  set: [1]\nd:\n  override: [1]\n")
    problems: list[Problem] = []
    asked.listed(file, problems)
    assert [(problem.line, problem.path) for problem in problems] == [
        (1, "a"),
        (3, "b.sets"),
        (5, "c.set"),
        (7, "d.override"),
    ]
    assert problems[1].mend == "did you mean set?"


def _node(value: float | bool | str | None) -> Node:
    return Node(value, Mark(""))
