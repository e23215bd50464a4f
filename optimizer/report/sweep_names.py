"""Short names of a sweep's points: paths by as many of their last steps as tell them apart."""

from __future__ import annotations

import json
import re

from optimizer.sweep.asked import NO_OVERRIDE, OVERRIDE, Change, Wanted
from optimizer.sweep.swept import Swept

_STEP = re.compile(r"[^.\[\]]+(?:\[[^\]]*\])*")


def short_paths(swept: Swept) -> dict[str, str]:
    """Every path that a point changes, and its short name."""
    paths = list(dict.fromkeys(change.path for row in swept.rows for change in row.point.wanted.changes))
    return {path: next(tail for tail in _tails(path) if _is_of_one(tail, paths)) for path in paths}


def short_name(wanted: Wanted, paths: dict[str, str]) -> str:
    """A point's name: its own, or what it changes by short paths."""
    if wanted.kind in ("base", "list"):
        return wanted.name
    if wanted.factor is not None:
        return f"{paths[wanted.changes[0].path]} x {wanted.factor:g}"
    return ", ".join(_short(change, paths) for change in wanted.changes)


def _short(change: Change, paths: dict[str, str]) -> str:
    """A change; an override by its name alone."""
    if change.path == OVERRIDE:
        return "no override" if change.value == NO_OVERRIDE else str(change.value)
    return f"{paths[change.path]}={_value(change)}"


def _tails(path: str) -> list[str]:
    """The ends of a path, the shortest first: usd, price[0].usd, ..."""
    starts = [step.start() for step in _STEP.finditer(path)]
    return [*(path[start:] for start in reversed(starts)), path]


def _is_of_one(tail: str, paths: list[str]) -> bool:
    return sum(tail in _tails(path) for path in paths) == 1


def _value(change: Change) -> str:
    return change.value if isinstance(change.value, str) else json.dumps(change.value, ensure_ascii=False)
