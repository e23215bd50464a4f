"""In what two or more completed scenarios differ: key by key, things that have a name by their name."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from optimizer.scenario.market_spec import Bootstrap
from optimizer.scenario.schema import Scenario


class Absent(Enum):
    """The value of a key that a scenario does not have."""

    ABSENT = "absent"


ABSENT = Absent.ABSENT

# What the items of a list are known by, the first that all of them have.
IDENTITIES = (("name",), ("model", "site", "arrives_month"), ("model", "site"), ("model",))
# Keys that say where a figure comes from, not what it is.
WORDS = frozenset(
    [
        *("as_of", "source", "notes", "description", "preset", "product"),
        *("quote_as_of", "quote_source", "price_as_of", "price_source"),
    ]
)
# Said elsewhere of each plan.
TITLES = ("name", "description")


@dataclass(frozen=True)
class InputDifference:
    """A place in the completed scenario, as in ``facilities[ledn].apr``, and its value in each plan, in plain data;
    `ABSENT` where a plan does not have it. ``words``: it says where a figure comes from and changes no plan."""

    path: str
    values: tuple[Any, ...]
    words: bool

    @property
    def is_whole(self) -> bool:
        """Whether something with a name, a lender or a machine, is there in some plans and not in others."""
        return ABSENT in self.values and all(v is ABSENT or isinstance(v, dict) for v in self.values)


def input_differences(scenarios: Sequence[Scenario]) -> list[InputDifference]:
    """Every difference, in the order of the scenario file; names and descriptions of the scenarios aside."""
    written = [_written(scenario) for scenario in scenarios]
    return list(_differences("", [{k: v for k, v in each.items() if k not in TITLES} for each in written]))


def _written(scenario: Scenario) -> dict[str, Any]:
    """The scenario with every default filled in, and a price history's content in place of where it lies."""
    written = scenario.model_dump(mode="json")
    price = scenario.market.price
    if isinstance(price, Bootstrap):
        content = hashlib.sha256(Path(price.csv).read_bytes()).hexdigest()
        written["market"]["price"]["csv"] = f"{Path(price.csv).name} ({content[:12]})"
    return written


def _differences(path: str, values: Sequence[Any]) -> Iterator[InputDifference]:
    if all(value == values[0] for value in values):
        return
    if all(isinstance(value, dict) for value in values):
        yield from _by_key(path, values)
    elif all(isinstance(value, list) for value in values) and (named := _by_name(values)):
        for name in dict.fromkeys(name for items in named for name in items):
            yield from _differences(f"{path}[{name}]", [items.get(name, ABSENT) for items in named])
    elif all(isinstance(value, list) and len(value) == len(values[0]) for value in values) and _of_mappings(values):
        for k in range(len(values[0])):
            yield from _differences(f"{path}[{k}]", [value[k] for value in values])
    else:
        yield InputDifference(path, tuple(values), path.rpartition(".")[2] in WORDS and "." in path)


def _by_key(path: str, values: Sequence[dict[str, Any]]) -> Iterator[InputDifference]:
    for key in dict.fromkeys(key for value in values for key in value):
        found = [value.get(key, ABSENT) for value in values]
        if path == "machines.specs":
            # A model's data are there because something names the model: that says already who has it.
            if ABSENT not in found:
                yield from _differences(f"{path}[{key}]", found)
            continue
        yield from _differences(f"{path}.{key}" if path else key, found)


def _of_mappings(values: Sequence[list[Any]]) -> bool:
    return all(isinstance(item, dict) for items in values for item in items)


def _by_name(values: Sequence[list[Any]]) -> list[dict[str, Any]]:
    """The items of each list by what they are known by; nothing where they are not known by anything, or two are
    known by the same."""
    if not _of_mappings(values):
        return []
    for keys in IDENTITIES:
        if all(item.get(key) is not None for items in values for item in items for key in keys):
            named = [{", ".join(str(item[key]) for key in keys): item for item in items} for items in values]
            if all(len(found) == len(items) for found, items in zip(named, values, strict=True)):
                return named
    return []
