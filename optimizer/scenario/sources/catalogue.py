"""Sources of money in the catalogue: terms of a kind, of which an entry states what its source does."""

from __future__ import annotations

from functools import cache
from typing import Annotated, Any, get_args

from pydantic import Field, create_model

from optimizer.scenario.sources import Source
from optimizer.scenario.sources.terms import SourceTerms


@cache
def source_kinds() -> dict[str, type[SourceTerms]]:
    """The schema of every kind of source, by the word that names it in ``kind``."""
    union = get_args(Source)[0]
    return {get_args(model.model_fields["kind"].annotation)[0]: model for model in get_args(union)}


@cache
def blank_allowed(model: type[SourceTerms]) -> Any:
    """The same schema with every field but ``kind``, ``as_of`` and ``source`` optional."""
    required = ("kind", "as_of", "source")
    fields: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        of: Any = Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation
        fields[name] = (of, ...) if name in required else (of | None, None)
    fields["as_of"], fields["source"] = (str, Field(min_length=4)), (str, Field(min_length=10))
    return create_model(f"{model.__name__}Entry", __config__=model.model_config, **fields)
