"""In what scenarios differ: by key, by name, by content."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from optimizer.compare.inputs import ABSENT, InputDifference, input_differences
from optimizer.scenario.load import load_scenario
from optimizer.scenario.market_spec import Bootstrap
from optimizer.scenario.schema import Scenario
from tests.builders import write_scenario
from tests.compare.conftest import SCENARIOS
from tests.report.conftest import company


def scenario(folder: Path, name: str, change: Any = None) -> Scenario:
    data = company()
    if change:
        change(data)
    (folder / name).mkdir()
    return load_scenario(write_scenario(folder / name, data)).scenario


def differences(folder: Path, change: Any) -> list[InputDifference]:
    return input_differences([scenario(folder, "one"), scenario(folder, "other", change)])


def test_a_scenario_does_not_differ_from_itself(tmp_path: Path) -> None:
    assert differences(tmp_path, None) == []


def test_the_title_is_no_input(tmp_path: Path) -> None:
    assert differences(tmp_path, lambda data: data.update(name="another", description="of another")) == []


def test_a_default_written_out_is_no_difference(tmp_path: Path) -> None:
    assert differences(tmp_path, lambda data: data["treasury"].update(buy_btc=False)) == []


@pytest.mark.parametrize(
    ("change", "path", "values"),
    [
        (lambda d: d["treasury"].update(cash_usd=7e6), "treasury.cash_usd", 7e6),
        (lambda d: d["facilities"][1]["tiers"][1].update(apr=0.2), "facilities[second line].tiers[1].apr", 0.2),
        (lambda d: d["loans"][0].update(apr=0.2), "loans[old loan].apr", 0.2),
        (lambda d: d["machines"]["candidates"][0].update(price_usd=9e3), "machines.candidates[s21].price_usd", 9e3),
        (lambda d: d["sites"][0].update(power_usd_per_mwh=99), "sites[texas].power_usd_per_mwh", 99),
        (lambda d: d.update(decision_months=[0, 1]), "decision_months", [0, 1]),
    ],
)
def test_a_change_is_told_by_its_place(tmp_path: Path, change: Any, path: str, values: Any) -> None:
    [found] = differences(tmp_path, change)
    assert found.path == path
    assert found.values[1] == values
    assert found.values[0] != values
    assert not found.words


def test_an_order_of_named_things_does_not_matter(tmp_path: Path) -> None:
    assert differences(tmp_path, lambda data: data["facilities"].reverse()) == []


def test_catalogue_terms_are_inputs(tmp_path: Path) -> None:
    one, other = scenario(tmp_path, "one"), scenario(tmp_path, "other")
    specs = dict(other.machines.specs)
    specs["s21"] = specs["s21"].model_copy(update={"power_w": 4000.0, "notes": "weighed again"})
    other = other.model_copy(update={"machines": other.machines.model_copy(update={"specs": specs})})
    found = {d.path: d for d in input_differences([one, other])}
    assert found["machines.specs[s21].power_w"].values == (3500.0, 4000.0)
    assert found["machines.specs[s21].notes"].words


def test_what_only_one_has_is_told_whole_and_by_name(tmp_path: Path) -> None:
    [found] = differences(tmp_path, lambda data: data["facilities"].pop(1))
    assert found.path == "facilities[second line]"
    assert found.is_whole
    assert found.values[1] is ABSENT
    assert found.values[0]["limit_usd"] == 2_000_000


def test_of_three_each_has_its_value(tmp_path: Path) -> None:
    each = [
        scenario(tmp_path, name, lambda data, cash=cash: data["treasury"].update(cash_usd=cash))
        for name, cash in (("a", 1e6), ("b", 2e6), ("c", 2e6))
    ]
    [found] = input_differences(each)
    assert found.values == (1e6, 2e6, 2e6)


def test_a_price_history_is_its_content_wherever_it_lies(tmp_path: Path) -> None:
    given = load_scenario(SCENARIOS / "teach_top_up.yaml").scenario

    def with_history(folder: str, price: float) -> Scenario:
        csv = tmp_path / folder / "prices.csv"
        csv.parent.mkdir()
        csv.write_text(f"date,price_usd\n2024-01-01,{price}\n")
        history = Bootstrap(process="bootstrap", csv=str(csv), view="btc_neutral", block_days=30)
        return given.model_copy(update={"market": given.market.model_copy(update={"price": history})})

    one, copy, other = with_history("a", 1.0), with_history("b", 1.0), with_history("c", 2.0)
    assert input_differences([one, copy]) == []
    [found] = input_differences([one, other])
    assert found.path == "market.price.csv"
    assert all(value.startswith("prices.csv (") for value in found.values)
