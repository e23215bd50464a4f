"""What a cross-check says about a scenario, and the two questions that many checks ask."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from optimizer.scenario.nodes import Place
from optimizer.scenario.schema import Scenario


@dataclass(frozen=True)
class Issue:
    """One finding at a place of the scenario. A ``warning`` is allowed but worth a second look."""

    place: Place
    message: str
    mend: str = ""
    warning: bool = False


Check = Callable[[Scenario], Iterator[Issue]]


def repeated(named: Sequence[tuple[Place, str]], what: str) -> Iterator[Issue]:
    """An issue for each name that stands a second time."""
    seen: set[str] = set()
    for place, name in named:
        if name in seen:
            yield Issue(place, f"the name {name} is taken by another {what}", "give each its own name")
        seen.add(name)


def not_rising(months: Sequence[tuple[Place, int]], horizon_months: int) -> Iterator[Issue]:
    """An issue for the first month that does not come after the one before, and for each past the horizon."""
    for (_, before), (place, month) in pairwise(months):
        if month <= before:
            message = f"month {month} does not come after month {before}"
            yield Issue(place, message, "write months in rising order, each once")
            return
    for place, month in months:
        if month > horizon_months:
            message = f"month {month} lies beyond the horizon of {horizon_months} months"
            yield Issue(place, message, "shorten it, or lengthen horizon_months")
