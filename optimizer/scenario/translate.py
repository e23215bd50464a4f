"""Turning pydantic's errors into problems a planner can mend: one for each mistake, with place and cure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from optimizer.errors import Problem
from optimizer.scenario.nodes import Node, Place, mark_at, node_at, path_text, problem_at, shown
from optimizer.scenario.shape import Shape, did_you_mean, nearest, shape_of
from optimizer.scenario.source import read_scalar

_TRUTH = {"yes": "true", "on": "true", "y": "true", "no": "false", "off": "false", "n": "false"}
_SUFFIXES = {"k": 1e3, "m": 1e6, "b": 1e9}


def problems_of(
    error: ValidationError,
    node: Node,
    model: type[BaseModel],
    prefix: Place = (),
    blank: Mapping[Place, str] | None = None,
    unknown: frozenset[Place] = frozenset(),
    extra_keys: tuple[str, ...] = (),
) -> list[Problem]:
    """One problem for each thing wrong in ``node``, which was validated as ``model``.

    ``prefix`` is put before every path. ``blank`` and ``unknown`` as in `complete.Completed`. ``extra_keys``:
    keys known at the top besides the model's own.
    """
    kinds: dict[Place, str] = {}
    for detail in error.errors(include_url=False, include_context=False, include_input=False):
        place = _written_place(detail["loc"], node, missing=detail["type"] == "missing")
        kinds.setdefault(place, detail["type"])
    shape = shape_of(model)
    found = []
    for place, kind in _without_echoes(kinds, node, shape).items():
        enclosing, key = place[:-1], str(place[-1]) if place else ""
        allowed = shape.allowed(place, node)
        if kind == "missing":
            if enclosing in unknown:
                continue
            source = (blank or {}).get(enclosing)
            message = f"{source} leaves {key} blank: supply it here" if source else "is required"
            mend, value = f"add `{key}:` with {allowed}", ""
        elif kind == "extra_forbidden":
            known = [*shape.known_keys(enclosing, node), *(extra_keys if not enclosing else ())]
            message, mend, value = "there is no such key here", did_you_mean(key, known), ""
        else:
            here = node_at(node, place)
            message, value = f"must be {allowed}", shown(here)
            mend = _mend(here.value if here else None, shape.at(place, node)) or f"write {allowed}"
        found.append(problem_at(mark_at(node, place), path_text((*prefix, *place)), message, value, mend))
    return found


def _written_place(loc: tuple[int | str, ...], node: Node, missing: bool) -> Place:
    """pydantic's location without the names of union branches, which nobody wrote."""
    place: Place = ()
    here: Node | None = node
    for step in loc:
        if here is not None and isinstance(step, int) and step < len(here.items):
            place, here = (*place, step), here.items[step]
        elif here is not None and isinstance(step, str) and step in here.mapping:
            place, here = (*place, step), here.mapping[step]
    return (*place, loc[-1]) if missing else place


def _without_echoes(kinds: dict[Place, str], node: Node, shape: Shape) -> dict[Place, str]:
    """Without errors that only repeat another: a union's branch that was not meant, a list that is too short
    because an item is wrong, and a key that is missing because it was misspelt."""
    kept = {}
    deeper = {place[:length] for place in kinds for length in range(len(place) + 1)}
    for place, kind in kinds.items():
        if kind.startswith("union_tag"):
            process = (*place, "process")
            kept[process] = "missing" if node_at(node, process) is None else "literal_error"
        elif kind in ("literal_error", "too_short") and any(other[:-1] == place for other in deeper):
            continue
        else:
            kept[place] = kind
    misspelt = {
        (*place[:-1], meant)
        for place, kind in kept.items()
        if kind == "extra_forbidden"
        and (meant := nearest(str(place[-1]), shape.known_keys(place[:-1], node))) is not None
    }
    return {place: kind for place, kind in kept.items() if kind != "missing" or place not in misspelt}


def _mend(value: object, alternatives: list[dict[str, Any]]) -> str:
    """How to write what was probably meant; empty when that cannot be guessed."""
    types = {piece.get("type") for piece in alternatives}
    words = [word for piece in alternatives for word in piece.get("enum", [piece.get("const")]) if word]
    if isinstance(value, str) and words:
        return did_you_mean(value, words)
    if "boolean" in types and str(value).lower() in _TRUTH:
        return f"write {_TRUTH[str(value).lower()]}"
    if isinstance(value, str) and types & {"number", "integer"}:
        number = _meant_number(value)
        return "write a plain number" if number is None else f"write {number:.15g}"
    if isinstance(value, int | float) and "string" in types:
        dated = any(piece.get("format") == "date" for piece in alternatives)
        return "write it as YYYY-MM-DD" if dated else f'put it in quotes: "{json.dumps(value)}"'
    if isinstance(value, str) and "string" in types and any(p.get("format") == "date" for p in alternatives):
        return "write it as YYYY-MM-DD"
    if isinstance(value, int | float) and 1 < value <= 100 and _is_share(alternatives):
        return f"write {value / 100:.15g} for {value:.15g}%"
    if "array" in types and not isinstance(value, list):
        return "write a list: [a, b] or lines that begin with `- `"
    return ""


def _is_share(alternatives: list[dict[str, Any]]) -> bool:
    return any(1 in (piece.get("maximum"), piece.get("exclusiveMaximum")) for piece in alternatives)


def _meant_number(text: str) -> float | None:
    """The number that someone meant by ``12%``, ``$1,000``, ``5M`` or a number in quotes."""
    bare = text.strip().lower().lstrip("$").replace(",", "").replace(" ", "")
    factor = 1.0
    if bare.endswith("%"):
        bare, factor = bare[:-1], 0.01
    elif bare and bare[-1] in _SUFFIXES:
        bare, factor = bare[:-1], _SUFFIXES[bare[-1]]
    try:
        number = read_scalar(bare)
    except ValueError:
        return None
    return number * factor if isinstance(number, int | float) and not isinstance(number, bool) else None
