"""What was asked: options as typed, read as a scenario file is, every problem at once and under its option."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from optimizer.errors import Problem
from optimizer.scenario.nodes import Mark, Node, plain
from optimizer.scenario.shape import shape_of
from optimizer.scenario.source import read_scalar
from optimizer.scenario.translate import problems_of

Given = Mapping[str, str | list[str]]
Model = TypeVar("Model", bound=BaseModel)


def option(field: str) -> str:
    """The option that gives a field: its name with dashes."""
    return "--" + field.replace("_", "-")


def problem(field: str, message: str, found: str = "", mend: str = "") -> Problem:
    """A problem with what an option says, or with its absence."""
    return Problem(option(field), 0, 0, "", message, found, mend)


def read(model: type[Model], given: Given, problems: list[Problem]) -> Model | None:
    """A ``model`` of those of its fields that are ``given``; what is wrong with them goes to ``problems``.

    None when a value cannot be what it is. With no more than a field missing, all others are there, for the checks that
    need no more.
    """
    mine = {field: _node(field, text) for field, text in given.items() if field in model.model_fields}
    whole = Node(mine, Mark(""))
    try:
        return model.model_validate_json(json.dumps(plain(whole)))
    except ValidationError as error:
        problems += [_of_option(found, model, whole) for found in problems_of(error, whole, model)]
        missing = {str(detail["loc"][0]) for detail in error.errors() if detail["type"] == "missing"}
        if len(missing) < error.error_count():
            return None
        return model.model_construct(**dict(plain(whole).items()))  # type: ignore[attr-defined]


def _node(field: str, text: str | list[str]) -> Node:
    if isinstance(text, list):
        return Node([_node(field, item) for item in text], Mark(option(field)))
    try:
        value = read_scalar(text)
    except ValueError:  # infinite, not a number, or beyond what is read: the range says what is allowed
        value = text
    # An option without a value says nothing, rather than that the value is blank.
    return Node(text if value is None else value, Mark(option(field)))


def _of_option(found: Problem, model: type[BaseModel], whole: Node) -> Problem:
    """``found`` in the terms of the command: options in place of keys."""
    field = found.path.split("[")[0]
    allowed = shape_of(model).allowed((field,), whole).removesuffix(" or null")
    if field not in whole.mapping:
        return problem(field, "is required", mend=f"add {option(field)} with {allowed}")
    message, mend = (text.removesuffix(" or null") for text in (found.message, found.mend))
    return problem(field, message, found.found, mend)
