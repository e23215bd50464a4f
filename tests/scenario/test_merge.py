"""extends:, overrides: and --set."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from optimizer.errors import Problem, ScenarioError
from optimizer.scenario.load import LoadedScenario, load_scenario
from optimizer.scenario.merge import merge
from optimizer.scenario.nodes import plain
from optimizer.scenario.source import read_text
from tests.builders import write_scenario

Load = Callable[..., LoadedScenario]
Problems = Callable[..., list[Problem]]
Data = dict[str, Any]


def merged(base: str, change: str) -> object:
    problems: list[Problem] = []
    first, second = read_text(base, "base"), read_text(change, "change")
    assert first and second
    result = plain(merge(first, second, problems))
    assert not problems
    return result


@pytest.mark.parametrize(
    ("base", "change", "result"),
    [
        ("{a: 1, b: {c: 2, d: 3}}", "{b: {d: 4}, e: 5}", {"a": 1, "b": {"c": 2, "d": 4}, "e": 5}),
        ("{a: {b: 1}}", "{a: {}}", {"a": {"b": 1}}),
        ("{a: {b: 1}}", "{a: null}", {"a": None}),
        ("{a: 1}", "{a: {b: 1}}", {"a": {"b": 1}}),
        ("{l: [1, 2]}", "{l: [3]}", {"l": [3]}),
        (
            "{l: [{name: a, x: 1}, {name: b, x: 2}]}",
            "{l: [{name: b, x: 3}, {name: c}]}",
            {"l": [{"name": "a", "x": 1}, {"name": "b", "x": 3}, {"name": "c"}]},
        ),
        ("{l: [{name: a}, {name: b}]}", "{l: [{name: a, remove: true}]}", {"l": [{"name": "b"}]}),
        (
            "{l: [{product: a, x: 1}]}",
            "{l: [{name: a, x: 2}]}",
            {"l": [{"product": "a", "name": "a", "x": 2}]},
        ),
        ("{l: [{name: a}]}", "{l: []}", {"l": [{"name": "a"}]}),
        # Points in time have no name: the list is replaced.
        ("{l: [{month: 1, usd: 2}]}", "{l: [{month: 3, usd: 4}]}", {"l": [{"month": 3, "usd": 4}]}),
        # With a label twice nobody can tell which entry is meant.
        ("{l: [{name: a, x: 1}]}", "{l: [{name: a}, {name: a}]}", {"l": [{"name": "a"}, {"name": "a"}]}),
        (
            "{l: [{model: s, site: t, units: 1}, {model: s, site: u, units: 2}]}",
            "{l: [{model: s, site: u, units: 9}]}",
            {"l": [{"model": "s", "site": "t", "units": 1}, {"model": "s", "site": "u", "units": 9}]},
        ),
        (
            "{price: {process: gbm, view: usd_neutral, volatility_pa: 1}}",
            "{price: {process: cases, cases: []}}",
            {"price": {"process": "cases", "cases": []}},
        ),
    ],
)
def test_merge(base: str, change: str, result: object) -> None:
    assert merged(base, change) == result


def test_a_variant_changes_one_facility_in_a_few_lines(tmp_path: Path, data: Data) -> None:
    data["facilities"].append({"name": "second", "product": "lender_bullet", "limit_usd": 1e6})
    write_scenario(tmp_path, data, "base.yaml")
    (tmp_path / "variant.yaml").write_text(
        "extends: base.yaml\nname: variant\nfacilities:\n"
        "  - {name: line, limit_usd: 4e6}\n  - {name: second, remove: true}\n"
    )
    scenario = load_scenario(tmp_path / "variant.yaml").scenario
    assert scenario.name == "variant"
    assert [(f.name, f.limit_usd, f.call_ltv) for f in scenario.facilities] == [("line", 4e6, 0.7)]


def test_a_chain_of_variants_in_other_folders(tmp_path: Path, data: Data) -> None:
    """Each path is relative to the file where it is written, and the last word wins."""
    (tmp_path / "base").mkdir()
    data["market"]["price"] = {
        "process": "bootstrap",
        "view": "btc_neutral",
        "csv": "history.csv",
        "block_days": 30,
    }
    write_scenario(tmp_path / "base", data)
    (tmp_path / "base" / "history.csv").write_text("date,price_usd\n2024-01-01,1\n")
    (tmp_path / "a.yaml").write_text("extends: base/scenario.yaml\nrisk: {weight: 0.1}\n")
    (tmp_path / "b.yaml").write_text("extends: a.yaml\nrisk: {tail_share: 0.2}\n")
    scenario = load_scenario(tmp_path / "b.yaml").scenario
    assert (scenario.risk.weight, scenario.risk.tail_share) == (0.1, 0.2)
    assert scenario.market.price.process == "bootstrap"
    assert Path(scenario.market.price.csv) == tmp_path / "base" / "history.csv"


def test_a_problem_is_told_where_its_value_was_written(tmp_path: Path, data: Data) -> None:
    data["risk"]["weight"] = 7
    write_scenario(tmp_path, data, "base.yaml")
    (tmp_path / "v.yaml").write_text("extends: base.yaml\nrisk:\n  tail_share: 2\n")
    with pytest.raises(ScenarioError) as raised:
        load_scenario(tmp_path / "v.yaml")
    assert [Path(p.file).name for p in raised.value.problems] == ["base.yaml", "v.yaml"]
    assert raised.value.problems[1].line == 3


def test_a_circle_shows_its_chain(tmp_path: Path) -> None:
    for name, base in (("a", "b"), ("b", "c"), ("c", "b")):
        (tmp_path / f"{name}.yaml").write_text(f"extends: {base}.yaml\n")
    with pytest.raises(ScenarioError, match=r"a\.yaml -> .*b\.yaml -> .*c\.yaml -> .*b\.yaml"):
        load_scenario(tmp_path / "a.yaml")


def test_a_chain_may_not_go_on_forever(tmp_path: Path) -> None:
    for i in range(30):
        (tmp_path / f"v{i}.yaml").write_text(f"extends: v{i + 1}.yaml\n")
    with pytest.raises(ScenarioError, match="too long"):
        load_scenario(tmp_path / "v0.yaml")


def test_overrides_are_laid_over_in_order(load: Load, data: Data) -> None:
    data["overrides"] = {
        "cheap_power": {"sites": [{"name": "texas", "power_usd_per_mwh": 30}]},
        "dear_power": {"sites": [{"name": "texas", "power_usd_per_mwh": 90}], "risk": {"weight": 1}},
    }
    assert load(data).scenario.sites[0].power_usd_per_mwh == 60
    scenario = load(data, overrides=["dear_power", "cheap_power"]).scenario
    assert (scenario.sites[0].power_usd_per_mwh, scenario.risk.weight) == (30, 1)


def test_an_unknown_override_names_the_nearest(problems: Problems, data: Data) -> None:
    data["overrides"] = {"cheap_power": {}}
    (problem,) = problems(data, overrides=["cheap_pwer"])
    assert (problem.file, problem.line) == ("--override cheap_pwer", 0)
    assert problem.mend == "did you mean cheap_power?"


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("treasury.cash_usd=5e6", lambda s: s.treasury.cash_usd == 5e6),
        ("facilities[line].limit_usd=1e6", lambda s: s.facilities[0].limit_usd == 1e6),
        ("facilities[0].limit_usd=1e6", lambda s: s.facilities[0].limit_usd == 1e6),
        # A field that a product supplies, and a section that the file leaves out, are keys as good as any.
        ("facilities[line].call_ltv=0.75", lambda s: s.facilities[0].call_ltv == 0.75),
        ("solver.time_limit_s=60", lambda s: s.solver.time_limit_s == 60),
        ("market.price.volatility_pa=0.6", lambda s: s.market.price.volatility_pa == 0.6),
        ("market.price.view={median_growth_pa: 0.1}", lambda s: s.market.price.view.median_growth_pa == 0.1),
        ("market.price.view.median_growth_pa=0.1", lambda s: s.market.price.view.median_growth_pa == 0.1),
        ("decision_months=[0, 6]", lambda s: s.decision_months == (0, 6)),
        ("machines.candidates[s21].price_usd=1", lambda s: s.machines.candidates[0].price_usd == 1),
        ("machines.specs[s21].power_w=3000", lambda s: s.machines.specs["s21"].power_w == 3000),
        ("machines.owned=[]", lambda s: s.machines.owned == ()),
        ("name='2026'", lambda s: s.name == "2026"),
        ("requirements.max_ltv=", lambda s: s.requirements.max_ltv is None),
        ("catalogue=catalogue", lambda s: s.facilities[0].call_ltv == 0.7),
    ],
)
def test_set(load: Load, data: Data, text: str, read: Callable[[Any], bool]) -> None:
    assert read(load(data, sets=[text]).scenario)


@pytest.mark.parametrize(
    ("text", "fragment"),
    [
        ("treasury.cash=5", "did you mean cash_usd?"),
        ("tresury.cash_usd=5", "did you mean treasury?"),
        ("facilities[lin].limit_usd=5", "did you mean line?"),
        ("facilities[1].limit_usd=5", "has no entry 1"),
        ("facilities.line.limit_usd=5", "name an entry as facilities[NAME]"),
        ("facilities[line].limt_usd=5", "did you mean limit_usd?"),
        ("risk[weight].x=5", "has no key x"),
        ("treasury.cash_usd", "must be path=value"),
        ("=5", "is not a path"),
        ("treasury..cash_usd=5", "is not a path"),
        ("treasury.=5", "is not a path"),
        ("facilities[=5", "is not a path"),
        ("overrides.x=5", "the scenario has no key overrides"),
        ("treasury.cash_usd=.nan", "must be finite"),
        ("treasury.cash_usd=[1", "close the list"),
        ("treasury.cash_usd=!x 1", "tags are not allowed"),
        ("treasury.cash_usd=-5", "must be a number from 0"),
        ("treasury.cash_usd=$5M", "write 5000000"),
    ],
)
def test_set_refuses(problems: Problems, data: Data, text: str, fragment: str) -> None:
    (problem,) = problems(data, sets=[text])
    assert fragment in str(problem)
    assert problem.file == f"--set {text}"
    assert (problem.line, problem.column) == (0, 0)


def test_set_asks_for_a_number_where_labels_repeat(problems: Problems, data: Data) -> None:
    data["sites"].append({**data["sites"][0], "name": "ohio"})
    data["machines"]["owned"].append({**data["machines"]["owned"][0], "site": "ohio"})
    (problem,) = problems(data, sets=["machines.owned[s19].units=5"])
    assert "use a number from 0 to 1" in problem.mend
