"""The schema that editors use agrees with the loader about keys."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, ValidationError

import optimizer
from optimizer.scenario.jsonschema import scenario_json_schema
from optimizer.scenario.load import load_scenario
from optimizer.scenario.meanings import meaning_of, models_within
from optimizer.scenario.merge import LOADER_KEYS
from optimizer.scenario.money import ExistingLoan
from optimizer.scenario.nodes import plain
from optimizer.scenario.schema import SCHEMA, Requirements, Scenario
from optimizer.scenario.source import read_file
from optimizer.scenario.sources.catalogue import source_kinds

SCENARIOS = sorted((Path(optimizer.__file__).parents[1] / "scenarios").glob("*.yaml"))
DOCUMENT = scenario_json_schema()
VALIDATOR = Draft202012Validator(DOCUMENT)
DEFINITIONS: dict[str, Any] = DOCUMENT["$defs"]


def test_a_whole_file_has_the_scenario_s_keys_and_the_loader_s() -> None:
    whole = DEFINITIONS["Whole"]
    assert whole["properties"].keys() == Scenario.model_fields.keys() | set(LOADER_KEYS)
    assert whole["additionalProperties"] is False
    required = {name for name, field in Scenario.model_fields.items() if field.is_required()}
    assert set(whole["required"]) == required | {"schema"}
    assert whole["properties"]["schema"]["const"] == SCHEMA


def test_what_the_catalogue_supplies_is_not_required() -> None:
    assert DEFINITIONS["Facility"]["required"] == []
    assert DEFINITIONS["Site"]["required"] == ["power_mw"]
    assert set(DEFINITIONS["ExistingLoan"]["required"]) == {
        "balance_usd",
        "pledged_btc",
        "apr",
        "matures_month",
    }


def test_parts_require_nothing_and_may_remove_entries() -> None:
    parts = {name: part for name, part in DEFINITIONS.items() if name.startswith("PartOf")}
    assert len(parts) > 20
    assert not any("required" in part for part in parts.values())
    assert "remove" in parts["PartOfFacility"]["properties"]
    assert "remove" not in DEFINITIONS["Facility"]["properties"]
    assert "remove" not in DEFINITIONS["Variant"]["properties"]


def test_every_reference_leads_somewhere() -> None:
    def references(piece: Any) -> set[str]:
        if isinstance(piece, dict):
            own = {piece["$ref"]} if "$ref" in piece else set()
            return own.union(*map(references, piece.values()))
        return set().union(*map(references, piece)) if isinstance(piece, list) else set()

    found = references(DOCUMENT)
    assert {reference.removeprefix("#/$defs/") for reference in found} <= DEFINITIONS.keys()
    assert "#/$defs/PartOfScenario" in found


def test_every_definition_and_every_field_has_a_description() -> None:
    undescribed = [name for name, part in DEFINITIONS.items() if not part.get("description")]
    undescribed += [
        f"{name}.{field}"
        for name, part in DEFINITIONS.items()
        for field, piece in part["properties"].items()
        if len(piece.get("description", "")) < 10
    ]
    assert undescribed == []


def test_a_field_s_description_is_what_the_docstrings_say_of_it() -> None:
    least = DEFINITIONS["Requirements"]["properties"]["min_btc"]
    assert least["description"] == meaning_of(Requirements, "min_btc") == "Least BTC, pledged included."
    # Said by the class above, but for what its own docstring says.
    assert meaning_of(ExistingLoan, "call_ltv") == "LTV at which the lender calls for more collateral."
    assert meaning_of(ExistingLoan, "term_months") == "term_months is its original term."
    # Values to type stay as they are typed.
    assert meaning_of(ExistingLoan, "interest").startswith("monthly is paid in cash each month; at_maturity accrues")
    assert meaning_of(Requirements, "no_such_field") == ""
    assert models_within(Scenario).keys() >= {kind.__name__ for kind in source_kinds().values()} | {"Taxes", "Tier"}


def _file(name: str) -> dict[str, Any]:
    """A shipped scenario as it is written."""
    [path] = [path for path in SCENARIOS if path.stem == name]
    data = plain(read_file(path))
    assert isinstance(data, dict)
    return copy.deepcopy(data)


def test_a_whole_file_may_leave_what_a_source_is_to_its_product(tmp_path: Path) -> None:
    whole = _file("fleet_refresh") | {"catalogue": str(SCENARIOS[0].parents[1] / "models")}
    whole["sources"] = _file("full_menu")["sources"]
    named = next(source for source in whole["sources"] if "product" in source and "kind" not in source)
    file = tmp_path / "whole.yaml"
    file.write_text(json.dumps(whole), encoding="utf-8")
    load_scenario(file)
    assert [error.message for error in VALIDATOR.iter_errors(whole)] == []
    for change in ({"product": None}, {"kind": "no_such"}, {"no_such_key": 1}, {"limit_usd": "much"}):
        with pytest.raises(ValidationError):
            VALIDATOR.validate(whole | {"sources": [named | change]})
    del named["product"]
    assert not VALIDATOR.is_valid(whole)


@pytest.mark.parametrize("name", [path.stem for path in SCENARIOS])
def test_every_shipped_scenario_passes(name: str) -> None:
    assert [error.message for error in VALIDATOR.iter_errors(_file(name))] == []


def test_the_shipped_scenarios_have_every_kind_of_source_and_taxes() -> None:
    kinds = {source.get("kind") for path in SCENARIOS for source in _file(path.stem).get("sources", [])}
    assert kinds >= source_kinds().keys()
    assert any("taxes" in _file(path.stem) for path in SCENARIOS)


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("fleet_refresh", ()),
        ("fleet_refresh", ("market",)),
        ("fleet_refresh", ("market", "price")),
        ("fleet_refresh", ("sites", 0)),
        ("fleet_refresh", ("facilities", 0)),
        ("fleet_refresh", ("requirements", "calls")),
        ("power_dear", ()),
        ("power_dear", ("sites", 0)),
        ("full_menu", ("sources", 0)),
        ("teach_note", ("sources", 0)),
        ("teach_taxes", ("taxes",)),
    ],
)
def test_an_unknown_key_is_refused_wherever_it_stands(name: str, place: tuple[str | int, ...]) -> None:
    data = _file(name)
    here: Any = data
    for step in place:
        here = here[step]
    here["no_such_key"] = 1
    assert not VALIDATOR.is_valid(data)
