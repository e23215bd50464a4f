"""What the schema allows at a place of the scenario, in words: known keys, types, ranges and choices.

Everything is read from the models' own JSON Schema, so a message can never disagree with the validation.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from functools import cache
from typing import Any

from pydantic import BaseModel

from optimizer.scenario.nodes import Node, Place

Schema = dict[str, Any]


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word most like ``word``, or None when none is near."""
    candidates = list(known)
    lower = {name.lower(): name for name in candidates}
    found = difflib.get_close_matches(word.lower(), lower, n=1, cutoff=0.6)
    return lower[found[0]] if found else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Advice for an unknown word: the nearest known one, or else all of them."""
    candidates = list(known)
    near = nearest(word, candidates)
    if near is not None:
        return f"did you mean {near}?"
    return f"known: {', '.join(candidates)}" if candidates else "none is known here"


class Shape:
    """The schema of a pydantic model, to be walked along a place in data written for it."""

    def __init__(self, model: type[BaseModel]) -> None:
        self.root: Schema = model.model_json_schema()
        self.definitions: Schema = self.root.get("$defs", {})

    def at(self, place: Place, node: Node | None) -> list[Schema]:
        """The alternatives allowed at ``place``, with references resolved; empty when it is unknown.

        ``node`` is the data at the top: where the alternatives are told apart by a key (a price's
        ``process``), only the one that the data names is followed.
        """
        pieces = self.alternatives(self.root, node)
        for step in place:
            node = _child(node, step)
            pieces = [
                alternative
                for piece in pieces
                for below in _below(piece, step)
                for alternative in self.alternatives(below, node)
            ]
        return pieces

    def alternatives(self, piece: Schema, node: Node | None) -> list[Schema]:
        """``piece`` with references resolved and unions taken apart."""
        if "$ref" in piece:
            return self.alternatives(self.definitions[piece["$ref"].rsplit("/", 1)[1]], node)
        choices = piece.get("anyOf") or piece.get("oneOf")
        if not choices:
            return [piece]
        if (by := piece.get("discriminator")) and node is not None:
            named = node.mapping.get(by["propertyName"])
            if named is not None and str(named.value) in by["mapping"]:
                choices = [{"$ref": by["mapping"][str(named.value)]}]
        return [alternative for choice in choices for alternative in self.alternatives(choice, node)]

    def known_keys(self, place: Place, node: Node | None) -> list[str]:
        """The keys that the mapping at ``place`` may have."""
        return list(dict.fromkeys(key for piece in self.at(place, node) for key in piece.get("properties", {})))

    def allowed(self, place: Place, node: Node | None) -> str:
        """What may stand at ``place``, in words: ``a number from 0 to 1``."""
        pieces = self.at(place, node)
        words = [piece["const"] for piece in pieces if "const" in piece]
        if len(words) > 1:
            return self.describe({"enum": words})
        return " or ".join(dict.fromkeys(map(self.describe, pieces)))

    def describe(self, piece: Schema) -> str:
        """One alternative in words."""
        if "const" in piece or "enum" in piece:
            words = piece.get("enum", [piece.get("const")])
            return words[0] if len(words) == 1 else f"one of {', '.join(words)}"
        match piece.get("type"):
            case "number" | "integer":
                return ("a number" if piece["type"] == "number" else "a whole number") + _range(piece)
            case "boolean":
                return "true or false"
            case "string" if piece.get("format") == "date":
                return "a date such as 2026-10-03"
            case "string":
                longest = piece.get("maxLength")
                return f"text of 1 to {longest} characters" if longest else "text"
            case "array":
                items = " or ".join(map(self.describe, self.alternatives(piece["items"], None)))
                return f"a list{_length(piece)}, each item {items}"
            case "object" if "properties" in piece:
                required = piece.get("required", [])
                return f"a mapping with {', '.join(required)}" if required else "a mapping"
            case "object":
                return "a mapping of names to entries"
            case "null":
                return "null"
        return "something else"


@cache
def shape_of(model: type[BaseModel]) -> Shape:
    """The `Shape` of a model, made once."""
    return Shape(model)


def _child(node: Node | None, step: str | int) -> Node | None:
    if node is None:
        return None
    if isinstance(step, int):
        return node.items[step] if step < len(node.items) else None
    return node.mapping.get(step)


def _below(piece: Schema, step: str | int) -> list[Schema]:
    if isinstance(step, int):
        return [piece["items"]] if "items" in piece else []
    if step in piece.get("properties", {}):
        return [piece["properties"][step]]
    others = piece.get("additionalProperties")
    return [others] if isinstance(others, dict) else []


def _range(piece: Schema) -> str:
    low, high = piece.get("minimum"), piece.get("maximum")
    above, below = piece.get("exclusiveMinimum"), piece.get("exclusiveMaximum")
    if low is not None and high is not None:
        return f" from {_number(low)} to {_number(high)}"
    bounds = [
        f"above {_number(above)}" if above is not None else "",
        f"at least {_number(low)}" if low is not None else "",
        f"below {_number(below)}" if below is not None else "",
        f"at most {_number(high)}" if high is not None else "",
    ]
    return " " + " and ".join(filter(None, bounds)) if any(bounds) else ""


def _number(number: float) -> str:
    return f"{number:,.0f}" if number == int(number) else f"{number:g}"


def _length(piece: Schema) -> str:
    fewest, most = piece.get("minItems"), piece.get("maxItems")
    if fewest is not None and fewest == most:
        return f" of {fewest}"
    if fewest and most:
        return f" of {fewest} to {most}"
    if fewest:
        return f" of at least {fewest}"
    return f" of at most {most}" if most else ""
