"""What loading returns: the scenario, warnings, the resolved data and a hash that is the same anywhere."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from optimizer.errors import Problem, ScenarioError
from optimizer.scenario.load import LoadedScenario, load_scenario
from optimizer.scenario.schema import Scenario
from tests.builders import minimal_scenario_dict, write_scenario

Load = Callable[..., LoadedScenario]
Data = dict[str, Any]

REPOSITORY = Path(__file__).parents[2]


def with_history(folder: Path, history: str = "date,price_usd\n2024-01-01,42000\n") -> Path:
    data = minimal_scenario_dict()
    data["market"]["price"] = {"process": "bootstrap", "view": "usd_neutral", "csv": "h.csv", "block_days": 9}
    folder.mkdir(exist_ok=True)
    (folder / "h.csv").write_text(history)
    return write_scenario(folder, data)


def test_resolved_data_is_the_scenario(load: Load, data: Data) -> None:
    loaded = load(data)
    assert loaded.path.name == "scenario.yaml"
    assert Scenario.model_validate_json(json.dumps(loaded.resolved)) == loaded.scenario
    assert not {"schema", "catalogue", "extends", "overrides"} & loaded.resolved.keys()
    assert loaded.resolved["facilities"][0]["call_ltv"] == 0.7


def test_the_hash_does_not_depend_on_where_or_how_it_is_written(tmp_path: Path) -> None:
    first = load_scenario(with_history(tmp_path / "a"))
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    text = (tmp_path / "b" / "scenario.yaml").read_text()
    other = text.replace('"cash_usd": 2000000', '"cash_usd": 2.0e6').replace('"name": "minimal"', '"name": minimal')
    assert other != text
    (tmp_path / "b" / "scenario.yaml").write_text(other)
    assert load_scenario(tmp_path / "b" / "scenario.yaml").sha256 == first.sha256


def test_the_hash_depends_on_values_and_on_the_history(tmp_path: Path) -> None:
    path = with_history(tmp_path / "a")
    hashes = [
        load_scenario(path).sha256,
        load_scenario(path, sets=["treasury.cash_usd=1999999"]).sha256,
        load_scenario(with_history(tmp_path / "b", "date,price_usd\n2024-01-01,42001\n")).sha256,
    ]
    assert len(set(hashes)) == 3


def test_a_history_is_found_from_another_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_history(tmp_path / "a")
    monkeypatch.chdir(tmp_path)
    price = load_scenario("a/scenario.yaml").scenario.market.price
    assert price.process == "bootstrap"
    assert os.path.samefile(price.csv, tmp_path / "a" / "h.csv")  # noqa: PTH121
    assert Path(price.csv).is_absolute()


def test_a_history_may_be_set_relative_to_the_scenario(tmp_path: Path) -> None:
    path = with_history(tmp_path / "a")
    (tmp_path / "a" / "other.csv").write_text("date,price_usd\n")
    price = load_scenario(path, sets=["market.price.csv=other.csv"]).scenario.market.price
    assert price.process == "bootstrap"
    assert Path(price.csv) == tmp_path / "a" / "other.csv"


@pytest.mark.parametrize("name", ["nowhere.yaml", ".", "a\0b", "x" * 5000])
def test_a_file_that_cannot_be_read_is_a_scenario_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(ScenarioError):
        load_scenario(tmp_path / name)


def test_many_faults_come_at_once_in_the_order_of_the_file(load: Load, data: Data) -> None:
    data |= {"horizon_months": 0, "nmae": "x", "as_of": "soon"}
    data["market"]["price"]["volatility_pa"] = "high"
    data["treasury"]["cash_usd"] = -5
    data["sites"][0]["uptime_share"] = 97
    data["facilities"][0]["liquidation_ltv"] = 0.6
    with pytest.raises(ScenarioError) as raised:
        load(data)
    found = raised.value.problems
    assert [(Path(p.file).name, p.path) for p in found] == [
        ("loans.yaml", "facilities[0].call_ltv"),
        ("scenario.yaml", "as_of"),
        ("scenario.yaml", "horizon_months"),
        ("scenario.yaml", "market.price.volatility_pa"),
        ("scenario.yaml", "treasury.cash_usd"),
        ("scenario.yaml", "sites[0].uptime_share"),
        ("scenario.yaml", "nmae"),
    ]
    assert [p.line for p in found[1:]] == sorted(p.line for p in found[1:])


def test_a_problem_reads_as_one_would_wish(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_scenario(tmp_path)
    (tmp_path / "mine.yaml").write_text("extends: scenario.yaml\nrisk:\n  weight: 30\n")
    with pytest.raises(ScenarioError) as raised:
        load_scenario("mine.yaml")
    assert str(raised.value) == (
        "mine.yaml:3:3: risk.weight: must be a number from 0 to 1 (found 30)\n    mend: write 0.3 for 30%"
    )


def test_warnings_are_problems_with_a_place(load: Load, data: Data) -> None:
    data["sites"][0]["power_usd_per_mwh"] = 0
    (warning,) = load(data).warnings
    assert isinstance(warning, Problem)
    assert warning.path == "sites[0].power_usd_per_mwh"
    assert warning.found == "0"


@pytest.mark.parametrize("path", sorted((REPOSITORY / "scenarios").glob("**/*.yaml")), ids=lambda p: p.stem)
def test_the_scenarios_that_come_with_the_project_load(path: Path) -> None:
    assert load_scenario(path).scenario.name
