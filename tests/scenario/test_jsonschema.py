"""The schema that editors use agrees with the loader about keys."""

from __future__ import annotations

from typing import Any

from optimizer.scenario.jsonschema import scenario_json_schema
from optimizer.scenario.merge import LOADER_KEYS
from optimizer.scenario.schema import SCHEMA, Scenario

DOCUMENT = scenario_json_schema()
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


def test_descriptions_come_from_the_docstrings() -> None:
    undescribed = [name for name, part in DEFINITIONS.items() if not part.get("description")]
    assert undescribed == []
