"""Shocks: files read strictly, words for lenders, finding them by name, the synthetic grid."""

from __future__ import annotations

from pathlib import Path

import pytest

from optimizer.errors import Problem, ScenarioError
from optimizer.scenario.load import load_scenario
from optimizer.scenario.market_spec import StressPoint
from optimizer.scenario.schema import Scenario
from optimizer.scenario.shocks import LenderFailure, find_shocks, library, read_shocks, synthetic_shocks
from tests.builders import minimal_scenario_dict, write_scenario

GOOD = """\
Flash crash:
  price: [{month: 1, change: -0.4}]
  low: [{month: 1, change: -0.55}]
  machine_price: [{month: 2, change: -0.3}]
  low_below_close_share: 0.1
  frozen_lenders: [all]
  failures: [{lender: largest, month: 2, recovery_share: 0.5, recovered_after_months: 6}]
Late machines:
  name: Late machines of May
  delivery_delay_months: 4
  low_below_close_share: 0.0
"""


@pytest.fixture(scope="module")
def scenario(tmp_path_factory: pytest.TempPathFactory) -> Scenario:
    """The small company, with a stress `crash` of its own and a line of credit from the lender `Lender`."""
    return load_scenario(write_scenario(tmp_path_factory.mktemp("company"), minimal_scenario_dict())).scenario


@pytest.fixture
def write(tmp_path: Path):
    """Writes a file of shocks and returns its path."""

    def written(text: str, name: str = "shocks.yaml") -> Path:
        path = tmp_path / name
        path.write_text(text)
        return path

    return written


def problems(read, *arguments) -> list[Problem]:
    with pytest.raises(ScenarioError) as raised:
        read(*arguments)
    return raised.value.problems


def test_a_file_is_read_in_its_order(write):
    crash, late = read_shocks(write(GOOD))
    assert (crash.name, late.name) == ("Flash crash", "Late machines of May")
    assert crash.low == (StressPoint(month=1, change=-0.55),)
    assert crash.machine_price == (StressPoint(month=2, change=-0.3),)
    failure = LenderFailure(lender="largest", month=2, recovery_share=0.5, recovered_after_months=6)
    assert crash.failures == (failure,) and crash.frozen_lenders == ("all",)
    assert late.delivery_delay_months == 4 and late.from_date is None and late.failures == ()


def test_every_problem_is_told_with_its_line(write):
    text = """\
First:
  price: [{month: 1, change: -50%}]
  hashprise_usd: []
  low_below_close_share: 0.1
Second:
  failures: [{lender: largest, recovery_share: 2, recovered_after_months: 0}]
  low_below_close_share: 0.1
Third: 3
Fourth: {}
"""
    found = {(p.line, p.path): p for p in problems(read_shocks, write(text))}
    assert found[2, "First.price[0].change"].mend == "write -0.5"
    assert found[3, "First.hashprise_usd"].mend == "did you mean hashprice_usd?"
    assert "required" in found[6, "Second.failures[0].month"].message
    assert "from 0 to 1" in found[6, "Second.failures[0].recovery_share"].message
    assert found[8, "Third"].found == "3"
    assert "required" in found[9, "Fourth.low_below_close_share"].message
    assert len(found) == 6


@pytest.mark.parametrize(
    ("fields", "path", "said"),
    [
        ("price: [{month: 2, change: -0.1}, {month: 1, change: 0}]", "X.price[1].month", "does not come after"),
        ("price: [{month: 1, change: -0.5}]\n  low: [{month: 1, change: -0.4}]", "X.low[0].change", "close, -0.5"),
        ("frozen_from_month: 5\n  frozen_until_month: 4", "X.frozen_from_month", "comes after"),
        ("from_date: 2020-01-01\n  to_date: 2020-02-01\n  source: s", "X.as_of", "required of a dated shock"),
        ('from_date: 2020-01-01\n  to_date: 2019-02-01\n  source: s\n  as_of: "2020"', "X.to_date", "must be after"),
        ("failures: [&f {lender: all, month: 1, recovery_share: 0, recovered_after_months: 1}, *f]",
         "X.failures[1].lender", "a second time"),
    ],
)  # fmt: skip
def test_what_no_field_can_say_alone(write, fields, path, said):
    (problem,) = problems(read_shocks, write(f"X:\n  low_below_close_share: 0\n  {fields}\n"))
    assert (problem.path, said in problem.message) == (path, True)
    assert problem.line >= 1 and problem.mend


def test_names_differ_and_a_file_holds_something(write):
    (twice,) = problems(read_shocks, write("A: {low_below_close_share: 0}\nB: {name: A, low_below_close_share: 0}\n"))
    assert "A is taken" in twice.message
    (empty,) = problems(read_shocks, write("{}\n"))
    assert "no shock" in empty.message


def test_lenders_are_those_of_the_scenario(write, scenario):
    text = "A: {low_below_close_share: 0, frozen_lenders: [largest, all, Lender, Lendr]}\n"
    path = write(text)
    assert read_shocks(path)[0].frozen_lenders[-1] == "Lendr"
    (problem,) = problems(find_shocks, str(path), scenario)
    assert (problem.path, problem.mend) == ("A.frozen_lenders[3]", "did you mean Lender?")


def test_a_name_is_found_however_it_is_typed(scenario):
    for asked in ("China ban 2021", "china ban 2021", "china-ban-2021", "CHINA_BAN_2021"):
        assert [shock.name for shock in find_shocks(asked, scenario)] == ["China ban 2021"]


def test_the_scenarios_own_stress_is_a_shock_and_goes_first(scenario):
    (crash,) = find_shocks("Crash", scenario)
    stress = scenario.market.stress[0]
    assert {name: getattr(crash, name) for name in type(stress).model_fields} == dict(stress)
    assert crash.from_date is None and crash.failures == ()
    renamed = stress.model_copy(update={"name": "halving 2024"})
    market = scenario.market.model_copy(update={"stress": (renamed,)})
    (own,) = find_shocks("Halving 2024", scenario.model_copy(update={"market": market}))
    assert own.price == stress.price


def test_all_is_the_library_and_the_scenarios_own(scenario):
    names = [shock.name for shock in find_shocks("all", scenario)]
    assert names == [*(shock.name for shock in library()), "crash"]


def test_a_file_is_found_by_its_ending_or_by_being_there(write, scenario):
    for name in ("mine.yaml", "mine.YML", "mine"):
        assert len(find_shocks(str(write(GOOD, name)), scenario)) == 2


def test_what_is_not_found_is_told_with_the_nearest(scenario):
    (problem,) = problems(find_shocks, "chna ban", scenario)
    assert (problem.file, problem.mend) == ("--stress chna ban", "did you mean China ban 2021?")
    (problem,) = problems(find_shocks, "xyzzy", scenario)
    assert all(name in problem.mend for name in ("March 2020", "crash", "all", "grid"))
    (problem,) = problems(find_shocks, "absent.yaml", scenario)
    assert problem.file == "absent.yaml"


def test_the_grid_is_every_combination_once(scenario):
    shocks = find_shocks("GRID", scenario)
    assert shocks == synthetic_shocks() and len(shocks) == len({shock.name for shock in shocks}) == 72
    (worst,) = (s for s in shocks if s.name == "BTC -50%, hashprice -67%, +3 months, power x1.5, lenders frozen")
    assert worst.price == (StressPoint(month=3, change=-0.5),)
    assert worst.hashprice_usd[0].change == pytest.approx(-2 / 3)
    assert (worst.delivery_delay_months, worst.power_price_factor) == (3, 1.5)
    assert (worst.frozen_lenders, worst.frozen_from_month, worst.frozen_until_month) == (("all",), 1, 12)
    holding = [s.hashprice_usd[0].change for s in shocks if s.name.startswith("BTC -70%, hashprice -45%")]
    assert holding == [pytest.approx(0.3**0.5 - 1)] * 8
    mildest = shocks[0]
    assert mildest.name == "BTC -30%, hashprice -16%" and not mildest.frozen_lenders
    assert mildest.delivery_delay_months == 0 and mildest.power_price_factor == 1
