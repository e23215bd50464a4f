"""The JSON Schema of a scenario *file*, for editors: the schema of `Scenario` and what the loader adds to it.

A file by itself must be whole, but for what products, presets and the catalogue's models supply. A file that
``extends:`` another, and a block of ``overrides:``, may hold any part of a scenario.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from optimizer.scenario.catalogue import AsicModel, LoanProduct, SitePreset
from optimizer.scenario.meanings import meaning_of, models_within
from optimizer.scenario.schema import SCHEMA, Scenario
from optimizer.scenario.sources.catalogue import source_kinds

# Models whose fields an entry of the catalogue can supply: these are not required in the file.
_SUPPLIED: dict[str, type[BaseModel]] = {
    "Facility": LoanProduct,
    "ExistingLoan": LoanProduct,
    "Site": SitePreset,
    "AsicModel": AsicModel,
}
_CATALOGUE = {
    "type": "string",
    "description": "Folder of asics.yaml, loans.yaml, sites.yaml and, if it is there, sources.yaml, from this file.",
}
_LOADER_KEYS = {
    "schema": {"const": SCHEMA, "description": "What this file is, and in which version."},
    "extends": {"type": "string", "description": "A scenario file, from this one, that this one changes."},
    "overrides": {
        "type": "object",
        "description": "Named changes, chosen with --override NAME.",
        "additionalProperties": {"$ref": "#/$defs/PartOfScenario"},
    },
    "catalogue": _CATALOGUE,
}


def scenario_json_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of a scenario file; descriptions are the models' docstrings."""
    root = _with_meanings(Scenario.model_json_schema(), Scenario)
    models = models_within(Scenario)
    definitions = {name: _with_meanings(piece, models[name]) for name, piece in root.pop("$defs").items()}
    parts = {f"PartOf{name}": _part(definition) for name, definition in definitions.items()}
    for name, source in _SUPPLIED.items():
        supplied = {"name", *source.model_fields}
        required = [key for key in definitions[name].get("required", []) if key not in supplied]
        definitions[name] = {**definitions[name], "required": required}
    for kind in source_kinds().values():
        definitions[kind.__name__] = _or_by_product(definitions[kind.__name__])
    part = _part(root)
    del part["properties"]["remove"]
    # A source that leaves its kind to its product may fit several kinds, in a part or in a whole file.
    root["properties"]["sources"]["items"] = {"anyOf": root["properties"]["sources"]["items"]["oneOf"]}
    catalogue = {"catalogue": _CATALOGUE}
    definitions |= parts
    definitions["PartOfScenario"] = {**part, "properties": {**catalogue, **part["properties"]}}
    definitions["Variant"] = {**part, "properties": {**_LOADER_KEYS, **part["properties"]}}
    definitions["Whole"] = {
        **root,
        "properties": {**_LOADER_KEYS, **root["properties"]},
        "required": ["schema", *root["required"]],
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "hashlever scenario file",
        "if": {"required": ["extends"]},
        "then": {"$ref": "#/$defs/Variant"},
        "else": {"$ref": "#/$defs/Whole"},
        "$defs": definitions,
    }


def _with_meanings(definition: dict[str, Any], model: type[BaseModel]) -> dict[str, Any]:
    """The definition of ``model`` with what its docstring says of each field."""
    fields: dict[str, Any] = definition["properties"]
    told = {field: {**piece, "description": meaning_of(model, field)} for field, piece in fields.items()}
    return {**definition, "properties": told}


def _or_by_product(source: dict[str, Any]) -> dict[str, Any]:
    """The schema of a kind of source that is whole by itself, or names a product, which can supply everything else."""
    whole = {"required": source["required"]}
    by_product = {"required": ["product"], "properties": {"product": {"type": "string"}}}
    return {**{key: value for key, value in source.items() if key != "required"}, "anyOf": [whole, by_product]}


def _part(piece: Any) -> Any:
    """The schema of a part of what ``piece`` describes: nothing is required, and an entry may be removed."""
    if isinstance(piece, list):
        return [_part(item) for item in piece]
    if not isinstance(piece, dict):
        return piece
    part = {key: _part(value) for key, value in piece.items() if key not in ("required", "discriminator")}
    if "$ref" in part:
        part["$ref"] = part["$ref"].replace("#/$defs/", "#/$defs/PartOf")
    if "oneOf" in part:  # a part may fit several
        part["anyOf"] = part.pop("oneOf")
    if isinstance(properties := part.get("properties"), dict) and {"name", "model"} & properties.keys():
        properties["remove"] = {"const": True, "description": "Drop this entry of the list."}
    return part
