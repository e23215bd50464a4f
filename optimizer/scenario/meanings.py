"""What each field of a scenario means, in the words of its model's docstring, for editors and their readers."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any, get_args

from pydantic import BaseModel

# A full stop, or a semicolon before the next field.
_SENTENCE_ENDS = re.compile(r"(?<=\.)\s+(?=[A-Z`])|(?<=;)\s+(?=``\w+``:)|\n\n")


def models_within(model: type[BaseModel]) -> dict[str, type[BaseModel]]:
    """``model`` and every model that its fields hold, however deep, by name."""
    found: dict[str, type[BaseModel]] = {}
    waiting: list[Any] = [model]
    while waiting:
        kind = waiting.pop()
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            if kind.__name__ not in found:
                found[kind.__name__] = kind
                waiting += [field.annotation for field in kind.model_fields.values()]
        else:
            waiting += get_args(kind)
    return found


def meaning_of(model: type[BaseModel], field: str) -> str:
    """What the docstring of ``model``, or else of the nearest class above it, says of ``field``.

    That is the sentences that begin with the field's name in double backticks, or else all that name it so; empty if
    none does.
    """
    for kind in model.__mro__:
        naming = [sentence for sentence in _sentences(kind) if f"``{field}``" in sentence]
        if naming:
            own = [sentence for sentence in naming if sentence.startswith(f"``{field}``")]
            text = " ".join(own or naming)
            told = text.removeprefix(f"``{field}``: ")
            # A word in backticks is one to type, as it stands.
            told = told if told == text else told[0].upper() + told[1:]
            return told.replace("``", "")
    return ""


def _sentences(kind: type) -> Iterator[str]:
    for sentence in _SENTENCE_ENDS.split(inspect.cleandoc(kind.__doc__ or "")):
        text = " ".join(sentence.split())
        yield text[:-1] + "." if text.endswith(";") else text
